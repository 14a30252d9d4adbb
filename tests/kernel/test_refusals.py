"""What cannot be built is refused with the status that says why, alone, and without a crash."""

from __future__ import annotations

import math
from random import Random
from typing import Any

import numpy as np
import pytest

from geovision.mesh.check import check
from geovision.model.labels import Status
from tests import footprints, promise, strategies
from tests.footprints import Footprint, Ring
from tests.strategies import FLAT, GABLED, HALF_HIPPED, HIPPED, NAN, PYRAMIDAL, SKILLION, Case, Part, Super

BOX: Ring = [(0.0, 0.0), (8.0, 0.0), (8.0, 6.0), (0.0, 6.0)]
INNER: Ring = [(2.0, 2.0), (4.0, 2.0), (4.0, 4.0), (2.0, 4.0)]
ELL: Ring = [(0.0, 0.0), (8.0, 0.0), (8.0, 3.0), (3.0, 3.0), (3.0, 6.0), (0.0, 6.0)]


def one(shell: Ring, *holes: Ring, kind: int = FLAT, **params: float) -> Case:
    slots = [NAN] * 8
    for name, value in params.items():
        slots[getattr(strategies, name.upper())] = value
    return Case([Part(Footprint(shell, holes), kind, 5.0, params=slots)], name="refusal")


