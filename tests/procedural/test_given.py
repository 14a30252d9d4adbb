from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import shapely

from geovision.model import ProgramTable
from geovision.model.kinds import RoofKind
from geovision.procedural import load_style
from geovision.procedural.given import footprint_parts, programs_on_footprints
from geovision.procedural.plans import Role, Shape

Rings = Sequence[Sequence[Sequence[float]]]


def arrays(shapes: Sequence[Rings]) -> dict[str, Any]:
    rings = [np.asarray(ring, float) for shape in shapes for ring in shape]
    return {
        "ring_offsets": np.concatenate(([0], np.cumsum([len(shape) for shape in shapes]))),
        "vertex_offsets": np.concatenate(([0], np.cumsum([len(ring) for ring in rings]))),
        "xy": np.concatenate(rings),
    }


def draw(shapes: Sequence[Rings], style: str = "mixed", seed: int = 0, **more: Any) -> ProgramTable:
    ids = more.pop("ids", [f"b{number}" for number in range(len(shapes))])
    return programs_on_footprints(ids, **arrays(shapes), style=load_style(style), seed=seed, **more)


RECTANGLE = [[(0, 0), (12, 0), (12, 8), (0, 8)]]
CLOCKWISE = [[(0, 8), (12, 8), (12, 0), (0, 0)]]
L_PLAN = [[(0, 0), (14, 0), (14, 6), (6, 6), (6, 15), (0, 15)]]
T_PLAN = [[(0, 0), (16, 0), (16, 7), (11, 7), (11, 15), (5, 15), (5, 7), (0, 7)]]
U_PLAN = [[(0, 0), (18, 0), (18, 14), (12, 14), (12, 6), (6, 6), (6, 15), (0, 15)]]
H_PLAN = [
    [
        (0, 0),
        (6, 0),
        (6, 5),
        (12, 5),
        (12, 0),
        (18, 0),
        (18, 16),
        (12, 16),
        (12, 11),
        (6, 11),
        (6, 16),
        (0, 16),
    ]
]
COURT = [[(0, 0), (30, 0), (30, 24), (0, 24)], [(8, 8), (22, 8), (22, 16), (8, 16)]]
ROUND = [[(6 * np.cos(t), 6 * np.sin(t)) for t in np.arange(12) * np.pi / 6]]
SPLINTER = [[(0, 0), (9, 1), (14, 0), (13, 6), (7, 4), (6, 11), (2, 9), (-1, 5)]]
ALL = [RECTANGLE, CLOCKWISE, L_PLAN, T_PLAN, U_PLAN, H_PLAN, COURT, ROUND, SPLINTER]


def moved(shape: Rings, angle: float, x: float, y: float) -> Rings:
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return [(np.asarray(ring) @ turn + (x, y)).tolist() for ring in shape]


