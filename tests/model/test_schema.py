from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings

from geovision.model import Program
from geovision.model.kinds import KIND_NAMES, SUPER_NAMES
from geovision.model.schema import program_json_schema, program_json_schema_text
from tests.model.programs import building, one_of_each_kind, programs

DOCS = Path(__file__).parents[2] / "docs"
SCHEMA = program_json_schema()


def test_the_committed_schema_is_up_to_date() -> None:
    committed = (DOCS / "program.schema.json").read_text(encoding="utf-8")
    message = "run: python -m geovision.model.schema > docs/program.schema.json"
    assert committed == program_json_schema_text(), message


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert Program.json_schema() == SCHEMA


@settings(max_examples=50)
@given(programs())
def test_every_program_fits_the_schema(program: Program) -> None:
    jsonschema.validate(program.to_dict(), SCHEMA)


@pytest.mark.parametrize("changes", [{"eave_height": "5"}, {"eaves": 5}, {"roof": {"kind": "gable"}}])
def test_the_schema_refuses_too(changes: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(building(**changes), SCHEMA)


def test_every_length_and_angle_has_its_unit_and_a_description() -> None:
    for name, model in {"Program": SCHEMA, **SCHEMA["$defs"]}.items():
        for field, spec in model.get("properties", {}).items():
            if field == "kind":
                continue
            assert spec.get("description"), f"{name}.{field}"
            if re.search(r"height|_deg$|width|depth|setback|inset|overhang|thickness|bulge|ground_z", field):
                assert '"unit"' in str(spec).replace("'", '"') or field == "edge_pitch_deg", f"{name}.{field}"


def test_the_manual_names_every_kind_and_field() -> None:
    manual = (DOCS / "program.md").read_text(encoding="utf-8")
    for name in (*KIND_NAMES.values(), *SUPER_NAMES.values()):
        assert f"`{name}`" in manual
    for model in (SCHEMA, *SCHEMA["$defs"].values()):
        for field in model.get("properties", {}):
            assert f"`{field}`" in manual or f'"{field}"' in manual, field


def test_examples_of_the_manual_are_valid() -> None:
    manual = (DOCS / "program.md").read_text(encoding="utf-8")
    examples = re.findall(r"```json\n(.*?)```", manual, re.DOTALL)
    assert examples
    for example in examples:
        Program.from_json(example)
    assert set(one_of_each_kind()) == set(re.findall(r'"kind": "([^"]+)"', manual)) - set(
        SUPER_NAMES.values()
    )
