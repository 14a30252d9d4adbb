"""Facades: openings of the right size, things where they were asked for, and never an invalid solid."""

from __future__ import annotations

from typing import Any

import manifold3d
import numpy as np
import pytest

import geovision
from geovision.errors import InputError, UsageError
from geovision.mesh import (
    ElementKind,
    Elements,
    Opened,
    Outcome,
    Solids,
    Walls,
    check,
    find_walls,
    open_walls,
)
from geovision.model import Chimney, Flat, Gabled, Part, Program
from geovision.model.labels import Label
from tests import facade_strategies, judges, promise, strategies
from tests.facade_strategies import elements_of

SQUARE = [(0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 10.0)]


def house(turn: float = 0.0) -> tuple[Solids, Walls]:
    """A block of 10 m; its first wall looks to the south before it is turned."""
    c, s = np.cos(turn), np.sin(turn)
    shell = [(c * x - s * y, s * x + c * y) for x, y in SQUARE]
    solids = geovision.mesh(Program(id="a", parts=[Part(shell=shell, eave_height=6.0, roof=Flat())]))
    return solids, find_walls(solids)


def south(walls: Walls) -> int:
    return int(np.argmin(-walls.direction[:, 0]))


def dressed(rows: list[dict[str, Any]], lod: str = "3.2", turn: float = 0.0) -> Opened:
    solids, walls = house(turn)
    opened = open_walls(solids, walls, elements_of([rows]), lod=lod)
    assert_sound(opened.solids)
    return opened


def assert_sound(solids: Solids) -> None:
    report = check(solids, self_intersection=True)
    shown = [report.describe(int(b)) for b in report.faulty[:10]]
    assert not shown
    for solid in solids:
        if not len(solid.triangles):
            continue
        mesh = manifold3d.Mesh64(solid.local_vertices, solid.triangles.astype(np.uint64))
        body = manifold3d.Manifold(mesh)
        assert body.status() == manifold3d.Error.NoError
        assert body.volume() == pytest.approx(solid.volume, rel=1e-9)


def row(kind: int, s0: int, s1: int, z0: int, z1: int, depth: int = 100, **more: int) -> dict[str, Any]:
    wall = south(house()[1])
    return {"wall": wall, "kind": kind, "s0": s0, "s1": s1, "z0": z0, "z1": z1, "depth": depth, **more}


WINDOW = row(ElementKind.WINDOW, 2000, 3200, 1000, 2400, 120)


def outcomes(rows: list[dict[str, Any]], lod: str = "3.2") -> list[Outcome]:
    return [Outcome(o) for o in dressed(rows, lod).outcome.tolist()]


@pytest.mark.parametrize("turn", [0.0, 0.2, 0.7853981633974483, 2.5])
def test_a_window_is_a_recess_of_its_size(turn: float) -> None:
    solid = dressed([WINDOW], "3.0", turn).solids[0]
    plain = house(turn)[0][0]
    # Corners on the grid lie up to 0.7 mm off the wall, and draw its 60 m2 with them.
    assert plain.volume - solid.volume == pytest.approx(1.2 * 1.4 * 0.12, abs=60 * 0.0007 / 3)
    assert solid.area(Label.WINDOW) == pytest.approx(1.2 * 1.4, rel=2e-3)
    assert solid.area(Label.FRAME) == pytest.approx(2 * (1.2 + 1.4) * 0.12, rel=0.02)
    assert plain.area(Label.WALL) - solid.area(Label.WALL) == pytest.approx(1.2 * 1.4, rel=2e-3)


def test_a_frame_has_a_pane_for_each_of_its_cells() -> None:
    opened = dressed([{**WINDOW, "design": 2}])
    solid = opened.solids[0]
    panes = solid.face_labels == Label.WINDOW
    assert panes.sum() == 6
    width, height = (1.2 - 0.1 - 0.025) / 2, (1.4 - 0.1 - 0.05) / 3
    assert solid.area(Label.WINDOW) == pytest.approx(6 * width * height, rel=0.01)
    elements = opened.solids.face_element
    assert elements is not None
    of_window = elements == 0
    assert of_window.sum() == 4 + 1 + 6 * 5
    assert elements[~of_window].tolist() == [-1] * int((~of_window).sum())
    # Panes lie as deep as was asked for, and are glass; the frame is of the element's own material.
    depth = {int(solid.grid_vertices[r[0]][:, 1].max()) for r, p in zip(solid.rings, panes, strict=True) if p}
    assert depth == {120}


