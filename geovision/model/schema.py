"""JSON Schema of the program.

`python -m geovision.model.schema > docs/program.schema.json` writes the committed copy.
"""

from __future__ import annotations

import json
from typing import Any

from geovision.model.program import SCHEMA, Program

__all__ = ["program_json_schema", "program_json_schema_text"]


def program_json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of a program; every number has its `unit`.

    >>> program_json_schema()["$defs"]["Gabled"]["properties"]["ridge_height"]["unit"]
    'm'
    """
    schema = Program.model_json_schema(by_alias=True)
    schema["properties"]["schema"]["const"] = SCHEMA
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def program_json_schema_text() -> str:
    """The schema as the text of docs/program.schema.json."""
    return json.dumps(program_json_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    print(program_json_schema_text(), end="")
