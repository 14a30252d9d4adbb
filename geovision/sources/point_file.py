"""One LAS, LAZ or COPC file: opened, indexed on first use, read chunk by chunk."""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from geovision.errors import InputError
from geovision.sources.copc import read_octree
from geovision.sources.las_chunks import decode_chunk, read_chunks
from geovision.sources.las_header import LasHeader, parse_header
from geovision.sources.point_block import PointBlock
from geovision.sources.point_crs import PointFrame, frame_of

__all__ = ["ChunkCache", "PointFile", "Wanted"]

SUFFIXES = (".las", ".laz")
# A sample of a COPC file that tells whether it is classified: nodes from the root down to this many points.
_SAMPLE_POINTS = 200_000


@dataclass(frozen=True)
class Wanted:
    """What a reader leaves out: bits of `PointBlock.flags`, and classes."""

    drop_flags: int
    drop_classes: tuple[int, ...]


class ChunkCache:
    """The chunks that were decoded last, up to a number of bytes: neighbouring windows share them."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._held: OrderedDict[tuple[str, int], PointBlock] = OrderedDict()
        self._bytes = 0

    def get(self, key: tuple[str, int]) -> PointBlock | None:
        """The block, if it is held still."""
        block = self._held.get(key)
        if block is not None:
            self._held.move_to_end(key)
        return block

    def put(self, key: tuple[str, int], block: PointBlock) -> None:
        """Hold a block, and let go of those used longest ago."""
        self._held[key] = block
        self._bytes += block.nbytes
        while self._bytes > self._limit and self._held:
            _, gone = self._held.popitem(last=False)
            self._bytes -= gone.nbytes

    def __getstate__(self) -> dict[str, Any]:
        return {"_limit": self._limit, "_held": OrderedDict(), "_bytes": 0}


@dataclass
class Index:
    """What is known of the chunks once each has been seen."""

    bounds: NDArray[np.float64]
    """[chunks, 4] west, south, east, north; empty chunks have west above east."""
    classes: NDArray[np.int64]
    """[256] points per class; of COPC, those of a sample from the root."""
    multiple_returns: bool
    low_z: float
    high_z: float


class PointFile:
    """One file. Coordinates are its own, but for heights, which are metres."""

    def __init__(self, path: Path, crs: str | None, wanted: Wanted, cache: ChunkCache) -> None:
        self.name = str(path)
        self._path = path
        self._wanted = wanted
        self._cache = cache
        self._index: Index | None = None
        with self._open() as file:
            self.header: LasHeader = parse_header(file, self.name, path.stat().st_size)
            self._spacing: NDArray[np.float64] | None = None
            self._cubes: NDArray[np.float64] | None = None
            if self.header.copc is not None:
                self._chunks, self._cubes, self._spacing = read_octree(file, self.header)
            else:
                self._chunks = read_chunks(file, self.header)
        self.frame: PointFrame = frame_of(self.header, crs)

    @property
    def count(self) -> int:
        """Points in the file, unwanted ones included."""
        return self.header.count

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north: as the header has them, or from the points where that cannot be."""
        low, high = self.header.low, self.header.high
        if self._index is None and np.isfinite([*low, *high]).all() and (low[:2] <= high[:2]).all():
            return float(low[0]), float(low[1]), float(high[0]), float(high[1])
        west, south = self.index.bounds[:, :2].min(axis=0)
        east, north = self.index.bounds[:, 2:].max(axis=0)
        return float(west), float(south), float(east), float(north)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was assumed about the file."""
        return tuple(f"{self.name}: {note}" for note in self.frame.notes)

    @property
    def index(self) -> Index:
        """Bounds and classes by chunk; the first use decodes the file once (of COPC, only its top)."""
        if self._index is None:
            self._index = self._top_index() if self._cubes is not None else self._full_index()
        return self._index

    def blocks(
        self, window: tuple[float, float, float, float] | None = None, spacing: float | None = None
    ) -> Iterator[PointBlock]:
        """The points chunk by chunk; of a window, only chunks that meet it are decoded.

        Args:
            window: west, south, east, north (the last two not included) in the file's own CRS.
            spacing: of COPC, levels finer than this distance between points are left out.
        """
        with self._open() as file:
            for number in self._chosen(window, spacing):
                block = self._block(file, number)
                if window is not None:
                    x, y = block.xyz[:, 0], block.xyz[:, 1]
                    inside = (x >= window[0]) & (x < window[2]) & (y >= window[1]) & (y < window[3])
                    block = block if inside.all() else block.take(inside)
                if len(block):
                    yield block

    def _chosen(self, window: tuple[float, float, float, float] | None, spacing: float | None) -> list[int]:
        chosen = np.ones(len(self._chunks), bool)
        if spacing is not None and self._spacing is not None:
            # The level that first reaches the spacing is still needed.
            chosen &= self._spacing > spacing / 2
        if window is not None and len(self._chunks):
            bounds = self._cubes if self._cubes is not None else self.index.bounds
            chosen &= (bounds[:, 0] < window[2]) & (bounds[:, 2] >= window[0])
            chosen &= (bounds[:, 1] < window[3]) & (bounds[:, 3] >= window[1])
        return [int(number) for number in np.flatnonzero(chosen)]

    def _block(self, file: BinaryIO, number: int) -> PointBlock:
        from geovision import _kernel

        held = self._cache.get((self.name, number))
        if held is not None:
            return held
        records = decode_chunk(file, self.header, self._chunks, number)
        columns = _kernel.unpack_points(
            records,
            self.header.point_format,
            self.header.scale.tolist(),
            self.header.offset.tolist(),
            None,
            self._wanted.drop_flags,
            self._wanted.drop_classes,
        )
        columns.pop("dropped")
        if self.frame.height_m != 1.0:
            columns["xyz"][:, 2] *= self.frame.height_m
        block = PointBlock(**columns)
        self._cache.put((self.name, number), block)
        return block

    def _full_index(self) -> Index:
        bounds = np.full((len(self._chunks), 4), np.inf)
        bounds[:, 2:] = -np.inf
        seen = _Seen()
        with self._open() as file:
            for number in range(len(self._chunks)):
                block = self._block(file, number)
                if len(block):
                    bounds[number, :2] = block.xyz[:, :2].min(axis=0)
                    bounds[number, 2:] = block.xyz[:, :2].max(axis=0)
                    seen.add(block)
        return seen.index(bounds)

    def _top_index(self) -> Index:
        assert self._cubes is not None
        seen = _Seen()
        with self._open() as file:
            for number in range(len(self._chunks)):
                seen.add(self._block(file, number))
                if seen.count > _SAMPLE_POINTS:
                    break
        return seen.index(self._cubes)

    @contextlib.contextmanager
    def _open(self) -> Iterator[BinaryIO]:
        try:
            file = self._path.open("rb")
        except OSError as error:
            raise InputError(
                f"points {self.name}",
                f"cannot be opened ({error.strerror})",
                "Check the path and its permissions",
            ) from error
        with file:
            yield file


class _Seen:
    """Sums over the blocks of a file."""

    def __init__(self) -> None:
        self.count = 0
        self._classes = np.zeros(256, np.int64)
        self._multiple = False
        self._low, self._high = np.inf, -np.inf

    def add(self, block: PointBlock) -> None:
        if len(block):
            self.count += len(block)
            self._classes += np.bincount(block.classification, minlength=256)
            self._multiple |= bool((block.number_of_returns > 1).any())
            self._low = min(self._low, float(block.xyz[:, 2].min()))
            self._high = max(self._high, float(block.xyz[:, 2].max()))

    def index(self, bounds: NDArray[np.float64]) -> Index:
        return Index(bounds, self._classes, self._multiple, self._low, self._high)
