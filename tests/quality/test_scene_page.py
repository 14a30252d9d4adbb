from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import geovision
from geovision.errors import UsageError
from geovision.mesh import mesh
from geovision.model import Flat, Gabled, Part, Program, ProgramTable, Pyramidal
from geovision.model.kinds import RoofKind
from geovision.quality.preview import ROOF_KIND_COLOURS
from geovision.quality.scene_map import SceneMap, bounds_of
from geovision.quality.scene_page import scene_page, scene_page_png

SMALL = (900, 600)


def box(name: str, x: float, y: float, roof: Flat | Gabled | Pyramidal, size: float = 10.0) -> Program:
    shell = [(x, y), (x + size, y), (x + size, y + size), (x, y + size)]
    return Program(id=name, parts=[Part(shell=shell, eave_height=4.0, roof=roof)], ground_z=7.0)


@pytest.fixture(scope="module")
def town() -> ProgramTable:
    return geovision.generate(area=(0, 0, 300, 200), seed=3)


def test_roofs_are_where_they_are_and_have_their_colour() -> None:
    table = ProgramTable.from_programs([box("a", 100, 200, Flat()), box("b", 140, 230, Flat())])
    drawn = SceneMap(bounds_of(table) or (0, 0, 0, 0), (400, 300), threads=1)
    drawn.add(table, mesh(table))
    picture = drawn.picture()
    for x, y in ((105, 205), (145, 235)):
        column, row = drawn.pixel(x, y)
        assert tuple(picture[int(row), int(column)]) == ROOF_KIND_COLOURS[RoofKind.FLAT]
    # North-west is lit, south-east lies in the shadow.
    lit, dark = drawn.pixel(99.2, 205), drawn.pixel(150.8, 233)
    assert picture[int(lit[1]), int(lit[0])].sum() > 1.2 * picture[int(dark[1]), int(dark[0])].sum()


def test_slopes_to_the_light_are_brighter() -> None:
    table = ProgramTable.from_programs([box("a", 0, 0, Pyramidal(ridge_height=9.0))])
    drawn = SceneMap(bounds_of(table) or (0, 0, 0, 0), (300, 300))
    drawn.add(table, mesh(table))
    picture = drawn.picture().astype(int).sum(axis=2)
    north, south = (picture[int(row), int(column)] for column, row in (drawn.pixel(5, 8), drawn.pixel(5, 2)))
    west, east = (picture[int(row), int(column)] for column, row in (drawn.pixel(2, 5), drawn.pixel(8, 5)))
    assert north > 1.2 * south
    assert west > 1.2 * east


def test_a_scene_drawn_in_pieces_is_the_scene(town: ProgramTable) -> None:
    bounds = bounds_of(town)
    assert bounds is not None
    pictures = []
    for step, threads in ((len(town), 1), (7, 3)):
        drawn = SceneMap(bounds, (500, 400), threads=threads)
        for row in range(0, len(town), step):
            table = town.slice(row, min(row + step, len(town)))
            drawn.add(table, mesh(table))
        pictures.append(drawn.picture())
    assert np.array_equal(pictures[0], pictures[1])


def test_the_page_is_the_same_from_a_file_and_on_any_number_of_threads(
    town: ProgramTable, tmp_path: Path
) -> None:
    path = tmp_path / "town.parquet"
    geovision.write_programs(path, town)
    pages = [scene_page(path, title="Town", size=SMALL, threads=threads) for threads in (1, 4)]
    assert np.array_equal(pages[0], pages[1])
    assert np.array_equal(pages[0], scene_page(town, title="Town", size=SMALL))
    scene_page_png(tmp_path / "town.png", town, title="Town", size=SMALL)
    with Image.open(tmp_path / "town.png") as picture:
        assert np.array_equal(np.asarray(picture), pages[0])


def test_kinds_on_the_map_are_in_the_legend() -> None:
    programs = [box("a", 0, 0, Flat()), box("b", 30, 0, Gabled(ridge_height=4.5)), box("c", 60, 0, Flat())]
    page = scene_page(ProgramTable.from_programs(programs), size=SMALL)
    legend = page[:, -280:].reshape(-1, 3)
    shown = {kind for kind in RoofKind if (legend == ROOF_KIND_COLOURS[kind]).all(axis=1).sum() > 200}
    assert shown == {RoofKind.FLAT, RoofKind.GABLED}


def test_small_buildings_of_a_wide_scene_are_seen() -> None:
    programs = [box(f"{x}_{y}", 4000.0 * x, 3000.0 * y, Flat(), size=4.0) for x in range(5) for y in range(5)]
    table = ProgramTable.from_programs(programs)
    drawn = SceneMap(bounds_of(table) or (0, 0, 0, 0), (400, 300))
    drawn.add(table, mesh(table))
    picture = drawn.picture()
    seen = 0
    for program in programs:
        x, y = program.parts[0].shell[0]
        column, row = (int(value) for value in drawn.pixel(x + 2, y + 2))
        near = picture[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
        seen += bool((near.astype(int).sum(axis=2) < 680).any())
    assert seen == 25


def test_nothing_is_a_page_too() -> None:
    page = scene_page(ProgramTable.empty(), title="Nothing", size=SMALL)
    assert page.shape == (600, 900, 3)
    with pytest.raises(UsageError, match="too small"):
        scene_page(ProgramTable.empty(), size=(100, 100))


def test_buildings_without_a_solid_are_left_out() -> None:
    table = ProgramTable.from_programs([box("a", 0, 0, Flat()), box("b", 30, 0, Flat())])
    table.xy[[5, 6]] = table.xy[[6, 5]]  # a bow-tie, which a program cannot be made with
    assert len(mesh(table, on_error="record").failures) == 1
    scene_page(table, size=SMALL)
