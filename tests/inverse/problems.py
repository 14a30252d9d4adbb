"""Random problems for the refinement: a roof of each kind on a plan that bears it, and points on it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision.model.kinds import RoofKind
from geovision.model.roofs import AZIMUTH, BREAK, COUNT, INSET, OFFSET, PITCH, REAR_EAVE, RIDGE

F64 = NDArray[np.float64]

KINDS = (
    RoofKind.FLAT,
    RoofKind.SKILLION,
    RoofKind.GABLED,
    RoofKind.HALF_HIPPED,
    RoofKind.HIPPED,
    RoofKind.PYRAMIDAL,
    RoofKind.MANSARD,
    RoofKind.GAMBREL,
    RoofKind.SALTBOX,
    RoofKind.BUTTERFLY,
    RoofKind.CROSS_GABLED,
    RoofKind.SIDE_HIPPED,
    RoofKind.ROUND,
    RoofKind.DOME,
    RoofKind.CONE,
)
"""Kinds with a forward model."""


def plan(kind: RoofKind, rng: np.random.Generator) -> tuple[F64, float]:
    """A ring near the origin and the azimuth of its first eave."""
    if kind in (RoofKind.DOME, RoofKind.CONE):
        angle = 2 * np.pi * np.arange(10) / 10
        return np.column_stack([5 * np.cos(angle), 5 * np.sin(angle)]) + 8, 90.0
    width, length = rng.uniform(6, 10), rng.uniform(10, 15)
    turn = rng.uniform(0, 2 * np.pi)
    box = np.array([(0, 0), (length, 0), (length, width), (0, width)])
    rotation = np.array([(np.cos(turn), np.sin(turn)), (-np.sin(turn), np.cos(turn))])
    ring = box @ rotation
    azimuth = np.degrees(np.arctan2(np.sin(turn), -np.cos(turn))) % 360
    return ring - ring.min(axis=0) + 3, float(azimuth)


def slots_of(kind: RoofKind, azimuth: float, rng: np.random.Generator) -> tuple[float, F64]:
    """An eave and the kernel's slots, somewhere within their ranges."""
    eave, rise = rng.uniform(4, 8), rng.uniform(2, 4)
    slots = np.full(8, np.nan)
    slots[RIDGE] = eave + rise
    slots[AZIMUTH] = azimuth
    if kind in (RoofKind.GABLED, RoofKind.SALTBOX, RoofKind.BUTTERFLY):
        slots[OFFSET] = rng.uniform(0.35, 0.65)
    if kind is RoofKind.BUTTERFLY:
        slots[RIDGE] = eave - rng.uniform(1, 2)
    if kind is RoofKind.SALTBOX:
        slots[REAR_EAVE] = eave - rng.uniform(0.5, 1.5)
    if kind in (RoofKind.MANSARD, RoofKind.GAMBREL):
        slots[BREAK], slots[INSET] = eave + rise * rng.uniform(0.6, 0.75), rng.uniform(0.8, 1.2)
    if kind is RoofKind.HALF_HIPPED:
        slots[BREAK], slots[INSET] = eave + rise * rng.uniform(0.4, 0.6), rng.uniform(1.0, 1.6)
    if kind in (RoofKind.SIDE_HIPPED, RoofKind.HIPPED):
        slots[INSET] = rng.uniform(2.0, 3.5)
    if kind is RoofKind.SIDE_HIPPED:
        slots[COUNT] = float(rng.integers(2))
    if kind is RoofKind.HIPPED and rng.random() < 0.5:
        slots[[RIDGE, INSET]] = np.nan
        slots[PITCH] = rng.uniform(25, 45)
    if kind is RoofKind.FLAT:
        slots[:] = np.nan
    return eave, slots


def arrays(
    kind: RoofKind,
    ring: F64,
    eave: float,
    slots: F64,
    points: F64,
    sigma: float = 0.05,
    skeleton: bool = False,
) -> dict[str, Any]:
    """One part as a problem of `refine_roofs`."""
    return {
        "part_offsets": np.array([0, 1]),
        "ring_offsets": np.array([0, 1]),
        "vertex_offsets": np.array([0, len(ring)]),
        "xy": ring,
        "point_offsets": np.array([0, len(points)]),
        "points": points,
        "sigma": np.full(len(points), sigma),
        "kind": np.array([int(kind)], np.uint8),
        "eave": np.array([eave]),
        "slots": slots[None],
        "skeleton": np.array([skeleton], np.uint8),
        "tie": np.full((1, 4), -1, np.int32),
        "prior_problem": np.zeros(0, np.int64),
        "prior_part": np.zeros(0, np.int32),
        "prior_slot": np.zeros(0, np.int32),
        "prior_value": np.zeros(0),
        "prior_sigma": np.zeros(0),
    }


def inside(ring: F64, count: int, rng: np.random.Generator) -> F64:
    """Points inside a ring, a few centimetres off its edges."""
    import shapely

    area = shapely.Polygon(ring).buffer(-0.05)
    xy = rng.uniform(ring.min(axis=0), ring.max(axis=0), (4 * count, 2))
    return np.asarray(xy[shapely.contains_xy(area, xy[:, 0], xy[:, 1])][:count])


def heights(problem: dict[str, Any]) -> F64:
    """The forward model's height at every point of a problem of one part; its points keep their order."""
    from geovision import _kernel

    points = problem["points"]
    level = problem | {"points": points * (1, 1, 0), "sigma": np.ones(len(points))}
    found = _kernel.roof_residuals(level)
    # A residual is a distance; two levels of z give the factor from height to distance.
    above = _kernel.roof_residuals(level | {"points": points * (1, 1, 0) + (0, 0, 1.0)})
    factor = above["residuals"] - found["residuals"]
    return np.asarray(-found["residuals"] / factor)
