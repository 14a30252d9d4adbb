"""Pixel grids, and carrying pixels from one to another through the kernel."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from pyproj import Transformer

from geovision._native import load_kernel
from geovision.errors import UsageError
from geovision.sources.grid import Bounds
from geovision.sources.raster_info import Cut

__all__ = ["PixelGrid", "Places", "places_in", "warp"]

# Output pixels between the points at which coordinates are computed in full. Over so short a way every
# projection is straight within a thousandth of a pixel.
_STEP = 32


@dataclass(frozen=True)
class PixelGrid:
    """Square pixels without end: pixel (0, 0) has its north-western corner at (left, top).

    >>> grid = PixelGrid(85000.0, 446000.0, 0.5)
    >>> grid.cut(Bounds(85010.2, 445990.0, 85020.0, 445999.9))
    Cut(column=20, row=0, width=20, height=20)
    """

    left: float
    top: float
    cell_m: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.cell_m) and self.cell_m > 0):
            raise UsageError(
                f"cell size {self.cell_m!r}", "is not a length above 0", "Give metres, such as 0.5"
            )

    def cut(self, bounds: Bounds) -> Cut:
        """The pixels that touch `bounds`; a thousandth of a pixel is forgiven."""
        c, slack = self.cell_m, 1e-3
        west = math.floor((bounds.west - self.left) / c + slack)
        east = math.ceil((bounds.east - self.left) / c - slack)
        north = math.floor((self.top - bounds.north) / c + slack)
        south = math.ceil((self.top - bounds.south) / c - slack)
        return Cut(west, north, max(east - west, 1), max(south - north, 1))

    def bounds(self, cut: Cut) -> Bounds:
        """The area of a cut."""
        west, north = self.left + cut.column * self.cell_m, self.top - cut.row * self.cell_m
        return Bounds(west, north - cut.height * self.cell_m, west + cut.width * self.cell_m, north)

    @property
    def transform(self) -> Affine:
        """From pixel corners to coordinates."""
        return Affine(self.cell_m, 0.0, self.left, 0.0, -self.cell_m, self.top)


@dataclass(frozen=True)
class Places:
    """Where a cut of a pixel grid lies in a source, on coarse nodes."""

    nodes: NDArray[np.float64]
    """[rows, columns, 2] x and y in source pixels; not finite where there is no way there."""
    first: tuple[int, int]
    """Column and row of the cut's first pixel, from node (0, 0)."""
    size: tuple[int, int]

    def needed(self, margin: int) -> Cut | None:
        """The source pixels under the cut, and `margin` more on each side."""
        corners = _between(
            _between(self.nodes, self.first[1], self.size[1]).swapaxes(0, 1), self.first[0], self.size[0]
        )
        finite = corners[np.isfinite(corners).all(axis=-1)]
        if not len(finite):
            return None
        low = np.floor(finite.min(axis=0)) - margin
        high = np.ceil(finite.max(axis=0)) + margin
        if np.abs(np.concatenate([low, high])).max() > 1 << 40:
            return None
        return Cut(int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1]))


def _between(nodes: NDArray[np.float64], first: int, size: int) -> NDArray[np.float64]:
    """Nodes along the first axis, the outer ones moved in to where the cut begins and ends.

    Between nodes places are linear along either axis, so these hold the extremes of the whole cut.
    """
    at = np.concatenate(
        [[first], np.arange(first // _STEP + 1, -(-(first + size) // _STEP)) * _STEP, [first + size]]
    )
    low = np.minimum(at // _STEP, len(nodes) - 2)
    share = (at / _STEP - low)[:, None, None]
    return np.asarray(nodes[low] * (1 - share) + nodes[low + 1] * share)


def places_in(grid: PixelGrid, cut: Cut, source: Affine, way: Transformer | None) -> Places:
    """Places of the pixels of `cut` in a raster with the transform `source`.

    `way` leads from the CRS of the grid to that of the raster; None where they are one. Nodes stand at
    fixed pixels of the endless grid, so a pixel's place does not depend on the cut.
    """
    first_column, first_row = cut.column // _STEP, cut.row // _STEP
    columns = np.arange(first_column, (cut.column + cut.width - 1) // _STEP + 2) * _STEP
    rows = np.arange(first_row, (cut.row + cut.height - 1) // _STEP + 2) * _STEP
    xy = np.empty((len(rows), len(columns), 2))
    xy[..., 0] = (grid.left + columns * grid.cell_m)[None, :]
    xy[..., 1] = (grid.top - rows * grid.cell_m)[:, None]
    if way is not None:
        xy = np.stack(way.transform(xy[..., 0], xy[..., 1]), axis=-1)
    inverse = ~source
    nodes = np.empty_like(xy)
    nodes[..., 0] = inverse.a * xy[..., 0] + inverse.b * xy[..., 1] + inverse.c
    nodes[..., 1] = inverse.d * xy[..., 0] + inverse.e * xy[..., 1] + inverse.f
    first = (cut.column - first_column * _STEP, cut.row - first_row * _STEP)
    return Places(nodes, first, (cut.width, cut.height))


def warp(
    data: NDArray[Any],
    valid: NDArray[np.bool_] | None,
    corner: tuple[int, int],
    places: Places,
    scale: tuple[float, float],
    *,
    nearest: bool,
    threads: int,
) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
    """Resample a cut of a source whose first pixel is `corner`; all valid comes back as None."""
    mask = None if valid is None else np.ascontiguousarray(valid).view(np.uint8)
    out, out_valid, count = load_kernel().warp_raster(
        data, mask, corner, places.nodes, _STEP, places.first, places.size, scale, nearest, threads
    )
    return out, None if count == out_valid.size else out_valid.view(np.bool_)
