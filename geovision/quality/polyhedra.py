"""Primitives (solids, surfaces) from anywhere, collected into ragged arrays and judged by the kernel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision.quality.findings import ValidationReport

__all__ = ["GeometryRules", "PrimitiveBatch", "PrimitiveKind", "Semantic"]


class PrimitiveKind(IntEnum):
    """What is asked of a primitive; the kernel's numbers."""

    MULTI_SURFACE = 0
    COMPOSITE_SURFACE = 1
    SOLID = 2


class Semantic(IntEnum):
    """Surfaces whose direction is known from their name."""

    OTHER = 0
    ROOF = 1
    GROUND = 2
    WALL = 3


@dataclass(frozen=True)
class GeometryRules:
    """Tolerances; the defaults are val3dity's.

    Attributes:
        snap: metres; points nearer than this are one point.
        planarity: metres that a vertex may lie outside the plane of its polygon.
        normals_deg: a piece of a polygon may be tilted against it by this much.
        threads: 0 for all cores.
    """

    snap: float = 0.001
    planarity: float = 0.01
    normals_deg: float = 20.0
    threads: int = 0


# Corners of rings that are collected before they are judged.
FULL = 200_000
# Surfaces with less area have no direction worth judging, in square metres.
LEAST_AREA = 0.01
# Components of the unit normal: roofs may be upright but not face down, ground may slope by 60 degrees,
# walls lean by 20.
ROOF_DOWN, GROUND_DOWN, WALL_LEAN = -0.1, -0.5, 0.35


