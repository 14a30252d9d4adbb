"""Implicit tiling of 3D Tiles: which tiles a quadtree has by its subtrees, with their boxes and errors."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision.bounded import read_up_to
from geovision.quality.findings import Malformed
from geovision.sources.names import leads_away

__all__ = ["implicit_tiles"]

Place = tuple[int, int, int]
_MOST_LEVELS = 30
_MOST_TILES = 1_000_000
_MOST_BYTES = 1 << 28
_MOST_PER_BYTE = 256
"""Tiles of a subtree by its bytes: a full one says so in a word."""


def implicit_tiles(
    folder: Path, node: dict[str, Any], schema: dict[str, Any]
) -> Iterator[tuple[Place, dict[str, Any], float, str | None]]:
    """Level, column and row of every tile with its volume, geometric error and content, parents first.

    A tile's own box and error in the subtree's metadata come before those that the tiling implies.
    """
    try:
        tiling = node["implicitTiling"]
        levels, available = int(tiling["subtreeLevels"]), int(tiling["availableLevels"])
        subtree_uri = str(tiling["subtrees"]["uri"])
        content_uri = node["content"]["uri"] if "content" in node else None
        if tiling["subdivisionScheme"] != "QUADTREE":
            raise Malformed(805, f"subdivision {tiling['subdivisionScheme']!r}; a quadtree is known here")
        if not (1 <= levels <= 10 and 1 <= available <= _MOST_LEVELS):
            raise Malformed(802, f"{levels} levels in a subtree, {available} in all")
        pending, known, names = [(0, 0, 0)], 0, set[str]()
        while pending:
            level, x, y = pending.pop(0)
            name = _filled(subtree_uri, (level, x, y))
            if leads_away(folder / name, folder):
                raise Malformed(861, f"{name} lies outside of the tileset's folder")
            if name in names:
                raise Malformed(806, f"{name} is the subtree of two places")
            names.add(name)
            subtree = _Subtree(folder / name, levels, schema)
            for depth, index, row in subtree.tiles():
                column, line = _unmorton(index)
                place = level + depth, (x << depth) + column, (y << depth) + line
                if place[0] >= available:
                    raise Malformed(802, f"{name}: a tile below the last level")
                box, error = subtree.metadata(row)
                volume = _implied(node["boundingVolume"], *place) if box is None else {"box": box}
                error = float(node["geometricError"]) / 2 ** place[0] if error is None else error
                has = subtree.content[(4**depth - 1) // 3 + index] and content_uri is not None
                uri = _filled(str(content_uri), place) if has else None
                known += 1
                if known > _MOST_TILES:
                    raise Malformed(806, f"implicit tiling has over {_MOST_TILES:,} tiles")
                yield place, volume, error, uri
            if level + levels >= available and subtree.children.any():
                raise Malformed(802, f"{name}: subtrees below the last level")
            for code in np.flatnonzero(subtree.children).tolist():
                column, line = _unmorton(code)
                pending.append((level + levels, (x << levels) + column, (y << levels) + line))
    except (
        KeyError,
        TypeError,
        ValueError,
        IndexError,
        AttributeError,
        OverflowError,
        struct.error,
    ) as error:
        raise Malformed(802, f"implicit tiling: {type(error).__name__} {error}") from None


def _filled(template: str, place: Place) -> str:
    """A URI of the template. Not by `str.format`, whose templates are a language of their own."""
    for name, value in zip(("level", "x", "y"), place, strict=True):
        template = template.replace(f"{{{name}}}", str(value))
    return template


def _implied(volume: dict[str, Any], level: int, x: int, y: int) -> dict[str, Any]:
    """The part of the root's volume that a place of the quadtree has."""
    if "region" in volume:
        west, south, east, north, low, high = map(float, volume["region"])
        wide, tall = (east - west) / 2**level, (north - south) / 2**level
        return {
            "region": [
                west + x * wide,
                south + y * tall,
                west + (x + 1) * wide,
                south + (y + 1) * tall,
                low,
                high,
            ]
        }
    box = np.array(volume["box"], np.float64)
    axes = box[3:].reshape(3, 3)
    centre = box[:3] + sum(axes[k] * ((2 * at + 1) / 2**level - 1) for k, at in enumerate((x, y)))
    half = np.stack([axes[0] / 2**level, axes[1] / 2**level, axes[2]])
    return {"box": [*centre.tolist(), *half.reshape(-1).tolist()]}


