"""Refitting with locks, and buildings that nothing was measured of."""

from __future__ import annotations

import numpy as np
import pytest

import geovision
from geovision.errors import UsageError
from geovision.inverse import block_programs, refit
from geovision.inverse.solver import solve
from geovision.model import Evidence, Flat, Gabled, Hipped, Part, Program
from geovision.model.fit import FitStatus
from tests.inverse.scan import Scanner, scan

SHELL = [(0.0, 0.0), (12.0, 0.0), (12.0, 8.0), (0.0, 8.0)]
SQUARE = np.array([[0.0, 0.0], [8.0, 0.0], [8.0, 6.0], [0.0, 6.0]])
TRUTH = Program(
    id="a", parts=[Part(shell=SHELL, eave_height=5.0, roof=Gabled(ridge_height=8.5, azimuth_deg=180.0))]
)


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    return scan(TRUTH, geovision.mesh(TRUTH)[0], Scanner(), 0)


def changed(**values: object) -> Program:
    part = TRUTH.parts[0].replace(**values)
    return TRUTH.replace(parts=[part])


def test_nothing_held_finds_the_roof(evidence: Evidence) -> None:
    program, fit = refit(changed(roof=Flat(), eave_height=3.0), evidence)
    (part,) = program.parts
    assert isinstance(part.roof, Gabled)
    assert part.roof.ridge_height == pytest.approx(8.5, abs=0.03)
    assert part.eave_height == pytest.approx(5.0, abs=0.03)
    assert program.provenance_of("parts/0/roof/ridge_height").text == "observed"
    assert fit.status is FitStatus.OK
    assert 0 < fit.sigma("parts/0/eave_height") < 0.05
    assert np.isnan(fit.sigma("parts/0/base_height"))


def test_a_held_kind_stays(evidence: Evidence) -> None:
    start = changed(roof=Hipped(ridge_height=7.0, hip_setback=3.0, azimuth_deg=180.0))
    program, fit = refit(start, evidence, lock=["parts/0/roof/kind"])
    assert program.parts[0].roof.kind == "hipped"
    assert fit.locked == ("parts/0/roof/kind",)


def test_held_values_stay_to_the_bit(evidence: Evidence) -> None:
    start = changed(eave_height=4.2, roof=Gabled(ridge_height=7.7, azimuth_deg=180.0))
    program, fit = refit(start, evidence, lock=["parts/0/eave_height", "parts/0/roof/kind"])
    assert program.parts[0].eave_height == 4.2
    assert program.parts[0].roof.ridge_height != 7.7  # type: ignore[union-attr]
    assert program.provenance_of("parts/0/eave_height").text == "given"
    assert "parts/0/eave_height" not in fit.parameters
    program, _ = refit(start, evidence, lock=["parts/0/roof/ridge_height"])
    assert program.parts[0].roof.ridge_height == 7.7  # type: ignore[union-attr]
    program, _ = refit(start, evidence, lock=["parts/0"])
    assert program.parts == start.parts


@pytest.mark.parametrize(
    ("lock", "text"),
    [("parts/7/roof", "no part"), ("parts/0/roof/colour", "no parameter"), ("parts/0/overhang", "nothing")],
)
def test_locks_that_name_nothing(evidence: Evidence, lock: str, text: str) -> None:
    with pytest.raises(UsageError, match=text):
        refit(TRUTH, evidence, lock=[lock])


def test_roofs_keep_the_shift_that_a_program_says() -> None:
    truth = changed(roof_shift=(0.3, -0.25))
    moved = scan(truth, geovision.mesh(truth)[0], Scanner(), 0)
    start = truth.replace(parts=[truth.parts[0].replace(eave_height=4.0, roof=Gabled(ridge_height=7.0))])
    program, fit = refit(start, moved, lock=["parts/0/roof/kind"])
    assert program.parts[0].roof_shift == (0.3, -0.25)
    assert program.parts[0].eave_height == pytest.approx(5.0, abs=0.03)
    assert program.parts[0].roof.ridge_height == pytest.approx(8.5, abs=0.03)  # type: ignore[union-attr]
    assert program.provenance_of("parts/0/roof_shift").text == "observed"
    assert (fit.shift_x, fit.shift_y) == pytest.approx((0.3, -0.25))


