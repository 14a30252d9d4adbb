"""Scenes: roles, the CRS that is chosen, tiles, evidence; and every real set."""

from __future__ import annotations

import json
import os
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st

from geovision.cli.main import call
from geovision.errors import InputError
from geovision.model.evidence import Evidence, PointSource
from geovision.sources import Bounds, PointBlock, Raster, Scene, Source, TileKey, open_scene
from geovision.sources.grid import TileGrid
from geovision.sources.scene_file import load_scene_file
from tests.rasters import RD, smooth, write_tif

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("GEOVISION_SHARED", ROOT.parent / "shared")) / "data"
PLACE = Affine(0.5, 0, 85000, 0, -0.5, 446100)
CORNER = np.array([85000.0, 446000.0])


def data(name: str) -> Path:
    if not (DATA / name).exists():
        pytest.skip(f"no {name} under ../shared/data; set GEOVISION_SHARED to where it is")
    return DATA / name


def boxes(count: int = 40, seed: int = 0, side: float = 1000.0) -> geopandas.GeoDataFrame:
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, side, (count, 2)) + CORNER
    size = rng.uniform(4, 60, (count, 2))
    shapes = [shapely.box(*c, *(c + s)) for c, s in zip(corner, size, strict=True)]
    apart: list[Any] = []
    for shape in shapes:
        if not any(shape.distance(other) < 1 for other in apart):
            apart.append(shape)
    return geopandas.GeoDataFrame({"id": [f"b{i}" for i in range(len(apart))]}, geometry=apart, crs=RD)


# Roles


def write_set(folder: Path, names: dict[str, str]) -> None:
    ground = (3 + 4 * smooth(200, 240, seed=5)[0]).astype(np.float32)
    above = np.where(smooth(200, 240, seed=6)[0] > 0.6, 8.0, 0.0).astype(np.float32)
    ortho = (smooth(400, 480, 3) * 255).astype(np.uint8)
    fine = Affine(0.25, 0, 85000, 0, -0.25, 446100)
    made = {"image": ortho, "dsm": ground + above, "dtm": ground, "ndsm": above}
    for role, name in names.items():
        if role == "mask":
            write_tif(folder / name, (above > 0).astype(np.uint8), PLACE)
        else:
            write_tif(folder / name, made[role], fine if role == "image" else PLACE)


@pytest.mark.parametrize(
    "names",
    [
        {"image": "a.tif", "dsm": "b.tif", "dtm": "c.tif", "ndsm": "d.tif", "mask": "e.tif"},
        {"image": "d.tif", "dsm": "z.tif", "dtm": "a.tif"},
        {"image": "tile.tif", "dsm": "dom1_32.tif", "dtm": "dgm1_32.tif"},
        {"dsm": "MNS_2021.tif", "dtm": "MNT_2021.tif", "ndsm": "MNH_2021.tif"},
        {"ndsm": "x.tif"},
        {"dsm": "x.tif"},
    ],
)
def test_roles_are_recognised_by_content_and_name(tmp_path: Path, names: dict[str, str]) -> None:
    write_set(tmp_path, names)
    scene = open_scene(tmp_path)
    assert set(scene.roles) == set(names) - {"mask"}
    for role in scene.roles:
        assert [Path(p.sheet.info.name).name for p in scene.layers[role].pieces] == [names[role]]
        assert any(f"{names[role]} is taken for {role}" in note for note in scene.notes)
    assert len(scene.unused) == ("mask" in names)


def test_what_is_named_is_not_guessed(tmp_path: Path) -> None:
    write_set(tmp_path, {"dsm": "dsm.tif", "dtm": "dtm.tif"})
    scene = open_scene(tmp_path / "dtm.tif", dsm=tmp_path / "dsm.tif")
    assert scene.roles == ("dsm", "dtm")
    turned = open_scene(dsm=tmp_path / "dtm.tif", dtm=tmp_path / "dsm.tif")
    assert turned.layers["dsm"].pieces[0].sheet.info.name.endswith("dtm.tif")
    again = open_scene(tmp_path, dsm=tmp_path / "dsm.tif")
    assert any("looks like dsm, which was named" in text for text in again.unused)


def test_a_mosaic_in_a_folder_is_one_role(tmp_path: Path) -> None:
    for number in range(6):
        place = PLACE @ Affine.translation(64 * number, 0)
        write_tif(
            tmp_path / f"32_{number}.tif", (smooth(64, 64, 3, seed=number) * 255).astype(np.uint8), place
        )
    scene = open_scene(tmp_path)
    assert len(scene.layers["image"].pieces) == 6
    assert scene.notes[0].endswith("and 5 more like it is taken for image: 3 bands of uint8")


