"""The small meshes that facades are made of as instances: windows, doors, railings, boxes.

x runs to the right as seen from outside, z up, and the wall is the plane y = 0; what stands before it has y
below 0. Everything begins at 0: a window of 1.2 by 1.5 m spans 0 to 1.2 in x and 0 to 1.5 in z.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["Design", "PartMesh", "PartShape", "part_mesh"]


class PartShape(IntEnum):
    """What a piece is; the numbers of `cpp/include/geovision/instances.hpp`."""

    BOX = 0
    WINDOW = 1
    DOOR = 2
    GARAGE_DOOR = 3
    SHOPFRONT = 4
    RAILING = 5
    ROOF_WINDOW = 6


@dataclass(frozen=True)
class Design:
    """How an opening is divided; metres."""

    panes_across: int = 1
    panes_up: int = 1
    frame: float = 0.06
    mullion: float = 0.04
    panel: float = 0.0
    """Share from below that is not glass."""
    glass: bool = True


_PLAIN: dict[PartShape, Design] = {
    PartShape.DOOR: Design(panel=1.0, glass=False),
    PartShape.GARAGE_DOOR: Design(panes_up=4, mullion=0.015, panel=1.0, glass=False),
    PartShape.SHOPFRONT: Design(panel=0.1),
}
_GLASS_Y, _PANEL_Y, _BAR_Y = 0.020, 0.024, 0.030
"""Out of the wall: glass 2 cm, so that no depth buffer takes it for the wall."""
_RAIL = 0.04
_BALUSTER_M = 0.12

F32 = NDArray[np.float32]


@dataclass(frozen=True)
class PartMesh:
    """Quads of one material.

    Attributes:
        positions: (4 n, 3).
        normals: (4 n, 3).
        glass: whether it is seen through; everything else has the piece's colour.
        both: whether it has no back of its own and is seen from both sides.
    """

    positions: F32
    normals: F32
    glass: bool
    both: bool = False

    @cached_property
    def indices(self) -> NDArray[np.uint16]:
        """Two triangles a quad."""
        first = 4 * np.arange(len(self.positions) // 4, dtype=np.uint16)[:, None]
        return (first + np.array([0, 1, 2, 0, 2, 3], np.uint16)).reshape(-1)

    @cached_property
    def bounds(self) -> tuple[list[float], list[float]]:
        """Lowest and highest corner."""
        low, high = self.positions.min(axis=0), self.positions.max(axis=0)
        return low.astype(float).tolist(), high.astype(float).tolist()


@lru_cache(maxsize=1024)
def part_mesh(
    shape: PartShape, design: Design | None, width: float = 1.0, height: float = 1.0
) -> tuple[PartMesh, ...]:
    """The meshes of a piece of that size: one of glass, one of everything else, where it has them.

    >>> [(mesh.glass, len(mesh.indices) // 3) for mesh in part_mesh(PartShape.WINDOW, None, 1.2, 1.5)]
    [(True, 2), (False, 16)]
    """
    quads, glass = _Quads(), _Quads()
    chosen = design or _PLAIN.get(shape, Design())
    if shape == PartShape.BOX:
        quads.box(0, 1, 0, 1, 1.0)
        quads.back(0, 1, 0, 1)
        return (quads.mesh(glass=False),)
    if shape == PartShape.RAILING:
        return _railing(design, width, height)
    frame = min(chosen.frame, width / 4, height / 4)
    bar = min(chosen.mullion, width / 8, height / 8)
    _bars(quads, chosen, width, height, frame, bar)
    sill = frame + (height - 2 * frame) * (chosen.panel if chosen.glass else 1.0)
    if sill > frame:
        quads.front(frame, width - frame, frame, sill, _PANEL_Y)
    if sill < height - frame:
        glass.front(frame, width - frame, sill, height - frame, _GLASS_Y)
    return tuple(found.mesh(glass=found is glass) for found in (glass, quads) if found.places)


def _bars(quads: _Quads, design: Design, width: float, height: float, frame: float, bar: float) -> None:
    """The frame, with its outer sides, and what divides the panes."""
    quads.front(0, frame, 0, height, _BAR_Y)
    quads.front(width - frame, width, 0, height, _BAR_Y)
    quads.front(frame, width - frame, 0, frame, _BAR_Y)
    quads.front(frame, width - frame, height - frame, height, _BAR_Y)
    quads.sides(0, width, 0, height, _BAR_Y)
    for i in range(1, design.panes_across):
        x = frame + (width - 2 * frame) * i / design.panes_across
        quads.front(x - bar / 2, x + bar / 2, frame, height - frame, _BAR_Y)
    for i in range(1, design.panes_up):
        z = frame + (height - 2 * frame) * i / design.panes_up
        # A hair before the upright ones where they cross.
        quads.front(frame, width - frame, z - bar / 2, z + bar / 2, _BAR_Y + 0.002)


def _railing(design: Design | None, width: float, height: float) -> tuple[PartMesh, ...]:
    """A rail, and below it balusters, or a pane or a sheet where there is a design."""
    rail = _Quads()
    rail.box(0, width, height - _RAIL, height, _RAIL)
    rail.back(0, width, height - _RAIL, height)
    filling = _Quads()
    if design is not None:
        filling.front(0, width, 0.03, height - _RAIL, _RAIL / 2)
        return (rail.mesh(glass=False), filling.mesh(glass=design.glass, both=True))
    count = max(2, round(width / _BALUSTER_M))
    for i in range(count + 1):
        x = width * i / count
        filling.front(max(0.0, x - 0.01), min(width, x + 0.01), 0, height - _RAIL, _RAIL / 2)
    return (rail.mesh(glass=False), filling.mesh(glass=False, both=True))


class _Quads:
    """Quads under way; y is given as how far out of the wall."""

    def __init__(self) -> None:
        self.places: list[list[tuple[float, float, float]]] = []
        self.normals: list[tuple[float, float, float]] = []

    def _add(self, normal: tuple[float, float, float], *corners: tuple[float, float, float]) -> None:
        self.places.append(list(corners))
        self.normals.append(normal)

    def front(self, x0: float, x1: float, z0: float, z1: float, out: float) -> None:
        self._add((0, -1, 0), (x0, -out, z0), (x1, -out, z0), (x1, -out, z1), (x0, -out, z1))

    def back(self, x0: float, x1: float, z0: float, z1: float) -> None:
        self._add((0, 1, 0), (x1, 0, z0), (x0, 0, z0), (x0, 0, z1), (x1, 0, z1))

    def sides(self, x0: float, x1: float, z0: float, z1: float, out: float) -> None:
        y = -out
        self._add((-1, 0, 0), (x0, 0, z0), (x0, y, z0), (x0, y, z1), (x0, 0, z1))
        self._add((1, 0, 0), (x1, y, z0), (x1, 0, z0), (x1, 0, z1), (x1, y, z1))
        self._add((0, 0, 1), (x0, y, z1), (x1, y, z1), (x1, 0, z1), (x0, 0, z1))
        self._add((0, 0, -1), (x0, 0, z0), (x1, 0, z0), (x1, y, z0), (x0, y, z0))

    def box(self, x0: float, x1: float, z0: float, z1: float, out: float) -> None:
        self.front(x0, x1, z0, z1, out)
        self.sides(x0, x1, z0, z1, out)

    def mesh(self, *, glass: bool, both: bool = False) -> PartMesh:
        positions = np.array(self.places, np.float32).reshape(-1, 3)
        normals = np.repeat(np.array(self.normals, np.float32), 4, axis=0)
        return PartMesh(positions, normals, glass, both)
