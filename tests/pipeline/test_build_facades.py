"""Builds with facades: every format has them, and roofs have the colour of the photo."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import geovision
from geovision.formats.programs import read_programs
from geovision.formats.terrain import Terrain
from geovision.formats.tiles3d_spool import plan_boxes
from geovision.mesh import ElementKind, check, mesh
from geovision.model.labels import Label
from geovision.model.table import ProgramTable
from geovision.pipeline.build_to import build_to
from geovision.pipeline.dresser import ROOF_COLOUR, FacadeDresser, Neighbourhood
from geovision.pipeline.generate import generate
from geovision.pipeline.synth_to import synth_to
from tests.helpers_glb import parse_glb
from tests.pipeline.built import content

FORMATS = ("3dtiles", "glb", "cityjsonseq", "parquet", "viewer")
OFTEN = {"run.json", "index.json"}


@pytest.fixture(scope="module")
def scene_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scene") / "s"
    synth_to(
        folder, area=(500_000.0, 5_500_000.0, 110.0, 90.0), seed=5, layers=("image", "points"), preview=False
    )
    return folder / "scene.toml"


@pytest.fixture(scope="module")
def town(scene_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("built") / "town"
    build_to(geovision.open_scene(scene_file), out, formats=FORMATS, facades="auto", merged=True)
    return out


def test_roofs_have_the_colour_of_the_photo_and_it_is_marked_observed(town: Path) -> None:
    programs = read_programs(town / "programs.parquet")
    seen = [program for program in programs if ROOF_COLOUR in program.attributes]
    assert len(seen) > 0.8 * len(programs)
    for program in seen:
        assert program.provenance_of(f"attributes/{ROOF_COLOUR}").text == "observed"
        text = str(program.attributes[ROOF_COLOUR])
        assert len(text) == 7
        assert int(text[1:], 16) >= 0
    import pyarrow.parquet as pq

    column = pq.read_table(town / "buildings.parquet")[ROOF_COLOUR].to_pylist()
    assert column == [program.attributes.get(ROOF_COLOUR) for program in programs]


def test_every_format_shows_facades(town: Path) -> None:
    glb = parse_glb((town / "buildings.glb").read_bytes())
    shapes = {node.get("name") for node in glb.json["nodes"]}
    assert {"window", "door", "box"} <= shapes
    assert any(material["name"].startswith("wall_") for material in glb.json["materials"])
    assert list((town / "tiles" / "buildings" / "content").rglob("*.facades.glb"))
    kinds, types = set(), set()
    for line in (town / "buildings.city.jsonl").read_text(encoding="utf-8").splitlines()[1:]:
        for thing in json.loads(line)["CityObjects"].values():
            types.add(thing["type"])
            assert thing["type"] != "BuildingInstallation" or len(thing["parents"]) == 1
            for geometry in thing.get("geometry", []):
                assert geometry["lod"] == "3.2"
                kinds |= {surface["type"] for surface in geometry["semantics"]["surfaces"]}
    assert {"Window", "Door", "WallSurface", "RoofSurface"} <= kinds
    assert {"Building", "BuildingInstallation"} <= types
    report = geovision.validate(town / "buildings.city.jsonl")
    assert report.primitives > 100
    assert not report.counts


def test_the_page_shows_facades_and_they_are_counted(town: Path) -> None:
    assert "LoD 3.1" in (town / "index.html").read_text(encoding="utf-8")
    (note,) = [text for text in json.loads((town / "index.json").read_text())["notes"] if "facades" in text]
    glb = parse_glb((town / "buildings.glb").read_bytes())
    windows = sum(
        glb.json["accessors"][node["extensions"]["EXT_mesh_gpu_instancing"]["attributes"]["SCALE"]]["count"]
        for node in glb.json["nodes"]
        if node.get("name") == "window"
    )
    counted = int(note.partition(" with ")[2].partition(" windows")[0].replace(",", ""))
    assert 0 < windows <= counted
    assert note.endswith("all inferred")


def test_full_geometry_and_other_threads(scene_file: Path, town: Path, tmp_path: Path) -> None:
    build_to(
        geovision.open_scene(scene_file),
        tmp_path / "b",
        formats=FORMATS,
        facades="auto",
        merged=True,
        threads=2,
    )
    assert content(tmp_path / "b", leave=OFTEN) == content(town, leave=OFTEN)
    build_to(
        geovision.open_scene(scene_file),
        tmp_path / "f",
        formats=("glb",),
        facades="auto",
        merged=True,
        lod3="full",
    )
    glb = parse_glb((tmp_path / "f" / "buildings.glb").read_bytes())
    assert len(glb.json["nodes"]) == 2
    names = {material["name"] for material in glb.json["materials"]}
    assert any(name.startswith("window") for name in names)
    assert any(name.startswith("door") for name in names)


def test_a_building_does_not_depend_on_its_tile() -> None:
    """Neighbours of another batch block walls as those of the same do."""
    table = generate(area=(0.0, 0.0, 160.0, 120.0), seed=8)
    near = Neighbourhood.of_programs([table.slice(0, 7), table.slice(7, len(table))])
    whole = FacadeDresser("auto", "instanced", near)
    _, _, all_of_them = whole.instances(table)
    for row in range(0, len(table), 9):
        alone = FacadeDresser("auto", "instanced", near)
        _, _, own = alone.instances(table.take([row]))
        first, last = all_of_them.building_offsets[row : row + 2]
        assert own.s0.tolist() == all_of_them.s0[first:last].tolist()
        assert own.kind.tolist() == all_of_them.kind[first:last].tolist()
        assert own.roof_colour.tolist() == all_of_them.roof_colour[row : row + 1].tolist()
    assert len(whole.looks(table, mesh(table, lod="1.1", polygons=False)).finish)


class Hillside:
    """Ground that rises to the north-east, with waves of a few metres."""

    step_m = 1.0
    origin = (0.0, 0.0)

    def heights(self, column: int, row: int, columns: int, rows: int) -> NDArray[np.float32]:
        x, y = np.arange(column, column + columns), np.arange(row, row + rows)[:, None]
        return np.asarray(0.08 * x + 0.15 * y + 0.6 * np.sin(x / 9) * np.cos(y / 7), np.float32)


@pytest.fixture(scope="module")
def hillside() -> Iterator[tuple[ProgramTable, Terrain]]:
    """A town that stands on a slope as `build` finds it: near the lowest ground along its walls."""
    table = generate(area=(0.0, 0.0, 160.0, 120.0), seed=8)
    with Terrain(Hillside(), plan_boxes(table)) as terrain:
        first = table.vertex_offsets[table.ring_offsets[table.part_offsets[:-1]]]
        ground = np.round(np.minimum.reduceat(terrain.sample(*table.xy.T), first) + 0.2, 3)
        names = ("ids", "part_ids", "attributes", "facade", "provenance")
        columns: dict[str, Any] = {**table.columns(), "ground_z": ground}
        records = {name: table.records(name) for name in names}
        yield ProgramTable.from_arrays(**columns, **records), terrain


def test_doors_on_a_slope_are_reached(hillside: tuple[ProgramTable, Terrain]) -> None:
    table, terrain = hillside
    base, walls, elements = FacadeDresser("auto", "full", terrain=terrain).instances(table)
    foot = base.origin[walls.building, 2] + walls.corner[:, 2] / 1000
    low = foot + walls.ground.min(axis=1) / 1000
    outer = (walls.label == Label.WALL) & (foot < table.ground_z[walls.building] + 0.01)
    assert (foot[outer] < low[outer]).all(), "walls end in the terrain"
    assert (np.ptp(walls.ground[outer], axis=1) > 500).any()

    def heights(rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Terrain at both ends of elements, above their walls' foot."""
        wall = elements.wall[rows]
        share = np.stack([elements.s0, elements.s1], axis=1)[rows] / walls.length[wall][:, None]
        left, right = walls.ground[wall].T[:, :, None]
        return np.asarray(left + (right - left) * np.clip(share, 0, 1))

    doors = np.flatnonzero(elements.kind == ElementKind.DOOR)
    with_steps = set(elements.parent[elements.kind == ElementKind.STEPS].tolist())
    of_building = doors - elements.building_offsets[walls.building[elements.wall[doors]]]
    rise = elements.z0[doors] - heights(doors).min(axis=1)
    assert len(doors) > 40
    assert (elements.z0[doors] > heights(doors).max(axis=1)).all()
    assert (rise < 2501).all()
    assert (rise > 400).any()
    for row, climb in zip(of_building.tolist(), rise.tolist(), strict=True):
        assert climb < 180 or row in with_steps
    steps = np.flatnonzero(elements.kind == ElementKind.STEPS)
    assert (elements.z0[steps] <= heights(steps).min(axis=1) + 1).all()
    plinths = np.flatnonzero((elements.kind == ElementKind.BAND) & (elements.z0 == 0))
    own = 1000 * (table.ground_z[walls.building] - foot)[elements.wall[plinths]]
    lifted = heights(plinths).max(axis=1) < own + 900
    assert lifted.sum() > 30
    assert (elements.z1[plinths] > heights(plinths).max(axis=1))[lifted].all()


def test_facades_on_a_slope_are_sound_and_know_no_batch(hillside: tuple[ProgramTable, Terrain]) -> None:
    table, terrain = hillside
    near = Neighbourhood.of_programs([table])
    whole = FacadeDresser("auto", "full", near, terrain)
    assert not check(whole.opened(table).arrays(), self_intersection=True).faulty.tolist()
    _, _, all_of_them = whole.instances(table)
    for row in range(0, len(table), 9):
        _, _, own = FacadeDresser("auto", "full", near, terrain).instances(table.take([row]))
        first, last = all_of_them.building_offsets[row : row + 2]
        assert own.z0.tolist() == all_of_them.z0[first:last].tolist()
