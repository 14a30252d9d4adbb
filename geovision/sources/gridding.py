"""Height rasters from points, where there are points and no raster."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from geovision.errors import UsageError
from geovision.sources.ground import Terrain
from geovision.sources.height_grid import HeightGrid

__all__ = ["dsm_from_points", "dtm_from_ground", "grid_cells"]

F64 = NDArray[np.float64]
_MAX_CELLS = 1 << 29


def dsm_from_points(
    xyz: F64,
    bounds: tuple[float, float, float, float],
    cell_m: float,
    *,
    method: Literal["max", "percentile", "idw"] = "max",
    percentile: float = 95.0,
    radius_m: float | None = None,
    fill_m: float = 0.0,
    threads: int = 0,
) -> HeightGrid:
    """A raster of the surface that points [n, 3] lie on; NaN where none is near.

    Args:
        xyz: points; those a little outside the bounds count for "idw".
        bounds: west, south, east, north; widened to whole cells, whose corners are multiples of `cell_m`.
        cell_m: size of the cells.
        method: "max", the highest point of a cell; "percentile" of its heights, which strays do not reach;
            "idw", the mean of the points near its middle, weighted by inverse squared distance.
        percentile: for "percentile": 0 to 100.
        radius_m: for "idw": how near; 1.5 cells if left out.
        fill_m: cells without points take the mean of the nearest ones, if they are no farther than this.
        threads: 0 for all cores.

    >>> points = np.array([[0.2, 0.2, 3.0], [0.8, 0.3, 4.0], [2.5, 0.5, 9.0]])
    >>> dsm_from_points(points, (0, 0, 3, 1), 1.0).values.tolist()
    [[4.0, nan, 9.0]]
    """
    from geovision import _kernel

    if method not in ("max", "percentile", "idw"):
        raise UsageError(f"method {method!r}", "is not known", "Use max, percentile or idw")
    if not 0 <= percentile <= 100:
        raise UsageError(f"percentile {percentile!r}", "is not 0 to 100", "Give a percentile such as 95")
    left, top, width, height = grid_cells(bounds, cell_m)
    share = {"max": 100.0, "percentile": percentile, "idw": -1.0}[method]
    radius = 1.5 * cell_m if radius_m is None else radius_m
    values = _kernel.grid_points(xyz, left, top, cell_m, width, height, share, radius, fill_m, threads)
    return HeightGrid(values, left, top, cell_m)


def dtm_from_ground(terrain: Terrain, bounds: tuple[float, float, float, float], cell_m: float) -> HeightGrid:
    """A raster of the bare earth; NaN where no ground is known near.

    >>> ground = np.array([[x + 0.5, y + 0.5, 0.1 * x] for x in range(8) for y in range(8)])
    >>> dtm_from_ground(Terrain(ground), (2, 2, 4, 3), 1.0).values.round(2)
    array([[0.2, 0.3]], dtype=float32)
    """
    left, top, width, height = grid_cells(bounds, cell_m)
    empty = HeightGrid(np.zeros((height, width), np.float32), left, top, cell_m)
    x, y = empty.centres()
    places = np.stack([np.tile(x, height), np.repeat(y, width)], axis=1)
    values = terrain.heights(places).reshape(height, width).astype(np.float32)
    return HeightGrid(values, left, top, cell_m)


def grid_cells(bounds: tuple[float, float, float, float], cell_m: float) -> tuple[float, float, int, int]:
    """Left, top, width and height of the cells that cover bounds, their corners multiples of `cell_m`."""
    if not (math.isfinite(cell_m) and cell_m > 0 and np.isfinite(bounds).all()):
        raise UsageError(
            f"bounds {bounds} and cell {cell_m}", "give no grid", "Give finite metres and a cell above 0"
        )
    west, south, east, north = (round(value / cell_m, 6) for value in bounds)
    first, last = math.floor(west), math.ceil(east)
    bottom, top = math.floor(south), math.ceil(north)
    width, height = last - first, top - bottom
    if width < 1 or height < 1 or width * height > _MAX_CELLS:
        raise UsageError(
            f"bounds {bounds} and cell {cell_m}",
            f"give {width} by {height} cells",
            f"Give west, south, east, north that hold 1 to {_MAX_CELLS:,} cells",
        )
    return first * cell_m, top * cell_m, width, height
