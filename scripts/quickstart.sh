#!/usr/bin/env bash
# From a fresh clone to buildings on disk: makes .venv, installs geovision, fits and publishes sample_data/village.
# PYTHON=python3.12 chooses the interpreter. Running it again takes seconds.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

setup

out=out/quickstart
# The village lies where the geoid is 43 m above the ellipsoid.
job=(build sample_data/village/scene.toml --formats 3dtiles,cityjson,parquet,viewer,preview,report --geoid 43 --title Village
    --overwrite -o "$out")
say "geovision ${job[*]}"
geovision "${job[@]}"

cat <<MESSAGE

Fitted to the LiDAR of sample_data/village, in $PWD/$out:
  index.html             open it in a browser: the buildings on their ground, no server needed
  tiles/tileset.json     3D Tiles, buildings and terrain, for CesiumJS and others
  buildings.city.json    CityJSON 2.0
  buildings.parquet      footprints with what is known of each building; roof_facets.parquet the slopes (QGIS opens both)
  programs.parquet       the building programs that all of it was made from
  preview.png            the scene from above
  report.html            how the run went

Next:
  .venv/bin/geovision info $out/buildings.city.json
  .venv/bin/geovision validate $out/buildings.city.json
  .venv/bin/geovision fit sample_data/village/scene.toml --explain 0_0.22 -o out/why.png   # why one roof is as it is
  .venv/bin/geovision generate --area 0,0,800,600 --seed 7 -o out/town                      # a town from rules alone
  .venv/bin/geovision --help
MESSAGE
