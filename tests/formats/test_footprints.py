from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
import shapely

from geovision.errors import OutputError, UsageError
from geovision.formats.footprints import write_footprints
from geovision.sources import Footprints, read_footprints
from geovision.sources.footprint_set import polygon_arrays

SUFFIXES = [".gpkg", ".parquet", ".geojson", ".fgb"]
PLANS = [
    shapely.box(85_000.123, 446_000.456, 85_010.789, 446_008.001),
    shapely.box(85_020, 446_000, 85_040, 446_020).difference(shapely.box(85_025, 446_005, 85_030, 446_010)),
    shapely.Polygon([(85_050.1, 446_000.2), (85_060.3, 446_000.7), (85_055.9, 446_009.9)]),
]


def town(crs: str | None = "EPSG:28992") -> Footprints:
    attributes = [
        {"levels": 2, "height": 7.25, "use": "house", "new": True},
        {"levels": 3, "use": "Straße 🏠", "fid": "x"},
        {"height": float("nan"), "Use": "shed", "tags": {"a": [1]}, "mixed": 1},
    ]
    return Footprints(["a", "b/0", "0"], *polygon_arrays(np.array(PLANS)), crs, attributes)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_reads_back_as_written(tmp_path: Path, suffix: str) -> None:
    plans = town()
    path = tmp_path / f"town{suffix}"
    write_footprints(path, plans)
    found = read_footprints(path)
    assert found.ids == plans.ids
    assert found.crs == plans.crs
    assert np.array_equal(found.xy, plans.xy)
    assert np.array_equal(found.ring_offsets, plans.ring_offsets)
    assert np.array_equal(found.vertex_offsets, plans.vertex_offsets)
    first, second, third = found.attributes
    assert first == {"id": "a", "levels": 2, "height": 7.25, "use": "house", "new": True}
    assert second == {"id": "b/0", "levels": 3, "use": "Straße 🏠", "fid_2": "x"}
    assert third == {"id": "0", "Use_2": "shed", "tags": '{"a": [1]}', "mixed": 1}
    assert isinstance(first["levels"], int)
    assert not found.repairs
    assert not found.problems


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_bytes_do_not_depend_on_time_or_name(tmp_path: Path, suffix: str) -> None:
    write_footprints(tmp_path / f"one{suffix}", town())
    time.sleep(1.1)
    write_footprints(tmp_path / f"two{suffix}", town())
    assert (tmp_path / f"one{suffix}").read_bytes() == (tmp_path / f"two{suffix}").read_bytes()
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_no_crs_and_no_footprints(tmp_path: Path, suffix: str) -> None:
    write_footprints(tmp_path / f"x{suffix}", town(crs=None))
    found = read_footprints(tmp_path / f"x{suffix}", crs="EPSG:28992")
    assert found.crs == "EPSG:28992"
    assert np.array_equal(found.xy, town().xy)
    none = np.zeros(1, np.int64)
    write_footprints(tmp_path / f"y{suffix}", Footprints([], none, none, np.zeros((0, 2)), "EPSG:28992"))
    assert (tmp_path / f"y{suffix}").stat().st_size > 0


def test_refusals(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\.tif"):
        write_footprints(tmp_path / "x.tif", town())
    with pytest.raises(OutputError, match="cannot be written"):
        write_footprints(tmp_path / "no" / "x.gpkg", town())
