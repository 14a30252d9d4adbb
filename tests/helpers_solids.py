"""Solids made without the kernel's compiler: boxes and gabled houses for tests of what reads solids."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROOF, WALL, GROUND, CHIMNEY = 0, 1, 3, 7

# Faces of a gabled house over corners 0..3 (ground), 4..7 (eave), 8, 9 (ridge ends), outward.
_GABLED = [
    (GROUND, (3, 2, 1, 0)),
    (WALL, (0, 1, 5, 4)),
    (WALL, (1, 2, 6, 9, 5)),
    (WALL, (2, 3, 7, 6)),
    (WALL, (3, 0, 4, 8, 7)),
    (ROOF, (4, 5, 9, 8)),
    (ROOF, (6, 7, 8, 9)),
]
_BOX = [
    (GROUND, (3, 2, 1, 0)),
    (WALL, (0, 1, 5, 4)),
    (WALL, (1, 2, 6, 5)),
    (WALL, (2, 3, 7, 6)),
    (WALL, (3, 0, 4, 7)),
    (ROOF, (4, 5, 6, 7)),
]


@dataclass
class FakeSolids:
    """Has what the writers ask of `geovision.mesh.Solids`."""

    ids: list[str]
    data: dict[str, Any] = field(repr=False)

    def arrays(self) -> dict[str, Any]:
        return self.data

    def __len__(self) -> int:
        return len(self.ids)


def gabled_vertices(width: float, depth: float, eave: float, ridge: float) -> NDArray[np.int32]:
    plan = [(0, 0), (width, 0), (width, depth), (0, depth)]
    rows = [(x, y, 0) for x, y in plan] + [(x, y, eave) for x, y in plan]
    rows += [(0, depth / 2, ridge), (width, depth / 2, ridge)]
    result: NDArray[np.int32] = np.rint(np.array(rows) * 1000).astype(np.int32)
    return result


def box_vertices(width: float, depth: float, top: float) -> NDArray[np.int32]:
    return gabled_vertices(width, depth, top, top)[:8]


def solids_of(
    shapes: Sequence[tuple[NDArray[np.int32], Sequence[tuple[int, tuple[int, ...]]]]],
    origins: NDArray[np.float64],
) -> FakeSolids:
    """Solids of (vertices, labelled faces); a building without faces stands for a failed one."""
    triangles, triangle_face, labels = [], [], []
    counts = {"vertex": [0], "triangle": [0], "face": [0]}
    for vertices, faces in shapes:
        for index, (label, ring) in enumerate(faces):
            labels.append(label)
            for a, b in itertools.pairwise(ring[1:]):
                triangles.append((ring[0], a, b))
                triangle_face.append(index)
        counts["vertex"].append(counts["vertex"][-1] + len(vertices))
        counts["triangle"].append(len(triangles))
        counts["face"].append(len(labels))
    stacked = np.concatenate([v for v, _ in shapes]) if shapes else np.empty((0, 3))
    status = [0 if faces else 5 for _, faces in shapes]
    return FakeSolids(
        [f"b{i}" for i in range(len(shapes))],
        {
            "grid": 0.001,
            "origin": np.asarray(origins, np.float64).reshape(-1, 3),
            "vertex_offsets": np.array(counts["vertex"], np.int64),
            "vertices": stacked.astype(np.int32),
            "triangle_offsets": np.array(counts["triangle"], np.int64),
            "triangles": np.array(triangles, np.int32).reshape(-1, 3),
            "triangle_face": np.array(triangle_face, np.int32),
            "face_offsets": np.array(counts["face"], np.int64),
            "face_label": np.array(labels, np.uint8),
            "status": np.array(status, np.uint8),
        },
    )


def village(count: int = 12, at: tuple[float, float, float] = (155000.0, 463000.0, 3.0)) -> FakeSolids:
    """Boxes and gabled houses of different sizes on a square grid of plots."""
    side = int(np.ceil(np.sqrt(count)))
    shapes: list[tuple[NDArray[np.int32], Sequence[tuple[int, tuple[int, ...]]]]] = []
    for i in range(count):
        width, depth = 7.123 + i % 5, 9.456 + i % 3
        if i % 3 == 0:
            shapes.append((box_vertices(width, depth, 4.321 + i % 4), _BOX))
        else:
            shapes.append((gabled_vertices(width, depth, 4.5, 8.25 + i % 2), _GABLED))
    offsets = np.array([(20 * (i % side), 22 * (i // side), i % 2) for i in range(count)], np.float64)
    return solids_of(shapes, offsets.reshape(-1, 3) + np.array(at))


def many_gabled(count: int) -> FakeSolids:
    """`count` gabled houses, made by tiling one: for timings."""
    one = solids_of([(gabled_vertices(10, 8, 5, 8), _GABLED)], np.zeros((1, 3))).data
    side = int(np.ceil(np.sqrt(count)))
    index = np.arange(count)
    origin = np.stack([20.0 * (index % side), 20.0 * (index // side), np.zeros(count)], axis=1)
    data: dict[str, Any] = {"grid": 0.001, "origin": origin, "status": np.zeros(count, np.uint8)}
    for key in ("vertices", "triangles", "triangle_face", "face_label"):
        value = one[key]
        data[key] = np.tile(value, (count, 1)) if value.ndim == 2 else np.tile(value, count)
    for key in ("vertex_offsets", "triangle_offsets", "face_offsets"):
        data[key] = np.arange(count + 1, dtype=np.int64) * one[key][1]
    return FakeSolids([f"b{i}" for i in range(count)], data)


def world_vertices(solids: FakeSolids, building: int) -> NDArray[np.float64]:
    data = solids.data
    begin, end = data["vertex_offsets"][building : building + 2]
    result: NDArray[np.float64] = data["origin"][building] + data["grid"] * data["vertices"][begin:end]
    return result
