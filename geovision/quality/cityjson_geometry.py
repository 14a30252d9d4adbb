"""Geometry objects of CityJSON: nesting, indices and semantics, and on to the kernel."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any

from geovision.quality.findings import Malformed
from geovision.quality.polyhedra import PrimitiveBatch, PrimitiveKind, Semantic

__all__ = ["GeometryReader"]

SURFACES = frozenset(
    {
        *("RoofSurface", "GroundSurface", "WallSurface", "ClosureSurface", "OuterCeilingSurface"),
        *("OuterFloorSurface", "Window", "Door", "InteriorWallSurface", "CeilingSurface", "FloorSurface"),
        *("WaterSurface", "WaterGroundSurface", "WaterClosureSurface", "TrafficArea"),
        *("AuxiliaryTrafficArea", "TransportationMarking", "TransportationHole"),
    }
)
DIRECTED = {"RoofSurface": Semantic.ROOF, "GroundSurface": Semantic.GROUND, "WallSurface": Semantic.WALL}
# How many lists a surface lies below "boundaries".
DEPTH = {"MultiSurface": 1, "CompositeSurface": 1, "Solid": 2, "MultiSolid": 3, "CompositeSolid": 3}
SURFACE_KINDS = {
    "MultiSurface": PrimitiveKind.MULTI_SURFACE,
    "CompositeSurface": PrimitiveKind.COMPOSITE_SURFACE,
}
POINTS = ("MultiPoint", "MultiLineString")

Add = Callable[[int, str, str], None]


class GeometryReader:
    """Reads geometries into a batch."""

    def __init__(self, batch: PrimitiveBatch, add: Add) -> None:
        self._batch, self._add = batch, add
        self._first = self._count = 0
        self._not_finite: set[int] = set()
        self._composites = 0

    def begin(self, first: int, count: int, not_finite: set[int]) -> None:
        """The vertices that indices point into from now on."""
        self._first, self._count, self._not_finite = first, count, not_finite

    def geometry(self, name: str, geometry: Any, group: int) -> None:
        """One geometry of an object; raises `Malformed`."""
        if not isinstance(geometry, dict):
            raise Malformed(802, "a geometry is no object")
        kind = geometry.get("type")
        if kind == "GeometryInstance":
            return
        if not isinstance(kind, str) or (kind not in DEPTH and kind not in POINTS):
            raise Malformed(805, f"geometry of type {kind!r}")
        if "lod" not in geometry:
            self._add(802, name, f"a {kind} has no lod")
        boundaries = geometry.get("boundaries")
        if not isinstance(boundaries, list):
            raise Malformed(802, f"a {kind} has no boundaries")
        if kind in POINTS:
            self._check_indices(boundaries, 1 if kind == "MultiLineString" else 0)
            return
        detail = f"lod {geometry.get('lod')}"
        solids = _solids(boundaries, DEPTH[kind])
        for solid in solids:
            for shell in solid:
                if not self._sound(shell):
                    self._check_surfaces(shell)
        semantics = self._semantics(name, geometry, solids, DEPTH[kind])
        composite = kind == "CompositeSolid" and len(solids) > 1
        if composite:
            self._composites += 1
        for row, solid in enumerate(solids):
            self._batch.add(
                SURFACE_KINDS.get(kind, PrimitiveKind.SOLID),
                solid,
                self._first,
                name,
                semantics=semantics[row],
                # Below the numbers of groups of parts, which count up from 1.
                group=(1 << 40) + self._composites if composite else group,
                detail=detail + (f", solid {row}" if len(solids) > 1 else ""),
                parts=not composite,
            )

    def _sound(self, surfaces: list[Any]) -> bool:
        """The quick way to see that all is as it should be; where it is not, the slow way says what."""
        try:
            flat = list(chain.from_iterable(chain.from_iterable(surfaces)))
        except TypeError:
            return False
        nested = set(map(type, surfaces)) | set(map(type, chain.from_iterable(surfaces)))
        if set(map(type, flat)) != {int} or nested != {list} or self._not_finite:
            return False
        return bool(min(flat) >= 0 and max(flat) < self._count)

    def _check_surfaces(self, surfaces: list[Any]) -> None:
        for rings in surfaces:
            if not isinstance(rings, list):
                raise Malformed(804, "a surface is no list of rings")
            self._check_indices(rings, 1)

    def _check_indices(self, rings: list[Any], depth: int) -> None:
        if depth == 0:
            rings = [rings]
        for ring in rings:
            if not isinstance(ring, list) or not set(map(type, ring)) <= {int}:
                raise Malformed(804, "a ring is no list of whole numbers")
            if ring and not (min(ring) >= 0 and max(ring) < self._count):
                worst = min(ring) if min(ring) < 0 else max(ring)
                raise Malformed(803, f"vertex {worst} of {self._count}")
            if self._not_finite and not self._not_finite.isdisjoint(ring):
                raise Malformed(811, f"vertex {min(self._not_finite.intersection(ring))}")

    def _semantics(
        self, name: str, geometry: dict[str, Any], solids: list[list[list[Any]]], depth: int
    ) -> list[list[int]]:
        """A `Semantic` per polygon of every solid."""
        plain = [[int(Semantic.OTHER)] * sum(map(len, solid)) for solid in solids]
        semantics = geometry.get("semantics")
        if semantics is None:
            return plain
        if not isinstance(semantics, dict) or not isinstance(semantics.get("surfaces"), list):
            self._add(802, name, "semantics has no list of surfaces")
            return plain
        surfaces = semantics["surfaces"]
        meaning: list[int] = []
        for surface in surfaces:
            kind = surface.get("type") if isinstance(surface, dict) else None
            if not isinstance(kind, str) or (kind not in SURFACES and not kind.startswith("+")):
                self._add(843, name, f"surface of type {kind!r}")
            meaning.append(int(DIRECTED.get(kind, Semantic.OTHER)) if isinstance(kind, str) else 0)
        try:
            values = list(_values(semantics.get("values"), geometry["boundaries"], depth))
        except Malformed as fault:
            self._add(fault.code, name, fault.detail)
            return plain
        wrong = [value for value in values if value is not None and not (0 <= value < len(surfaces))]
        if wrong:
            self._add(842, name, f"value {wrong[0]} of {len(surfaces)} surfaces")
            return plain
        flat = [0 if value is None else meaning[value] for value in values]
        out: list[list[int]] = []
        for row in plain:
            out.append(flat[: len(row)])
            flat = flat[len(row) :]
        return out


def _solids(boundaries: list[Any], depth: int) -> list[list[list[Any]]]:
    """Boundaries of any type as solids of shells of surfaces."""
    shells: list[Any] = boundaries
    for _ in range(depth, 3):
        shells = [shells]
    for solid in shells:
        if not isinstance(solid, list) or not all(isinstance(shell, list) for shell in solid):
            raise Malformed(804, "boundaries are not nested as deep as the type asks for")
    return shells


def _values(values: Any, boundaries: list[Any], depth: int) -> Iterable[int | None]:
    """Semantic values flattened; null stands for any number of surfaces without meaning."""
    if values is None:
        yield from [None] * _count(boundaries, depth)
        return
    if depth == 0:
        if isinstance(values, bool) or not isinstance(values, int):
            raise Malformed(841, f"a value is {values!r}")
        yield values
        return
    if not isinstance(values, list) or len(values) != len(boundaries):
        found = f"{len(values)} values" if isinstance(values, list) else f"{values!r}"
        raise Malformed(841, f"{found} for {len(boundaries)} surfaces or shells")
    if depth == 1 and set(map(type, values)) == {int}:
        yield from values
        return
    for value, boundary in zip(values, boundaries, strict=True):
        yield from _values(value, boundary, depth - 1)


def _count(boundaries: Any, depth: int) -> int:
    return 1 if depth == 0 else sum(_count(item, depth - 1) for item in boundaries)
