"""Settings from TOML files and dotted changes, checked key by key; an error names the key and the remedy."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from geovision.errors import InputError, UsageError

__all__ = ["change", "validated"]

_Model = TypeVar("_Model", bound=BaseModel)


def validated(model: type[_Model], data: Mapping[str, Any], thing: str) -> _Model:
    """Data as a pydantic model; its first fault is an `InputError` that names the key and the remedy."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(step) for step in first["loc"]) or "(all)"
        known = _beside(model, first["loc"])
        problem, remedy = first["msg"].removeprefix("Value error, "), "Mend the value"
        if first["type"] == "extra_forbidden":
            close = difflib.get_close_matches(str(first["loc"][-1]), known, 1)
            problem = "is not a known key"
            remedy = f"Did you mean {close[0]!r}? Else remove it" if close else f"Use {', '.join(known)}"
        elif first["type"] == "missing":
            problem, remedy = "is missing", "Add it"
        raise InputError(f"{thing}, key {key!r}", problem, remedy) from error


def _beside(model: type[BaseModel], place: Sequence[int | str]) -> list[str]:
    """The keys of the table that a place is in."""
    for step in place[:-1]:
        field = model.model_fields.get(str(step))
        kind = None if field is None else field.annotation
        if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
            break
        model = kind
    return sorted(field.alias or name for name, field in model.model_fields.items())


def change(data: dict[str, Any], key: str, value: Any, *, command: str) -> None:
    """Set the value of a dotted key in nested tables.

    >>> data = {"run": {"workers": 2}}
    >>> change(data, "run.workers", 4, command="geovision batch run")
    >>> data
    {'run': {'workers': 4}}

    Args:
        data: tables, changed in place.
        key: such as run.workers.
        value: what it becomes.
        command: whose help tells more.
    """
    *path, last = key.split(".")
    table: Any = data
    for step in path:
        table = table.setdefault(step, {}) if isinstance(table, dict) else None
    if not isinstance(table, dict) or not last:
        raise UsageError(f"key {key!r}", "is in no table of a configuration", f"See {command} --help")
    table[last] = value
