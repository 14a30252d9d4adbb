#!/usr/bin/env bash
# Rebuilds footprints.geojson and village/ of sample_data, byte for byte, from our own generator. With an argument
# they are written to that folder.
set -euo pipefail
cd "$(dirname "$0")/.."
python=python
[ ! -x .venv/bin/python ] || python=.venv/bin/python
exec "$python" scripts/make_sample_data.py "${1:-sample_data}"
