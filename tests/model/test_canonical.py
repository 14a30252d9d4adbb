from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings

from geovision.model import Program, canonical
from tests.model.programs import SQUARE, building, programs

QUAD = [[0.0, 0.0], [6.0, 0.0], [6.0, 6.0], [0.0, 6.0]]


@settings(max_examples=60)
@given(programs())
def test_the_canonical_form_is_its_own(program: Program) -> None:
    once = canonical(program)
    assert canonical(once) == once
    assert (once.id, once.ground_z, once.attributes) == (program.id, program.ground_z, program.attributes)


CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "hips that meet on a square": (
        {"shell": QUAD, "roof": {"kind": "hipped", "ridge_height": 8, "hip_setback": 3}},
        {"kind": "pyramidal", "ridge_height": 8},
    ),
    "one pitch on a square": (
        {"shell": QUAD, "roof": {"kind": "hipped", "pitch_deg": 45}},
        {"kind": "pyramidal", "ridge_height": 8},
    ),
    "hips that meet on a rectangle": (
        {"roof": {"kind": "hipped", "ridge_height": 8, "hip_setback": 5}},
        {"kind": "pyramidal", "ridge_height": 8},
    ),
    "setback of half the width": (
        {"roof": {"kind": "hipped", "ridge_height": 8, "hip_setback": 3}},
        {"kind": "hipped", "ridge_height": 8},
    ),
    "pitch on a rectangle": (
        {"roof": {"kind": "hipped", "pitch_deg": math.degrees(math.atan(1))}},
        {"kind": "hipped", "ridge_height": 8},
    ),
    "one pitch on every edge": (
        {"roof": {"kind": "hipped"}, "edge_pitch_deg": [45] * 4},
        {"kind": "hipped", "ridge_height": 8},
    ),
    "mansard in one plane": (
        {"roof": {"kind": "mansard", "ridge_height": 8, "break_height": 6, "break_inset": 1}},
        {"kind": "hipped", "ridge_height": 8},
    ),
    "mansard in one plane on a square": (
        {"shell": QUAD, "roof": {"kind": "mansard", "ridge_height": 8, "break_height": 6, "break_inset": 1}},
        {"kind": "pyramidal", "ridge_height": 8},
    ),
    "mansard": (
        {"roof": {"kind": "mansard", "ridge_height": 8, "break_height": 7, "break_inset": 1}},
        {"kind": "mansard", "ridge_height": 8},
    ),
    "gambrel in one plane": (
        {"roof": {"kind": "gambrel", "ridge_height": 8, "break_height": 6, "break_inset": 1}},
        {"kind": "gabled", "ridge_height": 8, "ridge_offset": 0.5},
    ),
    "half-hipped down to the eave": (
        {"roof": {"kind": "half-hipped", "ridge_height": 8, "hip_height": 5, "hip_setback": 2}},
        {"kind": "hipped", "hip_setback": 2},
    ),
    "saltbox with equal eaves": (
        {"roof": {"kind": "saltbox", "ridge_height": 8, "rear_eave_height": 5, "ridge_offset": 0.4}},
        {"kind": "gabled", "ridge_offset": 0.4},
    ),
    "one tooth": (
        {"roof": {"kind": "sawtooth", "ridge_height": 8, "teeth": 1, "azimuth_deg": -90}},
        {"kind": "skillion", "azimuth_deg": 270},
    ),
    "gabled turned by half a turn": (
        {"roof": {"kind": "gabled", "ridge_height": 8, "azimuth_deg": 540, "ridge_offset": 0.5}},
        {"azimuth_deg": 0, "ridge_offset": 0.5},
    ),
    "off-centre ridge seen from behind": (
        {"roof": {"kind": "gabled", "ridge_height": 8, "azimuth_deg": 200, "ridge_offset": 0.25}},
        {"azimuth_deg": 20, "ridge_offset": 0.75},
    ),
    "skillion keeps its direction": (
        {"roof": {"kind": "skillion", "ridge_height": 8, "azimuth_deg": -160}},
        {"azimuth_deg": 200},
    ),
}


@pytest.mark.parametrize(("part", "expected"), CASES.values(), ids=CASES.keys())
def test_special_cases_become_the_simpler_kind(part: dict[str, Any], expected: dict[str, Any]) -> None:
    roof = canonical(Program.from_dict(building(**part))).parts[0].roof
    assert roof.model_dump() == pytest.approx(roof.model_dump() | expected)


def test_rings_run_one_way_and_pitches_follow_their_edges() -> None:
    roof = {"kind": "gabled", "ridge_height": 8, "azimuth_deg": 0}
    # Edge 1 (the right end wall) is the gable.
    forward = building(shell=SQUARE, edge_pitch_deg=[30, 90, 40, 50], roof=roof)
    # Backwards from the upper right corner: top, left, bottom, right.
    backward = building(
        shell=[SQUARE[i] for i in (2, 3, 0, 1)][::-1], roof=roof, edge_pitch_deg=[30, 50, 40, 90]
    )
    # (10,0) -> (0,0) is the bottom, then left, top, right.
    assert backward["parts"][0]["shell"] == [[10, 0], [0, 0], [0, 6], [10, 6]]
    assert canonical(Program.from_dict(backward)) == canonical(Program.from_dict(forward))
    assert canonical(Program.from_dict(forward)).parts[0].edge_pitch_deg == (30, 90, 40, 50)


def test_provenance_of_a_parameter_that_is_gone_goes_with_it() -> None:
    roof = {"kind": "mansard", "ridge_height": 8, "break_height": 6, "break_inset": 1}
    data = building(roof=roof) | {
        "provenance": {"parts/0/roof/break_height": "observed", "parts/0/roof/ridge_height": "observed"}
    }
    assert canonical(Program.from_dict(data)).provenance == {"parts/0/roof/ridge_height": "observed"}


def test_one_slope_tells_a_shift_as_a_height_and_a_level_roof_not_at_all() -> None:
    slope = {"kind": "skillion", "ridge_height": 8, "azimuth_deg": 180}
    part = canonical(Program.from_dict(building(roof=slope, roof_shift=[0.7, -0.4]))).parts[0]
    # 3 m of rise over 6 m: a roof that lies 0.4 m further south is 0.2 m higher here.
    assert part.roof_shift == (0.0, 0.0)
    assert (part.eave_height, getattr(part.roof, "ridge_height", 0)) == pytest.approx((5.2, 8.2))
    level = canonical(Program.from_dict(building(roof={"kind": "flat"}, roof_shift=[0.7, -0.4]))).parts[0]
    assert level.roof_shift == (0.0, 0.0)
    gable = {"kind": "gabled", "ridge_height": 8}
    assert canonical(Program.from_dict(building(roof=gable, roof_shift=[0.7, -0.4]))).parts[0].roof_shift == (
        0.7,
        -0.4,
    )
