"""Cities out of nothing: streets, blocks, parcels, plans and roofs, one tile after another.

A tile depends on the seed, its place in the grid, the tile size and the style; on no other tile. Memory is
that of one tile.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from numbers import Integral, Real

import numpy as np

from geovision.errors import UsageError
from geovision.model.table import ProgramTable
from geovision.procedural.blocks import Blocks, lay_out_blocks, tile_corners
from geovision.procedural.houses import build_annexes, build_churches, build_free, build_halls
from geovision.procedural.lots import LOTS_PER_BLOCK, build_rows, cut_parcels
from geovision.procedural.perimeter import build_perimeters, perimeter_fits
from geovision.procedural.plans import Batch, Parts, assemble
from geovision.procedural.rng import F64, combine
from geovision.procedural.sample import sample_table
from geovision.procedural.style import BLOCK_TYPES, Style

__all__ = ["Area", "CityGrid", "Tile", "city_grid", "iter_tiles", "tile_blocks", "tile_parts"]

Area = tuple[float, float, float, float]
"""X, Y, width, height in metres."""

_MIN_SIDE_M = 60.0
_GROUP = 6


@dataclass(frozen=True)
class CityGrid:
    """How an area is cut into tiles."""

    origin: tuple[float, float]
    tile: tuple[float, float]
    columns: int
    rows: int | None
    """None: as many as the wished number of buildings needs."""
    count: int | None

    @property
    def tiles(self) -> int:
        """Number of tiles, 0 where it is not known beforehand."""
        return self.columns * self.rows if self.rows is not None and self.count is None else 0


@dataclass(frozen=True)
class Tile:
    """A piece of a city."""

    column: int
    row: int
    table: ProgramTable

    @property
    def name(self) -> str:
        """Stable name, also the start of its buildings' ids."""
        return f"{self.column}_{self.row}"


def city_grid(style: Style, *, area: Area | None = None, count: int | None = None, seed: int = 0) -> CityGrid:
    """Cut an area into equal tiles, or choose tiles for a number of buildings."""
    if area is None and count is None:
        raise UsageError(
            "generate", "got neither an area nor a count", "Give area=(x, y, width, height) or count="
        )
    if count is not None and (not _is_whole(count) or count < 1):
        raise UsageError(f"count = {count}", "is no number of buildings", "Give 1 or more")
    size = style.layout.tile_m
    if area is None:
        assert count is not None
        side = _side_for(style, count, seed)
        tile = min(size, side)
        return CityGrid((0.0, 0.0), (tile, tile), max(1, round(side / size)), None, count)
    if not _is_rectangle(area) or min(area[2:]) < _MIN_SIDE_M:
        raise UsageError(
            f"area {area}",
            f"is not four finite numbers, or is narrower than {_MIN_SIDE_M:g} m",
            "Give X,Y,W,H in metres, as 0,0,800,600",
        )
    x, y, width, height = area
    columns, rows = max(1, round(width / size)), max(1, round(height / size))
    return CityGrid((x, y), (width / columns, height / rows), columns, rows, count)


def _is_whole(value: object) -> bool:
    return isinstance(value, Integral)


def _is_rectangle(area: Sequence[object]) -> bool:
    return len(area) == 4 and all(isinstance(value, Real) and math.isfinite(value) for value in area)


def iter_tiles(style: Style, grid: CityGrid, seed: int) -> Iterator[Tile]:
    """Tiles of the city, row by row; ends with the grid, or once `grid.count` buildings are out."""
    left = grid.count
    idle = 0
    for places in _groups(grid):
        parts, counts = tile_parts(style, grid, places, seed)
        table = sample_table(parts, style, seed, _ids(places, counts))
        idle = 0 if len(table) else idle + len(places)
        if grid.rows is None and idle > grid.columns + 1:
            raise UsageError(
                "the style", "leaves no room for any building", "Widen layout.tile_m or the lots"
            )
        start = 0
        for (column, row), count in zip(places, counts, strict=True):
            some = count if left is None else min(count, left)
            yield Tile(column, row, table[start : start + some])
            start += count
            if left is not None:
                left -= some
                if left == 0:
                    return


