"""The frame in which a roof network sees a building: along its walls, about its middle, as large as itself.

Turning, moving and scaling a building turns, moves and scales its frame, so what the network sees stays the
same. A plan that is its own image after half a turn (or a quarter) has two such frames (or four); the network
is trained in all of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Frames", "frames_of", "owners", "turned_frames"]

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

_EQUAL = 1e-4
_LEAST_SCALE_M = 0.5


@dataclass(frozen=True)
class Frames:
    """Where the frame of each building lies: `local = (R(-angle) (xy - centre)) / scale`."""

    centre: F64
    """[buildings, 2] middle of the box round the outline, along its walls."""
    angle: F64
    """[buildings] radians, counter-clockwise from east to the frame's first axis."""
    scale: F64
    """[buildings] metres: half the longer side of that box."""
    half: F64
    """[buildings, 2] half the sides of that box, metres."""
    mirrored: NDArray[np.bool_]
    """[buildings] whether the second axis points the other way; only in training."""

    def __len__(self) -> int:
        return len(self.angle)

    def into(self, xy: F64, owner: I64) -> F64:
        """[n, 2] places of the buildings `owner`, in their frames."""
        return self.rotated(xy - self.centre[owner], owner) / self.scale[owner, None]

    def rotated(self, vectors: F64, owner: I64) -> F64:
        """[n, 2] directions of the buildings `owner`, in their frames; lengths stay."""
        cos, sin = np.cos(self.angle[owner]), np.sin(self.angle[owner])
        sign = np.where(self.mirrored[owner], -1.0, 1.0)
        x, y = vectors[:, 0], vectors[:, 1]
        return np.stack([cos * x + sin * y, sign * (cos * y - sin * x)], axis=1)

    def back(self, vectors: F64, owner: I64) -> F64:
        """The inverse of `rotated`."""
        cos, sin = np.cos(self.angle[owner]), np.sin(self.angle[owner])
        sign = np.where(self.mirrored[owner], -1.0, 1.0)
        x, y = vectors[:, 0], sign * vectors[:, 1]
        return np.stack([cos * x - sin * y, sin * x + cos * y], axis=1)


def owners(offsets: I64) -> I64:
    """[items] the row of each item of a CSR array."""
    return np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))


def frames_of(xy: F64, offsets: I64) -> Frames:
    """Frames of shells, given as the open rings `xy[offsets[k] : offsets[k + 1]]`.

    >>> ring = np.array([[0.0, 0.0], [0.0, -9.0], [4.0, -9.0], [4.0, 0.0]])
    >>> frame = frames_of(ring, np.array([0, 4]))
    >>> frame.centre[0].tolist(), float(frame.scale[0]), frame.half[0].tolist()
    ([2.0, -4.5], 4.5, [4.5, 2.0])
    """
    count, owner = len(offsets) - 1, owners(offsets)
    following = np.arange(1, len(xy) + 1)
    following[offsets[1:] - 1] = offsets[:-1]
    edge = xy[following] - xy
    length = np.hypot(edge[:, 0], edge[:, 1])
    four = length**2 * np.exp(4j * np.arctan2(edge[:, 1], edge[:, 0]))
    angle = np.angle(_sums(four.real, owner, count) + 1j * _sums(four.imag, owner, count)) / 4
    plain = Frames(np.zeros((count, 2)), angle, np.ones(count), np.ones((count, 2)), np.zeros(count, bool))
    local = plain.rotated(xy, owner)
    low = np.minimum.reduceat(local, offsets[:-1], axis=0)
    high = np.maximum.reduceat(local, offsets[:-1], axis=0)
    half = (high - low) / 2
    centre = plain.back((low + high) / 2, np.arange(count))
    # The long side along the first axis; then the heavier half of the plan on its positive side.
    upright = half[:, 1] > half[:, 0] * (1 + _EQUAL)
    angle = np.where(upright, angle + np.pi / 2, angle)
    half = np.where(upright[:, None], half[:, ::-1], half)
    scale = np.maximum(half[:, 0], _LEAST_SCALE_M)
    first = Frames(centre, angle, scale, half, np.zeros(count, bool))
    x, y = first.into(xy, owner).T
    cross = x * y[following] - x[following] * y
    area = np.maximum(np.abs(_sums(cross, owner, count)) / 2, 1e-9)
    east = _sums((x + x[following]) * cross, owner, count) / (6 * area)
    north = _sums((y + y[following]) * cross, owner, count) / (6 * area)
    away = np.where(np.abs(east) > _EQUAL, east, np.where(np.abs(north) > _EQUAL, north, 1.0))
    return Frames(centre, np.where(away < 0, angle + np.pi, angle), scale, half, first.mirrored)


def turned_frames(frames: Frames, quarter: I64, mirrored: NDArray[np.bool_]) -> Frames:
    """The frames turned by quarters of a circle, some mirrored: what a network must not care about."""
    odd = (quarter % 2 == 1)[:, None]
    half = np.where(odd, frames.half[:, ::-1], frames.half)
    return Frames(frames.centre, frames.angle + quarter * np.pi / 2, frames.scale, half, mirrored)


def _sums(values: F64, owner: I64, count: int) -> F64:
    return np.bincount(owner, values, minlength=count).astype(np.float64)
