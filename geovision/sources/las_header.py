"""Headers of LAS, LAZ and COPC files, read by hand: a stranger's file is judged before a decoder sees it."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from geovision.errors import InputError

__all__ = ["CopcInfo", "LasHeader", "LazLayout", "parse_header"]

# Least bytes of a record of each point format (LAS 1.4 R15, tables 7 to 17).
_RECORD_BYTES = (20, 28, 26, 34, 57, 63, 30, 36, 38, 59, 67)
_MAX_VLRS = 10_000
_MAX_EXTRA_BYTES = 1_000
_LASZIP = ("laszip encoded", 22204)
_COPC = ("copc", 1)
_WKT = ("LASF_Projection", 2112)
_GEO_KEYS = ("LASF_Projection", 34735)
_GEO_DOUBLES = ("LASF_Projection", 34736)
_GEO_ASCII = ("LASF_Projection", 34737)
_WANTED = {_LASZIP, _COPC, _WKT, _GEO_KEYS, _GEO_DOUBLES, _GEO_ASCII}
_COMPLETE = "Get the file again: it looks damaged or cut short"


@dataclass(frozen=True)
class LazLayout:
    """What the LASzip record says."""

    record: bytes
    """The record itself, as the decoder wants it."""
    layered: bool
    """Chunks are stored in layers, one a field (point formats 6 and above)."""
    chunk_size: int
    """Points per chunk; 0 where every chunk has its own size."""


@dataclass(frozen=True)
class CopcInfo:
    """What the COPC record says: a cube, the spacing of its root, and where the hierarchy starts."""

    centre: tuple[float, float, float]
    halfsize: float
    spacing: float
    root_offset: int
    root_size: int


@dataclass(frozen=True)
class LasHeader:
    """What a LAS file says of itself, checked against its size."""

    name: str
    version: tuple[int, int]
    point_format: int
    record_bytes: int
    data_offset: int
    count: int
    scale: NDArray[np.float64]
    offset: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    """Bounds as stated; the points may say otherwise."""
    file_bytes: int
    laz: LazLayout | None = None
    copc: CopcInfo | None = None
    wkt: str | None = None
    geo_keys: dict[int, int | str | float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def parse_header(file: BinaryIO, name: str, size: int) -> LasHeader:
    """Read and check the header and the records behind it that matter. `size` is the file's in bytes."""
    thing = f"points {name}"
    head = _head(file, thing, size)
    major, minor = head[24], head[25]
    header_bytes, data_offset, vlrs, coded_format, record_bytes = struct.unpack_from("<HIIBH", head, 94)
    compressed, point_format = bool(coded_format & 0x80), coded_format & 0x3F
    if (major, minor) < (1, 0) or (major, minor) > (1, 4) or header_bytes < (375 if minor >= 4 else 227):
        raise InputError(thing, f"LAS {major}.{minor} with a header of {header_bytes} bytes", _COMPLETE)
    if point_format >= len(_RECORD_BYTES):
        raise InputError(thing, f"point format {point_format} does not exist", _COMPLETE)
    least = _RECORD_BYTES[point_format]
    if not least <= record_bytes <= least + _MAX_EXTRA_BYTES:
        raise InputError(
            thing, f"records of {record_bytes} bytes; format {point_format} has at least {least}", _COMPLETE
        )
    if not header_bytes <= data_offset <= size:
        raise InputError(thing, f"points start at byte {data_offset:,} of {size:,}", _COMPLETE)
    records = _variable_records(file, thing, header_bytes, data_offset, vlrs)
    if minor >= 4:
        records = {**_extended_records(file, thing, head, size), **records}
    count = _count(head, minor)
    scale, offset = np.frombuffer(head, "<f8", 6, 131).reshape(2, 3)
    extent = np.frombuffer(head, "<f8", 6, 179).reshape(3, 2)
    _check_frame(thing, scale, offset)
    laz = _laszip(records, thing, record_bytes) if compressed or _LASZIP in records else None
    if laz is None and count * record_bytes > size - data_offset:
        held = (size - data_offset) // record_bytes
        raise InputError(
            thing, f"the header claims {count:,} points, but the file has room for {held:,}", _COMPLETE
        )
    return LasHeader(
        name,
        (major, minor),
        point_format,
        record_bytes,
        data_offset,
        count,
        scale.copy(),
        offset.copy(),
        extent[:, 1].copy(),
        extent[:, 0].copy(),
        size,
        laz,
        _copc(records, thing, size) if laz is not None else None,
        _wkt(records),
        _geo_keys(records),
    )


def _head(file: BinaryIO, thing: str, size: int) -> bytes:
    if size == 0:
        raise InputError(thing, "the file is empty", "Get the file again")
    file.seek(0)
    head = file.read(375)
    if head[:4] != b"LASF":
        looks = head.lstrip().lower()
        if looks.startswith((b"<!doctype", b"<html", b"<?xml")):
            raise InputError(
                thing, "it is a web page, not points", "Download the file itself, not the page about it"
            )
        raise InputError(
            thing, "the content is not LAS, LAZ or COPC", "Check that the file is what its suffix says"
        )
    if len(head) < 227:
        raise InputError(thing, f"the file ends after {len(head)} bytes, inside its header", _COMPLETE)
    return head.ljust(375, b"\0")


