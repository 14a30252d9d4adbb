"""GLB: one mesh a file, a feature id per building, one property table with the attributes.

World coordinates are float64 in the solids' CRS, z up. The file holds float32 positions relative to a
whole-metre origin, that origin as the (float64) translation of the mesh's node, and above it a node that
turns z up into glTF's y up. So a reader that applies node transforms gets world coordinates back to better
than a millimetre.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from geovision import _kernel
from geovision._version import __version__
from geovision.errors import InputError
from geovision.formats.atomic import atomic_write
from geovision.formats.columns import AttributeColumn, encode_table
from geovision.formats.materials import LABEL_COLOURS, linear_rgb, material_name
from geovision.model.labels import Label

__all__ = ["Attributes", "SolidsLike", "glb_bytes", "local_origin", "write_glb"]

Attributes = Mapping[str, Sequence[Any] | NDArray[Any]]

# float32 steps are 0.98 mm from here on, so that rounding is half of that on each axis.
MAX_REACH_M = 16_384.0

# Column-major: x east, y up, z south from x east, y north, z up.
_Z_UP_TO_Y_UP = [1, 0, 0, 0, 0, 0, -1, 0, 0, 1, 0, 0, 0, 0, 0, 1]

_FLOAT, _UINT16, _UINT32 = 5126, 5123, 5125
_ARRAY_BUFFER, _ELEMENT_ARRAY_BUFFER = 34962, 34963


class SolidsLike(Protocol):
    """What the writers need of a batch of solids; `geovision.mesh.Solids` has it."""

    @property
    def ids(self) -> Sequence[str]:
        """One id a building."""
        ...

    def arrays(self) -> Mapping[str, Any]:
        """The kernel's arrays by the field names of struct Solids."""
        ...


def write_glb(
    path: str | os.PathLike[str],
    solids: SolidsLike,
    *,
    attributes: Attributes | None = None,
    crs: str | None = None,
    origin: Sequence[float] | None = None,
    place: bool = True,
    threads: int = 0,
) -> None:
    """Write solids as one GLB file, atomically. The arguments are those of `glb_bytes`.

    >>> import geovision, pathlib, tempfile
    >>> roof = geovision.Gabled(ridge_height=8.0)
    >>> part = geovision.Part(shell=[(0, 0), (12, 0), (12, 8), (0, 8)], eave_height=5.0, roof=roof)
    >>> solids = geovision.mesh([geovision.Program(id="house", parts=[part])])
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "house.glb"
    >>> write_glb(path, solids, crs="EPSG:28992", attributes={"storeys": [2]})
    >>> path.read_bytes()[:4]
    b'glTF'
    """
    data = glb_bytes(solids, attributes=attributes, crs=crs, origin=origin, place=place, threads=threads)
    with atomic_write(path) as file:
        file.write(data)


def glb_bytes(
    solids: SolidsLike,
    *,
    attributes: Attributes | None = None,
    crs: str | None = None,
    origin: Sequence[float] | None = None,
    place: bool = True,
    threads: int = 0,
) -> bytes:
    """Solids as the bytes of a GLB file. The same input gives the same bytes on any number of threads.

    Args:
        solids: the buildings; feature id i is building i, and so is row i of the property table.
        attributes: columns of the property table beside the building's id, one value a building.
        crs: the CRS of the solids' coordinates, e.g. "EPSG:28992"; kept in the file's extras.
        origin: world point that positions are relative to; by default a whole metre amid the buildings.
        place: put the origin into the node's translation. False leaves the mesh at the origin, for
            formats that place it themselves; the extras hold the origin either way.
        threads: 0 for all cores.

    Raises:
        InputError: an attribute does not fit, or the buildings lie too far apart for one origin.
    """
    arrays = solids.arrays()
    anchor = local_origin(arrays) if origin is None else [float(c) for c in origin]
    count = len(solids.ids)
    columns = encode_table({"id": list(solids.ids), **(attributes or {})}, count) if count else {}
    if columns:
        columns["id"].schema.update(semantic="ID", required=True)
    buffers = [buffer for column in columns.values() for buffer in column.buffers.values()]

    def header(layout: dict[str, Any]) -> str:
        return json.dumps(
            _gltf(layout, columns, count, anchor, crs, place), separators=(",", ":"), allow_nan=False
        )

    return _kernel.pack_glb(dict(arrays), tuple(anchor), tuple(range(len(Label))), buffers, header, threads)


def local_origin(arrays: Mapping[str, Any]) -> list[float]:
    """A whole-metre point amid the buildings' own origins.

    >>> local_origin({"origin": np.array([[155000.0, 463000.0, 3.0], [155101.0, 463000.0, 4.0]])})
    [155050.0, 463000.0, 3.0]
    """
    origins = np.asarray(arrays["origin"], np.float64).reshape(-1, 3)
    if not len(origins):
        return [0.0, 0.0, 0.0]
    middle: list[float] = np.floor((origins.min(axis=0) + origins.max(axis=0)) / 2).tolist()
    return middle


