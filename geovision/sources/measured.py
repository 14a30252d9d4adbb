"""Points and cells of a height raster in one table, with what is known of each before any building is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geovision.model.evidence import PointKind, PointSource
from geovision.sources.cells import cell_points
from geovision.sources.height_grid import HeightGrid
from geovision.sources.point_block import PointBlock

__all__ = ["Measured", "measure"]

_LIDAR_SIGMA_M = 0.05
"""Standard deviation of a LiDAR height that nothing else is known of."""
_SPLIT_ECHO = 2.0
"""An echo that is one of several met an edge or a leaf with part of its beam."""
_LIDAR_TOLERANCE_M = 0.12
_CELL_TOLERANCE = 0.15
"""Metres off a plane that still count as on it, for a point; more for a cell, by its size."""

# ASPRS classes to what they mean for a building. 0 (never classified), 1 (unclassified), 12 (overlap) and
# those of users say nothing.
_KINDS = {
    2: PointKind.GROUND,
    3: PointKind.VEGETATION,
    4: PointKind.VEGETATION,
    5: PointKind.VEGETATION,
    6: PointKind.BUILDING,
    7: PointKind.OTHER,  # low noise
    8: PointKind.GROUND,  # key points of the terrain model
    9: PointKind.OTHER,  # water
    10: PointKind.OTHER,  # rail
    11: PointKind.GROUND,  # road surface
    13: PointKind.OTHER,  # 13 to 16: wires and their towers
    14: PointKind.OTHER,
    15: PointKind.OTHER,
    16: PointKind.OTHER,
    17: PointKind.OTHER,  # bridge deck
    18: PointKind.OTHER,  # high noise
    26: PointKind.OTHER,  # of AHN: bridges, quays and the like
}


@dataclass(frozen=True)
class Measured:
    """Measurements of heights, [n] each."""

    xyz: NDArray[np.float64]
    kind: NDArray[np.uint8]
    """`PointKind` by class."""
    source: NDArray[np.uint8]
    sigma: NDArray[np.float32]
    echo: NDArray[np.uint8]
    """0 unknown, 1 only, 2 last, 3 earlier: as in cpp/include/geovision/evidence.hpp."""
    tolerance: NDArray[np.float32]
    classes: frozenset[int]
    cell_m: float


def measure(points: PointBlock | None, dsm: HeightGrid | None) -> Measured:
    """One table of points and cells; cells that have a point in them or beside them are left out."""
    tables = []
    if points is not None:
        tables.append(_of_points(points))
    if dsm is not None:
        tables.append(_of_cells(dsm, points))
    if not tables:
        tables.append(_of_points(PointBlock.empty()))
    if len(tables) == 1:
        return tables[0]
    first, second = tables
    names = ("xyz", "kind", "source", "sigma", "echo", "tolerance")
    joined = {name: np.concatenate([getattr(first, name), getattr(second, name)]) for name in names}
    return Measured(**joined, classes=first.classes, cell_m=second.cell_m)


def _of_points(points: PointBlock) -> Measured:
    table = np.full(256, PointKind.UNKNOWN, np.uint8)
    for code, kind in _KINDS.items():
        table[code] = kind
    several = points.number_of_returns > 1
    echo = (points.number_of_returns > 0).astype(np.uint8)
    echo[several] = np.where(points.return_number < points.number_of_returns, 3, 2)[several]
    count = len(points)
    return Measured(
        points.xyz,
        table[points.classification],
        np.full(count, PointSource.LIDAR, np.uint8),
        np.where(several, np.float32(_SPLIT_ECHO * _LIDAR_SIGMA_M), np.float32(_LIDAR_SIGMA_M)),
        echo,
        np.full(count, _LIDAR_TOLERANCE_M, np.float32),
        points.classes,
        0.0,
    )


def _of_cells(dsm: HeightGrid, points: PointBlock | None) -> Measured:
    if points is not None and len(points):
        dsm = _where_no_points(dsm, points)
    xyz, sigma = cell_points(dsm)
    count = len(xyz)
    return Measured(
        xyz,
        np.full(count, PointKind.UNKNOWN, np.uint8),
        np.full(count, PointSource.CELL, np.uint8),
        sigma,
        np.zeros(count, np.uint8),
        np.full(count, _LIDAR_TOLERANCE_M + _CELL_TOLERANCE * dsm.cell_m, np.float32),
        frozenset(),
        dsm.cell_m,
    )


def _where_no_points(dsm: HeightGrid, points: PointBlock) -> HeightGrid:
    """A raster is mostly made from the points that come with it: it adds something only in their gaps."""
    height, width = dsm.values.shape
    column = np.floor(np.round((points.xyz[:, 0] - dsm.left) / dsm.cell_m, 6)).astype(np.int64)
    row = np.floor(np.round((dsm.top - points.xyz[:, 1]) / dsm.cell_m, 6)).astype(np.int64)
    inside = (column >= -1) & (column <= width) & (row >= -1) & (row <= height)
    held = np.zeros((height + 2, width + 2), bool)
    held[row[inside] + 1, column[inside] + 1] = True
    for axis in (0, 1):
        grown = held.copy()
        grown |= np.roll(held, 1, axis) | np.roll(held, -1, axis)
        held = grown
    values = np.where(held[1:-1, 1:-1], np.nan, dsm.values)
    return HeightGrid(values, dsm.left, dsm.top, dsm.cell_m)
