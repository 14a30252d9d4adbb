"""Facade rules in the kernel: the same as a plain reading of them, and never anything that cannot be."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from shapely import Polygon, box

from geovision import _kernel
from geovision.mesh import Outcome, check, find_walls, mesh, open_walls
from geovision.mesh.elements import OPENINGS, ElementKind, Elements
from geovision.mesh.walls import Walls
from geovision.model.labels import Label
from geovision.model.table import ProgramTable
from geovision.procedural import city_grid, iter_tiles, load_style
from geovision.procedural.grammar import (
    DROPPED,
    Grammar,
    builtin_facades,
    compile_text,
    evaluate,
    load_facade,
)
from geovision.procedural.grammar.sample import sample_house

from .facade_cases import random_rules, random_walls
from .facade_oracle import Building
from .facade_oracle_walls import TooLongError

COLUMNS = ("wall", "kind", "s0", "s1", "z0", "z1", "depth", "design", "parent")


def random_settings(rng: Random, walls: Walls, grammar: Grammar) -> dict[str, NDArray[Any]]:
    """Variables with other values, edits, attributes."""
    count, names = walls.buildings, list(grammar.variables)
    with_ = [
        [(rng.randrange(len(names)), rng.uniform(0, 3))] if names and rng.random() < 0.3 else []
        for _ in range(count)
    ]
    edits: list[list[tuple[list[int], float]]] = []
    for _ in range(count):
        own = []
        for _ in range(rng.choice((0, 0, 1, 3))):
            place = [rng.choice((-1, -1, rng.randrange(3))) for _ in range(5)]
            own.append(([*place, rng.randrange(-1, len(names))], rng.uniform(0, 3)))
        edits.append(own)
    attributes = np.array(
        [[rng.choice((0.0, 1.0, 3.0, rng.uniform(0, 60))) for _ in range(10)] for _ in range(count)]
    )
    flat, changes = [v for own in with_ for v in own], [e for own in edits for e in own]
    return {
        "style": np.zeros(count, np.int32),
        "key": np.array([rng.getrandbits(64) for _ in range(count)], np.uint64),
        "attributes": attributes.reshape(count, 10),
        "ground": np.array([rng.choice((0, 0, 400)) for _ in range(count)], np.int32),
        "provenance": np.ones(count, np.uint8),
        "with_offsets": np.cumsum([0, *map(len, with_)]).astype(np.int64),
        "with_variable": np.array([v for v, _ in flat], np.int32),
        "with_value": np.array([x for _, x in flat], np.float64),
        "edit_offsets": np.cumsum([0, *map(len, edits)]).astype(np.int64),
        "edit": np.array([e for e, _ in changes], np.int32).reshape(-1, 6),
        "edit_value": np.array([x for _, x in changes], np.float64),
    }


def run(
    walls: Walls, grammar: Grammar, values: dict[str, NDArray[Any]], threads: int = 1
) -> tuple[Elements, NDArray[np.uint32]]:
    arrays, dropped = _kernel.evaluate_facades(walls.arrays(), [grammar.arrays.arrays()], values, threads)
    return Elements.from_arrays(arrays), dropped


def case(seed: int) -> tuple[Walls, Grammar, dict[str, NDArray[Any]]]:
    rng = Random(seed)
    walls = random_walls(rng, rng.choice((1, 2, 3)))
    grammar = compile_text(random_rules(rng), f"random{seed}.facade")
    return walls, grammar, random_settings(rng, walls, grammar)


def check_promises(walls: Walls, elements: Elements) -> None:
    """What holds whatever a rule asks for."""
    table = np.stack([getattr(elements, name) for name in COLUMNS], axis=1).astype(np.int64)
    for building in range(walls.buildings):
        own = table[elements.building_offsets[building] : elements.building_offsets[building + 1]]
        by_wall: dict[int, list[Any]] = {}
        for row, (wall, kind, s0, s1, z0, z1, depth, _, parent) in enumerate(own.tolist()):
            assert (s0 < s1, z0 < z1, depth >= 10, -1 <= parent < row) == (True,) * 4
            assert walls.building[wall] == building
            rings = [ring.tolist() for ring in walls.rings(wall)]
            polygon = Polygon(rings[0], rings[1:])
            # On the foot of the wall a door may stand.
            foot = 0 if kind in (ElementKind.DOOR, ElementKind.GARAGE_DOOR) else 50
            room = (s0 - 50, z0 - foot, s1 + 50, z1 + 50) if kind in OPENINGS else (s0, z0, s1, z1)
            assert polygon.covers(box(*room))
            ground = np.interp([s0, s1], [0, int(walls.length[wall])], walls.ground[wall].tolist())
            spans = walls.blocked[walls.blocked_offsets[wall] : walls.blocked_offsets[wall + 1]].tolist()
            gap = 50 if kind in OPENINGS else 0
            assert not any(s0 < b + gap and a < s1 + gap and z0 < top + gap for a, b, top in spans)
            if kind == ElementKind.WINDOW:
                assert z0 >= ground.max() + 99
            if kind == ElementKind.DOOR:
                assert walls.label[wall] == Label.WALL
                assert ground.max() - 1 <= z0 <= ground.min() + 2501
            by_wall.setdefault(wall, []).append((kind, s0, s1, z0, z1))
        for things in by_wall.values():
            openings = np.array([t[1:] for t in things if t[0] in OPENINGS])
            for i, (s0, s1, z0, z1) in enumerate(openings):
                o = openings[i + 1 :]
                assert not (
                    (s0 < o[:, 1] + 50) & (o[:, 0] < s1 + 50) & (z0 < o[:, 3] + 50) & (o[:, 2] < z1 + 50)
                ).any()


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32))
def test_the_kernel_does_what_the_rules_say(seed: int) -> None:
    walls, grammar, values = case(seed)
    elements, dropped = run(walls, grammar, values)
    check_promises(walls, elements)
    for b in range(walls.buildings):
        oracle = Building(walls, grammar, values, b)
        try:
            wanted = oracle.run()
        except TooLongError:
            continue
        first, last = elements.building_offsets[b : b + 2].tolist()
        got = list(zip(*(getattr(elements, name)[first:last].tolist() for name in COLUMNS), strict=True))
        assert got == wanted
        counts = dict(zip(DROPPED, dropped[b].tolist(), strict=True))
        # How often the same value is worked out is no matter; whether one was no number is.
        assert {k: v for k, v in counts.items() if v and k != "bad_number"} == {
            k: v for k, v in oracle.dropped.items() if v and k != "bad_number"
        }


def pick_walls(walls: Walls, building: int) -> Walls:
    """One building of a batch as a batch of its own."""
    first, last = walls.building_offsets[building : building + 2].tolist()
    rings = walls.ring_offsets[first : last + 1]
    points = walls.vertex_offsets[rings[0] : rings[-1] + 1]
    spans = walls.blocked_offsets[first : last + 1]
    rows = {
        name: getattr(walls, name)[first:last]
        for name in (
            *("face", "part", "label", "corner", "direction", "length"),
            *("height", "ground", "side", "street", "level"),
        )
    }
    return Walls(
        building_offsets=np.array([0, last - first], np.int64),
        building=np.zeros(last - first, np.int32),
        member_offsets=np.arange(last - first + 1, dtype=np.int64),
        members=walls.members[first:last],
        ring_offsets=rings - rings[0],
        vertex_offsets=points - points[0],
        sz=walls.sz[points[0] : points[-1]],
        blocked_offsets=spans - spans[0],
        blocked=walls.blocked[spans[0] : spans[-1]],
        **rows,
    )


def test_a_building_depends_on_nothing_beside_it() -> None:
    rng = Random(5)
    walls = random_walls(rng, 150)
    grammar = load_facade("dutch_terraced")
    values = random_settings(rng, walls, grammar)
    whole, dropped = run(walls, grammar, values, threads=1)
    again, same = run(walls, grammar, values, threads=3)
    for name, column in whole.arrays().items():
        assert np.array_equal(column, again.arrays()[name]), name
    assert np.array_equal(dropped, same)
    for b in range(0, 150, 7):
        spans = {name: values[f"{name}_offsets"][b : b + 2] for name in ("with", "edit")}
        own = {
            name: values[name][b : b + 1] for name in ("style", "key", "attributes", "ground", "provenance")
        }
        for name, (first, last) in spans.items():
            own[f"{name}_offsets"] = np.array([0, last - first], np.int64)
            own[f"{name}_value"] = values[f"{name}_value"][first:last]
        own["with_variable"] = values["with_variable"][spans["with"][0] : spans["with"][1]]
        own["edit"] = values["edit"][spans["edit"][0] : spans["edit"][1]]
        alone, _ = run(pick_walls(walls, b), grammar, own)
        first, last = whole.building_offsets[b : b + 2].tolist()
        for name in (*COLUMNS[1:], "colour", "material"):
            assert np.array_equal(getattr(alone, name), getattr(whole, name)[first:last]), (b, name)


@pytest.mark.parametrize("style", builtin_facades())
def test_our_styles_keep_the_promises_on_any_wall(style: str) -> None:
    rng = Random(11)
    walls = random_walls(rng, 60)
    grammar = load_facade(style)
    values = random_settings(rng, walls, grammar)
    values["edit_offsets"] = np.zeros(61, np.int64)
    values["edit"], values["edit_value"] = np.zeros((0, 6), np.int32), np.zeros(0)
    values["with_offsets"] = np.zeros(61, np.int64)
    values["with_variable"], values["with_value"] = np.zeros(0, np.int32), np.zeros(0)
    elements, dropped = run(walls, grammar, values)
    assert len(elements) > 20
    check_promises(walls, elements)
    assert not dropped[:, [DROPPED.index("too_deep"), DROPPED.index("too_many")]].any()
    assert not dropped[:, DROPPED.index("bad_number")].any()


ENDLESS = {
    "depth": "rule wall { if w > 0 : wall }",
    "width": "rule wall { split x { 1mm : nothing repeat 1mm : window } split z { ~1 : wall ~1 : wall } }",
    "many": "rule wall { repeat x 2cm : repeat z 2cm : repeat x 1mm : band }",
}


@pytest.mark.parametrize("name", ENDLESS)
def test_rules_that_never_end_meet_a_budget(name: str) -> None:
    walls = random_walls(Random(3), 4)
    grammar = compile_text("facade 1 " + ENDLESS[name])
    values = random_settings(Random(3), walls, compile_text("facade 1 rule wall {}"))
    _, dropped = run(walls, grammar, values)
    assert dropped[:, [DROPPED.index("too_deep"), DROPPED.index("too_many")]].any()


ODD = {
    "infinite": (
        "rule wall { Big(99 * w) } rule Big(a) { let b = a*a*a*a*a*a*a*a  let c = b*b*b*b*b*b*b*b "
        "let d = c*c*c*c*c*c*c*c  place d by 1 : window }", "bad_number",
    ),
    "below 0": ("rule wall { inset 1 - w : window }", "bad_number"),
    "wider than the wall": ("rule wall { split x { 500 : window  ~1 : window } }", "too_large"),
    "larger than the bay": ("rule wall { repeat x 1 : place 1.2 by 1 up 1 : window }", "too_large"),
    "nothing to repeat": ("rule wall { repeat x 0 * w : window }", "bad_number"),
    "off the wall": ("rule wall { place 1 by 1 : offset 700, 0 : window }", "outside"),
    "beyond all": ("rule wall { let a = 9999999 offset a, 1 : offset a, 1 : offset a, 1 : sill }", "outside"),
    "no weights": ("rule wall { choose { 0 : window 0 : door } }", ""),
    "thin": ("rule wall { place 1 by 1 up 1 : { split x { 1mm : band } } }", "too_small"),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_odd_numbers_leave_things_out_by_reason(name: str) -> None:
    rules, reason = ODD[name]
    sample = sample_house(width=6, height=6)
    grammar = compile_text(f"facade 1 {rules}", f"{name}.facade")
    found = evaluate(sample.walls, sample.programs, origin_z=0, style="odd", styles={"odd": grammar})
    if reason:
        assert found.totals()[reason] > 0
    assert len(found.elements) == 0 or reason == "too_large"
    check_promises(sample.walls, found.elements)


@pytest.mark.parametrize(
    ("width", "height"), [(0.1, 6), (6, 0.1), (0.05, 200), (40, 200), (900, 3), (1.0, 2.0)]
)
@pytest.mark.parametrize("style", builtin_facades())
def test_walls_of_any_size(style: str, width: float, height: float) -> None:
    sample = sample_house(width=width, depth=12, height=height, slope=2)
    found = evaluate(sample.walls, sample.programs, origin_z=0, style=style)
    check_promises(sample.walls, found.elements)


def test_arrays_that_would_be_read_out_of_bounds_are_refused() -> None:
    walls = random_walls(Random(1), 2)
    grammar = load_facade("dutch_terraced")
    values = random_settings(Random(1), walls, grammar)
    rng = Random(2)
    refused = 0
    for _ in range(400):
        arrays = [array.copy() for array in grammar.arrays.arrays()]
        target = rng.choice([arrays[i] for i in (0, 2, 3, 6, 7, 8, 9, 10)])
        target.flat[rng.randrange(target.size)] = rng.choice((-2, -1, 5, 77, 2**31 - 1, -(2**31)))
        try:
            _kernel.evaluate_facades(walls.arrays(), [tuple(arrays)], values, 1)
        except ValueError:
            refused += 1
    # Not every changed number is wrong; those that are must not crash.
    assert refused > 150


@pytest.fixture(scope="module")
def town() -> ProgramTable:
    style = load_style("mixed")
    tiles = iter_tiles(style, city_grid(style, count=120, seed=7), 7)
    return next(tile.table for tile in tiles if len(tile.table) > 30)


def test_a_town_is_dressed_and_stays_valid(town: ProgramTable) -> None:
    solids = mesh(town, lod="2.3")
    walls = find_walls(solids, town)
    found = evaluate(walls, town, origin_z=solids.origin[:, 2], solids=solids, style="auto", seed=3)
    check_promises(walls, replace(found.elements, **on_walls(found.elements)))
    opened = open_walls(solids, walls, found.elements)
    assert not check(opened.solids).summary()
    built = opened.outcome == Outcome.BUILT
    assert built.mean() > 0.99
    kinds = found.elements.kind
    for kind in (ElementKind.ROOF_WINDOW, ElementKind.CHIMNEY_CAP):
        assert (kinds == kind).sum() > 10
        assert built[kinds == kind].mean() > 0.97, kind
    doors = np.isin(kinds, (ElementKind.DOOR, ElementKind.GARAGE_DOOR)) & built
    per_building = np.add.reduceat(doors, found.elements.building_offsets[:-1])
    assert (per_building[[name != "" for name in found.styles]] > 0).mean() > 0.98


def on_walls(elements: Elements) -> dict[str, NDArray[Any]]:
    """The columns without what is on roofs; nothing on a wall belongs to that."""
    keep = elements.wall >= 0
    rows = np.concatenate(([0], np.cumsum(keep)))
    columns = {name: getattr(elements, name)[keep] for name in (*COLUMNS, "material", "colour", "provenance")}
    columns["building_offsets"] = rows[elements.building_offsets]
    start = np.repeat(elements.building_offsets[:-1], np.diff(elements.building_offsets))
    parents = np.where(elements.parent >= 0, start + elements.parent, 0)
    moved = np.where(elements.parent >= 0, rows[parents] - rows[start], -1)
    columns["parent"] = moved[keep]
    return columns


def test_what_is_on_the_roof_does_not_change_what_is_on_walls(town: ProgramTable) -> None:
    solids = mesh(town, lod="2.2")
    walls = find_walls(solids, town)
    without = evaluate(walls, town, origin_z=solids.origin[:, 2], style="auto")
    roofs = evaluate(walls, town, origin_z=solids.origin[:, 2], solids=solids, style="auto", threads=1)
    assert (roofs.elements.wall < 0).sum() > 20
    for name, column in on_walls(roofs.elements).items():
        assert np.array_equal(column, getattr(without.elements, name)), name
