"""What rules and the choice of a style know of a building, from its program and its tags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from geovision.mesh.walls import Walls
from geovision.model.table import ProgramTable
from geovision.procedural.frames import ring_areas
from geovision.procedural.grammar.vocabulary import BUILDING_ATTRIBUTES, Attribute, word_number
from geovision.procedural.grammar.words import levels_of, year_of

__all__ = ["Note", "building_attributes", "use_of"]

F64 = npt.NDArray[np.float64]
_LEVELS = {"building:levels": Attribute.TAGGED_LEVELS, "roof:levels": Attribute.ROOF_LEVELS}
_YEARS = ("start_date", "year", "construction_date", "year_of_construction")


@dataclass(frozen=True)
class Note:
    """Something of a building that was read otherwise than it was written."""

    building: str
    field: str
    value: object
    problem: str
    """What is wrong, and what was done instead."""

    def __str__(self) -> str:
        return f"building {self.building!r}, {self.field} = {self.value!r}: {self.problem}"


def building_attributes(programs: ProgramTable, walls: Walls, notes: list[Note]) -> F64:
    """[buildings, 10] in the order of `Attribute`; what was not understood is noted and counts as unknown."""
    found = np.zeros((len(programs), BUILDING_ATTRIBUTES))
    if not len(programs):
        return found
    parts = programs.part_offsets
    found[:, Attribute.HEIGHT] = _most(programs.eave, parts)
    top = np.fmax(programs.roof_params[:, 0], programs.eave)
    found[:, Attribute.RIDGE] = np.maximum(_most(top, parts), found[:, Attribute.HEIGHT])
    areas, _ = ring_areas(programs.xy, programs.vertex_offsets)
    shells = np.abs(areas[programs.ring_offsets[:-1]])
    found[:, Attribute.AREA] = _total(shells, parts)
    found[:, Attribute.ATTACHED] = _attached(walls)
    records = programs.records("attributes")
    for row, own in enumerate(records or ()):
        if own:
            _read(own, found[row], programs.ids[row], notes)
    return found


def _most(values: F64, offsets: npt.NDArray[np.int64]) -> F64:
    most = np.full(len(offsets) - 1, -np.inf)
    np.maximum.at(most, np.repeat(np.arange(len(most)), np.diff(offsets)), np.nan_to_num(values))
    return np.where(np.isfinite(most), most, 0.0)


def _total(values: F64, offsets: npt.NDArray[np.int64]) -> F64:
    rows = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    return np.asarray(np.bincount(rows, values, minlength=len(offsets) - 1), np.float64)


def _attached(walls: Walls) -> npt.NDArray[np.bool_]:
    """Some wall of it stands against a neighbour for at least half of its length."""
    rows = np.repeat(np.arange(len(walls)), np.diff(walls.blocked_offsets))
    spans = walls.blocked.astype(np.int64)
    covered = np.bincount(rows, spans[:, 1] - spans[:, 0], minlength=len(walls))
    party = covered >= 0.5 * np.maximum(walls.length, 1)
    return np.bincount(walls.building, party, minlength=walls.buildings) > 0


def use_of(own: Mapping[str, Any]) -> str:
    """The word for what a building is used for; empty where nobody says.

    >>> use_of({"building": "Apartments"}), use_of({"building": "yes", "shop": "bakery"}), use_of({})
    ('apartments', 'retail', '')
    """
    for key in ("use", "building:use", "building"):
        word = own.get(key)
        if isinstance(word, str) and word.lower() not in ("", "yes", "no"):
            return word.lower()
    if own.get("amenity") == "place_of_worship":
        return "mosque" if own.get("religion") == "muslim" else "church"
    return "retail" if _is_shop(own) else ""


def _is_shop(own: Mapping[str, Any]) -> bool:
    return own.get("shop") not in (None, "", "no", "vacant", False)


def _read(own: Mapping[str, Any], row: F64, name: str, notes: list[Note]) -> None:
    for key, place in _LEVELS.items():
        if own.get(key) is not None:
            levels = levels_of(own[key])
            # A roof without storeys is nothing odd.
            if levels is None and not (place == Attribute.ROOF_LEVELS and str(own[key]) in ("0", "0.0")):
                notes.append(Note(name, key, own[key], "no number of storeys; taken from the height"))
            row[place] = levels or 0.0
    for key in _YEARS:
        if own.get(key) is not None:
            year = year_of(own[key])
            if year is None:
                notes.append(Note(name, key, own[key], "no year; not used"))
            row[Attribute.YEAR] = year or 0
            break
    row[Attribute.SHOP] = _is_shop(own)
    use, material = use_of(own), own.get("building:material")
    row[Attribute.USE] = word_number(use) if use else 0.0
    row[Attribute.WALL_MATERIAL] = word_number(material) if isinstance(material, str) else 0.0
