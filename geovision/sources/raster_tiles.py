"""Image tiles as they are served: folders of {z}/{x}/{y}.png (XYZ, TMS) and MBTiles, as one raster."""

from __future__ import annotations

import contextlib
import io
import json
import math
import sqlite3
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from pyproj import CRS

from geovision.errors import InputError
from geovision.sources.limits import Limits
from geovision.sources.names import leads_away
from geovision.sources.raster_info import Cut, Pixels, SheetInfo
from geovision.sources.sqlite_file import open_sqlite

__all__ = ["PyramidSheet", "is_pyramid", "mbtiles_kind", "open_pyramid"]

_HALF_WORLD_M = math.pi * 6378137.0
_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
_FORMATS = ("PNG", "JPEG", "WEBP")
_KEPT_TILES = 64
_MOST_TILE_BYTES = 1 << 27


class Tiles(Protocol):
    """Encoded tiles of one zoom, counted from the north-west."""

    name: str
    zoom: int

    def extent(self) -> tuple[int, int, int, int]:
        """First and last column, first and last row."""
        ...

    def tile(self, column: int, row: int) -> bytes | None:
        """The bytes of a tile, or None."""
        ...

    def some(self) -> tuple[str, bytes]:
        """Name and bytes of any one tile."""
        ...


class _FolderTiles:
    """{zoom}/{column}/{row}.suffix; only the deepest zoom is read."""

    def __init__(self, folder: Path) -> None:
        self.name, self._folder = str(folder), folder
        self.zoom = max(_zooms(folder))
        self.south_up = _is_tms(folder)
        self._rows: dict[int, dict[int, Path]] = {}
        for column in (folder / str(self.zoom)).iterdir():
            if column.is_dir() and column.name.isdecimal():
                rows = {
                    self._row(int(item.stem)): item
                    for item in sorted(column.iterdir())
                    if item.stem.isdecimal() and item.suffix.lower() in _SUFFIXES
                }
                if rows:
                    self._rows[int(column.name)] = rows
        if not self._rows:
            raise InputError(
                f"tiles {folder}",
                f"zoom {self.zoom} holds no tile",
                f"Give {{z}}/{{x}}/{{y}}{_SUFFIXES[0]} and the like",
            )

    def _row(self, row: int) -> int:
        return (1 << self.zoom) - 1 - row if self.south_up else row

    def extent(self) -> tuple[int, int, int, int]:
        rows = [row for column in self._rows.values() for row in column]
        return min(self._rows), max(self._rows), min(rows), max(rows)

    def tile(self, column: int, row: int) -> bytes | None:
        path = self._rows.get(column, {}).get(row)
        return None if path is None else _tile_bytes(path, self._folder)

    def some(self) -> tuple[str, bytes]:
        column = min(self._rows)
        path = self._rows[column][min(self._rows[column])]
        return str(path), _tile_bytes(path, self._folder)

    def __getstate__(self) -> dict[str, Any]:
        return {"folder": self._folder}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["folder"])  # type: ignore[misc]


def _tile_bytes(path: Path, folder: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > _MOST_TILE_BYTES or leads_away(path, folder):
            problem = "links out of its folder" if size <= _MOST_TILE_BYTES else f"has {size:,} bytes"
            raise InputError(f"tile {path}", problem, "Give a folder that holds its tiles")
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"tile {path}", f"cannot be read ({error.strerror})", "Fetch it again") from error


