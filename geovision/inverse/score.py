"""One score for programs of every kind: how far the points are from the solid, and what the program costs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geovision.inverse.roof_points import RoofPoints
from geovision.mesh import Solids

__all__ = ["Misfit", "NoiseModel", "inside_points", "measure"]

F64 = NDArray[np.float64]

FAR_M = 1.0
"""Distances stop growing here: an outlier is an outlier."""
LEAST_SIGMA_M = 0.08
OUTLIER_NATS = 8.0
FULL_DENSITY = 10.0
"""Points per square metre; of denser ones each counts less, as in the kernel's `density_weight`."""


@dataclass(frozen=True)
class NoiseModel:
    """What points scatter about the true roof, per building; the same for all candidates of a building."""

    sigma: F64
    weight: F64

    @classmethod
    def of(cls, scatter: F64, spacing: F64, most: F64 | float = 1.0) -> NoiseModel:
        """From scatter and spacing as the segmentation measured them, and what points count at most."""
        share = np.minimum(1.0, FULL_DENSITY * spacing**2)
        return cls(np.maximum(scatter, LEAST_SIGMA_M), np.minimum(most, share * np.sqrt(share)))


@dataclass(frozen=True)
class Misfit:
    """Per solid, over the points of its building inside the footprint."""

    points: NDArray[np.int64]
    nats: F64
    """Half the squared distance in standard deviations, summed; no point costs more than `OUTLIER_NATS`."""
    within_0p1: F64
    within_0p2: F64
    rms: F64
    """Root mean square of the distances, capped at 1 m."""
    median: F64
    """Of the distances."""


def inside_points(batch: RoofPoints, inside: NDArray[np.bool_]) -> RoofPoints:
    """The batch without the points of the margin round the footprints."""
    kept = np.concatenate([[0], np.cumsum(inside)])[batch.point_offsets]
    return RoofPoints(
        batch.building_offsets,
        batch.vertex_offsets,
        batch.xy,
        kept,
        batch.points.compress(inside, axis=0),
        batch.sigma[inside],
        batch.share,
        batch.ground_z,
        batch.origin,
    )


def measure(
    solids: Solids,
    batch: RoofPoints,
    which: NDArray[np.int64],
    noise: NoiseModel,
    *,
    shift: F64 | None = None,
    threads: int = 0,
) -> Misfit:
    """Compare solids with the points of their buildings.

    Args:
        solids: any number of them, several of one building too.
        batch: points inside the footprints (`inside_points`).
        which: [solids] the building that each is compared with.
        noise: one entry per building.
        shift: [solids, 2] metres east and north by which the points lie off the solid; none if left out.
        threads: 0 for all cores. The result does not depend on it.
    """
    from geovision import _kernel

    which = np.asarray(which, np.int64)
    origin = np.column_stack([batch.origin[:, :2], batch.ground_z])
    arrays = solids.arrays()
    if shift is not None:
        arrays = arrays | {"origin": solids.origin + np.column_stack([shift, np.zeros(len(shift))])}
    found = _kernel.score_solids(
        arrays,
        batch.points,
        batch.point_offsets,
        origin,
        batch.sigma,
        which,
        noise.sigma,
        FAR_M,
        OUTLIER_NATS,
        threads,
    )
    return Misfit(
        np.diff(batch.point_offsets)[which],
        noise.weight[which] * found["nats"],
        found["within_0p1"],
        found["within_0p2"],
        found["rms"],
        found["median"],
    )
