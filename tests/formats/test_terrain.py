"""Terrain: as near to the heights as it says, whole, and under every wall; from random ground to files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import geovision
from geovision.formats.terrain import MOST_TRIANGLES, SIDE, Patch, Picture, Terrain
from geovision.formats.terrain_glb import TerrainFiles, write_terrain
from geovision.formats.tiles3d import write_3dtiles
from geovision.formats.tiles3d_place import Globe
from geovision.formats.tiles3d_terrain import TerrainTiles, write_joined_tileset
from geovision.mesh import mesh
from geovision.mesh.foundations import with_foundations
from geovision.pipeline.build_to import build_to
from geovision.pipeline.ground import BuildingGrounds
from geovision.quality.validate import validate as judge
from tests.formats.test_khronos import validate as khronos
from tests.formats.test_tiles3d import PLACES, city
from tests.formats.test_tiles3d_clients import show
from tests.helpers_glb import parse_glb
from tests.node_judges import node_modules

Floats = NDArray[np.float64]
VILLAGE = Path(__file__).parents[2] / "sample_data" / "village" / "scene.toml"
AT = PLACES["EPSG:28992"]


class Hills:
    """Hills with a cliff, and a lake without heights in the middle."""

    def __init__(self, step_m: float = 1.0, lake: float = 0.0, rough: float = 0.3) -> None:
        self.step_m, self.lake, self.rough = step_m, lake, rough
        self.origin = AT[0] - 40.0, AT[1] - 30.0

    def heights(self, column: int, row: int, columns: int, rows: int) -> NDArray[np.float32]:
        x = np.arange(column, column + columns) * self.step_m
        y = np.arange(row, row + rows)[:, None] * self.step_m
        z = 8 * np.sin(x / 61) * np.cos(y / 47) + 0.05 * x + np.where(x + 0.3 * y > 150, 4.0, 0.0)
        z = z + self.rough * np.sin(3.1 * x) * np.sin(2.3 * y)
        z[np.hypot(x - 100, y - 90) < self.lake] = np.nan
        return np.asarray(z + AT[2], np.float32)


def boxes_of(table: Any) -> Floats:
    from geovision.formats.tiles3d_spool import plan_boxes

    return plan_boxes(table)


def kept(patches: list[tuple[Patch, Floats, Floats]]) -> Any:
    def made(patch: Patch) -> None:
        patches.append((patch, patch.vertices()[patch.triangles], patch.heights.copy()))

    return made


def surface_at(corners: Floats, xy: Floats) -> Floats:
    """Height of triangles (T, 3, 3) over places (n, 2) by barycentric weights; NaN where there is none."""
    found = np.full(len(xy), np.nan)
    low, high = corners[:, :, :2].min(axis=1) - 1e-6, corners[:, :, :2].max(axis=1) + 1e-6
    order = np.argsort(xy[:, 0], kind="stable")
    left = np.searchsorted(xy[order, 0], low[:, 0])
    right = np.searchsorted(xy[order, 0], high[:, 0], side="right")
    for triangle, first, last in zip(corners, left.tolist(), right.tolist(), strict=True):
        some = order[first:last]
        (ax, ay, az), (bx, by, bz), (cx, cy, cz) = triangle
        det = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if not len(some) or abs(det) < 1e-12:
            continue
        dx, dy = xy[some, 0] - ax, xy[some, 1] - ay
        u = (dx * (cy - ay) - dy * (cx - ax)) / det
        v = (dy * (bx - ax) - dx * (by - ay)) / det
        inside = (u >= -1e-7) & (v >= -1e-7) & (u + v <= 1 + 1e-7)
        z = az + u * (bz - az) + v * (cz - az)
        found[some[inside]] = np.fmax(found[some[inside]], z[inside])
    return found


def test_patches_are_as_near_as_they_say() -> None:
    table = city(70, AT)
    patches: list[tuple[Patch, Floats, Floats]] = []
    with Terrain(Hills(lake=40.0, rough=0.05), boxes_of(table)) as terrain:
        top = terrain.build(kept(patches))
    assert top is not None
    assert len(patches) > 4
    finest = np.concatenate([corners for patch, corners, _ in patches if not patch.children])
    rng = np.random.default_rng(0)
    hills = Hills(rough=0.05)
    for patch, corners, _ in patches:
        assert len(corners) <= 1.1 * MOST_TRIANGLES
        xy = rng.uniform(patch.bounds[:2], patch.bounds[2:], (300, 2))
        fine, here = surface_at(finest, xy), surface_at(corners, xy)
        both = np.isfinite(fine) & np.isfinite(here)
        assert both.mean() > 0.05
        assert np.abs(fine - here)[both].max() <= patch.off + 1e-6
        assert all(child.off <= patch.off for child in patch.children)
        if not patch.children:
            nodes = ((xy - hills.origin) / hills.step_m).round().astype(int)
            truth = np.array([hills.heights(i, j, 1, 1)[0, 0] for i, j in nodes.tolist()])
            near = surface_at(corners, np.array(hills.origin) + nodes * hills.step_m)
            # Nodes of the patch's own; those just over its edge are another's. At the cliff errors add up.
            gap = np.abs(near - truth)[np.isfinite(near)]
            assert np.median(gap) <= 0.06
            assert np.quantile(gap, 0.95) <= 0.15
            assert gap.max() <= 1.0
    lake = np.array(hills.origin) + np.array([100, 90]) + rng.uniform(-20, 20, (50, 2))
    assert np.isnan(surface_at(finest, lake)).all()


@pytest.mark.parametrize("step_m", [1.0, 2.5])
def test_no_wall_ends_above_the_terrain(step_m: float) -> None:
    table = city(70, AT)
    boxes = boxes_of(table)
    patches: list[tuple[Patch, Floats, Floats]] = []
    with Terrain(Hills(step_m), boxes) as terrain:
        floor = terrain.lowest(boxes)
        terrain.build(kept(patches))
    finest = np.concatenate([corners for patch, corners, _ in patches if not patch.children])
    for lod in ("1.1", "2.2"):
        solids = mesh(table, lod=lod, polygons=False)
        over = wall_ends(solids)
        assert (over[:, 2] - surface_at(finest, over[:, :2])).max() > 1.0
        ends = wall_ends(with_foundations(solids, floor))
        ground = surface_at(finest, ends[:, :2])
        assert np.isfinite(ground).all()
        assert (ends[:, 2] - ground).max() <= 0.0


def wall_ends(solids: Any) -> Floats:
    """Places along the lower edges of walls, 0.4 m apart."""
    rows = []
    for one in solids:
        if not len(one.triangles):
            continue
        ground = one.triangles[one.triangle_labels == 3]
        edges = np.sort(ground[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
        found, count = np.unique(edges, axis=0, return_counts=True)
        for a, b in one.vertices[found[count == 1]]:
            share = np.linspace(0, 1, 2 + int(np.linalg.norm(b - a) / 0.4))[:, None]
            rows.append(a + share * (b - a))
    return np.concatenate(rows)


def test_ground_that_only_buildings_know() -> None:
    table = city(100, AT)
    boxes = boxes_of(table)
    patches: list[tuple[Patch, Floats, Floats]] = []
    with Terrain(BuildingGrounds(boxes, table.ground_z), boxes) as terrain:
        terrain.build(kept(patches))
    finest = np.concatenate([corners for patch, corners, _ in patches if not patch.children])
    ends = wall_ends(mesh(table, polygons=False))
    ground = surface_at(finest, ends[:, :2])
    assert np.isfinite(ground).all()
    assert (ends[:, 2] - ground).max() <= 0.0


def world_triangles(path: Path) -> Floats:
    """Triangles of a GLB in world coordinates, z up."""
    glb = parse_glb(path.read_bytes())
    found = []
    for node in glb.json["nodes"][1:]:
        for primitive in glb.json["meshes"][node["mesh"]]["primitives"]:
            place = glb.accessor(primitive["attributes"]["POSITION"]).astype(np.float64) + node["translation"]
            found.append(place[glb.accessor(primitive["indices"]).astype(int).reshape(-1, 3)])
    return np.concatenate(found)


def test_the_village_stands_on_its_ground(tmp_path: Path) -> None:
    """From files to files: the lowest edge of every wall in the GLBs is in the ground of the GLBs."""
    scene = geovision.open_scene(VILLAGE)
    town = tmp_path / "town"
    build_to(scene, town, formats=["glb", "3dtiles", "cityjsonseq"], geoid=43.0)
    ground = np.concatenate([world_triangles(path) for path in (town / "glb" / "terrain").glob("*.glb")])
    flat = np.abs(np.cross(ground[:, 1] - ground[:, 0], ground[:, 2] - ground[:, 0])[:, 2]) > 1e-9
    walls = np.concatenate([world_triangles(path) for path in (town / "glb").glob("*.glb")])
    corners = walls.reshape(-1, 3)
    for program in geovision.read_programs(town / "programs.parquet").to_programs():
        shell = np.array(program.parts[0].shell)
        near = (np.abs(corners[:, None, :2] - shell).max(axis=2) < 2e-3).any(axis=1)
        low = corners[near, 2].min()
        shares = np.arange(0, 1, 0.1)[:, None, None]
        around = (shell + shares * (np.roll(shell, -1, axis=0) - shell)).reshape(-1, 2)
        assert low <= np.nanmin(surface_at(ground[flat], around))
    # What is no picture keeps the program's ground.
    seq = (town / "buildings.city.jsonl").read_text().splitlines()
    header = json.loads(seq[0])["transform"]
    for line in seq[1:]:
        feature = json.loads(line)
        low_m = min(v[2] for v in feature["vertices"]) * header["scale"][2] + header["translate"][2]
        attributes = feature["CityObjects"][feature["id"]]["attributes"]
        assert low_m == pytest.approx(attributes["model_ground_z"], abs=1e-3)
    for part in ("tiles", "glb/terrain"):
        paths = [town / part] if part == "tiles" else list((town / part).glob("*.glb"))
        for path in paths:
            assert judge(path).ok, path
    assert all(
        report["numErrors"] == report["numWarnings"] == 0
        for report in khronos(node_modules(), *sorted((town / "tiles" / "terrain").rglob("*.glb")))
    )


def checkers(area: tuple[float, float, float, float], least_m: float) -> Picture:
    west, south, east, north = area
    cell = max(least_m, 0.5)
    x = west + cell * (np.arange(round((east - west) / cell)) + 0.5)
    y = north - cell * (np.arange(round((north - south) / cell)) + 0.5)
    red = (x[None, :] - AT[0]) % 200 + 0 * y[:, None]
    green = (y[:, None] - AT[1]) % 200 + 0 * x[None, :]
    return Picture(np.stack([red, green, 0 * red + 90], axis=2).astype(np.uint8), area)


def test_the_photo_lies_where_it_was_taken(tmp_path: Path) -> None:
    """The colour at a vertex's texture coordinate is the photo's at its place."""
    table = city(60, AT)
    with Terrain(Hills(), boxes_of(table)) as terrain:
        write_terrain(terrain, [TerrainFiles(tmp_path / "t.glb", merged=True, crs="EPSG:28992")], checkers)
    glb = parse_glb((tmp_path / "t.glb").read_bytes())
    assert len(glb.json["images"]) == len(glb.json["meshes"]) > 3
    for node in glb.json["nodes"][1:]:
        (primitive,) = glb.json["meshes"][node["mesh"]]["primitives"]
        place = glb.accessor(primitive["attributes"]["POSITION"]) + np.array(node["translation"])
        uv = glb.accessor(primitive["attributes"]["TEXCOORD_0"]).astype(np.float64)
        texture = glb.json["materials"][primitive["material"]]["pbrMetallicRoughness"]["baseColorTexture"]
        image = glb.json["images"][glb.json["textures"][texture["index"]]["source"]]
        (tmp_path / "p.jpg").write_bytes(glb.view(image["bufferView"]))
        pixels = np.asarray(Image.open(tmp_path / "p.jpg"), np.float64)
        assert pixels.shape[0] == pixels.shape[1] == round(SIDE / 0.5)
        size = pixels.shape[0]
        column, row = np.clip((uv * size).astype(int), 0, size - 1).T
        inner = (column > 4) & (column < size - 5) & (row > 4) & (row < size - 5)
        wanted = np.stack([(place[:, 0] - AT[0]) % 200, (place[:, 1] - AT[1]) % 200], axis=1)
        away = ((wanted > 6) & (wanted < 194)).all(axis=1) & inner
        assert away.sum() > 20
        assert np.abs(pixels[row, column, :2] - wanted)[away].max() < 6


@pytest.mark.slow
def test_clients_show_ground_and_buildings(tmp_path: Path, chromium: str) -> None:
    table = city(90, AT)
    globe = Globe("EPSG:28992", 43.0)
    with Terrain(Hills(), boxes_of(table)) as terrain:
        write_3dtiles(
            tmp_path / "t" / "buildings",
            [table],
            crs="EPSG:28992",
            geoid=43.0,
            per_tile=30,
            floor=terrain.lowest,
        )
        made = write_terrain(terrain, [TerrainTiles(tmp_path / "t" / "terrain", globe)], checkers)
    layers = {name: f"{name}/tileset.json" for name in ("buildings", "terrain")}
    write_joined_tileset(tmp_path / "t", layers, {})
    report = judge(tmp_path / "t")
    assert report.ok, report
    result = show("three.html", tmp_path / "t", chromium, tmp_path / "three.png")
    assert sorted(result["ids"]) == sorted(table.ids)
    assert result["ground"]["photos"] > 1
    result = show("cesium.html", tmp_path / "t", chromium, tmp_path / "cesium.png")
    assert sorted(result["leaves"]) == sorted(table.ids)
    assert result["tiles"] > made
