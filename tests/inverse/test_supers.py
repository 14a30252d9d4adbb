"""What stands on roofs is found in what the roofs leave over, and the roofs under it stay as they are."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

import geovision
from geovision.inverse import Parametric, propose_parametric
from geovision.model import Evidence, Gabled, Program
from geovision.model.labels import Status
from geovision.model.superstructures import (
    Box,
    Chimney,
    DormerFlat,
    DormerGable,
    DormerShed,
    Parapet,
    Superstructure,
)
from tests.inverse.scan import Scanner, scan, scan_table

SHELL = [(0.0, 0.0), (11.0, 0.0), (11.0, 8.0), (0.0, 8.0)]
GABLED = {"kind": "gabled", "ridge_height": 8.6, "azimuth_deg": 180.0}
Placed = (Box, Chimney, DormerFlat, DormerGable, DormerShed)
NEAR_M = 0.9
DENSITY = 8.0
SEEN = 14
"""A shape that so many points lie on is surely seen."""


@pytest.fixture(scope="module")
def town() -> tuple[list[Program], list[Evidence], Parametric]:
    programs, evidence = scan_table(geovision.generate(count=500, seed=31), Scanner(density=DENSITY))
    return programs, evidence, propose_parametric(evidence)


def house(*supers: dict[str, Any], roof: dict[str, Any] | None = None) -> Program:
    part = geovision.Part.model_validate({"shell": SHELL, "eave_height": 5.0, "roof": roof or GABLED})
    return Program.model_validate({"id": "a", "parts": [part], "superstructures": list(supers)})


def found_on(program: Program, seed: int) -> tuple[Superstructure, ...]:
    evidence = scan(program, geovision.mesh(program)[0], Scanner(density=DENSITY), seed)
    return propose_parametric([evidence]).table[0].superstructures


def size(item: Superstructure) -> float:
    return item.width * item.depth if isinstance(item, Placed) else np.inf


def match(item: Superstructure, others: tuple[Superstructure, ...]) -> Superstructure | None:
    for other in others:
        if isinstance(item, Parapet) and isinstance(other, Parapet):
            return other
        if isinstance(item, Parapet) or isinstance(other, Parapet):
            continue
        if np.hypot(item.x - other.x, item.y - other.y) < NEAR_M:
            return other
    return None


def test_programs_with_them_are_valid(town: tuple[list[Program], list[Evidence], Parametric]) -> None:
    table = town[2].table
    assert table.validate() == []
    assert (geovision.mesh(table, on_error="record").status == Status.OK).all()
    assert (town[2].super_price[np.diff(table.super_offsets) > 0] > 0).all()
    for program in table:
        known = program.provenance_of("superstructures").text
        assert not program.superstructures or known == "observed"


def test_generated_ones_come_back(town: tuple[list[Program], list[Evidence], Parametric]) -> None:
    there, hit, same = Counter[str](), Counter[str](), Counter[str]()
    false = 0
    for truth, program in zip(town[0], town[2].table, strict=True):
        if [p.roof.kind for p in truth.parts] != [p.roof.kind for p in program.parts]:
            continue
        for item in truth.superstructures:
            if DENSITY * size(item) >= SEEN:
                there[item.kind] += 1
                other = match(item, program.superstructures)
                hit[item.kind] += other is not None
                same[item.kind] += other is not None and other.kind == item.kind
        false += sum(match(item, truth.superstructures) is None for item in program.superstructures)
    assert sum(there.values()) > 40
    assert sum(hit.values()) > 0.9 * sum(there.values())
    assert sum(same.values()) > 0.8 * sum(there.values())
    assert false < 0.05 * len(town[0])


@pytest.mark.parametrize(
    "item",
    [
        {"kind": "dormer_flat", "width": 2.6, "depth": 1.9, "eave_height": 7.0},
        {"kind": "dormer_shed", "width": 2.6, "depth": 2.4, "eave_height": 6.8, "back_height": 7.6},
        {"kind": "dormer_gable", "width": 2.4, "depth": 2.6, "eave_height": 6.7, "ridge_height": 7.6},
    ],
    ids=lambda item: item["kind"],
)
def test_dormers_are_told_apart(item: dict[str, Any]) -> None:
    there = item | {"x": 5.0, "y": 0.9, "azimuth_deg": 180.0}
    kinds, errors = [], []
    for seed in range(12):
        found = match(house(there).superstructures[0], found_on(house(there), seed))
        assert isinstance(found, Placed)
        kinds.append(found.kind == item["kind"])
        name = "ridge_height" if item["kind"] == "dormer_gable" else "eave_height"
        errors.append(abs(getattr(found, name, np.inf) - item[name]))
        assert abs(found.x - 5.0) < 0.6
    assert np.mean(kinds) > 0.8
    assert np.median(errors) < 0.08


def test_boxes_and_parapets_on_flat_roofs() -> None:
    box = {"kind": "box", "x": 4.0, "y": 4.0, "width": 3.0, "depth": 2.5, "top_height": 7.2}
    wall = {"kind": "parapet", "thickness": 0.3, "top_height": 5.6}
    for seed in range(6):
        found = {item.kind: item for item in found_on(house(box, wall, roof={"kind": "flat"}), seed)}
        top, edge = found["box"], found["parapet"]
        assert isinstance(top, Box)
        assert isinstance(edge, Parapet)
        assert abs(top.top_height - 7.2) < 0.05
        assert abs(edge.top_height - 5.6) < 0.05
        assert abs(edge.thickness - 0.3) < 0.1


def test_nothing_stands_on_a_bare_roof() -> None:
    count = sum(len(found_on(house(), seed)) for seed in range(40))
    assert count <= 1


def test_the_roof_under_a_dormer_stays() -> None:
    dormer = {"kind": "dormer_flat", "width": 4.5, "depth": 1.9, "eave_height": 7.0}
    there = dormer | {"x": 5.5, "y": 0.9, "azimuth_deg": 180.0}
    for seed in range(10):
        program = house(there)
        evidence = scan(program, geovision.mesh(program)[0], Scanner(density=DENSITY), seed)
        (found,) = propose_parametric([evidence]).table
        assert isinstance(found.parts[0].roof, Gabled)
        assert abs(found.parts[0].roof.ridge_height - 8.6) < 0.05
        assert abs(found.parts[0].eave_height - 5.0) < 0.06
