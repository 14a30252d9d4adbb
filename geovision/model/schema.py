"""JSON Schema of the program.

`python -m geovision.model.schema > docs/program.schema.json` writes the committed copy.
"""

from __future__ import annotations

import ast
import inspect
import json
from collections.abc import Iterator
from typing import Any

from geovision.model._base import Model
from geovision.model.program import SCHEMA, Program

__all__ = ["program_json_schema", "program_json_schema_text"]


def program_json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of a program; every number has its `unit`.

    >>> program_json_schema()["$defs"]["Gabled"]["properties"]["ridge_height"]["unit"]
    'm'
    """
    schema = Program.model_json_schema(by_alias=True)
    models = {model.__name__: model for model in _all_models(Model)}
    for definition in _objects(schema):
        model = models.get(definition.get("title", ""))
        if model is not None:
            _describe(model, definition["properties"])
    schema["properties"]["schema"]["const"] = SCHEMA
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _objects(schema: Any) -> Iterator[dict[str, Any]]:
    """Every part of a schema that has properties, also those inside others."""
    if isinstance(schema, dict) and isinstance(schema.get("properties"), dict):
        yield schema
    inner = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    for value in inner:
        yield from _objects(value)


def _all_models(base: type[Model]) -> Iterator[type[Model]]:
    for model in base.__subclasses__():
        yield model
        yield from _all_models(model)


def _describe(model: type[Model], properties: dict[str, dict[str, Any]]) -> None:
    """Adds what the docstrings of its fields say; pydantic would read the sources at every import."""
    told: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if issubclass(base, Model):
            told |= dict(_field_docstrings(base))
    for name, field in model.model_fields.items():
        if name in told:
            key = field.alias or name
            said = properties[key] | {"description": field.description or told[name]}
            properties[key] = dict(sorted(said.items()))


def _field_docstrings(model: type[Model]) -> Iterator[tuple[str, str]]:
    (definition,) = ast.parse(inspect.getsource(model)).body
    assert isinstance(definition, ast.ClassDef)
    for field, text in zip(definition.body, definition.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(text, ast.Expr)
            and isinstance(text.value, ast.Constant)
            and isinstance(text.value.value, str)
        ):
            yield field.target.id, inspect.cleandoc(text.value.value)


def program_json_schema_text() -> str:
    """The schema as the text of docs/program.schema.json."""
    return json.dumps(program_json_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    print(program_json_schema_text(), end="")
