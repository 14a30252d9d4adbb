"""Terrain as 3D Tiles, and the tileset that shows it beside the buildings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision._version import __version__
from geovision.formats.atomic import atomic_write
from geovision.formats.terrain import Patch
from geovision.formats.terrain_glb import TERRAIN, Sheet, terrain_glb
from geovision.formats.tiles3d_content import TEXEL_ERROR, Box, Tile, box_of
from geovision.formats.tiles3d_json import explicit_tilesets
from geovision.formats.tiles3d_place import Frame, Globe

__all__ = ["TerrainTiles", "write_joined_tileset"]

Floats = NDArray[np.float64]


class TerrainTiles:
    """Writes `folder`/tileset.json and content/LEVEL/X/Y.glb; a sink for `write_terrain`."""

    def __init__(self, folder: Path, globe: Globe) -> None:
        self._folder, self._globe = folder, globe
        self._root: Floats | None = None
        self._boxes: dict[tuple[int, int, int], Box] = {}
        self._errors: dict[tuple[int, int, int], float] = {}

    def write(self, patch: Patch, item: Sheet) -> None:
        """Write the content of a patch. The first one's frame is the root's."""
        x, y = patch.west + patch.side / 2, patch.south + patch.side / 2
        middle = np.array([x, y, float(item.places[:, 2].min())])
        frame = Frame(self._globe.east_north_up(middle), None)
        if self._root is None:
            self._root = frame.matrix
        matrix = frame.within(self._root)
        local = frame.to_frame(self._globe.ecef(item.places)).astype(np.float32)
        node = {"matrix": matrix.T.reshape(-1).tolist()}
        path = self._folder / "content" / f"{_name(patch)}.glb"
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as file:
            file.write(terrain_glb([(item, local, node)], {"crs": self._globe.name}))
        box = box_of(matrix, local.min(axis=0), local.max(axis=0))
        # A tile's box holds those of all below, and the globe bends away under the patch of a wide area.
        corners = [box.corners(), *(self._boxes[child.place].corners() for child in patch.children)]
        inside = (np.concatenate(corners) - matrix[:3, 3]) @ matrix[:3, :3]
        self._boxes[patch.place] = box_of(matrix, inside.min(axis=0), inside.max(axis=0), 1e-6)
        below = [self._errors[child.place] for child in patch.children]
        self._errors[patch.place] = max([patch.off, TEXEL_ERROR * item.texel_m, *below]) if below else 0.0

    def finish(self, top: Patch) -> None:
        """Write the lists of tiles, tileset.json last."""
        assert self._root is not None
        tile = self._tile(top)
        extras = {"crs": self._globe.name, "height": self._globe.height, "content": TERRAIN}
        transform, error = self._root.T.reshape(-1).tolist(), max(2 * tile.error, 1.0)
        for name, data in reversed(list(explicit_tilesets(tile, transform, error, extras))):
            path = self._folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(path) as file:
                file.write(data)

    def _tile(self, patch: Patch) -> Tile:
        tile = Tile(_name(patch), self._errors[patch.place], self._boxes[patch.place], content=True)
        tile.children = [self._tile(child) for child in patch.children]
        return tile


def _name(patch: Patch) -> str:
    level, x, y = patch.place
    return f"{level}/{x}/{y}"


def write_joined_tileset(folder: Path, layers: Mapping[str, str], extras: Mapping[str, Any]) -> None:
    """Write `folder`/tileset.json that shows several tilesets side by side.

    Each is a content of its own, in a group of its own, so that a client can leave one out.

    Args:
        folder: where to.
        layers: names of groups, and the tilesets' files relative to `folder`.
        extras: of the asset.
    """
    children, corners, error = [], [], 0.0
    for number, uri in enumerate(layers.values()):
        tileset = json.loads((folder / uri).read_text(encoding="utf-8"))
        root = tileset["root"]
        error = max(error, float(tileset["geometricError"]))
        volume = root["boundingVolume"]
        if "box" not in volume:
            continue
        matrix = np.array(root["transform"], np.float64).reshape(4, 4).T
        numbers = np.array(volume["box"], np.float64)
        axes = numbers[3:].reshape(3, 3) @ matrix[:3, :3].T
        box = Box(matrix[:3, :3] @ numbers[:3] + matrix[:3, 3], axes)
        corners.append(box.corners())
        children.append(
            {
                "boundingVolume": {"box": box.numbers()},
                "geometricError": root["geometricError"],
                "refine": root["refine"],
                "content": {"uri": uri, "group": number},
            }
        )
        turn = matrix[:3, :3]
    joined: dict[str, Any] = {
        "boundingVolume": {"sphere": [0, 0, 0, 1]},
        "geometricError": 0,
        "refine": "ADD",
    }
    if children:
        points = np.concatenate(corners)
        middle = points.mean(axis=0)
        local = (points - middle) @ turn
        frame = np.eye(4)
        frame[:3, :3], frame[:3, 3] = turn, middle
        box = box_of(frame, local.min(axis=0), local.max(axis=0), 1e-6)
        joined |= {"boundingVolume": {"box": box.numbers()}, "geometricError": error, "children": children}
    text = json.dumps(
        {
            "asset": {"version": "1.1", "generator": f"geovision {__version__}", "extras": dict(extras)},
            "schema": {
                "id": "geovision_layers",
                "classes": {"layer": {"properties": {"name": {"type": "STRING", "required": True}}}},
            },
            "groups": [{"class": "layer", "properties": {"name": name}} for name in layers],
            "geometricError": error,
            "root": joined,
        },
        separators=(",", ":"),
        allow_nan=False,
    )
    with atomic_write(folder / "tileset.json") as file:
        file.write(text.encode())
