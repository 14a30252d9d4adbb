"""Height rasters from points, where there are points and no raster."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from geovision.errors import UsageError
from geovision.sources.ground import Terrain
from geovision.sources.height_grid import HeightGrid

__all__ = ["CellFrame", "cells_over", "dsm_from_points", "dtm_from_ground"]

F64 = NDArray[np.float64]
_MAX_CELLS = 1 << 29


class CellFrame(NamedTuple):
    """Where the cells of a raster lie."""

    left: float
    """x of the western border."""
    top: float
    """y of the northern border."""
    cell_m: float
    width: int
    height: int


def cells_over(bounds: tuple[float, float, float, float], cell_m: float) -> CellFrame:
    """The cells that cover bounds (west, south, east, north), their corners multiples of `cell_m`.

    >>> cells_over((0.3, 0.0, 3.0, 1.2), 0.5)
    CellFrame(left=0.0, top=1.5, cell_m=0.5, width=6, height=3)
    """
    if not (math.isfinite(cell_m) and cell_m > 0 and np.isfinite(bounds).all()):
        raise UsageError(
            f"bounds {bounds} and cell {cell_m}", "give no grid", "Give finite metres and a cell above 0"
        )
    west, south, east, north = (round(value / cell_m, 6) for value in bounds)
    first, last, bottom, top = math.floor(west), math.ceil(east), math.floor(south), math.ceil(north)
    width, height = last - first, top - bottom
    if width < 1 or height < 1 or width * height > _MAX_CELLS:
        raise UsageError(
            f"bounds {bounds} and cell {cell_m}",
            f"give {width} by {height} cells",
            f"Give west, south, east, north that hold 1 to {_MAX_CELLS:,} cells",
        )
    return CellFrame(first * cell_m, top * cell_m, cell_m, width, height)


def dsm_from_points(
    xyz: F64,
    cells: CellFrame,
    *,
    method: Literal["max", "percentile", "idw"] = "max",
    percentile: float = 95.0,
    radius_m: float | None = None,
    fill_m: float = 0.0,
    threads: int = 0,
) -> HeightGrid:
    """A raster of the surface that points [n, 3] lie on; NaN where none is near.

    Args:
        xyz: points; those a little outside the cells count for "idw".
        cells: where the cells lie: `cells_over(bounds, cell_m)`.
        method: "max", the highest point of a cell; "percentile" of its heights, which strays do not reach;
            "idw", the mean of the points near its middle, weighted by inverse squared distance.
        percentile: for "percentile": 0 to 100.
        radius_m: for "idw": how near; 1.5 cells if left out.
        fill_m: cells without points take the mean of the nearest ones, if they are no farther than this.
        threads: 0 for all cores.

    >>> points = np.array([[0.2, 0.2, 3.0], [0.8, 0.3, 4.0], [2.5, 0.5, 9.0]])
    >>> dsm_from_points(points, cells_over((0, 0, 3, 1), 1.0)).values.tolist()
    [[4.0, nan, 9.0]]
    """
    from geovision import _kernel

    if method not in ("max", "percentile", "idw"):
        raise UsageError(f"method {method!r}", "is not known", "Use max, percentile or idw")
    if not 0 <= percentile <= 100:
        raise UsageError(f"percentile {percentile!r}", "is not 0 to 100", "Give a percentile such as 95")
    share = {"max": 100.0, "percentile": percentile, "idw": -1.0}[method]
    radius = 1.5 * cells.cell_m if radius_m is None else radius_m
    values = _kernel.grid_points(xyz, *cells, share, radius, fill_m, threads)
    return HeightGrid(values, cells.left, cells.top, cells.cell_m)


def dtm_from_ground(terrain: Terrain, cells: CellFrame) -> HeightGrid:
    """A raster of the bare earth; NaN where no ground is known near.

    >>> ground = np.array([[x + 0.5, y + 0.5, 0.1 * x] for x in range(8) for y in range(8)])
    >>> dtm_from_ground(Terrain(ground), cells_over((2, 2, 4, 3), 1.0)).values.round(2)
    array([[0.2, 0.3]], dtype=float32)
    """
    left, top, cell_m, width, height = cells
    x, y = HeightGrid(np.zeros((height, width), np.float32), left, top, cell_m).centres()
    places = np.stack([np.tile(x, height), np.repeat(y, width)], axis=1)
    values = terrain.heights(places).reshape(height, width).astype(np.float32)
    return HeightGrid(values, left, top, cell_m)
