"""What is known of buildings, as columns of one type each: the tables that go beside or into models."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from geovision.model.kinds import KIND_NAMES, RoofKind

if TYPE_CHECKING:
    from geovision.model.fit import Fit
    from geovision.model.table import ProgramTable

__all__ = [
    "FACTS",
    "PROGRAM",
    "AttributeType",
    "attribute_types",
    "building_columns",
    "column_types",
    "facts_columns",
    "fits_columns",
]

AttributeType = Literal["bool", "int", "float", "text"]

PROGRAM = "geovision_program"
"""Attribute of a building in CityJSON that holds its whole program."""
_FIT_NUMBERS = ("confidence", "within_0p2", "rmse", "nmad", "density", "coverage")
_FIT_TYPES: dict[str, AttributeType] = {
    "fit_status": "text",
    "fit_points": "int",
    **{f"fit_{name}": "float" for name in _FIT_NUMBERS},
}
FACTS = ("ground_z", "eave_z", "height", "ground_area", "roof_area", "volume")
"""What `geovision.formats.outlines.building_facts` says of a solid; in tables with "model_" before it."""
_FACT_TYPES: dict[str, AttributeType] = {f"model_{name}": "float" for name in FACTS}
# What the tables say themselves; an attribute of that name is kept under another.
_OWN = {"id", "geometry", "roof_kind", PROGRAM, *_FIT_TYPES, *_FACT_TYPES}


def attribute_types(rows: Sequence[Mapping[str, Any]], ids: Sequence[str] = ()) -> dict[str, AttributeType]:
    """The type that holds all values of each attribute, in order of first appearance; None fits any.

    With the ids of the buildings an attribute "id" that says the same is left out.

    Whole numbers and others make numbers; everything else that is mixed, nested or too large for a double
    makes text.

    >>> attribute_types([{"year": 1932, "use": "home"}, {"year": None, "floors": 2.5}, {"floors": 3}])
    {'year': 'int', 'use': 'text', 'floors': 'float'}
    """
    seen: dict[str, set[AttributeType]] = {}
    for row in rows:
        for name, value in row.items():
            kinds = seen.setdefault(name, set())
            kind = _type_of(value)
            if kind is not None:
                kinds.add(kind)
    if (
        "id" in seen
        and len(ids)
        and all(str(row.get("id")) == name for row, name in zip(rows, ids, strict=True))
    ):
        del seen["id"]
    return {name: _widest(kinds) for name, kinds in seen.items()}


def building_columns(
    table: ProgramTable, types: Mapping[str, AttributeType] | None = None
) -> dict[str, list[Any]]:
    """Attributes as columns, and the kind of the first part's roof; None where a building lacks one.

    Args:
        table: the programs.
        types: from `attribute_types` over all batches of a file, so that each has the same columns; by
            default from this table.

    >>> from geovision.model import Flat, Part, Program, ProgramTable
    >>> part = Part(shell=[(0, 0), (9, 0), (9, 5)], eave_height=3.0, roof=Flat())
    >>> program = Program(id="a", parts=[part], attributes={"year": 1932})
    >>> building_columns(ProgramTable.from_programs([program]))
    {'year': [1932], 'roof_kind': ['flat']}
    """
    rows = table.attributes
    if types is None:
        types = attribute_types(rows, table.ids)
    columns = {
        column: [_cast(row.get(name), types[name]) for row in rows]
        for name, column in _column_names(types).items()
    }
    main = table.roof_kind[table.part_offsets[:-1]]
    columns["roof_kind"] = [KIND_NAMES[RoofKind(kind)] for kind in main.tolist()]
    return columns


def fits_columns(fits: Sequence[Fit]) -> dict[str, list[Any]]:
    """The main facts of fits as columns, None where a number is not known.

    >>> from geovision.model.fit import Fit
    >>> columns = fits_columns([Fit("a", kind="flat", confidence=0.912345)])
    >>> columns["fit_status"], columns["fit_confidence"], columns["fit_rmse"]
    (['ok'], [0.9123], [None])
    """
    columns: dict[str, list[Any]] = {
        "fit_status": [fit.status.name.lower() for fit in fits],
        "fit_points": [fit.points for fit in fits],
    }
    for name in _FIT_NUMBERS:
        columns[f"fit_{name}"] = [_rounded(getattr(fit, name)) for fit in fits]
    return columns


def facts_columns(facts: Mapping[str, NDArray[np.float64]]) -> dict[str, list[Any]]:
    """What solids measure as columns, in millimetres; None where there is no solid."""
    return {
        f"model_{name}": [round(value, 3) if math.isfinite(value) else None for value in facts[name].tolist()]
        for name in FACTS
    }


def column_types(types: Mapping[str, AttributeType], *, fits: bool) -> dict[str, AttributeType]:
    """Names and types of the columns that `building_columns`, `facts_columns` and `fits_columns` give."""
    found = {column: types[name] for name, column in _column_names(types).items()}
    return {**found, "roof_kind": "text", **_FACT_TYPES, **(_FIT_TYPES if fits else {})}


def _column_names(types: Mapping[str, AttributeType]) -> dict[str, str]:
    """Column of each attribute: its own name, unless the tables use that themselves."""
    names: dict[str, str] = {}
    for name in types:
        column = name
        while column in _OWN or (column != name and column in types):
            column += "_given"
        names[name] = column
    return names


def _type_of(value: Any) -> AttributeType | None:
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int" if -(2**63) < value < 2**63 else "text"
    return "float" if isinstance(value, float) else "text"


def _widest(kinds: set[AttributeType]) -> AttributeType:
    if len(kinds) == 1:
        return next(iter(kinds))
    return "float" if kinds == {"int", "float"} else "text"


def _cast(value: Any, kind: AttributeType) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if kind == "text":
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return float(value) if kind == "float" else value


def _rounded(value: float) -> float | None:
    return round(float(value), 4) if math.isfinite(value) else None
