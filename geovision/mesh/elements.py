"""`Elements`: what is on walls and roofs, openings and things that stand out, as columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["OPENINGS", "ElementKind", "Elements"]

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]


class ElementKind(IntEnum):
    """What an element is; the numbers of `cpp/include/geovision/elements.hpp`."""

    WINDOW = 0
    DOOR = 1
    GARAGE_DOOR = 2
    SHOPFRONT = 3
    SILL = 4
    LINTEL = 5
    FRAME = 6
    """A border round its parent, which it leaves free."""
    BALCONY = 7
    """The slab alone."""
    RAILING = 8
    """Along the front and both ends of a balcony."""
    CORNICE = 9
    """Runs round corners where it reaches them."""
    BAND = 10
    """String course, plinth or panel; runs round corners as a cornice does."""
    PILASTER = 11
    CANOPY = 12
    STEPS = 13
    """Rise towards the wall."""
    ROOF_WINDOW = 14
    CHIMNEY_CAP = 15
    """Over a whole face: reaches depth beyond it, and z1 - z0 is its thickness."""


OPENINGS = (ElementKind.WINDOW, ElementKind.DOOR, ElementKind.GARAGE_DOOR, ElementKind.SHOPFRONT)
"""Kinds that are cut into the wall; all others stand out."""


@dataclass(frozen=True)
class Elements:
    """Elements in flat arrays; the layout of the kernel's struct Elements.

    Lengths are whole millimetres in the frame of the wall (`Walls`). On a roof or chimney face the frame
    begins at the face's lowest corner, s runs level with the face above it, and z runs up the face.
    """

    building_offsets: I64
    """[buildings + 1] Elements of each building."""
    wall: I32
    """Row in `Walls`, or -1 - face, within the building, of a roof or chimney face."""
    kind: U8
    """`ElementKind`."""
    s0: I32
    s1: I32
    z0: I32
    z1: I32
    depth: I32
    """How far the pane of an opening lies behind the wall, or how far a thing stands out."""
    design: I32
    """Row in the table of designs, -1 for a plain one."""
    material: U8
    """`Material`: of the frame of an opening, else of all of it."""
    colour: U8
    """[elements, 3] sRGB."""
    provenance: U8
    parent: I32
    """Element within the building that it belongs to, -1 for none."""

    panes_across: I32
    """[designs] At least 1, as `panes_up`."""
    panes_up: I32
    frame: I32
    """Width of the frame."""
    mullion: I32
    """Width of what divides panes."""
    panel: NDArray[np.float64]
    """Share of a door or shopfront, from below, that is not glass."""
    glass: U8
    """1 where panes and railings are glass, 0 where they are solid."""
    arched: U8
    """0: reserved."""

    wall_material: U8
    """[buildings] `Material`."""
    wall_colour: U8
    """[buildings, 3] sRGB."""
    wall_provenance: U8
    roof_material: U8
    roof_colour: U8
    roof_provenance: U8

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Any]) -> Elements:
        """From the kernel's arrays, by their names."""
        return cls(**{field.name: arrays[field.name] for field in fields(cls)})

    def arrays(self) -> dict[str, Any]:
        """The arrays by the kernel's field names."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def __len__(self) -> int:
        return len(self.kind)

    @property
    def buildings(self) -> int:
        """Number of buildings, those without elements included."""
        return len(self.building_offsets) - 1
