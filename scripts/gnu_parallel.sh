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

shards='' jobs='' hosts='' no_merge=0
# shellcheck source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
parse_options "--shards --jobs --hosts" "--no-merge" "$@"
shards=${shards:-$((4 * ${jobs:-$(nproc)}))}
counts "$shards" "${jobs:-1}"
planned_run
command -v parallel >/dev/null || fail 3 "no parallel on PATH: install GNU parallel (apt-get install parallel)"

options=(--will-cite --line-buffer --joblog "$run/logs/parallel.log" --termseq "TERM,60000,KILL,1000")
[ -z "$jobs" ] || options+=(--jobs "$jobs")
[ -z "$hosts" ] || options+=(--sshlogin "$hosts")
mkdir -p "$run/logs"
rm -f "$run/logs/parallel.log"

# A shard with failed tiles ends with 1, and the others go on: that is told at the end.
seq "$shards" | parallel "${options[@]}" "${extra[@]}" \
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
[ "$no_merge" = 1 ] || exec geovision batch merge "$run"
