"""Cloud-optimised GeoTIFFs written from the top down in one pass, at any height, and resumed after a kill.

Rows of tiles are kept as checked parts in a folder until the file is put together, so memory goes with the
width alone, and a file that was resumed is the same bytes as one that was not.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from geovision.errors import InputError, OutputError
from geovision.formats.atomic import atomic_write
from geovision.formats.tiff_parts import TILE, Image, Layout, encode, template, write_tiff

__all__ = ["CogWriter", "Layout", "halved", "work_folder"]

_MAGIC = b"GEOVISION PART 1\n"
_REMEDY = "Check that the folder exists, may be written to and has space"


def work_folder(path: str | os.PathLike[str]) -> Path:
    """Where the parts of a file lie until it is whole: a hidden folder beside it."""
    target = Path(path)
    return target.with_name(f".{target.name}.parts")


class CogWriter:
    """Takes rows from the top down, and publishes the file at once when all are in.

    Args:
        folder: for the parts; made if it is not there, and removed by `publish`.
        layout: how pixels are stored, and where they lie.
        rows: of the raster.
        columns: of the raster.
        key: what the pixels depend on, as text; parts of another key are discarded.
    """

    def __init__(self, folder: Path, layout: Layout, rows: int, columns: int, key: str = "") -> None:
        self.layout, self.rows, self.columns = layout, rows, columns
        self._folder = folder
        self._template = template(layout)
        self._key = hashlib.sha256(f"{key}\n{layout}\n{rows} {columns}".encode()).hexdigest()
        self._solid: dict[tuple[int, int], list[bytes]] = {}
        _prepare(folder, self._key)
        self._levels = [_Level(self, number, *shape) for number, shape in enumerate(_shapes(rows, columns))]
        self.rows_done = 0
        """Rows that need not be given again; a multiple of `TILE`, or all."""
        self._resume()
        self._waiting: list[tuple[npt.NDArray[Any], npt.NDArray[np.bool_] | None]] = []
        self._given = self.rows_done

    def write(self, pixels: npt.NDArray[Any], valid: npt.NDArray[np.bool_] | None = None) -> None:
        """Give the next rows: [bands, rows, columns], and [rows, columns] True where there is data."""
        want = (self.layout.bands, pixels.shape[-2], self.columns)
        if pixels.shape != want or self._given + want[1] > self.rows:
            raise InputError(
                f"raster in {self._folder}",
                f"pixels of shape {pixels.shape} after row {self._given} do not fit "
                f"{(self.layout.bands, self.rows, self.columns)}",
                "Give all columns of the next rows",
            )
        self._given += want[1]
        self._waiting.append((pixels, valid))
        held = sum(item[0].shape[1] for item in self._waiting)
        last = self._given == self.rows
        if held >= TILE or last:
            whole = _joined(self._waiting)
            kept = held if last else held // TILE * TILE
            rest = slice(kept, held)
            # A copy, so that the array it was cut from can go.
            self._waiting = [(whole[0][:, rest].copy(), None if whole[1] is None else whole[1][rest].copy())]
            mask = whole[1]
            self._levels[0].add(whole[0][:, :kept], None if mask is None else mask[:kept], last=last)

    def publish(self, path: str | os.PathLike[str]) -> None:
        """Put the file together under its name, and remove the parts."""
        if self._given != self.rows:
            raise OutputError(
                f"raster {path}", f"has {self._given} of {self.rows} rows", "Give the others first"
            )
        images, data = [], []
        base, mask = self._template
        for level in self._levels:
            overview = 1 if level.number else 0
            images.append(Image(base, level.rows, level.columns, level.sizes(self.layout.bands), overview))
            data.append(level.tiles(self.layout.bands))
            if mask is not None:
                images.append(Image(mask, level.rows, level.columns, level.sizes(0), overview | 4))
                data.append(level.tiles(0))
        with atomic_write(path) as file:
            write_tiff(file, images, data)
        shutil.rmtree(self._folder, ignore_errors=True)

    def encode(
        self, pixels: npt.NDArray[Any], valid: npt.NDArray[np.bool_] | None
    ) -> tuple[list[bytes], list[bytes]]:
        """Tiles of one row of tiles. The mask of a full one is made once."""
        if not self.layout.masked:
            return encode(self.layout, pixels, None)
        if valid is not None and not valid.all():
            return encode(self.layout, pixels, np.ascontiguousarray(valid))
        shape = (pixels.shape[1], pixels.shape[2])
        if shape not in self._solid:
            self._solid[shape] = encode(self.layout, None, np.ones(shape, np.bool_))[1]
        return encode(self.layout, pixels, None)[0], self._solid[shape]

    def part(self, level: int, number: int) -> Path:
        """File of a row of tiles."""
        return self._folder / f"{level:02d}-{number:06d}.part"

    def _resume(self) -> None:
        """Take over the parts that are whole, and calculate the overviews from them again."""
        first = self._levels[0]
        keep = 0
        while keep < first.count and _is_whole(self.part(0, keep)):
            keep += 1
        for path in self._folder.glob("*.part"):
            if not path.name.startswith("00-") or int(path.stem[3:]) >= keep:
                path.unlink()
        for number in range(keep):
            pixels, valid = self._decode(number)
            self.rows_done += pixels.shape[1]
            first.skip(pixels, valid, last=self.rows_done == self.rows)

    def _decode(self, number: int) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_] | None]:
        import io

        from rasterio.io import MemoryFile

        rows = min(TILE, self.rows - number * TILE)
        sizes, data = _read_part(self.part(0, number))
        across = -(-self.columns // TILE)
        split = across * self.layout.bands
        base, mask = self._template
        images = [Image(base, rows, self.columns, np.array(sizes[:split], np.int64), 0)]
        tiles = [data[:split]]
        if mask is not None:
            images.append(Image(mask, rows, self.columns, np.array(sizes[split:], np.int64), 4))
            tiles.append(data[split:])
        out = io.BytesIO()
        write_tiff(out, images, tiles)
        with MemoryFile(out.getvalue()) as memory, memory.open(driver="GTiff") as dataset:
            pixels = dataset.read()
            valid = dataset.dataset_mask() > 0 if mask is not None else None
        return pixels, None if valid is None or valid.all() else valid


class _Level:
    """Full resolution or an overview: rows in, parts out, and every second row and column to the next."""

    def __init__(self, writer: CogWriter, number: int, rows: int, columns: int) -> None:
        self.number, self.rows, self.columns = number, rows, columns
        self.count = -(-rows // TILE)
        self._writer = writer
        self._next = 0
        self._held: list[tuple[npt.NDArray[Any], npt.NDArray[np.bool_] | None]] = []

    def add(self, pixels: npt.NDArray[Any], valid: npt.NDArray[np.bool_] | None, *, last: bool) -> None:
        """Rows of this level; `last` says that none follow."""
        self._held.append((pixels, valid))
        held = sum(item[0].shape[1] for item in self._held)
        if held < TILE and not last:
            return
        whole = _joined(self._held)
        self._held = []
        for start in range(0, held, TILE):
            stop = min(start + TILE, held)
            mask = None if whole[1] is None else whole[1][start:stop]
            if stop - start < TILE and not last:
                self._held = [(whole[0][:, start:stop], mask)]
                return
            self._emit(whole[0][:, start:stop], mask)
            self.skip(whole[0][:, start:stop], mask, last=last and stop == held)

    def skip(self, pixels: npt.NDArray[Any], valid: npt.NDArray[np.bool_] | None, *, last: bool) -> None:
        """A row of tiles that is there as a part: only the overviews still need it."""
        self._next += 1
        following = self.number + 1
        if following < len(self._writer._levels):
            self._writer._levels[following].add(*halved(pixels, valid), last=last)

    def _emit(self, pixels: npt.NDArray[Any], valid: npt.NDArray[np.bool_] | None) -> None:
        tiles, masks = self._writer.encode(pixels, valid)
        _write_part(self._writer.part(self.number, self._next), [*tiles, *masks], keep=self.number == 0)

    def _rows_of_tiles(self) -> Iterator[tuple[list[int], list[bytes]]]:
        for number in range(self.count):
            yield _read_part(self._writer.part(self.number, number))

    def sizes(self, bands: int) -> npt.NDArray[np.int64]:
        """Bytes of the tiles of all bands, in the order of the file; of the mask where bands is 0."""
        across = -(-self.columns // TILE)
        table = np.array(
            [_part_sizes(self._writer.part(self.number, n)) for n in range(self.count)], np.int64
        )
        split = across * self._writer.layout.bands
        if not bands:
            return table[:, split:].ravel()
        return table[:, :split].reshape(self.count, bands, across).swapaxes(0, 1).ravel()

    def tiles(self, bands: int) -> Iterator[bytes]:
        """The tiles themselves, in the same order."""
        across = -(-self.columns // TILE)
        for band in range(bands) if bands else [self._writer.layout.bands]:
            for number in range(self.count):
                path = self._writer.part(self.number, number)
                yield from _read_part(path, band * across, (band + 1) * across)[1]


def _shapes(rows: int, columns: int) -> list[tuple[int, int]]:
    """Rows and columns of full resolution and of overviews, until one fits a tile."""
    out = [(rows, columns)]
    while max(out[-1]) > TILE:
        out.append((-(-out[-1][0] // 2), -(-out[-1][1] // 2)))
    return out


def _joined(
    items: list[tuple[npt.NDArray[Any], npt.NDArray[np.bool_] | None]],
) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_] | None]:
    items = [item for item in items if item[0].shape[1]] or items[:1]
    if len(items) == 1:
        return items[0]
    pixels = np.concatenate([item[0] for item in items], axis=1)
    if all(item[1] is None for item in items):
        return pixels, None
    masks = [np.ones(item[0].shape[1:], np.bool_) if item[1] is None else item[1] for item in items]
    return pixels, np.concatenate(masks)


def halved(
    pixels: npt.NDArray[Any], valid: npt.NDArray[np.bool_] | None
) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_] | None]:
    """Means of two by two pixels, of those that have data.

    >>> halved(np.array([[[0, 4, 9], [8, 4, 9]]], np.uint8), None)[0].tolist()
    [[[4, 9]]]
    """
    rows, columns = pixels.shape[1:]
    if rows % 2 or columns % 2:
        # The last row and column stand for themselves.
        pixels = np.pad(pixels, ((0, 0), (0, rows % 2), (0, columns % 2)), mode="edge")
        if valid is not None:
            valid = np.pad(valid, ((0, rows % 2), (0, columns % 2)), mode="edge")
    if valid is None:
        return _mean_of_four(pixels), None
    count = _sum_of_four(valid[None].astype(np.uint16))
    zero = np.where(valid[None], pixels, 0)
    total = _sum_of_four(zero.astype(np.uint16) if pixels.dtype == np.uint8 else zero)
    some = np.maximum(count, 1)
    if pixels.dtype == np.uint8:
        return ((total + some // 2) // some).astype(np.uint8), count[0] > 0
    return (total / some).astype(pixels.dtype), count[0] > 0


def _sum_of_four(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    tall = values[:, 0::2] + values[:, 1::2]
    return np.asarray(tall[..., 0::2] + tall[..., 1::2])


def _mean_of_four(pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if pixels.dtype != np.uint8:
        return np.asarray(_sum_of_four(pixels) * 0.25, pixels.dtype)
    # Two bytes as one word: their sum needs no step from pixel to pixel.
    pairs = np.ascontiguousarray(pixels).view("<u2")
    wide = (pairs & 255) + (pairs >> 8)
    return np.asarray(((wide[:, 0::2] + wide[:, 1::2] + np.uint16(2)) >> 2).astype(np.uint8))


def _prepare(folder: Path, key: str) -> None:
    """An empty folder, or one with parts of the same raster."""
    note = folder / "key.txt"
    try:
        if folder.exists() and (not note.is_file() or note.read_text() != key):
            shutil.rmtree(folder)
        folder.mkdir(parents=True, exist_ok=True)
        if not note.is_file():
            with atomic_write(note) as file:
                file.write(key.encode())
    except OSError as error:
        raise OutputError(f"folder {folder}", f"cannot be made ({error.strerror})", _REMEDY) from error


def _write_part(path: Path, tiles: list[bytes], *, keep: bool) -> None:
    """Sizes and a hash, then the tiles. Parts that a later run may take over are forced to disk."""
    payload = b"".join(tiles)
    head = {"sizes": [len(tile) for tile in tiles], "sha256": hashlib.sha256(payload).hexdigest()}
    data = _MAGIC + json.dumps(head).encode() + b"\n" + payload
    if keep:
        with atomic_write(path) as file:
            file.write(data)
        return
    try:
        path.write_bytes(data)
    except OSError as error:
        raise OutputError(f"part {path}", f"cannot be written ({error.strerror})", _REMEDY) from error


def _head(path: Path) -> tuple[dict[str, Any], int]:
    with path.open("rb") as file:
        if file.readline(64) != _MAGIC:
            raise ValueError("no part")
        return json.loads(file.readline(1 << 24)), file.tell()


def _is_whole(path: Path) -> bool:
    try:
        head, start = _head(path)
        payload = path.read_bytes()[start:]
        return bool(
            hashlib.sha256(payload).hexdigest() == head["sha256"] and len(payload) == sum(head["sizes"])
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _part_sizes(path: Path) -> list[int]:
    return list(_head(path)[0]["sizes"])


def _read_part(path: Path, first: int = 0, last: int | None = None) -> tuple[list[int], list[bytes]]:
    """Sizes and bytes of tiles `first` to `last`."""
    head, start = _head(path)
    sizes = head["sizes"]
    wanted = sizes[first:last]
    with path.open("rb") as file:
        file.seek(start + sum(sizes[:first]))
        return wanted, [file.read(size) for size in wanted]
