"""3D Tiles: what stands where, in which box, with which attributes; by our own reading of the files."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import trimesh
from numpy.typing import NDArray
from pyproj import CRS, Transformer

from geovision.formats.tiles3d import write_3dtiles
from geovision.formats.tiles3d_place import Globe
from geovision.mesh import mesh
from geovision.model.table import ProgramTable
from geovision.pipeline.generate import generate
from tests.helpers_tiles3d import Content, Tile, read_content, read_tileset

Floats = NDArray[np.float64]

# Where scenes are, with awkward ones: over the antimeridian, at a pole, high up, in metres that are too long.
PLACES = {
    "EPSG:28992": (155_000.0, 463_000.0, 3.0),
    "EPSG:2056": (2_600_000.0, 1_200_000.0, 1540.0),
    "EPSG:32760": (835_600.0, 8_000_000.0, 12.0),
    "EPSG:3832": (3_339_583.0, -2_000_000.0, 5.0),
    "EPSG:3031": (-150.0, -140.0, 2835.0),
    "EPSG:3857": (600_000.0, 8_400_000.0, 40.0),
}


def city(count: int, at: tuple[float, float, float], seed: int = 3) -> ProgramTable:
    """A generated town that begins at a place, with attributes of every kind."""
    table = generate(count=count, seed=seed)
    columns: dict[str, Any] = {name: column.copy() for name, column in table.columns().items()}
    columns["xy"] += at[:2]
    columns["face_xy"] += at[:2]
    columns["super_params"][:, :2] += at[:2]
    columns["ground_z"] += at[2] + 0.25
    rows: list[dict[str, Any]] = [
        {"year": 1900 + i, "gas": None if i % 3 else i % 2 == 0, "area": i / 7 if i % 5 else None}
        | ({"note": f"Käfig {i} 🏠"} if i % 2 else {})
        for i in range(len(table))
    ]
    ids = [f"gm/{i}/é🏠" for i in range(len(table))]
    return ProgramTable.from_arrays(ids=ids, attributes=rows, **columns)


@functools.cache
def town() -> ProgramTable:
    return city(260, PLACES["EPSG:28992"])


def contents(tiles: list[Tile]) -> list[tuple[Tile, Content]]:
    return [(tile, read_content(tile.content)) for tile in tiles if tile.content is not None]


@functools.cache
def transformer(crs: str, to: str) -> Transformer:
    return Transformer.from_crs(crs, to, always_xy=True)


def ecef(crs: str, points: Floats, geoid: float = 0.0) -> Floats:
    """What PROJ says, by two steps that the writer does not take."""
    degrees = transformer(crs, "EPSG:4979").transform(*(points + np.array([0, 0, geoid])).T)
    return np.array(transformer("EPSG:4979", "EPSG:4978").transform(*degrees)).T


def placed(tile: Tile, points: Floats) -> Floats:
    """Points of the root's frame on the globe."""
    world: Floats = points @ tile.transform[:3, :3].T + tile.transform[:3, 3]
    return world


def leaves(tiles: list[Tile]) -> list[tuple[Tile, Content]]:
    return contents([tile for tile in tiles if not tile.children])


@pytest.mark.parametrize(("compression", "bound"), [("none", 0.001), ("meshopt", 0.01)])
@pytest.mark.parametrize("crs", PLACES)
def test_every_corner_is_where_proj_says(tmp_path: Path, crs: str, compression: Any, bound: float) -> None:
    table = city(60, PLACES[crs])
    summary = write_3dtiles(
        tmp_path / "t", [table], crs=crs, geoid=40.5, compression=compression, per_tile=25, threads=2
    )
    assert summary.buildings == len(table)
    found: dict[str, Floats] = {}
    for tile, content in leaves(read_tileset(summary.tileset)):
        corners = placed(tile, content.corners.reshape(-1, 3)).reshape(-1, 3, 3)
        for row, name in enumerate(content.columns["id"]):
            found[name] = corners[content.features == row]
    for solid in mesh(table):
        world = ecef(crs, solid.vertices, 40.5)[solid.triangles].reshape(-1, 9)
        got = found[solid.id].reshape(-1, 9)
        # Triangles come grouped by material; each may begin with another corner.
        turned = np.concatenate([np.roll(world, 3 * k, axis=1) for k in range(3)])
        gaps = np.abs(got[:, None] - turned[None]).reshape(len(got), -1, 3, 3)
        distance = np.linalg.norm(gaps, axis=3).max(axis=2)
        assert distance.min(axis=1).max() < bound
        nearest = distance.argmin(axis=1) % len(world)
        assert len(np.unique(nearest)) == len(world)


