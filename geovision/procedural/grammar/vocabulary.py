"""The words of the rule language; the numbers are those of `cpp/include/geovision/facade.hpp`.

docs/facades.md is the manual; a test compares the two files.
"""

from __future__ import annotations

from enum import IntEnum

from geovision.mesh.materials import Material
from geovision.procedural.rng import name_key

__all__ = [
    "ATTRIBUTES",
    "BUILDING_ATTRIBUTES",
    "COLOURS",
    "COMPONENTS",
    "DESIGN_KEYS",
    "ELEMENTS",
    "FUNCTIONS",
    "KEYWORDS",
    "MATERIALS",
    "PROPS",
    "VERSION",
    "WALL_ATTRIBUTES",
    "Attribute",
    "Code",
    "Node",
    "word_number",
]

VERSION = 1
"""Of the language: files begin with `facade 1`."""


class Node(IntEnum):
    """What a node of a compiled grammar does."""

    SEQUENCE = 0
    SPLIT = 1
    FLOORS = 2
    INSET = 3
    OFFSET = 4
    PLACE = 5
    STRIP = 6
    EXTRUDE = 7
    IF = 8
    CHOOSE = 9
    CALL = 10
    LET = 11
    EMIT = 12


class Code(IntEnum):
    """What one step of a compiled expression does to the stack of numbers."""

    END = 0
    CONST = 1
    VARIABLE = 2
    LOCAL = 3
    ATTRIBUTE = 4
    ADD = 5
    SUBTRACT = 6
    MULTIPLY = 7
    DIVIDE = 8
    NEGATE = 9
    LESS = 10
    LESS_EQUAL = 11
    EQUAL = 12
    NOT_EQUAL = 13
    AND = 14
    OR = 15
    NOT = 16
    MIN = 17
    MAX = 18
    ABS = 19
    FLOOR = 20
    SELECT = 21
    RANDOM = 22
    PICK = 23
    SHADE = 24


class Attribute(IntEnum):
    """What rules can ask for: of the building, of the wall, of the place in the derivation."""

    HEIGHT = 0
    RIDGE = 1
    TAGGED_LEVELS = 2
    ROOF_LEVELS = 3
    YEAR = 4
    USE = 5
    AREA = 6
    ATTACHED = 7
    SHOP = 8
    WALL_MATERIAL = 9
    WIDTH = 10
    TALL = 11
    EAVE = 12
    BASE = 13
    STREET_DISTANCE = 14
    STREET = 15
    BLOCKED = 16
    PARTY = 17
    FRONT = 18
    BACK = 19
    LEFT = 20
    RIGHT = 21
    SIDE = 22
    COURT = 23
    MAIN = 24
    GABLE = 25
    DORMER = 26
    STEP = 27
    ROOF = 28
    SLOPE = 29
    STOREYS = 30
    W = 31
    H = 32
    X = 33
    Z = 34
    LEVEL = 35
    LEVEL_COUNT = 36
    BAY = 37
    BAY_COUNT = 38
    ROW = 39
    ROW_COUNT = 40
    GROUND_LEVEL = 41
    TOP_LEVEL = 42
    FIRST_BAY = 43
    LAST_BAY = 44


ATTRIBUTES = {item.name.lower(): item for item in Attribute}
BUILDING_ATTRIBUTES = Attribute.WIDTH.value
"""Attributes below this are the building's."""
WALL_ATTRIBUTES = Attribute.W.value
"""Attributes below this and not the building's are the wall's."""

COMPONENTS = (
    "front", "back", "left", "right", "side", "court", "street", "party", "main",
    "gable", "dormer", "step",
)  # fmt: skip
"""Attributes that the component split takes as cases."""

ELEMENTS = (
    "window", "door", "garage_door", "shopfront", "sill", "lintel", "frame", "balcony", "railing",
    "cornice", "band", "pilaster", "canopy", "steps", "roof_window", "chimney_cap",
)  # fmt: skip
"""In the order of `ElementKind`."""

PROPS = ("depth", "out", "material", "colour", "design")
DESIGN_KEYS = ("across", "up", "frame", "mullion", "panel", "solid")
FUNCTIONS = {
    "min": 2,
    "max": 2,
    "abs": 1,
    "floor": 1,
    "ceil": 1,
    "round": 1,
    "clamp": 3,
    "if": 3,
    "random": 2,
    "shade": 2,
}
"""Name to number of arguments."""
MATERIALS = {item.name.lower(): item for item in Material}
COLOURS = {"given_colour": -1.0}
KEYWORDS = frozenset(
    {
        "facade", "import", "let", "rule", "design", "paint", "floors", "split", "snap", "repeat", "inset",
        "offset", "place", "by", "at", "up", "below", "above", "leftof", "rightof", "over", "extrude",
        "else", "choose", "building", "components", "nothing", "pick", "and", "or", "not", "true", "false",
    }
)  # fmt: skip
"""Words that can name no variable and no rule."""


def word_number(word: str) -> float:
    """Texts are compared as numbers: 52 bits of a hash, which a float64 holds exactly.

    >>> word_number("retail") == word_number("retail") != word_number("office")
    True
    """
    return float(name_key(word) >> 12)
