"""One schema for the property tables of all tiles: what a column is follows from all of its values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision.errors import InputError
from geovision.formats.columns import (
    NO_STRINGS,
    AttributeColumn,
    as_text,
    gap_of,
    integer_type,
    kind_of,
    property_id,
    utf8_buffers,
)

__all__ = ["MAX_TEXT", "TileSchema", "plain_values"]

MAX_TEXT = 16_384
"""Texts are cut to this many characters: a client loads a tile's whole table before it shows anything."""

_COMPONENTS = {np.dtype(np.uint8): "UINT8", np.dtype(np.int32): "INT32", np.dtype(np.int64): "INT64"}
_PLAIN = {bool, int, str, type(None)}


def plain_values(name: str, values: Sequence[Any] | NDArray[Any], count: int) -> tuple[list[Any], int]:
    """Values as None, bool, int, finite float or text that is valid Unicode; and how many texts were cut.

    >>> plain_values("a", [1.5, float("nan"), {"b": 1}, np.int8(3)], 4)
    ([1.5, None, '{"b": 1}', 3], 0)
    """
    if len(values) != count:
        raise InputError(
            f"attribute {name!r}",
            f"has {len(values)} values for {count} buildings",
            "Give one value a building, None where there is none",
        )
    found = values.tolist() if isinstance(values, np.ndarray) else list(values)
    types = set(map(type, found))
    if types == {float}:
        array = np.array(found)
        if np.isfinite(array).all():
            return found, 0
    if not types <= _PLAIN:
        found = [_plain(value) for value in found]
        types = set(map(type, found))
    return _fitting_texts(found) if str in types else (found, 0)


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    return value if value is None or isinstance(value, (bool, int, str)) else as_text(value)


def _fitting_texts(values: list[Any]) -> tuple[list[Any], int]:
    texts = values if set(map(type, values)) == {str} else [v for v in values if isinstance(v, str)]
    too_long = 0
    if max(map(len, texts)) > MAX_TEXT:
        too_long = sum(len(text) > MAX_TEXT for text in texts)
        values = [v[: MAX_TEXT - 1] + "…" if isinstance(v, str) and len(v) > MAX_TEXT else v for v in values]
    try:
        "".join(texts).encode()
    except UnicodeEncodeError:
        values = [v.encode("utf-8", "replace").decode() if isinstance(v, str) else v for v in values]
    return values, too_long


@dataclass
class _Seen:
    """What is known of a column: its kinds, the range of its integers, its rows, its words for "nothing"."""

    kinds: set[type] = field(default_factory=set)
    low: int = 0
    high: int = 0
    present: int = 0
    words: set[str] = field(default_factory=set)

    def add(self, values: Sequence[Any]) -> None:
        there = [value for value in values if value is not None] if None in values else values
        self.present += len(there)
        kinds = {kind_of(type_) for type_ in set(map(type, there))}
        self.kinds |= kinds
        if int in kinds:
            whole = there if kinds == {int} else [v for v in there if type(v) is int]
            self.low = min(self.low, *whole)
            self.high = max(self.high, *whole)
        if str in kinds:
            self.words.update(set(NO_STRINGS).intersection(there))

    def kind(self) -> Any:
        """A NumPy type, `bool`, or `str`."""
        if self.kinds == {bool}:
            return bool
        if self.kinds == {int}:
            return integer_type(self.low, self.high) or str
        if self.kinds and self.kinds <= {int, float} and max(-self.low, self.high) < 2**1000:
            return np.float64
        return str


class TileSchema:
    """Collects columns batch by batch; `encode` then gives those of a tile, all alike in type.

    >>> schema = TileSchema()
    >>> schema.add({"id": ["a"], "storeys": [2]}, 1)
    >>> schema.add({"id": ["b"]}, 1)
    >>> schema.encode({"id": np.array(["b"], object)}, 1)["storeys"].schema
    {'type': 'SCALAR', 'componentType': 'INT32', 'noData': -2147483648}
    """

    def __init__(self) -> None:
        self.unique_ids = True
        self._rows = 0
        self._columns: dict[str, _Seen] = {}

    def add(self, columns: Mapping[str, Sequence[Any]], count: int) -> None:
        """Look at a batch of columns of plain values."""
        self._rows += count
        for name, values in columns.items():
            self._columns.setdefault(name, _Seen()).add(values)

    def encode(self, columns: Mapping[str, NDArray[np.object_]], count: int) -> dict[str, AttributeColumn]:
        """The property table of some of the rows; a column that they lack is empty."""
        encoded: dict[str, AttributeColumn] = {}
        # By name, the id first: the order of what came in may not show.
        for name in sorted(self._columns, key=lambda name: (name != "id", name)):
            key = property_id(name, encoded)
            values = columns[name].tolist() if name in columns else [None] * count
            column = self._encode(name, values)
            if key != name:
                column.schema["name"] = name
            encoded[key] = column
        if "id" in encoded and self.unique_ids:
            encoded["id"].schema.update(semantic="ID", required=True)
        return encoded

    def _encode(self, name: str, values: Sequence[Any]) -> AttributeColumn:
        seen = self._columns[name]
        kind, gaps = seen.kind(), seen.present < self._rows
        if kind is str:
            return _texts(name, values, seen.words if gaps else None)
        if kind is bool and not gaps:
            packed = np.packbits(np.array(values, bool), bitorder="little").tobytes()
            return AttributeColumn({"type": "BOOLEAN"}, {"values": packed})
        # Booleans know no noData, so with a gap they are 0, 1 and 255.
        return _numbers(values, np.dtype(np.uint8 if kind is bool else kind), gaps=gaps)


def _numbers(values: Sequence[Any], dtype: np.dtype[Any], *, gaps: bool) -> AttributeColumn:
    if dtype.kind == "f":
        # JSON has no NaN, and the lowest number is nobody's measurement.
        gap: Any = float(np.finfo(dtype).min)
        component = "FLOAT64"
    else:
        gap, component = gap_of(dtype), _COMPONENTS[dtype]
    schema: dict[str, Any] = {"type": "SCALAR", "componentType": component}
    if gaps:
        schema["noData"] = gap
        values = [gap if value is None else value for value in values]
    little = np.array(values, dtype).astype(dtype.newbyteorder("<"), copy=False)
    return AttributeColumn(schema, {"values": little.tobytes()})


def _texts(name: str, values: Sequence[Any], taken: set[str] | None) -> AttributeColumn:
    schema: dict[str, Any] = {"type": "STRING"}
    if taken is not None:
        # Where all of these words are values, an empty text has to stand for both.
        schema["noData"] = next((word for word in NO_STRINGS if word not in taken), NO_STRINGS[0])
    if set(map(type, values)) != {str}:
        gap = schema.get("noData")
        values = [gap if v is None else v if type(v) is str else as_text(v) for v in values]
    data, offsets = utf8_buffers(name, list(values))
    return AttributeColumn(schema, {"values": data, "stringOffsets": offsets})
