#!/usr/bin/env bash
# Makes the small weights: synthetic tiles first, then training. At most 90 minutes on two cores; what was cut off goes on.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
    cat <<'MESSAGE'
scripts/train_small.sh [--data DIR] [--tiles N] [--set KEY=VALUE ...] [RUN]

  --data DIR       folder with real places (zanzibar, philippines, nairobi, kampala, massachusetts), as scripts/train/places.toml
                   names their files; without it the network learns from synthetic scenes alone
  --tiles N        synthetic tiles [1200]
  --set KEY=VALUE  change the configuration (scripts/train/synthetic.toml or mixed.toml), as steps=200
  RUN              folder of the run [out/training/scene-small]: model.npz and model.json at the end

Run it again to go on where it was stopped (Ctrl-C, a kill, a reboot).
MESSAGE
}

data='' count=1200 run=out/training/scene-small changes=()
while [ $# -gt 0 ]; do
    case $1 in
        -h | --help) usage; exit 0 ;;
        --data) data=${2:?--data needs a folder}; shift 2 ;;
        --tiles) count=${2:?--tiles needs a number}; shift 2 ;;
        --set) changes+=(--set "${2:?--set needs KEY=VALUE}"); shift 2 ;;
        -*) usage >&2; exit 2 ;;
        *) run=$1; shift ;;
    esac
done

python=python
[ ! -x .venv/bin/python ] || python=.venv/bin/python
make() { "$python" scripts/train_networks.py "$@"; }

mkdir -p out/training
make tiles out/training/synthetic_a --count $((count * 5 / 8)) --seed 20261
make tiles out/training/synthetic_b --count $((count * 3 / 8)) --seed 40417 --set materials.pitched.metal=1.2
make tiles out/training/synthetic_unseen --count 32 --seed 900001
config=scripts/train/synthetic.toml
if [ -n "$data" ]; then
    config=scripts/train/mixed.toml
    sed "s#@DATA@#$(cd "$data" && pwd)#" scripts/train/places.toml >out/training/places.toml
    make places out/training/real out/training/places.toml
fi
make run "$config" "$run" --resume "${changes[@]}"
