#!/usr/bin/env bash
# From a fresh clone to a city on disk: makes .venv, installs geovision, generates a city from sample_data/.
# PYTHON=python3.12 chooses the interpreter. Running it again takes seconds.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

setup

out=out/quickstart
say "geovision generate --footprints sample_data/footprints.geojson --seed 1 --preview -o $out"
geovision generate --footprints sample_data/footprints.geojson --seed 1 --preview -o "$out"

cat >&2 <<MESSAGE

The city is in $out:
$(cd "$out" && find . -type f | sort | head -20 | sed 's|^\./|  |')

Look at it:
  * open $out/preview.png, or
  * drop a .glb file on https://gltf-viewer.donmccurdy.com or open it in Blender, or
  * on this machine: .venv/bin/geovision info $out/*.glb

Next:
  .venv/bin/geovision generate --area 0,0,800,600 --seed 7 -o out/city
  .venv/bin/geovision --help
MESSAGE