def _groups(grid: CityGrid) -> Iterator[list[tuple[int, int]]]:
    """Tiles that are drawn together, to save time; the first stands alone, as it may be a showcase."""
    group: list[tuple[int, int]] = []
    for row in range(grid.rows) if grid.rows is not None else itertools.count():
        for column in range(grid.columns):
            group.append((column, row))
            if len(group) == _GROUP or (column, row) == (0, 0):
                yield group
                group = []
    if group:
        yield group


def _ids(places: list[tuple[int, int]], counts: list[int]) -> list[str]:
    return [
        f"{column}_{row}.{number}"
        for (column, row), count in zip(places, counts, strict=True)
        for number in range(count)
    ]


def tile_parts(
    style: Style, grid: CityGrid, places: list[tuple[int, int]], seed: int
) -> tuple[Parts, list[int]]:
    """Plans of some tiles, without roofs, and the number of buildings in each tile."""
    showcase = _is_showcase(style, places)
    laid = [_laid(style, grid, place, seed, showcase=showcase) for place in places]
    tile_of = np.repeat(np.arange(len(laid)), [len(blocks) for blocks in laid])
    parts = assemble(
        [_moved(batch, np.array(grid.origin)) for batch in _buildings(_join(laid), style, seed, showcase)]
    )
    counts = np.bincount(tile_of[parts.order // LOTS_PER_BLOCK], minlength=len(places))
    return parts, counts.tolist()


def tile_blocks(style: Style, grid: CityGrid, place: tuple[int, int], seed: int) -> Blocks:
    """The blocks between the streets of a tile, as `tile_parts` builds on them."""
    blocks = _laid(style, grid, place, seed, showcase=_is_showcase(style, [place]))
    _settle_kinds(blocks, style)
    return Blocks(blocks.ring + np.array(grid.origin), blocks.keys, blocks.kind)


def _is_showcase(style: Style, places: list[tuple[int, int]]) -> bool:
    return style.every_kind and places == [(0, 0)]


def _laid(style: Style, grid: CityGrid, place: tuple[int, int], seed: int, *, showcase: bool) -> Blocks:
    column, row = place
    rows = grid.rows if grid.rows is not None else 1 << 30
    corners = tile_corners(
        seed, column, row, (grid.columns, rows), np.array(grid.tile), 0.5 * style.layout.jitter
    )
    return lay_out_blocks(corners, style, seed, int(combine(column, row)[0]), showcase=showcase)


def _settle_kinds(blocks: Blocks, style: Style) -> None:
    """Blocks that are too small for a perimeter of houses get another kind."""
    misfit = (blocks.kind == BLOCK_TYPES.index("perimeter")) & ~perimeter_fits(blocks)
    other = "terraced" if style.layout.blocks.get("terraced") else "detached"
    blocks.kind[misfit] = BLOCK_TYPES.index(other)


def _join(laid: list[Blocks]) -> Blocks:
    return Blocks(
        np.concatenate([blocks.ring for blocks in laid]),
        np.concatenate([blocks.keys for blocks in laid]),
        np.concatenate([blocks.kind for blocks in laid]),
    )


def _buildings(blocks: Blocks, style: Style, seed: int, showcase: bool) -> list[Batch]:
    _settle_kinds(blocks, style)
    parcels = cut_parcels(blocks, style, seed, "detached")
    return [
        *build_rows(blocks, style, seed, "terraced"),
        *build_rows(blocks, style, seed, "semi"),
        *build_free(parcels, style, seed, showcase=showcase),
        *build_annexes(parcels, style, seed),
        *build_halls(cut_parcels(blocks, style, seed, "industrial"), style, seed),
        *build_churches(cut_parcels(blocks, style, seed, "civic"), style, seed),
        *build_perimeters(blocks, style, seed),
    ]


def _moved(batch: Batch, origin: F64) -> Batch:
    batch.rings = [[ring + origin for ring in rings] for rings in batch.rings]
    return batch


def _side_for(style: Style, count: int, seed: int) -> float:
    """Side of a square that holds about `count` buildings, from the density of one trial tile."""
    size = style.layout.tile_m
    trial = CityGrid((0.0, 0.0), (size, size), 2, 2, None)
    density = max(len(tile_parts(style, trial, [(1, 1)], seed)[0]), 1) / size**2
    return max(math.sqrt(1.1 * count / density), 2 * _MIN_SIDE_M)
