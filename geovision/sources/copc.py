"""The octree of a COPC file: which chunk covers what, and how dense it is (COPC 1.0, section 5)."""

from __future__ import annotations

from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from geovision.errors import InputError
from geovision.sources.las_chunks import Chunks, check_chunks
from geovision.sources.las_header import LasHeader

__all__ = ["read_octree"]

_ENTRY = np.dtype([("key", "<i4", 4), ("offset", "<u8"), ("size", "<i4"), ("count", "<i4")])
_MAX_DEPTH = 40
_COMPLETE = "Get the file again: it looks damaged or cut short"


def read_octree(file: BinaryIO, header: LasHeader) -> tuple[Chunks, NDArray[np.float64], NDArray[np.float64]]:
    """Chunks in a fixed order (depth, then key), their plan bounds [n, 4], and their point spacing [n]."""
    entries = _entries(file, header)
    entries = np.sort(entries[entries["count"] > 0], order=["key"])
    copc = header.copc
    assert copc is not None
    chunks = Chunks(
        entries["offset"].astype(np.int64),
        entries["size"].astype(np.int64),
        entries["count"].astype(np.int64),
    )
    check_chunks(chunks, header)
    depth = entries["key"][:, 0].astype(np.float64)
    side = 2 * copc.halfsize / 2.0**depth
    west = copc.centre[0] - copc.halfsize + entries["key"][:, 1] * side
    south = copc.centre[1] - copc.halfsize + entries["key"][:, 2] * side
    return chunks, np.stack([west, south, west + side, south + side], axis=1), copc.spacing / 2.0**depth


def _entries(file: BinaryIO, header: LasHeader) -> NDArray[np.void]:
    """Every entry of every page; a page that points at itself or at too much is an error."""
    thing = f"points {header.name}"
    copc = header.copc
    assert copc is not None
    pages, seen, found, total = [(copc.root_offset, copc.root_size)], set(), [], 0
    while pages:
        offset, size = pages.pop()
        total += size
        bad = offset in seen or size < 0 or size % 32 or offset + size > header.file_bytes
        if bad or total > header.file_bytes:
            raise InputError(thing, f"its hierarchy has no page at byte {offset:,}", _COMPLETE)
        seen.add(offset)
        file.seek(offset)
        entries = np.frombuffer(file.read(size), _ENTRY)
        end = entries["offset"] + entries["size"].astype(np.uint64)
        key = entries["key"]
        sound = (entries["size"] >= 0) & (entries["offset"] < header.file_bytes) & (end <= header.file_bytes)
        sound |= entries["count"] == 0
        sound &= (key[:, 0] >= 0) & (key[:, 0] <= _MAX_DEPTH) & (entries["count"] >= -1)
        sound &= (key[:, 1:] >= 0).all(axis=1)
        if not sound.all():
            raise InputError(thing, "an entry of its hierarchy lies outside the file", _COMPLETE)
        pages += [(int(e["offset"]), int(e["size"])) for e in entries[entries["count"] == -1]]
        found.append(entries[entries["count"] >= 0])
    return np.concatenate(found)
