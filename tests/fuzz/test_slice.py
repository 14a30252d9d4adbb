"""A slice of the campaign (`python -m tests.fuzz`), and that the campaign finds what it should."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fuzz.campaign import GOOD, Child
from tests.fuzz.child import inputs_of, made_seeds, outcome
from tests.fuzz.readers import READERS

EACH = 8
SLOW = {"report": 2}
SEED = 2
FOUND = {
    "raster": [(1, 269), (1, 289), (1, 455)],
    "gpkg": [(5, 42)],
    "shapefile": [(1, 838)],
    "mesh": [(1, 469)],
    "scene": [(4, 29)],
}
"""Seeds and numbers of inputs that once found something, beside those of test_found.py."""


@pytest.mark.parametrize("name", READERS)
@pytest.mark.filterwarnings("ignore")  # what strangers' files make other libraries say
def test_broken_files_are_read_or_refused(name: str, tmp_path: Path) -> None:
    made = made_seeds(name)
    inputs = [(SEED, number) for number in range(SLOW.get(name, EACH))]
    for seed, number in inputs + FOUND.get(name, []):
        found = outcome(name, inputs_of(name, seed, number, made), tmp_path / "in")
        assert found["what"] in GOOD, (seed, number, found)
    gc.collect()  # files that broken archives leave open are told of here, where that is no fault


@pytest.fixture
def child() -> Iterator[Child]:
    process = Child("raster", SEED)
    yield process
    process.close()


def test_the_death_of_a_child_is_blamed_on_its_input(child: Child) -> None:
    assert child.read(0)["what"] in GOOD
    child.process.kill()
    child.process.wait()
    assert child.read(1)["what"] == "hung"


def test_the_same_seed_breaks_files_the_same_way() -> None:
    made = made_seeds("programs")
    assert inputs_of("programs", 5, 9, made) == inputs_of("programs", 5, 9, made)
    assert inputs_of("programs", 5, 9, made) != inputs_of("programs", 6, 9, made)
