"""Whether rings can bound a part: simple, with an area, holes inside. Pure NumPy, on open rings.

Rings may touch (the kernel has rules for that); they may not cross or overlap by more than its 1 mm grid.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["RingProblem", "check_rings", "corners", "narrowest", "signed_area", "span"]

GRID_M = 1e-3
# Edges that lie on each other within half a grid step fall together when they are rounded.
OVERLAP_M = GRID_M / 2
MIN_EDGE_M = 1e-2
MAX_SPAN_M = 1e6
# Larger rings go through NumPy at once.
SMALL = 16
# Rows of the edge-against-edge tables done at once, so that a ring of 100,000 vertices does not fill memory.
BLOCK_PAIRS = 1 << 20

Array = NDArray[np.float64]


class RingProblem(NamedTuple):
    """Ring 0 is the shell; `vertex` is where the fault was found, or None for the whole ring."""

    ring: int
    vertex: int | None
    problem: str
    remedy: str


def signed_area(ring: Array) -> float:
    """Area in square metres, positive for counter-clockwise rings.

    >>> signed_area(np.array([[0.0, 0], [4, 0], [4, 3], [0, 3]]))
    12.0
    """
    x, y = (ring - ring[0]).T
    return float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


def corners(ring: Array, tolerance: float = GRID_M) -> Array:
    """The vertices without repeated ones and those on a straight line."""
    points = [point for i, point in enumerate(ring) if np.hypot(*(point - ring[i - 1])) > tolerance]
    changed = True
    while changed and len(points) > 3:
        changed = False
        for i in range(len(points)):
            a, b, c = points[i - 1], points[i], points[(i + 1) % len(points)]
            chord = c - a
            length = float(np.hypot(*chord))
            if length > 0 and abs(_cross(chord, b - a)) / length <= tolerance and np.dot(b - a, c - b) >= 0:
                del points[i]
                changed = True
                break
    return np.array(points).reshape(-1, 2)


def is_convex(points: Array) -> bool:
    """Whether a ring of true corners turns the same way at each of them."""
    steps = np.roll(points, -1, axis=0) - points
    after = np.roll(steps, -1, axis=0)
    turns = steps[:, 0] * after[:, 1] - steps[:, 1] * after[:, 0]
    return bool((turns > 0).all() or (turns < 0).all())


def ridge_length(quad: Array, azimuth_deg: float | None) -> float:
    """Distance between the middles of the end walls of four corners whose first eave faces the azimuth."""
    points = quad if signed_area(quad) > 0 else quad[::-1]
    edges = np.roll(points, -1, axis=0) - points
    lengths = np.hypot(*edges.T)
    if azimuth_deg is None:
        first = 1 if lengths[1] + lengths[3] > lengths[0] + lengths[2] else 0
    else:
        azimuth = np.radians(azimuth_deg)
        facing = (edges[:, 1] * np.sin(azimuth) - edges[:, 0] * np.cos(azimuth)) / lengths
        first = int(np.argmax(facing))
    turned = np.roll(points, -first, axis=0)
    return float(np.hypot(*((turned[1] + turned[2]) - (turned[3] + turned[0])))) / 2


def span(ring: Array, azimuth_deg: float) -> float:
    """Width of the ring along a compass direction, in metres."""
    azimuth = np.radians(azimuth_deg)
    along = (ring - ring[0]) @ np.array([np.sin(azimuth), np.cos(azimuth)])
    return float(along.max() - along.min())


def narrowest(ring: Array) -> float:
    """Least width of the ring across one of its edges, in metres."""
    edges = np.roll(ring, -1, axis=0) - ring
    edges = edges[np.hypot(*edges.T) > GRID_M]
    azimuths = np.degrees(np.arctan2(edges[:, 0], edges[:, 1]))
    return min((span(ring, azimuth + 90) for azimuth in azimuths), default=0.0)


def reach(ring: Array) -> float:
    """Distance of the farthest vertex from the centre of the ring's area, in metres."""
    local = ring - ring[0]
    after = np.roll(local, -1, axis=0)
    weights = local[:, 0] * after[:, 1] - local[:, 1] * after[:, 0]
    centre = weights @ (local + after) / (3 * weights.sum())
    return float(np.hypot(*(local - centre).T).max())


