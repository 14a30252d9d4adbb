#!/usr/bin/env bash
# A batch as a Slurm job array: one shard a task, resumed when time runs out, merged when all are done.
set -euo pipefail

usage() {
    cat <<'TEXT'
Usage: slurm_array.sh [OPTIONS] RUN [-- SBATCH-OPTIONS...]

Submits the tiles of RUN (made by `geovision batch plan`) as a job array, and a job that merges them when every
task has ended well. Prints the two job numbers. The folder RUN must be on a file system that all nodes share.

A task that Slurm stops (time limit, preemption) is told two minutes before, ends its tiles in order and queues
itself again; submitting the same RUN a second time does what is left.

Options:
  --shards N       tasks of the array (default 64)
  --at-once N      tasks that run at the same time at most (default: all)
  --cpus N         cores, and worker processes, of a task (default 4)
  --mem-per-cpu M  memory a core, as Slurm writes it (default 2G)
  --time T         time limit of a task, as Slurm writes it (default 04:00:00)
  --no-merge       submit no merging job
  --dry-run        print the commands and submit nothing
  -h, --help       this text

Examples:
  slurm_array.sh --shards 200 --cpus 8 /scratch/me/run
  slurm_array.sh --time 12:00:00 /scratch/me/run -- --partition=cpu --account=gis

Exit code: 0 submitted, 2 usage, 3 no Slurm here or it refused.
TEXT
}

fail() { printf 'error: %s\n' "$2" >&2; exit "$1"; }

# What a task of the array runs: Slurm's warning is handed on, and a stopped shard (75) queues itself again.
task() {
    local run=$1 shards=$2 cpus=$3 code=0 child
    geovision batch run "$run" --shard "$SLURM_ARRAY_TASK_ID/$shards" --workers "$cpus" --quiet &
    child=$!
    trap 'kill -TERM "$child" 2>/dev/null || true' TERM INT
    wait "$child" || code=$?
    # The first wait ends with the signal; the second has the command's own code.
    if kill -0 "$child" 2>/dev/null || [ "$code" -gt 128 ]; then
        code=0
        wait "$child" || code=$?
    fi
    if [ "$code" = 75 ]; then
        scontrol requeue "${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}"
    fi
    exit "$code"
}

if [ "${1:-}" = --task ]; then
    shift
    task "$@"
fi

shards=64 at_once='' cpus=4 memory=2G limit=04:00:00 merge=1 dry=0 run=''
while [ $# -gt 0 ]; do
    case $1 in
    -h | --help) usage; exit 0 ;;
    --shards | --at-once | --cpus | --mem-per-cpu | --time)
        [ $# -ge 2 ] || fail 2 "$1 needs a value"
        case $1 in
        --shards) shards=$2 ;;
        --at-once) at_once=%$2 ;;
        --cpus) cpus=$2 ;;
        --mem-per-cpu) memory=$2 ;;
        --time) limit=$2 ;;
        esac
        shift 2
        ;;
    --no-merge) merge=0; shift ;;
    --dry-run) dry=1; shift ;;
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
for number in "$shards" "$cpus" "${at_once:-%1}"; do
    [[ ${number#%} =~ ^[1-9][0-9]*$ ]] || fail 2 "${number#%} is no number above 0"
done
[ -f "$run/plan.json" ] || fail 2 "$run has no plan.json: make it with geovision batch plan"
run=$(cd "$run" && pwd)
[ "$dry" = 1 ] || command -v sbatch >/dev/null || fail 3 "no sbatch on PATH: this is no Slurm machine"

submit() {
    if [ "$dry" = 1 ]; then
        printf '%q ' sbatch "$@"
        printf '\n'
    else
        sbatch --parsable "$@" || fail 3 "sbatch refused"
    fi
}

mkdir -p "$run/logs"
array=$(submit --array="1-$shards$at_once" --job-name=geovision --cpus-per-task="$cpus" \
    --mem-per-cpu="$memory" --time="$limit" --requeue --open-mode=append --signal=B:TERM@120 \
    --output="$run/logs/slurm-%A_%a.log" "$@" "$0" --task "$run" "$shards" "$cpus")
printf '%s\n' "$array"
if [ "$merge" = 1 ]; then
    [ "$dry" = 1 ] && array=ARRAY
    submit --dependency="afterok:${array%%;*}" --job-name=geovision-merge --cpus-per-task="$cpus" \
        --mem-per-cpu="$memory" --time="$limit" --output="$run/logs/slurm-merge-%j.log" "$@" \
        --wrap="geovision batch merge $(printf %q "$run")"
fi
