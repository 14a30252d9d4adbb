"""Reads a GLB with nothing but the specification at hand: the judge of what glb.py writes."""

from __future__ import annotations

import itertools
import json
import struct
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.helpers_meshopt import decode_attributes, decode_triangles, exponential

_DTYPES: dict[int, np.dtype[Any]] = {
    5120: np.dtype("i1"),
    5122: np.dtype("<i2"),
    5123: np.dtype("<u2"),
    5125: np.dtype("<u4"),
    5126: np.dtype("<f4"),
}
_COMPONENTS = {
    "INT8": "<i1",
    "UINT8": "<u1",
    "INT16": "<i2",
    "UINT16": "<u2",
    "INT32": "<i4",
    "UINT32": "<u4",
    "INT64": "<i8",
    "UINT64": "<u8",
    "FLOAT32": "<f4",
    "FLOAT64": "<f8",
}


@dataclass(frozen=True)
class Glb:
    json: dict[str, Any]
    bin: bytes
    cache: dict[tuple[int, int], bytes] = field(default_factory=dict, repr=False)

    def view(self, index: int) -> bytes:
        view = self.json["bufferViews"][index]
        if "extensions" in view:
            return self._decoded(index, view["extensions"]["EXT_meshopt_compression"])
        assert view["byteOffset"] + view["byteLength"] <= len(self.bin)
        return self.bin[view["byteOffset"] : view["byteOffset"] + view["byteLength"]]

    def _decoded(self, index: int, coded: dict[str, Any]) -> bytes:
        assert self.json["buffers"][self.json["bufferViews"][index]["buffer"]] == {
            "byteLength": sum(
                -(-v["byteLength"] // 4) * 4 for v in self.json["bufferViews"] if "extensions" in v
            ),
            "extensions": {"EXT_meshopt_compression": {"fallback": True}},
        }
        assert coded["byteOffset"] % 4 == 0
        assert coded["byteOffset"] + coded["byteLength"] <= len(self.bin)
        key = (index, coded["byteOffset"])
        if key not in self.cache:
            data = self.bin[coded["byteOffset"] : coded["byteOffset"] + coded["byteLength"]]
            count, stride = coded["count"], coded["byteStride"]
            if coded["mode"] == "TRIANGLES":
                raw = decode_triangles(data, count).astype(f"<u{stride}").tobytes()
            else:
                raw = decode_attributes(data, count, stride).tobytes()
            if coded["filter"] == "EXPONENTIAL":
                raw = exponential(np.frombuffer(raw, "<u4")).tobytes()
            self.cache[key] = raw
        return self.cache[key]

    def accessor(self, index: int) -> NDArray[Any]:
        accessor = self.json["accessors"][index]
        width = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}[accessor["type"]]
        dtype = _DTYPES[accessor["componentType"]]
        data = self.view(accessor["bufferView"])
        step = self.json["bufferViews"][accessor["bufferView"]].get("byteStride", dtype.itemsize * width)
        count, offset = accessor["count"], accessor.get("byteOffset", 0)
        assert offset % 4 == 0
        assert step % 4 == 0 or accessor["type"] == "SCALAR"
        rows: NDArray[Any] = np.ndarray((count, width), dtype, data, offset, (step, dtype.itemsize))
        if accessor.get("normalized"):
            rows = np.maximum(rows / np.iinfo(dtype).max, -1.0)
        return rows if width > 1 else rows[:, 0]

    @property
    def primitives(self) -> list[dict[str, Any]]:
        meshes = self.json.get("meshes", [])
        return [primitive for mesh in meshes for primitive in mesh["primitives"]]

    def world_triangles(self) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Corners (T, 3, 3) in the solids' own frame, and the feature id of each triangle."""
        up, node = self.json["nodes"]
        matrix = np.array(up["matrix"]).reshape(4, 4).T[:3, :3]
        assert np.array_equal(matrix @ np.array([1.0, 2.0, 3.0]), [1.0, 3.0, -2.0])
        shift = np.array(node["translation"])
        corners, features = [], []
        for primitive in self.primitives:
            index = self.accessor(primitive["indices"]).reshape(-1, 3)
            corners.append(
                self.accessor(primitive["attributes"]["POSITION"]).astype(np.float64)[index] + shift
            )
            ids = self.accessor(primitive["attributes"]["_FEATURE_ID_0"])[index]
            assert (ids == ids[:, :1]).all()
            features.append(ids[:, 0].astype(np.int64))
        return np.concatenate(corners), np.concatenate(features)

    def columns(self) -> dict[str, list[Any]]:
        """The property table, with None for noData."""
        extension = self.json["extensions"]["EXT_structural_metadata"]
        (table,) = extension["propertyTables"]
        schema = extension["schema"]["classes"][table["class"]]["properties"]
        return {k: self._column(schema[k], p, table["count"]) for k, p in table["properties"].items()}

    def _column(self, schema: dict[str, Any], buffers: dict[str, int], count: int) -> list[Any]:
        for view in buffers.values():
            assert self.json["bufferViews"][view]["byteOffset"] % 8 == 0
        values = self.view(buffers["values"])
        result: list[Any]
        if schema["type"] == "STRING":
            ends = np.frombuffer(self.view(buffers["stringOffsets"]), "<u4").tolist()
            assert len(ends) == count + 1
            result = [values[a:b].decode() for a, b in itertools.pairwise(ends)]
        elif schema["type"] == "BOOLEAN":
            bits = np.unpackbits(np.frombuffer(values, np.uint8), bitorder="little")
            result = bits[:count].astype(bool).tolist()
        else:
            result = np.frombuffer(values, _COMPONENTS[schema["componentType"]]).tolist()
        assert len(result) == count
        return [None if "noData" in schema and v == schema["noData"] else v for v in result]


def parse_glb(data: bytes) -> Glb:
    magic, version, length = struct.unpack_from("<4sII", data)
    assert (magic, version, length) == (b"glTF", 2, len(data))
    assert length % 8 == 0
    json_length, json_type = struct.unpack_from("<I4s", data, 12)
    assert json_type == b"JSON"
    text = json.loads(data[20 : 20 + json_length])
    rest = 20 + json_length
    if rest == length:
        return Glb(text, b"")
    bin_length, bin_type = struct.unpack_from("<I4s", data, rest)
    assert bin_type == b"BIN\0"
    assert (rest + 8) % 8 == 0
    assert rest + 8 + bin_length == length
    assert text["buffers"][0] == {"byteLength": bin_length}
    assert len(text["buffers"]) == 1 + ("EXT_meshopt_compression" in text.get("extensionsRequired", []))
    return Glb(text, data[rest + 8 :])
