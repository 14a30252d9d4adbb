"""A tile as a fine grid: what covers the ground, and how far the nearest wall is."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from geovision.mesh.compile import mesh
from geovision.model.table import ProgramTable
from geovision.procedural.rng import F64
from geovision.procedural.yards import Ground, Yards

__all__ = ["Site", "survey_site"]

CELL_M = 0.5
_QUAD = np.array([[0, 1, 2], [0, 2, 3]])
REACH_M = 10.0
"""Clearances are told apart up to this."""


@dataclass(frozen=True)
class Site:
    """Grids of one tile; row 0 is the northern one."""

    left: float
    top: float
    cover: npt.NDArray[np.uint8]
    """A `Ground` per cell."""
    steps: npt.NDArray[np.uint8]
    """Cells to the nearest wall, 0 inside a building."""

    def look_up(self, xy: F64) -> tuple[npt.NDArray[np.uint8], F64]:
        """Cover and distance to the nearest wall (at most `REACH_M`) at points; outside it is street."""
        column = np.floor((xy[:, 0] - self.left) / CELL_M).astype(np.int64)
        row = np.floor((self.top - xy[:, 1]) / CELL_M).astype(np.int64)
        height, width = self.cover.shape
        inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
        row, column = np.where(inside, row, 0), np.where(inside, column, 0)
        cover = np.where(inside, self.cover[row, column], np.uint8(Ground.STREET))
        steps = np.where(inside, self.steps[row, column], np.uint8(255))
        return cover.astype(np.uint8), np.minimum(steps * CELL_M, REACH_M)


def survey_site(yards: Yards, programs: ProgramTable) -> Site:
    """Draw yards and buildings of a tile from above."""
    low, high = yards.ring.min(axis=(0, 1)), yards.ring.max(axis=(0, 1))
    left, top = math.floor(low[0]), math.ceil(high[1])
    width = math.ceil((high[0] - left) / CELL_M)
    height = math.ceil((top - low[1]) / CELL_M)
    corners = yards.ring - (left, top)
    layer = np.repeat(np.arange(len(yards), dtype=np.float64), 4)
    vertices = np.column_stack([corners.reshape(-1, 2), layer])
    triangles = (np.arange(len(yards))[:, None, None] * 4 + _QUAD).reshape(-1, 3)
    _, owner = _from_above(vertices, triangles, width, height)
    cover = np.where(owner < 0, np.uint8(Ground.STREET), yards.ground[owner // 2]).astype(np.uint8)
    solids = mesh(programs, lod="1.2", on_error="record", polygons=False)
    shift = solids.origin - (left, top, 0.0)
    counts = np.diff(solids.vertex_offsets)
    walls = np.repeat(shift, counts, axis=0) + solids.vertices * solids.grid
    base = np.repeat(solids.vertex_offsets[:-1], np.diff(solids.triangle_offsets))
    _, owner = _from_above(walls, solids.triangles + base[:, None], width, height)
    return Site(float(left), float(top), cover, _steps(owner >= 0))


def _from_above(
    vertices: F64, triangles: npt.NDArray[np.integer], width: int, height: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32]]:
    from geovision import _kernel

    return _kernel.rasterize_top(
        vertices, triangles.astype(np.int32), 0.0, 0.0, CELL_M, width, height, threads=1
    )


def _steps(built: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """Steps from each cell to the nearest built one; diamonds and squares in turn make rings of octagons."""
    steps = np.full(built.shape, 255, np.uint8)
    reached = built.copy()
    steps[reached] = 0
    for step in range(1, int(REACH_M / CELL_M) + 1):
        grown = reached.copy()
        grown[1:] |= reached[:-1]
        grown[:-1] |= reached[1:]
        sides = grown if step % 2 else reached
        grown[:, 1:] |= sides[:, :-1]
        grown[:, :-1] |= sides[:, 1:]
        steps[grown & ~reached] = step
        reached = grown
    return steps