@pytest.mark.parametrize("seed", range(8))
def test_programs_are_valid_on_all_plans_in_any_position(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shapes = [moved(shape, rng.uniform(0, 7), 1e5 + 100 * n, 4e6) for n, shape in enumerate(ALL * 20)]
    table = draw(shapes, seed=seed)
    for shape, program in zip(shapes, table, strict=True):
        outline = shapely.Polygon(shape[0], shape[1:])
        union = shapely.union_all([shapely.Polygon(part.shell, part.holes) for part in program.parts])
        assert shapely.symmetric_difference(outline, union).area < 0.05
        # Parts may leave a slit of less than a millimetre between them, so corners are compared.
        assert outline.buffer(0.001).contains(union)
        corners = shapely.points(shapely.get_coordinates(outline))
        assert shapely.distance(corners, union).max() < 0.001


def test_plans_are_recognised() -> None:
    parts = footprint_parts(
        [f"b{n}" for n in range(len(ALL))], **arrays(ALL), style=load_style("mixed"), seed=0
    )
    shapes = {row: Shape(parts.shape[parts.part_offsets[row]]) for row in range(len(ALL))}
    assert shapes[0] == shapes[1] == Shape.QUAD
    assert shapes[6] == Shape.HOLED
    assert shapes[7] == Shape.ROUND
    assert shapes[8] == Shape.GENERAL


@pytest.mark.parametrize(("shape", "count"), [(L_PLAN, 2), (T_PLAN, 2), (U_PLAN, 3), (H_PLAN, 3)])
def test_letters_come_apart_into_quadrilaterals(shape: Rings, count: int) -> None:
    style = load_style("mixed")
    style = style.model_copy(update={"parts": style.parts.model_copy(update={"split": 1.0})})
    for angle in np.linspace(0, 6, 25):
        ring = moved(shape, angle, 0, 0)[0]
        for start in range(len(ring)):
            turned = [[*ring[start:], *ring[:start]]]
            parts = footprint_parts(["a"], **arrays([turned]), style=style, seed=0)
            assert len(parts.shape) == count
            assert (parts.shape == Shape.QUAD).all()
            assert parts.role.tolist() == [Role.MAIN] + [Role.WING] * (count - 1)


def test_a_program_depends_on_its_own_id_alone() -> None:
    shapes = [moved(shape, 0.3, 50.0 * n, 0) for n, shape in enumerate(ALL)]
    table = draw(shapes)
    order = np.random.default_rng(0).permutation(len(shapes))
    shuffled = draw([shapes[n] for n in order], ids=[f"b{n}" for n in order])
    for place, n in enumerate(order):
        assert shuffled[place] == table[int(n)]
        assert draw([shapes[n]], ids=[f"b{n}"])[0] == table[int(n)]


def test_collinear_and_double_points_do_not_hide_a_rectangle() -> None:
    noisy = [[(0, 0), (4, 0), (4, 0), (8, 0.0004), (12, 0), (12, 8), (6, 8), (0, 8)]]
    parts = footprint_parts(["a"], **arrays([noisy]), style=load_style("mixed"), seed=0)
    assert parts.xy.tolist() == [[0, 0], [12, 0], [12, 8], [0, 8]]


def test_rows_have_ridges_along_the_street() -> None:
    row = [[[(5.5 * n, 0), (5.5 * n + 5.5, 0), (5.5 * n + 5.5, 10), (5.5 * n, 10)]] for n in range(6)]
    for seed in range(12):
        table = draw(row, seed=seed)
        assert (table.overhang == 0).all()
        assert len(set(table.eave)) == 1
        gabled = table.roof_kind == RoofKind.GABLED
        assert gabled.all() or not gabled.any()
        azimuth = table.roof_params[gabled, 1]
        assert set(azimuth) <= {0.0, 180.0}


def test_tags_decide_where_they_can() -> None:
    shapes = [moved(RECTANGLE, 0, 40.0 * n, 0) for n in range(5)] + [moved(SPLINTER, 0, 400, 0)]
    tags: list[dict[str, Any]] = [
        {"roof:shape": "half-hipped"},
        {"roof:shape": "mansard", "building:levels": "3"},
        {"roof:shape": "nonsense", "building:levels": "2.x"},
        {"building": "garage", "name": "G"},
        {"building:levels": 40},
        {"roof:shape": "mansard"},
    ]
    table = draw(shapes, attributes=tags)
    assert table[0].parts[0].roof.kind == "half-hipped"
    assert table[1].parts[0].roof.kind == "mansard"
    assert table[1].attributes["levels"] == 3
    assert table[3].attributes == {"use": "annex", "levels": 1, "building": "garage", "name": "G"}
    assert table[4].parts[0].eave_height > 90
    assert table[5].parts[0].roof.kind in ("flat", "skillion", "gabled", "hipped")
    assert table[0].provenance == {"default": "inferred", "parts/0/shell": "given"}


@pytest.mark.parametrize("odd", [["yes"], {"a": 1}, None, float("nan")])
def test_tags_that_are_no_words_say_nothing(odd: Any) -> None:
    tags: dict[str, Any] = dict.fromkeys(("building", "use", "roof:shape", "building:levels"), odd)
    found, plain = (draw([RECTANGLE], attributes=[own]) for own in (tags, {}))
    assert found.eave.tolist() == plain.eave.tolist()
    assert found.roof_kind.tolist() == plain.roof_kind.tolist()


def test_no_footprints_no_programs() -> None:
    empty = np.zeros(1, np.int64)
    table = programs_on_footprints([], empty, empty, np.zeros((0, 2)), load_style("mixed"), 0)
    assert len(table) == 0
