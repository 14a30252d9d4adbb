"""One LAS, LAZ or COPC file: opened, indexed on first use, read chunk by chunk."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from geovision.confine import reading
from geovision.errors import InputError
from geovision.sources.byte_source import byte_size, open_bytes
from geovision.sources.copc import read_octree
from geovision.sources.grid import Bounds, overlaps, widened
from geovision.sources.las_chunks import decode_chunk, read_chunks
from geovision.sources.las_header import LasHeader, parse_header
from geovision.sources.limits import Limits
from geovision.sources.point_block import PointBlock
from geovision.sources.point_crs import PointFrame, frame_of
from geovision.sources.remote_files import version_of

__all__ = ["SUFFIXES", "ChunkCache", "PointFile", "Wanted"]

SUFFIXES = (".las", ".laz")
_STATED_SLACK = 1.0
"""Units by which points may lie outside the bounds that their header states: some writers round them."""


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


class PointFile:
    """One file. Plan coordinates are in its own CRS and unit; heights are metres."""

    def __init__(self, name: str, crs: str | None, wanted: Wanted, cache: ChunkCache, limits: Limits) -> None:
        self.name = name
        self._thing = f"points {name}"
        self._wanted = wanted
        self._cache = cache
        reading(self._thing)
        self._chunk_bounds: NDArray[np.float64] | None = None
        self._spacing: NDArray[np.float64] | None = None
        with open_bytes(name, self._thing) as file:
            self._version = version_of(file)
            self.header: LasHeader = parse_header(file, name, byte_size(file))
            limits.check("points", self.header.count, self._thing)
            if self.header.copc is not None:
                self._chunks, self._chunk_bounds, self._spacing = read_octree(file, self.header)
            else:
                self._chunks = read_chunks(file, self.header)
        self.frame: PointFrame = frame_of(self.header, crs)
        self._stated = _stated_bounds(self.header)

    @property
    def count(self) -> int:
        """Points in the file, unwanted ones included."""
        return self.header.count

    @property
    def bounds(self) -> Bounds | None:
        """As the header has them; where it has none, of the points themselves. None where there are none."""
        if self._stated is not None or not self.count:
            return self._stated
        boxes = self._boxes()
        boxes = boxes[boxes[:, 0] <= boxes[:, 2]]
        if not len(boxes):
            return None
        return Bounds(*boxes[:, :2].min(axis=0).tolist(), *boxes[:, 2:].max(axis=0).tolist())

    @property
    def notes(self) -> tuple[str, ...]:
        """What was assumed about the file."""
        return tuple(f"{self.name}: {note}" for note in self.frame.notes)

    def classes(self) -> set[int]:
        """Classes in its first, middle and last chunk: what the file is classified into."""
        last = len(self._chunks) - 1
        found: set[int] = set()
        with open_bytes(self.name, self._thing, self._version) as file:
            for number in sorted({0, last // 2, last}) if last >= 0 else []:
                found |= set(np.unique(self._block(file, number).classification).tolist())
        return found

    def blocks(self, window: Bounds | None = None, spacing: float | None = None) -> Iterator[PointBlock]:
        """The points chunk by chunk; of a window, only chunks that meet it are decoded.

        The first window that covers only a part of a file without an octree decodes it once, to learn where
        its chunks lie.

        Args:
            window: in the file's own CRS; the eastern and northern borders are not in it.
            spacing: of COPC, levels finer than this distance between points are left out.
        """
        chosen = self._chosen(window, spacing)
        with open_bytes(self.name, self._thing, self._version) as file:
            for number in chosen:
                block = self._block(file, number)
                if window is not None:
                    x, y = block.xyz[:, 0], block.xyz[:, 1]
                    inside = (x >= window.west) & (x < window.east)
                    inside &= (y >= window.south) & (y < window.north)
                    block = block if inside.all() else block.take(inside)
                if len(block):
                    yield block

    def meets(self, window: Bounds) -> bool:
        """Whether there may be points in the window."""
        bounds = self.bounds
        return bounds is not None and overlaps(widened(bounds, _STATED_SLACK), window)

    def _chosen(self, window: Bounds | None, spacing: float | None) -> list[int]:
        chosen = np.ones(len(self._chunks), bool)
        if spacing is not None and self._spacing is not None:
            # The level that first reaches the spacing is still needed, and the root always.
            chosen &= self._spacing > min(spacing / 2, 0.75 * float(self._spacing.max(initial=0.0)))
        if window is not None and not self._inside(window):
            boxes = self._boxes()
            chosen &= (boxes[:, 0] < window.east) & (boxes[:, 2] >= window.west)
            chosen &= (boxes[:, 1] < window.north) & (boxes[:, 3] >= window.south)
        return [int(number) for number in np.flatnonzero(chosen)]

    def _inside(self, window: Bounds) -> bool:
        if self._stated is None or len(self._chunks) < 2:
            return self._stated is not None
        west, south, east, north = widened(self._stated, _STATED_SLACK)
        return west >= window.west and east < window.east and south >= window.south and north < window.north

    def _boxes(self) -> NDArray[np.float64]:
        """[chunks, 4] bounds of each chunk; the first use decodes them all."""
        if self._chunk_bounds is None:
            boxes = np.full((len(self._chunks), 4), np.inf)
            boxes[:, 2:] = -np.inf
            with open_bytes(self.name, self._thing, self._version) as file:
                for number in range(len(self._chunks)):
                    xy = self._block(file, number).xyz[:, :2]
                    if len(xy):
                        boxes[number] = xy[:, 0].min(), xy[:, 1].min(), xy[:, 0].max(), xy[:, 1].max()
            self._chunk_bounds = boxes
        return self._chunk_bounds

    def _block(self, file: BinaryIO, number: int) -> PointBlock:
        from geovision import _kernel

        held = self._cache.get((self.name, number))
        if held is not None:
            return held
        header = self.header
        reading(self._thing)
        columns = _kernel.unpack_points(
            decode_chunk(file, header, self._chunks, number),
            header.point_format,
            header.scale.tolist(),
            header.offset.tolist(),
            self._wanted.drop_flags,
            self._wanted.drop_classes,
        )
        self._check_inside(columns.pop("bounds"))
        if self.frame.height_m != 1.0:
            columns["xyz"][:, 2] *= self.frame.height_m
        block = PointBlock(**columns)
        self._cache.put((self.name, number), block)
        return block

    def _check_inside(self, bounds: list[float]) -> None:
        """Windows skip files by their headers: one that is wrong would lose points without a word."""
        if self._stated is None or bounds[0] > bounds[3]:
            return
        low, high = self._stated[:2], self._stated[2:]
        slack = _STATED_SLACK
        outside = any(bounds[k] < low[k] - slack or bounds[k + 3] > high[k] + slack for k in (0, 1))
        if outside:
            found = Bounds(bounds[0], bounds[1], bounds[3], bounds[4])
            raise InputError(
                self._thing,
                f"points lie at {found}, outside the bounds that its header states, {self._stated}",
                "Write the file anew, for example with pdal translate; its header is wrong or it is damaged",
            )


def _stated_bounds(header: LasHeader) -> Bounds | None:
    """None where the header's bounds cannot be those of its points."""
    low, high = header.low[:2], header.high[:2]
    empty = not header.count or not np.any(np.concatenate([low, high]))
    if empty or not np.isfinite([*low, *high]).all() or (low > high).any():
        return None
    return Bounds(*low.tolist(), *high.tolist())