def test_a_fourth_band_marked_as_alpha_may_be_infrared(tmp_path: Path) -> None:
    pixels = (smooth(200, 200, 4) * 255).astype(np.uint8)
    path = write_tif(tmp_path / "rgbn.tif", pixels, PLACE, photometric="rgb", alpha="unspecified")
    marked = write_tif(tmp_path / "marked.tif", pixels, PLACE, photometric="rgb", alpha="yes")
    for file in (path, marked):
        scene = open_scene(image=file)
        assert scene.layers["image"].bands == ("red", "green", "blue", "nir")
        np.testing.assert_array_equal(scene.window("image", scene.bounds).data, pixels)
    named = open_scene(image=Source(files=(marked,), bands=("nir", "red", "green", "other")))
    assert named.layers["image"].bands == ("nir", "red", "green", "other")


# The CRS of a scene


def test_the_scene_takes_the_crs_that_costs_least() -> None:
    heights = Raster(np.ones((40, 40), np.float32), (0.5, 0, 593_000, 0, -0.5, 5_763_000), "EPSG:32631")
    outline = boxes(1).to_crs(4326)
    place = open_scene(footprints=outline).bounds
    assert open_scene(footprints=outline).crs.to_epsg() == 32631
    assert open_scene(footprints=outline.to_crs(RD)).crs.to_epsg() == 28992
    assert open_scene(dsm=heights).crs.to_epsg() == 32631
    here = Raster(
        np.ones((90, 90), np.float32), (9.0, 0, place.west - 50, 0, -9.0, place.north + 50), "EPSG:32631"
    )
    both = open_scene(dsm=here, footprints=outline.to_crs(RD))
    assert both.crs.to_epsg() == 32631
    assert both.footprints.crs == "EPSG:32631"
    assert open_scene(dsm=here, footprints=outline.to_crs(RD), target_crs=RD).crs.to_epsg() == 28992


def test_a_web_map_is_put_into_utm() -> None:
    image = Raster(np.zeros((3, 50, 50), np.uint8), (0.3, 0, 485_000, 0, -0.3, 6_800_000), "EPSG:3857")
    scene = open_scene(image=image)
    assert scene.crs.to_epsg() == 32631
    # A metre of the web map at 52 degrees north is 0.62 m.
    assert scene.cell_m("image") == pytest.approx(0.3 * np.cos(np.radians(52.0)), rel=0.02)


# Tiles


@settings(max_examples=25)
@given(st.floats(1, 3000), st.integers(0, 1000))
def test_every_footprint_has_one_owner(size_m: float, seed: int) -> None:
    scene = open_scene(footprints=boxes(seed=seed))
    tiles = scene.tiles(size_m)
    owned = [scene.owned(tile) for tile in tiles]
    assert sorted(np.concatenate(owned).tolist()) == list(range(len(scene.footprints)))
    assert [len(indices) for indices in owned] == [tile.buildings for tile in tiles]
    assert [tile.key for tile in tiles] == sorted((tile.key for tile in tiles), key=lambda key: key[::-1])
    polygons = scene.footprints.polygons()
    for tile, indices in zip(tiles, owned, strict=True):
        inside = scene.places[indices]
        assert shapely.contains_xy(polygons[indices], *inside.T).all()
        area = scene.read_bounds(tile, 3.0)
        for index in indices:
            assert shapely.box(*area).contains(shapely.buffer(polygons[index], 2.9))


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.floats(0.5, 1e5))
def test_a_point_lies_in_the_tile_that_it_belongs_to(x: float, y: float, size: float) -> None:
    grid = TileGrid(size)
    area = grid.bounds(grid.key_of(x, y))
    slack = 1e-9 * max(abs(x), abs(y), size)
    assert area.west - slack <= x <= area.east + slack
    assert area.south - slack <= y <= area.north + slack


def test_tiles_without_footprints_touch_the_rasters() -> None:
    place = (0.5, 0, 85_900, 0, -0.5, 446_100)
    scene = open_scene(dsm=Raster(np.ones((300, 400), np.float32), place, RD))
    keys = [tile.key for tile in scene.tiles(100)]
    assert keys == [TileKey(column, row) for row in (4459 + 0, 4460) for column in (859, 860)] or keys[0] == (
        859,
        4459,
    )
    assert {key.column for key in keys} == {859, 860}
    assert {key.row for key in keys} == {4459, 4460}


# Evidence


