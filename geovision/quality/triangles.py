"""Triangles with a building each, from any mesh format, judged as closed solids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision.quality.findings import ValidationReport
from geovision.quality.polyhedra import GeometryRules, PrimitiveBatch, PrimitiveKind

__all__ = ["TriangleMesh", "check_triangles"]

I64 = NDArray[np.int64]
# A file's float32 keep the kernel's own grid where the numbers are small enough, and this one otherwise.
KERNEL_GRID, FLOAT_GRID = 0.001, 0.0001


@dataclass(frozen=True)
class TriangleMesh:
    """What a mesh file holds.

    Attributes:
        vertices: [N, 3] metres, relative to `origin`.
        triangles: [T, 3] rows of vertices, in range.
        building: [T] row of `names`.
        names: of buildings.
        origin: world place of the vertices' zero.
        exact: False where positions were rounded, or solids that touch cannot be told apart: faces may then
            cross, and only what meets what is judged.
    """

    vertices: NDArray[np.float64]
    triangles: I64
    building: I64
    names: list[str]
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0)
    exact: bool = True


def check_triangles(
    mesh: TriangleMesh, report: ValidationReport, rules: GeometryRules, file: str = ""
) -> set[str]:
    """Judge every building of a mesh; the names of those with errors.

    Corners of one place are one vertex: formats repeat them for normals and materials. What hangs together
    by edges is one solid. Whether faces cross is asked only where positions are on the kernel's own grid:
    a turned and rounded solid crosses itself by less than a millimetre here and there, and is none the worse.
    """
    if not len(mesh.triangles):
        return set()
    if not np.isfinite(mesh.vertices).all():
        row = int(np.flatnonzero(~np.isfinite(mesh.vertices).all(axis=1))[0])
        report.add(811, "", f"vertex {row}", file=file)
        return {""}
    grid = _grid(mesh.vertices)
    # What is clipped is out of all proportion, and will be found to be.
    steps = np.rint(np.clip(mesh.vertices / grid, -1e18, 1e18)).astype(np.int64)
    triangles, places = _weld(steps, mesh)
    edges = _Edges(triangles)
    if not mesh.exact or grid != KERNEL_GRID:
        return _judge_edges(mesh, edges, steps[places], triangles, report, grid, file)
    part = _components(edges, len(triangles))
    order = np.lexsort((np.arange(len(part)), part, mesh.building))
    batch = PrimitiveBatch(rules, report, grid)
    batch.origin = np.array(mesh.origin)
    batch.add_vertices(steps[places])
    starts = np.flatnonzero(np.diff(part[order], prepend=-1) | np.diff(mesh.building[order], prepend=-1))
    building = mesh.building[order][starts].tolist()
    corners = triangles[order].tolist()
    bounds = [*starts.tolist(), len(order)]
    for row, owner in enumerate(building):
        faces = [[corner] for corner in corners[bounds[row] : bounds[row + 1]]]
        batch.add(PrimitiveKind.SOLID, [faces], 0, mesh.names[owner], group=owner, parts=True)
    return batch.flush(file)


def _grid(vertices: NDArray[np.float64]) -> float:
    off = np.abs(vertices - np.rint(vertices / KERNEL_GRID) * KERNEL_GRID)
    return KERNEL_GRID if float(off.max(initial=0.0)) < 0.00015 else FLOAT_GRID


def _weld(steps: I64, mesh: TriangleMesh) -> tuple[I64, I64]:
    """Triangles of numbers of places within a building, and a vertex for each place."""
    flat = mesh.triangles.reshape(-1)
    owner = np.repeat(mesh.building, 3)
    keys = np.column_stack([owner, steps[flat]])
    _, first, inverse = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    return inverse.reshape(-1, 3).astype(np.int64), flat[first]


class _Edges:
    """Sides of triangles, grouped by the edge that they lie on."""

    def __init__(self, triangles: I64) -> None:
        start, end = triangles.reshape(-1), np.roll(triangles, -1, axis=1).reshape(-1)
        self.forward = start < end
        low, high = np.minimum(start, end), np.maximum(start, end)
        self.order = np.lexsort((low, high))
        low, high = low[self.order], high[self.order]
        new = np.ones(len(low), bool)
        new[1:] = (low[1:] != low[:-1]) | (high[1:] != high[:-1])
        self.first = np.flatnonzero(new)
        self.sides = np.diff([*self.first, len(low)])
        self.ahead = np.add.reduceat(self.forward[self.order].astype(np.int64), self.first)


def _components(edges: _Edges, count: int) -> I64:
    """A number for each triangle, one for all that hang together by edges of two sides."""
    pairs = edges.first[edges.sides == 2]
    a, b = edges.order[pairs] // 3, edges.order[pairs + 1] // 3
    label = np.arange(count)
    while True:
        low = np.minimum(label[a], label[b])
        before = label.copy()
        np.minimum.at(label, a, low)
        np.minimum.at(label, b, low)
        # Labels are triangles themselves, so that following them halves the way.
        label = label[label]
        if np.array_equal(label, before):
            return label


def _judge_edges(
    mesh: TriangleMesh,
    edges: _Edges,
    steps: I64,
    triangles: I64,
    report: ValidationReport,
    grid: float,
    file: str,
) -> set[str]:
    """Closed, oriented and of positive volume; whatever else there was is lost in the rounding."""
    owner = mesh.building[edges.order[edges.first] // 3]
    behind = edges.sides - edges.ahead
    report.primitives += len(np.unique(mesh.building))
    faulty: set[str] = set()
    kinds: tuple[tuple[int, Any], ...] = (
        (302, edges.sides == 1),
        (307, (edges.sides == 2) & (edges.ahead != behind)),
        (303, (edges.sides > 2) & (edges.ahead != behind)),
    )
    for code, wrong in kinds:
        rows, counts = np.unique(owner[wrong], return_counts=True)
        for row, number in zip(rows.tolist(), counts.tolist(), strict=True):
            name = mesh.names[row]
            report.add(code, name, f"{number} edge{'' if number == 1 else 's'}", file=file)
            faulty.add(name)
    p = (steps[triangles] - steps[triangles[:, :1]].min(axis=0)) * grid
    six = np.einsum("ij,ij->i", p[:, 0], np.cross(p[:, 1], p[:, 2]))
    volume = np.bincount(mesh.building, six, minlength=len(mesh.names))
    for row in np.unique(mesh.building).tolist():
        if volume[row] <= 0 and mesh.names[row] not in faulty:
            report.add(405, mesh.names[row], file=file)
            faulty.add(mesh.names[row])
    return faulty
