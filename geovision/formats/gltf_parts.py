"""Facades in glTF as instances (EXT_mesh_gpu_instancing): small meshes before walls that stay whole.

A window costs a place, a turn, a size and a feature id, a dozen bytes once compressed; what it looks like is
there once for all that are alike. Pieces name their building (EXT_instance_features), as faces do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from geovision import _kernel
from geovision.formats.materials import LABEL_COLOURS, linear_rgb
from geovision.formats.part_meshes import Design, PartMesh, PartShape, part_mesh
from geovision.mesh.elements import Elements
from geovision.mesh.walls import Walls
from geovision.model.labels import Label

__all__ = ["Parts", "make_parts"]

_BYTE, _SHORT, _USHORT, _FLOAT = 5120, 5122, 5123, 5126
_INSTANCING, _FEATURES = "EXT_mesh_gpu_instancing", "EXT_instance_features"
_MESHOPT = "EXT_meshopt_compression"
# Name, component, type, bytes, whether it is normalised.
_COLUMNS = (
    ("translation", _FLOAT, "VEC3", 12, False),
    ("rotation", _SHORT, "VEC4", 8, True),
    ("scale", _FLOAT, "VEC3", 12, False),
    ("feature", _FLOAT, "SCALAR", 4, False),
)
_ATTRIBUTES = ("TRANSLATION", "ROTATION", "SCALE", "_FEATURE_ID_0")
_LABELS: dict[int, Label] = {
    PartShape.BOX: Label.INSTALLATION,
    PartShape.RAILING: Label.INSTALLATION,
    PartShape.DOOR: Label.DOOR,
    PartShape.GARAGE_DOOR: Label.DOOR,
}
_NAMES = [shape.name.lower() for shape in PartShape]


@dataclass(frozen=True)
class Parts:
    """Placed pieces, and the meshes that they show.

    Attributes:
        found: what `_kernel.place_instances` gave.
        meshes: of every group.
        buffers: to put behind the geometry: four columns of instances, then positions, normals and indices of
            the meshes.
        compressed: whether all of them are in the bitstream of EXT_meshopt_compression.
    """

    found: Mapping[str, Any]
    meshes: tuple[tuple[PartMesh, ...], ...]
    buffers: tuple[bytes, ...]
    compressed: bool

    @property
    def dropped(self) -> int:
        """Openings that did not fit their wall, and what belonged to them."""
        return int(self.found["dropped"])

    @property
    def extensions(self) -> set[str]:
        """Those that are used."""
        return {_INSTANCING, _FEATURES} if self.found["count"] else set()

    def add_to(
        self,
        gltf: dict[str, Any],
        views: list[dict[str, Any]],
        offsets: Sequence[int],
        count: int,
        decoded: int,
    ) -> int:
        """Put nodes, meshes and accessors into a document; gives the bytes of the fallback buffer.

        Args:
            gltf: the document; its second node, that of the buildings, gets one below it for every group.
            views: its buffer views.
            offsets: where `buffers` lie.
            count: rows of the property table.
            decoded: bytes of the fallback buffer so far.
        """
        if not self.found["count"]:
            return decoded
        writer = _Writer(gltf, views, self.compressed, decoded)
        placed = [
            writer.view(offsets[place], self.buffers[place], item, self.found["count"], name in _STEPPED)
            for place, (name, _, _, item, _) in enumerate(_COLUMNS)
        ]
        shown = _each_once(self.meshes)
        vertices = sum(len(mesh.positions) for mesh in shown)
        indices = sum(len(mesh.indices) for mesh in shown)
        normal = 4 if self.compressed else 12
        shape = [
            writer.view(offsets[4], self.buffers[4], 12, vertices, False, target=34962),
            writer.view(offsets[5], self.buffers[5], normal, vertices, False, target=34962),
            writer.view(offsets[6], self.buffers[6], 2, indices, False, target=34963, triangles=True),
        ]
        for mesh in shown:
            writer.geometry(mesh, shape, normal)
        below = gltf["nodes"][1]["children"] = []
        for group, meshes in zip(self.found["groups"], self.meshes, strict=True):
            primitives = [writer.primitive(mesh, group) for mesh in meshes]
            gltf["meshes"].append({"primitives": primitives})
            attributes = {
                key: writer.column(view, column, group["first"], group["count"])
                for key, view, column in zip(_ATTRIBUTES, placed, _COLUMNS, strict=True)
            }
            ids = [{"featureCount": count, "attribute": 0, "propertyTable": 0}]
            below.append(len(gltf["nodes"]))
            gltf["nodes"].append(
                {
                    "name": _NAMES[group["shape"]],
                    "mesh": len(gltf["meshes"]) - 1,
                    "extensions": {
                        _INSTANCING: {"attributes": attributes},
                        _FEATURES: {"featureIds": ids},
                    },
                }
            )
        return writer.decoded


_STEPPED = ("translation", "scale")


class _Writer:
    """Appends to a document, and remembers which materials are there."""

    def __init__(
        self, gltf: dict[str, Any], views: list[dict[str, Any]], compressed: bool, decoded: int
    ) -> None:
        self.gltf, self.views, self.compressed, self.decoded = gltf, views, compressed, decoded
        self.materials: dict[tuple[Any, ...], int] = {}
        self.accessors: list[dict[str, Any]] = gltf["accessors"]
        self.places: dict[int, dict[str, Any]] = {}
        self.first = [0, 0]

    def view(
        self,
        offset: int,
        data: bytes,
        item: int,
        count: int,
        stepped: bool,
        *,
        target: int | None = None,
        triangles: bool = False,
    ) -> int:
        """A buffer view; its number."""
        place: dict[str, Any] = {"buffer": 0, "byteOffset": offset, "byteLength": len(data)}
        view = place
        if self.compressed:
            coded = {
                **place,
                "byteStride": item,
                "count": count,
                "mode": "TRIANGLES" if triangles else "ATTRIBUTES",
                "filter": "EXPONENTIAL" if stepped else "NONE",
            }
            view = {
                "buffer": 1,
                "byteOffset": self.decoded,
                "byteLength": item * count,
                "extensions": {_MESHOPT: coded},
            }
            self.decoded += -(-item * count // 4) * 4
        if target is not None:
            view["target"] = target
        if target == 34962:
            view["byteStride"] = item
        self.views.append(view)
        return len(self.views) - 1

    def _accessor(self, **content: Any) -> int:
        self.accessors.append(content)
        return len(self.accessors) - 1

    def column(self, view: int, column: tuple[str, int, str, int, bool], first: int, count: int) -> int:
        """Some rows of a column of instances."""
        _, component, kind, item, normalized = column
        found = {
            "bufferView": view,
            "byteOffset": item * first,
            "componentType": component,
            "count": count,
            "type": kind,
        }
        if normalized:
            found["normalized"] = True
        self.accessors.append(found)
        return len(self.accessors) - 1

    def geometry(self, mesh: PartMesh, views: Sequence[int], normal: int) -> None:
        """Accessors of a mesh, behind those before it in the same views."""
        first, count = self.first, len(mesh.positions)
        position = self._accessor(
            bufferView=views[0],
            byteOffset=12 * first[0],
            componentType=_FLOAT,
            count=count,
            type="VEC3",
            min=mesh.bounds[0],
            max=mesh.bounds[1],
        )
        normals = self._accessor(
            bufferView=views[1],
            byteOffset=normal * first[0],
            componentType=_BYTE if self.compressed else _FLOAT,
            **({"normalized": True} if self.compressed else {}),
            count=count,
            type="VEC3",
        )
        indices = self._accessor(
            bufferView=views[2],
            byteOffset=2 * first[1],
            componentType=_USHORT,
            count=len(mesh.indices),
            type="SCALAR",
        )
        first[0] += count
        first[1] += len(mesh.indices)
        self.places[id(mesh)] = {"attributes": {"POSITION": position, "NORMAL": normals}, "indices": indices}

    def primitive(self, mesh: PartMesh, group: Mapping[str, Any]) -> dict[str, Any]:
        """A mesh in the colour of a group."""
        return {**self.places[id(mesh)], "material": self._material(mesh, group)}

    def _material(self, mesh: PartMesh, group: Mapping[str, Any]) -> int:
        label = _LABELS.get(group["shape"], Label.WINDOW)
        # To eight steps of 255, so that there are few.
        colour = LABEL_COLOURS[Label.WINDOW] if mesh.glass else tuple(c // 8 * 8 + 4 for c in group["colour"])
        key = (label, mesh.glass, mesh.both, colour)
        if key not in self.materials:
            self.materials[key] = len(self.gltf["materials"])
            name = label.name.lower() if mesh.glass or label == Label.INSTALLATION else "frame"
            self.gltf["materials"].append(
                {
                    "name": name,
                    "pbrMetallicRoughness": {
                        "baseColorFactor": [*linear_rgb(colour), 1.0],
                        "metallicFactor": 0.0,
                        "roughnessFactor": 0.1 if mesh.glass else 0.7,
                    },
                    "doubleSided": mesh.both,
                    "extras": {"label": label.name.lower(), "provenance": "inferred"},
                }
            )
        return self.materials[key]


def make_parts(
    arrays: Mapping[str, Any],
    walls: Walls,
    elements: Elements,
    *,
    origin: Sequence[float] = (0.0, 0.0, 0.0),
    frame: tuple[Any, ...] | None = None,
    compress: int | None = None,
    threads: int = 0,
) -> Parts:
    """Elements as instances.

    Args:
        arrays: of the solids that carry them.
        walls: of these solids.
        elements: on them. Openings that do not fit their wall are left out and counted.
        origin: world point that places are relative to.
        frame: of the tile instead, as `_kernel.pack_glb` takes it.
        compress: compress, with places to 2^compress metres.
        threads: 0 for all cores.
    """
    found = _kernel.place_instances(
        arrays, walls.arrays(), elements.arrays(), tuple(origin), threads, frame, compress
    )
    designs = _designs(elements)
    meshes = tuple(
        part_mesh(
            PartShape(group["shape"]),
            designs[group["design"]] if group["design"] >= 0 else None,
            *group["size"],
        )
        for group in found["groups"]
    )
    buffers = [found[name] for name, *_ in _COLUMNS]
    if found["count"]:
        flat = _each_once(meshes)
        positions = np.concatenate([mesh.positions for mesh in flat])
        normals = np.concatenate([mesh.normals for mesh in flat])
        indices = np.concatenate([mesh.indices for mesh in flat])
        if compress is None:
            buffers += [positions.tobytes(), normals.tobytes(), indices.tobytes()]
        else:
            short = np.zeros((len(normals), 4), np.int8)
            short[:, :3] = np.rint(127 * normals)
            buffers += [
                _kernel.encode_meshopt(positions.tobytes(), 12, "ATTRIBUTES"),
                _kernel.encode_meshopt(short.tobytes(), 4, "ATTRIBUTES"),
                _kernel.encode_meshopt(indices.tobytes(), 2, "TRIANGLES"),
            ]
    return Parts(found, meshes, tuple(buffers), compress is not None)


def _each_once(meshes: Sequence[Sequence[PartMesh]]) -> list[PartMesh]:
    return list({id(mesh): mesh for group in meshes for mesh in group}.values())


def _designs(elements: Elements) -> list[Design]:
    columns = (
        elements.panes_across.tolist(),
        elements.panes_up.tolist(),
        (elements.frame / 1000).tolist(),
        (elements.mullion / 1000).tolist(),
        elements.panel.tolist(),
        elements.glass.astype(bool).tolist(),
    )
    return [Design(*row) for row in zip(*columns, strict=True)]
