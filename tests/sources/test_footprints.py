from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
import shapely
from shapely.geometry import MultiPolygon, Point, Polygon

from geovision.errors import InputError
from geovision.sources import read_footprints
from geovision.sources.footprints import footprints_from_geodataframe

SQUARE = Polygon([(0, 0), (10, 0), (10, 8), (0, 8)])
RING = Polygon([(20, 0), (40, 0), (40, 20), (20, 20)], [[(25, 5), (35, 5), (35, 15), (25, 15)]])
TWO = MultiPolygon([Polygon([(50, 0), (60, 0), (60, 8)]), Polygon([(70, 0), (80, 0), (80, 8)])])


def frame(geometries: list[Any], crs: str | None = "EPSG:28992", **columns: Any) -> geopandas.GeoDataFrame:
    return geopandas.GeoDataFrame(columns, geometry=geometries, crs=crs)


def write(data: geopandas.GeoDataFrame, path: Path, layer: str | None = None) -> Path:
    if path.suffix == ".parquet":
        data.to_parquet(path)
    elif path.suffix == ".gpkg":
        data.to_file(path, driver="GPKG", layer=layer or "buildings")
    else:
        data.to_file(path, driver="GeoJSON")
    return path


@pytest.mark.parametrize("suffix", [".gpkg", ".geojson", ".parquet"])
def test_formats_give_the_same_footprints(tmp_path: Path, suffix: str) -> None:
    data = frame([SQUARE, RING, TWO], id=["a", "b", "c"], levels=[2, 3, 4])
    found = read_footprints(write(data, tmp_path / f"x{suffix}"))
    assert found.ids == ["a", "b", "c/0", "c/1"]
    assert found.crs == "EPSG:28992"
    assert found.ring_offsets.tolist() == [0, 1, 3, 4, 5]
    assert np.diff(found.vertex_offsets).tolist() == [4, 4, 4, 3, 3]
    assert [row["levels"] for row in found.attributes] == [2, 3, 4, 4]
    assert found.problems == []
    for index, polygon in enumerate([SQUARE, RING, *TWO.geoms]):
        rings = found.rings(index)
        assert shapely.Polygon(rings[0], rings[1:]).equals(polygon)
    assert found.bounds == (0.0, 0.0, 80.0, 20.0)


def test_z_is_dropped_and_empty_cells_are_left_out(tmp_path: Path) -> None:
    solid = Polygon([(0, 0, 5), (10, 0, 5), (10, 8, 5)])
    found = read_footprints(write(frame([solid, SQUARE], name=["x", None]), tmp_path / "x.gpkg"))
    assert found.xy.shape == (7, 2)
    assert found.attributes == [{"name": "x"}, {}]


def test_degrees_go_to_the_local_utm_zone(tmp_path: Path) -> None:
    house = shapely.box(4.3570, 52.0110, 4.3572, 52.0111)
    found = read_footprints(write(frame([house], crs="EPSG:4326"), tmp_path / "x.geojson"))
    assert found.crs == "EPSG:32631"
    assert np.ptp(found.xy, axis=0) == pytest.approx([13.8, 11.3], abs=0.5)


def test_feet_become_metres(tmp_path: Path) -> None:
    found = read_footprints(write(frame([SQUARE], crs="EPSG:2263"), tmp_path / "x.gpkg"))
    assert found.crs is not None
    assert np.ptp(found.xy, axis=0).max() < 4


def test_without_a_crs(tmp_path: Path) -> None:
    assert footprints_from_geodataframe(frame([SQUARE], crs=None)).crs is None
    assert footprints_from_geodataframe(frame([SQUARE], crs=None), crs="EPSG:28992").crs == "EPSG:28992"
    with pytest.raises(InputError, match="degrees"):
        footprints_from_geodataframe(frame([shapely.box(4.35, 52.01, 4.36, 52.02)], crs=None))
    with pytest.raises(InputError, match="EPSG:nonsense"):
        footprints_from_geodataframe(frame([SQUARE], crs=None), crs="EPSG:nonsense")


def test_bad_records_are_reported_and_the_rest_read(tmp_path: Path) -> None:
    bowtie = Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])
    splinter = Polygon([(0, 0), (0.01, 0), (0.01, 0.01)])
    data = frame([SQUARE, bowtie, None, Point(1, 1), splinter, Polygon()], id=list("abcdef"))
    found = footprints_from_geodataframe(data)
    assert found.ids == ["a", "b/0", "b/1"]
    assert {problem.id for problem in found.problems} == set("cdef")
    assert [repair.id for repair in found.repairs] == ["b"]
    assert "crossed itself near 5.00 5.00" in str(found.repairs[0])


def test_ids_without_a_column_are_row_numbers(tmp_path: Path) -> None:
    data = frame([SQUARE, RING], id=["x", "x"])
    assert footprints_from_geodataframe(data).ids == ["0", "1"]
    data.index = data.index * 0
    assert footprints_from_geodataframe(data).ids == ["0", "1"]


def test_layers(tmp_path: Path) -> None:
    path = write(frame([SQUARE]), tmp_path / "x.gpkg", layer="one")
    write(frame([SQUARE, RING]), path, layer="two")
    with pytest.raises(InputError, match="one, two"):
        read_footprints(path)
    assert len(read_footprints(path, layer="two")) == 2
    with pytest.raises(InputError, match="three"):
        read_footprints(path, layer="three")


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_footprints(tmp_path / "x.gpkg")
    with pytest.raises(InputError, match=r"'\.tif'"):
        read_footprints(tmp_path / "x.tif")
    for name, content in {
        "a.geojson": b"<html></html>",
        "b.gpkg": b"",
        "c.gpkg": b"SQLite format 3\x00" + b"\xff" * 300,
        "d.geojson": b'{"type": "FeatureCollection", "features": [{"type"',
        "e.parquet": b"PAR1 and no more",
        "g.json": b'{"type": "Topology", "objects": {}, "arcs": []}',
    }.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError) as caught:
            read_footprints(tmp_path / name)
        assert name in str(caught.value)
        assert caught.value.remedy


def test_no_records_are_no_footprints(tmp_path: Path) -> None:
    path = tmp_path / "sea.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": []}))
    for target in (None, "EPSG:28992"):
        found = read_footprints(path, target_crs=target)
        assert len(found) == 0
        assert "it holds no footprint" in found.notes


def test_no_polygons(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Point"):
        read_footprints(write(frame([Point(1, 2)]), tmp_path / "x.gpkg"))
