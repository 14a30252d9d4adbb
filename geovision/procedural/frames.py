"""Frames of parts: which way the roof runs, how wide and how long it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geovision.procedural.plans import Bool, Parts, Shape
from geovision.procedural.rng import F64

__all__ = ["Frames", "part_frames", "ring_areas"]


@dataclass
class Frames:
    """Per part: `width` runs along the slopes, `length` along the ridge; no eave edge, no azimuth."""

    azimuth: F64
    """Compass degrees that the first slope faces."""
    origin: F64
    """(parts, 2) left end of the first eave, seen from inside; the frame's zero."""
    along: F64
    """(parts, 2) unit vector along the first eave."""
    width: F64
    length: F64
    """Smallest extents of the part across and along."""
    straight: Bool
    """Opposite sides are parallel and corners right-angled to a few degrees: the frame's box IS the part."""
    area: F64
    centre: F64
    """(parts, 2) mean of the shell's corners."""
    radius: F64
    """Estimate of the largest inscribed circle's radius; half the width on quadrilaterals."""

    @property
    def inward(self) -> F64:
        """Unit vectors from the first eave into the part."""
        return np.stack([-self.along[:, 1], self.along[:, 0]], axis=1)

    def turned(self, turn: Bool) -> Frames:
        """The same with eaves on the other pair of sides where `turn` is set (quadrilaterals)."""
        swap = turn[:, None]
        along = np.where(swap, self.inward, self.along)
        origin = np.where(swap, self.origin + self.along * self.length[:, None], self.origin)
        return Frames(
            np.where(turn, (self.azimuth - 90.0) % 360.0, self.azimuth),
            origin,
            along,
            np.where(turn, self.length, self.width),
            np.where(turn, self.width, self.length),
            self.straight,
            self.area,
            self.centre,
            self.radius,
        )


def ring_areas(xy: F64, vertex_offsets: np.ndarray[tuple[int], np.dtype[np.int64]]) -> tuple[F64, F64]:
    """Signed areas (counter-clockwise is positive) and lengths of rings."""
    count = len(vertex_offsets) - 1
    if not count:
        return np.zeros(0), np.zeros(0)
    sizes = np.diff(vertex_offsets)
    start = np.repeat(xy[vertex_offsets[:-1]], sizes, axis=0)
    local = xy - start
    following = np.roll(local, -1, axis=0)
    following[vertex_offsets[1:] - 1] = 0.0
    cross = local[:, 0] * following[:, 1] - local[:, 1] * following[:, 0]
    step = np.hypot(*(following - local).T)
    return np.add.reduceat(cross, vertex_offsets[:-1]) / 2.0, np.add.reduceat(step, vertex_offsets[:-1])


def part_frames(parts: Parts) -> Frames:
    """Frames of all parts. Quadrilaterals get their own; others one from area and outline."""
    count = len(parts.shape)
    areas, lengths = ring_areas(parts.xy, parts.vertex_offsets)
    first = parts.ring_offsets[:-1]
    area = np.add.reduceat(areas, first) if count else np.zeros(0)
    outline = np.add.reduceat(lengths, first) if count else np.zeros(0)
    sizes = np.diff(parts.vertex_offsets)
    sums = np.add.reduceat(parts.xy, parts.vertex_offsets[:-1], axis=0) if count else np.zeros((0, 2))
    # For a rectangle the area over the outline lies between a quarter and a half of the width.
    radius = 1.25 * area / np.maximum(outline, 1e-9)
    frames = Frames(
        azimuth=np.full(count, np.nan),
        origin=np.zeros((count, 2)),
        along=np.tile([1.0, 0.0], (count, 1)),
        width=2 * radius,
        length=2 * radius,
        straight=np.zeros(count, bool),
        area=area,
        centre=(sums / sizes[:, None])[first] if count else np.zeros((0, 2)),
        radius=radius,
    )
    _fill_quads(frames, parts)
    return frames


def _fill_quads(frames: Frames, parts: Parts) -> None:
    quads = np.flatnonzero(parts.shape == Shape.QUAD)
    if not len(quads):
        return
    ring = parts.corners(quads)
    edges = np.roll(ring, -1, axis=1) - ring
    lengths = np.hypot(edges[..., 0], edges[..., 1])
    long_side = np.where(lengths[:, 0] + lengths[:, 2] >= lengths[:, 1] + lengths[:, 3], 0, 1)
    front = parts.front[quads].astype(np.int64)
    eave = np.where(front >= 0, front, long_side)
    row = np.arange(len(quads))
    ring = ring[row[:, None], (eave[:, None] + np.arange(4)) % 4]
    along = ring[:, 1] - ring[:, 0]
    along /= np.hypot(along[:, 0], along[:, 1])[:, None]
    local = ring - ring[:, :1]
    x = local @ along[:, :, None]
    y = local @ np.stack([-along[:, 1], along[:, 0]], axis=1)[:, :, None]
    x, y = x[..., 0], y[..., 0]
    frames.azimuth[quads] = np.degrees(np.arctan2(along[:, 1], -along[:, 0])) % 360.0
    frames.origin[quads] = ring[:, 0]
    frames.along[quads] = along
    frames.width[quads] = np.minimum(y[:, 2], y[:, 3])
    frames.length[quads] = np.minimum(x[:, 1], x[:, 2]) - np.maximum(x[:, 0], x[:, 3])
    slack = np.abs(np.stack([y[:, 2] - y[:, 3], x[:, 2] - x[:, 1], x[:, 3]]))
    frames.straight[quads] = (slack < 0.03 * np.minimum(frames.width, frames.length)[quads]).all(axis=0)
    frames.radius[quads] = np.maximum(np.minimum(frames.width, frames.length)[quads], 0.1) / 2.0
