"""Reads a tileset with nothing but the specification at hand: the judge of what tiles3d.py writes."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.helpers_glb import Glb, parse_glb

Floats = NDArray[np.float64]


@dataclass
class Tile:
    """One tile: its box (12 numbers, in the root's frame), its error, and its content's file."""

    box: Floats
    error: float
    content: Path | None
    parent: Tile | None
    transform: Floats  # from the root's frame to earth-centred coordinates
    implied: tuple[Floats, float] | None = None  # box and error that implicit tiling gives
    children: list[Tile] = field(default_factory=list)

    def holds(self, points: Floats, slack: float = 1e-5) -> bool:
        """Whether all points in the root's frame are in the box."""
        axes = self.box[3:].reshape(3, 3)
        half = np.linalg.norm(axes, axis=1)
        along = (points - self.box[:3]) @ (axes / half[:, None]).T
        return bool((np.abs(along) <= half + slack).all())

    def ancestors(self) -> Iterator[Tile]:
        """This tile and those above it."""
        tile: Tile | None = self
        while tile is not None:
            yield tile
            tile = tile.parent


@dataclass
class Content:
    """A tile's GLB in the root's frame: triangles, their features, normals and the table."""

    glb: Glb
    corners: Floats  # (T, 3, 3)
    normals: Floats
    features: NDArray[np.int64]
    columns: dict[str, list[Any]]
    names: list[str]  # material of each triangle


def read_tileset(path: Path) -> list[Tile]:
    """All tiles, parents before their children."""
    tileset = json.loads(path.read_text(encoding="utf-8"))
    assert tileset["asset"]["version"] == "1.1"
    root = tileset["root"]
    transform = np.array(root.get("transform", np.eye(4).reshape(-1)), float).reshape(4, 4).T
    tiles: list[Tile] = []
    if "implicitTiling" in root:
        _implicit(path.parent, tileset, transform, tiles)
    else:
        _explicit(path, root, None, transform, tiles)
    return tiles


def _explicit(path: Path, tile: dict[str, Any], parent: Tile | None, at: Floats, tiles: list[Tile]) -> None:
    assert tile["refine"] == "REPLACE"
    content = None
    if "content" in tile:
        content = path.parent / tile["content"]["uri"]
        assert content.is_file()
        if content.suffix == ".json":
            inner = json.loads(content.read_text(encoding="utf-8"))
            assert "transform" not in inner["root"]
            assert inner["root"]["boundingVolume"] == tile["boundingVolume"]
            _explicit(content, inner["root"], parent, at, tiles)
            return
    box = tile["boundingVolume"].get("box", [0.0] * 12)
    made = Tile(np.array(box, float), tile["geometricError"], content, parent, at)
    tiles.append(made)
    if parent is not None:
        parent.children.append(made)
    for child in tile.get("children", []):
        _explicit(path, child, made, at, tiles)


def _implicit(folder: Path, tileset: dict[str, Any], at: Floats, tiles: list[Tile]) -> None:
    root = tileset["root"]
    tiling = root["implicitTiling"]
    assert tiling["subdivisionScheme"] == "QUADTREE"
    known: dict[tuple[int, int, int], Tile] = {}
    waiting = [(0, 0, 0)]
    while waiting:
        level, x, y = waiting.pop(0)
        name = tiling["subtrees"]["uri"].format(level=level, x=x, y=y)
        subtree = _Subtree((folder / name).read_bytes(), tiling["subtreeLevels"], tileset["schema"])
        for depth, place, row in subtree.tiles():
            key = (level + depth, (x << depth) + place[0], (y << depth) + place[1])
            assert key[0] < tiling["availableLevels"]
            uri = root["content"]["uri"].format(level=key[0], x=key[1], y=key[2])
            content = folder / uri if subtree.has_content(depth, place) else None
            assert content is None or content.is_file()
            parent = known[key[0] - 1, key[1] // 2, key[2] // 2] if key[0] else None
            box, error = subtree.metadata(row)
            implied = _implied(root, *key)
            known[key] = Tile(box, error, content, parent, at, implied)
            if parent is not None:
                parent.children.append(known[key])
            tiles.append(known[key])
        for cx, cy in subtree.child_subtrees():
            deep = tiling["subtreeLevels"]
            waiting.append((level + deep, (x << deep) + cx, (y << deep) + cy))


def _implied(root: dict[str, Any], level: int, x: int, y: int) -> tuple[Floats, float]:
    box = np.array(root["boundingVolume"]["box"], float)
    half = box[[3, 7]]
    assert not box[[4, 5, 6, 8, 9, 10]].any()
    size = half / 2**level
    centre = box[:2] - half + size * (2 * np.array([x, y]) + 1)
    implied = np.concatenate([centre, box[2:3], np.diag([*size, box[11]]).reshape(-1)])
    return implied, root["geometricError"] / 2**level


class _Subtree:
    def __init__(self, data: bytes, levels: int, schema: dict[str, Any]) -> None:
        magic, version, length, size = struct.unpack_from("<4sIQQ", data)
        assert (magic, version, length % 8, size % 8) == (b"subt", 1, 0, 0)
        assert len(data) == 24 + length + size
        self.json = json.loads(data[24 : 24 + length])
        self.bin = data[24 + length :]
        self.levels = levels
        assert self.json["buffers"] == [{"byteLength": size}]
        nodes = (4**levels - 1) // 3
        self.available = self._bits(self.json["tileAvailability"], nodes)
        (content,) = self.json["contentAvailability"]
        self.content = self._bits(content, nodes)
        self.children = self._bits(self.json["childSubtreeAvailability"], 4**levels)
        assert not (self.content & ~self.available).any()
        self.table = self.json["propertyTables"][self.json["tileMetadata"]]
        self.properties = schema["classes"][self.table["class"]]["properties"]
        assert self.table["count"] == self.available.sum()

    def _view(self, index: int) -> bytes:
        view = self.json["bufferViews"][index]
        assert view["byteOffset"] % 8 == 0
        assert view["byteOffset"] + view["byteLength"] <= len(self.bin)
        return self.bin[view["byteOffset"] : view["byteOffset"] + view["byteLength"]]

    def _bits(self, availability: dict[str, int], size: int) -> NDArray[np.bool_]:
        if "constant" in availability:
            return np.full(size, availability["constant"], bool)
        data = np.frombuffer(self._view(availability["bitstream"]), np.uint8)
        assert len(data) == -(-size // 8)
        bits = np.unpackbits(data, bitorder="little")[:size].astype(bool)
        assert bits.sum() == availability["availableCount"]
        return bits

    def tiles(self) -> Iterator[tuple[int, tuple[int, int], int]]:
        """Depth, column and row within the subtree, and the row of the metadata."""
        for row, index in enumerate(np.flatnonzero(self.available).tolist()):
            depth = next(d for d in range(self.levels) if index < (4 ** (d + 1) - 1) // 3)
            yield depth, _unmorton(index - (4**depth - 1) // 3), row

    def has_content(self, depth: int, place: tuple[int, int]) -> bool:
        code = sum((place[0] >> b & 1) << 2 * b | (place[1] >> b & 1) << 2 * b + 1 for b in range(16))
        return bool(self.content[(4**depth - 1) // 3 + code])

    def child_subtrees(self) -> list[tuple[int, int]]:
        return [_unmorton(code) for code in np.flatnonzero(self.children).tolist()]

    def metadata(self, row: int) -> tuple[Floats, float]:
        found: dict[str, Floats] = {}
        for key, column in self.table["properties"].items():
            schema = self.properties[key]
            assert schema["componentType"] == "FLOAT64"
            values = np.frombuffer(self._view(column["values"]), "<f8")
            found[schema["semantic"]] = values.reshape(self.table["count"], schema.get("count", 1))
        return found["TILE_BOUNDING_BOX"][row], float(found["TILE_GEOMETRIC_ERROR"][row, 0])


def _unmorton(code: int) -> tuple[int, int]:
    return sum((code >> 2 * b & 1) << b for b in range(16)), sum(
        (code >> 2 * b + 1 & 1) << b for b in range(16)
    )


def read_content(path: Path) -> Content:
    """A tile's content as clients see it: glTF's y up is turned back to z up."""
    glb = parse_glb(path.read_bytes())
    up, node = glb.json["nodes"]
    to_z_up = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]]) @ np.array(up["matrix"]).reshape(4, 4).T[:3, :3]
    assert np.array_equal(to_z_up, np.eye(3))
    matrix = np.array(node["matrix"]).reshape(4, 4).T
    assert np.abs(matrix[:3, :3] @ matrix[:3, :3].T - np.eye(3)).max() < 1e-12
    corners, normals, features, names = [], [], [], []
    for primitive in glb.primitives:
        index = glb.accessor(primitive["indices"]).astype(np.int64).reshape(-1, 3)
        position = glb.accessor(primitive["attributes"]["POSITION"]).astype(np.float64)
        accessor = glb.json["accessors"][primitive["attributes"]["POSITION"]]
        assert position.min(axis=0).tolist() == accessor["min"]
        assert position.max(axis=0).tolist() == accessor["max"]
        corners.append((position @ matrix[:3, :3].T + matrix[:3, 3])[index])
        normal = glb.accessor(primitive["attributes"]["NORMAL"]).astype(np.float64)
        normals.append((normal @ matrix[:3, :3].T)[index[:, 0]])
        ids = glb.accessor(primitive["attributes"]["_FEATURE_ID_0"])[index]
        assert (ids == ids[:, :1]).all()
        features.append(ids[:, 0].astype(np.int64))
        names += [glb.json["materials"][primitive["material"]]["name"]] * len(index)
        (declared,) = primitive["extensions"]["EXT_mesh_features"]["featureIds"]
        assert (
            declared["featureCount"]
            == glb.json["extensions"]["EXT_structural_metadata"]["propertyTables"][0]["count"]
        )
    return Content(
        glb,
        np.concatenate(corners),
        np.concatenate(normals),
        np.concatenate(features),
        glb.columns(),
        names,
    )
