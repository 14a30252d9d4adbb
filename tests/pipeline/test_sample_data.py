from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_sample_data_is_rebuilt_byte_for_byte(tmp_path: Path) -> None:
    script = ROOT / "scripts" / "make_sample_data.sh"
    subprocess.run([str(script), str(tmp_path / "footprints.geojson")], check=True, capture_output=True)
    fresh = (tmp_path / "footprints.geojson").read_bytes()
    assert fresh == (ROOT / "sample_data" / "footprints.geojson").read_bytes()
    assert len(fresh) < 1_000_000
