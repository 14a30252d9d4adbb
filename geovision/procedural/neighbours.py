"""Shared walls between given footprints."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from geovision.procedural.plans import I64, Bool
from geovision.procedural.rng import F64, U64

__all__ = ["Walls"]

_MAX_ROW = 24
"""Larger clusters of touching buildings are town blocks, built one by one, and no rows of one design."""


class Walls:
    """Which footprints touch, and along which of their sides."""

    def __init__(self, ring_offsets: I64, vertex_offsets: I64, xy: F64, touch_m: float) -> None:
        import shapely

        sizes = np.diff(vertex_offsets)
        closed = np.insert(xy, vertex_offsets[1:], xy[vertex_offsets[:-1]], axis=0)
        rings = shapely.linearrings(closed, indices=np.repeat(np.arange(len(sizes)), sizes + 1))
        self._shells = np.asarray(rings)[ring_offsets[:-1]]
        self._touch_m = touch_m
        a, b = shapely.STRtree(self._shells).query(self._shells, predicate="dwithin", distance=touch_m)
        other = a != b
        order = np.lexsort((b[other], a[other]))
        self._a, self._b = a[other][order], b[other][order]
        self.attached: Bool = np.zeros(len(self._shells), bool)
        self.attached[self._a] = True

    def row_keys(self, keys: U64) -> U64:
        """One key for all buildings of a row (the least of its members' keys); town blocks keep their own."""
        label = keys.copy()
        while True:
            before = label.copy()
            np.minimum.at(label, self._a, label[self._b])
            if np.array_equal(before, label):
                break
        _, inverse, count = np.unique(label, return_inverse=True, return_counts=True)
        return np.where(count[inverse] > _MAX_ROW, keys, label)

    def party(self, ring: F64, index: I64) -> Bool:
        """Sides of quadrilaterals (n, 4, 2) with a neighbour; `index` are their footprints."""
        import shapely

        found = np.zeros(ring.shape[:2], bool)
        place = np.full(len(self._shells), -1)
        place[index] = np.arange(len(index))
        mine = np.flatnonzero(place[self._a] >= 0)
        row, neighbour = place[self._a[mine]], self._shells[self._b[mine]]
        start, end = ring[row], np.roll(ring, -1, axis=1)[row]
        for share in (0.25, 0.5, 0.75):
            points = shapely.points(start + share * (end - start))
            near = shapely.distance(points, neighbour[:, None]) <= self._touch_m
            np.logical_or.at(found, row, near)
        return found


def front_side(party: Bool) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int8]]:
    """The side that the first slope faces, so that ridges run between party walls, and the free end.

    Both are -1 where the neighbours leave the choice free; the free end counts as in side_hipped.
    """
    across = party[:, [0, 2]].sum(axis=1) - party[:, [1, 3]].sum(axis=1)
    front = np.where(across < 0, np.where(party[:, 0], 2, 0), np.where(party[:, 1], 3, 1))
    front = np.where(across == 0, -1, front).astype(np.int8)
    rows = np.arange(len(party))
    left, right = party[rows, (front + 1) % 4], party[rows, (front + 3) % 4]
    free = np.where(~left & right, 0, np.where(left & ~right, 1, -1))
    return front, np.where(front < 0, -1, free).astype(np.int8)
