"""Codes that the kernel writes beside its solids: labels, statuses, flags, provenance.

The numbers are those of `cpp/include/geovision/types.hpp`; a test compares the two files.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import NamedTuple

from geovision.errors import GeometryError

__all__ = [
    "FLAG_TEXT",
    "STATUS_REMEDY",
    "STATUS_TEXT",
    "Label",
    "Provenance",
    "Status",
    "StatusFlag",
    "StatusText",
    "flag_texts",
    "status_error",
]


class Label(IntEnum):
    """What a face is."""

    ROOF = 0
    WALL = 1
    STEP_WALL = 2
    GROUND = 3
    UNDERSIDE = 4
    DORMER_ROOF = 5
    DORMER_WALL = 6
    CHIMNEY = 7
    PARAPET = 8
    WINDOW = 9
    """The pane of a window, of a glass front or of a roof window."""
    DOOR = 10
    """The leaf of a door or a gate."""
    INSTALLATION = 11
    """What stands out of a wall or a roof: sills, balconies, cornices, steps."""
    FRAME = 12
    """Frames and mullions, and the sides of openings."""


class Provenance(IntEnum):
    """How a value or a surface is known."""

    OBSERVED = 0
    INFERRED = 1
    GIVEN = 2

    @property
    def text(self) -> str:
        """The word that programs in JSON use: observed, inferred or given."""
        return self.name.lower()

    @classmethod
    def from_text(cls, text: str) -> Provenance:
        """The code of a word.

        >>> Provenance.from_text("observed")
        <Provenance.OBSERVED: 0>
        """
        return cls[text.upper()]


class Status(IntEnum):
    """Why a building has no solid; OK where it has one."""

    OK = 0
    TOO_FEW_POINTS = 1
    SELF_CROSSING = 2
    HOLE_OUTSIDE = 3
    NOT_FINITE = 4
    ZERO_AREA = 5
    TOO_LARGE = 6
    BAD_PARAMETER = 7
    NOT_A_QUAD = 8
    NOT_STAR_SHAPED = 9
    SKELETON_FAILED = 10
    EMPTY = 11
    NOT_CONVERGED = 12
    NOT_MANIFOLD = 13
    CANCELLED = 14
    UNKNOWN_KIND = 15


class StatusFlag(IntFlag):
    """Rules that shaped a valid solid."""

    NONE = 0
    MERGED_EDGES = 1 << 0
    MERGED_HEIGHTS = 1 << 1
    SEPARATED = 1 << 2
    SEVERAL_SOLIDS = 1 << 3
    GABLE_LEFT_HIPPED = 1 << 4
    ROOF_SIMPLIFIED = 1 << 5
    SUPER_DROPPED = 1 << 6
    OVERHANG_DROPPED = 1 << 7
    CELLS_REMOVED = 1 << 8


class StatusText(NamedTuple):
    """What is wrong, and what to do about it."""

    problem: str
    remedy: str


STATUS_TEXT: dict[Status, StatusText] = {
    Status.OK: StatusText("has a solid", ""),
    Status.TOO_FEW_POINTS: StatusText(
        "a ring has fewer than 3 distinct vertices on the 1 mm grid",
        "Give each ring at least 3 corners that are more than 1 mm apart, or drop the ring",
    ),
    Status.SELF_CROSSING: StatusText(
        "a ring crosses or overlaps itself or another ring",
        "Repair the outline (for example shapely.make_valid) and give each piece as a part of its own",
    ),
    Status.HOLE_OUTSIDE: StatusText(
        "a hole does not lie inside its shell", "Drop the hole, or give it to the part that contains it"
    ),
    Status.NOT_FINITE: StatusText(
        "a coordinate or a parameter is NaN or infinite", "Give a finite number of metres or degrees"
    ),
    Status.ZERO_AREA: StatusText(
        "a part has no area on the 1 mm grid", "Drop the part, or give an outline in metres, not degrees"
    ),
    Status.TOO_LARGE: StatusText(
        "a footprint is wider than 1,000 km",
        "Check the outline for a stray vertex, and the CRS of the source",
    ),
    Status.BAD_PARAMETER: StatusText(
        "a roof or superstructure parameter is out of its range",
        "Validate the program: Program.model_validate names the field and its range",
    ),
    Status.NOT_A_QUAD: StatusText(
        "the roof kind needs a part with four corners",
        "Split the part into quadrilaterals, or use hipped, gabled or flat, which take any polygon",
    ),
    Status.NOT_STAR_SHAPED: StatusText(
        "the roof kind needs a point that sees the whole part",
        "Split the part into convex pieces, or use hipped or flat, which take any polygon",
    ),
    Status.SKELETON_FAILED: StatusText(
        "the straight skeleton of the part could not be completed",
        "Simplify the outline, or give the part a flat roof; please report the program as a bug",
    ),
    Status.EMPTY: StatusText(
        "nothing is left above the ground", "Give an eave_height above base_height, at least 1 cm"
    ),
    Status.NOT_CONVERGED: StatusText(
        "snap rounding reached its limit of iterations",
        "Simplify the outline; please report the program as a bug",
    ),
    Status.NOT_MANIFOLD: StatusText(
        "two pieces touch in a way that no rule could separate",
        "Move the touching corners apart by 1 cm; please report the program as a bug",
    ),
    Status.CANCELLED: StatusText("was not reached before the call was stopped", "Call again for the rest"),
    Status.UNKNOWN_KIND: StatusText(
        "a roof or superstructure code is not known to this kernel",
        "Use the codes of geovision.model.kinds, or update geovision and its kernel together",
    ),
}

STATUS_REMEDY: dict[Status, str] = {status: text.remedy for status, text in STATUS_TEXT.items()}

FLAG_TEXT: dict[StatusFlag, str] = {
    StatusFlag.MERGED_EDGES: "vertices closer than the minimum edge were merged",
    StatusFlag.MERGED_HEIGHTS: "steps lower than the minimum edge were levelled",
    StatusFlag.SEPARATED: "touching corners were pulled apart",
    StatusFlag.SEVERAL_SOLIDS: "the building came out as several solids",
    StatusFlag.GABLE_LEFT_HIPPED: "an end face could not be made vertical and was left hipped",
    StatusFlag.ROOF_SIMPLIFIED: "the roof was replaced by a simpler one",
    StatusFlag.SUPER_DROPPED: "a superstructure lay outside its part and was dropped",
    StatusFlag.OVERHANG_DROPPED: "an overhang could not be built and was dropped",
    StatusFlag.CELLS_REMOVED: "cells with no height were removed",
}


def flag_texts(flags: int) -> list[str]:
    """The sentences of all flags that are set.

    >>> flag_texts(StatusFlag.SEPARATED | StatusFlag.SEVERAL_SOLIDS)
    ['touching corners were pulled apart', 'the building came out as several solids']
    """
    return [text for flag, text in FLAG_TEXT.items() if flags & flag]


def status_error(building: str, status: int) -> GeometryError:
    """The exception for a status, ready to raise.

    >>> status_error("NL.1", Status.ZERO_AREA).problem
    'a part has no area on the 1 mm grid'
    """
    text = STATUS_TEXT[Status(status)]
    return GeometryError(f"building {building!r}", text.problem, text.remedy, status=int(status))
