#!/usr/bin/env bash
# Rebuilds sample_data/footprints.geojson, byte for byte, from our own generator. Writes elsewhere with an argument.
set -euo pipefail
cd "$(dirname "$0")/.."
python=python
[ ! -x .venv/bin/python ] || python=.venv/bin/python
exec "$python" scripts/make_sample_data.py "${1:-sample_data/footprints.geojson}"
