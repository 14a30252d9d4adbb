"""Roofs under leaves: named kinds fitted to the lowest points alone."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from geovision.inverse.propose import Parametric, propose_parametric
from geovision.inverse.roof_points import RoofPoints, offsets_of
from geovision.model.evidence import Evidence
from geovision.model.kinds import RoofKind

__all__ = ["lowest_points", "propose_under_canopy"]

SQUARE_M = 0.5
WHOLE = {"most_ways": 1, "superstructures": False, "shift_sigma": 0.0}
"""One roof over the whole footprint: leaves that reach down would each become a part."""


def propose_under_canopy(
    evidence: Sequence[Evidence],
    points: RoofPoints,
    rows: NDArray[np.int64],
    *,
    kinds: Collection[RoofKind | str] | None = None,
    threads: int = 0,
) -> Parametric:
    """The named kind that explains the lowest points of these buildings best: leaves are above a roof.

    Args:
        evidence: of all buildings.
        points: `roof_points(evidence)`.
        rows: the buildings in question.
        kinds: to choose from.
        threads: 0 for all cores.
    """
    return propose_parametric(
        [evidence[row] for row in rows.tolist()],
        points=lowest_points(points, rows),
        kinds=kinds,
        options=WHOLE,
        proposals="ignore",
        threads=threads,
    )


def lowest_points(points: RoofPoints, rows: NDArray[np.int64]) -> RoofPoints:
    """These buildings with the lowest point of every square of half a metre, in the order that points had."""
    chosen = [_lowest(points, row) for row in rows.tolist()]
    rings = _ranges(points.building_offsets, rows)
    vertices = _ranges(points.vertex_offsets, rings)
    kept = np.concatenate([*chosen, np.zeros(0, np.int64)])
    return replace(
        points,
        building_offsets=offsets_of(np.diff(points.building_offsets)[rows].tolist()),
        vertex_offsets=offsets_of(np.diff(points.vertex_offsets)[rings].tolist()),
        xy=points.xy[vertices],
        point_offsets=offsets_of([len(one) for one in chosen]),
        points=points.points[kept],
        sigma=points.sigma[kept],
        share=points.share[rows],
        ground_z=points.ground_z[rows],
        origin=points.origin[rows],
    )


def _lowest(points: RoofPoints, row: int) -> NDArray[np.int64]:
    first, last = points.point_offsets[row : row + 2]
    xyz = points.points[first:last]
    east, north = np.floor(xyz[:, :2] / SQUARE_M).astype(np.int64).T
    order = np.lexsort((xyz[:, 2], north, east))
    new = np.ones(len(order), bool)
    new[1:] = (np.diff(east[order]) != 0) | (np.diff(north[order]) != 0)
    return np.asarray(first + np.sort(order[new]))


def _ranges(offsets: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """The elements of these rows, row after row."""
    spans = [np.arange(offsets[row], offsets[row + 1]) for row in rows.tolist()]
    return np.concatenate([*spans, np.zeros(0, np.int64)])
