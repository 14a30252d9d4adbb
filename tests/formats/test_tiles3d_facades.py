"""Facades in 3D Tiles: a level below the leaves, with pieces before the walls wherever on the globe."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geovision.errors import UsageError
from geovision.formats.tiles3d import write_3dtiles
from geovision.formats.tiles3d_content import FACADE_ERROR_M, TileFacades
from geovision.mesh import mesh
from geovision.mesh.elements import ElementKind, Elements
from geovision.mesh.looks import FaceLooks, face_looks
from geovision.mesh.materials import Material
from geovision.mesh.scene_parts import Paint
from geovision.mesh.solids import Solids
from geovision.mesh.walls import Walls
from geovision.model.table import ProgramTable
from geovision.quality.gltf import matrix_of
from geovision.quality.validate import validate
from tests.formats.test_tiles3d import PLACES, city, ecef
from tests.helpers_facades import Row, elements_of, plain_walls
from tests.helpers_glb import parse_glb
from tests.helpers_tiles3d import read_tileset


def dress(solids: Solids) -> tuple[Solids, Walls, Elements]:
    """A window in each wall that has room for one."""
    walls = plain_walls(solids)
    rows: list[Row] = [
        (wall, ElementKind.WINDOW, (500, 1700, 800, 2000), 100, 0)
        for wall in range(len(walls))
        if walls.length[wall] > 2300 and walls.height[wall] > 2500
    ]
    return solids, walls, elements_of(walls, rows)


class Dresser:
    def looks(self, table: ProgramTable, solids: Solids) -> FaceLooks:
        red, grey = Paint(Material.TILES, (150, 80, 60)), Paint(Material.MEMBRANE, (98, 98, 102))
        return face_looks(solids, roof=red, flat=grey, wall=Paint(Material.BRICK, (168, 128, 98)))

    def facades(self, table: ProgramTable, solids: Solids) -> TileFacades | None:
        return TileFacades("3.0", instances=dress(solids))


def windows(path: Path) -> list[tuple[str, Any]]:
    """Id of the building, and the middle of its pane, of all windows of a content, in the root's frame."""
    glb = parse_glb(path.read_bytes())
    ids = glb.columns()["id"]
    found = []
    for node in glb.json["nodes"]:
        if node.get("name") != "window":
            continue
        columns = node["extensions"]["EXT_mesh_gpu_instancing"]["attributes"]
        values = {name: glb.accessor(index) for name, index in columns.items()}
        pane = next(
            one
            for one in glb.json["meshes"][node["mesh"]]["primitives"]
            if glb.json["materials"][one["material"]]["name"] == "window"
        )
        middle = np.array([*glb.accessor(pane["attributes"]["POSITION"]).mean(axis=0), 1.0])
        for i in range(len(values["TRANSLATION"])):
            place = matrix_of(
                {
                    "translation": values["TRANSLATION"][i].tolist(),
                    "rotation": values["ROTATION"][i].tolist(),
                    "scale": values["SCALE"][i].tolist(),
                }
            )
            at = matrix_of({"matrix": glb.json["nodes"][1]["matrix"]}) @ place @ middle
            found.append((ids[int(values["_FEATURE_ID_0"][i])], at[:3]))
    return found


