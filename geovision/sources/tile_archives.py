"""Where vector tiles lie: folders of {z}/{x}/{y}.pbf, MBTiles and PMTiles, as bytes by column and row."""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from geovision.errors import InputError
from geovision.sources.mvt import MAX_TILE_BYTES
from geovision.sources.names import leads_away
from geovision.sources.sqlite_file import open_sqlite

__all__ = ["TILE_SUFFIXES", "TileArchive", "is_tile_folder", "open_tile_archive"]

TILE_SUFFIXES = (".pbf", ".mvt")
_MAX_ZOOM = 24
_MAX_DIRECTORY_BYTES = 1 << 26
_MAX_DEPTH = 4
_MAX_ENTRIES = 20_000_000
"""Tiles and directory entries that are looked at in one PMTiles file."""

Span = tuple[int, int, int, int]
"""First and last column, first and last row."""


class TileArchive(Protocol):
    """Tiles of the highest zoom; columns grow to the east, rows to the south."""

    zoom: int

    def tiles(self, span: Span | None) -> Iterator[tuple[int, int, bytes]]:
        """Column, row and unpacked bytes, by row and then by column."""


def open_tile_archive(path: Path) -> TileArchive:
    """The tiles of a folder, an .mbtiles or a .pmtiles file."""
    if path.is_dir():
        return _Folder(path)
    return _PMTiles(path) if path.suffix.lower() == ".pmtiles" else _MBTiles(path)


def is_tile_folder(path: Path) -> bool:
    """Whether a folder holds vector tiles by zoom, column and row."""
    return path.is_dir() and any(
        next((tile for tile in zoom.glob("*/*") if tile.suffix in TILE_SUFFIXES), None)
        for zoom in path.iterdir()
        if zoom.name.isdigit() and zoom.is_dir()
    )


def _unpacked(data: bytes, thing: str) -> bytes:
    """Tiles may be packed with gzip or not, whatever the archive says of them."""
    if not data.startswith(b"\x1f\x8b"):
        return data
    return _gunzip(data, MAX_TILE_BYTES, thing)


def _gunzip(data: bytes, limit: int, thing: str) -> bytes:
    unpack = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        result = unpack.decompress(data, limit)
    except zlib.error as error:
        raise InputError(thing, f"cannot be unpacked ({error})", "Fetch the tileset again") from error
    if unpack.unconsumed_tail or not unpack.eof:
        problem = f"unpacks to more than {limit:,} bytes" if unpack.unconsumed_tail else "ends in mid-stream"
        raise InputError(thing, problem, "Fetch the tileset again")
    return result


def _within(column: int, row: int, span: Span | None) -> bool:
    return span is None or (span[0] <= column <= span[1] and span[2] <= row <= span[3])


class _Folder:
    """{z}/{x}/{y}.pbf; rows count from the south where metadata.json says `scheme: tms`."""

    def __init__(self, path: Path) -> None:
        zooms = [
            int(item.name)
            for item in path.iterdir()
            if item.name.isdigit() and len(item.name) <= 2 and item.is_dir()
        ]
        if not zooms or max(zooms) > _MAX_ZOOM:
            raise InputError(
                f"tiles {path}", "has no folders of zoom levels", "Give a folder of {z}/{x}/{y}.pbf"
            )
        self.zoom = max(zooms)
        self._path = path / str(self.zoom)
        self._south = _says_tms(path / "metadata.json")

    def tiles(self, span: Span | None) -> Iterator[tuple[int, int, bytes]]:
        """As `TileArchive` says."""
        found = []
        for file in self._path.glob("*/*"):
            if file.suffix not in TILE_SUFFIXES or not (file.stem.isdigit() and file.parent.name.isdigit()):
                continue
            column, row = int(file.parent.name), int(file.stem)
            row = (1 << self.zoom) - 1 - row if self._south else row
            if _within(column, row, span):
                found.append((row, column, file))
        for row, column, file in sorted(found):
            if file.stat().st_size > MAX_TILE_BYTES:
                raise InputError(f"tile {file}", f"has over {MAX_TILE_BYTES:,} bytes", "Mend the tileset")
            if leads_away(file, self._path):
                raise InputError(f"tile {file}", "links out of its folder", "Give a folder with its tiles")
            yield column, row, _unpacked(file.read_bytes(), f"tile {file}")


