from __future__ import annotations

import copy
import json
import pickle
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geovision.errors import InputError, ProgramError
from geovision.model import Gabled, Part, Program, Provenance, RoofKind
from geovision.model.roofs import ROOF_CLASSES
from geovision.model.superstructures import SUPER_CLASSES
from tests.model.programs import SQUARE, building, one_of_each_kind, programs


@given(programs())
def test_json_round_trip_loses_nothing(program: Program) -> None:
    again = Program.from_json(program.to_json())
    assert again == program
    assert again.to_json() == program.to_json()
    assert again.digest() == program.digest()
    assert Program.from_dict(program.to_dict()) == program


@given(programs(), st.randoms(use_true_random=False))
def test_the_digest_does_not_hang_on_the_order_of_keys(program: Program, random: Random) -> None:
    def shuffled(value: object) -> object:
        if isinstance(value, dict):
            keys = list(value)
            random.shuffle(keys)
            return {key: shuffled(value[key]) for key in keys}
        return [shuffled(item) for item in value] if isinstance(value, list) else value

    assert Program.from_json(json.dumps(shuffled(program.to_dict()))).digest() == program.digest()


def test_every_kind_has_a_class() -> None:
    assert list(ROOF_CLASSES) == list(RoofKind)
    for kind, cls in ROOF_CLASSES.items():
        assert cls.model_fields["kind"].default == kind.text
    for code, cls_ in SUPER_CLASSES.items():
        assert cls_.model_fields["kind"].default == code.text


@pytest.mark.parametrize("roof", one_of_each_kind().values(), ids=lambda roof: roof["kind"])
def test_every_kind_is_valid_json(roof: dict[str, object]) -> None:
    program = Program.from_dict(building(roof=roof))
    assert program.parts[0].roof.kind == roof["kind"]
    assert program.parts[0].roof.roof_kind.text == roof["kind"]


def test_digest_is_the_same_on_every_machine() -> None:
    digest = Program.from_dict(building()).digest()
    assert digest == Program.from_dict(building(eave_height=5)).digest()
    assert digest != Program.from_dict(building(eave_height=5.0001)).digest()
    negative_zero = [[-0.0, 0.0], *SQUARE[1:]]
    assert digest == Program.from_dict(building(shell=negative_zero)).digest()
    # Written down once; a change of it is a change of the form and needs a new schema version.
    assert digest == "b1563ab09a3e0b9a639bd59d93f883ab2ad918e179d1fa818c0b457cdbb01c84"


def test_a_shift_is_said_only_where_there_is_one() -> None:
    data = building()
    plain = Program.from_dict(data)
    assert "roof_shift" not in plain.to_dict()["parts"][0]
    data["parts"][0]["roof_shift"] = [0.0, -0.0]
    assert Program.from_dict(data).digest() == plain.digest()
    data["parts"][0]["roof_shift"] = [0.25, -0.1]
    moved = Program.from_dict(data | {"provenance": {"parts/0/roof_shift": "observed"}})
    assert moved.to_dict()["parts"][0]["roof_shift"] == [0.25, -0.1]
    assert moved.provenance_of("parts/0/roof_shift").text == "observed"
    assert Program.from_json(moved.to_json()) == moved != plain


def test_programs_are_frozen_hashable_and_picklable() -> None:
    program = Program.from_dict(building())
    with pytest.raises(ValueError, match="frozen"):
        program.id = "other"  # type: ignore[misc]
    assert len({program, Program.from_dict(building())}) == 1
    assert pickle.loads(pickle.dumps(program)) == program
    assert copy.deepcopy(program) == program


def test_arrays_and_numpy_numbers_are_taken() -> None:
    ring = np.array(SQUARE)
    hole = np.array([[1, 1], [2, 1], [2, 2]], dtype=np.float32)
    part = Part(shell=ring, holes=[hole], eave_height=np.float32(5), roof=Gabled(ridge_height=np.int64(8)))
    plain = part.model_dump(mode="json")
    assert plain["shell"] == SQUARE
    assert plain["holes"] == [[[1, 1], [2, 1], [2, 2]]]
    assert repr(part.eave_height) == "5.0"


def test_a_closed_ring_is_opened() -> None:
    program = Program.from_dict(building(shell=[*SQUARE, SQUARE[0]]))
    assert len(program.parts[0].shell) == 4


def test_parts_are_named_by_their_index() -> None:
    data = building()
    data["parts"].append({**data["parts"][0], "id": "annex"})
    assert [part.id for part in Program.from_dict(data).parts] == ["0", "annex"]


def test_provenance_is_that_of_the_nearest_path() -> None:
    data = building() | {
        "provenance": {"default": "inferred", "parts/0": "observed", "parts/0/roof/ridge_height": "given"}
    }
    program = Program.from_dict(data)
    assert program.provenance_of("parts/0/roof/ridge_height") is Provenance.GIVEN
    assert program.provenance_of("parts/0/eave_height") is Provenance.OBSERVED
    assert program.provenance_of("ground_z") is Provenance.INFERRED


def test_replace_validates() -> None:
    part = Program.from_dict(building()).parts[0]
    assert part.replace(eave_height=4.0).eave_height == 4.0
    with pytest.raises(ProgramError, match="ridge"):
        part.replace(eave_height=9.0)


def test_a_newer_schema_is_refused() -> None:
    newer = building() | {"schema": "geovision.program/2", "new_field": 1}
    with pytest.raises(ProgramError, match=r"newer geovision.*Update geovision"):
        Program.from_dict(newer)
    with pytest.raises(ProgramError, match="no building program"):
        Program.from_dict(building() | {"schema": "citygml/3"})


@pytest.mark.parametrize("text", ["", "{", "nope", "[" * 100_000, b"\xff"])
def test_what_is_no_json_is_an_input_error(text: str | bytes) -> None:
    with pytest.raises(InputError, match="JSON"):
        Program.from_json(text)


@pytest.mark.parametrize("text", ["[]", "3", "null", '"x"', "{}"])
def test_json_of_something_else_is_a_program_error(text: str) -> None:
    with pytest.raises(ProgramError):
        Program.from_json(text)