@pytest.mark.parametrize("tiling", ["explicit", "implicit"])
@pytest.mark.parametrize("compression", ["none", "meshopt"])
def test_boxes_hold_everything_and_are_tight(tmp_path: Path, tiling: Any, compression: Any) -> None:
    summary = write_3dtiles(
        tmp_path / "t", [town()], crs="EPSG:28992", tiling=tiling, compression=compression, per_tile=20
    )
    tiles = read_tileset(summary.tileset)
    assert len(tiles) > 20
    for tile, content in contents(tiles):
        points = content.corners.reshape(-1, 3)
        for above in tile.ancestors():
            assert above.holds(points)
        axes = tile.box[3:].reshape(3, 3)
        half = np.linalg.norm(axes, axis=1)
        reach = np.abs((points - tile.box[:3]) @ (axes / half[:, None]).T)
        # A tile's box is that of the finest below it, and blocks are lower than roofs.
        assert (half - reach.max(axis=0) < (0.001 if not tile.children else 8.0)).all()
        if tile.children:
            corners = np.concatenate(
                [
                    read_content(leaf.content).corners.reshape(-1, 3)
                    for leaf in _leaves_of(tile)
                    if leaf.content
                ]
            )
            reach = np.abs((corners - tile.box[:3]) @ (axes / half[:, None]).T)
            assert (half - reach.max(axis=0) < 0.1).all()
        if tile.implied is not None:
            assert tile.implied[1] >= tile.error - 1e-9
            # Clients that read no metadata see a box that the tile's middle is in.
            inside = np.abs(tile.box[:2] - tile.implied[0][:2]) <= tile.implied[0][[3, 7]] + 30
            assert inside.all()
    if tiling == "implicit":
        implied = Tile(tiles[0].implied[0], 0, None, None, np.eye(4)) if tiles[0].implied else None
        assert implied is not None
        assert all(implied.holds(content.corners.reshape(-1, 3)) for _, content in contents(tiles))


def _leaves_of(tile: Tile) -> list[Tile]:
    return [leaf for child in tile.children for leaf in _leaves_of(child)] if tile.children else [tile]


@pytest.mark.parametrize("tiling", ["explicit", "implicit"])
@pytest.mark.parametrize("compression", ["none", "meshopt"])
def test_attributes_come_back_with_their_buildings(tmp_path: Path, tiling: Any, compression: Any) -> None:
    table = town()
    more: dict[str, Any] = {
        "score": np.linspace(0, 1, len(table)),
        "roof kind": [f"k{i}" for i in range(len(table))],
    }
    summary = write_3dtiles(
        tmp_path / "t", [(table, more)], crs="EPSG:28992", tiling=tiling, compression=compression, per_tile=40
    )
    tiles = read_tileset(summary.tileset)
    seen: dict[str, tuple[Any, ...]] = {}
    schemas = set()
    rows = {name: i for i, name in enumerate(table.ids)}
    boxes = {solid.id: ecef("EPSG:28992", solid.vertices).mean(axis=0) for solid in mesh(table)}
    for tile, content in contents(tiles):
        properties = content.glb.json["extensions"]["EXT_structural_metadata"]["schema"]["classes"][
            "building"
        ]
        schemas.add(str(properties))
        assert sorted(np.unique(content.features)) == list(range(len(content.columns["id"])))
        for row, name in enumerate(content.columns["id"]):
            wanted = table.attributes[rows[name]]
            got = {key: values[row] for key, values in content.columns.items()}
            assert got["year"] == wanted["year"]
            assert got["area"] == wanted["area"]
            assert got["note"] == wanted.get("note")
            assert got["gas"] == (None if wanted["gas"] is None else int(wanted["gas"]))
            assert got["score"] == more["score"][rows[name]]
            assert got["roof_kind_2" if "roof_kind_2" in got else "roof_kind"] is not None
            here = placed(tile, content.corners[content.features == row].reshape(-1, 3)).mean(axis=0)
            assert np.linalg.norm(here - boxes[name]) < 15
            if not tile.children:
                assert name not in seen
                seen[name] = tuple(got.items())
    assert len(seen) == len(table) == summary.buildings
    assert len(schemas) == 1


