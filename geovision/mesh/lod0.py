"""Level of detail 0: the footprint and the roof edge of a building as horizontal polygons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from geovision.mesh.compile import mesh
from geovision.model.labels import Label
from geovision.model.table import ProgramTable

if TYPE_CHECKING:
    from geovision.mesh.solids import Solid
    from geovision.model.program import Program

__all__ = ["Outline", "lod0"]

Polygon = list[NDArray[np.float64]]


@dataclass(frozen=True)
class Outline:
    """A building at LoD 0, in world coordinates.

    Attributes:
        footprint: polygons on the ground; each a list of (n, 3) rings, counter-clockwise shell first.
        roof_edge: the outline of the roof with its overhang, at the height of a block (LoD 1.2).
    """

    id: str
    footprint: list[Polygon]
    roof_edge: list[Polygon]


def lod0(programs: Program | Sequence[Program] | ProgramTable, *, threads: int = 0) -> list[Outline]:
    """Footprint and roof-edge polygons of every building; empty lists where it has no solid.

    >>> from geovision.model import Flat, Part, Program
    >>> part = Part(shell=[(0, 0), (4, 0), (4, 3), (0, 3)], eave_height=5.0, roof=Flat())
    >>> outline = lod0(Program(id="shed", parts=[part]))[0]
    >>> outline.roof_edge[0][0][:, 2].tolist()
    [5.0, 5.0, 5.0, 5.0]
    """
    blocks = mesh(programs, lod="1.2", threads=threads, on_error="record")
    roofs = mesh(programs, lod="2.3", threads=threads, on_error="record")
    return [_outline(block, roof) for block, roof in zip(blocks, roofs, strict=True)]


def _outline(block: Solid, roof: Solid) -> Outline:
    height = max(
        (float(ring[0, 2]) for polygon in _polygons(block, Label.ROOF) for ring in polygon), default=0.0
    )
    footprint = [[ring[::-1] for ring in polygon] for polygon in _polygons(block, Label.GROUND)]
    edge = [
        [np.column_stack([ring[:, :2], np.full(len(ring), height)]) for ring in p]
        for p in _seen_from_above(roof)
    ]
    return Outline(block.id, footprint, edge)


def _polygons(solid: Solid, label: Label) -> list[Polygon]:
    vertices = solid.vertices
    return [
        [vertices[ring] for ring in rings]
        for rings, of in zip(solid.rings, solid.face_labels, strict=True)
        if of == label
    ]


def _seen_from_above(solid: Solid) -> list[Polygon]:
    """The union of the upward faces in plan: their boundary half-edges chained into rings."""
    from shapely import Polygon as Area
    from shapely import union_all

    upward = [
        Area(rings[0][:, :2], [hole[:, :2] for hole in rings[1:]])
        for label in (Label.ROOF, Label.DORMER_ROOF, Label.CHIMNEY, Label.PARAPET)
        for rings in _polygons(solid, label)
        if _plan_area(rings[0]) > 0
    ]
    whole = union_all(upward, grid_size=None) if upward else Area()
    pieces = [p for p in getattr(whole, "geoms", [whole]) if p.geom_type == "Polygon" and not p.is_empty]
    return [
        [np.asarray(ring.coords)[:-1] for ring in (piece.exterior, *piece.interiors)]
        for piece in (p.normalize() for p in pieces)
    ]


def _plan_area(ring: NDArray[np.float64]) -> float:
    x, y = (ring[:, :2] - ring[0, :2]).T
    return float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2
