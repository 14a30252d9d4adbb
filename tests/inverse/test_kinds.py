"""Forward models against the kernel's own solids, and their derivatives against finite differences."""

from __future__ import annotations

import numpy as np
import pytest

import geovision
from geovision import _kernel
from geovision.mesh.heights import roof_heights
from geovision.model.kinds import RoofKind
from geovision.model.table import ProgramTable
from tests.inverse import problems

CASES = 12
ELL = np.array([(0.0, 0), (14, 0), (14, 6), (6, 6), (6, 15), (0, 15)]) + 2


def held(shift: np.ndarray) -> dict[str, np.ndarray]:
    return {"shift": shift[None], "shift_sigma": np.zeros(1)}


def table_of(
    kind: RoofKind, ring: np.ndarray, eave: float, slots: np.ndarray, shift: np.ndarray | None = None
) -> ProgramTable:
    return ProgramTable.from_arrays(
        ground_z=np.zeros(1),
        part_offsets=np.arange(2),
        roof_kind=np.array([int(kind)], np.uint8),
        eave=np.array([eave]),
        roof_params=slots[None],
        roof_shift=np.zeros((1, 2)) if shift is None else shift[None],
        ring_offsets=np.arange(2),
        vertex_offsets=np.array([0, len(ring)]),
        xy=ring,
    )


@pytest.mark.parametrize("kind", problems.KINDS, ids=lambda kind: kind.text)
def test_the_forward_model_is_the_solid(kind: RoofKind) -> None:
    rng = np.random.default_rng(int(kind))
    # Barrels and domes are tessellated to a chord tolerance of 2 cm, each side in its own steps, and the
    # steepest strip of a barrel becomes wall.
    curved = kind in (RoofKind.ROUND, RoofKind.DOME)
    for _ in range(CASES):
        ring, azimuth = problems.plan(kind, rng)
        eave, slots = problems.slots_of(kind, azimuth, rng)
        xy = problems.inside(ring, 200, rng)
        points = np.column_stack([xy, np.zeros(len(xy))])
        z = problems.heights(problems.arrays(kind, ring, eave, slots, points))
        solid = geovision.mesh(table_of(kind, ring, eave, slots))[0]
        expected = roof_heights(solid, xy - solid.origin[:2]) + solid.origin[2]
        off = np.abs(z - expected)
        assert np.quantile(off, 0.95) < 0.04 if curved else off.max() < 0.006


@pytest.mark.parametrize("kind", [RoofKind.HIPPED, RoofKind.GABLED, RoofKind.MANSARD], ids=lambda k: k.text)
def test_skeleton_models_are_the_solid(kind: RoofKind) -> None:
    slots = np.full(8, np.nan)
    if kind is RoofKind.HIPPED:
        slots[7] = 35.0
    else:
        slots[0] = 8.0
    if kind is RoofKind.MANSARD:
        slots[3], slots[4] = 7.0, 1.0
    xy = problems.inside(ELL, 400, np.random.default_rng(1))
    points = np.column_stack([xy, np.zeros(len(xy))])
    z = problems.heights(problems.arrays(kind, ELL, 5.0, slots, points, skeleton=True))
    solid = geovision.mesh(table_of(kind, ELL, 5.0, slots))[0]
    expected = roof_heights(solid, xy - solid.origin[:2]) + solid.origin[2]
    assert np.abs(z - expected).max() < 0.006


@pytest.mark.parametrize("kind", problems.KINDS, ids=lambda kind: kind.text)
def test_a_shifted_forward_model_is_the_shifted_solid(kind: RoofKind) -> None:
    """Where the outline moved by the shift lies, and beyond it."""
    rng = np.random.default_rng(300 + int(kind))
    for _ in range(CASES):
        ring, azimuth = problems.plan(kind, rng)
        eave, slots = problems.slots_of(kind, azimuth, rng)
        shift = rng.uniform(-0.6, 0.6, 2)
        xy = problems.inside(ring, 200, rng)
        points = np.column_stack([xy, np.zeros(len(xy))])
        z = problems.heights(problems.arrays(kind, ring, eave, slots, points) | held(shift))
        solid = geovision.mesh(table_of(kind, ring, eave, slots, shift))[0]
        off = np.abs(z - roof_heights(solid, xy - solid.origin[:2]) - solid.origin[2])
        # Curved rims are level beyond the outline, where the model runs on.
        curved = kind in (RoofKind.ROUND, RoofKind.DOME)
        assert np.quantile(off, 0.8) < 0.04 if curved else off.max() < 0.008


