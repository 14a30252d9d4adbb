"""`Walls`: the outer walls of a batch of solids, each in a frame of its own."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geovision.errors import InputError
from geovision.mesh.solids import Solids

if TYPE_CHECKING:
    from geovision.model.table import ProgramTable

__all__ = ["REACH_M", "Ground", "Side", "Surroundings", "Walls", "find_walls"]

REACH_M = 20.0
"""A wall depends on neighbours no farther away than this, and on streets no farther than 100 m."""

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]


class Side(IntEnum):
    """Which way a wall looks; the numbers of `cpp/include/geovision/walls.hpp`."""

    FRONT = 0
    """To the street, or the likeliest to do so."""
    BACK = 1
    LEFT = 2
    """As seen from the street."""
    RIGHT = 3
    COURT = 4
    """Round a hole of the outline."""


@dataclass(frozen=True)
class Walls:
    """Walls in flat arrays with offsets; the layout of the kernel's struct Walls.

    Lengths are whole millimetres in the wall's frame: s runs to the right as seen from outside, z up, the
    origin is the wall's lower left corner. A wall may be several faces of one plane, as the halves of a gable
    are.
    """

    building_offsets: I64
    """[buildings + 1] Walls of each building."""
    building: I32
    face: I32
    """First of its faces, within the building."""
    member_offsets: I64
    members: I32
    """Its faces within the building, from left to right."""
    part: I32
    label: U8
    """`Label`: WALL, STEP_WALL or DORMER_WALL."""
    corner: I32
    """[walls, 3] Origin of the frame, in millimetres from the building's origin."""
    direction: NDArray[np.float64]
    """[walls, 2] Unit vector along s; (dy, -dx) points outward."""
    length: I32
    height: I32
    """Highest point above z = 0."""
    ring_offsets: I64
    """[walls + 1] Outer ring first, then holes."""
    vertex_offsets: I64
    sz: I32
    """[.., 2] Corners of the rings, counter-clockwise as seen from outside."""
    ground: I32
    """[walls, 2] Terrain above z = 0 at s = 0 and at s = length."""
    side: U8
    """`Side`."""
    street: I32
    """Distance to the nearest street, -1 where none is known."""
    level: I32
    """Eave of its part above the building's ground."""
    blocked_offsets: I64
    blocked: I32
    """[.., 3] s0, s1, z_top: a neighbour stands within 1 m of the wall there, up to z_top."""

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Any]) -> Walls:
        """From the kernel's arrays, by their names."""
        return cls(**{field.name: arrays[field.name] for field in fields(cls)})

    def arrays(self) -> dict[str, Any]:
        """The arrays by the kernel's field names."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def __len__(self) -> int:
        return len(self.face)

    @property
    def buildings(self) -> int:
        """Number of buildings, those without walls included."""
        return len(self.building_offsets) - 1

    def rings(self, wall: int) -> list[I32]:
        """Rings of one wall as [n, 2] arrays of s and z, the outer one first."""
        first, last = self.ring_offsets[wall : wall + 2].tolist()
        spans = self.vertex_offsets[first : last + 1].tolist()
        return [self.sz[a:b] for a, b in itertools.pairwise(spans)]


class Ground(Protocol):
    """Heights of the ground; `geovision.mesh.Terrain` is one."""

    def sample(self, x: ArrayLike, y: ArrayLike) -> NDArray[np.float64]:
        """At points; NaN where nothing is known."""
        ...


@dataclass(frozen=True)
class Surroundings:
    """What stands round a batch, in the coordinates of its solids. All of it may be left out."""

    neighbours: Sequence[ArrayLike] = ()
    """Outlines of buildings that are not in the batch, [n, 2] each, or single walls, [2, 2]; those within
    `REACH_M` matter."""
    neighbour_tops: ArrayLike = ()
    """Height of the top of each of them."""
    streets: Sequence[ArrayLike] = field(default=())
    """Centre lines of streets, or borders of street areas, [n, 2] each."""
    terrain: Ground | None = None
    """Ground at the feet of walls; their buildings' own ground where it is None, or knows nothing."""

    def arrays(self) -> dict[str, Any]:
        """The arrays by the kernel's names."""
        tops = np.asarray(self.neighbour_tops, np.float64).reshape(-1)
        if len(tops) != len(self.neighbours):
            raise InputError(
                f"{len(self.neighbours)} neighbours",
                f"have {len(tops)} heights",
                "Give the height of the top of each neighbour",
            )
        neighbour_offsets, neighbour_xy = _lines("neighbours", self.neighbours)
        street_offsets, street_xy = _lines("streets", self.streets)
        return {
            "neighbour_offsets": neighbour_offsets,
            "neighbour_xy": neighbour_xy,
            "neighbour_top": tops,
            "street_offsets": street_offsets,
            "street_xy": street_xy,
        }


