"""What is in a mesh file: counts and bounds, without building anything from it."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np

from geovision.bounded import check_size
from geovision.errors import InputError

__all__ = ["MESH_SUFFIXES", "MOST_MESH_BYTES", "describe_mesh"]

MOST_MESH_BYTES = 1 << 32
"""Of a mesh file that is taken into memory whole."""
MESH_SUFFIXES = (".glb", ".obj", ".ply", ".stl")

# glTF stores one document in the first chunk; ours are kilobytes, and a file may claim anything.
MAX_GLB_JSON = 256 * 2**20
TRIANGLES = 4


def describe_mesh(path: str | Path) -> dict[str, Any]:
    """Counts and bounds of a GLB, OBJ, PLY or STL file, as plain JSON values.

    Bounds are [x, y, z] minimum and maximum in metres, z up, in the file's CRS where it has one.

    Raises:
        InputError: The file is not what its suffix says.
    """
    path = Path(path)
    if path.suffix.lower() == ".glb":
        return _describe_glb(path)
    return _describe_with_trimesh(path)


def _read_glb_json(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        head = file.read(20)
        if len(head) < 20 or head[:4] != b"glTF":
            raise InputError(str(path), "is not a binary glTF file", "Write it with geovision mesh")
        _, total, length, kind = struct.unpack("<4xIIII", head)
        size = path.stat().st_size
        if kind != 0x4E4F534A or length > min(size, MAX_GLB_JSON) or total != size:
            problem = f"is cut off or damaged: {size} bytes where {total} are announced"
            raise InputError(str(path), problem, "Write it again")
        try:
            document = json.loads(file.read(length))
        except (ValueError, RecursionError) as error:
            raise InputError(str(path), f"has a damaged JSON chunk: {error}", "Write it again") from error
    if not isinstance(document, dict):
        raise InputError(str(path), "has a JSON chunk that is no object", "Write it again")
    return document


def _describe_glb(path: Path) -> dict[str, Any]:
    gltf = _read_glb_json(path)
    try:
        primitives = [p for mesh in gltf.get("meshes", []) for p in mesh["primitives"]]
        accessors = gltf.get("accessors", [])
        triangles = sum(
            accessors[p["indices"]]["count"] // 3 for p in primitives if p.get("mode", TRIANGLES) == TRIANGLES
        )
        vertices = sum(accessors[i]["count"] for i in {p["attributes"]["POSITION"] for p in primitives})
        bounds = _glb_bounds(gltf)
        metadata = gltf.get("extensions", {}).get("EXT_structural_metadata", {})
        tables = metadata.get("propertyTables", [])
        return {
            "format": "glb",
            "bytes": path.stat().st_size,
            "generator": gltf.get("asset", {}).get("generator"),
            "buildings": tables[0]["count"] if tables else None,
            "attributes": sorted(tables[0].get("properties", {})) if tables else [],
            "meshes": len(gltf.get("meshes", [])),
            "materials": [material.get("name", "") for material in gltf.get("materials", [])],
            "vertices": vertices,
            "triangles": triangles,
            "bounds": bounds,
        }
    except (
        KeyError,
        IndexError,
        TypeError,
        ValueError,
        AttributeError,
        RecursionError,
        OverflowError,
    ) as error:
        raise InputError(str(path), f"is not valid glTF: {error!r}", "Run a glTF validator on it") from error


def _glb_bounds(gltf: dict[str, Any]) -> list[list[float]] | None:
    """World bounds from the accessors' min and max, turned back from glTF's y-up to z-up."""
    nodes = gltf.get("nodes", [])
    lows: list[np.ndarray] = []
    highs: list[np.ndarray] = []

    seen: set[int] = set()

    def visit(index: int, parent: np.ndarray) -> None:
        if index in seen:
            raise ValueError("a node has two parents, or is its own")
        seen.add(index)
        node = nodes[index]
        world = parent @ _matrix(node)
        for primitive in gltf["meshes"][node["mesh"]]["primitives"] if "mesh" in node else []:
            accessor = gltf["accessors"][primitive["attributes"]["POSITION"]]
            box = np.array([accessor["min"], accessor["max"]], dtype=np.float64)
            corners = np.array([[box[i, 0], box[j, 1], box[k, 2], 1.0] for i, j, k in np.ndindex(2, 2, 2)])
            moved = corners @ world.T
            lows.append(moved[:, :3].min(axis=0))
            highs.append(moved[:, :3].max(axis=0))
        for child in node.get("children", []):
            visit(child, world)

    # x, y, z of glTF is east, up, south.
    z_up = np.array([[1, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1]], dtype=np.float64)
    for scene in gltf.get("scenes", [])[:1]:
        for root in scene.get("nodes", []):
            visit(root, z_up)
    if not lows:
        return None
    return [np.min(lows, axis=0).round(3).tolist(), np.max(highs, axis=0).round(3).tolist()]


def _matrix(node: dict[str, Any]) -> np.ndarray:
    """The node's local transform; matrices in glTF are column-major."""
    if "matrix" in node:
        return np.array(node["matrix"], dtype=np.float64).reshape(4, 4).T
    x, y, z, w = node.get("rotation", (0.0, 0.0, 0.0, 1.0))
    rotation = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    matrix = np.eye(4)
    matrix[:3, :3] = rotation * np.array(node.get("scale", (1.0, 1.0, 1.0)))
    matrix[:3, 3] = node.get("translation", (0.0, 0.0, 0.0))
    return matrix


def _describe_with_trimesh(path: Path) -> dict[str, Any]:
    import trimesh

    check_size(path, MOST_MESH_BYTES, str(path), "Give it in tiles")
    try:
        mesh = trimesh.load_mesh(path)
    except Exception as error:  # its readers raise whatever they stumble over
        raise InputError(str(path), f"cannot be read as {path.suffix}: {error}", "Write it again") from error
    if mesh.bounds is None:
        raise InputError(str(path), "has no faces", "Write it again")
    return {
        "format": path.suffix.lower().lstrip("."),
        "bytes": path.stat().st_size,
        "buildings": None,
        "vertices": len(mesh.vertices),
        "triangles": len(mesh.faces),
        "bounds": np.asarray(mesh.bounds).round(3).tolist(),
    }
