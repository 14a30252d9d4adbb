#!/usr/bin/env bash
# A batch by GNU parallel: one shard a job, on this machine or on several over ssh.
set -euo pipefail

usage() {
    cat <<'TEXT'
Usage: gnu_parallel.sh [OPTIONS] RUN [-- PARALLEL-OPTIONS...]

Does the tiles of RUN (made by `geovision batch plan`) as shards, then merges them. Run it again after any end:
it does what is left. With more than one machine the folder RUN must be on a file system that all share.

Options:
  --shards N     parts of the run (default: 4 for each job at once)
  --jobs N       jobs at once on each machine (default: its cores)
  --hosts A,B    do it on these machines over ssh; ":" stands for this one
  --no-merge     do not merge at the end
  -h, --help     this text

Examples:
  gnu_parallel.sh run
  gnu_parallel.sh --jobs 16 --hosts :,node1,node2 /shared/run
  gnu_parallel.sh run -- --memfree 2G --load 80%

Exit code: that of geovision: 0 all tiles done, 1 some failed, 2 usage, 3 environment, 75 stopped.
TEXT
}

fail() { printf 'error: %s\n' "$2" >&2; exit "$1"; }

shards='' jobs='' hosts='' merge=1 run=''
while [ $# -gt 0 ]; do
    case $1 in
    -h | --help) usage; exit 0 ;;
    --shards | --jobs | --hosts)
        [ $# -ge 2 ] || fail 2 "$1 needs a value"
        case $1 in
        --shards) shards=$2 ;;
        --jobs) jobs=$2 ;;
        --hosts) hosts=$2 ;;
        esac
        shift 2
        ;;
    --no-merge) merge=0; shift ;;
    --) shift; break ;;
    -*) fail 2 "unknown option $1; see --help" ;;
    *)
        [ -z "$run" ] || fail 2 "one RUN, not $run and $1"
        run=$1
        shift
        ;;
    esac
done
[ -n "$run" ] || fail 2 "which RUN? See --help"
shards=${shards:-$((4 * ${jobs:-$(nproc)}))}
for number in "$shards" "${jobs:-1}"; do
    [[ $number =~ ^[1-9][0-9]*$ ]] || fail 2 "$number is no number above 0"
done
[ -f "$run/plan.json" ] || fail 2 "$run has no plan.json: make it with geovision batch plan"
run=$(cd "$run" && pwd)
command -v parallel >/dev/null || fail 3 "no parallel on PATH: install GNU parallel (apt-get install parallel)"

options=(--will-cite --line-buffer --joblog "$run/logs/parallel.log" --termseq "TERM,60000,KILL,1000")
[ -z "$jobs" ] || options+=(--jobs "$jobs")
[ -z "$hosts" ] || options+=(--sshlogin "$hosts")
mkdir -p "$run/logs"
rm -f "$run/logs/parallel.log"

# A shard with failed tiles ends with 1, and the others go on: that is told at the end.
seq "$shards" | parallel "${options[@]}" "$@" \
    "geovision batch run $(printf %q "$run") --shard {}/$shards --workers 1 --quiet" || true

# Columns of the log: the 7th is the exit code. The worst of all jobs is ours, a killed one counts as stopped.
code=$(awk -v jobs="$shards" '
    NR > 1 { n += 1; seen[$8 != 0 ? 75 : $7] = 1 }
    END {
        split("2 3 75 1", worst, " ")
        for (i = 1; i <= 4; i++) if (worst[i] in seen) { print worst[i]; exit }
        for (one in seen) if (one != 0) { print 3; exit }
        print (n == jobs) ? 0 : 75
    }' "$run/logs/parallel.log")
if [ "$code" != 0 ]; then
    printf 'not all tiles are done (code %s): geovision batch status %q\n' "$code" "$run" >&2
    exit "$code"
fi
[ "$merge" = 0 ] || exec geovision batch merge "$run"
