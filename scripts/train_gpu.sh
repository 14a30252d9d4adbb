#!/usr/bin/env bash
# Trains the larger weights on a GPU box: needs NumPy, pydantic, Keras with JAX or PyTorch, and the kernel; no GDAL, no TensorFlow.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
    cat <<'MESSAGE'
scripts/train_gpu.sh [--tiles N] [--set KEY=VALUE ...] [RUN]

  --tiles N        synthetic tiles [20000]
  --set KEY=VALUE  change the configuration (scripts/train/gpu.toml), as run.devices=4 or data.batch=64
  RUN              folder of the run [out/training/scene-base]: model.npz and model.json at the end

KERAS_BACKEND chooses jax (the default here) or torch. Run it again to go on where it was stopped.
On a box without one: pip install numpy pydantic keras "jax[cuda12]", then pip install --no-deps . for geovision itself.
MESSAGE
}

count=20000 run=out/training/scene-base changes=()
while [ $# -gt 0 ]; do
    case $1 in
        -h | --help) usage; exit 0 ;;
        --tiles) count=${2:?--tiles needs a number}; shift 2 ;;
        --set) changes+=(--set "${2:?--set needs KEY=VALUE}"); shift 2 ;;
        -*) usage >&2; exit 2 ;;
        *) run=$1; shift ;;
    esac
done

export KERAS_BACKEND=${KERAS_BACKEND:-jax}
python=python
[ ! -x .venv/bin/python ] || python=.venv/bin/python
make() { "$python" scripts/train_networks.py "$@"; }

mkdir -p out/training
make tiles out/training/synthetic_a --count $((count * 5 / 8)) --seed 20261
make tiles out/training/synthetic_b --count $((count * 3 / 8)) --seed 40417 --set materials.pitched.metal=1.2
make tiles out/training/synthetic_unseen --count 32 --seed 900001
make run scripts/train/gpu.toml "$run" --resume "${changes[@]}"
