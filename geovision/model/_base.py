"""What all models of a program share: frozen, no unknown fields, and our own errors instead of pydantic's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from geovision.errors import InputError, ProgramError

UNNAMED = "(no id)"


def _unit(unit: str) -> dict[str, Any]:
    return {"unit": unit}


# Numbers are strict (no "5.2", no true) and finite; the unit travels into the JSON Schema.
Metres = Annotated[float, Field(strict=True, allow_inf_nan=False, json_schema_extra=_unit("m"))]
PositiveMetres = Annotated[float, Field(strict=True, allow_inf_nan=False, gt=0, json_schema_extra=_unit("m"))]
Length = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0, json_schema_extra=_unit("m"))]
Offset = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-2, le=2, json_schema_extra=_unit("m"))]
Degrees = Annotated[float, Field(strict=True, allow_inf_nan=False, json_schema_extra=_unit("deg"))]
Slope = Annotated[float, Field(strict=True, allow_inf_nan=False, json_schema_extra=_unit("m/m"))]
Fraction = Annotated[float, Field(strict=True, allow_inf_nan=False, gt=0, lt=1, json_schema_extra=_unit("1"))]
Coordinate = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Point = tuple[Coordinate, Coordinate]
Ring = tuple[Point, ...]


class Refusal(PydanticCustomError):
    """A physical rule that a program breaks, with the field under the model that found it."""

    def __new__(cls, field: str, value: object, problem: str, remedy: str) -> Self:
        context = {"field": field, "value": value, "problem": problem, "remedy": remedy}
        return super().__new__(cls, "geovision", "{problem}", context)


class Model(BaseModel):
    """The base of every part of a program."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        populate_by_name=True,
        serialize_by_alias=True,
    )

    if not TYPE_CHECKING:

        def __init__(self, /, **data: Any) -> None:
            try:
                super().__init__(**data)
            except ValidationError as error:
                raise_program_error(type(self), error, data)

        # Marks this __init__ as doing what pydantic's does, so that nested models validate without it.
        __init__.__pydantic_base_init__ = True

    @model_validator(mode="before")
    @classmethod
    def _plain_values(cls, data: Any) -> Any:
        """NumPy scalars and arrays, also in a list of rings, become plain numbers and lists."""
        return {key: _plain(value) for key, value in data.items()} if isinstance(data, dict) else data

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Self:
        """Like pydantic's, but a refusal is a `ProgramError`."""
        try:
            return super().model_validate(obj, **options)
        except ValidationError as error:
            raise_program_error(cls, error, obj)

    @classmethod
    def model_validate_json(cls, json_data: str | bytes | bytearray, **options: Any) -> Self:
        """Like pydantic's, but a refusal is a `ProgramError` (an `InputError` where it is no JSON)."""
        try:
            data = json.loads(json_data)
        except (ValueError, RecursionError) as error:
            raise InputError(
                f"JSON of a {cls.__name__}", f"is not valid ({error})", "Check that it is complete"
            ) from None
        return cls.model_validate(data, **options)

    def replace(self, **changes: Any) -> Self:
        """A copy with some fields changed, validated as a new one would be."""
        fields = {name: getattr(self, name) for name in type(self).model_fields}
        return type(self).model_validate(fields | changes)


def _plain(value: Any) -> Any:
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    if isinstance(value, (list, tuple)) and any(isinstance(item, (np.generic, np.ndarray)) for item in value):
        return [_plain(item) for item in value]
    return value


def raise_program_error(model: type[BaseModel], error: ValidationError, data: object) -> NoReturn:
    """Raise the first of pydantic's complaints as one of ours, naming building, field, value and remedy."""
    details = error.errors(include_url=False)
    first = details[0]
    context: dict[str, Any] = first.get("ctx") or {}
    field, value = _location(first, data), first["input"]
    if first["type"] == "geovision":
        problem, remedy = str(context["problem"]), str(context["remedy"])
        field = "/".join(part for part in (field, str(context["field"])) if part)
        value = context["value"]
    else:
        problem, remedy = _explain(first, model)
    if first["type"] == "missing":
        value = None
    # A list that lost its bad item complains of its length as well; that is no fault of its own.
    others = {_location(other, data) for other in details[1:] if other["type"] != "too_short"} - {field}
    if others:
        remedy = f"{remedy.rstrip('.')} (and {len(others)} more to mend)"
    raise ProgramError(_building(data), field or model.__name__, value, remedy, problem=problem) from None


def _building(data: object) -> str:
    if isinstance(data, Mapping):
        return str(data.get("id", UNNAMED))
    return str(getattr(data, "id", UNNAMED))


def _location(details: ErrorDetails, data: object) -> str:
    """Pydantic's path without the tags of unions, which are no fields of the JSON."""
    path: list[str] = []
    tagged = False
    for step in details["loc"]:
        if tagged:
            tagged = False
            continue
        path.append(str(step))
        if path[0] == "attributes" and len(path) == 2:
            break
        in_list = len(path) == 2 and path[0] == "superstructures"
        tagged = step == "roof" or in_list
    return "/".join(path)


_REMEDIES = {
    "missing": "Add the field",
    "extra_forbidden": "Remove it, or check its spelling in docs/program.md",
    "finite_number": "Give a finite number",
    "float_type": "Give a number, not text or a truth value",
    "int_type": "Give a whole number",
    "string_type": "Give a text in quotes",
    "string_too_short": "Give a text that is not empty",
    "tuple_type": "Give a list",
    "dict_type": "Give an object in braces",
    "json_invalid": "Check that the file is complete and valid JSON",
    "union_tag_not_found": 'Add "kind"',
}


_ATTRIBUTE = (
    "it is no text, finite number, truth value or null",
    "Give one of these; nested values do not fit a table",
)


def _explain(details: ErrorDetails, model: type[BaseModel]) -> tuple[str, str]:
    """What pydantic found, as a problem and a remedy."""
    kind, context = details["type"], details.get("ctx") or {}
    if details["loc"][:1] == ("attributes",):
        return _ATTRIBUTE
    problem = details["msg"][0].lower() + details["msg"][1:]
    if kind in ("union_tag_invalid", "literal_error"):
        expected = str(context.get("expected_tags", context.get("expected", "")))
        tag = context.get("tag")
        return (f"{tag!r} is not known" if tag is not None else "is not known"), f"Use one of: {expected}"
    if kind in ("greater_than", "greater_than_equal", "less_than", "less_than_equal"):
        return problem.replace("input", "it", 1), f"Give a number {_bound(context)}"
    if kind == "missing" and details["loc"] and isinstance(details["loc"][-1], int):
        return "a point has two coordinates", "Give [x, y]"
    if kind in ("too_short", "too_long") and str(context.get("field_type", "")) == "Tuple":
        few = kind == "too_short"
        bound = f"at least {context['min_length']}" if few else f"at most {context['max_length']}"
        return f"it has too {'few' if few else 'many'} entries", f"Give {bound}"
    return problem, _REMEDIES.get(kind, "See docs/program.md for what the field takes")


def _bound(context: Mapping[str, Any]) -> str:
    words = {"gt": "above", "ge": "of at least", "lt": "below", "le": "of at most"}
    return " and ".join(f"{word} {context[key]}" for key, word in words.items() if key in context)
