"""Programs that cannot be: each refusal names building, field, value and remedy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geovision.errors import ProgramError
from geovision.model import Chimney, Flat, Gabled, Hipped, Part, Program
from geovision.model.rings import check_rings
from tests.model.programs import SQUARE, Json, building

Lattice = tuple[int, int]

NAN, INF = math.nan, math.inf
BOWTIE = [[0, 0], [10, 6], [10, 0], [0, 6]]
DART = [[0, 0], [10, 0], [10, 6], [4, 6], [4, 8], [0, 8]]


def roof(kind: str, **fields: Any) -> Json:
    return {"roof": {"kind": kind, **fields}}


def planar(**fields: Any) -> Json:
    face = {"shell": SQUARE, "slope_x": 0.0, "slope_y": 0.0, "height": 5.0, **fields}
    return roof("planar", faces=[face])


R = "parts/0/roof/"
# What is changed in a plain house, the field that is named, and words of the problem and the remedy.
PARTS: dict[str, tuple[Json, str, str]] = {
    "ridge under eave": (
        roof("gabled", ridge_height=4.0),
        R + "ridge_height",
        "not above the eave (5).*above 5",
    ),
    "ridge at eave": (roof("hipped", ridge_height=5.0), R + "ridge_height", "not above the eave"),
    "ridge NaN": (roof("gabled", ridge_height=NAN), R + "ridge_height", "finite"),
    "eave infinite": ({"eave_height": INF}, "parts/0/eave_height", "finite"),
    "eave as text": ({"eave_height": "5"}, "parts/0/eave_height", "number, not text"),
    "eave as truth": ({"eave_height": True}, "parts/0/eave_height", "number"),
    "eave under base": ({"base_height": 6.0}, "parts/0/eave_height", "not above base_height (6)"),
    "negative overhang": ({"overhang": -0.1}, "parts/0/overhang", "of at least 0"),
    "roof shifted too far": ({"roof_shift": [0.0, 2.1]}, "parts/0/roof_shift/1", "of at most 2"),
    "roof shifted one way": ({"roof_shift": [0.5]}, "parts/0/roof_shift/1", "two coordinates"),
    "shifted onion": (
        roof("onion", ridge_height=9, bulge=0.5) | {"roof_shift": [0.1, 0]},
        "parts/0/roof_shift",
        "stand where they are.*Move the part",
    ),
    "shifted planes": (
        planar() | {"roof_shift": [0.1, 0]},
        "parts/0/roof_shift",
        "stand where they are.*Move its faces",
    ),
    "unknown field": ({"eaves": 5}, "parts/0/eaves", "check its spelling"),
    "unknown kind": (roof("gable", ridge_height=8), "parts/0/roof", "'gable' is not known.*'gabled'"),
    "no kind": ({"roof": {"ridge_height": 8}}, "parts/0/roof", 'Add "kind"'),
    "no ridge": (roof("gabled"), R + "ridge_height", "Add the field"),
    "parameter of another kind": (roof("flat", ridge_height=8), R + "ridge_height", "not permitted"),
    "azimuth NaN": (roof("gabled", ridge_height=8, azimuth_deg=NAN), R + "azimuth_deg", "finite"),
    "ridge on the eave line": (
        roof("gabled", ridge_height=8, ridge_offset=1.0),
        R + "ridge_offset",
        "below 1",
    ),
    "hip above ridge": (
        roof("half-hipped", ridge_height=8, hip_height=8.5, hip_setback=1),
        R + "hip_height",
        "not under ridge_height (8)",
    ),
    "hip under eave": (
        roof("half-hipped", ridge_height=8, hip_height=4, hip_setback=1),
        R + "hip_height",
        "under the eave (5)",
    ),
    "hips longer than the roof": (
        roof("hipped", ridge_height=8, hip_setback=5.5),
        R + "hip_setback",
        "longer than the roof (10.000 m).*at most 5.000",
    ),
    "hips longer than the roof, turned": (
        roof("half-hipped", ridge_height=8, hip_height=6, hip_setback=3.5, azimuth_deg=90),
        R + "hip_setback",
        "longer than the roof (6.000 m)",
    ),
    "one hip longer than the roof": (
        roof("side_hipped", ridge_height=8, hip_setback=10.5),
        R + "hip_setback",
        "the hip is longer.*at most 10.000",
    ),
    "hip end": (roof("side_hipped", ridge_height=8, hip_setback=1, hip_end=2), R + "hip_end", "at most 1"),
    "half-hipped on five corners": (
        {**roof("half-hipped", ridge_height=9, hip_height=6, hip_setback=1), "shell": DART},
        R + "kind",
        "4 corners and no holes; this one has 6",
    ),
    "setback on six corners": (
        {**roof("hipped", ridge_height=9, hip_setback=1), "shell": DART},
        R + "hip_setback",
        "this one has 6",
    ),
    "hipped without a height": (roof("hipped"), R + "ridge_height", "no height.*pitch_deg"),
    "hipped with two heights": (roof("hipped", ridge_height=8, pitch_deg=30), R + "pitch_deg", "both given"),
    "setback without a ridge": (
        roof("hipped", pitch_deg=30, hip_setback=1),
        R + "hip_setback",
        "needs a ridge",
    ),
    "pitch of 90": (roof("hipped", pitch_deg=90), R + "pitch_deg", "below 89"),
    "break above ridge": (
        roof("mansard", ridge_height=8, break_height=8, break_inset=1),
        R + "break_height",
        "not under ridge_height",
    ),
    "break under eave": (
        roof("gambrel", ridge_height=8, break_height=5, break_inset=1),
        R + "break_height",
        "under the eave.*between 5 and 8",
    ),
    "breaks wider than the roof": (
        roof("mansard", ridge_height=8, break_height=7, break_inset=3),
        R + "break_inset",
        "wider than the roof (6.000 m)",
    ),
    "gambrel wider than the roof": (
        roof("gambrel", ridge_height=8, break_height=7, break_inset=5, azimuth_deg=90),
        R + "break_inset",
        "wider than the roof (10.000 m)",
    ),
    "gambrel wider than its short side": (
        roof("gambrel", ridge_height=8, break_height=7, break_inset=3.5),
        R + "break_inset",
        "wider than the roof (6.000 m)",
    ),
    "rear eave above ridge": (
        roof("saltbox", ridge_height=8, ridge_offset=0.4, rear_eave_height=8),
        R + "rear_eave_height",
        "not under ridge_height",
    ),
    "rear eave under the base": (
        roof("saltbox", ridge_height=8, ridge_offset=0.4, rear_eave_height=0),
        R + "rear_eave_height",
        "not above base_height",
    ),
    "valley above eave": (
        roof("butterfly", valley_height=5.5),
        R + "valley_height",
        "between the base (0) and",
    ),
    "valley under base": (roof("butterfly", valley_height=-1), R + "valley_height", "between the base"),
    "no teeth": (roof("sawtooth", ridge_height=8, teeth=0), R + "teeth", "at least 1"),
    "half a tooth": (roof("sawtooth", ridge_height=8, teeth=1.5), R + "teeth", "whole number|integer"),
    "negative bulge": (roof("onion", ridge_height=8, bulge=-1), R + "bulge", "above 0"),
    "bulge wider than the part": (roof("onion", ridge_height=8, bulge=6), R + "bulge", "at most 5.831"),
    "too many teeth": (roof("sawtooth", ridge_height=8, teeth=33), R + "teeth", "at most 32"),
    "dome over a courtyard": (
        {**roof("dome", ridge_height=8), "holes": [[[1, 1], [2, 1], [2, 2]]]},
        "parts/0/holes",
        "dome roofs have no courtyards",
    ),
    "setback on a hole": (
        {**roof("hipped", ridge_height=8, hip_setback=1), "holes": [[[1, 1], [2, 1], [2, 2]]]},
        R + "hip_setback",
        "a hole is there",
    ),
    "side-hipped on a dart": (
        {**roof("side_hipped", ridge_height=8, hip_setback=1), "shell": [[0, 0], [9, 0], [3, 3], [0, 9]]},
        R + "kind",
        "not convex",
    ),
    "half a turn off the long side": (
        {**roof("hipped", ridge_height=8, hip_setback=5.1, azimuth_deg=200)},
        R + "hip_setback",
        "longer than the roof (10.000 m)",
    ),
    "no faces": (roof("planar", faces=[]), R + "faces", "at least 1"),
    "steep face": (planar(slope_x=9.0), R + "faces/0/slope_x", "steeper than 80 degrees"),
    "face under the base": (planar(slope_x=-1.0), R + "faces/0/height", "dips to -5.000 at vertex 1"),
    "face that crosses itself": (planar(shell=BOWTIE), R + "faces/0/shell/0", "crosses or overlaps itself"),
    "2-point ring": ({"shell": [[0, 0], [1, 1]]}, "parts/0/shell", "2 distinct points; a polygon needs 3"),
    "empty ring": ({"shell": []}, "parts/0/shell", "0 distinct points"),
    "one place": ({"shell": [[1, 1]] * 5}, "parts/0/shell", "1 distinct point;"),
    "three numbers": ({"shell": [[0, 0, 0], *SQUARE]}, "parts/0/shell/0", "at most 2"),
    "one number": ({"shell": [[0], *SQUARE]}, "parts/0/shell/0/1", "two coordinates"),
    "coordinate NaN": ({"shell": [[0, NAN], *SQUARE]}, "parts/0/shell/0/1", "finite"),
    "self-crossing ring": ({"shell": BOWTIE}, "parts/0/shell/0", "crosses or overlaps itself.*Reorder"),
    "spike": ({"shell": [*SQUARE, [0, 9]]}, "parts/0/shell", "crosses or overlaps itself"),
    "no area": ({"shell": [[0, 0], [5, 5], [10, 10]]}, "parts/0/shell", "no area"),
    "degrees": ({"shell": [[0, 0], [1e-4, 0], [1e-4, 1e-4]]}, "parts/0/shell", "distinct point"),
    "stray vertex": ({"shell": [*SQUARE[:3], [0, 2e6]]}, "parts/0/shell", "wider than 1,000 km"),
    "hole outside": ({"holes": [[[20, 1], [21, 1], [21, 2]]]}, "parts/0/holes/0/0", "outside the shell"),
    "hole across the shell": (
        {"holes": [[[9, 1], [11, 1], [9, 2]]]},
        "parts/0/holes/0/1",
        "outside the shell",
    ),
    "holes that cross": (
        {"holes": [[[1, 1], [4, 1], [4, 4], [1, 4]], [[3, 3], [6, 3], [6, 5], [3, 5]]]},
        "parts/0/holes/1",
        "crosses hole 0",
    ),
    "hole in a hole": (
        {"holes": [[[1, 1], [5, 1], [5, 5], [1, 5]], [[2, 2], [3, 2], [3, 3]]]},
        "parts/0/holes/1",
        "lies in hole 0",
    ),
    "2-point hole": ({"holes": [[[1, 1], [2, 2]]]}, "parts/0/holes/0", "2 distinct points"),
    "too few edge pitches": (
        {**roof("hipped", pitch_deg=30), "edge_pitch_deg": [90, 30, 90]},
        "parts/0/edge_pitch_deg",
        "3 entries but shell and holes have 4 edges",
    ),
    "edge pitch of 0": (
        {**roof("hipped", pitch_deg=30), "edge_pitch_deg": [90, 0, 90, 30]},
        "parts/0/edge_pitch_deg/1",
        "above 0 and up to 90",
    ),
    "edge pitch above 90": ({"edge_pitch_deg": [90, 91, 90, 30]}, "parts/0/edge_pitch_deg/1", "up to 90"),
    "edge pitch NaN": ({"edge_pitch_deg": [90, NAN, 90, 30]}, "parts/0/edge_pitch_deg/1", "finite"),
    "all gables": ({"edge_pitch_deg": [90] * 4}, "parts/0/edge_pitch_deg", "every edge is a gable"),
    "edge pitch on a dome": (
        {**roof("dome", ridge_height=8), "edge_pitch_deg": [30] * 4},
        "parts/0/edge_pitch_deg",
        "dome roofs have no pitch per edge",
    ),
    "edge without a pitch": (
        {**roof("hipped"), "edge_pitch_deg": [30, None, 30, 30]},
        "parts/0/edge_pitch_deg/1",
        "no pitch of its own",
    ),
}


def assert_refused(data: Json, field: str, words: str) -> None:
    with pytest.raises(ProgramError) as caught:
        Program.from_dict(data)
    error = caught.value
    assert error.building == "NL.1"
    assert error.field == field or error.field.startswith(f"{field}/")
    assert error.remedy
    text = str(error)
    assert "building 'NL.1'" in text
    assert f"{error.field} = " in text
    for word in words.split(".*"):
        assert any(choice in text for choice in word.split("|")), text


@pytest.mark.parametrize(("changes", "field", "words"), PARTS.values(), ids=PARTS.keys())
def test_parts(changes: Json, field: str, words: str) -> None:
    assert_refused(building(**changes), field, words)


CHIMNEY = {"kind": "chimney", "part": 0, "x": 5, "y": 3, "width": 0.6, "depth": 0.6, "top_height": 9.0}
DORMER = {**CHIMNEY, "kind": "dormer_gable", "eave_height": 6.0, "ridge_height": 7.0}
del DORMER["top_height"]
SUPERS: dict[str, tuple[Json, str, str]] = {
    "no such part": ({**CHIMNEY, "part": 1}, "part", "has 1 parts.*from 0 to 0"),
    "negative part": ({**CHIMNEY, "part": -1}, "part", "at least 0"),
    "no width": ({**CHIMNEY, "width": 0}, "width", "above 0"),
    "negative depth": ({**CHIMNEY, "depth": -1}, "depth", "above 0"),
    "place NaN": ({**CHIMNEY, "x": NAN}, "x", "finite"),
    "chimney under the eave": ({**CHIMNEY, "top_height": 5.0}, "top_height", "does not rise above the roof"),
    "dormer ridge under its eave": (
        {**DORMER, "ridge_height": 6.0},
        "ridge_height",
        "not above eave_height (6)",
    ),
    "dormer under the eave": ({**DORMER, "eave_height": 3, "ridge_height": 4}, "ridge_height", "rise above"),
    "flat dormer under the eave": (
        {**CHIMNEY, "kind": "dormer_flat", "eave_height": 4},
        "top_height",
        "not permitted",
    ),
    "unknown kind": ({**CHIMNEY, "kind": "antenna"}, "", "'antenna' is not known"),
    "parapet that fills the part": (
        {"kind": "parapet", "thickness": 3.0, "top_height": 6.0},
        "thickness",
        "fills the part (6.000 m wide)",
    ),
}


@pytest.mark.parametrize(("item", "field", "words"), SUPERS.values(), ids=SUPERS.keys())
def test_superstructures(item: Json, field: str, words: str) -> None:
    path = f"superstructures/0/{field}".rstrip("/")
    assert_refused(building() | {"superstructures": [item]}, path, words)


PROGRAMS: dict[str, tuple[Json, str, str]] = {
    "no parts": ({"parts": []}, "parts", "at least 1"),
    "ground NaN": ({"ground_z": NAN}, "ground_z", "finite"),
    "attribute infinite": ({"attributes": {"height": INF}}, "attributes/height", "finite number"),
    "attribute list": ({"attributes": {"tags": [1]}}, "attributes/tags", "nested values do not fit"),
    "provenance of nothing": ({"provenance": {"parts/3/roof": "given"}}, "provenance", "no such field"),
    "provenance of a guess": (
        {"provenance": {"default": "guessed"}},
        "provenance/default",
        "'observed', 'inferred'",
    ),
    "facade NaN": ({"facade": {"floor": NAN}}, "facade", "finite"),
    "unknown field": ({"roof": {}}, "roof", "Remove it"),
}


@pytest.mark.parametrize(("changes", "field", "words"), PROGRAMS.values(), ids=PROGRAMS.keys())
def test_programs(changes: Json, field: str, words: str) -> None:
    assert_refused(building() | changes, field, words)


def test_two_parts_of_one_name() -> None:
    data = building(id="a")
    data["parts"] *= 2
    assert_refused(data, "parts/1/id", "two parts have this id")


def test_ids_must_be_text() -> None:
    with pytest.raises(ProgramError, match=r"id = 3.*in quotes"):
        Program.from_dict(building() | {"id": 3})
    with pytest.raises(ProgramError, match="id = ''"):
        Program.from_dict(building() | {"id": ""})


def test_how_many_more_faults_there_are_is_said() -> None:
    with pytest.raises(ProgramError, match=r"\(and 2 more to mend\)"):
        Program.from_dict(building(eave_height="x", overhang=-1) | {"ground_z": NAN})


def test_constructors_raise_the_same_error() -> None:
    with pytest.raises(ProgramError, match="ridge_height"):
        Gabled(ridge_height=NAN)
    with pytest.raises(ProgramError, match="roof/ridge_height"):
        Part(shell=SQUARE, eave_height=5, roof=Hipped())
    part = Part(shell=SQUARE, eave_height=5, roof=Flat())
    chimney = Chimney(part=2, x=0, y=0, width=1, depth=1, top_height=9)
    with pytest.raises(ProgramError, match=r"'NL.9'.*superstructures/0/part = 2"):
        Program(id="NL.9", parts=[part], superstructures=[chimney])


@pytest.mark.parametrize(
    "changes",
    [
        {"holes": [[[0, 1], [4, 1], [4, 4]]]},  # a hole that touches the shell
        {"holes": [[[1, 1], [4, 1], [4, 4], [1, 4]], [[4, 4], [6, 4], [6, 5], [4, 5]]]},  # holes that meet
        {"shell": [[0, 0], [5, 0], [5, 3], [10, 3], [10, 6], [5, 6], [5, 3], [0, 3]]},  # corners that meet
        {"shell": [[0, 0], [5, 0.0004], [10, 0], [10, 6], [10, 6], [0, 6]]},  # nearly straight, repeated
        {
            "shell": [[0, 0], [10, 0], [10, 6], [5.0004, 6], [5, 5.9996], [4.9996, 6], [0, 6]]
        },  # a nick under 1 mm
        {"shell": [[x + 6e5, y + 5.5e6] for x, y in SQUARE[::-1]]},  # clockwise, on a national grid
    ],
)
def test_what_the_kernel_has_rules_for_is_not_refused(changes: Json) -> None:
    fields = {**changes, **roof("flat")}
    assert Program.from_dict(building(**fields)).id == "NL.1"


def star(points: int, skip: int) -> list[list[float]]:
    angles = [2 * math.pi * skip * index / points for index in range(points)]
    return [[20 * math.cos(angle), 20 * math.sin(angle)] for angle in angles]


@pytest.mark.parametrize(("points", "skip"), [(5, 2), (7, 2), (7, 3), (9, 4), (11, 2)])
def test_stars_turn_one_way_and_cross_all_the_same(points: int, skip: int) -> None:
    assert Program.from_dict(building(shell=star(points, 1), **roof("flat"))).id == "NL.1"
    assert_refused(building(shell=star(points, skip), **roof("flat")), "parts/0/shell", "crosses or overlaps")


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=3, max_size=7))
def test_what_is_refused_is_what_crosses(points: list[tuple[int, int]]) -> None:
    """On a coarse lattice: exact integer arithmetic says which rings cross or overlap."""
    ring = [point for index, point in enumerate(points) if point != points[index - 1]]
    if len(ring) < 3:
        return
    edges = list(zip(ring, ring[1:] + ring[:1], strict=True))
    bad = any(crosses_or_overlaps(*a, *b) for index, a in enumerate(edges) for b in edges[:index])
    found = check_rings([np.array(ring, dtype=float)])
    assert (found is not None) == bad, (ring, found)


def crosses_or_overlaps(a: Lattice, b: Lattice, c: Lattice, d: Lattice) -> bool:
    def side(p: Lattice, q: Lattice, r: Lattice) -> int:
        return (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])

    sides = side(a, b, c), side(a, b, d), side(c, d, a), side(c, d, b)
    if sides[0] * sides[1] < 0 and sides[2] * sides[3] < 0:
        return True
    if any(sides):
        return False
    axis = 0 if a[0] != b[0] else 1
    return max(min(a[axis], b[axis]), min(c[axis], d[axis])) < min(
        max(a[axis], b[axis]), max(c[axis], d[axis])
    )
