"""Builds with facades: every format has them, and roofs have the colour of the photo."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
import shapely
from numpy.typing import NDArray

import geovision
from geovision.errors import InputError
from geovision.formats.programs import read_programs
from geovision.formats.terrain import Terrain
from geovision.formats.tiles3d_spool import plan_boxes
from geovision.mesh import ElementKind, Elements, Side, Walls, check, mesh
from geovision.model import Flat, Gabled, Part, Program
from geovision.model.labels import Label
from geovision.model.table import ProgramTable
from geovision.pipeline.build_to import build_to
from geovision.pipeline.dresser import NO_STREETS, ROOF_COLOUR, FacadeDresser, Neighbourhood
from geovision.pipeline.generate import generate
from geovision.pipeline.synth_to import synth_to
from geovision.sources.streets import NONE_NEAR, streets_from_frame
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
    for name in ("buildings.glb", "tiles"):
        assert geovision.validate(town / name).ok
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
        textures=True,
    )
    glb = parse_glb((tmp_path / "f" / "buildings.glb").read_bytes())
    assert len(glb.json["nodes"]) == 2
    names = {material["name"] for material in glb.json["materials"]}
    assert any(name.startswith("window") for name in names)
    assert any(name.startswith("door") for name in names)
    assert "roof_photo" in names, "roofs show the photo beside walls of materials"
    assert any(name.startswith("wall_") for name in names)


def rows_of_houses(count: int) -> ProgramTable:
    """Rows in any direction, of houses of any width, depth and height, wall to wall or a little apart."""
    rng = np.random.default_rng(7)
    programs = []
    for row in range(count):
        turn, x = rng.uniform(0, 6.3), 0.0
        axes = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        for house in range(12):
            wide, deep, eave = rng.uniform((3, 6, 3), (9, 11, 9))
            corners = np.array([(x, 0), (x + wide, 0), (x + wide, deep), (x, deep)]) @ axes + (
                300 + 90 * row,
                40,
            )
            shell = [tuple(corner) for corner in corners.round(3).tolist()]
            roof = Gabled(ridge_height=eave + rng.uniform(1, 3))
            part = Part(shell=shell, eave_height=eave, roof=roof)
            programs.append(Program(id=f"{row}/{house}", parts=[part], attributes={"building": "house"}))
            x += wide + rng.choice([0.0, 0.3, 0.9, 2.0])
    return ProgramTable.from_programs(programs)


def test_a_building_does_not_depend_on_its_tile() -> None:
    """Neighbours of another batch are to the millimetre what those of the same are."""
    table = ProgramTable.concat([generate(area=(0.0, 0.0, 160.0, 120.0), seed=8), rows_of_houses(10)])
    near = Neighbourhood.of_programs([table.slice(0, 7), table.slice(7, len(table))])
    whole = FacadeDresser("auto", "instanced", near)
    _, walls, elements = whole.instances(table)
    rng = np.random.default_rng(3)
    parts = np.array_split(rng.permutation(len(table)), 9)
    for rows in parts:
        _, own_walls, own = FacadeDresser("auto", "instanced", near).instances(table.take(rows))
        for number, row in enumerate(rows.tolist()):
            here = np.arange(*elements.building_offsets[row : row + 2])
            there = np.arange(*own.building_offsets[number : number + 2])
            for name in ("kind", "s0", "s1", "z0", "z1", "depth", "material", "parent"):
                assert getattr(own, name)[there].tolist() == getattr(elements, name)[here].tolist()
            here, there = (
                np.arange(*one.blocked_offsets[one.building_offsets[[at, at + 1]]])
                for one, at in ((walls, row), (own_walls, number))
            )
            assert own_walls.blocked[there].tolist() == walls.blocked[here].tolist()
    assert len(walls.blocked) > 100
    assert len(whole.looks(table, mesh(table, lod="1.1", polygons=False)).finish)


def test_windows_look_over_a_low_neighbour_of_another_tile() -> None:
    def block(name: str, x: float, height: float) -> Program:
        shell = [(x, 0.0), (x + 10, 0.0), (x + 10, 12.0), (x, 12.0)]
        return Program(id=name, parts=[Part(shell=shell, eave_height=height, roof=Flat())])

    table = ProgramTable.from_programs([block("tall", 0, 15), block("low", 10, 4)])
    near = Neighbourhood.of_programs([table])
    _, walls, elements = FacadeDresser("slab_1960s", "full", near).instances(table.slice(0, 1))
    (party,) = np.flatnonzero(walls.direction[:, 1] > 0.5)
    assert walls.blocked[slice(*walls.blocked_offsets[party : party + 2])].tolist() == [[0, 12000, 4000]]
    lone = FacadeDresser("slab_1960s", "full").instances(table.slice(0, 1))[2]
    assert not (elements.z0[(elements.wall == party) & (elements.kind == ElementKind.WINDOW)] < 4000).any()
    assert len(elements) < len(lone)


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


def _fronts(made: tuple[Any, Walls, Elements]) -> dict[int, int]:
    """Distance to the street of each building's front, in millimetres; -1 where none is seen."""
    _, walls, _ = made
    front = np.flatnonzero((walls.side == Side.FRONT) & (walls.label == Label.WALL))
    found: dict[int, int] = {}
    for building, away in zip(walls.building[front].tolist(), walls.street[front].tolist(), strict=True):
        found[building] = min(away, found.get(building, away), key=lambda value: (value < 0, value))
    return found


