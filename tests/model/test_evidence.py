"""Evidence: what is refused, what is filled in, and that equal evidence has equal digests."""

from __future__ import annotations

import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from geovision.errors import InputError
from geovision.model import Evidence, Flat, Part, Program, Proposal

SHELL = np.array([[0.0, 0.0], [10.0, 0.0], [10.0, 6.0], [0.0, 6.0]])
HOLE = np.array([[4.0, 2.0], [4.0, 4.0], [6.0, 4.0], [6.0, 2.0]])


def evidence(**changes: Any) -> Evidence:
    points = np.random.default_rng(1).uniform(0, 6, (50, 3))
    return replace(Evidence("a", np.array([1e5, 4e5, 0.0]), (SHELL, HOLE), points=points), **changes)


def test_area_takes_holes_off() -> None:
    assert evidence().area == pytest.approx(60 - 4, abs=1e-12)


def test_columns_are_filled_in() -> None:
    made = evidence()
    assert len(made.point_sigma) == len(made.point_kind) == len(made.point_source) == 50
    assert made.edge_neighbour.tolist() == [-1] * 8


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"point_sigma": np.ones(3, np.float32)}, "point_sigma has 3 values but there are 50 points"),
        ({"cues": {"roof": np.ones(7)}}, "cues"),
        ({"edge_neighbour": np.zeros(3, np.int32)}, "3 values but the rings have 8 edges"),
        ({"origin": np.array([np.nan, 0, 0])}, "origin"),
        ({"rings": (SHELL[:2],), "edge_neighbour": np.zeros(0, np.int32)}, "under 3 corners"),
        ({"points": np.full((50, 3), np.nan)}, "not finite"),
    ],
)
def test_what_cannot_be_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        evidence(**changes)
    assert "'a'" in str(caught.value)
    assert caught.value.remedy


def test_digest_follows_the_content() -> None:
    made = evidence()
    assert made.digest() == evidence().digest() == pickle.loads(pickle.dumps(made)).digest()
    part = Part(shell=[(0, 0), (4, 0), (4, 4)], eave_height=3, roof=Flat())
    proposal = Proposal(Program(id="a", parts=[part]), 0.5)
    changes: list[dict[str, Any]] = [
        {"id": "b"},
        {"points": made.points + 1e-9},
        {"ground_z": 0.1},
        {"attributes": {"levels": 2}},
        {"proposals": (proposal,)},
        {"proposals": (replace(proposal, confidence=0.6),)},
    ]
    digests = {replace(made, **change).digest() for change in changes} | {made.digest()}
    assert len(digests) == len(changes) + 1
    assert replace(made, notes=("ground from the DTM",)).digest() == made.digest()