def test_a_door_is_a_notch_in_wall_and_ground() -> None:
    door = row(ElementKind.DOOR, 4000, 5000, 0, 2200, 200)
    solid = dressed([door, {**door, "s0": 6000, "s1": 7000, "z0": 30}], "3.0").solids[0]
    assert solid.area(Label.GROUND) == pytest.approx(100 - 2 * 0.2)
    assert solid.area(Label.DOOR) == pytest.approx(2 * 2.2)
    assert solid.area(Label.WALL) == pytest.approx(4 * 60 - 2 * 2.2)
    assert solid.volume == pytest.approx(600 - 2 * 0.2 * 2.2)


def test_a_door_that_is_wider_than_the_edge_it_stands_on_keeps_a_threshold() -> None:
    """A party wall that meets the foot of the wall divides it; a door across it is no notch."""
    parts = [
        Part(shell=[(x, 0), (x + 5, 0), (x + 5, 9), (x, 9)], eave_height=6.0, roof=Flat()) for x in (0.0, 5.0)
    ]
    wing = Part(shell=[(0, 9), (10, 9), (10, 12), (0, 12)], eave_height=4.0, roof=Flat())
    solids = geovision.mesh(Program(id="a", parts=[*parts, wing]))
    walls = find_walls(solids)
    wall = int(np.argmax(walls.direction[:, 0] * -1 + (walls.length == 10000)))
    door = {**row(ElementKind.DOOR, 4500, 5500, 0, 2200, 200), "wall": wall}
    opened = open_walls(solids, walls, elements_of([[door]]), lod="3.0")
    assert opened.outcome.tolist() == [Outcome.BUILT]
    assert_sound(opened.solids)
    height = opened.solids[0].area(Label.DOOR) / 1.0
    assert height in (pytest.approx(2.2, abs=1e-3), pytest.approx(2.18, abs=1e-3))


def test_what_cannot_be_built_is_left_out_with_its_reason() -> None:
    assert outcomes([WINDOW, {**WINDOW, "s0": 3230, "s1": 4000}]) == [Outcome.BUILT, Outcome.OVERLAPS]
    assert outcomes([{**WINDOW, "s0": 30}]) == [Outcome.OUTSIDE]
    assert outcomes([{**WINDOW, "z1": 5980}]) == [Outcome.OUTSIDE]
    assert outcomes([{**WINDOW, "depth": 10_100}]) == [Outcome.NO_ROOM]
    assert outcomes([{**WINDOW, "s1": 2010}]) == [Outcome.TOO_SMALL]
    assert (
        outcomes([{**WINDOW, "kind": 99}, {**WINDOW, "wall": 99}, {**WINDOW, "depth": -1}])
        == [Outcome.BAD_VALUE] * 3
    )
    sill = row(ElementKind.SILL, 2000, 3200, 900, 1000, 60, parent=0)
    assert outcomes([{**WINDOW, "s0": 30}, sill]) == [Outcome.OUTSIDE, Outcome.NO_HOST]
    assert outcomes([WINDOW, sill], "3.0") == [Outcome.BUILT, Outcome.NOT_AT_LEVEL]
    assert dressed([WINDOW, {**WINDOW, "s0": 30}]).left_out == {Outcome.OUTSIDE: 1}


def test_a_recess_does_not_reach_into_the_next_wall() -> None:
    solids, walls = house()
    near = {**WINDOW, "s0": 9300, "s1": 9900, "depth": 300}
    east = int(np.argmax(walls.direction[:, 1]))
    across = {**WINDOW, "wall": east, "s0": 100, "s1": 700, "depth": 300}
    opened = open_walls(solids, walls, elements_of([[near, across]]))
    assert opened.outcome.tolist() == [Outcome.BUILT, Outcome.OVERLAPS]
    assert_sound(opened.solids)