def check_rings(rings: list[Array]) -> RingProblem | None:
    """The first thing that is wrong with a shell and its holes, or None."""
    for number, ring in enumerate(rings):
        found = _check_ring(number, ring)
        if found is not None:
            return found
    shell = rings[0]
    for number, hole in enumerate(rings[1:], start=1):
        inside = _inside(hole, shell)
        if not inside.all():
            vertex = int(np.argmin(inside))
            return RingProblem(
                number, vertex, "the hole lies outside the shell", "Drop the hole, or move it inside"
            )
    boxes = np.array([(*ring.min(axis=0), *ring.max(axis=0)) for ring in rings])
    for a in range(len(rings)):
        for b in (a + 1 + np.flatnonzero(_boxes_meet(boxes[a], boxes[a + 1 :]))).tolist():
            vertex_or_none = _crossing(rings[b], rings[a])
            if vertex_or_none is not None:
                other = "the shell" if a == 0 else f"hole {a - 1}"
                return RingProblem(
                    b, vertex_or_none, f"the hole crosses {other}", "Cut the hole off, or merge the two"
                )
            if a > 0 and (
                _inside(rings[b], rings[a], strict=True).any() or _inside(rings[a], rings[b], True).any()
            ):
                return RingProblem(
                    b, None, f"the hole lies in hole {a - 1}", "Drop the inner one of the two holes"
                )
    return None


def _boxes_meet(box: Array, others: Array) -> NDArray[np.bool_]:
    """Which boxes (low x, low y, high x, high y) come as close as a grid step."""
    apart = (others[:, :2] > box[2:] + GRID_M) | (others[:, 2:] < box[:2] - GRID_M)
    return np.logical_not(apart.any(axis=1))


def _is_plain(ring: Array) -> bool:
    """Whether a small ring is convex, each corner clear of the grid: quick, and most footprints are."""
    count = len(ring)
    if not 3 <= count <= SMALL:
        return False
    points = ring.tolist()
    turning, reversals, before = 0.0, 0, 0.0
    for i in range(count):
        (ax, ay), (bx, by), (cx, cy) = points[i - 2], points[i - 1], points[i]
        chord = math.hypot(cx - ax, cy - ay)
        turn = (bx - ax) * (cy - by) - (by - ay) * (cx - bx)
        if chord > MAX_SPAN_M / SMALL or abs(turn) <= GRID_M * chord or turn * turning < 0:
            return False
        turning = turn
        if (step := bx - ax) != 0:
            reversals += step * before < 0
            before = step
    # All turns are to one side; going round once, x turns back twice (one may lie across the start).
    return reversals <= 2


def _check_ring(number: int, ring: Array) -> RingProblem | None:
    if _is_plain(ring):
        return None
    steps = np.hypot(*(ring - np.roll(ring, 1, axis=0)).T) if len(ring) else np.zeros(0)
    distinct = int((steps > OVERLAP_M).sum())
    if len(ring) < 3 or distinct < 3:
        count = min(len(ring), max(distinct, min(len(ring), 1)))
        plural = "point" if count == 1 else "points"
        return RingProblem(
            number,
            None,
            f"the ring has {count} distinct {plural}; a polygon needs 3",
            "Give at least 3 corners, or drop it",
        )
    if float(np.ptp(ring, axis=0).max()) > MAX_SPAN_M:
        return RingProblem(
            number, None, "the ring is wider than 1,000 km", "Look for a stray vertex, and check the CRS"
        )
    if _flatness(ring) <= OVERLAP_M:
        return RingProblem(number, None, "the ring has no area", "Drop it; are the coordinates in metres?")
    vertex = _crossing(ring, None)
    if vertex is not None:
        return RingProblem(
            number,
            vertex,
            f"the ring crosses or overlaps itself near vertex {vertex}",
            "Reorder or split the ring",
        )
    return None


def _flatness(ring: Array) -> float:
    """How far the ring reaches from the line through its first vertex and the one farthest from it."""
    offsets = ring - ring[0]
    lengths = np.hypot(*offsets.T)
    far = offsets[int(np.argmax(lengths))] / lengths.max()
    return float(np.abs(far[0] * offsets[:, 1] - far[1] * offsets[:, 0]).max())


def _cross(a: Array, b: Array) -> float:
    return float(a[0] * b[1] - a[1] * b[0])


def _edges(ring: Array) -> tuple[Array, Array]:
    ends = np.roll(ring, -1, axis=0)
    keep = np.hypot(*(ends - ring).T) > OVERLAP_M
    return ring[keep], ends[keep]


