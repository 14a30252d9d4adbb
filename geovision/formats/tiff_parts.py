"""Tiles of a GeoTIFF, compressed by GDAL a row of tiles at a time, and put together to one file without it.

A cloud-optimised file begins with its directories and holds the coarsest overview first, so all sizes must be
known before its first byte. Here every tile is compressed once, kept as it is, and copied into its place.
"""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from geovision.errors import InputError

__all__ = ["TILE", "Directory", "Layout", "Tag", "directories", "encode", "template", "write_tiff"]

TILE = 512
"""Pixels a side of a tile."""

_WIDTH, _HEIGHT, _SUBFILE = 256, 257, 254
_OFFSETS, _SIZES = 324, 325
# Of the first directory alone: place on Earth, metadata, nodata.
_OF_THE_FIRST = (33550, 33922, 34264, 34735, 34736, 34737, 42112)
_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 16: 8}
_SHORT, _LONG, _LONG8 = 3, 4, 16
_STRUCTURE = (
    b"LAYOUT=IFDS_BEFORE_DATA\nBLOCK_ORDER=ROW_MAJOR\nBLOCK_LEADER=SIZE_AS_UINT4\n"
    b"BLOCK_TRAILER=LAST_4_BYTES_REPEATED\nKNOWN_INCOMPATIBLE_EDITION=NO\n "
)
# Before a tile its size, behind it its last four bytes again: readers over a network see where it ends.
_LEADER, _TRAILER = 4, 4
# Classic files end at 4 GiB.
_CLASSIC_BYTES = 0xFFFF0000


@dataclass(frozen=True)
class Tag:
    """A value of a directory, as bytes."""

    type: int
    count: int
    data: bytes


Directory = dict[int, Tag]


@dataclass(frozen=True)
class Layout:
    """How tiles are stored, and where the raster lies."""

    bands: int
    dtype: str
    transform: tuple[float, float, float, float, float, float]
    crs: str | None = None
    names: tuple[str, ...] = ()
    masked: bool = True
    """A mask beside the bands says where data is."""
    compress: str = "zstd"
    level: int = 1
    tags: Mapping[str, str] = field(default_factory=dict)
    """Texts to keep in the file."""

    def options(self, rows: int, columns: int) -> dict[str, Any]:
        """What GDAL is asked for."""
        import rasterio

        kind = np.dtype(self.dtype).kind
        return {
            "driver": "GTiff",
            "count": self.bands,
            "height": rows,
            "width": columns,
            "dtype": self.dtype,
            "crs": self.crs,
            "transform": rasterio.Affine(*self.transform),
            "tiled": True,
            "blockxsize": TILE,
            "blockysize": TILE,
            # Bands apart: whoever wants one reads one, and they compress better so.
            "interleave": "band",
            "compress": self.compress,
            "zstd_level" if self.compress == "zstd" else "zlevel": self.level,
            "predictor": 3 if kind == "f" else 2,
            "photometric": "minisblack",
            "num_threads": 1,
            "sparse_ok": True,
        }


def template(layout: Layout) -> tuple[Directory, Directory | None]:
    """Directories of the raster and of its mask, as GDAL writes them."""
    ones = np.full((TILE, TILE), 255, np.uint8)
    return _first_two(directories(_file(layout, TILE, TILE, None, ones if layout.masked else None)))


def _first_two(found: Sequence[Directory]) -> tuple[Directory, Directory | None]:
    return found[0], found[1] if len(found) > 1 else None


def encode(
    layout: Layout, pixels: npt.NDArray[Any] | None, valid: npt.NDArray[np.bool_] | None
) -> tuple[list[bytes], list[bytes]]:
    """Tiles of a row of tiles: of each band from left to right, and of the mask.

    Args:
        layout: how.
        pixels: [bands, rows, columns] with at most `TILE` rows.
        valid: [rows, columns].
    """
    given = pixels if pixels is not None else valid
    assert given is not None
    rows, columns = given.shape[-2:]
    mask = None if valid is None else valid.view(np.uint8) * np.uint8(255)
    data = _file(layout, rows, columns, pixels, mask)
    first, second = _first_two(directories(data))
    return list(_tiles(data, first)), [] if second is None else list(_tiles(data, second))


def _file(
    layout: Layout,
    rows: int,
    columns: int,
    pixels: npt.NDArray[Any] | None,
    mask: npt.NDArray[np.uint8] | None,
) -> bytes:
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning
    from rasterio.io import MemoryFile

    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True, GDAL_NUM_THREADS="1"),
        warnings.catch_warnings(),
        MemoryFile() as memory,
    ):
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with memory.open(**layout.options(rows, columns)) as dataset:
            if layout.names:
                dataset.descriptions = layout.names
            if layout.tags:
                dataset.update_tags(**layout.tags)
            if pixels is not None:
                dataset.write(pixels)
            if mask is not None:
                dataset.write_mask(mask)
        return bytes(memory.getbuffer())