def test_no_opening_where_a_neighbour_stands() -> None:
    blocks = [
        Program(
            id=str(i),
            parts=[
                Part(
                    shell=[(6 * i, 0), (6 * i + 6, 0), (6 * i + 6, 9), (6 * i, 9)],
                    eave_height=6.0 - 3 * i,
                    roof=Flat(),
                )
            ],
        )
        for i in range(2)
    ]
    solids = geovision.mesh(blocks)
    walls = find_walls(solids)
    party = int(np.argmax(walls.direction[:, 1] * (walls.building == 0)))
    low, high = ({**WINDOW, "wall": party, "z0": z, "z1": z + 1400} for z in (1000, 4000))
    opened = open_walls(solids, walls, elements_of([[low, high], []]))
    assert opened.outcome.tolist() == [Outcome.BLOCKED, Outcome.BUILT]


def test_what_stands_out_has_its_own_volume() -> None:
    slab = row(ElementKind.BALCONY, 2000, 5000, 3000, 3200, 1203)
    solid = dressed([slab], "3.1").solids[0]
    assert solid.volume - 600 == pytest.approx(2.998 * 0.198 * 1.2, rel=1e-3)
    border = row(ElementKind.FRAME, 1800, 3400, 900, 2600, 53, parent=0)
    framed = dressed([WINDOW, border]).solids[0]
    bare = dressed([WINDOW]).solids[0]
    assert framed.volume - bare.volume == pytest.approx(0.05 * (1.6 * 1.7 - 1.2 * 1.4), rel=0.02)
    steps = row(ElementKind.STEPS, 2000, 3000, -680, 0, 1203)
    stairs = dressed([steps], "3.1").solids[0]
    assert stairs.volume - 600 == pytest.approx(0.998 * 0.678 * 1.2 * (4 + 1) / 8, rel=0.01)


def test_railings_are_bars_unless_a_design_says_otherwise() -> None:
    slab = row(ElementKind.BALCONY, 2000, 5000, 2800, 3000, 1200)
    bars, sheet, pane = (
        dressed([slab, row(ElementKind.RAILING, 2000, 5000, 3000, 4000, 1200, design=design)]).solids[0]
        for design in (-1, 4, 0)
    )
    assert len(bars.triangles) > 5 * len(sheet.triangles)
    assert len(sheet.triangles) == len(pane.triangles)
    # Four centimetres thick along three sides.
    assert sheet.volume - bars.volume > 0.5 * 0.038 * (3.0 + 2 * 1.0)


def test_things_may_adjoin_but_not_overlap() -> None:
    first = row(ElementKind.PILASTER, 1000, 1200, 500, 4000, 60)
    beside = row(ElementKind.BALCONY, 1200, 2000, 1000, 3000, 800)
    assert outcomes([first, beside]) == [Outcome.BUILT, Outcome.BUILT]
    assert outcomes([first, {**beside, "s0": 1198}]) == [Outcome.BUILT, Outcome.OVERLAPS]


def test_cornices_meet_in_the_corners() -> None:
    solids, walls = house(0.3)
    rows = [
        {**row(ElementKind.CORNICE, 0, int(walls.length[w]), 5000, 5300, 203), "wall": w}
        for w in range(len(walls))
    ]
    opened = open_walls(solids, walls, elements_of([rows]))
    assert (opened.outcome == Outcome.BUILT).all()
    assert_sound(opened.solids)
    ring = 10.4**2 - 10.0**2  # the whole way round, corners included
    assert opened.solids[0].volume - solids[0].volume == pytest.approx(ring * 0.3, rel=0.04)


def test_roofs_get_windows_and_chimneys_get_caps() -> None:
    part = Part(
        shell=SQUARE,
        eave_height=4.0,
        roof=Gabled(ridge_height=8.0),
    )
    chimney = Chimney(part=0, x=5.0, y=3.0, width=0.8, depth=0.6, top_height=9.0)
    solids = geovision.mesh(Program(id="a", parts=[part], superstructures=[chimney]))
    walls = find_walls(solids)
    rows = []
    for face, label in enumerate(solids[0].face_labels.tolist()):
        base = {"wall": -1 - face, "s0": 1000, "s1": 1800, "z0": 800, "z1": 2000, "depth": 90}
        if label == Label.ROOF:
            rows.append({**base, "kind": ElementKind.ROOF_WINDOW})
            rows.append({**base, "kind": ElementKind.ROOF_WINDOW, "s0": 9000, "s1": 9990})
        elif label == Label.CHIMNEY:
            rows.append({**base, "kind": ElementKind.CHIMNEY_CAP, "z0": 0, "z1": 80, "depth": 60})
    opened = open_walls(solids, walls, elements_of([rows]))
    assert_sound(opened.solids)
    built = [ElementKind(r["kind"]) for r, o in zip(rows, opened.outcome, strict=True) if o == Outcome.BUILT]
    assert built.count(ElementKind.ROOF_WINDOW) == 2
    assert built.count(ElementKind.CHIMNEY_CAP) == 1
    assert set(opened.left_out) <= {Outcome.OUTSIDE, Outcome.BAD_VALUE}
    assert open_walls(solids, walls, elements_of([rows]), lod="3.1").solids[0].area(Label.WINDOW) == 0