@pytest.mark.parametrize("crs", ["EPSG:28992", "EPSG:3857", "EPSG:3031"])
@pytest.mark.parametrize("compression", ["meshopt", "none"])
def test_windows_stand_before_their_walls_on_the_globe(tmp_path: Path, crs: str, compression: Any) -> None:
    table = city(40, PLACES[crs])
    summary = write_3dtiles(
        tmp_path / "t",
        [table],
        crs=crs,
        geoid=0.0,
        compression=compression,
        per_tile=15,
        dresser=Dresser(),
        texture_size=16,
    )
    report = validate(tmp_path / "t")
    assert report.ok, report.counts
    solids = mesh(table)
    _, walls, elements = dress(solids)
    along = walls.direction[elements.wall]
    out = np.stack([along[:, 1], -along[:, 0], np.zeros(len(along))], axis=1)
    middle = solids.origin[walls.building[elements.wall]] + walls.corner[elements.wall] / 1000
    middle = middle + np.hstack([along * 1.1, np.full((len(along), 1), 1.4)]) + 0.02 * out
    wanted = ecef(crs, middle)
    names = np.array(table.ids)[walls.building[elements.wall]]
    tiles = read_tileset(summary.tileset)
    finest = [tile for tile in tiles if not tile.children]
    assert all(tile.content is not None and tile.content.name.endswith(".facades.glb") for tile in finest)
    shown = [
        (name, tile.transform[:3, :3] @ at + tile.transform[:3, 3])
        for tile in finest
        if tile.content is not None
        for name, at in windows(tile.content)
    ]
    assert len(shown) == len(elements)
    for name, at in shown:
        near = np.linalg.norm(wanted - at, axis=1)
        assert near.min() < 0.03
        assert names[near.argmin()] == name


class Listener(Dresser):
    """Remembers what programs it was shown."""

    def __init__(self) -> None:
        self.seen: dict[str, dict[str, Any]] = {}

    def looks(self, table: ProgramTable, solids: Solids) -> FaceLooks:
        self.seen |= {row["id"]: row for row in table.to_dicts()}
        return super().looks(table, solids)


def test_who_dresses_is_shown_whole_programs(tmp_path: Path) -> None:
    """Tags choose styles and colours; what a program says of its own facade goes before them."""
    town = city(30, PLACES["EPSG:28992"])
    facade = [{"style": "shed", "seed": row} if row % 2 else None for row in range(len(town))]
    provenance = [{"default": "observed"} if row % 3 else {"default": "given"} for row in range(len(town))]
    columns: dict[str, Any] = dict(town.columns())
    table = ProgramTable.from_arrays(
        ids=town.ids, attributes=town.attributes, facade=facade, provenance=provenance, **columns
    )
    listener = Listener()
    write_3dtiles(
        tmp_path / "t", [table], crs="EPSG:28992", geoid=0.0, per_tile=8, dresser=listener, texture_size=16
    )
    assert listener.seen == {row["id"]: row for row in table.to_dicts()}


def test_each_level_shows_the_same_buildings_nearer(tmp_path: Path) -> None:
    table = city(60, PLACES["EPSG:28992"])
    summary = write_3dtiles(
        tmp_path / "t", [table], crs="EPSG:28992", per_tile=20, dresser=Dresser(), texture_size=16
    )
    tiles = read_tileset(summary.tileset)
    for tile in tiles:
        assert tile.parent is None or tile.error <= tile.parent.error
        if tile.content is None:
            continue
        glb = parse_glb(tile.content.read_bytes())
        lod = glb.json["asset"]["extras"]["lod"]
        if not tile.children:
            assert (lod, tile.error) == ("3.0", 0.0)
            assert tile.parent is not None
            assert tile.parent.error == FACADE_ERROR_M
            assert tile.parent.content is not None
            above = parse_glb(tile.parent.content.read_bytes())
            assert above.json["asset"]["extras"]["lod"] == "2.2"
            assert above.columns()["id"] == glb.columns()["id"]
        for image in glb.json["images"]:
            assert (tile.content.parent / image["uri"]).resolve().is_file()
    pictures = {path.name for path in (tmp_path / "t" / "materials").iterdir()}
    assert {"brick_stretcher_base.webp", "pantiles_normal.webp", "membrane_orm.webp"} <= pictures
    assert json.loads(summary.tileset.read_text())["asset"]["extras"]["buildings"] == len(table)


def test_what_does_not_go_together_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="implicit tiling"):
        write_3dtiles(tmp_path / "t", [], crs="EPSG:28992", tiling="implicit", dresser=Dresser())
