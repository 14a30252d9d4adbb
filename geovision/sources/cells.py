"""The cells of a height raster as measurements, each with what it may be off by."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from geovision.sources.height_grid import HeightGrid

__all__ = ["cell_points", "cell_sigma"]

F64 = NDArray[np.float64]

LEAST_SIGMA_M = 0.05
SIGMA_PER_CELL = 0.1
"""A cell stands for an area: what is in it varies with its size."""
_AROUND = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)]
_SIGMA_PER_STEP = 0.5
"""At the foot or the top of a step a cell is a mix of both sides, anywhere between them."""


def cell_points(grid: HeightGrid) -> tuple[F64, NDArray[np.float32]]:
    """[n, 3] centres of the cells that have a height, and the sigma [n] of each."""
    x, y = grid.centres()
    known = np.isfinite(grid.values)
    rows, columns = np.nonzero(known)
    xyz = np.stack([x[columns], y[rows], grid.values[known].astype(np.float64)], axis=1)
    return xyz, cell_sigma(grid)[known]


def cell_sigma(grid: HeightGrid) -> NDArray[np.float32]:
    """[height, width] standard deviation of each cell's height.

    What the raster's maker smoothed over shows where a cell and its eight neighbours leave a plane: the
    largest distance from it is counted half.
    """
    height, width = grid.values.shape
    values = grid.values.astype(np.float32)
    padded = np.pad(values, 1, constant_values=np.nan)

    def shifted(down: int, right: int) -> NDArray[np.float32]:
        part = padded[1 + down : 1 + down + height, 1 + right : 1 + right + width]
        # A missing neighbour is taken to be like the cell itself: it says nothing.
        return np.where(np.isfinite(part), part, values) - values

    # Heights relative to the cell's own, so that single precision is enough.
    zero = np.zeros_like(values)
    mean, slope_x, slope_y = zero.copy(), zero.copy(), zero.copy()
    for down, right in _AROUND:
        part = shifted(down, right)
        mean += part / 9
        slope_x += right * part / 6
        slope_y += down * part / 6
    off = zero.copy()
    for down, right in _AROUND:
        np.maximum(off, np.abs(shifted(down, right) - mean - right * slope_x - down * slope_y), out=off)
    base = np.float32(np.hypot(LEAST_SIGMA_M, SIGMA_PER_CELL * grid.cell_m))
    return np.asarray(np.hypot(base, np.float32(_SIGMA_PER_STEP) * off))