def test_faces_that_nothing_touches_stay_as_they_were() -> None:
    cases = [strategies.case(seed) for seed in range(100)]
    solids = Solids(promise.compile_cases(cases, 22))
    walls = find_walls(solids)
    none = open_walls(solids, walls, elements_of([[] for _ in range(len(solids))])).solids
    for name in ("face_label", "face_part", "face_surface", "face_provenance", "face_solid", "triangle_face"):
        assert np.array_equal(none.arrays()[name], solids.arrays()[name]), name
    for a, b in zip(solids, none, strict=True):
        assert np.array_equal(a.grid_vertices[a.triangles], b.grid_vertices[b.triangles])
    assert (none.arrays()["face_element"] == -1).all()


def town(first: int, count: int, lod: int = 23) -> tuple[Solids, Walls]:
    solids = Solids(promise.compile_cases([strategies.case(s) for s in range(first, first + count)], lod))
    sound = [int(b) for b in np.flatnonzero(check(solids, True).faults == 0)]
    kept = solids.take(sound)
    return kept, find_walls(kept)


@pytest.mark.parametrize("lod", ["3.0", "3.1", "3.2"])
def test_random_facades_on_random_buildings_are_sound(lod: str) -> None:
    solids, walls = town(30_000, 70)
    for elements in (facade_strategies.orderly(solids, walls), facade_strategies.hostile(solids, walls, 7)):
        opened = open_walls(solids, walls, elements, lod=lod)
        assert (opened.outcome == Outcome.BUILT).sum() > 50
        assert_sound(opened.solids)
        assert not judges.trimesh_volume(opened.solids.arrays(), range(0, len(solids), 10))


def test_neither_threads_nor_the_batch_matter() -> None:
    solids, walls = town(31_000, 151)
    elements = facade_strategies.orderly(solids, walls)
    one, four = (open_walls(solids, walls, elements, threads=n) for n in (1, 4))
    a, b = one.solids.arrays(), four.solids.arrays()
    assert all(np.array_equal(a[name], b[name]) for name in a)
    assert np.array_equal(one.outcome, four.outcome)
    # A building alone, its walls found in the batch of before.
    picked = [17, 3, 150]
    some = solids.take(picked)
    few = find_walls(some)
    rows = [rows_of(elements, walls, few, b, k) for k, b in enumerate(picked)]
    alone = open_walls(some, few, elements_of(rows))
    taken = one.solids.take(picked)
    for name, column in alone.solids.arrays().items():
        assert np.array_equal(column, taken.arrays()[name]), name


def rows_of(elements: Elements, walls: Walls, few: Walls, building: int, row_of: int) -> list[dict[str, Any]]:
    """The elements of one building, their walls renumbered."""
    names = ("wall", "kind", "s0", "s1", "z0", "z1", "depth", "design", "material", "provenance", "parent")
    shift = int(few.building_offsets[row_of] - walls.building_offsets[building])
    rows = []
    for e in range(*elements.building_offsets[building : building + 2].tolist()):
        values = {name: int(getattr(elements, name)[e]) for name in names}
        values["wall"] += shift if values["wall"] >= 0 else 0
        rows.append(values)
    return rows


def test_arrays_that_do_not_go_together_are_refused() -> None:
    solids, walls = house()
    with pytest.raises(InputError, match="of 1 and elements of 2"):
        open_walls(solids, walls, elements_of([[], []]))
    with pytest.raises(UsageError, match=r"3\.0, 3\.1, 3\.2"):
        open_walls(solids, walls, elements_of([[]]), lod="2.2")
    broken = walls.arrays() | {"members": walls.members + 1000}
    with pytest.raises(ValueError, match="lacks"):
        open_walls(solids, Walls.from_arrays(broken), elements_of([[]]))