class _MBTiles:
    """The tiles table of an MBTiles file, whose rows count from the south."""

    def __init__(self, path: Path) -> None:
        self.name, self._path = str(path), path
        self._local = threading.local()
        zoom = self._rows("SELECT max(zoom_level) FROM tiles")[0][0]
        if mbtiles_kind(path) == "pbf":
            raise InputError(f"tiles {path}", "holds vector tiles", "Give it as footprints")
        if not isinstance(zoom, int) or not 0 <= zoom <= 30:
            raise InputError(
                f"tiles {path}", "holds no tiles of a zoom from 0 to 30", "Check that it is complete"
            )
        self.zoom = zoom

    def _rows(self, text: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        connection = getattr(self._local, "connection", None)
        try:
            if connection is None:
                connection = self._local.connection = open_sqlite(self._path)
            return list(connection.execute(text, values))
        except (sqlite3.Error, OverflowError, ValueError) as error:
            raise InputError(
                f"tiles {self.name}",
                f"cannot be read as MBTiles ({error})",
                "The file is damaged: fetch it again",
            ) from error

    def extent(self) -> tuple[int, int, int, int]:
        text = (
            "SELECT min(tile_column), max(tile_column), min(tile_row), max(tile_row) FROM tiles "
            "WHERE zoom_level = ?"
        )
        ends = self._rows(text, (self.zoom,))[0]
        last = (1 << self.zoom) - 1
        # SQLite keeps any value in a column of numbers.
        if not all(isinstance(value, int) and 0 <= value <= last for value in ends):
            raise InputError(
                f"tiles {self.name}", f"has columns and rows {ends} at zoom {self.zoom}", "Fetch it again"
            )
        left, right, south, north = ends
        return left, right, last - north, last - south

    def tile(self, column: int, row: int) -> bytes | None:
        text = "SELECT tile_data FROM tiles WHERE zoom_level = ? AND tile_column = ? AND tile_row = ?"
        found = self._rows(text, (self.zoom, column, (1 << self.zoom) - 1 - row))
        return self._blob(found[0][0]) if found else None

    def some(self) -> tuple[str, bytes]:
        found = self._rows(
            "SELECT tile_column, tile_row, tile_data FROM tiles WHERE zoom_level = ? LIMIT 1", (self.zoom,)
        )
        if not found:
            raise InputError(f"tiles {self.name}", "holds no tile", "Check that it is complete")
        return f"{self.name}, tile {found[0][0]}/{found[0][1]}", self._blob(found[0][2])

    def _blob(self, value: Any) -> bytes:
        if not isinstance(value, bytes):
            raise InputError(f"tiles {self.name}", "has a tile that is no bytes", "Fetch it again")
        return value

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self._path}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["path"])  # type: ignore[misc]


def _zooms(folder: Path) -> list[int]:
    return [
        int(item.name)
        for item in folder.iterdir()
        if item.name.isdecimal() and item.is_dir() and int(item.name) <= 30
    ]


def is_pyramid(folder: Path) -> bool:
    """Whether a folder looks like {z}/{x}/{y}.png: a number in a number, with an image in it."""
    zooms = _zooms(folder)
    if not zooms:
        return False
    deepest = folder / str(max(zooms))
    column = next(
        (item for item in sorted(deepest.iterdir()) if item.is_dir() and item.name.isdecimal()), None
    )
    return column is not None and any(
        item.stem.isdecimal() and item.suffix.lower() in _SUFFIXES for item in column.iterdir()
    )


def mbtiles_kind(path: Path) -> str:
    """The format that an MBTiles file says its tiles have: png, jpg, webp, or pbf for vectors."""
    try:
        with contextlib.closing(open_sqlite(path)) as db:
            return str(dict(db.execute("SELECT name, value FROM metadata")).get("format", ""))
    except (sqlite3.Error, ValueError):
        return ""


