"""`Window`: a grid of square, north-up cells in world coordinates."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geovision.errors import UsageError

__all__ = ["Window"]

# The kernel numbers cells with 32 bits.
_MOST_CELLS = 2**31 - 1


@dataclass(frozen=True)
class Window:
    """Square cells whose row 0 is the northern one, as in images and GeoTIFFs.

    >>> window = Window.of((100.0, 50.0, 110.0, 54.0), 0.5)
    >>> window.width, window.height, window.bounds
    (20, 8, (100.0, 50.0, 110.0, 54.0))
    """

    left: float
    """x of the western border."""
    top: float
    """y of the northern border."""
    cell_m: float
    width: int
    height: int

    def __post_init__(self) -> None:
        numbers = (self.left, self.top, self.cell_m)
        if not all(math.isfinite(number) for number in numbers) or self.cell_m <= 0:
            raise UsageError(
                f"window at {self.left}, {self.top} with cells of {self.cell_m} m",
                "is not finite, or its cells have no size",
                "Give finite coordinates and a cell size above 0",
            )
        if self.width < 1 or self.height < 1 or self.width * self.height > _MOST_CELLS:
            raise UsageError(
                f"window of {self.width} x {self.height} cells",
                f"has no cells, or more than {_MOST_CELLS}",
                "Ask for a smaller area or larger cells, and join the pieces",
            )

    @classmethod
    def of(cls, bounds: tuple[float, float, float, float], cell_m: float) -> Window:
        """The window that covers (x_min, y_min, x_max, y_max), from its north-western corner on."""
        x_min, y_min, x_max, y_max = bounds
        if not (math.isfinite(cell_m) and cell_m > 0 and x_max > x_min and y_max > y_min):
            raise UsageError(
                f"bounds {bounds} with cells of {cell_m} m",
                "give no window",
                "Give x_min, y_min, x_max, y_max in this order, and a cell size above 0",
            )
        # A millionth of a cell is rounding, not area.
        width = max(1, math.ceil((x_max - x_min) / cell_m - 1e-6))
        height = max(1, math.ceil((y_max - y_min) / cell_m - 1e-6))
        return cls(x_min, y_max, cell_m, width, height)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """x_min, y_min, x_max, y_max."""
        return (
            self.left,
            self.top - self.height * self.cell_m,
            self.left + self.width * self.cell_m,
            self.top,
        )

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns, as NumPy has them."""
        return self.height, self.width

    def centres(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """X of every column's middle, and y of every row's.

        >>> Window(0.0, 2.0, 1.0, 3, 2).centres()[1].tolist()
        [1.5, 0.5]
        """
        columns, rows = np.arange(self.width, dtype=np.float64), np.arange(self.height, dtype=np.float64)
        return self.left + (columns + 0.5) * self.cell_m, self.top - (rows + 0.5) * self.cell_m

    def padded(self, cells: int) -> Window:
        """The window with so many more cells on each side.

        >>> Window(0.0, 2.0, 1.0, 3, 2).padded(1)
        Window(left=-1.0, top=3.0, cell_m=1.0, width=5, height=4)
        """
        pad = cells * self.cell_m
        return Window(
            self.left - pad, self.top + pad, self.cell_m, self.width + 2 * cells, self.height + 2 * cells
        )
