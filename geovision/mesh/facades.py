"""`open_walls`: solids, their walls and the elements on them to solids at LoD 3."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from geovision.errors import InputError, UsageError
from geovision.mesh.elements import Elements
from geovision.mesh.solids import Solids
from geovision.mesh.walls import Walls

__all__ = ["FACADE_LODS", "OUTCOME_TEXT", "Opened", "Outcome", "open_walls"]

FACADE_LODS = ("3.0", "3.1", "3.2")
"""Levels of detail with facades: openings; also what stands out; also frames, railings and roof windows."""


class Outcome(IntEnum):
    """What became of an element; the numbers of `cpp/include/geovision/facades.hpp`."""

    BUILT = 0
    NOT_AT_LEVEL = 1
    BAD_VALUE = 2
    TOO_SMALL = 3
    OUTSIDE = 4
    BLOCKED = 5
    OVERLAPS = 6
    NO_ROOM = 7
    NO_HOST = 8


OUTCOME_TEXT: dict[Outcome, str] = {
    Outcome.BUILT: "was built",
    Outcome.NOT_AT_LEVEL: "is not shown at this level of detail",
    Outcome.BAD_VALUE: "names a kind, wall, face or design that is not there, or has a length out of bounds",
    Outcome.TOO_SMALL: "is too small: an edge would be shorter than 1 cm",
    Outcome.OUTSIDE: "does not lie inside its wall or face with 5 cm to spare",
    Outcome.BLOCKED: "is where a neighbour stands within 1 m",
    Outcome.OVERLAPS: "meets an element that was built before it",
    Outcome.NO_ROOM: "would meet another face of the building",
    Outcome.NO_HOST: "belongs to an element that was not built",
}


@dataclass(frozen=True)
class Opened:
    """Solids with facades, and what became of every element."""

    solids: Solids
    outcome: NDArray[np.uint8]
    """`Outcome` per element."""

    @property
    def left_out(self) -> dict[Outcome, int]:
        """How many elements were not built, by reason; what the level does not show is not counted."""
        counts = np.bincount(self.outcome, minlength=len(Outcome))
        hidden = (Outcome.BUILT, Outcome.NOT_AT_LEVEL)
        return {o: int(counts[o]) for o in Outcome if counts[o] and o not in hidden}


def open_walls(
    solids: Solids, walls: Walls, elements: Elements, *, lod: str = "3.2", threads: int = 0
) -> Opened:
    """Solids with openings in their walls and with what stands out of them.

    As closed, oriented and free of self-intersection as they were: an element that cannot be built so is left
    out, with its `Outcome`. Faces carry `Solids.face_element`, `face_material` and `face_colour`.

    Args:
        solids: at level 2.2 or 2.3 with polygons.
        walls: `find_walls` of these very solids.
        elements: of these walls.
        lod: "3.0" openings as recesses, "3.1" also what stands out and chimney caps, "3.2" also frames,
            panes, railings and roof windows.
        threads: 0 for all cores. The result does not depend on it.
    """
    from geovision import _kernel

    if lod not in FACADE_LODS:
        raise UsageError(
            f"lod {lod!r}", "is not a level of detail with facades", f"Use one of {', '.join(FACADE_LODS)}"
        )
    if not len(solids) == walls.buildings == elements.buildings:
        raise InputError(
            f"{len(solids)} solids",
            f"do not go with walls of {walls.buildings} and elements of {elements.buildings} buildings",
            "Find the walls of these very solids, and make the elements for these walls",
        )
    arrays = _kernel.open_walls(
        solids.arrays(), walls.arrays(), elements.arrays(), lod=round(float(lod) * 10), threads=threads
    )
    outcome = arrays.pop("outcome")
    return Opened(Solids(arrays, solids.ids), outcome)