def _lines(what: str, lines: Sequence[ArrayLike]) -> tuple[I64, NDArray[np.float64]]:
    arrays = [np.asarray(line, np.float64) for line in lines]
    for index, line in enumerate(arrays):
        if line.ndim != 2 or line.shape[1] != 2 or not np.isfinite(line).all():
            raise InputError(
                f"{what}[{index}] of shape {line.shape}", "is no line of finite points", "Give [n, 2] metres"
            )
    offsets = np.concatenate(
        [np.zeros(1, np.int64), np.cumsum([len(line) for line in arrays], dtype=np.int64)]
    )
    return offsets, np.concatenate(arrays) if arrays else np.zeros((0, 2))


def find_walls(
    solids: Solids,
    programs: ProgramTable | None = None,
    *,
    around: Surroundings | None = None,
    threads: int = 0,
) -> Walls:
    """The walls of solids, in frames of their own, with what stands round them.

    Buildings of the batch are each other's neighbours. A wall depends on its own building and on what is
    within the reach of it, not on the rest of the batch.

    Args:
        solids: made with polygons; at level 2.2 or 2.3 walls end at roofs.
        programs: what the solids were made from, in the same order, or the same on higher ground. They give
            `Walls.level`, the eave of a wall's part above that; without them it is the wall's own top.
        around: neighbours outside the batch, streets and terrain.
        threads: 0 for all cores. The result does not depend on it.

    >>> from geovision.mesh import mesh
    >>> from geovision.model import Gabled, Part, Program
    >>> part = Part(shell=[(0, 0), (9, 0), (9, 6), (0, 6)], eave_height=3.0, roof=Gabled(ridge_height=6.0))
    >>> walls = find_walls(mesh(Program(id="a", parts=[part])))
    >>> sorted(walls.length.tolist()), sorted(walls.height.tolist())
    ([6000, 6000, 9000, 9000], [3000, 3000, 6000, 6000])
    """
    from geovision import _kernel

    if len(solids.arrays()["face_ring_offsets"]) <= len(solids.face_label):
        raise InputError("solids without polygons", "have no walls", "Mesh them with polygons=True")
    near = around or Surroundings()
    found = _kernel.find_walls(solids.arrays(), near.arrays(), reach=REACH_M, threads=threads)
    walls = Walls.from_arrays(found)
    grid = solids.grid
    base = solids.origin[walls.building, 2] + walls.corner[:, 2] * grid
    level = walls.height
    if programs is not None:
        if len(programs) != len(solids):
            raise InputError(
                f"{len(solids)} solids", f"do not go with {len(programs)} programs", "Mesh this very table"
            )
        rows = programs.part_offsets[walls.building] + np.maximum(walls.part, 0)
        level = np.rint(programs.eave[rows] / grid).astype(np.int32)
    ground = walls.ground
    if near.terrain is not None:
        left = solids.origin[walls.building, :2] + walls.corner[:, :2] * grid
        right = left + walls.direction * (walls.length * grid)[:, None]
        heights = np.stack([near.terrain.sample(end[:, 0], end[:, 1]) for end in (left, right)], axis=1)
        own = base if programs is None else programs.ground_z[walls.building]
        known = np.where(np.isfinite(heights), heights, own[:, None])
        ground = np.rint((known - base[:, None]) / grid).astype(np.int32)
    return replace(walls, level=level, ground=ground)
