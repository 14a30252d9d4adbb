"""Outlines and lines drawn into the cells of a raster."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision.sources.raster_info import Cut
from geovision.sources.resample import PixelGrid

__all__ = ["burn_cover", "burn_ids"]


def burn_ids(polygons: Iterable[Any], grid: PixelGrid, cut: Cut) -> NDArray[np.int32]:
    """[rows, columns] index of the polygon over each cell's centre, -1 for none; later ones lie on top.

    >>> import shapely
    >>> burn_ids([shapely.box(0, 0, 2, 1)], PixelGrid(0.0, 2.0, 1.0), Cut(0, 0, 3, 2)).tolist()
    [[-1, -1, -1], [0, 0, -1]]
    """
    shapes = [(polygon, index) for index, polygon in enumerate(polygons) if not polygon.is_empty]
    return _drawn(shapes, grid, cut, fill=-1)


def burn_cover(shapes: Iterable[Any], grid: PixelGrid, cut: Cut) -> NDArray[np.float32]:
    """[rows, columns] 1 where a shape covers the cell's centre, or where a line passes through the cell."""
    return _drawn([(shape, 1) for shape in shapes if not shape.is_empty], grid, cut, fill=0).astype(
        np.float32
    )


def _drawn(shapes: list[tuple[Any, int]], grid: PixelGrid, cut: Cut, fill: int) -> NDArray[np.int32]:
    from affine import Affine
    from rasterio.features import rasterize

    shape = (cut.height, cut.width)
    if not shapes or 0 in shape:
        return np.full(shape, fill, np.int32)
    bounds = grid.bounds(cut)
    place = Affine(grid.cell_m, 0.0, bounds.west, 0.0, -grid.cell_m, bounds.north)
    return np.asarray(rasterize(shapes, shape, fill=fill, transform=place, dtype="int32"), np.int32)
