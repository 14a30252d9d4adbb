"""`Walls`: the outer walls of a batch of solids, each in a frame of its own."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Side", "Walls"]

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
