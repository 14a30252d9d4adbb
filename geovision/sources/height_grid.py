"""A window of a height raster, as plain numbers: what the evidence takes for a DSM or a DTM."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision.errors import InputError

__all__ = ["HeightGrid"]


@dataclass(frozen=True)
class HeightGrid:
    """Heights of square cells, north up; NaN where nothing is known.

    >>> grid = HeightGrid(np.array([[1.0, 2.0], [3.0, 4.0]]), left=0.0, top=2.0, cell_m=1.0)
    >>> grid.at(np.array([[0.5, 1.5], [1.0, 1.0], [9.0, 9.0]])).tolist()
    [1.0, 2.5, nan]
    """

    values: NDArray[Any]
    """[height, width] metres, row 0 in the north."""
    left: float
    """x of the western border."""
    top: float
    """y of the northern border."""
    cell_m: float

    def __post_init__(self) -> None:
        if self.values.ndim != 2:
            raise InputError(
                "height grid", f"values have shape {self.values.shape}", "Give one band, [height, width]"
            )
        if not (math.isfinite(self.left) and math.isfinite(self.top) and 0 < self.cell_m < 1e6):
            raise InputError(
                "height grid",
                f"left {self.left}, top {self.top} and cell {self.cell_m} give no grid",
                "Give finite metres and a cell size above 0",
            )

    def centres(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """X of the columns and y of the rows, at the middle of the cells.

        Rounded to a micrometre, so that the same cell has the same place in every window.
        """
        height, width = self.values.shape
        x = self.left + (np.arange(width) + 0.5) * self.cell_m
        y = self.top - (np.arange(height) + 0.5) * self.cell_m
        return np.round(x, 6), np.round(y, 6)

    def at(self, xy: NDArray[np.float64]) -> NDArray[np.float64]:
        """Heights at places [n, 2], bilinear between the centres of cells that have one; NaN elsewhere."""
        height, width = self.values.shape
        column = np.round((xy[:, 0] - self.left) / self.cell_m, 6) - 0.5
        row = np.round((self.top - xy[:, 1]) / self.cell_m, 6) - 0.5
        inside = (column > -1) & (column < width) & (row > -1) & (row < height)
        column, row = np.where(inside, column, 0.0), np.where(inside, row, 0.0)
        first_c, first_r = np.floor(column).astype(np.int64), np.floor(row).astype(np.int64)
        # Rounded by themselves, so that they do not show how far away the corner of the window is.
        part_c, part_r = np.round(column - first_c, 6), np.round(row - first_r, 6)
        total, weight = np.zeros(len(xy)), np.zeros(len(xy))
        for down in (0, 1):
            for right in (0, 1):
                c, r = first_c + right, first_r + down
                share = (part_c if right else 1 - part_c) * (part_r if down else 1 - part_r)
                z = self.values[np.clip(r, 0, height - 1), np.clip(c, 0, width - 1)].astype(np.float64)
                held = (c >= 0) & (c < width) & (r >= 0) & (r < height) & np.isfinite(z) & (share > 0)
                total += np.where(held, share * np.where(held, z, 0.0), 0.0)
                weight += np.where(held, share, 0.0)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(inside & (weight > 0), total / weight, np.nan)