def _count(head: bytes, minor: int) -> int:
    legacy = int(struct.unpack_from("<I", head, 107)[0])
    if minor < 4:
        return legacy
    full = int(struct.unpack_from("<Q", head, 247)[0])
    return full or legacy


def _check_frame(thing: str, scale: NDArray[np.float64], offset: NDArray[np.float64]) -> None:
    sound = (scale > 0).all() and (scale < 1e3).all() and (np.abs(offset) < 1e12).all()
    if not sound:
        raise InputError(
            thing,
            f"scale {scale.tolist()} and offset {offset.tolist()} give no coordinates",
            "Write the file anew with a scale such as 0.001 and an offset near the points",
        )


def _variable_records(
    file: BinaryIO, thing: str, position: int, end: int, count: int
) -> dict[tuple[str, int], bytes]:
    if count > _MAX_VLRS:
        raise InputError(thing, f"the header claims {count:,} variable length records", _COMPLETE)
    found: dict[tuple[str, int], bytes] = {}
    for _ in range(count):
        if position + 54 > end:
            raise InputError(thing, "its variable length records run into the points", _COMPLETE)
        file.seek(position)
        key, length = _record_head(file.read(54), "<H")
        if position + 54 + length > end:
            raise InputError(thing, "its variable length records run into the points", _COMPLETE)
        if key in _WANTED:
            found.setdefault(key, file.read(length))
        position += 54 + length
    return found


def _extended_records(file: BinaryIO, thing: str, head: bytes, size: int) -> dict[tuple[str, int], bytes]:
    """Only the CRS may hide there; a fault in them is not worth losing the points for."""
    position, count = struct.unpack_from("<QI", head, 235)
    found: dict[tuple[str, int], bytes] = {}
    for _ in range(min(count, _MAX_VLRS)):
        if position + 60 > size:
            break
        file.seek(position)
        key, length = _record_head(file.read(60), "<Q")
        if position + 60 + length > size:
            break
        if key in _WANTED and length < 1 << 20:
            found.setdefault(key, file.read(length))
        position += 60 + length
    return found


def _record_head(head: bytes, length: str) -> tuple[tuple[str, int], int]:
    user = head[2:18].split(b"\0")[0].decode("ascii", "replace")
    return (user, struct.unpack_from("<H", head, 18)[0]), int(struct.unpack_from(length, head, 20)[0])


def _laszip(records: dict[tuple[str, int], bytes], thing: str, record_bytes: int) -> LazLayout:
    record = records.get(_LASZIP)
    if record is None or len(record) < 34:
        raise InputError(thing, "it is compressed, but its LASzip record is missing", _COMPLETE)
    compressor, coder = struct.unpack_from("<HH", record)
    chunk_size, items = struct.unpack_from("<I", record, 12)[0], struct.unpack_from("<H", record, 32)[0]
    if compressor not in (2, 3) or coder != 0:
        raise InputError(
            thing,
            f"LASzip compressor {compressor} is not known",
            "Compress the file anew with LASzip 2.0 or later",
        )
    if len(record) < 34 + 6 * items or items > 16:
        raise InputError(thing, "its LASzip record is cut short", _COMPLETE)
    sizes = [struct.unpack_from("<HHH", record, 34 + 6 * item)[1] for item in range(items)]
    if sum(sizes) != record_bytes:
        raise InputError(
            thing, f"its LASzip record makes {sum(sizes)} bytes a point, its header {record_bytes}", _COMPLETE
        )
    own = chunk_size in (0, 0xFFFFFFFF)
    return LazLayout(record, compressor == 3, 0 if own else int(chunk_size))


def _copc(records: dict[tuple[str, int], bytes], thing: str, size: int) -> CopcInfo | None:
    record = records.get(_COPC)
    if record is None or len(record) < 160:
        return None
    x, y, z, halfsize, spacing = struct.unpack_from("<5d", record)
    root_offset, root_size = struct.unpack_from("<QQ", record, 40)
    finite = all(math.isfinite(value) for value in (x, y, z, halfsize, spacing))
    if not finite or halfsize <= 0 or spacing <= 0 or root_offset + root_size > size or root_size % 32:
        raise InputError(thing, "its COPC record points outside the file", _COMPLETE)
    return CopcInfo((x, y, z), halfsize, spacing, int(root_offset), int(root_size))


def _wkt(records: dict[tuple[str, int], bytes]) -> str | None:
    text = records.get(_WKT, b"").split(b"\0")[0].decode("utf-8", "replace").strip()
    return text or None


def _geo_keys(records: dict[tuple[str, int], bytes]) -> dict[int, int | str | float]:
    """GeoTIFF keys by number, with the values that they point at."""
    shorts = (
        np.frombuffer(records.get(_GEO_KEYS, b"")[: 8 * 4096], "<u2", count=-1)
        if (len(records.get(_GEO_KEYS, b"")) % 2 == 0)
        else np.zeros(0, "<u2")
    )
    doubles = records.get(_GEO_DOUBLES, b"")
    text = records.get(_GEO_ASCII, b"").decode("latin-1")
    found: dict[int, int | str | float] = {}
    for key, place, count, value in shorts[4 : len(shorts) // 4 * 4].reshape(-1, 4).tolist():
        if place == 0:
            found[key] = value
        elif place == 34736 and (value + 1) * 8 <= len(doubles):
            found[key] = struct.unpack_from("<d", doubles, value * 8)[0]
        elif place == 34737:
            found[key] = text[value : value + count].rstrip("|\0")
    return found
