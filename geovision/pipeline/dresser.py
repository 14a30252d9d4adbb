"""What published buildings look like: facades by style, materials, and the colours that a photo shows."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from geovision.formats.atlas import PhotoSource
from geovision.formats.roof_colours import roof_colours
from geovision.formats.terrain import Terrain
from geovision.formats.tiles3d_content import TileFacades
from geovision.formats.tiles3d_spool import plan_boxes
from geovision.mesh import (
    ElementKind,
    Elements,
    FaceLooks,
    Paint,
    Solids,
    Surroundings,
    Walls,
    face_looks,
    find_walls,
    mesh,
    open_walls,
)
from geovision.mesh.foundations import on_lower_ground
from geovision.model.labels import Label
from geovision.model.table import ProgramTable

if TYPE_CHECKING:
    from geovision.sources.streets import Streets

__all__ = [
    "FACADE_BASE",
    "FACADE_LOD",
    "NO_STREETS",
    "ROOF_COLOUR",
    "FacadeDresser",
    "Neighbourhood",
    "with_roof_colours",
]

F64 = NDArray[np.float64]

ROOF_COLOUR = "roof:colour"
"""Attribute, named as in OSM."""
FACADE_BASE = "2.3"
"""Facades stand on solids with overhangs."""
FACADE_LOD = "3.2"
"""Of facades as geometry."""
NO_STREETS = "no streets were given: the front of a building, with its door, is the wall that is most open"
_NEAR_M = 25.0
"""A wall looks no further for what stands round it."""


@dataclass(frozen=True)
class Neighbourhood:
    """The outer walls of all buildings, for walls at the border of a batch: seen from there they are the same
    as those of the batch.
    """

    ids: NDArray[np.object_]
    """[buildings] that have walls."""
    boxes: F64
    """[buildings, 4] west, south, east, north."""
    offsets: NDArray[np.int64]
    """[buildings + 1] into the walls."""
    ends: F64
    """[walls, 2, 2] on the grid of solids."""
    tops: F64

    @classmethod
    def of_programs(
        cls, tables: Iterable[ProgramTable], terrain: Terrain | None = None, *, threads: int = 0
    ) -> Neighbourhood:
        """Walls as facades have them.

        Args:
            tables: programs of all buildings.
            terrain: as for `FacadeDresser`.
            threads: 0 for all cores.
        """
        ids, counts = list[str](), [np.zeros(0, np.int64)]
        ends, tops = [np.zeros((0, 2, 2))], [np.zeros(0)]
        for table in tables:
            base = _base(table, terrain, threads)
            walls = find_walls(base, table, threads=threads)
            outer = np.flatnonzero(walls.label == Label.WALL)
            each = np.bincount(walls.building[outer], minlength=len(table))
            ids += [table.ids[row] for row in np.flatnonzero(each).tolist()]
            counts.append(each[each > 0])
            begin = walls.corner[outer, :2].astype(np.float64)
            end = np.rint(begin + walls.direction[outer] * walls.length[outer, None])
            origin = base.origin[walls.building[outer]]
            ends.append(origin[:, None, :2] + np.stack([begin, end], axis=1) * base.grid)
            tops.append(origin[:, 2] + (walls.corner[:, 2] + walls.height)[outer] * base.grid)
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(np.concatenate(counts))])
        lines = np.concatenate(ends)
        first = offsets[:-1]
        low = np.minimum.reduceat(lines.min(axis=1), first) if len(first) else np.zeros((0, 2))
        high = np.maximum.reduceat(lines.max(axis=1), first) if len(first) else np.zeros((0, 2))
        boxes = np.concatenate([low, high], axis=1)
        return cls(np.array(ids, object), boxes, offsets, lines, np.concatenate(tops))

    def around(self, table: ProgramTable) -> tuple[list[F64], F64]:
        """Lines and tops of the walls near some buildings that are none of theirs."""
        if not len(table) or not len(self.boxes):
            return [], np.zeros(0)
        low, high = table.xy.min(axis=0) - _NEAR_M, table.xy.max(axis=0) + _NEAR_M
        near = (self.boxes[:, :2] <= high).all(axis=1) & (self.boxes[:, 2:] >= low).all(axis=1)
        own = set(table.ids)
        rows = [row for row in np.flatnonzero(near).tolist() if self.ids[row] not in own]
        spans = [np.arange(self.offsets[row], self.offsets[row + 1]) for row in rows]
        walls = np.concatenate([np.zeros(0, np.int64), *spans])
        return list(self.ends[walls]), self.tops[walls]


def _base(table: ProgramTable, terrain: Terrain | None, threads: int) -> Solids:
    """What facades are put on: walls go down to the terrain."""
    if terrain is not None:
        table = on_lower_ground(table, terrain.lowest(plan_boxes(table)))
    return mesh(table, lod=FACADE_BASE, threads=threads, on_error="record")


@dataclass(frozen=True)
class _Made:
    table: ProgramTable
    base: Solids
    walls: Walls
    elements: Elements


class FacadeDresser:
    """Facades of programs by the styles that they name, or one for all; `Dresser` of 3D Tiles.

    Threads may share it. A building depends on its program and on what stands near it.

    Args:
        style: of programs that name none: a style, "auto", or None for plain walls.
        form: "instanced" puts small meshes before walls that stay whole, "full" cuts openings into them.
        near: all buildings of the scene.
        terrain: doors, steps and plinths follow it, and walls go down to it; the buildings' own ground where
            it is None.
        streets: that fronts look at and doors open to.
    """

    def __init__(
        self,
        style: str | None,
        form: Literal["instanced", "full"],
        near: Neighbourhood | None = None,
        terrain: Terrain | None = None,
        streets: Streets | None = None,
    ) -> None:
        self.form = form
        self._style, self._near = style, near
        self._terrain, self._streets = terrain, streets
        # A tile asks for its looks and for its facades, one after the other.
        self._last = threading.local()

    def looks(self, table: ProgramTable, solids: Solids) -> FaceLooks:
        """Finish and colour of every face, at any level of detail."""
        arrays = solids.arrays()
        if "face_material" in arrays:
            return FaceLooks.of_materials(arrays["face_material"], arrays["face_colour"])
        made = self._made(table).elements
        roof = Paint(made.roof_material, made.roof_colour)
        return face_looks(solids, roof=roof, flat=roof, wall=Paint(made.wall_material, made.wall_colour))

    def facades(self, table: ProgramTable, solids: Solids) -> TileFacades | None:
        """Facades of a tile."""
        made = self._made(table)
        if not len(made.elements):
            return None
        if self.form == "full":
            return TileFacades(FACADE_LOD, solids=self.opened(table))
        return TileFacades("3.0", instances=(made.base, made.walls, made.elements))

    def instances(self, table: ProgramTable) -> tuple[Solids, Walls, Elements]:
        """Solids, their walls and what is on them."""
        made = self._made(table)
        return made.base, made.walls, made.elements

    def opened(self, table: ProgramTable, lod: str = FACADE_LOD) -> Solids:
        """Solids with facades as geometry."""
        made = self._made(table)
        return open_walls(made.base, made.walls, made.elements, lod=lod, threads=1).solids

    def count(self, tables: Iterable[ProgramTable]) -> str:
        """What is on the walls of all buildings, in words."""
        kinds, dressed = np.zeros(len(ElementKind), np.int64), 0
        for table in tables:
            elements = self._made(table).elements
            kinds += np.bincount(elements.kind, minlength=len(ElementKind))
            dressed += int(np.count_nonzero(np.diff(elements.building_offsets)))
        doors = kinds[[ElementKind.DOOR, ElementKind.GARAGE_DOOR]].sum()
        return (
            f"facades: {dressed:,} buildings with {kinds[ElementKind.WINDOW]:,} windows, {doors:,} doors and "
            f"{kinds[ElementKind.SHOPFRONT]:,} shopfronts, all inferred"
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """What was assumed, as sentences."""
        return (NO_STREETS,) if self._streets is None else self._streets.notes

    def _surroundings(self, table: ProgramTable) -> Surroundings:
        lines, tops = ([], np.zeros(0)) if self._near is None else self._near.around(table)
        streets: list[F64] = []
        if self._streets is not None and len(table):
            west, south = table.xy.min(axis=0).tolist()
            east, north = table.xy.max(axis=0).tolist()
            streets = self._streets.near((west, south, east, north))
        return Surroundings(lines, tops, streets, self._terrain)

    def _made(self, table: ProgramTable) -> _Made:
        last: _Made | None = getattr(self._last, "made", None)
        if last is not None and last.table is table:
            return last
        from geovision.procedural.grammar import evaluate

        base = _base(table, self._terrain, 1)
        walls = find_walls(base, table, around=self._surroundings(table), threads=1)
        done = evaluate(walls, table, origin_z=base.origin[:, 2], solids=base, style=self._style, threads=1)
        self._last.made = made = _Made(table, base, walls, done.elements)
        return made


def with_roof_colours(table: ProgramTable, solids: Solids, photo: PhotoSource) -> ProgramTable:
    """The programs with the attribute "roof:colour" as the photo shows it, marked observed.

    What an attribute of that name says already stays.
    """
    found = roof_colours(solids.arrays(), photo)
    attributes = [dict(row) for row in table.attributes]
    provenance = [dict(row) for row in table.provenance]
    for row in np.flatnonzero(found.known).tolist():
        if attributes[row].get(ROOF_COLOUR) is None:
            attributes[row][ROOF_COLOUR] = "#{:02x}{:02x}{:02x}".format(*found.colour[row].tolist())
            provenance[row][f"attributes/{ROOF_COLOUR}"] = "observed"
    return ProgramTable.from_arrays(
        ids=table.ids,
        part_ids=table.part_ids,
        attributes=attributes,
        facade=table.facade,
        provenance=provenance,
        **table.columns(),
    )
