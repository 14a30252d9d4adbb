#!/usr/bin/env bash
# Trains the larger weights on a GPU box: needs NumPy, pydantic, Keras with JAX or PyTorch, and the kernel; no GDAL, no TensorFlow.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
    cat <<'MESSAGE'
scripts/train_gpu.sh [--tiles N] [--real DIR] [--minutes M] [--config FILE] [--set KEY=VALUE ...] [RUN]

  --tiles N        synthetic tiles [20000]
  --real DIR       tiles of real places as well: the folder that `train_networks.py places` made where there is GDAL
  --minutes M      as many steps as fit, by the pace of the first ones; for boxes that are paid by the minute
  --config FILE    instead of scripts/train/gpu.toml (with --real: gpu_mixed.toml)
  --set KEY=VALUE  change the configuration, as run.devices=4 or data.batch=64
  RUN              folder of the run [out/training/scene-base]: model.npz and model.json at the end

KERAS_BACKEND chooses jax (the default here) or torch. Run it again to go on where it was stopped.
On a box without one: pip install numpy pydantic keras "jax[cuda12]", then pip install --no-deps . for geovision itself.
MESSAGE
}

count=20000 run=out/training/scene-base config=scripts/train/gpu.toml real='' changes=() more=()
while [ $# -gt 0 ]; do
    case $1 in
        -h | --help) usage; exit 0 ;;
        --tiles) count=${2:?--tiles needs a number}; shift 2 ;;
        --real) real=${2:?--real needs a folder}; config=scripts/train/gpu_mixed.toml; shift 2 ;;
        --minutes) more+=(--minutes "${2:?--minutes needs a number}"); shift 2 ;;
        --config) config=${2:?--config needs a file}; shift 2 ;;
        --set) changes+=(--set "${2:?--set needs KEY=VALUE}"); shift 2 ;;
        -*) usage >&2; exit 2 ;;
        *) run=$1; shift ;;
    esac
done

export KERAS_BACKEND=${KERAS_BACKEND:-jax}
python=python
[ ! -x .venv/bin/python ] || python=.venv/bin/python
make() { "$python" scripts/train_networks.py "$@"; }

tiles() { make tiles "out/training/$1" --workers "$(nproc)" "${@:2}"; }

mkdir -p out/training
[ -z "$real" ] || ln -sfn "$(cd "$real" && pwd)" out/training/real
tiles synthetic_a --count $((count * 5 / 8)) --seed 20261
tiles synthetic_b --count $((count * 3 / 8)) --seed 40417 --set materials.pitched.metal=1.2
tiles synthetic_unseen --count 32 --seed 900001
make run "$config" "$run" --resume "${more[@]}" "${changes[@]}"
