"""A GLB file read by its specification, every index and length checked: input is not trusted."""

from __future__ import annotations

import itertools
import json
import math
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision.formats.terrain_glb import TERRAIN
from geovision.quality.findings import Malformed

__all__ = ["Glb", "Mesh"]

_TYPES = {5120: "i1", 5121: "u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}
_JSON, _BIN = 0x4E4F534A, 0x004E4942
TRIANGLES = 4
_MOST_MADE = 1 << 31
_MOST_TRIANGLES = 100_000_000
F64 = NDArray[np.float64]


class Mesh:
    """Triangles of one placed mesh: positions as stored, its matrix, and the feature of each vertex."""

    def __init__(
        self, positions: F64, triangles: NDArray[np.int64], features: NDArray[np.int64] | None
    ) -> None:
        self.positions, self.triangles, self.features = positions, triangles, features
        self.matrix = np.eye(4)


class Glb:
    """The document and the binary chunk; `Malformed` where something does not fit.

    >>> Glb(b"glTF")
    Traceback (most recent call last):
    geovision.quality.findings.Malformed: the header is cut off
    """

    def __init__(self, data: bytes) -> None:
        if len(data) < 20:
            raise Malformed(901, "the header is cut off")
        magic, version, length, json_length, json_kind = struct.unpack_from("<4sIIII", data)
        if magic != b"glTF" or version != 2 or json_kind != _JSON:
            raise Malformed(901, "this is no glTF 2.0 binary file")
        if length != len(data) or 20 + json_length > length:
            raise Malformed(901, f"{len(data)} bytes where {length} are announced")
        try:
            self.json: Any = json.loads(data[20 : 20 + json_length])
        except (ValueError, RecursionError) as error:
            raise Malformed(901, f"the JSON chunk is damaged: {error}") from None
        if not isinstance(self.json, dict):
            raise Malformed(901, "the JSON chunk is no object")
        self.bin = b""
        rest = 20 + json_length
        if rest + 8 <= length:
            bin_length, bin_kind = struct.unpack_from("<II", data, rest)
            if bin_kind != _BIN or rest + 8 + bin_length > length:
                raise Malformed(901, "the binary chunk is cut off")
            self.bin = data[rest + 8 : rest + 8 + bin_length]
        self._views: dict[int, bytes] = {}
        self._made = 0

    def _item(self, name: str, index: Any) -> dict[str, Any]:
        items = self.json.get(name, [])
        whole = isinstance(index, int) and not isinstance(index, bool)
        if not whole or not isinstance(items, list) or not 0 <= index < len(items):
            raise Malformed(803, f"{name}[{index}] is not there")
        item = items[index]
        if not isinstance(item, dict):
            raise Malformed(802, f"{name}[{index}] is no object")
        return item

    def view(self, index: Any) -> bytes:
        """The bytes of a buffer view, decompressed."""
        view = self._item("bufferViews", index)
        if index in self._views:
            return self._views[index]
        coded = view.get("extensions", {}).get("EXT_meshopt_compression")
        source = view if coded is None else coded
        begin, size = source.get("byteOffset", 0), source.get("byteLength")
        if not isinstance(begin, int) or not isinstance(size, int) or begin < 0 or size < 0:
            raise Malformed(802, f"bufferViews[{index}] has no place")
        if begin + size > len(self.bin):
            raise Malformed(803, f"bufferViews[{index}] ends at {begin + size} of {len(self.bin)} bytes")
        data = self.bin[begin : begin + size]
        if coded is not None:
            self._spend(_decoded_bytes(coded))
            data = _decoded(data, coded, index)
        self._views[index] = data
        return data

    def _spend(self, size: int) -> None:
        """Bytes that are not in the file: compressed, or zeros that are only told of."""
        self._made += size
        if self._made > _MOST_MADE:
            raise Malformed(901, f"the file unpacks to over {_MOST_MADE:,} bytes")

    def accessor(self, index: Any) -> NDArray[Any]:
        """Values of an accessor, [count] or [count, width]."""
        accessor = self._item("accessors", index)
        width, kind = _WIDTHS.get(accessor.get("type", "")), _TYPES.get(accessor.get("componentType", 0))
        count, offset = accessor.get("count"), accessor.get("byteOffset", 0)
        if (
            width is None
            or kind is None
            or not isinstance(count, int)
            or count < 0
            or not isinstance(offset, int)
        ):
            raise Malformed(802, f"accessors[{index}] is not complete")
        if "bufferView" not in accessor:
            self._spend(count * width * np.dtype(kind).itemsize)
            return np.zeros((count, width) if width > 1 else count, kind)
        data = self.view(accessor["bufferView"])
        size = np.dtype(kind).itemsize
        step = self._item("bufferViews", accessor["bufferView"]).get("byteStride", size * width)
        end = offset + step * (count - 1) + size * width if count else offset
        if not isinstance(step, int) or step < size * width or offset < 0 or end > len(data):
            raise Malformed(803, f"accessors[{index}] ends at {end} of {len(data)} bytes")
        rows: NDArray[Any] = np.ndarray((count, width), kind, data, offset, (step, size))
        if accessor.get("normalized") and np.dtype(kind).kind in "iu":
            rows = np.maximum(rows / np.iinfo(kind).max, -1.0)
        return rows if width > 1 else rows[:, 0]

    def meshes(self) -> Iterator[Mesh]:
        """Every mesh where the first scene puts it, primitives joined.

        Not those of instances: what stands before walls many times is no solid. It is read, and its places.
        """
        scene = self._item("scenes", self.json.get("scene", 0)) if self.json.get("scenes") else {}
        pending = [(node, np.eye(4)) for node in scene.get("nodes", [])]
        seen: set[int] = set()
        triangles = 0
        while pending:
            index, above = pending.pop()
            if index in seen:
                raise Malformed(806, "a node has two parents, or is its own")
            seen.add(index)
            node = self._item("nodes", index)
            at = above @ matrix_of(node)
            pending += [(child, at) for child in node.get("children", [])]
            if "mesh" in node:
                made = self._mesh(self._item("meshes", node["mesh"]))
                instances = node.get("extensions", {}).get("EXT_mesh_gpu_instancing")
                if instances is not None:
                    self._check_instances(instances)
                    continue
                made.matrix = at
                triangles += len(made.triangles)
                if triangles > _MOST_TRIANGLES:
                    raise Malformed(901, f"there are over {_MOST_TRIANGLES:,} triangles")
                yield made

    def _check_instances(self, instances: dict[str, Any]) -> None:
        counts = set()
        for name, index in instances.get("attributes", {}).items():
            values = self.accessor(index)
            counts.add(len(values))
            if not np.isfinite(values).all():
                raise Malformed(802, f"{name} of instances is not finite")
        if len(counts) > 1:
            raise Malformed(802, f"attributes of instances have {sorted(counts)} values")

    def _mesh(self, mesh: dict[str, Any]) -> Mesh:
        positions, triangles, features, first = [], [], [], 0
        for primitive in mesh.get("primitives", []):
            attributes = primitive.get("attributes", {})
            if primitive.get("mode", TRIANGLES) != TRIANGLES or "POSITION" not in attributes:
                continue
            with np.errstate(invalid="ignore"):  # NaN stays NaN, which is found later
                place = np.asarray(self.accessor(attributes["POSITION"]), np.float64)
            if place.ndim != 2 or place.shape[1] != 3:
                raise Malformed(802, "POSITION has not three components")
            self._check_extent(attributes["POSITION"], place)
            indices = (
                _whole(self.accessor(primitive["indices"]), "indices")
                if "indices" in primitive
                else np.arange(len(place))
            )
            if len(indices) % 3 or (len(indices) and int(indices.max()) >= len(place)):
                raise Malformed(803, f"an index is {indices.max(initial=0)} of {len(place)} vertices")
            positions.append(place)
            triangles.append(indices.reshape(-1, 3) + first)
            if "_FEATURE_ID_0" in attributes:
                found = _whole(self.accessor(attributes["_FEATURE_ID_0"]), "_FEATURE_ID_0")
                if found.shape != (len(place),):
                    raise Malformed(865, f"{len(found)} feature ids for {len(place)} vertices")
                features.append(found)
            first += len(place)
        if not positions:
            return Mesh(np.zeros((0, 3)), np.zeros((0, 3), np.int64), None)
        ids = np.concatenate(features) if len(features) == len(positions) else None
        return Mesh(np.concatenate(positions), np.concatenate(triangles), ids)

    def _check_extent(self, index: int, place: F64) -> None:
        accessor = self.json["accessors"][index]
        if not len(place) or not np.isfinite(place).all():
            return
        if "min" not in accessor or "max" not in accessor:
            raise Malformed(802, "POSITION has no min and max")
        low, high = np.array(accessor["min"], float), np.array(accessor["max"], float)
        if accessor.get("normalized"):
            return
        slack = 1e-6 * max(1.0, float(np.abs(place).max()))
        if (place.min(axis=0) < low - slack).any() or (place.max(axis=0) > high + slack).any():
            raise Malformed(813, "POSITION leaves its accessor's min and max")

    @property
    def is_terrain(self) -> bool:
        """Whether the file says that it holds ground, which is a surface and no solid."""
        asset = self.json.get("asset")
        extras = asset.get("extras") if isinstance(asset, dict) else None
        return isinstance(extras, dict) and extras.get("content") == TERRAIN

    @property
    def quantized(self) -> bool:
        """Whether positions are rounded more coarsely than float32 does."""
        required = self.json.get("extensionsRequired", [])
        return "KHR_mesh_quantization" in required or "EXT_meshopt_compression" in required

    @property
    def table_rows(self) -> int | None:
        """Rows of the property table; None without one."""
        tables = self.json.get("extensions", {}).get("EXT_structural_metadata", {}).get("propertyTables", [])
        return int(tables[0]["count"]) if tables and isinstance(tables[0].get("count"), int) else None

    def ids(self) -> list[str] | None:
        """The property table's column "id", where there is one that is text."""
        metadata = self.json.get("extensions", {}).get("EXT_structural_metadata", {})
        tables, rows = metadata.get("propertyTables", []), self.table_rows
        if not tables or rows is None or "id" not in tables[0].get("properties", {}):
            return None
        column = tables[0]["properties"]["id"]
        if "stringOffsets" not in column:
            return None
        kind = {"UINT8": "u1", "UINT16": "<u2", "UINT64": "<u8"}.get(column.get("stringOffsetType"), "<u4")
        ends = np.frombuffer(self.view(column["stringOffsets"]), kind, count=-1)[: rows + 1].tolist()
        text = self.view(column["values"])
        if len(ends) != rows + 1 or ends != sorted(ends) or ends[-1] > len(text):
            raise Malformed(865, "the ids of the property table are damaged")
        return [text[a:b].decode("utf-8", "replace") for a, b in itertools.pairwise(ends)]


def _whole(values: NDArray[Any], name: str) -> NDArray[np.int64]:
    """As int64; feature ids may be stored as float32."""
    if values.dtype.kind == "f" and not (np.abs(values) < 2**53).all():
        raise Malformed(802, f"{name} are no whole numbers")
    return values.astype(np.int64)


def matrix_of(node: dict[str, Any]) -> F64:
    """A node's local transform; matrices in glTF are column-major."""
    if "matrix" in node:
        return np.array(node["matrix"], np.float64).reshape(4, 4).T
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


def _decoded_bytes(coded: dict[str, Any]) -> int:
    sizes = [coded.get(key) for key in ("count", "byteStride")]
    return math.prod(size for size in sizes if isinstance(size, int) and size > 0)


def _decoded(data: bytes, coded: dict[str, Any], index: int) -> bytes:
    from geovision import _kernel

    count, stride, mode = coded.get("count"), coded.get("byteStride"), coded.get("mode")
    if not isinstance(count, int) or not isinstance(stride, int) or mode not in ("ATTRIBUTES", "TRIANGLES"):
        raise Malformed(802, f"bufferViews[{index}] is compressed in a way that is not known here ({mode})")
    try:
        raw: bytes = _kernel.decode_meshopt(data, count, stride, mode)
    except ValueError as error:
        raise Malformed(901, f"bufferViews[{index}]: {error}") from None
    if coded.get("filter", "NONE") != "EXPONENTIAL":
        return raw
    words = np.frombuffer(raw, "<i4")
    values = np.ldexp(((words << 8) >> 8).astype(np.float64), words >> 24)
    return bytes(values.astype("<f4").tobytes())
