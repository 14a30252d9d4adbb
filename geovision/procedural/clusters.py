"""Which generated buildings share walls: those that share corners, bit for bit."""

from __future__ import annotations

import numpy as np

from geovision.model.table import ProgramTable
from geovision.procedural.plans import I64
from geovision.procedural.rng import F64

__all__ = ["building_of_vertex", "corner_numbers", "wall_clusters"]


def building_of_vertex(table: ProgramTable) -> I64:
    """The row of the building that each vertex of `table.xy` belongs to."""
    ring = np.repeat(np.arange(len(table.vertex_offsets) - 1), np.diff(table.vertex_offsets))
    part = np.repeat(np.arange(len(table.ring_offsets) - 1), np.diff(table.ring_offsets))[ring]
    return np.repeat(np.arange(len(table)), np.diff(table.part_offsets))[part]


def corner_numbers(xy: F64) -> I64:
    """Numbers of plan positions; corners at the same millimetre have the same number."""
    steps = np.rint(np.asarray(xy) * 1000).astype(np.int64)
    return np.unique(steps, axis=0, return_inverse=True)[1].reshape(-1)


def wall_clusters(table: ProgramTable) -> I64:
    """For each building the least row of those that it is joined to by shared corners."""
    building = building_of_vertex(table)
    corner = corner_numbers(table.xy)
    label = np.arange(len(table))
    while True:
        least = np.full(corner.max(initial=-1) + 1, len(table))
        np.minimum.at(least, corner, label[building])
        fresh = label.copy()
        np.minimum.at(fresh, building, least[corner])
        fresh = fresh[fresh]
        if np.array_equal(fresh, label):
            return label
        label = fresh
