from __future__ import annotations

import pickle

import pytest

from geovision import errors

EXAMPLES = [
    (errors.GeovisionError("tile 1", "is empty", "Drop it"), 1),
    (errors.ProgramError("NL.1", "parts/0/eave_height", 3.0, "Raise it", problem="it is low"), 1),
    (errors.InputError("a.las", "is cut", "Fetch it again"), 1),
    (errors.GeometryError("building 'NL.1'", "has no area", "Drop it", status=5), 1),
    (errors.UsageError("--lod", "9 is unknown", "Use 2.2"), 2),
    (errors.OutputError("out.glb", "cannot be written", "Free some space"), 3),
    (errors.EnvironmentFault("kernel", "is missing", "Build it"), 3),
    (errors.Cancelled(), 75),
]


@pytest.mark.parametrize(("error", "exit_code"), EXAMPLES, ids=lambda value: type(value).__name__)
def test_errors_name_thing_problem_and_remedy(error: errors.GeovisionError, exit_code: int) -> None:
    assert error.exit_code == exit_code
    text = str(error)
    assert text.startswith(error.thing)
    assert error.problem in text
    assert text.endswith(f"{error.remedy}.")


@pytest.mark.parametrize("error", [error for error, _ in EXAMPLES], ids=lambda error: type(error).__name__)
def test_errors_travel_between_processes(error: errors.GeovisionError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)


def test_a_value_that_cannot_travel_goes_as_text() -> None:
    error = errors.ProgramError("NL.1", "parts/0/roof", lambda: 0, "Give a roof")
    assert "lambda" in pickle.loads(pickle.dumps(error)).value


def test_long_values_are_cut_in_messages() -> None:
    error = errors.ProgramError("NL.1", "parts/0/shell", [[0.0, 0.0]] * 10_000, "Give a ring")
    assert len(str(error)) < 200
    assert len(error.value) == 10_000  # type: ignore[arg-type]
