"""Where the chunks of a LAS or LAZ file are, and how one is decoded.

Sizes that the file states are checked against its length before anything is allocated, so that a flipped
bit costs an error and never the memory of the machine.
"""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from geovision.errors import InputError
from geovision.sources.las_header import LasHeader

__all__ = ["Chunks", "check_chunks", "decode_chunk", "read_chunks"]

_PLAIN_CHUNK = 50_000
_MAX_CHUNK_POINTS = 5_000_000
# The best that LASzip does on points that differ at all is near 0.5 bytes a point.
_MAX_POINTS_PER_BYTE = 64
_COMPLETE = "Get the file again: it looks damaged or cut short"


@dataclass(frozen=True)
class Chunks:
    """Runs of points that can be read by themselves, in the order of the file."""

    position: NDArray[np.int64]
    """First byte of each."""
    size: NDArray[np.int64]
    """Bytes of each."""
    count: NDArray[np.int64]
    """Points of each."""

    def __len__(self) -> int:
        return len(self.count)


def read_chunks(file: BinaryIO, header: LasHeader) -> Chunks:
    """The chunks of a file; those of plain LAS are made up, of 50,000 points."""
    if header.count == 0:
        empty = np.zeros(0, np.int64)
        return Chunks(empty, empty, empty)
    if header.laz is None:
        first = np.arange(0, header.count, _PLAIN_CHUNK, dtype=np.int64)
        count = np.minimum(_PLAIN_CHUNK, header.count - first)
        return Chunks(header.data_offset + first * header.record_bytes, count * header.record_bytes, count)
    chunks = _laz_chunks(file, header)
    check_chunks(chunks, header)
    return chunks


def _laz_chunks(file: BinaryIO, header: LasHeader) -> Chunks:
    import lazrs

    thing = f"points {header.name}"
    laz = header.laz
    assert laz is not None
    start = header.data_offset + 8
    file.seek(header.data_offset)
    head = file.read(8)
    table = struct.unpack("<q", head)[0] if len(head) == 8 else -1
    if table == -1 and header.file_bytes > start + 8:
        # A writer that could not seek back puts the place of the table at the very end.
        file.seek(header.file_bytes - 8)
        table = struct.unpack("<q", file.read(8))[0]
    if not start <= table <= header.file_bytes - 8:
        raise InputError(
            thing, f"its chunk table would be at byte {table:,} of {header.file_bytes:,}", _COMPLETE
        )
    file.seek(table)
    version, number = struct.unpack("<II", file.read(8))
    most = -(-header.count // laz.chunk_size) if laz.chunk_size else header.count
    room = (table - start) // header.record_bytes
    if version != 0 or number > min(most, room) or (laz.chunk_size and number != most):
        raise InputError(
            thing,
            f"its chunk table has {number:,} chunks for {header.count:,} points in {table - start:,} bytes",
            _COMPLETE,
        )
    file.seek(table)
    with _decoder_errors(thing):
        entries = lazrs.read_chunk_table_only(file, lazrs.LazVlr(laz.record))
    count = np.array([entry[0] for entry in entries], np.uint64).astype(np.int64)
    size = np.array([entry[1] for entry in entries], np.uint64).astype(np.int64)
    if laz.chunk_size:
        count = np.full(len(size), laz.chunk_size, np.int64)
        count[-1] = header.count - (len(size) - 1) * laz.chunk_size
    if (size <= 0).any() or int(size.sum()) != table - start or len(size) != number:
        raise InputError(thing, "its chunk table does not fit its points", _COMPLETE)
    return Chunks(start + np.concatenate(([0], np.cumsum(size)[:-1])), size, count)


def check_chunks(chunks: Chunks, header: LasHeader) -> None:
    """Raise where the counts cannot be true."""
    thing = f"points {header.name}"
    total = int(chunks.count.sum())
    if (chunks.count <= 0).any() or total != header.count:
        raise InputError(
            thing, f"the header claims {header.count:,} points, its chunks hold {total:,}", _COMPLETE
        )
    largest = int(chunks.count.max())
    if largest > _MAX_CHUNK_POINTS:
        raise InputError(
            thing,
            f"a chunk claims {largest:,} points; at most {_MAX_CHUNK_POINTS:,} are decoded at once",
            "Compress the file anew with the usual chunks of 50,000 points",
        )
    if (chunks.count > chunks.size * _MAX_POINTS_PER_BYTE).any():
        raise InputError(
            thing, f"it claims {header.count:,} points in {int(chunks.size.sum()):,} bytes", _COMPLETE
        )


def decode_chunk(file: BinaryIO, header: LasHeader, chunks: Chunks, number: int) -> NDArray[np.uint8]:
    """[points, record_bytes] raw records of one chunk."""
    thing = f"points {header.name}"
    size, count = int(chunks.size[number]), int(chunks.count[number])
    file.seek(int(chunks.position[number]))
    data = file.read(size)
    if len(data) != size:
        raise InputError(thing, f"the file ends inside chunk {number} of {len(chunks)}", _COMPLETE)
    if header.laz is None:
        return np.frombuffer(data, np.uint8).reshape(count, header.record_bytes)
    return decode_records(data, count, header, f"chunk {number} of {len(chunks)}")


def decode_records(data: bytes, count: int, header: LasHeader, what: str) -> NDArray[np.uint8]:
    """[count, record_bytes] from the compressed bytes of one chunk."""
    import lazrs

    laz = header.laz
    assert laz is not None
    thing = f"points {header.name}"
    if laz.layered:
        _check_layers(data, count, header, what)
    # One chunk of fixed size, behind the place of a chunk table that lists nothing: the decoder then
    # works through it in this thread, without a pool of its own.
    record = laz.record[:12] + struct.pack("<I", count) + laz.record[16:]
    source = BytesIO(struct.pack("<q", 8 + len(data)) + data + bytes(72))
    records = np.empty((count, header.record_bytes), np.uint8)
    with _decoder_errors(thing, what):
        lazrs.LasZipDecompressor(source, record).decompress_many(records.reshape(-1))
    return records


def _check_layers(data: bytes, count: int, header: LasHeader, what: str) -> None:
    """A layered chunk: one raw point, its count, the size of each layer, the layers."""
    layers = 9
    layers += {7: 1, 8: 2, 9: 1, 10: 3}.get(header.point_format, 0)
    extra = header.record_bytes - {6: 30, 7: 36, 8: 38, 9: 59, 10: 67}.get(header.point_format, 30)
    layers += extra
    start = header.record_bytes
    if count > 1 or len(data) > start:
        end = start + 4 + 4 * layers
        if len(data) >= end:
            stated, *sizes = struct.unpack_from(f"<{1 + layers}I", data, start)
            if stated == count and end + sum(sizes) <= len(data):
                return
        raise InputError(f"points {header.name}", f"the layers of {what} do not fit it", _COMPLETE)


@contextlib.contextmanager
def _decoder_errors(thing: str, what: str = "its chunk table") -> Iterator[None]:
    """The decoder's own errors as ours. It is Rust: what it did not foresee comes as a panic, which is no
    `Exception`.
    """
    try:
        yield
    except (KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except BaseException as error:
        if isinstance(error, Exception) or type(error).__name__ == "PanicException":
            raise InputError(thing, f"{what} cannot be decoded ({str(error)[:100]})", _COMPLETE) from None
        raise