def test_a_new_kind_finds_its_shift_unless_that_is_held() -> None:
    truth = changed(roof_shift=(0.0, -0.25))
    moved = scan(truth, geovision.mesh(truth)[0], Scanner(), 0)
    program, _ = refit(changed(roof=Flat(), eave_height=3.0), moved)
    assert program.parts[0].roof_shift == pytest.approx((0.0, -0.25), abs=0.05)
    program, _ = refit(changed(roof=Flat(), eave_height=3.0), moved, lock=["parts/0/roof_shift"])
    assert program.parts[0].roof_shift == (0.0, 0.0)


def test_no_points_leave_the_program_alone(evidence: Evidence) -> None:
    bare = Evidence("a", np.zeros(3), (SQUARE,), ground_known=True)
    program, fit = refit(TRUTH, bare)
    assert program == TRUTH
    assert fit.status is FitStatus.FEW_POINTS


@pytest.mark.parametrize(
    ("attributes", "height", "status"),
    [
        ({"height": 7.5}, 7.5, FitStatus.HEIGHT_FROM_ATTRIBUTE),
        ({"HEIGHT": "23 ft"}, 7.01, FitStatus.HEIGHT_FROM_ATTRIBUTE),
        ({"building:levels": 4}, 12.0, FitStatus.HEIGHT_FROM_ATTRIBUTE),
        ({"height": -3, "levels": 2}, 6.0, FitStatus.HEIGHT_FROM_ATTRIBUTE),
        ({"height": float("nan")}, 6.0, FitStatus.HEIGHT_ASSUMED),
        ({"height": True, "use": "barn"}, 6.0, FitStatus.HEIGHT_ASSUMED),
    ],
)
def test_heights_without_points(attributes: dict[str, object], height: float, status: FitStatus) -> None:
    table, (fit,) = block_programs([Evidence("a", np.zeros(3), (SQUARE,), attributes=attributes)])
    assert table[0].parts[0].eave_height == pytest.approx(height, abs=0.01)
    assert fit.status is status
    assert fit.reason
    assert table[0].provenance_of("parts/0/eave_height").text == "inferred"


def test_few_points_make_a_block_at_their_height() -> None:
    points = np.array([[2.0, 2.0, 9.0], [4.0, 3.0, 9.1], [6.0, 4.0, 8.9], [3.0, 4.0, 9.0]])
    item = Evidence("a", np.zeros(3), (SQUARE,), ground_z=2.0, ground_known=True, points=points)
    solved = solve([item])
    assert solved.fits[0].status is FitStatus.FEW_POINTS
    assert solved.table[0].parts[0].eave_height == pytest.approx(7.0, abs=0.01)


def test_wild_evidence_still_makes_solids() -> None:
    rng = np.random.default_rng(3)
    items = []
    for row in range(60):
        count = int(rng.integers(0, 80))
        points = rng.uniform((-2, -2, -5), (10, 8, 60), (count, 3))
        if row % 3 == 0:
            points[:, 2] = 7.0
        if row % 5 == 0 and count:
            points[:] = points[0]
        star = [
            (5 + rng.uniform(1, 5) * np.cos(a), 4 + rng.uniform(1, 5) * np.sin(a)) for a in np.arange(9) * 0.7
        ]
        ring = SQUARE if row % 2 else np.array(star)
        items.append(Evidence(str(row), np.zeros(3), (ring,), ground_known=bool(row % 4), points=points))
    solved = solve(items)
    assert (solved.solids.status == 0).all()
    assert solved.table.validate() == []
