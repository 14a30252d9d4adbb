"""Mapbox vector tiles: one tile's bytes to polygons on the tile's own integer grid.

GDAL reads such tiles too, but it does not say which tile a polygon came from, which is what joining the
pieces of a building needs. The format is small: https://github.com/mapbox/vector-tile-spec, version 2.1.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from geovision.errors import InputError

__all__ = ["MAX_TILE_BYTES", "Ring", "TileFeature", "TileLayer", "decode_tile"]

MAX_TILE_BYTES = 1 << 26
"""Tiles are meant to be under 500 kB; one that unpacks to more than this is an attack or a mistake."""

Ring = list[tuple[int, int]]
_POLYGON = 3
_MOVE, _LINE, _CLOSE = 1, 2, 7


@dataclass
class TileFeature:
    """One polygon feature: its polygons as lists of open rings, the shell first."""

    id: int | None
    properties: dict[str, Any]
    polygons: list[list[Ring]]


@dataclass
class TileLayer:
    """One layer of a tile; `extent` grid steps make the side of the tile, y grows to the south."""

    name: str
    extent: int = 4096
    features: list[TileFeature] = field(default_factory=list)
    others: int = 0
    """Features that are no polygons."""


def decode_tile(data: bytes, thing: str, layer: str | None = None) -> list[TileLayer]:
    """The layers of a tile; with `layer`, features are decoded for that one alone."""
    if len(data) > MAX_TILE_BYTES:
        raise InputError(
            thing, f"has {len(data):,} bytes; a tile may have {MAX_TILE_BYTES:,}", "Mend the tileset"
        )
    try:
        return [
            _layer(bytes(value), layer) for number, value in _fields(data) if number == 3 and _is_bytes(value)
        ]
    except (IndexError, ValueError, struct.error, OverflowError) as error:
        raise InputError(
            thing,
            f"is no vector tile ({str(error) or type(error).__name__})",
            "Check that the tileset is whole",
        ) from error


def _is_bytes(value: Any) -> bool:
    return isinstance(value, (bytes, memoryview))


def _varint(data: bytes, at: int) -> tuple[int, int]:
    result = shift = 0
    while True:
        byte = data[at]
        at += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result, at
        shift += 7
        if shift > 63:
            raise ValueError("a number runs over 64 bits")


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """Field numbers and values of a protobuf message; bytes, or numbers."""
    at, end = 0, len(data)
    while at < end:
        key, at = _varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = _varint(data, at)
            yield key >> 3, value
            continue
        size = 8 if kind == 1 else 4 if kind == 5 else -1
        if kind == 2:
            size, at = _varint(data, at)
        if size < 0 or at + size > end:
            raise ValueError("a field runs over the end")
        yield key >> 3, data[at : at + size]
        at += size


def _layer(data: bytes, wanted: str | None) -> TileLayer:
    result = TileLayer("")
    keys: list[str] = []
    values: list[Any] = []
    features: list[bytes] = []
    for number, value in _fields(data):
        if number == 1 and _is_bytes(value):
            result.name = value.decode("utf-8", "replace")
        elif number == 2 and _is_bytes(value):
            features.append(value)
        elif number == 3 and _is_bytes(value):
            keys.append(value.decode("utf-8", "replace"))
        elif number == 4 and _is_bytes(value):
            values.append(_value(value))
        elif number == 5 and isinstance(value, int):
            result.extent = value
    if not 1 <= result.extent <= 1 << 20:
        raise ValueError(f"an extent of {result.extent}")
    for feature in features:
        found = _feature(feature, keys, values, geometry=wanted is None or wanted == result.name)
        if found is None:
            result.others += 1
        else:
            result.features.append(found)
    return result


def _value(data: bytes) -> Any:
    """The last value in the message; text, number or truth value."""
    result: Any = None
    for number, value in _fields(data):
        if number == 1 and _is_bytes(value):
            result = value.decode("utf-8", "replace")
        elif number in (2, 3) and _is_bytes(value):
            (result,) = struct.unpack("<f" if number == 2 else "<d", value)
        elif number in (4, 5, 6, 7) and isinstance(value, int):
            result = _CONVERT[number](value)
    return result


def _signed(value: int) -> int:
    return (value >> 1) ^ -(value & 1)


_CONVERT: dict[int, Callable[[int], Any]] = {
    4: lambda value: value - (1 << 64) if value >= 1 << 63 else value,
    5: int,
    6: _signed,
    7: bool,
}


def _feature(data: bytes, keys: list[str], values: list[Any], *, geometry: bool) -> TileFeature | None:
    identity: int | None = None
    kind = 0
    tags = commands = b""
    for number, value in _fields(data):
        if number == 1 and isinstance(value, int):
            identity = value
        elif number == 2 and _is_bytes(value):
            tags = value
        elif number == 3 and isinstance(value, int):
            kind = value
        elif number == 4 and _is_bytes(value):
            commands = value
    if kind != _POLYGON:
        return None
    numbers = _numbers(tags)
    properties = {keys[k]: values[v] for k, v in zip(numbers[::2], numbers[1::2], strict=False)}
    return TileFeature(identity, properties, _polygons(_numbers(commands)) if geometry else [])


def _numbers(data: bytes) -> list[int]:
    result = []
    value = shift = 0
    for byte in data:
        if byte < 0x80:
            result.append(value | byte << shift)
            value = shift = 0
            continue
        value |= (byte & 0x7F) << shift
        shift += 7
        if shift > 63:
            raise ValueError("a number runs over 64 bits")
    if shift:
        raise ValueError("a number runs over the end")
    return result


def _polygons(commands: list[int]) -> list[list[Ring]]:
    """A ring with positive area (clockwise on the screen, y down) begins a polygon, others are its holes."""
    polygons: list[list[Ring]] = []
    ring: Ring = []
    x = y = at = 0
    while at < len(commands):
        command, count = commands[at] & 7, commands[at] >> 3
        at += 1
        if command == _CLOSE:
            area = sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(ring, ring[1:] + ring[:1], strict=True))
            if len(ring) >= 3 and area:
                if area > 0 or not polygons:
                    polygons.append([])
                polygons[-1].append(ring)
            ring = []
            continue
        if command not in (_MOVE, _LINE) or at + 2 * count > len(commands):
            raise ValueError("a drawing command that does not exist or runs over the end")
        if command == _MOVE:
            ring = []
        for _ in range(count):
            x += _signed(commands[at])
            y += _signed(commands[at + 1])
            at += 2
            ring.append((x, y))
            if abs(x) > 1 << 24 or abs(y) > 1 << 24:
                raise ValueError("a corner far outside the tile")
    return polygons
