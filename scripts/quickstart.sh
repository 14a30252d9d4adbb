#!/usr/bin/env bash
# From a fresh clone to a city on disk: makes .venv, installs geovision, generates a city from sample_data/.
# PYTHON=python3.12 chooses the interpreter. Running it again takes seconds.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

setup

out=out/quickstart
job=(generate --footprints sample_data/footprints.geojson --seed 1 --overwrite -o "$out")
say "geovision ${job[*]}"
geovision "${job[@]}"

cat <<MESSAGE

The city is in $out:
  preview.png        a picture of it
  tiles/*.glb        $(find "$out/tiles" -name '*.glb' | wc -l) meshes; drop one on https://gltf-viewer.donmccurdy.com, or open it in Blender
  programs.parquet   the building programs that the meshes were built from
  index.json         what is where

Next:
  .venv/bin/geovision info $out/tiles/*.glb
  .venv/bin/geovision generate --area 0,0,800,600 --seed 7 -o out/town
  .venv/bin/geovision scene info sample_data/village/scene.toml    # a small survey with its truth; see its preview.png
  .venv/bin/geovision synth --area 400,300 --seed 7 -o out/scene   # another one
  .venv/bin/geovision --help
MESSAGE