def _says_tms(path: Path) -> bool:
    try:
        return path.stat().st_size < 1 << 20 and json.loads(path.read_bytes()).get("scheme") == "tms"
    except (OSError, ValueError, AttributeError):
        return False


class _MBTiles:
    """SQLite with a table `tiles`; its rows count from the south."""

    def __init__(self, path: Path) -> None:
        self._path = path
        kinds = [str(value) for (value,) in self._rows("select value from metadata where name = 'format'")]
        if kinds and kinds[0] not in ("pbf", "mvt"):
            raise InputError(
                f"tiles {path}",
                f"holds {kinds[0]} tiles, not vector tiles",
                "Give it as an image, not as footprints",
            )
        ((zoom,),) = self._rows("select max(zoom_level) from tiles")
        if not isinstance(zoom, int) or not 0 <= zoom <= _MAX_ZOOM:
            raise InputError(f"tiles {path}", "holds no tiles", "Give a tileset with tiles in it")
        self.zoom = zoom

    def _rows(self, query: str, values: tuple[int, ...] = ()) -> list[tuple[Any, ...]]:
        try:
            with closing(open_sqlite(self._path)) as base:
                return base.execute(query, values).fetchall()
        except (sqlite3.Error, OverflowError, ValueError) as error:
            raise InputError(
                f"tiles {self._path}", f"cannot be read as MBTiles ({error})", "Check that it is whole"
            ) from error

    def tiles(self, span: Span | None) -> Iterator[tuple[int, int, bytes]]:
        """As `TileArchive` says."""
        places = self._rows(
            "select tile_column, tile_row from tiles where zoom_level = ? order by tile_row desc, 1",
            (self.zoom,),
        )
        for column, south in places:
            if not (isinstance(column, int) and isinstance(south, int)):
                continue  # SQLite keeps text in a column of numbers
            row = (1 << self.zoom) - 1 - south
            if not _within(column, row, span):
                continue
            query = (
                "select tile_data from tiles where zoom_level = ? and tile_column = ? and tile_row = ? "
                "and length(tile_data) <= ?"
            )
            for (data,) in self._rows(query, (self.zoom, column, south, MAX_TILE_BYTES)):
                if not isinstance(data, bytes):
                    raise InputError(
                        f"tile {self.zoom}/{column}/{row} of {self._path}", "is no bytes", "Mend the tileset"
                    )
                yield (
                    int(column),
                    row,
                    _unpacked(data, f"tile {self.zoom}/{column}/{row} of {self._path}"),
                )


@dataclass(frozen=True)
class _Entry:
    tile: int
    offset: int
    length: int
    run: int


