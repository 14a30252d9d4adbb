"""L, T, U and H plans: canonical corner order, and how they come apart into quadrilaterals.

Corners run counter-clockwise from the lower left of the upright letter:

    L  5-4        T    5-4       U  7-6   3-2      H  11-10  7-6
       | |             | |          | |   | |          |  9--8 |
       | 3-2         7-6 3-2        | 5---4 |          |  2--3 |
       0---1         0-----1        0-------1          0-1   4-5
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from geovision.procedural.plans import Batch, Bool, Role, Shape, to_grid
from geovision.procedural.rng import F64, Keyed

__all__ = ["LETTERS", "Letter", "cross_point", "split_batch"]


@dataclass(frozen=True)
class Letter:
    """A letter shape: its corners, and which are reflex."""

    corners: int
    reflex: tuple[int, ...]


LETTERS = {
    "l": Letter(6, (3,)),
    "t": Letter(8, (3, 6)),
    "u": Letter(8, (4, 5)),
    "h": Letter(12, (2, 3, 8, 9)),
}

# Reflex corners must lie this close to the wall line that a wing is cut along.
_STRAIGHT_M = 0.002
_MIN_SIDE_M = 1.0


def cross_point(a: F64, b: F64, c: F64, d: F64) -> F64:
    """Where the lines a-b and c-d cross, row by row; on the millimetre grid."""
    r, s, w = b - a, d - c, c - a
    det = r[:, 0] * s[:, 1] - r[:, 1] * s[:, 0]
    t = (w[:, 0] * s[:, 1] - w[:, 1] * s[:, 0]) / det
    return to_grid(a + t[:, None] * r)


def split_batch(batch: Batch, letter: str, draws: Keyed, share: float | F64) -> list[Batch]:
    """Split a share of the plans into quadrilateral parts; the others stay one part."""
    ring = batch.rings[0][0]
    pieces = _CUTS[letter](ring)
    wanted = draws.chance("parts/split", share) & _splittable(ring, letter)
    for piece in pieces:
        wanted &= _sound(piece)
    whole = replace(batch.take(~wanted), shapes=(Shape.GENERAL,))
    return [whole, _parts_of(batch.take(wanted), [piece[wanted] for piece in pieces])]


def _sound(piece: F64) -> Bool:
    """Convex, with right-angled corners more or less, and no side under a metre."""
    edge = np.roll(piece, -1, axis=1) - piece
    length = np.hypot(edge[..., 0], edge[..., 1])
    following = np.roll(edge, -1, axis=1)
    cross = edge[..., 0] * following[..., 1] - edge[..., 1] * following[..., 0]
    sine = cross / np.maximum(length * np.roll(length, -1, axis=1), 1e-9)
    return np.asarray((sine > 0.8).all(axis=1) & (length > _MIN_SIDE_M).all(axis=1))


def _parts_of(batch: Batch, pieces: list[F64]) -> Batch:
    count = len(pieces)
    return replace(
        batch,
        rings=[[piece] for piece in pieces],
        shapes=(Shape.QUAD,) * count,
        roles=(Role.MAIN,) + (Role.WING,) * (count - 1),
        front=(-1,) * count,
    )


def _splittable(ring: F64, letter: str) -> Bool:
    if letter == "t":
        walls: tuple[tuple[int, int, int], ...] = ((3, 2, 7), (6, 2, 7))
    elif letter == "h":
        walls = ((2, 1, 10), (9, 1, 10), (3, 4, 7), (8, 4, 7))
    else:
        walls = ()
    good = np.ones(len(ring), bool)
    for point, start, end in walls:
        good &= _off_line(ring[:, point], ring[:, start], ring[:, end]) < _STRAIGHT_M
    return good


def _length(a: F64, b: F64) -> F64:
    return np.hypot(b[:, 0] - a[:, 0], b[:, 1] - a[:, 1])


def _off_line(p: F64, a: F64, b: F64) -> F64:
    d = b - a
    return np.abs(d[:, 0] * (p - a)[:, 1] - d[:, 1] * (p - a)[:, 0]) / np.hypot(d[:, 0], d[:, 1])


def _pieces(ring: F64, extra: list[F64], *pieces: tuple[int, ...]) -> list[F64]:
    """Polygons by corner numbers; numbers past the ring's are the extra points."""
    corners = np.concatenate([ring, *(point[:, None] for point in extra)], axis=1)
    return [corners[:, list(piece)] for piece in pieces]


def _cut_l(ring: F64) -> list[F64]:
    """Along either arm: the longer one is the main part and keeps the corner."""
    low = cross_point(ring[:, 2], ring[:, 3], ring[:, 5], ring[:, 0])
    high = cross_point(ring[:, 4], ring[:, 3], ring[:, 0], ring[:, 1])
    lying = _pieces(ring, [low], (0, 1, 2, 6), (6, 3, 4, 5))
    upright = _pieces(ring, [high], (0, 6, 4, 5), (6, 1, 2, 3))
    tall = (_length(ring[:, 0], ring[:, 5]) > _length(ring[:, 0], ring[:, 1]))[:, None, None]
    return [np.where(tall, up, flat) for up, flat in zip(upright, lying, strict=True)]


def _cut_t(ring: F64) -> list[F64]:
    return _pieces(ring, [], (0, 1, 2, 7), (6, 3, 4, 5))


def _cut_u(ring: F64) -> list[F64]:
    right = cross_point(ring[:, 5], ring[:, 4], ring[:, 1], ring[:, 2])
    left = cross_point(ring[:, 4], ring[:, 5], ring[:, 7], ring[:, 0])
    return _pieces(ring, [right, left], (0, 1, 8, 9), (8, 2, 3, 4), (5, 6, 7, 9))


def _cut_h(ring: F64) -> list[F64]:
    return _pieces(ring, [], (0, 1, 10, 11), (4, 5, 6, 7), (2, 3, 8, 9))


_CUTS = {"l": _cut_l, "t": _cut_t, "u": _cut_u, "h": _cut_h}