def _gltf(
    layout: dict[str, Any],
    columns: dict[str, AttributeColumn],
    count: int,
    anchor: list[float],
    crs: str | None,
    place: bool,
) -> dict[str, Any]:
    extras: dict[str, Any] = {"origin": anchor} if crs is None else {"crs": crs, "origin": anchor}
    gltf: dict[str, Any] = {
        "asset": {"version": "2.0", "generator": f"geovision {__version__}", "extras": extras},
        "scene": 0,
        "scenes": [{"nodes": [0], "extras": extras}],
        "nodes": [{"name": "z-up to y-up", "matrix": _Z_UP_TO_Y_UP}],
    }
    views: list[dict[str, Any]] = []
    extensions: dict[str, Any] = {}
    if layout["groups"]:
        gltf["nodes"] = [
            {"name": "z-up to y-up", "matrix": _Z_UP_TO_Y_UP, "children": [1]},
            {"name": "buildings", "mesh": 0, **({"translation": anchor} if place else {})},
        ]
        gltf["materials"] = [_material(group["group"]) for group in layout["groups"]]
        _add_mesh(gltf, views, layout, count)
        extensions["EXT_mesh_features"] = None
    if columns:
        extensions["EXT_structural_metadata"] = _property_table(views, layout["columns"], columns, count)
    if views:
        gltf["bufferViews"] = views
        gltf["buffers"] = [{"byteLength": layout["bytes"]}]
    if extensions:
        gltf["extensionsUsed"] = sorted(extensions)
    if columns:
        gltf["extensions"] = {"EXT_structural_metadata": extensions["EXT_structural_metadata"]}
    return gltf


def _material(label: int) -> dict[str, Any]:
    colour = linear_rgb(LABEL_COLOURS[Label(label)])
    return {
        "name": material_name(label),
        "pbrMetallicRoughness": {
            "baseColorFactor": [*colour, 1.0],
            "metallicFactor": 0.0,
            "roughnessFactor": 0.9,
        },
        "doubleSided": False,
    }


def _add_mesh(gltf: dict[str, Any], views: list[dict[str, Any]], layout: dict[str, Any], count: int) -> None:
    vertices = layout["vertices"]
    for name, item in (("position", 12), ("normal", 12), ("feature", 4)):
        views.append(
            {
                "buffer": 0,
                "byteOffset": layout[f"{name}_offset"],
                "byteLength": item * vertices,
                "byteStride": item,
                "target": _ARRAY_BUFFER,
            }
        )
    accessors: list[dict[str, Any]] = []
    primitives = []
    for material, group in enumerate(layout["groups"]):
        _check_reach(group)
        primitives.append(_primitive(accessors, views, group, material, count))
    gltf["accessors"] = accessors
    gltf["meshes"] = [{"name": "buildings", "primitives": primitives}]


def _primitive(
    accessors: list[dict[str, Any]],
    views: list[dict[str, Any]],
    group: dict[str, Any],
    material: int,
    count: int,
) -> dict[str, Any]:
    first, base = group["first_vertex"], len(accessors)
    shared = {"componentType": _FLOAT, "count": group["vertices"]}
    bounds = {"min": group["min"], "max": group["max"]}
    indices = 3 * group["triangles"]
    accessors += [
        {"bufferView": 0, "byteOffset": 12 * first, **shared, "type": "VEC3", **bounds},
        {"bufferView": 1, "byteOffset": 12 * first, **shared, "type": "VEC3"},
        {"bufferView": 2, "byteOffset": 4 * first, **shared, "type": "SCALAR"},
        {
            "bufferView": len(views),
            "componentType": _UINT16 if group["index_bytes"] == 2 else _UINT32,
            "count": indices,
            "type": "SCALAR",
        },
    ]
    views.append(
        {
            "buffer": 0,
            "byteOffset": group["index_offset"],
            "byteLength": group["index_bytes"] * indices,
            "target": _ELEMENT_ARRAY_BUFFER,
        }
    )
    feature_ids = [{"featureCount": count, "attribute": 0, "propertyTable": 0, "label": "building"}]
    return {
        "attributes": {"POSITION": base, "NORMAL": base + 1, "_FEATURE_ID_0": base + 2},
        "indices": base + 3,
        "material": material,
        "extensions": {"EXT_mesh_features": {"featureIds": feature_ids}},
    }


def _check_reach(group: dict[str, Any]) -> None:
    reach = max(map(abs, group["min"] + group["max"]))
    if reach > MAX_REACH_M:
        raise InputError(
            "GLB",
            f"a building lies {reach:,.0f} m from the file's origin; beyond {MAX_REACH_M:,.0f} m float32 "
            "positions are no longer good to a millimetre",
            "Write the area as several tiles",
        )


def _property_table(
    views: list[dict[str, Any]], offsets: list[int], columns: dict[str, AttributeColumn], count: int
) -> dict[str, Any]:
    places = iter(offsets)
    properties: dict[str, dict[str, int]] = {}
    for key, column in columns.items():
        properties[key] = {}
        for buffer_key, buffer in column.buffers.items():
            properties[key][buffer_key] = len(views)
            views.append({"buffer": 0, "byteOffset": next(places), "byteLength": len(buffer)})
    schema = {key: column.schema for key, column in columns.items()}
    return {
        "schema": {"id": "geovision", "classes": {"building": {"name": "Building", "properties": schema}}},
        "propertyTables": [
            {"name": "buildings", "class": "building", "count": count, "properties": properties}
        ],
    }
