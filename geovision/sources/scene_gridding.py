"""Height windows of a scene that has points and no raster of that role."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from geovision.sources.evidence import ground_of, reach_m
from geovision.sources.grid import Bounds, widened
from geovision.sources.gridding import CellFrame, dsm_from_points, dtm_from_ground
from geovision.sources.ground import Terrain
from geovision.sources.point_block import PointBlock

__all__ = ["GRIDDED_CELL_M", "gridded"]

GRIDDED_CELL_M = 0.5
"""Cells of a raster made from points, where nothing else is asked for."""
_FILL_M = 2.0
"""Gaps up to this wide are closed: between scan lines, and where a wall shades the ground."""


def gridded(
    role: str, cells: CellFrame, read: Callable[[Bounds], PointBlock], classes: frozenset[int], threads: int
) -> NDArray[np.float32]:
    """[height, width] of a dsm or a dtm from points: the highest of each cell, or the ground.

    Args:
        role: dsm or dtm.
        cells: of the window.
        read: gives the points of bounds.
        classes: of the whole set of points.
        threads: 0 for all cores.
    """
    left, top, cell_m, width, height = cells
    bounds = Bounds(left, top - height * cell_m, left + width * cell_m, top)
    if role == "dtm":
        points = read(widened(bounds, reach_m(classes, margin_m=0.0)))
        terrain = Terrain(ground_of(points), threads=threads)
        return np.asarray(dtm_from_ground(terrain, cells).values, np.float32)
    # What fills a gap may lie outside the window: it is drawn with a border, which is then cut off.
    fill_m = min(_FILL_M, 64 * cell_m)
    border = math.ceil(fill_m / cell_m) + 1
    grown = CellFrame(
        left - border * cell_m, top + border * cell_m, cell_m, width + 2 * border, height + 2 * border
    )
    points = read(widened(bounds, (border + 1) * cell_m))
    values = dsm_from_points(points.xyz, grown, fill_m=fill_m, threads=threads).values
    return np.asarray(values[border:-border, border:-border], np.float32)
