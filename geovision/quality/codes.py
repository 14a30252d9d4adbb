"""What can be wrong with a file: val3dity's numbers where it has one, 8xx where it has none."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["CODES", "Code"]


class Code(NamedTuple):
    """One kind of fault."""

    number: int
    name: str
    """val3dity's name for its own numbers."""
    text: str
    """What it means and what to do."""
    warning: bool = False
    """Reported, but no reason to call a file invalid."""


_ROWS = (
    # Rings
    (101, "TOO_FEW_POINTS", "a ring has fewer than three points; drop the polygon"),
    (
        102,
        "CONSECUTIVE_POINTS_SAME",
        "neighbours in a ring are one point; drop one (rings are not closed)",
    ),
    (
        104,
        "RING_SELF_INTERSECTION",
        "a ring crosses or touches itself, or has no area",
    ),
    # Polygons
    (201, "INTERSECTION_RINGS", "two rings of a polygon cross or share a piece of an edge"),
    (202, "DUPLICATED_RINGS", "two rings of a polygon are the same"),
    (
        203,
        "NON_PLANAR_POLYGON_DISTANCE_PLANE",
        "a point lies too far from the polygon's plane",
    ),
    (
        204,
        "NON_PLANAR_POLYGON_NORMALS_DEVIATION",
        "a polygon has a small fold",
    ),
    (
        205,
        "POLYGON_INTERIOR_DISCONNECTED",
        "rings touch so that they cut the polygon in two",
    ),
    (206, "INNER_RING_OUTSIDE", "a hole lies outside of the outer ring"),
    (207, "INNER_RINGS_NESTED", "a hole lies in another hole"),
    (208, "ORIENTATION_RINGS_SAME", "a hole runs in the direction of the outer ring; reverse it"),
    # Shells
    (301, "TOO_FEW_POLYGONS", "a shell has fewer than four polygons"),
    (
        302,
        "SHELL_NOT_CLOSED",
        "an edge has a polygon on one side only: a hole, or a vertex one side lacks",
    ),
    (303, "NON_MANIFOLD_CASE", "an edge has more than two polygons, or a vertex more than one fan of them"),
    (305, "MULTIPLE_CONNECTED_COMPONENTS", "a shell falls into pieces; write several solids"),
    (306, "SHELL_SELF_INTERSECTION", "polygons of a shell pierce or overlap each other"),
    (307, "POLYGON_WRONG_ORIENTATION", "a polygon is turned over against its neighbours; reverse its rings"),
    # Solids
    (401, "INTERSECTION_SHELLS", "shells of a solid enter each other, or a cavity lies in a cavity"),
    (402, "DUPLICATED_SHELLS", "two shells of a solid are the same"),
    (403, "INNER_SHELL_OUTSIDE", "an inner shell lies outside of the outer one"),
    (
        405,
        "WRONG_ORIENTATION_SHELL",
        "a shell is inside out; inner ones face into the cavity",
    ),
    # Solids beside each other
    (501, "INTERSECTION_SOLIDS", "solids of a composite overlap"),
    (502, "DUPLICATED_SOLIDS", "two solids of a composite are the same"),
    (601, "BUILDINGPARTS_OVERLAP", "parts of one building overlap"),
    (609, "CITYOBJECT_HAS_NO_GEOMETRY", "an object has neither geometry nor children", True),
    # Structure
    (802, "BAD_STRUCTURE", "a key that the format requires is missing, or holds something else"),
    (803, "BAD_INDEX", "an index points at nothing"),
    (804, "BAD_NESTING", "boundaries are not nested as deep as their type asks for"),
    (805, "UNKNOWN_TYPE", "a type or version that the format does not know"),
    (806, "BAD_REFERENCE", "an object names a parent or child that is not there, or does not name it back"),
    (811, "NOT_FINITE", "a number is NaN or infinite"),
    (812, "TOO_WIDE", "one object spreads over more than 10^9 grid steps: a vertex has gone astray"),
    (813, "BAD_BOUNDS", "stated bounds do not hold what is in the file"),
    (821, "NO_CRS", "the file does not say which CRS its coordinates are in; state it"),
    (822, "UNKNOWN_CRS", "the CRS is not one that PROJ knows"),
    (
        823,
        "CRS_NOT_STATED",
        "the CRS is not stated; the format does not ask for it",
        True,
    ),
    (831, "DUPLICATE_ID", "two objects have one id"),
    # Semantics
    (841, "SEMANTICS_SHAPE", "semantic values are not nested as the boundaries are"),
    (842, "SEMANTICS_INDEX", "a semantic value names no surface of its list"),
    (843, "SEMANTICS_TYPE", "a semantic surface is of no known type"),
    (844, "ROOF_FACES_DOWN", "a RoofSurface faces down", True),
    (845, "GROUND_FACES_UP", "a GroundSurface does not face down", True),
    (846, "WALL_NOT_VERTICAL", "a WallSurface is not steep", True),
    # Programs and their fits
    (851, "PROGRAM_REFUSED", "a program that cannot be"),
    (852, "PROGRAM_WITHOUT_SOLID", "the kernel makes no solid of a program"),
    (853, "PROGRAMS_AND_FITS_DIFFER", "a program has no fit, or a fit no program"),
    # Tilesets
    (861, "CONTENT_MISSING", "a file that a tileset names is not there or is not what it should be"),
    (862, "CONTENT_OUT_OF_BOUNDS", "a vertex lies outside of the bounding volume of its tile"),
    (863, "GEOMETRIC_ERROR_GROWS", "a tile's geometric error is above its parent's"),
    (864, "CHILD_OUT_OF_PARENT", "a tile's bounding volume reaches out of its parent's"),
    (865, "FEATURES_DIFFER", "feature ids and rows of the property table do not fit each other"),
    # Tables
    (871, "GEOMETRY_INVALID", "a geometry of a table is not valid by the OGC's rules"),
    (872, "NO_GEOMETRY", "a row has no geometry"),
    (
        901,
        "INVALID_INPUT_FILE",
        "the file is cut off, damaged or not of its format",
    ),
    (902, "EMPTY_PRIMITIVE", "a geometry without polygons"),
    (999, "UNKNOWN_ERROR", "the geometry could not be judged"),
)

CODES: dict[int, Code] = {row[0]: Code(*row) for row in _ROWS}
"""Every code by its number."""
