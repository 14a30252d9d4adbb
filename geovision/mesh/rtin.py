"""Right-angled triangles over a square grid of heights: few where it is flat, many where it is not.

The scheme is that of Evans, Kirkpatrick and Townsend, "Right-triangulated irregular networks" (2001). A
triangle is halved at the middle of its longest side while the height there is further than a tolerance from
the straight line; a middle counts as far off as what lies under it, so both triangles at a side agree and
the mesh has no gap. Where n = 2^k + 1 nodes a side are given, the finest mesh has every one of them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["rtin_errors", "rtin_finer", "rtin_surface", "rtin_triangles"]

F64 = NDArray[np.float64]


def rtin_errors(heights: NDArray[np.floating], wanted: NDArray[np.bool_] | None = None) -> F64:
    """Per node what a mesh without it is off, there or at a node under it; 0 at the four corners.

    Args:
        heights: [n, n] with n = 2^k + 1.
        wanted: [n, n] nodes that no mesh may lack, however flat it is there; infinitely far off.

    >>> rtin_errors(np.array([[0, 0, 0], [0, 5.0, 0], [0, 0, 0]])).tolist()
    [[0.0, 0.0, 0.0], [0.0, 5.0, 0.0], [0.0, 0.0, 0.0]]
    """
    z = np.asarray(heights, np.float64)
    errors = np.zeros_like(z)
    if wanted is not None:
        errors[wanted] = np.inf
    last = _side(z)
    side = 2
    while side <= last:
        _edges(z, errors, side)
        _edges(z.T, errors.T, side)
        _centres(z, errors, side)
        side *= 2
    return errors


def _side(z: F64) -> int:
    last = len(z) - 1
    if z.ndim != 2 or z.shape[0] != z.shape[1] or last < 1 or last & (last - 1):
        raise ValueError(f"heights are {z.shape}; a square of 2^k + 1 nodes a side is needed")
    return last


def _edges(z: F64, errors: F64, side: int) -> None:
    """Middles between two rows; next to each lie the middles of up to four squares of half the side."""
    half, quarter = side // 2, side // 4
    ends = z[::side, ::side]
    found = np.abs(z[half::side, ::side] - (ends[:-1] + ends[1:]) / 2)
    if quarter:
        for row in (half - quarter, half + quarter):
            right, left = errors[row::side, quarter::side], errors[row::side, side - quarter :: side]
            found[:, :-1] = np.maximum(found[:, :-1], right)
            found[:, 1:] = np.maximum(found[:, 1:], left)
    errors[half::side, ::side] = np.maximum(errors[half::side, ::side], found)


def _centres(z: F64, errors: F64, side: int) -> None:
    """Middles of squares; next to each lie the middles of the square's four sides."""
    half = side // 2
    found = np.abs(z[half::side, half::side] - _diagonal(z[::side, ::side]))
    across, down = errors[::side, half::side], errors[half::side, ::side]
    for under in (across[:-1], across[1:], down[:, :-1], down[:, 1:]):
        found = np.maximum(found, under)
    errors[half::side, half::side] = np.maximum(errors[half::side, half::side], found)


def _diagonal(corner: F64) -> F64:
    """Middles of the diagonals that run to the middle of the square twice as large."""
    count = len(corner) - 1
    odd = np.add.outer(np.arange(count), np.arange(count)) % 2 == 1
    even = corner[:-1, :-1] + corner[1:, 1:]
    middles: F64 = np.where(odd, corner[:-1, 1:] + corner[1:, :-1], even) / 2
    return middles


def rtin_triangles(errors: F64, tolerance: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Nodes (n, 2) as row and column, and triangles (m, 3) of them, counter-clockwise in (column, row).

    >>> nodes, triangles = rtin_triangles(np.zeros((5, 5)), 0.0)
    >>> len(nodes), len(triangles)
    (4, 2)
    """
    last = _side(errors)
    width = last + 1
    # Of each: the ends of the longest side, and the right angle; rows and columns. Halves turn the same way.
    open_ = np.array([[[0, 0], [last, last], [last, 0]], [[last, last], [0, 0], [0, last]]])
    closed = []
    while len(open_):
        a, b, c = open_[:, 0], open_[:, 1], open_[:, 2]
        middle = (a + b) // 2
        halves = (np.abs(a - b).max(axis=1) > 1) & (errors[middle[:, 0], middle[:, 1]] > tolerance)
        closed.append(open_[~halves])
        a, b, c, middle = a[halves], b[halves], c[halves], middle[halves]
        open_ = np.concatenate([np.stack([c, a, middle], axis=1), np.stack([b, c, middle], axis=1)])
    all_ = np.concatenate(closed)
    flat = all_[..., 0] * width + all_[..., 1]
    used, index = np.unique(flat, return_inverse=True)
    return np.stack(np.divmod(used, width), axis=1), index.reshape(-1, 3)


def rtin_surface(heights: NDArray[np.floating], errors: F64, tolerance: float) -> F64:
    """What the mesh of `rtin_triangles` says at every node. Between nodes it is as straight as the finest."""
    z = np.asarray(heights, np.float64)
    kept = errors > tolerance
    surface = z.copy()
    side = _side(z)
    while side > 1:
        half = side // 2
        corner = surface[::side, ::side]
        for own, guess in (
            (np.s_[half::side, half::side], _diagonal(corner)),
            (np.s_[half::side, ::side], (corner[:-1] + corner[1:]) / 2),
            (np.s_[::side, half::side], (corner[:, :-1] + corner[:, 1:]) / 2),
        ):
            surface[own] = np.where(kept[own], z[own], guess)
        side = half
    return surface


def rtin_finer(surface: F64) -> F64:
    """The same surface on a grid of half the step.

    >>> rtin_finer(np.array([[0.0, 2.0], [4.0, 8.0]])).tolist()
    [[0.0, 1.0, 2.0], [2.0, 4.0, 5.0], [4.0, 6.0, 8.0]]
    """
    fine = np.empty((2 * len(surface) - 1, 2 * len(surface) - 1))
    fine[::2, ::2] = surface
    fine[1::2, ::2] = (surface[:-1] + surface[1:]) / 2
    fine[::2, 1::2] = (surface[:, :-1] + surface[:, 1:]) / 2
    fine[1::2, 1::2] = _diagonal(surface)
    return fine
