from __future__ import annotations

import json
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from geovision.formats import read_programs
from geovision.sources import open_points, read_footprints

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "sample_data"


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    script = ROOT / "scripts" / "make_sample_data.sh"
    subprocess.run([str(script), str(folder)], check=True, capture_output=True)
    return folder


def test_footprints_are_rebuilt_byte_for_byte(fresh: Path) -> None:
    made = (fresh / "footprints.geojson").read_bytes()
    assert made == (SAMPLE / "footprints.geojson").read_bytes()
    assert len(made) < 1_000_000


def test_the_village_is_rebuilt_byte_for_byte(fresh: Path) -> None:
    kept = {path.relative_to(SAMPLE): path for path in (SAMPLE / "village").rglob("*") if path.is_file()}
    made = {path.relative_to(fresh): path for path in (fresh / "village").rglob("*") if path.is_file()}
    assert set(kept) == set(made)
    assert sum(path.stat().st_size for path in kept.values()) < 6_000_000
    versions = json.loads((SAMPLE / "village" / "versions.json").read_text())
    same_libraries = all(version(name) == number for name, number in versions.items())
    for name in sorted(kept):
        if name.name != "versions.json" and same_libraries:
            assert kept[name].read_bytes() == made[name].read_bytes(), name
        elif name.suffix == ".tif":
            np.testing.assert_array_equal(_pixels(kept[name]), _pixels(made[name]), err_msg=str(name))


def _pixels(path: Path) -> Any:
    with rasterio.open(path, driver="GTiff") as file:
        return file.read()


def test_the_village_has_every_difficulty_in_it() -> None:
    folder = SAMPLE / "village"
    programs, footprints = (
        read_programs(folder / "programs.parquet"),
        read_footprints(folder / "footprints.gpkg"),
    )
    assert 40 <= len(programs) <= 90
    corners = set(np.diff(programs.vertex_offsets).tolist())
    assert {4, 6, 8, 12} <= corners  # rectangles, L, T and U, H
    assert (np.diff(programs.ring_offsets) > 1).any()  # a court
    assert len(np.unique(programs.roof_kind)) >= 8
    assert {0, 1, 2} & set(programs.super_kind.tolist())  # dormers
    assert 3 in programs.super_kind  # chimneys
    assert np.ptp(programs.ground_z) > 2.0  # a slope
    rows = {name: row for row, name in enumerate(programs.ids)}
    assert len(footprints) <= len(programs)
    smaller = 0
    for number, name in enumerate(footprints.ids):
        parts = programs[rows[name]].parts
        area = abs(sum(_area(np.array(part.shell)) for part in parts))
        smaller += _area(footprints.rings(number)[0]) < 0.95 * area and len(parts) > 1
    assert smaller  # an extension that the map does not have
    dsm = _pixels(folder / "dsm.tif")[0]
    assert 0.001 < (dsm < -9000).mean() < 0.1  # holes
    points = open_points([folder / "points.laz"]).read()
    cell = np.floor(points.xyz[:, :2] / 5).astype(np.int64)
    count = np.unique(cell, axis=0, return_counts=True)[1]
    assert np.quantile(count, 0.02) < 0.4 * np.median(count)  # patches with few points
    building = _pixels(folder / "labels" / "building.tif")[0]
    seen = _pixels(folder / "labels" / "class.tif")[0]
    assert ((building >= 0) & (seen == 17)).sum() > 500  # trees over roofs


def _area(ring: Any) -> float:
    x, y = ring.T
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2
