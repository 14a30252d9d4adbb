"""Terrain patches as GLB: one mesh a patch, its photo as a JPEG, a skirt round its rim.

`write_terrain` makes the patches and hands each to sinks: `TerrainFiles` here, tiles in `tiles3d_terrain`.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from geovision._version import __version__
from geovision.formats.atomic import atomic_write
from geovision.formats.gltf_json import Z_UP_TO_Y_UP
from geovision.formats.materials import TERRAIN_COLOUR, linear_rgb
from geovision.formats.pictures import jpeg
from geovision.formats.terrain import Box, Patch, Picture, Terrain

__all__ = ["TERRAIN", "Sheet", "TerrainFiles", "TerrainSink", "terrain_glb", "write_terrain"]

TERRAIN = "terrain"
"""Name of the meshes and of the material, and `asset.extras.content` of the file."""
_FLOAT, _UINT32 = 5126, 5125
_SKIRT_M = 1.0
MOST_PIXELS = 1024
"""Sides of a photo."""

F32 = NDArray[np.float32]


@dataclass(frozen=True)
class Sheet:
    """A patch as it goes into a file: the skirt's vertices come last, below those of the rim.

    Attributes:
        places: (n, 3) in the CRS.
        triangles: (m, 3), the patch's own first.
        uv: (n, 2) in the photo, from its upper left corner; None without one.
        lit: (n,) of each vertex the one of the patch itself that it is, or hangs below.
        photo: as JPEG.
        texel_m: side of one of its pixels; 0 without a photo.
    """

    places: NDArray[np.float64]
    triangles: NDArray[np.int64]
    uv: F32 | None
    lit: NDArray[np.int64]
    photo: bytes | None
    texel_m: float


class TerrainSink(Protocol):
    """Takes patches, those below first."""

    def write(self, patch: Patch, item: Sheet) -> None:
        """A patch; it is whole only now."""
        ...

    def finish(self, top: Patch) -> None:
        """The patch over all others; those above hold those below."""
        ...


def write_terrain(
    terrain: Terrain,
    sinks: Sequence[TerrainSink],
    picture: Callable[[Box, float], Picture | None] | None = None,
) -> int:
    """Make all patches and write them into every sink; returns their number.

    Args:
        terrain: the patches.
        sinks: where they go.
        picture: gives the photo of an area, its pixels no smaller than the metres given.
    """
    count = 0

    def made(patch: Patch) -> None:
        nonlocal count
        count += 1
        item = _sheet(patch, picture and picture(patch.bounds, patch.side / MOST_PIXELS))
        for sink in sinks:
            sink.write(patch, item)

    top = terrain.build(made)
    if top is not None:
        for sink in sinks:
            sink.finish(top)
    return count


class TerrainFiles:
    """The finest patches as files in world coordinates: one in `target` for all, or `target`/X_Y.glb each."""

    def __init__(self, target: Path, *, merged: bool, crs: str | None) -> None:
        self._target, self._merged = target, merged
        self._extras = {} if crs is None else {"crs": crs}
        self._kept: list[tuple[Sheet, NDArray[np.float64], Mapping[str, Any]]] = []

    def write(self, patch: Patch, item: Sheet) -> None:
        """Keep or write a patch, if it is of the finest."""
        if patch.children:
            return
        low, high = item.places.min(axis=0), item.places.max(axis=0)
        anchor = np.floor([*((low + high) / 2)[:2], low[2]])
        self._kept.append((item, item.places - anchor, {"translation": anchor.tolist()}))
        if not self._merged:
            _, x, y = patch.place
            self._target.mkdir(parents=True, exist_ok=True)
            self._save(self._target / f"{x}_{y}.glb")

    def finish(self, top: Patch) -> None:
        """Write what was kept."""
        if self._kept:
            self._save(self._target)

    def _save(self, path: Path) -> None:
        with atomic_write(path) as file:
            file.write(terrain_glb(self._kept, self._extras))
        self._kept = []


def _sheet(patch: Patch, picture: Picture | None) -> Sheet:
    """The patch with a skirt: neighbours of another tolerance leave no gap that one can see through."""
    places, rim = patch.vertices(), patch.rim()
    upper, index = np.unique(rim, return_inverse=True)
    low = places[upper]
    low[:, 2] -= _SKIRT_M + 2 * patch.off
    a, b = rim.T
    c, d = len(places) + index.reshape(-1, 2).T
    triangles = [patch.triangles, np.column_stack([a, c, d]), np.column_stack([a, d, b])]
    places_all, lit = np.concatenate([places, low]), np.concatenate([np.arange(len(places)), upper])
    uv = None
    if picture is not None:
        west, south, east, north = picture.bounds
        uv = np.column_stack(
            [(places_all[:, 0] - west) / (east - west), (north - places_all[:, 1]) / (north - south)]
        ).astype(np.float32)
    photo, texel = None, 0.0
    if picture is not None:
        pixels = picture.pixels.copy()
        if picture.missing is not None:
            pixels[picture.missing] = TERRAIN_COLOUR
        photo = jpeg(pixels)
        texel = (picture.bounds[2] - picture.bounds[0]) / picture.pixels.shape[1]
    return Sheet(places_all, np.concatenate(triangles), uv, lit, photo, texel)


def terrain_glb(
    sheets: Sequence[tuple[Sheet, NDArray[np.floating], Mapping[str, Any]]], extras: Mapping[str, Any]
) -> bytes:
    """The bytes of a file.

    Args:
        sheets: of each the patch, its vertices (n, 3) in its node's frame, and that node's placement.
        extras: of the asset.
    """
    file = _File(extras)
    for item, local, node in sheets:
        file.add(item, local.astype(np.float32), node)
    return file.bytes()


class _File:
    def __init__(self, extras: Mapping[str, Any]) -> None:
        self._chunks: list[bytes] = []
        self._size = 0
        self._json: dict[str, Any] = {
            "asset": {
                "version": "2.0",
                "generator": f"geovision {__version__}",
                "extras": {**extras, "content": TERRAIN},
            },
            "scene": 0,
            "scenes": [{"nodes": [0]}],
            "nodes": [{"name": "z-up to y-up", "matrix": Z_UP_TO_Y_UP, "children": []}],
            "meshes": [],
            "materials": [],
            "accessors": [],
            "bufferViews": [],
        }

    def add(self, item: Sheet, local: F32, node: Mapping[str, Any]) -> None:
        gltf = self._json
        attributes = {
            "POSITION": self._accessor(local, "VEC3", 34962, bounds=True),
            "NORMAL": self._accessor(_normals(item, local), "VEC3", 34962),
        }
        if item.uv is not None:
            attributes["TEXCOORD_0"] = self._accessor(item.uv, "VEC2", 34962)
        indices = self._accessor(item.triangles.astype(np.uint32).reshape(-1), "SCALAR", 34963)
        gltf["nodes"][0]["children"].append(len(gltf["nodes"]))
        gltf["nodes"].append({"name": TERRAIN, "mesh": len(gltf["meshes"]), **node})
        primitive = {"attributes": attributes, "indices": indices, "material": len(gltf["materials"])}
        gltf["meshes"].append({"name": TERRAIN, "primitives": [primitive]})
        gltf["materials"].append(self._material(item.photo))

    def _material(self, photo: bytes | None) -> dict[str, Any]:
        surface: dict[str, Any] = {"metallicFactor": 0.0, "roughnessFactor": 1.0}
        if photo is None:
            surface["baseColorFactor"] = [*linear_rgb(TERRAIN_COLOUR), 1.0]
            return {"name": TERRAIN, "pbrMetallicRoughness": surface}
        gltf = self._json
        images = gltf.setdefault("images", [])
        gltf.setdefault("samplers", [{"wrapS": 33071, "wrapT": 33071, "magFilter": 9729, "minFilter": 9987}])
        surface["baseColorTexture"] = {"index": len(images)}
        gltf.setdefault("textures", []).append({"sampler": 0, "source": len(images)})
        images.append({"mimeType": "image/jpeg", "bufferView": self._view(photo)})
        # A photo has its light in it: shading may not be put on top where a client can leave it.
        return {"name": TERRAIN, "pbrMetallicRoughness": surface, "extras": {"provenance": "observed"}}

    def _view(self, data: bytes, target: int | None = None) -> int:
        view = {"buffer": 0, "byteOffset": self._size, "byteLength": len(data)}
        self._json["bufferViews"].append({**view, **({} if target is None else {"target": target})})
        padded = data + bytes(-len(data) % 8)
        self._chunks.append(padded)
        self._size += len(padded)
        return len(self._json["bufferViews"]) - 1

    def _accessor(self, values: NDArray[Any], kind: str, target: int, *, bounds: bool = False) -> int:
        component = _UINT32 if values.dtype == np.uint32 else _FLOAT
        view = self._view(np.ascontiguousarray(values).tobytes(), target)
        accessor = {"bufferView": view, "componentType": component, "count": len(values), "type": kind}
        if bounds:
            accessor |= {"min": values.min(axis=0).tolist(), "max": values.max(axis=0).tolist()}
        self._json["accessors"].append(accessor)
        return len(self._json["accessors"]) - 1

    def bytes(self) -> bytes:
        text = json.dumps(
            {**self._json, "buffers": [{"byteLength": self._size}]}, separators=(",", ":"), allow_nan=False
        ).encode()
        # 3D Tiles wants a file's chunks, and its end, at multiples of 8.
        text += b" " * ((4 - len(text)) % 8)
        length = 12 + 8 + len(text) + 8 + self._size
        head = struct.pack("<4sIIII", b"glTF", 2, length, len(text), 0x4E4F534A)
        return b"".join([head, text, struct.pack("<II", self._size, 0x004E4942), *self._chunks])


def _normals(item: Sheet, local: F32) -> F32:
    """Means of the triangles' normals by area; a skirt is lit as the rim above it."""
    place = local.astype(np.float64)
    own = int(item.lit.max()) + 1
    top = item.triangles[(item.triangles < own).all(axis=1)]
    a, b, c = (place[top[:, k]] for k in range(3))
    area = np.cross(b - a, c - a)
    total = np.zeros((own, 3))
    for k in range(3):
        np.add.at(total, top[:, k], area)
    unit = total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)
    result: F32 = unit[item.lit].astype(np.float32)
    return result