def directories(data: bytes) -> list[Directory]:
    """The directories of a classic little-endian TIFF, such as GDAL writes to memory here."""
    if data[:4] != b"II*\x00":
        raise InputError("raster in memory", "is no classic TIFF", "Report this; GDAL writes another form")
    found: list[Directory] = []
    (at,) = struct.unpack_from("<I", data, 4)
    while at:
        (count,) = struct.unpack_from("<H", data, at)
        found.append({})
        for index in range(count):
            place = at + 2 + 12 * index
            tag, kind, number = struct.unpack_from("<HHI", data, place)
            size = _TYPE_BYTES[kind] * number
            start = place + 8 if size <= 4 else struct.unpack_from("<I", data, place + 8)[0]
            found[-1][tag] = Tag(kind, number, data[start : start + size])
        (at,) = struct.unpack_from("<I", data, at + 2 + 12 * count)
    return found


def _numbers(tag: Tag) -> list[int]:
    kind = {_SHORT: "<u2", _LONG: "<u4", _LONG8: "<u8"}[tag.type]
    return [int(value) for value in np.frombuffer(tag.data, kind)]


def _tiles(data: bytes, directory: Directory) -> Iterator[bytes]:
    for offset, size in zip(_numbers(directory[_OFFSETS]), _numbers(directory[_SIZES]), strict=True):
        yield data[offset : offset + size]


@dataclass(frozen=True)
class Image:
    """One directory of the file: a level, or the mask of one."""

    base: Directory
    rows: int
    columns: int
    sizes: npt.NDArray[np.int64]
    """Bytes of its tiles, band by band, row by row."""
    subfile: int
    """1: an overview, 4: a mask, 5: both."""


def write_tiff(file: BinaryIO, images: Sequence[Image], data: Sequence[Iterable[bytes]]) -> None:
    """Write directories in the given order, then the tiles of the last image first.

    Args:
        file: at its beginning.
        images: full resolution, its mask, the first overview, its mask, and so on.
        data: tiles of each image in the order of `Image.sizes`.
    """
    total = sum(int(_room(image).sum()) for image in images)
    tags = sum(len(tag.data) for image in images for tag in image.base.values())
    tiles = sum(len(image.sizes) for image in images)
    large = total + tags + 64 * tiles + (1 << 16) > _CLASSIC_BYTES
    ghost = f"GDAL_STRUCTURAL_METADATA_SIZE={len(_STRUCTURE):06d} bytes\n".encode() + _STRUCTURE
    first = (16 if large else 8) + len(ghost)
    first += first % 2
    blank = [_directory(image, np.zeros(len(image.sizes), np.int64)) for image in images]
    at = first
    for directory in blank:
        at += len(_pack(directory, at, 0, large))
    offsets: list[npt.NDArray[np.int64]] = [np.zeros(0, np.int64)] * len(images)
    for index in reversed(range(len(images))):
        room = _room(images[index])
        ends = at + np.cumsum(room)
        offsets[index] = np.where(room > 0, ends - room + _LEADER, 0)
        at = int(ends[-1])
    head = struct.pack("<2sHHHQ", b"II", 43, 8, 0, first) if large else struct.pack("<2sHI", b"II", 42, first)
    file.write((head + ghost).ljust(first, b"\x00"))
    at = first
    for index, image in enumerate(images):
        full = _directory(image, offsets[index])
        size = len(_pack(full, at, 0, large))
        file.write(_pack(full, at, at + size if index < len(images) - 1 else 0, large))
        at += size
    for index in reversed(range(len(images))):
        for tile in data[index]:
            if tile:
                file.write(struct.pack("<I", len(tile)))
                file.write(tile)
                file.write(tile[-_TRAILER:].rjust(_TRAILER, b"\x00"))


def _room(image: Image) -> npt.NDArray[np.int64]:
    """Bytes that each tile takes in the file. A tile of zeros is left out, and has neither size nor place."""
    return np.where(image.sizes > 0, image.sizes + _LEADER + _TRAILER, 0)


def _directory(image: Image, offsets: npt.NDArray[np.int64]) -> Directory:
    out = dict(image.base)
    if image.subfile:
        out = {tag: value for tag, value in out.items() if tag not in _OF_THE_FIRST}
        out[_SUBFILE] = Tag(_LONG, 1, struct.pack("<I", image.subfile))
    out[_WIDTH] = Tag(_LONG, 1, struct.pack("<I", image.columns))
    out[_HEIGHT] = Tag(_LONG, 1, struct.pack("<I", image.rows))
    out[_OFFSETS] = Tag(_LONG8, len(offsets), offsets.astype("<u8").tobytes())
    out[_SIZES] = Tag(_LONG, len(offsets), image.sizes.astype("<u4").tobytes())
    return out


def _pack(directory: Directory, at: int, following: int, large: bool) -> bytes:
    """A directory that lies at `at`, with its long values behind it."""
    room, entry = (8, 20) if large else (4, 12)
    count = len(directory)
    behind = at + (8 if large else 2) + entry * count + room
    entries, values = b"", b""
    for number in sorted(directory):
        tag = directory[number]
        kind, data = tag.type, tag.data
        if kind == _LONG8 and not large:
            kind, data = _LONG, np.frombuffer(data, "<u8").astype("<u4").tobytes()
        if len(data) > room:
            place = behind + len(values)
            values += data + b"\x00" * (len(data) % 2)
            data = struct.pack("<Q" if large else "<I", place)
        entries += struct.pack("<HHQ" if large else "<HHI", number, kind, tag.count) + data.ljust(
            room, b"\x00"
        )
    start = struct.pack("<Q" if large else "<H", count)
    return start + entries + struct.pack("<Q" if large else "<I", following) + values
