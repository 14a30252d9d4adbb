"""The refinement against SciPy, and what it promises: bounds, ties, priors, threads, honest sigmas."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import least_squares

from geovision import _kernel
from geovision.model.kinds import RoofKind
from tests.inverse import problems

F64 = NDArray[np.float64]
WIDTH = 3.0


def noisy(kind: RoofKind, rng: np.random.Generator, count: int = 150) -> tuple[dict[str, Any], F64]:
    """A problem that starts near its truth, and the truth's slots with the eave last."""
    ring, azimuth = problems.plan(kind, rng)
    eave, slots = problems.slots_of(kind, azimuth, rng)
    xy = problems.inside(ring, count, rng)
    exact = problems.arrays(kind, ring, eave, slots, np.column_stack([xy, np.zeros(len(xy))]))
    z = problems.heights(exact) + 0.05 * rng.standard_normal(len(xy))
    wild = rng.random(len(xy)) < 0.1
    z[wild] += rng.uniform(-3, 3, int(wild.sum()))
    start = slots.copy()
    start[[0, 3]] += 0.05
    return problems.arrays(kind, ring, eave + 0.04, start, np.column_stack([xy, z])), np.append(slots, eave)


def geman_mcclure(z: F64) -> F64:
    """The loss as SciPy wants it: rho and two derivatives, of the squared residual over width squared."""
    return np.stack([z / (1 + z), 1 / (1 + z) ** 2, -2 / (1 + z) ** 3])


def away_from_creases(problem: dict[str, Any]) -> dict[str, Any]:
    """Only points that stay on their plane while parameters move a little: there the loss is smooth, and a
    minimum is one for every solver."""
    start = _kernel.roof_residuals(problem)
    theta, keep = start["start"], np.ones(len(start["residuals"]), bool)
    for k in range(len(theta)):
        for move in (-0.15, 0.15):
            at = theta.copy()
            at[k] += move * min(1.0, 4 * (start["upper"][k] - start["lower"][k]) / 10)
            moved = _kernel.roof_residuals(problem, at)
            turned = np.abs(moved["jacobian"] - start["jacobian"]).max(axis=1)
            keep &= turned < 0.3 * np.abs(start["jacobian"]).max()
    points = problem["points"][keep]
    return problem | {
        "points": points,
        "sigma": problem["sigma"][keep],
        "point_offsets": np.array([0, len(points)]),
    }


def oracle(problem: dict[str, Any]) -> tuple[F64, float]:
    start = _kernel.roof_residuals(problem)
    found = least_squares(
        lambda theta: _kernel.roof_residuals(problem, theta)["residuals"],
        start["start"],
        jac=lambda theta: _kernel.roof_residuals(problem, theta)["jacobian"],
        bounds=(start["lower"], start["upper"]),
        loss=geman_mcclure,
        f_scale=WIDTH,
        xtol=1e-14,
        ftol=1e-14,
        gtol=1e-12,
        max_nfev=400,
    )
    return found.x, float(found.cost)


def test_same_minimum_as_scipy_on_a_thousand_problems() -> None:
    rng = np.random.default_rng(5)
    # A barrel's and a dome's facets lie too close for points to stay on one.
    kinds = [kind for kind in problems.KINDS if kind not in (RoofKind.ROUND, RoofKind.DOME)]
    better = worse = 0
    for case in range(1000):
        problem = away_from_creases(noisy(kinds[case % len(kinds)], rng, count=120)[0])
        ours = _kernel.refine_roofs(problem, {"width": WIDTH, "iterations": 200, "tolerance": 1e-12}, 1)
        theta, cost = oracle(problem)
        same = np.abs(ours["theta"][0] - theta).max() < 1e-6 or abs(ours["cost"][0] - cost) < 1e-6 * (
            1 + cost
        )
        if same:
            continue
        better += ours["cost"][0] < cost
        worse += ours["cost"][0] > cost
    # On its way a point may still cross a crease, and then there are several minima next to each other.
    assert better + worse <= 10


def test_graduation_finds_the_roof_from_afar() -> None:
    rng = np.random.default_rng(6)
    close = {"narrowing": 2.0, "width": WIDTH}
    reached = {"with": 0, "without": 0}
    for _ in range(60):
        problem, truth = noisy(RoofKind.GABLED, rng)
        problem["eave"] = problem["eave"] + 4.0
        problem["slots"] = problem["slots"] + np.array([5.0, 0, 0, 0, 0, 0, 0, 0])
        for name, options in (("without", close), ("with", close | {"first_width": 60.0})):
            found = _kernel.refine_roofs(problem, options)
            reached[name] += bool(abs(found["eave"][0] - truth[-1]) < 0.05)
    assert reached["with"] >= 58
    assert reached["with"] > reached["without"]


def test_bounds_hold() -> None:
    rng = np.random.default_rng(7)
    for kind in problems.KINDS:
        problem, _ = noisy(kind, rng)
        problem["points"][:, 2] -= 40  # far under anything that may be
        start = _kernel.roof_residuals(problem)
        theta = _kernel.refine_roofs(problem, {"first_width": 400.0})["theta"][0]
        assert (theta >= start["lower"] - 1e-12).all()
        assert (theta <= start["upper"] + 1e-12).all()