def same(a: Evidence, b: Evidence) -> bool:
    images = (a.image is None) == (b.image is None)
    if a.image is not None and b.image is not None:
        images = bool((a.image.pixels == b.image.pixels).all()) and a.image.left == b.image.left
    return a.digest() == b.digest() and images


def town(**more: Any) -> Scene:
    rng = np.random.default_rng(8)
    frame = boxes(60, seed=8, side=400)
    xyz = np.empty((60_000, 3))
    xyz[:, :2] = rng.uniform(-30, 480, (60_000, 2)) + CORNER
    xyz[:, 2] = rng.uniform(0, 9, 60_000)
    inside = shapely.contains_xy(shapely.union_all(frame.geometry.to_numpy()), xyz[:, 0], xyz[:, 1])
    xyz[~inside, 2] *= 0.01
    image = Raster((smooth(600, 600, 3) * 255).astype(np.uint8), (1.0, 0, 84_950, 0, -1.0, 446_520), RD)
    points = PointBlock.of(xyz, np.where(inside, 6, 2))
    return open_scene(points=points, footprints=frame, image=image, crs=RD, threads=1, **more)


@pytest.mark.parametrize("size", [37.0, 130.0, 1000.0])
def test_evidence_does_not_depend_on_the_tiles(size: float) -> None:
    scene = town()
    whole = {item.id: item for item in scene.evidence()}
    assert set(whole) == set(scene.footprints.ids)
    tiled = [item for tile in scene.tiles(size) for item in scene.evidence(tile)]
    assert len(tiled) == len(whole)
    assert all(same(item, whole[item.id]) for item in tiled)
    assert all(len(item.points) > 10 and item.ground_known and item.image is not None for item in tiled)


def test_evidence_in_another_crs_is_the_same_building() -> None:
    here, there = town(), town(target_crs="EPSG:32631")
    for a, b in zip(
        here.evidence(), sorted(there.evidence(), key=lambda e: here.footprints.ids.index(e.id)), strict=False
    ):
        if a.id == b.id:
            assert a.area == pytest.approx(b.area, rel=2e-3)
            assert abs(len(a.points) - len(b.points)) < 0.1 * len(a.points) + 20


def test_evidence_pickles_and_a_worker_reads_the_same(tmp_path: Path) -> None:
    write_set(tmp_path, {"dsm": "dsm.tif", "dtm": "dtm.tif", "image": "ortho.tif"})
    frame = boxes(30, seed=2, side=90)
    frame.to_file(tmp_path / "buildings.gpkg")
    scene = open_scene(tmp_path, threads=1)
    assert scene.roles == ("image", "dsm", "dtm", "footprints")
    tile = scene.tiles(50)[0]
    first = list(scene.evidence(tile))
    assert len(pickle.dumps(scene)) < 2000
    worker = pickle.loads(pickle.dumps(scene))
    assert all(same(a, b) for a, b in zip(first, worker.evidence(tile), strict=True))
    assert all(same(a, pickle.loads(pickle.dumps(a))) for a in first)


def test_heights_above_ground_alone_are_evidence() -> None:
    ndsm = Raster(np.full((400, 400), 6.0, np.float32), (0.5, 0, 84_990, 0, -0.5, 446_190), RD)
    scene = open_scene(ndsm=ndsm, footprints=boxes(20, seed=1, side=90))
    for item in scene.evidence():
        assert item.ground_known
        assert item.ground_z == 0
        assert (item.point_source == PointSource.CELL).all()
        assert set(item.points[:, 2].tolist()) <= {6.0}
    assert any("taken to be at 0" in text for text in scene.report()["missing"])


# Real data

SETS: dict[str, tuple[dict[str, Any], int, dict[str, int]]] = {
    "goteborg": ({}, 3007, {"dsm": 1, "dtm": 1, "footprints": 137}),
    "alexandria": ({}, 26918, {"dsm": 1, "dtm": 1, "ndsm": 1, "footprints": 84}),
    "pairs/lidarhd": ({"crs": "EPSG:2154"}, 2154, {"image": 1, "dsm": 1, "dtm": 1, "ndsm": 1, "points": 1}),
    "pairs/basel": ({"crs": "EPSG:2056"}, 2056, {"image": 1, "dsm": 1, "points": 1}),
    "delft": ({"crs": RD}, 28992, {"points": 2, "footprints": 160}),
    "dales_west": ({}, 32610, {"points": 1, "footprints": 95}),
    "imagery/massachusetts": ({}, 26986, {"image": 1, "footprints": 441}),
    "imagery/nairobi": ({"layer": "buildings"}, 32737, {"image": 2, "footprints": 180}),
    "imagery/kampala": ({"layer": "buildings"}, 32636, {"image": 2, "footprints": 206}),
    "imagery/philippines": ({"layer": "buildings"}, 32651, {"image": 2, "footprints": 131}),
    "imagery/zanzibar": ({"layer": "buildings"}, 32737, {"image": 2, "footprints": 201}),
}