@pytest.mark.parametrize("kind", [RoofKind.HIPPED, RoofKind.GABLED, RoofKind.MANSARD], ids=lambda k: k.text)
def test_shifted_skeleton_models_are_the_solid(kind: RoofKind) -> None:
    slots = np.full(8, np.nan)
    slots[7 if kind is RoofKind.HIPPED else 0] = 35.0 if kind is RoofKind.HIPPED else 8.0
    if kind is RoofKind.MANSARD:
        slots[3], slots[4] = 7.0, 1.0
    xy = problems.inside(ELL, 400, np.random.default_rng(1))
    points = np.column_stack([xy, np.zeros(len(xy))])
    for shift in np.array([(0.4, 0.3), (-0.5, 0.2), (0.0, -0.6)]):
        z = problems.heights(problems.arrays(kind, ELL, 5.0, slots, points, skeleton=True) | held(shift))
        solid = geovision.mesh(table_of(kind, ELL, 5.0, slots, shift))[0]
        expected = roof_heights(solid, xy - solid.origin[:2]) + solid.origin[2]
        assert np.abs(z - expected).max() < 0.008


@pytest.mark.parametrize("kind", problems.KINDS, ids=lambda kind: kind.text)
def test_derivatives(kind: RoofKind) -> None:
    rng = np.random.default_rng(100 + int(kind))
    for _ in range(CASES):
        ring, azimuth = problems.plan(kind, rng)
        eave, slots = problems.slots_of(kind, azimuth, rng)
        xy = problems.inside(ring, 120, rng)
        points = np.column_stack([xy, eave + rng.uniform(-1, 3, len(xy))])
        problem = problems.arrays(kind, ring, eave, slots, points, sigma=1.0)
        problem |= {"shift": rng.uniform(-0.3, 0.3, (1, 2)), "shift_sigma": np.ones(1)}
        start = _kernel.roof_residuals(problem)
        theta, step = start["start"], 1e-6
        for k in range(len(theta)):
            up, down = theta.copy(), theta.copy()
            up[k] += step
            down[k] -= step
            high, low = (_kernel.roof_residuals(problem, at)["residuals"] for at in (up, down))
            slope = (high - low) / (2 * step)
            # A crease that a step crosses has no derivative: few points, and none by much.
            off = np.abs(slope - start["jacobian"][:, k])
            assert np.mean(off < 1e-5) > 0.98


@pytest.mark.parametrize("kind", problems.KINDS, ids=lambda kind: kind.text)
def test_slots_survive_the_way_to_theta_and_back(kind: RoofKind) -> None:
    rng = np.random.default_rng(200 + int(kind))
    for _ in range(CASES):
        ring, azimuth = problems.plan(kind, rng)
        eave, slots = problems.slots_of(kind, azimuth, rng)
        problem = problems.arrays(kind, ring, eave, slots, np.zeros((0, 3)))
        found = _kernel.refine_roofs(problem, {"iterations": 0})
        known = np.isfinite(slots) & np.isfinite(found["slots"][0])
        assert found["eave"][0] == pytest.approx(eave, abs=1e-9)
        assert np.allclose(found["slots"][0][known], slots[known], atol=1e-6)


def test_gables_cross_on_any_quad() -> None:
    """Their valleys end on walls that run at any angle, between the points of the grid."""
    rng = np.random.default_rng(5)
    for _ in range(300):
        ring, azimuth = problems.plan(RoofKind.CROSS_GABLED, rng)
        ring = ring + rng.uniform(-0.6, 0.6, ring.shape)
        eave, slots = problems.slots_of(RoofKind.CROSS_GABLED, azimuth, rng)
        xy = problems.inside(ring, 60, rng)
        points = np.column_stack([xy, np.zeros(len(xy))])
        z = problems.heights(problems.arrays(RoofKind.CROSS_GABLED, ring, eave, slots, points))
        solid = geovision.mesh(table_of(RoofKind.CROSS_GABLED, ring, eave, slots))[0]
        expected = roof_heights(solid, xy - solid.origin[:2]) + solid.origin[2]
        assert np.abs(z - expected).max() < 0.03