class _PMTiles:
    """PMTiles version 3: a header, directories of Hilbert-ordered tiles, and their bytes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._looked = 0
        head = self._bytes(0, 127)
        if not head.startswith(b"PMTiles") or len(head) < 127:
            raise InputError(
                f"tiles {path}", "the content is not PMTiles", "Check that the file is what its suffix says"
            )
        if head[7] != 3:
            raise InputError(f"tiles {path}", f"is PMTiles version {head[7]}", "Convert it to version 3")
        numbers = [int.from_bytes(head[at : at + 8], "little") for at in range(8, 72, 8)]
        self._root, self._leaves, self._data = (numbers[0], numbers[1]), numbers[4], numbers[6]
        self._packed = head[97]
        if head[99] != 1:
            raise InputError(
                f"tiles {path}", "holds images, not vector tiles", "Give it as an image, not as footprints"
            )
        if self._packed not in (1, 2) or head[98] not in (0, 1, 2):
            raise InputError(
                f"tiles {path}", "is packed with brotli or zstd", "Convert it to gzip (pmtiles convert)"
            )
        self.zoom = head[101]
        if self.zoom > _MAX_ZOOM:
            raise InputError(f"tiles {path}", f"claims zoom {self.zoom}", f"Up to {_MAX_ZOOM} is read")

    def _bytes(self, offset: int, length: int) -> bytes:
        try:
            with self._path.open("rb") as file:
                file.seek(min(offset, 1 << 62))
                return file.read(length)
        except OSError as error:
            raise InputError(
                f"tiles {self._path}", f"cannot be read ({error})", "Check its permissions"
            ) from error

    def _directory(self, offset: int, length: int) -> list[_Entry]:
        thing = f"a directory of {self._path}"
        if length > _MAX_DIRECTORY_BYTES:
            raise InputError(thing, f"claims {length:,} bytes", "Check that the file is whole")
        data = self._bytes(offset, length)
        if self._packed == 2:
            data = _gunzip(data, _MAX_DIRECTORY_BYTES, thing)
        return _entries(data, thing)

    def _spend(self, count: int) -> None:
        self._looked += count
        if self._looked > _MAX_ENTRIES:
            raise InputError(
                f"tiles {self._path}", f"claims over {_MAX_ENTRIES:,} tiles", "Give a smaller tileset"
            )

    def _walk(self, offset: int, length: int, depth: int, low: int, high: int) -> Iterator[_Entry]:
        """Entries of tiles from `low` to `high`, leaves read on the way."""
        if depth > _MAX_DEPTH:
            raise InputError(
                f"tiles {self._path}", "nests its directories too deep", "Check that the file is whole"
            )
        entries = self._directory(offset, length)
        self._spend(len(entries))
        for index, entry in enumerate(entries):
            after = entries[index + 1].tile if index + 1 < len(entries) else high + 1
            if entry.tile > high or (after <= low and not entry.run):
                continue
            if entry.run:
                yield entry
            else:
                yield from self._walk(self._leaves + entry.offset, entry.length, depth + 1, low, high)

    def tiles(self, span: Span | None) -> Iterator[tuple[int, int, bytes]]:
        """As `TileArchive` says."""
        low = ((1 << 2 * self.zoom) - 1) // 3
        high = ((1 << 2 * (self.zoom + 1)) - 1) // 3 - 1
        found: list[tuple[int, int, _Entry]] = []
        self._looked = 0
        for entry in self._walk(self._root[0], self._root[1], 0, low, high):
            run = range(max(entry.tile, low), min(entry.tile + entry.run - 1, high) + 1)
            self._spend(len(run))
            for tile in run:
                column, row = _hilbert(tile - low, self.zoom)
                if _within(column, row, span):
                    found.append((row, column, entry))
        for row, column, entry in sorted(found, key=lambda item: item[:2]):
            thing = f"tile {self.zoom}/{column}/{row} of {self._path}"
            if entry.length > MAX_TILE_BYTES:
                raise InputError(thing, f"claims {entry.length:,} bytes", "Check that the file is whole")
            data = self._bytes(self._data + entry.offset, entry.length)
            if len(data) != entry.length:
                raise InputError(
                    thing, "lies behind the end of the file", "Fetch the file again: it is cut off"
                )
            yield column, row, _unpacked(data, thing)


def _entries(data: bytes, thing: str) -> list[_Entry]:
    numbers: list[int] = []
    value = shift = 0
    for byte in data:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            numbers.append(value)
            value = shift = 0
        elif shift > 63:
            break
    count = numbers[0] if numbers else 0
    if shift or len(numbers) != 1 + 4 * count:
        raise InputError(thing, "is broken", "Fetch the file again")
    columns = [numbers[1 + count * part : 1 + count * (part + 1)] for part in range(4)]
    entries: list[_Entry] = []
    tile = 0
    for step, run, length, place in zip(*columns, strict=True):
        tile += step
        offset = place - 1
        if place == 0:
            offset = entries[-1].offset + entries[-1].length if entries else 0
        entries.append(_Entry(tile, offset, length, run))
    return entries


def _hilbert(place: int, zoom: int) -> tuple[int, int]:
    """Column and row of a place along the Hilbert curve of a zoom level."""
    x = y = 0
    for level in range(zoom):
        size = 1 << level
        turn_x = 1 & (place >> 1)
        turn_y = 1 & (place ^ turn_x)
        if turn_y == 0:
            if turn_x:
                x, y = size - 1 - x, size - 1 - y
            x, y = y, x
        x += size * turn_x
        y += size * turn_y
        place >>= 2
    return x, y
