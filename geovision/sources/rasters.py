"""All rasters of one role as one endless raster: mosaics, other grids and other CRS behind one `read`.

Rasters that lie on one pixel grid form a `Block`: its windows are pasted together pixel by pixel and, where
the window asked for is on the same grid, that is all. Otherwise the pasted cut is resampled once, so there
are no seams between its files. Where rasters overlap, the one named first wins where it has data.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from pyproj import CRS, Transformer

from geovision.errors import InputError
from geovision.sources.crs import horizontal, transform_bounds, transform_xy, transformer
from geovision.sources.grid import Bounds, overlaps, union
from geovision.sources.raster_info import Cut, Pixels, Sheet, affine_bounds
from geovision.sources.raster_values import Values
from geovision.sources.resample import PixelGrid, places_in, warp

__all__ = ["Piece", "RasterLayer"]

# Two grids are one where they differ by less than this many pixels anywhere.
_SAME_PIXELS = 0.01
# Source pixels (times bands) that one step of a resampling may hold.
_STEP_VALUES = 1 << 24
# Below this many source pixels per output pixel a plain bilinear read shows no aliasing worth a filter.
_PLAIN_SCALE = 1.25


@dataclass(frozen=True)
class Piece:
    """A sheet with the meaning of its values."""

    sheet: Sheet
    crs: CRS
    values: Values


@dataclass
class Block:
    """Pieces on one pixel grid; piece i covers boxes[i] = (left, top, right, bottom) in pixels of it."""

    crs: CRS
    transform: Affine
    pieces: list[Piece] = field(default_factory=list)
    corners: list[tuple[int, int, int, int]] = field(default_factory=list)
    boxes: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 4), np.int64))
    way: Transformer | None = None
    """From the CRS of the scene; None where it is the block's own."""
    bounds_m: Bounds = field(default_factory=lambda: Bounds(0, 0, 0, 0))
    """In the CRS of the scene."""
    sides_m: tuple[float, float] = (1.0, 1.0)
    """Width and height of a pixel in its middle, in units of the scene."""

    def offer(self, piece: Piece) -> bool:
        """Take the piece where it lies on the grid."""
        info = piece.sheet.info
        if not self.pieces:
            self.crs, self.transform, place = horizontal(piece.crs), info.transform, (0, 0)
        else:
            found = _offset(self.transform, info.transform, info.width, info.height)
            if found is None or horizontal(piece.crs) != self.crs:
                return False
            place = found
        self.pieces.append(piece)
        self.corners.append((*place, place[0] + info.width, place[1] + info.height))
        return True

    def seal(self, crs: CRS) -> None:
        """Called once, when every piece is in; what depends on the CRS of the scene is worked out here."""
        self.boxes = np.array(self.corners, np.int64)
        self.way = None if self.crs == crs else transformer(crs, self.crs)
        self.bounds_m = transform_bounds(self.crs, crs, self.bounds)
        self.sides_m = _sides(self, crs)

    @property
    def upright(self) -> bool:
        """North-up in the CRS of the scene."""
        return self.way is None and self.pieces[0].sheet.info.north_up

    @property
    def extent(self) -> tuple[int, int, int, int]:
        """Left, top, right and bottom in pixels."""
        low, high = self.boxes[:, :2].min(axis=0), self.boxes[:, 2:].max(axis=0)
        return int(low[0]), int(low[1]), int(high[0]), int(high[1])

    @property
    def bounds(self) -> Bounds:
        """In its own CRS."""
        left, top, right, bottom = self.extent
        return affine_bounds(self.transform @ Affine.translation(left, top), right - left, bottom - top)

    def piece_bounds(self) -> list[Bounds]:
        """Of each piece."""
        return [piece.sheet.info.bounds for piece in self.pieces]

    def overview(self, scale: float) -> tuple[int, int]:
        """Number (0: none) and factor of the coarsest overview, of every piece, that is still fine enough."""
        shared = set.intersection(*(set(piece.sheet.info.overviews) for piece in self.pieces))
        if len(self.pieces) > 1:
            shared = {f for f in shared if not (self.boxes % f).any()}
        fit = [factor for factor in shared if factor <= scale]
        if not fit:
            return 0, 1
        factor = max(fit)
        numbers = {piece.sheet.info.overviews.index(factor) + 1 for piece in self.pieces}
        return (numbers.pop(), factor) if len(numbers) == 1 else (0, 1)

    def level(self, number: int, factor: int) -> tuple[Affine, NDArray[np.int64]]:
        """Transform and boxes of an overview."""
        if number == 0:
            return self.transform, self.boxes
        boxes = self.boxes.copy()
        boxes[:, :2] //= factor
        boxes[:, 2:] = -(-boxes[:, 2:] // factor)
        info = self.pieces[0].sheet.info
        # The last column of an overview may stand for fewer pixels: GDAL stretches all alike.
        width, height = -(-info.width // factor), -(-info.height // factor)
        return self.transform @ Affine.scale(info.width / width, info.height / height), boxes

    def read(self, cut: Cut, number: int, boxes: NDArray[np.int64]) -> Pixels | None:
        """The cut, pasted together; None where no piece reaches it."""
        near = np.flatnonzero(
            (boxes[:, 0] < cut.column + cut.width)
            & (boxes[:, 2] > cut.column)
            & (boxes[:, 1] < cut.row + cut.height)
            & (boxes[:, 3] > cut.row)
        )
        out: NDArray[Any] | None = None
        filled: NDArray[np.bool_] | None = None
        for index in near.tolist():
            left, top, right, bottom = boxes[index].tolist()
            part = cut.moved(-left, -top).meet(right - left, bottom - top)
            assert part is not None
            piece = self.pieces[index]
            data, valid = piece.values.convert(*piece.sheet.read(part, piece.values.bands, number))
            if valid is not None and not valid.any():
                continue
            whole = (part.width, part.height) == (cut.width, cut.height)
            if out is None and whole:
                if valid is None:
                    return data, None
                out, filled = data, valid
                continue
            if out is None or filled is None:
                out = np.full((len(data), cut.height, cut.width), _empty(data.dtype), data.dtype)
                filled = np.zeros((cut.height, cut.width), np.bool_)
            rows = slice(part.row + top - cut.row, part.row + top - cut.row + part.height)
            columns = slice(part.column + left - cut.column, part.column + left - cut.column + part.width)
            _paint(out[:, rows, columns], filled[rows, columns], data, valid)
            if filled.all():
                return out, None
        return None if out is None else (out, filled)


def _empty(dtype: np.dtype[Any]) -> float:
    return math.nan if dtype.kind == "f" else 0


def _paint(
    out: NDArray[Any], filled: NDArray[np.bool_], data: NDArray[Any], valid: NDArray[np.bool_] | None
) -> None:
    """Put data where it is valid and nothing was painted before."""
    free = ~filled if valid is None else valid & ~filled
    if free.all():
        out[...] = data
    else:
        np.copyto(out, data, where=free[None])
    filled |= free


def _offset(base: Affine, other: Affine, width: int, height: int) -> tuple[int, int] | None:
    """Whole pixels from one grid's corner to the other's; None where they are two grids."""
    column, row = ~base @ (other.c, other.f)
    far = ~base @ (other @ (width, height))
    place = round(column), round(row)
    off = (column - place[0], row - place[1], far[0] - place[0] - width, far[1] - place[1] - height)
    return place if max(map(abs, off)) <= _SAME_PIXELS else None


class RasterLayer:
    """One role's rasters, read in the CRS of the scene."""

    def __init__(
        self, role: str, pieces: Sequence[Piece], bands: tuple[str, ...], crs: CRS, *, threads: int = 0
    ) -> None:
        self.role, self.bands, self.crs, self.threads = role, bands, horizontal(crs), threads
        self.pieces = tuple(pieces)
        self.blocks: list[Block] = []
        for piece in pieces:
            if not any(block.offer(piece) for block in self.blocks):
                self.blocks.append(Block(piece.crs, piece.sheet.info.transform))
                self.blocks[-1].offer(piece)
        for block in self.blocks:
            block.seal(self.crs)
        self.dtype = _common_dtype(role, self.pieces)

    @property
    def bounds(self) -> Bounds:
        """Of all of it, in the CRS of the scene."""
        found = self.blocks[0].bounds_m
        for block in self.blocks[1:]:
            found = union(found, block.bounds_m)
        return found

    def piece_bounds(self) -> list[Bounds]:
        """Of each raster, in the CRS of the scene, in the order of the blocks."""
        return [
            transform_bounds(block.crs, self.crs, bounds)
            for block in self.blocks
            for bounds in block.piece_bounds()
        ]

    def native_cell_m(self) -> float:
        """Size of a pixel of the first block in the scene's metres; three digits where it is resampled."""
        block = self.blocks[0]
        side = block.sides_m
        cell = math.sqrt(side[0] * side[1])
        own = block.way is None and math.isclose(*side, rel_tol=1e-6)
        return side[0] if own else float(f"{cell:.3g}")

    def anchor(self) -> tuple[float, float] | None:
        """A corner of the first block that is north-up in the scene's CRS: grids are laid through it."""
        for block in self.blocks:
            if block.upright:
                return block.transform.c, block.transform.f
        return None

    def read(self, grid: PixelGrid, cut: Cut, *, nearest: bool = False) -> Pixels:
        """Pixels of a cut of `grid`; where there is no data heights are NaN and colours 0.

        The second value is None where every pixel has data. A pixel's value does not depend on the cut.
        """
        area = grid.bounds(cut)
        out: NDArray[Any] | None = None
        filled: NDArray[np.bool_] | None = None
        for block in self.blocks:
            if not overlaps(block.bounds_m, area):
                continue
            found = self._read_block(block, grid, cut, nearest)
            if found is None:
                continue
            data, valid = found
            if out is None or filled is None:
                if valid is None:
                    return data, None
                out, filled = data, valid.copy()
            else:
                _paint(out, filled, data, valid)
            if filled.all():
                return out, None
        if out is None or filled is None:
            shape = (len(self.bands), cut.height, cut.width)
            return np.full(shape, _empty(self.dtype), self.dtype), np.zeros(shape[1:], np.bool_)
        return out, filled

    def _read_block(self, block: Block, grid: PixelGrid, cut: Cut, nearest: bool) -> Pixels | None:
        corner = self._corner_on(block, grid)
        if corner is not None:
            return block.read(cut.moved(*corner), 0, block.boxes)
        return self._resampled(block, grid, cut, nearest)

    def _corner_on(self, block: Block, grid: PixelGrid) -> tuple[int, int] | None:
        """Pixel of the block at the grid's pixel (0, 0) where the two are one grid, so nothing is resampled.

        Judged over the whole block, so that the answer is the same for every cut.
        """
        own = block.transform
        if not block.upright:
            return None
        left, top, right, bottom = block.extent
        there = grid.transform @ Affine.translation(*_whole(~grid.transform @ (own @ (left, top))))
        if _offset(own @ Affine.translation(left, top), there, right - left, bottom - top) is None:
            return None
        return _whole(~own @ (grid.left, grid.top))

    def lies_on(self, grid: PixelGrid) -> bool:
        """Whether every pixel comes as the files have it."""
        return all(self._corner_on(block, grid) is not None for block in self.blocks)

    def _resampled(self, block: Block, grid: PixelGrid, cut: Cut, nearest: bool) -> Pixels | None:
        side = block.sides_m
        number, factor = block.overview(min(grid.cell_m / side[0], grid.cell_m / side[1]))
        transform, boxes = block.level(number, factor)
        scale = tuple(grid.cell_m / (length * factor) for length in side)
        scale = tuple(value if value > _PLAIN_SCALE else 1.0 for value in scale)
        margin = math.ceil(max(scale)) + 1
        places = places_in(grid, cut, transform, block.way)
        needed = places.needed(margin)
        if needed is None:
            return None
        most = boxes[:, 2:].max(axis=0)
        least = boxes[:, :2].min(axis=0)
        inside = needed.moved(-int(least[0]), -int(least[1])).meet(*(most - least).tolist())
        if inside is None:
            return None
        inside = inside.moved(int(least[0]), int(least[1]))
        if inside.width * inside.height * len(self.bands) > _STEP_VALUES and max(cut.width, cut.height) > 1:
            return self._in_halves(block, grid, cut, nearest)
        source = block.read(inside, number, boxes)
        if source is None:
            return None
        data, valid = source
        kept = data if data.dtype in (np.uint8, np.uint16, np.float32) else data.astype(np.float32)
        out, filled = warp(
            np.ascontiguousarray(kept),
            valid,
            (inside.column, inside.row),
            places,
            (scale[0], scale[1]),
            nearest=nearest,
            threads=self.threads,
        )
        if filled is not None and out.dtype.kind == "f":
            out[:, ~filled] = np.nan
        return out.astype(self.dtype, copy=False), filled

    def _in_halves(self, block: Block, grid: PixelGrid, cut: Cut, nearest: bool) -> Pixels | None:
        """Memory is bounded by cutting the window; the values are the same."""
        across = cut.width >= cut.height
        first = (cut.width if across else cut.height) // 2
        if across:
            parts = (
                Cut(cut.column, cut.row, first, cut.height),
                Cut(cut.column + first, cut.row, cut.width - first, cut.height),
            )
        else:
            parts = (
                Cut(cut.column, cut.row, cut.width, first),
                Cut(cut.column, cut.row + first, cut.width, cut.height - first),
            )
        out = np.full((len(self.bands), cut.height, cut.width), _empty(self.dtype), self.dtype)
        filled = np.zeros((cut.height, cut.width), np.bool_)
        for part in parts:
            found = self._resampled(block, grid, part, nearest)
            if found is None:
                continue
            rows = slice(part.row - cut.row, part.row - cut.row + part.height)
            columns = slice(part.column - cut.column, part.column - cut.column + part.width)
            out[:, rows, columns] = found[0]
            filled[rows, columns] = True if found[1] is None else found[1]
        if not filled.any():
            return None
        return out, None if filled.all() else filled


def _whole(place: tuple[float, float]) -> tuple[int, int]:
    return round(place[0]), round(place[1])


def _sides(block: Block, crs: CRS) -> tuple[float, float]:
    """Width and height of a pixel in the middle of the block, in units of `crs`."""
    left, top, right, bottom = block.extent
    middle = ((left + right) / 2, (top + bottom) / 2)
    at = [block.transform @ (middle[0] + dx, middle[1] + dy) for dx, dy in ((0, 0), (1, 0), (0, 1))]
    xy = transform_xy(block.crs, crs, np.array(at, float))
    width, height = np.hypot(*(xy[1] - xy[0])), np.hypot(*(xy[2] - xy[0]))
    if not (np.isfinite(width) and np.isfinite(height) and width > 0 and height > 0):
        raise InputError(
            f"raster {block.pieces[0].sheet.info.name}",
            f"its place {block.bounds} cannot be carried into the CRS of the scene",
            "Check its CRS and the order of its axes",
        )
    return float(width), float(height)


def _common_dtype(role: str, pieces: tuple[Piece, ...]) -> np.dtype[Any]:
    if role != "image":
        return np.dtype(np.float32)
    kinds = {np.dtype(piece.sheet.info.dtype): piece.sheet.info.name for piece in pieces}
    if len(kinds) > 1:
        # 200 of 255 and 200 of 65,535 are different colours; nobody can say how they compare.
        (first, a), (second, b) = list(kinds.items())[:2]
        raise InputError(
            f"raster {b}",
            f"its pixels are {second}, but those of {a} are {first}",
            "Give images of one type, or put them on one range first (gdal_translate -scale -ot Byte)",
        )
    return next(iter(kinds))