REFUSED = {
    "two points": (one(BOX[:2]), {Status.TOO_FEW_POINTS}),
    "no points": (one([]), {Status.TOO_FEW_POINTS}),
    "one place": (one([(1.0, 1.0)] * 4), {Status.TOO_FEW_POINTS, Status.ZERO_AREA}),
    "a line": (one([(0.0, 0.0), (5.0, 0.0), (9.0, 0.0)]), {Status.ZERO_AREA, Status.SELF_CROSSING}),
    "under a millimetre": (
        one([(0.0, 0.0), (2e-4, 0.0), (0.0, 2e-4)]),
        {Status.TOO_FEW_POINTS, Status.ZERO_AREA},
    ),
    "bow tie": (one([(0.0, 0.0), (8.0, 6.0), (8.0, 0.0), (0.0, 4.0)]), {Status.SELF_CROSSING}),
    "even bow tie": (one([BOX[0], BOX[2], BOX[1], BOX[3]]), {Status.SELF_CROSSING, Status.ZERO_AREA}),
    "hole crosses shell": (
        one(BOX, [(5.0, 2.0), (9.0, 2.0), (9.0, 4.0), (5.0, 4.0)]),
        {Status.SELF_CROSSING},
    ),
    "hole outside": (one(BOX, [(x + 20, y) for x, y in INNER]), {Status.HOLE_OUTSIDE}),
    "hole in hole": (
        one(BOX, [(1.0, 1.0), (7.0, 1.0), (7.0, 5.0), (1.0, 5.0)], INNER),
        {Status.HOLE_OUTSIDE},
    ),
    "two-point hole": (one(BOX, INNER[:2]), {Status.TOO_FEW_POINTS}),
    "NaN vertex": (one([(0.0, math.nan), *BOX[1:]]), {Status.NOT_FINITE}),
    "infinite vertex": (one([(0.0, math.inf), *BOX[1:]]), {Status.NOT_FINITE}),
    "too large": (one([(0.0, 0.0), (2e6, 0.0), (2e6, 2e6)]), {Status.TOO_LARGE}),
    "ridge under eave": (one(BOX, kind=GABLED, ridge=4.0), {Status.BAD_PARAMETER}),
    "no ridge": (one(BOX, kind=GABLED), {Status.BAD_PARAMETER, Status.NOT_FINITE}),
    "infinite ridge": (one(BOX, kind=SKILLION, ridge=math.inf), {Status.NOT_FINITE, Status.BAD_PARAMETER}),
    "pitch of 90": (one(BOX, kind=HIPPED, pitch=90.0), {Status.BAD_PARAMETER}),
    "negative pitch": (one(BOX, kind=HIPPED, pitch=-10.0), {Status.BAD_PARAMETER}),
    "half-hipped L": (
        one(ELL, kind=HALF_HIPPED, ridge=8.0, **{"break": 6.0}, inset=1.0),
        {Status.NOT_A_QUAD},
    ),
    "pyramid with a hole": (one(BOX, INNER, kind=PYRAMIDAL, ridge=8.0), {Status.NOT_STAR_SHAPED}),
    "unknown kind": (one(BOX, kind=99), {Status.UNKNOWN_KIND}),
    "no parts": (Case([], name="no parts"), {Status.EMPTY, Status.TOO_FEW_POINTS}),
    "eave under the ground": (
        Case([Part(Footprint(BOX), FLAT, -2.0)], name="sunk"),
        {Status.EMPTY, Status.BAD_PARAMETER},
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_the_right_status(name: str) -> None:
    case, statuses = REFUSED[name]
    good = one(BOX)
    solids = promise.compile_cases([good, case, good], 22)
    assert Status(int(solids["status"][1])) in statuses
    # The neighbours do not notice.
    assert solids["status"][[0, 2]].tolist() == [0, 0]
    assert np.diff(solids["vertex_offsets"]).tolist() == [8, 0, 8]
    assert check(solids).ok


@pytest.mark.parametrize(
    "ring",
    [
        [*BOX, BOX[0]],
        [BOX[0], BOX[0], *BOX[1:], BOX[3]],
        BOX[::-1],
        [BOX[0], (4.0, 0.0), (4.0, 0.0), *BOX[1:]],
    ],
    ids=["closed", "repeated", "clockwise", "repeated on an edge"],
)
def test_harmless_habits_are_accepted(ring: Ring) -> None:
    solids = promise.compile_cases([one(ring)], 22)
    assert solids["status"].tolist() == [0]
    report = check(solids, self_intersection=True)
    assert report.ok, report.describe(0)
    assert report.volume[0] == pytest.approx(240.0, rel=1e-9)


def spoiled(seed: int) -> Case:
    """A random case with one value replaced by one that no program should have."""
    rng = Random(f"spoiled-{seed}")
    case = strategies.case(900_000 + seed)
    bad = rng.choice((NAN, math.inf, -math.inf, -1.0, 0.0, 1e9, -1e9, 1e-9, 1e300))
    part = rng.choice(case.parts)
    field = rng.randrange(8)
    if field == 0:
        part.params[rng.randrange(8)] = bad
    elif field == 1:
        part.eave = bad
    elif field == 2:
        part.base = bad
    elif field == 3:
        part.overhang = bad
    elif field == 4:
        shell = list(part.footprint.shell)
        i = rng.randrange(len(shell))
        shell[i] = (bad, shell[i][1])
        part.footprint = Footprint(shell, part.footprint.holes)
    elif field == 5:
        shell = list(part.footprint.shell)
        rng.shuffle(shell)
        part.footprint = Footprint(shell, part.footprint.holes)
    elif field == 6:
        count = len(part.footprint.shell) + sum(map(len, part.footprint.holes))
        part.edge_pitch = [rng.choice((bad, NAN, 45.0)) for _ in range(count)]
    else:
        params = [rng.choice((bad, 1.0)) for _ in range(7)]
        case.supers.append(Super(rng.randrange(8), rng.choice((0, -1, 99)), params))
    return case


@pytest.mark.slow
def test_spoiled_values_never_crash_and_never_give_a_broken_solid() -> None:
    cases = [spoiled(seed) for seed in range(3000)]
    for lod in (12, 22, 23):
        solids = promise.compile_cases(cases, lod)
        report = check(solids, self_intersection=True, planarity=1e9)
        shown = "\n".join(f"seed {b}: {report.describe(int(b))}" for b in report.faulty[:10])
        assert report.ok, shown
        assert (solids["status"] != 0).mean() > 0.1


def test_arrays_that_disagree_are_refused() -> None:
    from geovision import _kernel

    def call(**changed: Any) -> None:
        arrays: dict[str, Any] = strategies.to_arrays([one(BOX), one(ELL, INNER)]) | changed
        _kernel.compile_solids(arrays, lod=22, threads=1, grid=0.001, min_edge=0.01, polygons=True)

    call()
    for name, array in strategies.to_arrays([one(BOX), one(ELL)]).items():
        if len(array) > 1 and array.dtype != np.int64:
            with pytest.raises((ValueError, KeyError)):
                call(**{name: array[:-1]})
    for bad in ([0, 5, 2], [1, 1, 2], [0, 1], [0, 1, 99], [0, -1, 2]):
        with pytest.raises(ValueError, match="programs: "):
            call(part_offsets=np.array(bad, np.int64))


def test_rings_of_every_generator_are_open() -> None:
    rng = Random(1)
    for make in footprints.BASIC:
        ring = make(rng).shell
        assert ring[0] != ring[-1]
