"""Attributes as the columns of an EXT_structural_metadata property table."""

from __future__ import annotations

import contextlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision.errors import InputError

__all__ = [
    "NO_STRINGS",
    "AttributeColumn",
    "as_text",
    "encode_column",
    "encode_table",
    "gap_of",
    "integer_type",
    "kind_of",
    "property_id",
    "utf8_buffers",
]

_COMPONENTS = {
    "i1": "INT8",
    "u1": "UINT8",
    "i2": "INT16",
    "u2": "UINT16",
    "i4": "INT32",
    "u4": "UINT32",
    "i8": "INT64",
    "u8": "UINT64",
    "f4": "FLOAT32",
    "f8": "FLOAT64",
}

# What stands for "no value" in a string column: the first that is no value of it.
NO_STRINGS = ("", "null", "\x00")


@dataclass(frozen=True)
class AttributeColumn:
    """One column: its schema entry, and its buffers by their key in the property table."""

    schema: dict[str, Any]
    buffers: dict[str, bytes] = field(repr=False)


def encode_table(
    attributes: Mapping[str, Sequence[Any] | NDArray[Any]], count: int
) -> dict[str, AttributeColumn]:
    """Columns by their property id, which is the attribute's name as far as the format allows.

    >>> list(encode_table({"roof kind": ["gabled"], "2020": [1.5]}, 1))
    ['roof_kind', '_2020']
    """
    columns: dict[str, AttributeColumn] = {}
    for name, values in attributes.items():
        if len(values) != count:
            raise InputError(
                f"attribute {name!r}",
                f"has {len(values)} values for {count} buildings",
                "Give one value a building, None where there is none",
            )
        column = encode_column(name, values)
        key = property_id(name, columns)
        if key != name:
            column.schema["name"] = name
        columns[key] = column
    return columns


def encode_column(name: str, values: Sequence[Any] | NDArray[Any]) -> AttributeColumn:
    """Binary form of one attribute; its type follows from the values.

    Arrays keep their own type, but 64-bit integers become 32-bit where they fit; lists get one that holds
    them all. None, NaN and infinities become the column's `noData`. What is neither a number nor a string
    is written as JSON text.

    >>> encode_column("storeys", [2, None, 3]).schema
    {'type': 'SCALAR', 'componentType': 'INT32', 'noData': -2147483648}
    >>> encode_column("listed", [True, False, True]).buffers
    {'values': b'\\x05'}
    """
    if isinstance(values, np.ma.MaskedArray):
        values = values.tolist()  # masked entries become None
    array = values if isinstance(values, np.ndarray) else _array_of(values)
    if array.ndim != 1:
        raise InputError(f"attribute {name!r}", f"has shape {array.shape}", "Give one value a building")
    kind = array.dtype.kind
    if kind == "b":
        packed = np.packbits(array, bitorder="little").tobytes()
        return AttributeColumn({"type": "BOOLEAN"}, {"values": packed})
    if kind in "iu":
        return _scalar(array)
    if kind == "f":
        return _floats(array)
    return _strings(name, array.tolist())


def _array_of(values: Sequence[Any]) -> NDArray[Any]:
    """A typed array where all values agree on a type, else one of objects."""
    types = set(map(type, values))
    missing = type(None) in types
    kinds = {kind_of(t) for t in types if t is not type(None)}
    if kinds == {bool}:
        # Booleans know no noData, so with a gap they are 0, 1 and 255.
        return _with_gaps(values, np.uint8) if missing else np.array(values, bool)
    if kinds == {int}:
        present = [v for v in values if v is not None]
        dtype = integer_type(min(present), max(present))
        if dtype is not None:
            return _with_gaps(values, dtype) if missing else np.array(values, dtype)
    if kinds and kinds <= {int, float}:
        # Whole numbers beyond every float stay exact, as text.
        with contextlib.suppress(OverflowError):
            return np.array([math.nan if v is None else float(v) for v in values], np.float64)
    return _objects(values)


def _objects(values: Sequence[Any]) -> NDArray[Any]:
    array = np.empty(len(values), object)
    # Slice assignment would read equally long lists as a second dimension.
    for i, value in enumerate(values):
        array[i] = value
    return array


def kind_of(type_: type) -> type:
    """bool, int or float as far as a type is one of them, else str."""
    if issubclass(type_, (bool, np.bool_)):
        return bool
    if issubclass(type_, (int, np.integer)):
        return int
    if issubclass(type_, (float, np.floating)):
        return float
    return str