def _edges_near(ring: Array, other: Array) -> tuple[Array, Array]:
    """Those edges of a ring that come close to the box round another."""
    start, end = _edges(ring)
    box = np.concatenate([other.min(axis=0), other.max(axis=0)])
    near = _boxes_meet(box, np.hstack([np.minimum(start, end), np.maximum(start, end)]))
    return start[near], end[near]


def _crossing(ring: Array, other: Array | None) -> int | None:
    """The vertex of the first edge that crosses an edge of the other ring (None: of the ring itself)."""
    origin = ring[0]
    start, end = _edges(ring - origin)
    other_start, other_end = (start, end) if other is None else _edges_near(other - origin, ring - origin)
    rows = max(1, BLOCK_PAIRS // max(1, len(other_start)))
    for first in range(0, len(start), rows):
        block = slice(first, min(first + rows, len(start)))
        hits = _hits(start[block], end[block], other_start, other_end)
        if other is None:
            own = np.arange(first, first + len(hits))
            hits[np.arange(len(hits)), own] = False
        if hits.any():
            row = int(np.argmax(hits.any(axis=1)))
            point = start[first + row] + origin
            return int(np.argmin(np.hypot(*(ring - point).T)))
    return None


def _hits(a: Array, b: Array, c: Array, d: Array) -> NDArray[np.bool_]:
    """Which edges ab (rows) and cd (columns) cross by more than the grid, or lie on each other."""
    ab, cd = b - a, d - c
    ab_length, cd_length = np.hypot(*ab.T)[:, None], np.hypot(*cd.T)[None, :]

    def beside(origin: Array, direction: Array, point: Array) -> Array:
        east, north = point[..., 0] - origin[..., 0], point[..., 1] - origin[..., 1]
        distance: Array = direction[..., 0] * north - direction[..., 1] * east
        return distance

    rows, columns = (slice(None), None), (None, slice(None))
    c_side = beside(a[rows], ab[rows], c[columns]) / ab_length
    d_side = beside(a[rows], ab[rows], d[columns]) / ab_length
    a_side = beside(c[columns], cd[columns], a[rows]) / cd_length
    b_side = beside(c[columns], cd[columns], b[rows]) / cd_length

    def split(left: Array, right: Array) -> NDArray[np.bool_]:
        apart: NDArray[np.bool_] = (left * right < 0) & (np.minimum(np.abs(left), np.abs(right)) > GRID_M)
        return apart

    crossing = split(c_side, d_side) & split(a_side, b_side)
    on_line = (np.abs(c_side) < OVERLAP_M) & (np.abs(d_side) < OVERLAP_M)
    on_line |= (np.abs(a_side) < OVERLAP_M) & (np.abs(b_side) < OVERLAP_M)
    if not on_line.any():
        return crossing
    unit = ab / ab_length
    c_along = np.einsum("ijk,ik->ij", c[columns] - a[rows], unit)
    d_along = np.einsum("ijk,ik->ij", d[columns] - a[rows], unit)
    shared = np.minimum(np.maximum(c_along, d_along), ab_length) - np.maximum(np.minimum(c_along, d_along), 0)
    result: NDArray[np.bool_] = crossing | (on_line & (shared > MIN_EDGE_M))
    return result


def _inside(points: Array, ring: Array, strict: bool = False) -> NDArray[np.bool_]:
    """Which points lie in the ring; those within a grid step of its edge count unless strict."""
    origin = ring[0]
    start, end = _edges(ring - origin)
    edge = end - start
    length = np.hypot(*edge.T)
    inside = np.zeros(len(points), dtype=bool)
    rows = max(1, BLOCK_PAIRS // len(start))
    for first in range(0, len(points), rows):
        point = points[first : first + rows] - origin
        y = point[:, 1:]
        east, north = point[:, :1] - start[:, 0], y - start[:, 1]
        side = edge[:, 0] * north - edge[:, 1] * east
        upward = (start[:, 1] <= y) & (end[:, 1] > y) & (side > 0)
        downward = (start[:, 1] > y) & (end[:, 1] <= y) & (side < 0)
        odd = (upward.sum(axis=1) - downward.sum(axis=1)) != 0
        along = np.clip((east * edge[:, 0] + north * edge[:, 1]) / length**2, 0, 1)
        distance = np.hypot(east - along * edge[:, 0], north - along * edge[:, 1]).min(axis=1)
        near = distance <= GRID_M
        inside[first : first + rows] = (odd & ~near) if strict else (odd | near)
    return inside