def test_normals_are_those_of_the_placed_faces(tmp_path: Path) -> None:
    # Far from the central meridian grid north is degrees off.
    table = city(40, (835_000.0, 6_900_000.0, 10.0))
    for compression, bound in (("none", 0.005), ("meshopt", 0.02)):
        folder = tmp_path / compression
        write_3dtiles(folder, [table], crs="EPSG:32632", compression=compression)  # type: ignore[arg-type]
        for _, content in contents(read_tileset(folder / "tileset.json")):
            p = content.corners
            area = np.cross(p[:, 1] - p[:, 0], p[:, 2] - p[:, 0])
            length = np.linalg.norm(area, axis=1)
            # A face is flat to the kernel's grid of 1 mm, and slivers have no direction of their own.
            wide = length > 0.5
            assert wide.sum() > 100
            assert (
                np.linalg.norm(area[wide] / length[wide, None] - content.normals[wide], axis=1).max() < bound
            )
            up = content.normals[:, 2]
            roof, ground = (np.array([n == name for n in content.names]) for name in ("roof", "ground"))
            assert (up[roof] > 0).mean() > 0.95
            assert (up[ground] < 0).all()


def test_solids_stay_closed_when_compressed(tmp_path: Path) -> None:
    write_3dtiles(tmp_path / "t", [town()], crs="EPSG:28992")
    for _, content in leaves(read_tileset(tmp_path / "t" / "tileset.json")):
        for row in range(0, len(content.columns["id"]), 5):
            corners = content.corners[content.features == row].reshape(-1, 3)
            _, index = np.unique(np.round(corners, 5), axis=0, return_inverse=True)
            edges = index.reshape(-1)[np.arange(len(corners)).reshape(-1, 3)][:, [[0, 1], [1, 2], [2, 0]]]
            forth = {tuple(edge) for edge in edges.reshape(-1, 2).tolist()}
            assert {(b, a) for a, b in forth} == forth


def farthest(points: Floats, triangles: Floats) -> float:
    """Greatest distance of a point from the nearest triangle."""
    p, t = len(points), len(triangles)
    pairs = np.repeat(points, t, axis=0), np.tile(triangles, (p, 1, 1))
    closest: Any = trimesh.triangles.closest_point
    gaps = closest(pairs[1], pairs[0]) - pairs[0]
    return float(np.linalg.norm(gaps, axis=1).reshape(p, t).min(axis=1).max())


def test_errors_bound_the_distance_to_the_finest(tmp_path: Path) -> None:
    write_3dtiles(tmp_path / "t", [town()], crs="EPSG:28992", per_tile=15, compression="none")
    tiles = read_tileset(tmp_path / "t" / "tileset.json")
    fine: dict[str, Floats] = {}
    for _, content in leaves(tiles):
        for row, name in enumerate(content.columns["id"]):
            fine[name] = content.corners[content.features == row]
    dropped = 0
    for tile in tiles:
        if not tile.children:
            assert tile.error == 0
            continue
        assert tile.error >= max(child.error for child in tile.children)
        assert tile.content is not None
        content = read_content(tile.content)
        below = [
            n for leaf in _leaves_of(tile) if leaf.content for n in read_content(leaf.content).columns["id"]
        ]
        shown = content.columns["id"]
        assert set(shown) <= set(below)
        for name in set(below) - set(shown):
            dropped += 1
            assert np.linalg.norm(np.ptp(fine[name].reshape(-1, 3), axis=0)) <= tile.error + 0.01
        for row in range(0, len(shown), 3):
            blocks, solid = content.corners[content.features == row], fine[shown[row]]
            for a, b in ((blocks, solid), (solid, blocks)):
                assert farthest(a.reshape(-1, 3), b) <= tile.error + 0.01
    assert dropped > 20


def test_implicit_and_explicit_are_one_tree(tmp_path: Path) -> None:
    tilings: tuple[Literal["explicit", "implicit"], ...] = ("explicit", "implicit")
    for tiling in tilings:
        write_3dtiles(tmp_path / tiling, [town()], crs="EPSG:28992", per_tile=10, tiling=tiling)
    trees = []
    for tiling in ("explicit", "implicit"):
        tiles = read_tileset(tmp_path / tiling / "tileset.json")
        trees.append(
            {
                str(tile.content.relative_to(tmp_path / tiling)): (tile.box.tolist(), tile.error)
                for tile in tiles
                if tile.content
            }
        )
    assert trees[0] == trees[1]
    for name in trees[0]:
        assert (tmp_path / "explicit" / name).read_bytes() == (tmp_path / "implicit" / name).read_bytes()


def test_villages_far_apart_make_deep_trees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # What stands far off has its own frame, and one file holds too few levels.
    monkeypatch.setattr("geovision.formats.tiles3d_json.SUBTREE_LEVELS", 2)
    table = ProgramTable.concat(
        [city(30, (155_000.0, 463_000.0, 1.0)), city(30, (155_000.0, 560_000.0, 90.0))]
    )
    for tiling in ("explicit", "implicit"):
        summary = write_3dtiles(
            tmp_path / tiling,
            [table],
            crs="EPSG:28992",
            per_tile=3,
            tiling=tiling,
            compression="none",
        )
        assert summary.levels > 10
        assert (tmp_path / tiling / ("tilesets" if tiling == "explicit" else "subtrees")).is_dir()
        tiles = read_tileset(summary.tileset)
        ids = [name for _, content in leaves(tiles) for name in content.columns["id"]]
        assert sorted(ids) == sorted(table.ids)
        for tile, content in contents(tiles):
            assert all(above.holds(content.corners.reshape(-1, 3)) for above in tile.ancestors())
            assert np.abs(content.glb.accessor(0)).max() < 1e6


