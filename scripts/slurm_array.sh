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

# What a task of the array runs: Slurm's warning is handed on, and a stopped shard (75) queues itself again. It stands before
# lib.sh is looked for, as Slurm runs a copy of this file, alone.
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

shards=64 at_once='' cpus=4 mem_per_cpu=2G time=04:00:00 no_merge=0 dry_run=0
# shellcheck source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
parse_options "--shards --at-once --cpus --mem-per-cpu --time" "--no-merge --dry-run" "$@"
counts "$shards" "$cpus" "${at_once:-1}"
planned_run
[ "$dry_run" = 1 ] || command -v sbatch >/dev/null || fail 3 "no sbatch on PATH: this is no Slurm machine"

submit() {
    if [ "$dry_run" = 1 ]; then
        printf '%q ' sbatch "$@"
        printf '\n'
    else
        sbatch --parsable "$@" || fail 3 "sbatch refused"
    fi
}

mkdir -p "$run/logs"
array=$(submit --array="1-$shards${at_once:+%$at_once}" --job-name=geovision --cpus-per-task="$cpus" \
    --mem-per-cpu="$mem_per_cpu" --time="$time" --requeue --open-mode=append --signal=B:TERM@120 \
    --output="$run/logs/slurm-%A_%a.log" "${extra[@]}" "$0" --task "$run" "$shards" "$cpus")
printf '%s\n' "$array"
if [ "$no_merge" = 0 ]; then
    [ "$dry_run" = 1 ] && array=ARRAY
    submit --dependency="afterok:${array%%;*}" --job-name=geovision-merge --cpus-per-task="$cpus" \
        --mem-per-cpu="$mem_per_cpu" --time="$time" --output="$run/logs/slurm-merge-%j.log" "${extra[@]}" \
        --wrap="geovision batch merge $(printf %q "$run")"
fi
