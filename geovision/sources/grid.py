"""The tile grid of a scene: square tiles with fixed corners, and who owns which building."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from geovision.errors import UsageError

__all__ = ["Bounds", "TileGrid", "TileKey", "intersection", "overlaps", "union", "widened"]


class Bounds(NamedTuple):
    """West, south, east, north."""

    west: float
    south: float
    east: float
    north: float

    @property
    def width(self) -> float:
        """East minus west."""
        return self.east - self.west

    @property
    def height(self) -> float:
        """North minus south."""
        return self.north - self.south

    @property
    def area(self) -> float:
        """Width times height."""
        return self.width * self.height

    def __str__(self) -> str:
        return f"({self.west:.2f}, {self.south:.2f}) to ({self.east:.2f}, {self.north:.2f})"


def overlaps(a: Bounds, b: Bounds) -> bool:
    """Whether the two share some area."""
    return a.west < b.east and b.west < a.east and a.south < b.north and b.south < a.north


def intersection(a: Bounds, b: Bounds) -> Bounds | None:
    """What both cover, or None."""
    if not overlaps(a, b):
        return None
    return Bounds(max(a.west, b.west), max(a.south, b.south), min(a.east, b.east), min(a.north, b.north))


def union(a: Bounds, b: Bounds) -> Bounds:
    """The smallest bounds that hold both."""
    return Bounds(min(a.west, b.west), min(a.south, b.south), max(a.east, b.east), max(a.north, b.north))


def widened(bounds: Bounds, margin: float) -> Bounds:
    """The bounds with `margin` added on every side."""
    return Bounds(bounds.west - margin, bounds.south - margin, bounds.east + margin, bounds.north + margin)


class TileKey(NamedTuple):
    """Column and row of a tile, counted from the origin of the CRS to the east and to the north."""

    column: int
    row: int

    def __str__(self) -> str:
        return f"{self.column}_{self.row}"


@dataclass(frozen=True)
class TileGrid:
    """Square tiles whose corners are multiples of `size_m`: the same tile has the same key in every scene.

    >>> grid = TileGrid(500.0)
    >>> grid.key_of(85120.0, 446999.0)
    TileKey(column=170, row=893)
    >>> grid.bounds(TileKey(170, 893))
    Bounds(west=85000.0, south=446500.0, east=85500.0, north=447000.0)
    """

    size_m: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.size_m) and self.size_m > 0):
            raise UsageError(
                f"tile size {self.size_m!r}", "is not a length above 0", "Give it in metres, such as 500"
            )

    def key_of(self, x: float, y: float) -> TileKey:
        """The tile that holds the point; one on a border belongs to the tile east or north of it."""
        return TileKey(math.floor(x / self.size_m), math.floor(y / self.size_m))

    def keys_of(self, xy: NDArray[np.float64]) -> NDArray[np.int64]:
        """[n, 2] column and row of the tile of each point [n, 2]."""
        return np.floor(xy / self.size_m).astype(np.int64)

    def bounds(self, key: TileKey) -> Bounds:
        """The area of a tile."""
        west, south = key.column * self.size_m, key.row * self.size_m
        return Bounds(west, south, west + self.size_m, south + self.size_m)

    def covering(self, bounds: Bounds) -> list[TileKey]:
        """Every tile that shares area with `bounds`, by row from the south, then by column from the west."""
        columns, rows = self._spans(bounds)
        return [TileKey(c, r) for r in rows for c in columns]

    def count(self, bounds: Bounds) -> int:
        """How many tiles share area with `bounds`."""
        columns, rows = self._spans(bounds)
        return (columns.stop - columns.start) * (rows.stop - rows.start)

    def _spans(self, bounds: Bounds) -> tuple[range, range]:
        first = self.key_of(bounds.west, bounds.south)
        columns = max(math.ceil(bounds.east / self.size_m), first.column + 1)
        rows = max(math.ceil(bounds.north / self.size_m), first.row + 1)
        return range(first.column, columns), range(first.row, rows)