def test_bytes_depend_on_the_programs_alone(tmp_path: Path) -> None:
    table = town()
    rng = np.random.default_rng(0)
    mixed = table.take(rng.permutation(len(table)))
    pieces = [mixed.slice(a, a + 37) for a in range(0, len(mixed), 37)]
    ways: list[tuple[list[ProgramTable], int]] = [
        ([table], 1),
        (pieces, 4),
        ([ProgramTable.empty(), mixed], 2),
    ]
    results = []
    for number, (batches, threads) in enumerate(ways):
        folder = tmp_path / str(number)
        write_3dtiles(folder, iter(batches), crs="EPSG:28992", per_tile=30, threads=threads)
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        results.append({str(path.relative_to(folder)): path.read_bytes() for path in files})
    assert results[0] == results[1] == results[2]
    assert not any(name.startswith(".") or ".tmp" in name for name in results[0])


def test_spool_in_many_chunks_gives_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_3dtiles(tmp_path / "a", [town()], crs="EPSG:28992", per_tile=30)
    monkeypatch.setattr("geovision.formats.tiles3d_spool.CHUNK", 7)
    monkeypatch.setattr("geovision.formats.tiles3d_build._RUN", 50)
    batches = [town().slice(a, a + 11) for a in range(0, len(town()), 11)]
    write_3dtiles(tmp_path / "b", batches, crs="EPSG:28992", per_tile=30)
    for path in (tmp_path / "a").rglob("*.*"):
        assert (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes() == path.read_bytes()


def test_a_way_that_is_not_smooth_is_followed_point_by_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = Globe.geodetic

    def bumpy(self: Globe, xyz: Floats) -> tuple[Floats, Floats, Floats]:
        lon, lat, height = plain(self, xyz)
        return lon, lat, height + 0.3 * np.abs(np.sin(xyz[:, 0] / 20))

    monkeypatch.setattr(Globe, "geodetic", bumpy)
    globe = Globe("EPSG:28992", 0.0)
    table = city(30, PLACES["EPSG:28992"])
    write_3dtiles(tmp_path / "t", [table], crs="EPSG:28992", geoid=0.0, compression="none")
    solids = {solid.id: solid for solid in mesh(table)}
    for tile, content in leaves(read_tileset(tmp_path / "t" / "tileset.json")):
        for row, name in enumerate(content.columns["id"]):
            got = placed(tile, content.corners[content.features == row].reshape(-1, 3))
            wanted = globe.ecef(solids[name].vertices)
            assert np.linalg.norm(got[:, None] - wanted[None], axis=2).min(axis=1).max() < 0.001


@pytest.mark.parametrize(
    ("crs", "geoid", "height"),
    [
        ("EPSG:28992", None, {"conversion": "none", "geoid_m": 0.0, "source": "not stated"}),
        ("EPSG:28992+5709", 43.25, {"conversion": "offset", "geoid_m": 43.25, "source": "NAP height"}),
        ("EPSG:28992", -2.5, {"conversion": "offset", "geoid_m": -2.5, "source": "not stated"}),
    ],
)
def test_heights_are_stated(tmp_path: Path, crs: str, geoid: float | None, height: dict[str, Any]) -> None:
    table = city(5, PLACES["EPSG:28992"])
    summary = write_3dtiles(tmp_path / "t", [table], crs=crs, geoid=geoid)
    assert summary.height == {"reference": "WGS 84 ellipsoid", **height}
    text = (tmp_path / "t" / "tileset.json").read_text(encoding="utf-8")
    extras = json.loads(text)["asset"]["extras"]
    assert extras["height"] == summary.height
    assert CRS.from_user_input(extras["crs"]).equals(CRS.from_user_input(crs))
    assert bool(summary.warnings) == (geoid is None)
    tiles = read_tileset(summary.tileset)
    points = np.concatenate([placed(t, c.corners.reshape(-1, 3)) for t, c in leaves(tiles)])
    back = transformer("EPSG:4978", "EPSG:4979").transform(*points.T)
    assert abs(back[2].min() - (table.ground_z.min() + (geoid or 0.0))) < 0.01
