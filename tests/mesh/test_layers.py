"""Layers against planes, formulas and a brute-force oracle; the same from any threads, windows, origins."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from geovision.errors import InputError, UsageError
from geovision.mesh.layers import LAYERS, EdgeKind, draw_layers
from geovision.mesh.materials import Material, SceneLabel
from geovision.mesh.scene_mesh import Cover, SceneMesh, Terrain, Trees, Triangles, build_scene_mesh
from geovision.mesh.window import Window
from geovision.model import Flat, Gabled, Hipped, RoofKind
from tests.mesh.scenes import (
    CAR,
    GREY,
    ORIGIN,
    RED,
    TERRAIN,
    TREE,
    highest,
    house,
    random_buildings,
    turned_rectangle,
    village,
)

HEADERS = Path(__file__).parents[2] / "cpp" / "include" / "geovision"


@pytest.mark.parametrize(
    ("file", "name", "enum"),
    [
        ("scene.hpp", "Material", Material),
        ("scene.hpp", "SceneLabel", SceneLabel),
        ("edges.hpp", "EdgeKind", EdgeKind),
    ],
)
def test_codes_are_those_of_the_headers(file: str, name: str, enum: Any) -> None:
    text = (HEADERS / file).read_text(encoding="utf-8")
    found = re.search(rf"enum class {name} *:[^{{]*{{(.*?)}};", text, re.DOTALL)
    assert found is not None
    codes = {key.rstrip("_"): int(value) for key, value in re.findall(r"(\w+) = (\d+)", found[1])}
    assert {member.name.lower(): member.value for member in enum} == codes


def gable_height(
    ring: NDArray[Any], x: NDArray[Any], y: NDArray[Any], eave: float, rise: float
) -> NDArray[Any]:
    """Height of a gabled roof over a rectangle whose first side is the longer one."""
    along = (ring[1] - ring[0]) / np.linalg.norm(ring[1] - ring[0])
    width = float(np.linalg.norm(ring[2] - ring[1]))
    across = -(x - ring[:, 0].mean()) * along[1] + (y - ring[:, 1].mean()) * along[0]
    return np.asarray(eave + rise * (1 - np.abs(across) / (width / 2)))


@pytest.mark.parametrize("seed", range(12))
def test_a_gabled_roof_is_its_planes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    length, width, rise = rng.uniform(9, 15), rng.uniform(5, 8), rng.uniform(1.5, 4)
    ring = turned_rectangle(length, width, rng.uniform(0, 2 * math.pi), ORIGIN[:2] + rng.uniform(-1, 1, 2))
    scene = build_scene_mesh([house(Gabled(ridge_height=4 + rise), ring)])
    cell = 0.1
    window = Window.of((*(ORIGIN[:2] - 10), *(ORIGIN[:2] + 10)), cell)
    drawn = draw_layers(scene, window)
    x, y = np.meshgrid(*window.centres())
    roof = drawn["label"] == 0
    assert (roof == (drawn["building"] == 0)).all()
    expected = gable_height(ring, x, y, 4.0, rise)
    assert np.abs(drawn["height"] - expected)[roof].max() < 2e-3
    # A centre within a border cell may fall on either side: the area errs by less than the border's cells.
    perimeter = 2 * (length + width)
    assert roof.sum() * cell**2 == pytest.approx(length * width, abs=0.5 * perimeter * cell)
    slope = math.degrees(math.atan2(rise, width / 2))
    assert np.abs(drawn["slope"][roof] - slope).max() < 0.05
    normal = drawn["normal"][roof] / 127.0
    assert np.abs(np.linalg.norm(normal, axis=1) - 1).max() < 0.01
    assert np.abs(normal[:, 2] - math.cos(math.radians(slope))).max() < 0.006
    assert (drawn["roof_kind"][roof] == RoofKind.GABLED).all()
    assert (drawn["part"][roof] == 0).all()
    assert set(np.unique(drawn["surface"][roof])) == set(np.unique(drawn["surface"])) - {-1}
    assert len(np.unique(drawn["surface"][roof])) == 2
    assert (drawn["material"][roof] == Material.TILES).all()


def distance_to(segments: list[tuple[Any, Any]], x: NDArray[Any], y: NDArray[Any]) -> NDArray[np.float64]:
    best = np.full(x.shape, np.inf)
    for a, b in segments:
        d = np.subtract(b, a)
        t = np.clip(((x - a[0]) * d[0] + (y - a[1]) * d[1]) / (d @ d), 0, 1)
        best = np.minimum(best, np.hypot(x - a[0] - t * d[0], y - a[1] - t * d[1]))
    return best


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("width_m", [0.0, 0.5])
def test_edges_lie_where_planes_meet(seed: int, width_m: float) -> None:
    rng = np.random.default_rng(seed)
    ring = turned_rectangle(14, 8, rng.uniform(0, 2 * math.pi), ORIGIN[:2])
    scene = build_scene_mesh([house(Hipped(ridge_height=7.0), ring)])
    window = Window.of((*(ORIGIN[:2] - 10), *(ORIGIN[:2] + 10)), 0.1)
    edge = draw_layers(scene, window, ["edge"], edge_width_m=width_m)["edge"]
    x, y = np.meshgrid(*window.centres())
    along = (ring[1] - ring[0]) / 14
    middle = ring.mean(axis=0)
    # Equal pitches: the ridge begins half the width from each end.
    ends = [middle - 3 * along, middle + 3 * along]
    lines = {
        EdgeKind.RIDGE: [(ends[0], ends[1])],
        EdgeKind.HIP: [(ring[0], ends[0]), (ring[3], ends[0]), (ring[1], ends[1]), (ring[2], ends[1])],
        EdgeKind.EAVE: [(ring[k], ring[(k + 1) % 4]) for k in range(4)],
    }
    half = max(width_m, 0.1) / 2
    near = {kind: distance_to(segments, x, y) for kind, segments in lines.items()}
    # Vertices lie on a grid of 1 mm.
    slack = 0.002
    for kind, distance in near.items():
        assert distance[edge == kind].max() <= half + slack
        others = np.min([near[other] for other in near if other != kind], axis=0)
        assert (edge[(distance < half - slack) & (others > distance + slack)] == kind).all()
    assert set(np.unique(edge)) == {0, *map(int, lines)}


def test_the_kinds_of_edges() -> None:
    # A square hole in one slope's level part would need a program; planes made by hand show every kind.
    points = [
        (0, 0, 3), (6, 0, 3), (6, 4, 5), (0, 4, 5), (6, 6, 5), (0, 6, 5),
        (6, 9, 3), (0, 9, 3), (6, 12, 5), (0, 12, 5),
        (0, 0, 0), (6, 0, 0), (6, 12, 0), (0, 12, 0),
    ]  # fmt: skip
    quads = [
        (0, (0, 1, 2, 3)), (0, (3, 2, 4, 5)), (0, (5, 4, 6, 7)), (0, (7, 6, 8, 9)),
        (1, (10, 11, 1, 0)), (2, (9, 8, 12, 13)),
    ]  # fmt: skip
    triangles = [(label, t) for label, (a, b, c, d) in quads for t in ((a, b, c), (a, c, d))]
    hut = Triangles.uniform(
        points,
        [t for _, t in triangles],
        label=[label for label, _ in triangles],
        material=1,
        colour=(90, 90, 90),
        building=0,
        surface=np.repeat(np.arange(6), 2),
    )
    window = Window(0.0, 12.0, 0.5, 12, 24)
    column = draw_layers(build_scene_mesh([hut]), window, ["edge"])["edge"][:, 5]
    at = {y: int(column[round((12 - y) / 0.5)]) for y in (4.0, 6.0, 9.0)}
    assert at == {4.0: EdgeKind.BREAK, 6.0: EdgeKind.BREAK, 9.0: EdgeKind.VALLEY}
    assert (column[-1], column[0]) == (EdgeKind.EAVE, EdgeKind.STEP)
    # The long sides have no wall: borders, slanting or level as their part of the roof is.
    side = draw_layers(build_scene_mesh([hut]), window, ["edge"])["edge"][:, 0]
    assert side[4] == EdgeKind.VERGE
    assert side[13] == EdgeKind.EAVE


@pytest.mark.parametrize("first", [0, 40, 80])
def test_heights_are_those_of_brute_force(first: int) -> None:
    mesh = random_buildings(first, 10)
    scene = build_scene_mesh([mesh])
    window = Window.of((*ORIGIN[:2], ORIGIN[0] + 200, ORIGIN[1] + 80), 0.37)
    drawn = draw_layers(scene, window, ["height", "building", "surface", "normal", "part"])
    x, y = np.meshgrid(*window.centres())
    expected = highest(mesh, x, y)
    found = np.where(np.isnan(drawn["height"]), -np.inf, drawn["height"])
    differs = ~np.isclose(found, expected, atol=2e-3, rtol=0)
    # Corners are snapped to 1/256 cell: only centres that near to a border may fall on its other side.
    assert differs.mean() < 2e-3
    assert (np.isneginf(expected) == (drawn["building"] < 0))[~differs].all()
    assert ((drawn["surface"] // 1000 == drawn["building"]) | (drawn["building"] < 0)).all()
    assert (drawn["normal"][drawn["building"] >= 0][:, 2] >= 0).all()


WHOLE = Window(ORIGIN[0] - 20, ORIGIN[1] + 100, 0.3, 400, 400)


def same(a: dict[str, NDArray[Any]], b: dict[str, NDArray[Any]]) -> bool:
    return all(np.array_equal(a[name], b[name], equal_nan=a[name].dtype.kind == "f") for name in LAYERS)


def test_threads_do_not_matter() -> None:
    scene = village()
    one = draw_layers(scene, WHOLE, threads=1)
    assert list(one) == list(LAYERS)
    assert same(one, draw_layers(scene, WHOLE, threads=2))
    assert same(one, draw_layers(scene, WHOLE, threads=8))


def test_a_part_of_the_window_is_that_part_of_the_picture() -> None:
    scene = village()
    whole = draw_layers(scene, WHOLE)
    part = Window(WHOLE.left + 37 * 0.3, WHOLE.top - 101 * 0.3, 0.3, 150, 90)
    cut = draw_layers(scene, part)
    differ = {
        name: float(np.mean(~np.isclose(whole[name][101:191, 37:187], cut[name], equal_nan=True, atol=1e-4)))
        for name in LAYERS
    }
    # The corner of the window is no whole number of 1/256 cells from the other: borders may move by that.
    assert max(differ.values()) < 1e-3, differ


def test_the_origin_does_not_matter() -> None:
    a = village()
    moved = build_scene_mesh(
        [_world(a)],
        terrain=Terrain(
            a.terrain.left + a.origin[0],  # type: ignore[union-attr]
            a.terrain.top + a.origin[1],  # type: ignore[union-attr]
            a.terrain.cell_m,  # type: ignore[union-attr]
            (a.terrain.z.astype(np.float64) + a.origin[2]).astype(np.float32),  # type: ignore[union-attr]
        ),
        origin=a.origin + np.array([70, -30, 3]),
    )
    one = draw_layers(a, WHOLE, ["building", "surface"], see=("building",))
    two = draw_layers(moved, WHOLE, ["building", "surface"], see=("building",))
    assert all(np.array_equal(one[name], two[name]) for name in one)


def _world(scene: SceneMesh) -> Triangles:
    mesh = scene.triangles
    return Triangles(
        mesh.vertices + scene.origin,
        mesh.triangles,
        mesh.label,
        mesh.material,
        mesh.colour,
        mesh.building,
        mesh.part,
        mesh.surface,
        mesh.roof_kind,
    )


def test_what_is_to_be_seen() -> None:
    scene = village()
    everything = draw_layers(scene, WHOLE, ["height", "label"])
    assert {TERRAIN, TREE, CAR, 0} <= set(np.unique(everything["label"]).tolist())
    land = draw_layers(scene, WHOLE, ["height", "label"], see=("terrain",))
    assert (land["label"] == TERRAIN).all()
    built = draw_layers(scene, WHOLE, ["height", "label", "slope"], see=("building",))
    assert (built["label"][np.isnan(built["height"])] == 255).all()
    assert np.isnan(built["slope"]).any()
    assert (land["height"] <= everything["height"]).all()
    hidden = everything["label"] != draw_layers(scene, WHOLE, ["label"], see=("terrain", "building"))["label"]
    assert (np.isin(everything["label"], (TREE, CAR)) == hidden).all()


def test_the_terrain_is_bilinear_and_carries_its_cover() -> None:
    scene = village()
    assert scene.terrain is not None
    drawn = draw_layers(scene, WHOLE, ["height", "material", "slope", "normal"], see=("terrain",))
    x, y = np.meshgrid(*WHOLE.centres())
    bare = scene.terrain.sample(x - scene.origin[0], y - scene.origin[1]) + scene.origin[2]
    lift = np.where(drawn["material"] == Material.ASPHALT, -0.1, 0.0)
    assert np.abs(drawn["height"] - bare - lift).max() < 1e-3
    assert set(np.unique(drawn["material"])) == {Material.GRASS, Material.ASPHALT, Material.WATER}
    water = drawn["material"] == Material.WATER
    # 20 x 16 m with an island of 8 x 6.
    assert water.sum() * 0.09 == pytest.approx(20 * 16 - 8 * 6, rel=0.02)
    island = (np.abs(x - ORIGIN[0] - 60) < 3.8) & (np.abs(y - ORIGIN[1] - 57) < 2.8)
    assert (drawn["material"][island] == Material.GRASS).all()
    east = (np.roll(bare, -1, 1) - np.roll(bare, 1, 1)) / 0.6
    north = (np.roll(bare, 1, 0) - np.roll(bare, -1, 0)) / 0.6
    slope = np.degrees(np.arctan(np.hypot(east, north)))
    assert np.median(np.abs(drawn["slope"] - slope)[1:-1, 1:-1]) < 0.02
    normal = np.stack([-east, -north, np.ones_like(east)]) / np.sqrt(1 + east**2 + north**2)
    assert np.median(np.abs(np.moveaxis(drawn["normal"], -1, 0) / 127 - normal)) < 0.005


def test_terrain_goes_on_flat_beyond_its_border() -> None:
    land = Terrain(0.0, 10.0, 10.0, np.array([[1, 2], [3, 4]], np.float32))
    scene = build_scene_mesh([], terrain=land)
    drawn = draw_layers(scene, Window(-20.0, 30.0, 10.0, 5, 5), ["height", "slope"])
    assert drawn["height"][0, 0] == 1
    assert drawn["height"][-1, -1] == 4
    assert drawn["slope"][0, 0] == 0


def test_crowns_stay_within_their_measures() -> None:
    trees = Trees.of(
        [[5, 5], [25, 5]], 100.0, [8.0, 12.0], [3.0, 2.0], crown_base=[2.0, 1.0], conifer=[False, True]
    )
    scene = build_scene_mesh([], trees=trees)
    window = Window(0.0, 10.0, 0.05, 600, 200)
    drawn = draw_layers(scene, window)
    x, y = np.meshgrid(*window.centres())
    seen = drawn["label"] == TREE
    for k, (height, radius, base) in enumerate([(8.0, 3.0, 2.0), (12.0, 2.0, 1.0)]):
        r = np.hypot(x - trees.xy[k, 0], y - 5)
        mine = seen & (r < 8)
        top = drawn["height"][mine] - 100
        assert r[mine].max() <= 1.2 * radius
        assert 0.7 < mine.sum() * 0.05**2 / (math.pi * radius**2) < 1.3
        assert top.min() > base
        assert height - 1.5 < top.max() < height + 0.3 * radius
        assert (drawn["material"][mine] == (Material.NEEDLES if k else Material.FOLIAGE)).all()
    assert (drawn["normal"][seen][:, 2] > 0).all()


def test_the_nearest_of_several_layers() -> None:
    low = house(Flat(), turned_rectangle(10, 10, 0, np.array([0.0, 0.0])), eave=3.0)
    high = Triangles.uniform(
        [[0, -2, 9], [4, -2, 9], [4, 2, 9], [0, 2, 9]],
        [[0, 1, 2], [0, 2, 3]],
        label=SceneLabel.OBJECT,
        material=0,
        colour=GREY.colour,
    )
    drawn = draw_layers(build_scene_mesh([low, high]), Window(-6.0, 6.0, 1.0, 12, 12))
    assert (drawn["label"][4:8, 6:10] == SceneLabel.OBJECT).all()
    assert np.nanmax(drawn["height"]) == 9
    assert (drawn["label"] == 0).sum() == 100 - 16
    assert drawn["material"][2, 2] == GREY.material != RED.material


def test_bad_input_is_named() -> None:
    scene = village()
    with pytest.raises(UsageError, match="layers"):
        draw_layers(scene, WHOLE, ["heigth"])
    with pytest.raises(UsageError, match="see"):
        draw_layers(scene, WHOLE, see=("trees",))
    with pytest.raises(UsageError, match="edge_width_m"):
        draw_layers(scene, WHOLE, edge_width_m=math.nan)
    with pytest.raises(UsageError, match="no cells"):
        Window(0, 0, 1.0, 0, 5)
    with pytest.raises(UsageError, match="cell size"):
        Window(0, 0, math.nan, 5, 5)
    with pytest.raises(UsageError, match="give no window"):
        Window.of((0, 0, -1, 5), 1.0)
    with pytest.raises(InputError, match="finite heights"):
        Terrain(0, 0, 1.0, np.full((2, 2), np.nan, np.float32))
    with pytest.raises(InputError, match="crown"):
        Trees.of([[0, 0]], 0.0, 3.0, 2.0, crown_base=4.0)
    with pytest.raises(InputError, match="not finite"):
        Trees.of([[0, math.nan]], 0.0, 3.0, 2.0)
    with pytest.raises(InputError, match="vertex that is not there"):
        Triangles.uniform(np.zeros((3, 3)), [[0, 1, 3]], label=0, material=0, colour=(0, 0, 0))
    with pytest.raises(InputError, match="no offsets"):
        Cover(
            np.array([0, 2]),
            np.array([0, 4]),
            np.zeros((4, 2)),
            np.zeros(1, np.uint8),
            np.zeros((1, 3), np.uint8),
            np.zeros(1),
        )
    with pytest.raises(InputError, match="whole metres"):
        build_scene_mesh([], origin=(0.5, 0, 0))


def test_an_empty_scene_is_empty() -> None:
    drawn = draw_layers(build_scene_mesh([]), Window(0, 0, 1.0, 4, 3))
    assert np.isnan(drawn["height"]).all()
    assert (drawn["building"] == -1).all()
    assert (drawn["label"] == 255).all()
    assert not drawn["edge"].any()
