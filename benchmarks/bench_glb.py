"""100,000 gabled, hipped and mansard programs to solids to GLB bytes with normals, ids and metadata.

    python benchmarks/bench_glb.py

The peer is a writer in vectorised NumPy that knows gabled boxes on rectangles and nothing else: no kernel,
no topology, ten triangles and fixed corners per building. It is the bar that a general path has to beat.
"""

from __future__ import annotations

import json
import struct
import sys
from types import SimpleNamespace
from typing import Any

import common
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Corners of a gabled box: 0..3 floor, 4..7 eaves, 8 and 9 the ridge; every face lists its own corners.
FACES = (
    (3, 2, 1, 0),
    (0, 1, 5, 4),
    (2, 3, 7, 6),
    (1, 2, 6, 9, 5),
    (3, 0, 4, 8, 7),
    (4, 5, 9, 8),
    (6, 7, 8, 9),
)
FANS = [(f[0], f[i], f[i + 1]) for f in FACES for i in range(1, len(f) - 1)]
FACE_CORNERS = np.concatenate([np.array(f) for f in FACES])
FACE_TRIANGLES = np.concatenate(
    [np.array([(s, s + i, s + i + 1) for i in range(1, len(f) - 1)]) for f, s in zip(
        FACES, np.cumsum([0, *[len(f) for f in FACES[:-1]]]), strict=True)]
)  # fmt: skip


def numpy_gabled_glb(rectangles: Floats, eave: Floats, ridge: Floats, ids: list[str]) -> bytes:
    """Gabled boxes as GLB: float32 positions, normals, feature ids, one property table with the ids."""
    count = len(rectangles)
    origin = np.floor(rectangles.reshape(-1, 2).mean(axis=0))
    corner = np.zeros((count, 10, 3))
    corner[:, 0:4, :2] = corner[:, 4:8, :2] = rectangles - origin
    corner[:, 4:8, 2] = eave[:, None]
    corner[:, 8, :2] = 0.5 * (corner[:, 0, :2] + corner[:, 3, :2])
    corner[:, 9, :2] = 0.5 * (corner[:, 1, :2] + corner[:, 2, :2])
    corner[:, 8:, 2] = ridge[:, None]
    position = corner[:, FACE_CORNERS]
    normal = np.empty_like(position)
    start = 0
    for face in FACES:
        p = position[:, start : start + len(face)]
        n = np.cross(p[:, 1] - p[:, 0], p[:, 2] - p[:, 0])
        normal[:, start : start + len(face)] = (n / np.linalg.norm(n, axis=1, keepdims=True))[:, None]
        start += len(face)
    vertices = position.reshape(-1, 3).astype(np.float32)
    normals = normal.reshape(-1, 3).astype(np.float32)
    feature = np.repeat(np.arange(count, dtype=np.float32), len(FACE_CORNERS))
    index = (FACE_TRIANGLES[None] + (np.arange(count) * len(FACE_CORNERS))[:, None, None]).astype(np.uint32)
    text = [i.encode() for i in ids]
    offsets = np.concatenate(([0], np.cumsum([len(t) for t in text]))).astype(np.uint32)
    chunks = [
        vertices.tobytes(),
        normals.tobytes(),
        feature.tobytes(),
        index.tobytes(),
        b"".join(text),
        offsets.tobytes(),
    ]
    return _container(chunks, vertices, len(feature), index.size, count, origin)


def _container(
    chunks: list[bytes], vertices: NDArray[np.float32], n: int, indices: int, count: int, origin: Floats
) -> bytes:
    views, binary = [], bytearray()
    for chunk in chunks:
        views.append({"buffer": 0, "byteOffset": len(binary), "byteLength": len(chunk)})
        binary += chunk + bytes(-len(chunk) % 8)
    bounds = {"min": vertices.min(axis=0).tolist(), "max": vertices.max(axis=0).tolist()}
    accessors = [
        {"bufferView": 0, "componentType": 5126, "count": n, "type": "VEC3", **bounds},
        {"bufferView": 1, "componentType": 5126, "count": n, "type": "VEC3"},
        {"bufferView": 2, "componentType": 5126, "count": n, "type": "SCALAR"},
        {"bufferView": 3, "componentType": 5125, "count": indices, "type": "SCALAR"},
    ]
    attributes = {"POSITION": 0, "NORMAL": 1, "_FEATURE_ID_0": 2}
    feature = {"featureIds": [{"featureCount": count, "attribute": 0, "propertyTable": 0}]}
    primitive = {"attributes": attributes, "indices": 3, "extensions": {"EXT_mesh_features": feature}}
    table = {"class": "b", "count": count, "properties": {"id": {"values": 4, "stringOffsets": 5}}}
    schema = {"id": "s", "classes": {"b": {"properties": {"id": {"type": "STRING"}}}}}
    gltf = {
        "asset": {"version": "2.0"},
        "extensionsUsed": ["EXT_mesh_features", "EXT_structural_metadata"],
        "extensions": {"EXT_structural_metadata": {"schema": schema, "propertyTables": [table]}},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "translation": [*origin.tolist(), 0.0]}],
        "meshes": [{"primitives": [primitive]}],
        "accessors": accessors,
        "bufferViews": views,
        "buffers": [{"byteLength": len(binary)}],
    }
    head = json.dumps(gltf).encode()
    head += b" " * (-len(head) % 8 + 4)
    parts = [
        struct.pack("<II", len(head), 0x4E4F534A),
        head,
        struct.pack("<II", len(binary), 0x004E4942),
        bytes(binary),
    ]
    total = 12 + sum(map(len, parts))
    return struct.pack("<III", 0x46546C67, 2, total) + b"".join(parts)


def main() -> int:
    from geovision.formats.glb import glb_bytes

    options = common.arguments(__doc__ or "", count=100_000, rounds=3)
    rng = np.random.default_rng(5)
    programs = common.mixed_roofs(rng, options.count)
    ids = [f"NL.{i}" for i in range(options.count)]
    rectangles = programs["xy"].reshape(-1, 4, 2)
    eave, ridge = programs["eave"], programs["roof_params"][:, 0]

    def ours() -> bytes:
        solids = common.compile_solids(programs, 22)
        return glb_bytes(
            SimpleNamespace(ids=ids, arrays=lambda: solids), attributes={"eave": eave}, threads=1
        )

    def theirs() -> bytes:
        return numpy_gabled_glb(rectangles, eave, ridge, ids)

    common.assert_sound(common.compile_solids(programs, 22), options.count)
    for data, least in ((ours(), 16), (theirs(), len(FANS))):
        assert data[:4] == b"glTF"
        assert struct.unpack_from("<I", data, 8)[0] == len(data)
        assert _triangles(data) >= least * options.count
    seconds = common.race({"ours": ours, "numpy": theirs}, options.rounds)
    rate = {
        "ours per s": options.count / seconds["ours"],
        "NumPy gabled boxes only per s": options.count / seconds["numpy"],
    }
    held = rate["ours per s"] >= 300_000
    return common.report("glb", rate, "at least 0.3 M/s, one thread", passed=held, record=options.record)


def _triangles(glb: bytes) -> int:
    length = struct.unpack_from("<I", glb, 12)[0]
    gltf: dict[str, Any] = json.loads(glb[20 : 20 + length])
    indexed = [p["indices"] for m in gltf["meshes"] for p in m["primitives"]]
    return sum(int(gltf["accessors"][i]["count"]) for i in indexed) // 3


if __name__ == "__main__":
    sys.exit(main())