class PrimitiveBatch:
    """Collects primitives until there are enough of them for one call of the kernel."""

    def __init__(
        self, rules: GeometryRules, report: ValidationReport, grid: float, full: int = 200_000
    ) -> None:
        self._rules, self._report, self.grid = rules, report, grid
        self.origin = np.zeros(3)
        self._clear()

    def _clear(self) -> None:
        self._vertices: list[NDArray[np.int64]] = []
        self._vertex_count = 0
        # Sizes, of which flush makes offsets; indices count from their primitive's first vertex.
        self._ring_vertices: list[int] = []
        self._ring_sizes: list[int] = []
        self._polygon_sizes: list[int] = []
        self._shell_sizes: list[int] = []
        self._primitive_sizes: list[int] = []
        self._corners: list[int] = []
        self._firsts: list[int] = []
        self._kinds: list[int] = []
        self._groups: list[int] = []
        self._names: list[tuple[str, str, bool]] = []
        self._semantics: list[int] = []

    def add_vertices(self, vertices: NDArray[np.int64]) -> int:
        """Append whole grid steps; returns what has to be added to indices into them."""
        first = self._vertex_count
        self._vertices.append(vertices)
        self._vertex_count += len(vertices)
        return first

    def add(
        self,
        kind: PrimitiveKind,
        shells: Sequence[Sequence[Sequence[Sequence[int]]]],
        first: int,
        name: str,
        *,
        semantics: Sequence[int] | None = None,
        group: int = -1,
        detail: str = "",
        parts: bool = False,
    ) -> None:
        """Append a primitive: shells of polygons of rings of indices.

        Args:
            kind: what it is.
            shells: for a surface one.
            first: what `add_vertices` returned.
            name: id of the object.
            semantics: a `Semantic` per polygon.
            group: neighbours with one number from 0 up must not overlap.
            detail: what the primitive is, for messages.
            parts: the group's members are parts of a building, and no composite.
        """
        before, count = len(self._ring_vertices), sum(map(len, shells))
        for shell in shells:
            self._shell_sizes.append(len(shell))
            self._polygon_sizes.extend(map(len, shell))
            rings = list(chain.from_iterable(shell))
            self._ring_sizes.extend(map(len, rings))
            self._ring_vertices.extend(chain.from_iterable(rings))
        self._primitive_sizes.append(len(shells))
        self._corners.append(len(self._ring_vertices) - before)
        self._firsts.append(first)
        self._kinds.append(kind)
        self._groups.append(group)
        self._names.append((name, detail, parts))
        self._semantics.extend([Semantic.OTHER] * count if semantics is None else semantics)
        self._report.primitives += 1

    @property
    def full(self) -> bool:
        """Whether it is time to flush; between two groups only."""
        return len(self._ring_vertices) >= FULL

    def flush(self, file: str = "") -> set[str]:
        """Judge what was collected and forget it; the names of those with errors."""
        if not self._kinds:
            self._clear()
            return set()
        from geovision import _kernel

        vertices = np.concatenate(self._vertices) if self._vertices else np.zeros((0, 3), np.int64)
        corners = np.array(self._ring_vertices, np.int64) + np.repeat(self._firsts, self._corners)
        self._shells, self._primitives = _offsets(self._shell_sizes), _offsets(self._primitive_sizes)
        rings, polygons = _offsets(self._ring_sizes), _offsets(self._polygon_sizes)
        found = _kernel.check_polyhedra(
            vertices,
            corners,
            rings,
            polygons,
            self._shells,
            self._primitives,
            np.array(self._kinds, np.uint8),
            np.array(self._groups, np.int64),
            self.grid,
            snap=self._rules.snap,
            planarity=self._rules.planarity,
            normals_deg=self._rules.normals_deg,
            threads=self._rules.threads,
        )
        faulty = self._record(found, vertices, file)
        normals = found["normals"].reshape(-1, 3)
        for polygon, text in self._wrong_directions(normals):
            # Only polygons that have an area come here, and so have corners.
            place = self._place(vertices[corners[rings[polygons[polygon]]]])
            self._record_direction(polygon, text, faulty, place, file)
        names = {self._names[row][0] for row in faulty}
        self._clear()
        return names

    def _record(self, found: dict[str, NDArray[Any]], vertices: NDArray[np.int64], file: str) -> set[int]:
        faulty: set[int] = set()
        columns = ("primitive", "code", "polygon", "vertex", "other", "value")
        for row, number, polygon, vertex, other, value in zip(
            *(found[name].tolist() for name in columns), strict=True
        ):
            name, detail, parts = self._names[row]
            code = 601 if parts and number in (501, 502) else number
            texts = [detail, _MEASURES[code](value) if code in _MEASURES else ""]
            if polygon >= 0:
                shell = int(np.searchsorted(self._shells, polygon, side="right")) - 1
                texts.append(f"polygon {polygon - int(self._shells[shell])}")
                if shell > int(self._primitives[row]):
                    texts.append(f"shell {shell - int(self._primitives[row])}")
            if other >= 0:
                texts.append(f"with {self._names[other][0]!r}")
            place = None if vertex < 0 else self._place(vertices[vertex])
            if self._report.add(code, name, ", ".join(text for text in texts if text), place, file):
                faulty.add(row)
        return faulty

    def _place(self, steps: NDArray[np.int64]) -> tuple[float, float, float]:
        x, y, z = (self.origin + steps * self.grid).tolist()
        return x, y, z

    def _wrong_directions(self, normals: NDArray[np.float64]) -> list[tuple[int, str]]:
        """Polygons that face where their name says that they do not, and by how much."""
        kinds = np.array(self._semantics, np.int8)
        area = np.linalg.norm(normals, axis=1)
        up = normals[:, 2] / np.maximum(area, 1e-12)
        wrong = np.select(
            [kinds == Semantic.ROOF, kinds == Semantic.GROUND, kinds == Semantic.WALL],
            [up < ROOF_DOWN, up > GROUND_DOWN, np.abs(up) > WALL_LEAN],
            False,
        )
        rows = np.flatnonzero(wrong & (area > LEAST_AREA)).tolist()
        return [(row, f"its normal's vertical part is {up[row]:.2f}") for row in rows]

    def _record_direction(
        self, polygon: int, text: str, faulty: set[int], place: tuple[float, float, float], file: str
    ) -> None:
        """A warning, where the geometry gives no other reason to doubt the direction."""
        shell = int(np.searchsorted(self._shells, polygon, side="right")) - 1
        row = int(np.searchsorted(self._primitives, shell, side="right")) - 1
        if row in faulty:
            return
        name, detail, _ = self._names[row]
        number = f"polygon {polygon - int(self._shells[shell])}"
        texts = ", ".join(part for part in (detail, text, number) if part)
        self._report.add(843 + self._semantics[polygon], name, texts, place, file)


def _offsets(sizes: list[int]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(np.array(sizes, np.int64))]).astype(np.int64)


_MEASURES: dict[int, Callable[[float], str]] = {
    203: lambda value: f"{value * 1000:.1f} mm off its plane",
    204: lambda value: f"tilted by {value:.0f} degrees",
    302: lambda value: f"{value:.0f} edge{'' if value == 1 else 's'}",
    305: lambda value: f"{value:.0f} pieces",
    306: lambda value: f"{value:.0f} pair{'' if value == 1 else 's'} of polygons",
    803: lambda value: f"vertex {value:.0f}",
    812: lambda value: f"{value:.0f} m across",
}
_MEASURES |= {303: _MEASURES[302], 307: _MEASURES[302]}