def integer_type(low: int, high: int) -> type[np.generic] | None:
    """Smallest of 32 and 64 bits that holds the values and leaves its lowest number for noData."""
    for dtype in (np.int32, np.int64):
        info = np.iinfo(dtype)
        if info.min < low and high <= info.max:
            return dtype
    return None


def _with_gaps(values: Sequence[Any], dtype: type[np.generic]) -> NDArray[Any]:
    gap = gap_of(np.dtype(dtype))
    array = np.array([gap if v is None else int(v) for v in values], dtype)
    return np.ma.masked_array(array, mask=[v is None for v in values])


def gap_of(dtype: np.dtype[Any]) -> int:
    """The number that stands for "no value" in a column of integers."""
    info = np.iinfo(dtype)
    return int(info.max if dtype.kind == "u" else info.min)


def _scalar(array: NDArray[Any]) -> AttributeColumn:
    if array.dtype.itemsize == 8 and array.size and not np.ma.is_masked(array):
        # Browsers read 64-bit integers as BigInt, which neither JSON nor arithmetic with numbers accepts.
        narrow = integer_type(int(array.min()), int(array.max()))
        array = array if narrow is None else array.astype(narrow)
    little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    component = _COMPONENTS[little.dtype.str[1:]]
    schema: dict[str, Any] = {"type": "SCALAR", "componentType": component}
    if np.ma.is_masked(array):
        schema["noData"] = gap_of(array.dtype)
    return AttributeColumn(schema, {"values": np.asarray(little).tobytes()})


def _floats(array: NDArray[Any]) -> AttributeColumn:
    dtype = np.dtype("<f4" if array.dtype.itemsize <= 4 else "<f8")
    values = np.ma.filled(array, np.nan).astype(dtype)
    gaps = ~np.isfinite(values)
    schema: dict[str, Any] = {"type": "SCALAR", "componentType": _COMPONENTS[dtype.str[1:]]}
    if gaps.any():
        # JSON has no NaN, and the lowest number is nobody's measurement.
        lowest = np.finfo(dtype).min
        values[gaps] = lowest
        schema["noData"] = float(lowest)
    return AttributeColumn(schema, {"values": values.tobytes()})


def _strings(name: str, values: list[Any]) -> AttributeColumn:
    texts = values
    if any(not issubclass(t, str) for t in set(map(type, values))):
        texts = [v if v is None or isinstance(v, str) else as_text(v) for v in values]
    schema: dict[str, Any] = {"type": "STRING"}
    if None in texts:
        present = set(texts)
        gap = next((g for g in NO_STRINGS if g not in present), None)
        if gap is None:
            raise InputError(
                f"attribute {name!r}", f"uses every word that could mean 'no value': {NO_STRINGS}"
            )
        schema["noData"] = gap
        texts = [gap if t is None else t for t in texts]
    data, offsets = utf8_buffers(name, texts)
    return AttributeColumn(schema, {"values": data, "stringOffsets": offsets})


def as_text(value: Any) -> str:
    """Anything as text, JSON where that has a form for it."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, (dict, list, tuple, bool, int, float)):
        return json.dumps(value)
    return str(value)


def utf8_buffers(name: str, texts: list[Any]) -> tuple[bytes, bytes]:
    """Texts as the two buffers of a string column: their bytes, and where each begins."""
    try:
        text = "".join(texts)
        data = text.encode()
        lengths = map(len, texts) if len(data) == len(text) else (len(t.encode()) for t in texts)
        offsets = np.zeros(len(texts) + 1, np.int64)
        np.cumsum(np.fromiter(lengths, np.int64, len(texts)), out=offsets[1:])
    except UnicodeEncodeError as error:
        raise InputError(f"attribute {name!r}", f"is not valid Unicode ({error.reason})") from error
    if offsets[-1] > np.iinfo(np.uint32).max:
        raise InputError(f"attribute {name!r}", "has over 4 GiB of text", "Write smaller tiles")
    # No byte of text at all is allowed, but a buffer view without a byte is not.
    return data or b"\0", offsets.astype("<u4").tobytes()


def property_id(name: str, taken: Mapping[str, object]) -> str:
    """A name as the format allows, unlike those that are taken."""
    base = re.sub(r"[^A-Za-z0-9_]", "_", name) or "_"
    base = f"_{base}" if base[0].isdigit() else base
    key, n = base, 1
    while key in taken:
        n += 1
        key = f"{base}_{n}"
    return key
