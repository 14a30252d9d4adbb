"""tileset.json, explicit or with implicit tiling, and the subtrees of the latter."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision._version import __version__
from geovision.formats.tiles3d_content import Box, Tile
from geovision.formats.tiles3d_tree import Square

__all__ = ["SUBTREE_LEVELS", "empty_tileset", "explicit_tilesets", "implicit_tileset", "subtrees"]

SUBTREE_LEVELS = 6
"""Levels of a subtree file, and of an explicit tileset before it goes on in another file."""

# Property ids of the tiles' own metadata, which clients read instead of what the tree implies.
_TILE_CLASS = {
    "name": "Tile",
    "properties": {
        "bounding_box": {
            "type": "SCALAR",
            "componentType": "FLOAT64",
            "array": True,
            "count": 12,
            "required": True,
            "semantic": "TILE_BOUNDING_BOX",
        },
        "geometric_error": {
            "type": "SCALAR",
            "componentType": "FLOAT64",
            "required": True,
            "semantic": "TILE_GEOMETRIC_ERROR",
        },
    },
}


def _asset(extras: Mapping[str, Any]) -> dict[str, Any]:
    return {"version": "1.1", "generator": f"geovision {__version__}", "extras": dict(extras)}


def _text(tileset: Mapping[str, Any]) -> bytes:
    return json.dumps(tileset, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def _rounded(error: float) -> float:
    """To a tenth of a millimetre, and never down."""
    return math.ceil(error * 1e4) / 1e4


def empty_tileset(extras: Mapping[str, Any]) -> bytes:
    """A tileset in which there is nothing."""
    root = {
        "boundingVolume": {"sphere": [0, 0, 0, 1]},
        "geometricError": 0,
        "refine": "REPLACE",
    }
    return _text({"asset": _asset(extras), "geometricError": 0, "root": root})


def explicit_tilesets(
    root: Tile, transform: Sequence[float], error: float, extras: Mapping[str, Any]
) -> Iterator[tuple[str, bytes]]:
    """Names and contents of tileset.json and of the tilesets that it refers to."""
    files: list[Tile] = [root]
    while files:
        top = files.pop()
        outer = top is root
        tile = _explicit(top, 0, files, "" if outer else "../../../")
        tileset = {
            "asset": _asset(extras if outer else {}),
            "geometricError": _rounded(error if outer else top.error),
            "root": {"transform": list(transform), **tile} if outer else tile,
        }
        yield "tileset.json" if outer else _file_of(top), _text(tileset)


def _file_of(tile: Tile) -> str:
    return f"tilesets/{tile.name}.json"


def _explicit(tile: Tile, depth: int, files: list[Tile], up: str) -> dict[str, Any]:
    assert tile.box is not None
    found: dict[str, Any] = {
        "boundingVolume": {"box": tile.box.numbers()},
        "geometricError": _rounded(tile.error),
        "refine": "REPLACE",
    }
    if depth == SUBTREE_LEVELS and tile.children:
        files.append(tile)
        return {**found, "content": {"uri": f"{up}{_file_of(tile)}"}}
    if tile.content:
        found["content"] = {"uri": f"{up}content/{tile.name}{tile.suffix}.glb"}
    if tile.finer is not None:
        return {**found, "children": [_explicit(tile.finer, depth + 1, files, up)]}
    # What only one tile below stands in for is that tile.
    if tile.children and not tile.content and depth > 0 and len(tile.children) == 1:
        return _explicit(tile.children[0], depth, files, up)
    if tile.children:
        found["children"] = [_explicit(child, depth + 1, files, up) for child in tile.children]
    return found


def implicit_tileset(
    root: Tile,
    levels: int,
    square: Square,
    transform: Sequence[float],
    error: float,
    extras: Mapping[str, Any],
) -> bytes:
    """tileset.json of an implicit quadtree with `levels` levels.

    The root's error is halved at every level for clients that do not read the tiles' own, so it is the
    least that is nowhere too small.
    """
    assert root.box is not None
    heights = root.box.corners()[:, 2]
    low, high = float(heights.min()), float(heights.max())
    half = square.side / 2
    centre = [square.west + half, square.south + half, (low + high) / 2]
    box = Box(np.array(centre), np.diag([half, half, (high - low) / 2]))
    implied = max(_rounded(tile.error) * 2.0 ** tile.place[0] for tile in root.walk())
    tile = {
        "transform": list(transform),
        "boundingVolume": {"box": box.numbers()},
        "geometricError": implied,
        "refine": "REPLACE",
        "content": {"uri": "content/{level}/{x}/{y}.glb"},
        "implicitTiling": {
            "subdivisionScheme": "QUADTREE",
            "subtreeLevels": SUBTREE_LEVELS,
            "availableLevels": levels,
            "subtrees": {"uri": "subtrees/{level}/{x}/{y}.subtree"},
        },
    }
    return _text(
        {
            "asset": _asset(extras),
            "schema": {"id": "geovision_tiles", "classes": {"tile": _TILE_CLASS}},
            "geometricError": max(error, implied),
            "root": tile,
        }
    )


def subtrees(root: Tile) -> Iterator[tuple[str, bytes]]:
    """Names and contents of the subtree files."""
    roots = [root]
    while roots:
        top = roots.pop()
        below: list[Tile] = []
        yield f"subtrees/{top.name}.subtree", _subtree(top, below)
        roots += below


def _subtree(top: Tile, below: list[Tile]) -> bytes:
    """One subtree; the roots of those under it are put into `below`."""
    level, x, y = top.place
    size = (4**SUBTREE_LEVELS - 1) // 3
    tiles: dict[int, Tile] = {}
    child_subtrees: list[int] = []
    open_tiles = [top]
    while open_tiles:
        tile = open_tiles.pop()
        own_level, tx, ty = tile.place
        depth = own_level - level
        code = _morton(tx - (x << depth), ty - (y << depth))
        if depth == SUBTREE_LEVELS:
            child_subtrees.append(code)
            below.append(tile)
            continue
        tiles[(4**depth - 1) // 3 + code] = tile
        open_tiles += tile.children
    places = sorted(tiles)
    contents = [place for place in places if tiles[place].content]
    boxes = [number for place in places for number in _numbers(tiles[place])]
    errors = [_rounded(tiles[place].error) for place in places]
    chunks: list[bytes] = []
    header: dict[str, Any] = {
        "tileAvailability": _availability(places, size, chunks),
        "contentAvailability": [_availability(contents, size, chunks)],
        "childSubtreeAvailability": _availability(child_subtrees, 4**SUBTREE_LEVELS, chunks),
        "tileMetadata": 0,
    }
    values = []
    for numbers in (boxes, errors):
        values.append({"values": len(chunks)})
        chunks.append(np.array(numbers, "<f8").tobytes())
    properties = dict(zip(_TILE_CLASS["properties"], values, strict=True))
    header["propertyTables"] = [{"class": "tile", "count": len(places), "properties": properties}]
    views, binary = _join(chunks)
    header = {"buffers": [{"byteLength": len(binary)}], "bufferViews": views, **header}
    text = _text(header)
    text += b" " * (-len(text) % 8)
    return struct.pack("<4sIQQ", b"subt", 1, len(text), len(binary)) + text + binary


def _numbers(tile: Tile) -> list[float]:
    assert tile.box is not None
    return tile.box.numbers()


def _morton(x: int, y: int) -> int:
    return sum((x >> bit & 1) << 2 * bit | (y >> bit & 1) << 2 * bit + 1 for bit in range(SUBTREE_LEVELS))


def _availability(places: Sequence[int], size: int, chunks: list[bytes]) -> dict[str, Any]:
    if len(places) in (0, size):
        return {"constant": int(len(places) > 0)}
    bits: NDArray[np.uint8] = np.zeros(size, np.uint8)
    bits[list(places)] = 1
    chunks.append(np.packbits(bits, bitorder="little").tobytes())
    return {"bitstream": len(chunks) - 1, "availableCount": len(places)}


def _join(chunks: Sequence[bytes]) -> tuple[list[dict[str, int]], bytes]:
    """Buffer views of the chunks, each at a multiple of 8."""
    views, binary = [], b""
    for chunk in chunks:
        views.append({"buffer": 0, "byteOffset": len(binary), "byteLength": len(chunk)})
        binary += chunk + bytes(-len(chunk) % 8)
    return views, binary