class _Subtree:
    def __init__(self, path: Path, levels: int, schema: dict[str, Any]) -> None:
        try:
            with path.open("rb") as file:
                data = read_up_to(file, _MOST_BYTES + 1)
        except (OSError, ValueError):
            raise Malformed(861, f"{path.name} is not there or cannot be read") from None
        if len(data) > _MOST_BYTES:
            raise Malformed(901, f"{path.name} has over {_MOST_BYTES:,} bytes")
        magic, version, length, size = struct.unpack_from("<4sIQQ", data)
        if magic != b"subt" or version != 1 or len(data) != 24 + length + size:
            raise Malformed(901, f"{path.name} is no whole subtree")
        self._levels, self._schema = levels, schema
        self._json = json.loads(data[24 : 24 + length])
        self._bin = data[24 + length :]
        nodes = (4**levels - 1) // 3
        self.available = self._bits(self._json["tileAvailability"], nodes)
        contents = self._json.get("contentAvailability") or [{"constant": 0}]
        self.content = self._bits(contents[0], nodes)
        self.children = self._bits(self._json["childSubtreeAvailability"], 4**levels)
        if int(self.available.sum()) > _MOST_PER_BYTE * len(data):
            raise Malformed(
                806, f"{path.name} has {int(self.available.sum()):,} tiles in {len(data):,} bytes"
            )
        if (self.content & ~self.available).any():
            raise Malformed(802, f"{path.name}: content of tiles that are not there")
        self._columns = self._read_metadata()

    def _view(self, index: int) -> bytes:
        view = self._json["bufferViews"][index]
        begin, end = view["byteOffset"], view["byteOffset"] + view["byteLength"]
        if not 0 <= begin <= end <= len(self._bin):
            raise Malformed(803, f"a buffer view ends at {end} of {len(self._bin)} bytes")
        return self._bin[begin:end]

    def _bits(self, availability: dict[str, int], size: int) -> NDArray[np.bool_]:
        if "constant" in availability:
            return np.full(size, bool(availability["constant"]))
        data = np.frombuffer(self._view(availability["bitstream"]), np.uint8)
        if len(data) * 8 < size:
            raise Malformed(803, f"{len(data)} bytes of availability for {size} places")
        return np.unpackbits(data, bitorder="little")[:size].astype(bool)

    def tiles(self) -> Iterator[tuple[int, int, int]]:
        """Depth, Morton index within it, and row of the metadata."""
        for row, index in enumerate(np.flatnonzero(self.available).tolist()):
            depth = next(d for d in range(self._levels) if index < (4 ** (d + 1) - 1) // 3)
            yield depth, index - (4**depth - 1) // 3, row

    def _read_metadata(self) -> dict[str, NDArray[np.float64]]:
        if "tileMetadata" not in self._json:
            return {}
        table = self._json["propertyTables"][self._json["tileMetadata"]]
        properties = self._schema["classes"][table["class"]]["properties"]
        found = {}
        for key, column in table["properties"].items():
            semantic = properties[key].get("semantic")
            if semantic in ("TILE_BOUNDING_BOX", "TILE_GEOMETRIC_ERROR"):
                kind = {"FLOAT64": "<f8", "FLOAT32": "<f4"}[properties[key]["componentType"]]
                width = 12 if semantic == "TILE_BOUNDING_BOX" else 1
                values = np.frombuffer(self._view(column["values"]), kind).astype(np.float64)
                found[semantic] = values.reshape(int(table["count"]), width)
        return found

    def metadata(self, row: int) -> tuple[list[float] | None, float | None]:
        """A tile's own box and geometric error, where they are stated."""
        box, error = (self._columns.get(name) for name in ("TILE_BOUNDING_BOX", "TILE_GEOMETRIC_ERROR"))
        return None if box is None else box[row].tolist(), None if error is None else float(error[row, 0])


def _unmorton(code: int) -> tuple[int, int]:
    column = sum((code >> 2 * bit & 1) << bit for bit in range(16))
    return column, sum((code >> 2 * bit + 1 & 1) << bit for bit in range(16))
