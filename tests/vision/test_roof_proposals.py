"""From what a network says to programs: the truth said is the truth proposed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import geovision
from geovision.model import Evidence, Program, canonical
from geovision.model.kinds import RoofKind
from geovision.vision.roofs.batches import outlines_of
from geovision.vision.roofs.cutting import cut_outline
from geovision.vision.roofs.decode import DecodeOptions, proposals_of, said_of
from geovision.vision.roofs.frames import Frames, frames_of
from geovision.vision.roofs.targets import KINDS, PARTS, Targets, directions_of, targets_of
from geovision.vision.roofs.towns import Buildings, make_town


def spoken(targets: Targets) -> dict[str, NDArray[Any]]:
    """Outputs of a network that knows the truth."""
    sure = 12.0
    return {
        "present": sure * (2 * targets.present[..., None] - 1),
        "kind": sure * np.eye(KINDS)[targets.kind],
        "box": targets.box,
        "direction": targets.direction,
        "sizes": np.concatenate([targets.sizes, np.full_like(targets.sizes, -3)], axis=2),
        "count": sure * np.eye(PARTS)[targets.count],
    }


@pytest.fixture(scope="module")
def told() -> list[tuple[Buildings, int, Evidence, Frames, dict[str, NDArray[Any]], NDArray[Any]]]:
    town = make_town("mixed", 31, 80)
    outlines = outlines_of(town)
    frames = frames_of(*outlines.shells())
    level = np.full(len(town), 5.0)
    outputs = spoken(targets_of(frames, level, town, directions_of(town)))
    out = []
    for row in range(len(town)):
        rings = range(*town.ring_offsets[row : row + 2])
        evidence = Evidence(
            str(row),
            np.array([1000.0, 2000.0, 0.0]),
            tuple(
                town.xy[slice(*town.vertex_offsets[ring : ring + 2])].astype(float).round(3) for ring in rings
            ),
        )
        out.append((town, row, evidence, frames, outputs, level))
    return out


def proposal(
    item: tuple[Buildings, int, Evidence, Frames, dict[str, NDArray[Any]], NDArray[Any]],
) -> Program | None:
    _, row, evidence, frames, outputs, level = item
    found = proposals_of(evidence, said_of(outputs, frames, level, row), frames, row)
    assert sum(one.confidence for one in found) <= 1 + 1e-9
    return found[0].program if found else None


def test_what_is_said_is_proposed(told: Any) -> None:
    right, heights, seen = [], [], set()
    for item in told:
        town, row = item[:2]
        parts = slice(*town.part_offsets[row : row + 2])
        kinds = sorted(
            np.where(town.kind[parts] == RoofKind.CONE, RoofKind.PYRAMIDAL, town.kind[parts]).tolist()
        )
        if len(kinds) > PARTS or RoofKind.PLANAR in kinds:
            continue
        program = proposal(item)
        if program is None:
            right.append(False)
            continue
        right.append(sorted(int(part.roof.roof_kind) for part in program.parts) == kinds)
        if right[-1] and len(kinds) == 1:
            seen.add(kinds[0])
            heights.append(abs(program.parts[0].eave_height - float(town.eave[parts][0])))
    assert np.mean(right) > 0.9
    assert max(heights) < 0.01
    assert len(seen) >= 12


def test_a_decoded_program_is_the_one_that_was_encoded(told: Any) -> None:
    """Solids of programs of one part lie where the true ones do."""
    compared = 0
    for item in told:
        town, row, evidence = item[:3]
        part = town.part_offsets[row]
        kind = RoofKind(int(town.kind[part]))
        plain = kind in (
            RoofKind.FLAT,
            RoofKind.SKILLION,
            RoofKind.GABLED,
            RoofKind.HALF_HIPPED,
            RoofKind.GAMBREL,
        )
        if town.part_offsets[row + 1] - part > 1 or not plain or len(evidence.rings[0]) != 4:
            continue
        if kind is RoofKind.GABLED and abs(np.nan_to_num(town.slots[part, 2], nan=0.5) - 0.5) > 1e-3:
            # The place of a ridge off the middle is found by the fit.
            continue
        program = proposal(item)
        assert program is not None
        roof: Any = canonical(program).parts[0].roof
        assert roof.kind == kind.text
        if kind is RoofKind.FLAT:
            continue
        assert roof.ridge_height == pytest.approx(float(town.slots[part, 0]), abs=0.01)
        given = float(town.slots[part, 1])
        if math.isfinite(given):
            turn = 360 if kind is RoofKind.SKILLION else 180
            away = abs(roof.azimuth_deg - given) % turn
            assert min(away, turn - away) < 3
        compared += 1
    assert compared >= 10


def test_programs_make_solids(told: Any) -> None:
    programs = [program for program in map(proposal, told) if program is not None]
    solids = geovision.mesh(geovision.ProgramTable.from_programs(programs), on_error="record")
    assert np.mean(np.diff(solids.triangle_offsets) > 0) > 0.95


def test_an_unsure_network_proposes_several_and_less_surely(told: Any) -> None:
    _, row, evidence, frames, outputs, level = told[0]
    shy = {name: values * (0.1 if name in ("kind", "count") else 1) for name, values in outputs.items()}
    found = proposals_of(evidence, said_of(shy, frames, level, row), frames, row, DecodeOptions(most=3))
    assert len(found) == 3
    assert found[0].confidence >= found[1].confidence >= found[2].confidence
    assert found[0].confidence < 0.5


def test_boxes_cut_an_outline_at_its_own_corners() -> None:
    shell = np.array(
        [[0.0, 0.0], [10.0, 0.0], [10.0, 4.0], [6.0, 4.0], [6.0, 9.0], [3.0, 9.0], [3.0, 4.0], [0.0, 4.0]]
    )
    boxes = np.array([[5.0, 2.2, 5.0, 2.1], [4.4, 6.6, 1.5, 2.4]])
    pieces = cut_outline(shell, boxes, 1.0)
    assert pieces is not None
    main, wing = pieces
    assert sorted(map(tuple, np.round(main, 6).tolist()))[0] == (0.0, 0.0)
    assert np.ptp(main[:, 1]) == pytest.approx(4)
    assert np.ptp(wing, axis=0) == pytest.approx((3, 5))


def test_boxes_in_one_another_are_no_cut() -> None:
    shell = np.array([[0.0, 0.0], [9.0, 0.0], [9.0, 9.0], [0.0, 9.0]])
    assert cut_outline(shell, np.array([[4.5, 4.5, 4.5, 4.5], [4.5, 4.5, 1.5, 1.5]]), 1.0) is None
