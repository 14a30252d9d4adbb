"""The points of buildings that may be their roofs, in the arrays that the kernel takes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision.model.evidence import Evidence

__all__ = ["RoofPoints", "may_be_roof", "offsets_of", "roof_points", "with_base"]

F64 = NDArray[np.float64]

LEAST_HEIGHT_M = 0.8
"""Points lower over the ground than this are no roof where nothing says what they are."""
CLASSED_HEIGHT_M = 0.2
"""The same of points classed as a building with no higher ones beside: slabs, decks and the roofs of cellars
are low, as are floors under roofs, porches and walls."""
GUESSED_GROUND_M = -1.0
"""The same where the ground is a guess."""
STOREY_M = 3.0


@dataclass(frozen=True)
class RoofPoints:
    """Outlines and points of many buildings; heights above their ground, plan in each one's own frame."""

    building_offsets: NDArray[np.int64]
    vertex_offsets: NDArray[np.int64]
    xy: F64
    point_offsets: NDArray[np.int64]
    points: F64
    sigma: F64
    share: F64
    """[buildings] what a point counts of one that errs by itself."""
    ground_z: F64
    """[buildings] absolute."""
    origin: F64
    """[buildings, 3] of the frames."""

    def arrays(self) -> dict[str, Any]:
        """What `_kernel.search_roofs` reads."""
        names = ("building_offsets", "vertex_offsets", "xy", "point_offsets", "points", "sigma", "share")
        return {name: getattr(self, name) for name in names}


def may_be_roof(evidence: Evidence) -> NDArray[np.bool_]:
    """Which points may lie on the building: not told to be something else, and not on the ground."""
    from geovision import _kernel

    known = evidence.ground_known
    least, classed = (LEAST_HEIGHT_M, CLASSED_HEIGHT_M) if known else (GUESSED_GROUND_M, math.inf)
    return _kernel.roof_candidates(evidence.points, evidence.point_kind, evidence.ground_z, least, classed)


def with_base(evidence: Evidence) -> Evidence:
    """Evidence with a base under its roof: where no ground was found and only a roof was measured, its lowest
    points are eaves, and the building stands a storey below.
    """
    if evidence.ground_known or not len(evidence.points):
        return evidence
    low, middle = np.quantile(evidence.points[:, 2], (0.02, 0.5))
    if middle - low > STOREY_M or evidence.ground_z < low - 1.0:
        return evidence
    note = f"the base was put {STOREY_M:g} m under the lowest points, as no ground was found"
    return replace(evidence, ground_z=float(low) - STOREY_M, notes=(*evidence.notes, note))


def roof_points(evidence: Sequence[Evidence]) -> RoofPoints:
    """The outlines and the points that may be roof, in or out of the outline, building after building."""
    points, sigma = [], []
    for item in evidence:
        chosen = may_be_roof(item)
        above = item.points.compress(chosen, axis=0)
        above[:, 2] -= item.ground_z
        points.append(above)
        sigma.append(item.point_sigma[chosen].astype(np.float64))
    rings = [ring for item in evidence for ring in item.rings]
    origin = np.array([item.origin for item in evidence]).reshape(-1, 3)
    return RoofPoints(
        building_offsets=offsets_of([len(item.rings) for item in evidence]),
        vertex_offsets=offsets_of([len(ring) for ring in rings]),
        xy=np.concatenate(rings) if rings else np.zeros((0, 2)),
        point_offsets=offsets_of([len(block) for block in points]),
        points=np.concatenate(points) if points else np.zeros((0, 3)),
        sigma=np.maximum(np.concatenate(sigma), 1e-3) if sigma else np.zeros(0),
        share=np.array([item.point_share for item in evidence]),
        ground_z=np.array([item.ground_z for item in evidence]) + origin[:, 2],
        origin=origin,
    )


def offsets_of(sizes: Sequence[int]) -> NDArray[np.int64]:
    """CSR offsets of rows with these sizes."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes, dtype=np.int64)])