@pytest.mark.parametrize("name", SETS)
def test_real_folders_open_as_what_they_are(name: str) -> None:
    given, epsg, expected = SETS[name]
    scene = open_scene(data(name), **given)
    facts = scene.report()
    found = {role: len(layer.pieces) for role, layer in scene.layers.items()}
    found |= {"points": facts["points"]["files"]} if facts["points"] else {}
    found |= {"footprints": 0} if scene.has_footprints else {}
    assert {**found, "footprints": 0} == {**expected, "footprints": 0}
    if scene.has_footprints:
        # Repair may cut one outline in pieces, or drop a sliver.
        assert abs(facts["footprints"]["count"] - expected["footprints"]) <= 8
    assert scene.crs.to_epsg() == epsg
    json.dumps(facts, allow_nan=False)
    if scene.bounds.area < 1e6:
        assert scene.overview(300).std() > 10
    for role, layer in scene.layers.items():
        first = layer.piece_bounds()[0]
        x, y = (first.west + first.east) / 2, (first.south + first.north) / 2
        assert scene.window(role, (x - 25, y - 25, x + 25, y + 25)).coverage > 0.95


def test_alexandrias_heights_agree_with_its_attribute() -> None:
    scene = open_scene(data("alexandria"))
    off = []
    for item in scene.evidence():
        above = item.points[:, 2] - item.ground_z
        tall = item.attributes.get("HEIGHT")
        if tall is not None and len(above) > 10:
            off.append(float(np.quantile(above, 0.9)) - float(tall))
    assert len(off) > 50
    assert abs(np.median(off)) < 2


def test_ndsm_of_lidarhd_is_its_dsm_less_its_dtm() -> None:
    scene = open_scene(data("pairs/lidarhd"), crs="EPSG:2154")
    given = scene.window("ndsm", scene.bounds)
    made = replace(scene, layers={role: scene.layers[role] for role in ("dsm", "dtm")}).window(
        "ndsm", given.bounds
    )
    np.testing.assert_allclose(made.data, given.data, atol=0.02)


def test_the_scene_file_of_the_docs_is_valid(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "scenes.md").read_text(encoding="utf-8")
    (tmp_path / "scene.toml").write_text(text.split("```toml\n")[1].split("```")[0], encoding="utf-8")
    spec = load_scene_file(tmp_path / "scene.toml")
    assert spec.dsm is not None
    assert spec.dsm.vertical_unit == "us-foot"
    assert spec.dsm.files == (str(tmp_path / "dsm/*.tif"),)
    assert spec.image is not None
    assert spec.image.files == ("https://example.org/ortho.tif",)


# Command line


def test_scene_info_by_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_set(tmp_path, {"dsm": "dsm.tif", "dtm": "dtm.tif", "image": "ortho.tif"})
    boxes(30, seed=2, side=90).to_file(tmp_path / "buildings.gpkg")
    assert call(["scene", "info", str(tmp_path), "--preview", str(tmp_path / "o.png"), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["layers"]["dsm"]["cell_m"] == 0.5
    assert facts["footprints"]["count"] > 5
    assert (tmp_path / "o.png").read_bytes()[:4] == b"\x89PNG"
    assert call(["scene", "info", "--dsm", str(tmp_path / "dsm.tif"), "--limit", "pixels=10"]) == 1
    assert "--limit pixels=48000" in capsys.readouterr().err
    assert call(["scene", "info", "--dsm", str(tmp_path / "dsm.tif")]) == 0
    text = capsys.readouterr().out
    assert "EPSG:28992" in text
    assert "--footprints" in text
    assert call(["scene", "info", "--limit", "pixels"]) == 2
    assert call(["scene", "info"]) == 2


def test_a_table_and_a_file_of_footprints_are_one(tmp_path: Path) -> None:
    frame = boxes(20, seed=3)
    frame.to_parquet(tmp_path / "b.parquet")
    a, b = open_scene(footprints=frame), open_scene(footprints=tmp_path / "b.parquet")
    np.testing.assert_array_equal(a.footprints.xy, b.footprints.xy)
    assert a.bounds == b.bounds == Bounds(*a.footprints.bounds)
    with pytest.raises(InputError, match="layer"):
        open_scene(footprints=tmp_path / "b.parquet", layer="x")
