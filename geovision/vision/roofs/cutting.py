"""From the boxes that a network says to pieces of the outline: cuts along its axes, at its own corners where
there are some near.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["cut_outline"]

F64 = NDArray[np.float64]

SNAP_M = 0.6
"""A cut goes through a corner of the outline that is as near to it."""
SLIVER_M = 0.04
LEAST_AREA_M2 = 1.2
_MITRE: dict[str, Any] = {"join_style": "mitre", "mitre_limit": 20.0}


def cut_outline(shell: F64, boxes: F64, scale_m: float) -> list[F64] | None:
    """Pieces of an outline, one for each box and in their order; None where straight cuts do not part them.

    Args:
        shell: [n, 2] open ring in the frame of the boxes.
        boxes: [k, 4] middles and half sides.
        scale_m: metres of one unit.

    >>> shell = np.array([[0, 0], [9, 0], [9, 5], [4, 5], [4, 9], [0, 9.0]])
    >>> pieces = cut_outline(shell, np.array([[4.5, 2.4, 4.4, 2.4], [2.0, 7.1, 2.1, 2.0]]), 1.0)
    >>> [sorted(map(tuple, piece.tolist())) for piece in pieces]
    [[(0.0, 0.0), (0.0, 5.0), (9.0, 0.0), (9.0, 5.0)], [(0.0, 5.0), (0.0, 9.0), (4.0, 5.0), (4.0, 9.0)]]
    """
    import shapely

    found = _cut(shapely.Polygon(shell), boxes, list(range(len(boxes))), scale_m)
    if found is None:
        return None
    return [np.asarray(found[k].exterior.coords)[:-1] for k in range(len(boxes))]


def _cut(polygon: Any, boxes: F64, which: Sequence[int], scale: float) -> dict[int, Any] | None:
    if len(which) == 1:
        return {which[0]: polygon}
    for axis, place, before, behind in _cuts(boxes, which, scale):
        pieces = _halves(polygon, axis, _snapped(polygon, axis, place, scale), scale)
        if pieces is None:
            continue
        first = _cut(pieces[0], boxes, before, scale)
        second = _cut(pieces[1], boxes, behind, scale)
        if first is not None and second is not None:
            return first | second
    return None


def _cuts(boxes: F64, which: Sequence[int], scale: float) -> list[tuple[int, float, list[int], list[int]]]:
    """Axis, place and the boxes on both sides, those first that cut least of a box off."""
    found = []
    for axis in (0, 1):
        order = sorted(which, key=lambda k: (boxes[k, axis], k))
        for split in range(1, len(order)):
            before, behind = order[:split], order[split:]
            ends = max(boxes[k, axis] + boxes[k, 2 + axis] for k in before)
            starts = min(boxes[k, axis] - boxes[k, 2 + axis] for k in behind)
            shortest = min(2 * boxes[k, 2 + axis] for k in which)
            if ends - starts < 0.6 * shortest:
                found.append((abs(ends - starts), (axis, (ends + starts) / 2, before, behind)))
    return [cut for _, cut in sorted(found, key=lambda item: item[0])]


def _snapped(polygon: Any, axis: int, place: float, scale: float) -> float:
    """The place of a reflex corner near, else of any corner near, else as it is."""
    ring = np.asarray(polygon.exterior.normalize().coords)[:-1]
    after, before = np.roll(ring, -1, axis=0) - ring, ring - np.roll(ring, 1, axis=0)
    # Normalised rings run clockwise.
    reflex = before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0] > 0
    for corners in (ring[reflex], ring):
        if len(corners):
            nearest = corners[np.argmin(np.abs(corners[:, axis] - place)), axis]
            if abs(nearest - place) * scale < SNAP_M:
                return float(nearest)
    return place


def _halves(polygon: Any, axis: int, place: float, scale: float) -> tuple[Any, Any] | None:
    import shapely

    low, high = np.reshape(polygon.bounds, (2, 2))
    top = high + 1
    top[axis] = place
    below = polygon.intersection(shapely.box(*(low - 1), *top))
    first = _opened(below, scale)
    if first is None:
        return None
    second = _opened(polygon.difference(first), scale)
    return None if second is None else (first, second)


def _opened(shape: Any, scale: float) -> Any | None:
    """The polygon without slivers; None where it is not one piece of some size."""
    import shapely

    reach = SLIVER_M / scale
    opened = shape.buffer(-reach, **_MITRE).buffer(reach, **_MITRE)
    if opened.geom_type != "Polygon" or opened.interiors or opened.area * scale**2 < LEAST_AREA_M2:
        return None
    # Corners where they were, and none that a wall does not need.
    opened = shapely.snap(opened, shapely.multipoints(shapely.get_coordinates(shape)), reach / 2)
    opened = opened.simplify(reach / 8)
    return opened if opened.geom_type == "Polygon" and opened.is_valid else None