def test_fronts_look_at_the_nearest_street_whatever_the_batch() -> None:
    table = generate(area=(0.0, 0.0, 160.0, 120.0), seed=8)
    lines = [shapely.LineString([(-40, y), (220, y + 7)]) for y in (-9, 61, 131)]
    streets = streets_from_frame(
        geopandas.GeoDataFrame(geometry=lines, crs="EPSG:28992"), target_crs="EPSG:28992"
    )
    near = Neighbourhood.of_programs([table])
    made = FacadeDresser("auto", "full", near, streets=streets).instances(table)
    fronts = _fronts(made)
    assert len(fronts) == len(table)
    seen = np.array(list(fronts.values()))
    assert (seen >= 0).mean() > 0.9
    _, walls, elements = made
    # A wall that looks at a street from nearer by is no outer wall on the ground.
    for building, away in fronts.items():
        rows = slice(*walls.building_offsets[building : building + 2])
        low = walls.corner[rows, 2] <= walls.corner[rows, 2].min() + 500
        own = walls.street[rows][low & (walls.label[rows] == Label.WALL) & (walls.side[rows] != Side.COURT)]
        assert away == own[own >= 0].min(initial=away if away >= 0 else 1 << 30) or away < 0
    plain = FacadeDresser("auto", "full", near).instances(table)[2]
    assert elements.s0.tolist() != plain.s0.tolist()
    for row in range(0, len(table), 9):
        _, _, own = FacadeDresser("auto", "full", near, streets=streets).instances(table.take([row]))
        first, last = elements.building_offsets[row : row + 2]
        assert own.s0.tolist() == elements.s0[first:last].tolist()


def test_a_scene_with_streets_uses_them(scene_file: Path, town: Path, tmp_path: Path) -> None:
    def notes(folder: Path) -> list[str]:
        return [str(note) for note in json.loads((folder / "index.json").read_text())["notes"]]

    assert NO_STREETS in notes(town)
    line = shapely.LineString([(499_990, 5_499_995), (500_120, 5_499_990)])
    crs = geovision.open_scene(scene_file).crs
    table = geopandas.GeoDataFrame({"highway": ["residential"]}, geometry=[line], crs=crs)
    table.to_file(tmp_path / "roads.gpkg")
    scene = geovision.open_scene(scene_file, streets=tmp_path / "roads.gpkg")
    build_to(scene, tmp_path / "b", formats=("cityjsonseq",), facades="auto")
    assert NO_STREETS not in notes(tmp_path / "b")
    told = (tmp_path / "b" / "buildings.city.jsonl").read_bytes()
    assert told != (town / "buildings.city.jsonl").read_bytes()
    table.set_crs("EPSG:4978", allow_override=True).to_file(tmp_path / "odd.gpkg")
    with pytest.raises(InputError, match=r"streets .*odd\.gpkg"):
        build_to(
            geovision.open_scene(scene_file, streets=tmp_path / "odd.gpkg"), tmp_path / "c", facades="auto"
        )
    assert not (tmp_path / "c").exists()
    far = table.translate(5000).to_frame("geometry")
    far.to_file(tmp_path / "far.gpkg")
    beyond = geovision.open_scene(scene_file, streets=tmp_path / "far.gpkg").streets
    assert beyond is not None
    assert beyond.notes == (NONE_NEAR,)