def two_parts(tie: bool) -> dict[str, Any]:
    rng = np.random.default_rng(8)
    boxes = [np.array([(x, 0.0), (x + 8, 0), (x + 8, 6), (x, 6)]) for x in (0.0, 8.0)]
    xy = [problems.inside(box, 100, rng) for box in boxes]
    z = [5.00 + 0.05 * rng.standard_normal(100), 5.0 + 0.05 * rng.standard_normal(100)]
    one = problems.arrays(RoofKind.FLAT, boxes[0], 5.0, np.full(8, np.nan), np.zeros((0, 3)))
    ties = np.full((2, 4), -1, np.int32)
    if tie:
        ties[1, 0] = 0
    return one | {
        "part_offsets": np.array([0, 2]),
        "ring_offsets": np.array([0, 1, 2]),
        "vertex_offsets": np.array([0, 4, 8]),
        "xy": np.concatenate(boxes),
        "point_offsets": np.array([0, 200]),
        "points": np.column_stack([np.concatenate(xy), np.concatenate(z)]),
        "sigma": np.full(200, 0.05),
        "kind": np.zeros(2, np.uint8),
        "eave": np.full(2, 5.0),
        "slots": np.full((2, 8), np.nan),
        "skeleton": np.zeros(2, np.uint8),
        "tie": ties,
    }


def test_tied_parameters_are_one() -> None:
    free, tied = (_kernel.refine_roofs(two_parts(tie), {}) for tie in (False, True))
    assert len(free["theta"][0]) == 2
    assert len(tied["theta"][0]) == 1
    assert tied["eave"][0] == tied["eave"][1] == pytest.approx(np.mean(free["eave"]), abs=2e-3)
    assert tied["sigma"][0, 8] < free["sigma"][0, 8]


def test_a_prior_pulls_as_much_as_its_sigma_says() -> None:
    problem = two_parts(True)
    alone = _kernel.refine_roofs(problem, {})
    prior = {
        "prior_problem": np.zeros(1, np.int64),
        "prior_part": np.zeros(1, np.int32),
        "prior_slot": np.array([8], np.int32),
        "prior_value": np.array([6.0]),
    }
    held = _kernel.refine_roofs(problem | prior | {"prior_sigma": np.array([1e-4])}, {"first_width": 60.0})
    loose = _kernel.refine_roofs(problem | prior | {"prior_sigma": np.array([1e3])}, {})
    assert held["eave"][0] == pytest.approx(6.0, abs=1e-3)
    assert loose["eave"][0] == pytest.approx(alone["eave"][0], abs=1e-6)


def test_threads_change_nothing() -> None:
    rng = np.random.default_rng(9)
    made = [noisy(problems.KINDS[i % len(problems.KINDS)], rng)[0] for i in range(30)]
    joined: dict[str, Any] = {}
    for name in made[0]:
        parts = [problem[name] for problem in made]
        if name.endswith("_offsets"):
            sizes = [np.diff(part) for part in parts]
            joined[name] = np.concatenate([[0], np.cumsum(np.concatenate(sizes))])
        else:
            joined[name] = np.concatenate(parts)
    one, two = (_kernel.refine_roofs(joined, {"first_width": 20.0}, threads) for threads in (1, 2))
    for name in ("eave", "slots", "sigma", "cost"):
        assert np.array_equal(one[name], two[name], equal_nan=True)
    alone = _kernel.refine_roofs(made[7], {"first_width": 20.0})
    assert np.array_equal(alone["eave"], one["eave"][7:8])


@pytest.mark.parametrize("shared", [0.0, 0.05], ids=["independent", "along scan lines"])
def test_pulls_have_unit_spread(shared: float) -> None:
    rng = np.random.default_rng(10)
    pulls = []
    for _ in range(250):
        ring, azimuth = problems.plan(RoofKind.GABLED, rng)
        eave, slots = problems.slots_of(RoofKind.GABLED, azimuth, rng)
        xy = problems.inside(ring, 700, rng)
        line = np.floor(xy[:, 1] / 0.7).astype(int)
        xy = xy[np.lexsort((xy[:, 0], line))]
        line = np.floor(xy[:, 1] / 0.7).astype(int)
        exact = problems.arrays(RoofKind.GABLED, ring, eave, slots, np.column_stack([xy, 0 * xy[:, 0]]))
        z = problems.heights(exact) + 0.05 * rng.standard_normal(len(xy))
        z += shared * rng.standard_normal(line.max() + 1)[line]
        wild = rng.random(len(xy)) < 0.1
        z[wild] += rng.uniform(-3, 3, int(wild.sum()))
        sigma = float(np.hypot(0.05, shared))
        problem = problems.arrays(RoofKind.GABLED, ring, eave, slots, np.column_stack([xy, z]), sigma)
        found = _kernel.refine_roofs(problem, {"first_width": 12.0})
        for slot, value, truth in ((8, found["eave"][0], eave), (0, found["slots"][0, 0], slots[0])):
            pulls.append((value - truth) / found["sigma"][0, slot])
    assert 0.8 < np.std(pulls) < 1.25
