"""Streets from files: every kind, other CRS, what no door opens to, what is near, and refusals by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
import shapely

import geovision
from geovision.errors import InputError, UsageError
from geovision.sources.streets import STREET_REACH_M, read_streets, streets_from_frame

RD = "EPSG:28992"
HOUSE = shapely.box(85010, 446010, 85020, 446018)
ROAD = shapely.LineString([(84990, 446000), (85040, 446001), (85060, 446020)])


def frame(*shapes: object, crs: str | None = RD, **columns: object) -> geopandas.GeoDataFrame:
    return geopandas.GeoDataFrame(columns, geometry=list(shapes), crs=crs)


@pytest.mark.parametrize("suffix", [".gpkg", ".geojson", ".fgb", ".shp", ".parquet"])
def test_every_kind_of_file_gives_the_same_lines(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"roads{suffix}"
    table = frame(ROAD, shapely.LineString([(85000, 446500), (85001, 446400)]))
    degrees = table.to_crs("EPSG:4326")
    degrees.to_parquet(path) if suffix == ".parquet" else degrees.to_file(path)
    found = read_streets([path], target_crs=RD)
    assert len(found) == 2
    np.testing.assert_allclose(max(found.lines(), key=len), ROAD.coords, atol=0.01)
    near = read_streets([path, path], target_crs=RD, bounds=HOUSE.bounds)
    assert [len(line) for line in near.near(HOUSE.bounds)] == [3, 3]


def test_lines_of_all_shapes() -> None:
    square = shapely.box(0, 0, 20, 20).difference(shapely.box(5, 5, 9, 9))
    several = shapely.MultiLineString([[(0, 0, 5), (1, 1, 6)], [(3, 3, 5), (4, 4, 5)]])
    found = streets_from_frame(frame(square, several, None, shapely.Point(3, 3)), target_crs=RD)
    assert [len(line) for line in found.lines()] == [5, 5, 2, 2]
    assert not len(streets_from_frame(frame(), target_crs=RD))


def test_what_no_door_opens_to_is_left_out_and_told() -> None:
    lines = [shapely.LineString([(0, y), (10, y)]) for y in range(6)]
    kinds = ["residential", "motorway", "footway", "track", "Living_Street", "service"]
    found = streets_from_frame(frame(*lines, highway=kinds, tunnel=[None] * 5 + ["yes"]), target_crs=RD)
    assert [line[0, 1] for line in found.lines()] == [0, 2, 4]
    assert any("3 that no door opens to" in note for note in found.notes)


def test_what_is_near_is_all_that_a_wall_can_see() -> None:
    rng = np.random.default_rng(1)
    starts = rng.uniform(-900, 900, (400, 2))
    ends = starts + rng.normal(0, 60, (400, 2))
    lines = [shapely.LineString(pair) for pair in zip(starts, ends, strict=True)]
    found = streets_from_frame(frame(*lines), target_crs=RD)
    for x, y in rng.uniform(-900, 900, (30, 2)):
        box = shapely.box(x, y, x + 20, y + 12)
        near = {tuple(line[0]) for line in found.near(box.bounds)}
        assert {line.coords[0] for line in lines if line.distance(box) <= STREET_REACH_M} <= near
        assert len(near) < 100


@pytest.mark.parametrize(
    ("table", "asked", "said"),
    [
        (frame(ROAD, crs=None), None, "no CRS is stated"),
        (frame(shapely.Point(0, 0)), None, "hold no line"),
        (frame(ROAD, crs="EPSG:4978"), None, "geocentric"),
    ],
)
def test_refusals_name_the_streets(table: Any, asked: str | None, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        streets_from_frame(table, target_crs=RD, crs=asked, name="roads.gpkg")
    assert caught.value.thing == "streets roads.gpkg"


def test_refusals_of_files(tmp_path: Path) -> None:
    for name, said in (("none.gpkg", "no such file"), ("roads.docx", "suffix")):
        with pytest.raises(InputError, match=said) as caught:
            read_streets([tmp_path / name], target_crs=RD)
        assert caught.value.thing.startswith("streets ")
    with pytest.raises((InputError, UsageError), match="network"):
        read_streets(["https://example.org/roads.fgb"], target_crs=RD)


def test_a_scene_has_streets(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="crs"):
        frame(ROAD, crs=None).to_file(tmp_path / "roads.gpkg", layer="ways")
    frame(HOUSE).to_file(tmp_path / "roads.gpkg", layer="other")
    frame(HOUSE, id=["a"]).to_file(tmp_path / "houses.gpkg")
    text = f'footprints = "houses.gpkg"\n[streets]\nfiles = "roads.gpkg"\nlayer = "ways"\ncrs = "{RD}"\n'
    (tmp_path / "scene.toml").write_text(text)
    scene = geovision.open_scene(tmp_path / "scene.toml")
    assert scene.streets is not None
    assert len(scene.streets) == 1
    assert "streets" in scene.roles
    facts = scene.report()
    assert facts["streets"] == {"lines": 1}
    assert any("taken as EPSG:28992" in text for text in facts["assumed"])
    assert geovision.open_scene(footprints=frame(HOUSE), streets=frame(ROAD)).streets is not None
    assert geovision.open_scene(footprints=frame(HOUSE)).streets is None
    below = tmp_path / "below"
    below.mkdir()
    outside = geovision.open_scene(footprints=frame(HOUSE), streets=tmp_path / "roads.gpkg", roots=[below])
    with pytest.raises((InputError, UsageError), match="streets"):
        _ = outside.streets