def _is_tms(folder: Path) -> bool:
    """Rows count from the south where the folder's own description says so; XYZ is the usual way."""
    if (folder / "tilemapresource.xml").is_file():
        return True
    for name in ("metadata.json", "tile.json", "tilejson.json"):
        try:
            text = json.loads((folder / name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(text, dict) and "scheme" in text:
            return bool(text["scheme"] == "tms")
    return False


def _decode(data: bytes, thing: str, size: int | None) -> NDArray[np.uint8]:
    """Pixels [height, width, 1, 3 or 4] of a tile; its size is checked before it is decoded."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as picture:
            if (
                picture.width != picture.height
                or (size or picture.width) != picture.width
                or picture.width > 4096
            ):
                raise InputError(
                    thing,
                    f"is {picture.width} x {picture.height} pixels, not {size or 'a square of at most 4096'}",
                    "Give tiles of one size",
                )
            mode = (
                "RGBA"
                if picture.has_transparency_data
                else "L"
                if picture.mode in ("L", "1", "I;16")
                else "RGB"
            )
            pixels = np.asarray(picture.convert(mode))
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise InputError(
            thing, f"is no whole PNG, JPEG or WebP ({error})", "Fetch it again, or remove it"
        ) from error
    return pixels[..., None] if pixels.ndim == 2 else pixels


class PyramidSheet:
    """The deepest zoom of a pyramid as one raster in web Mercator; tiles that are missing are nodata."""

    def __init__(self, tiles: Tiles, limits: Limits) -> None:
        self._tiles = tiles
        name, data = tiles.some()
        first = _decode(data, f"tile {name}", None)
        self._size = first.shape[0]
        left, right, top, bottom = tiles.extent()
        self._corner = (left, top)
        width, height = (right - left + 1) * self._size, (bottom - top + 1) * self._size
        limits.check("pixels", width * height, f"tiles {tiles.name}")
        cell = 2 * _HALF_WORLD_M / ((1 << tiles.zoom) * self._size)
        place = Affine(
            cell,
            0,
            left * self._size * cell - _HALF_WORLD_M,
            0,
            -cell,
            _HALF_WORLD_M - top * self._size * cell,
        )
        gray = first.shape[2] == 1
        rows = "south" if getattr(tiles, "south_up", False) or isinstance(tiles, _MBTiles) else "north"
        self.info = SheetInfo(
            name=tiles.name,
            crs=CRS.from_epsg(3857),
            transform=place,
            width=width,
            height=height,
            dtype="uint8",
            colours=("gray",) if gray else ("red", "green", "blue"),
            has_mask=True,
            block=(self._size, self._size),
            notes=(
                f"zoom {tiles.zoom} of web Mercator tiles, {self._size} pixels each, rows from the {rows}",
            ),
        )
        self._kept: OrderedDict[tuple[int, int], NDArray[np.uint8] | None] = OrderedDict()
        self._lock = threading.Lock()

    def _pixels(self, column: int, row: int) -> NDArray[np.uint8] | None:
        with self._lock:
            if (column, row) in self._kept:
                self._kept.move_to_end((column, row))
                return self._kept[column, row]
            data = self._tiles.tile(column, row)
            thing = f"tile {self._tiles.zoom}/{column}/{row} of {self._tiles.name}"
            found = None if data is None else _decode(data, thing, self._size)
            self._kept[column, row] = found
            while len(self._kept) > _KEPT_TILES:
                self._kept.popitem(last=False)
            return found

    def read(self, cut: Cut, bands: tuple[int, ...], level: int = 0) -> Pixels:
        """See `Sheet.read`; there are no overviews."""
        size = self._size
        out = np.zeros((len(bands), cut.height, cut.width), np.uint8)
        valid = np.zeros((cut.height, cut.width), np.bool_)
        for row in range(cut.row // size, (cut.row + cut.height - 1) // size + 1):
            for column in range(cut.column // size, (cut.column + cut.width - 1) // size + 1):
                pixels = self._pixels(column + self._corner[0], row + self._corner[1])
                if pixels is None:
                    continue
                tile = Cut(column * size, row * size, size, size)
                part = tile.moved(-cut.column, -cut.row).meet(cut.width, cut.height)
                assert part is not None
                y, x = part.row + cut.row - tile.row, part.column + cut.column - tile.column
                piece = pixels[y : y + part.height, x : x + part.width]
                there = (
                    slice(part.row, part.row + part.height),
                    slice(part.column, part.column + part.width),
                )
                colour = [min(band, piece.shape[2] - 1) if piece.shape[2] < 3 else band for band in bands]
                out[(slice(None), *there)] = np.moveaxis(piece[..., colour], -1, 0)
                valid[there] = piece[..., 3] > 0 if piece.shape[2] == 4 else True
        return out, None if valid.all() else valid

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_lock": None, "_kept": OrderedDict()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=threading.Lock())


def open_pyramid(path: str, limits: Limits) -> PyramidSheet:
    """A folder of tiles or an .mbtiles file."""
    place = Path(path)
    if place.is_dir():
        return PyramidSheet(_FolderTiles(place), limits)
    try:
        with place.open("rb") as file:
            head = file.read(16)
    except OSError as error:
        raise InputError(f"tiles {path}", f"cannot be opened ({error.strerror})", "Check the path") from error
    if head != b"SQLite format 3\x00":
        raise InputError(
            f"tiles {path}", "the content is not MBTiles", "Check that the file is what its suffix says"
        )
    return PyramidSheet(_MBTiles(place), limits)
