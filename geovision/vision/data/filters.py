"""Small image filters in plain NumPy, for training where SciPy is not needed for anything else."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["blurred", "blurred_known", "grown", "sobel"]

F32 = NDArray[np.float32]


def blurred(values: F32, radius: int, passes: int = 2) -> F32:
    """Means over squares of 2 radius + 1 cells, again and again: near a Gaussian from two passes on.

    Running sums carry a NaN through all that follows: `blurred_known` is for values with holes.

    >>> blurred(np.array([[0, 0, 3, 0, 0]], np.float32), 1, 1).tolist()
    [[0.0, 1.0, 1.0, 1.0, 0.0]]
    """
    for _ in range(passes):
        for axis in (0, 1):
            values = _box(values, radius, axis)
    return values


def blurred_known(values: F32, radius: int, passes: int = 2) -> F32:
    """`blurred` over the cells that have a value; NaN stays where it was.

    >>> blurred_known(np.array([[1, np.nan, 3]], np.float32), 1, 1).tolist()
    [[1.0, nan, 3.0]]
    """
    known = np.isfinite(values)
    share = blurred(known.astype(np.float32), radius, passes)
    total = blurred(np.where(known, values, 0).astype(np.float32), radius, passes)
    return np.where(known, total / np.maximum(share, 1e-6), np.nan).astype(np.float32)


def _box(values: F32, radius: int, axis: int) -> F32:
    if radius < 1:
        return values
    pad = [(0, 0)] * values.ndim
    pad[axis] = (radius + 1, radius)
    # Sums in float64: a running sum over thousands of float32 cells drifts.
    total = np.cumsum(np.pad(values, pad, mode="edge"), axis=axis, dtype=np.float64)
    width = 2 * radius + 1
    high = np.take(total, range(width, total.shape[axis]), axis=axis)
    low = np.take(total, range(total.shape[axis] - width), axis=axis)
    return ((high - low) / width).astype(np.float32)


def sobel(values: F32) -> tuple[F32, F32]:
    """Derivatives to the east and to the north (rows run south), per cell."""
    p = np.pad(values, 1, mode="edge")
    smooth_rows = p[:-2] + 2 * p[1:-1] + p[2:]
    smooth_columns = p[:, :-2] + 2 * p[:, 1:-1] + p[:, 2:]
    east = (smooth_rows[:, 2:] - smooth_rows[:, :-2]) / 8
    north = (smooth_columns[:-2] - smooth_columns[2:]) / 8
    return east.astype(np.float32), north.astype(np.float32)


def grown(mask: NDArray[Any], radius: int) -> NDArray[np.bool_]:
    """Cells within `radius` of a set one, in both axes (a square).

    >>> grown(np.array([[0, 0, 0, 1]], bool), 2).tolist()
    [[False, True, True, True]]
    """
    out = mask.astype(bool)
    for axis in (0, 1):
        wide = out.copy()
        for step in range(1, radius + 1):
            ahead, behind = [slice(None)] * 2, [slice(None)] * 2
            ahead[axis], behind[axis] = slice(step, None), slice(None, -step)
            wide[tuple(behind)] |= out[tuple(ahead)]
            wide[tuple(ahead)] |= out[tuple(behind)]
        out = wide
    return out
