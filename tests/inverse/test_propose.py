"""Synthetic truth: kinds, ridges and pitches of generated buildings come back from their points."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import geovision
from geovision.errors import UsageError
from geovision.inverse import Parametric, propose_parametric
from geovision.model import Evidence, Gabled, Program
from geovision.model.kinds import RoofKind
from geovision.model.labels import Status
from tests.inverse.scan import Scanner, kinds_of, scan, scan_table

COUNT = 400
# Kinds without a forward model, and plans that no outline shows.
OTHER = {"planar", "sawtooth", "onion"}


@pytest.fixture(scope="module")
def world() -> tuple[list[Program], list[Evidence]]:
    return scan_table(geovision.generate(count=COUNT, seed=5), Scanner())


@pytest.fixture(scope="module")
def found(world: tuple[list[Program], list[Evidence]]) -> Parametric:
    return propose_parametric(world[1])


def test_every_program_is_valid(found: Parametric) -> None:
    assert found.table.validate() == []
    solids = geovision.mesh(found.table, on_error="record")
    assert (solids.status == Status.OK).all()
    assert [program.id for program in found.table] == found.table.ids


def test_kinds_come_back(world: tuple[list[Program], list[Evidence]], found: Parametric) -> None:
    right: dict[bool, list[bool]] = {True: [], False: []}
    for truth, program in zip(world[0], found.table, strict=True):
        if not OTHER & set(kinds_of(truth)):
            right[len(truth.parts) > 1].append(kinds_of(truth) == kinds_of(program))
    assert np.mean(right[False]) > 0.96
    assert np.mean(right[True]) > 0.8


def test_ridges_and_pitches_come_back(world: tuple[list[Program], list[Evidence]], found: Parametric) -> None:
    ridge, pitch = [], []
    for truth, program in zip(world[0], found.table, strict=True):
        if len(truth.parts) > 1 or kinds_of(truth) != ["gabled"] or kinds_of(program) != ["gabled"]:
            continue
        a, b = (gable_of(item) for item in (truth, program))
        ridge.append(abs(a[0] - b[0]))
        if abs(a[1] - b[1]) < 0.1:
            pitch.append(abs(a[2] - b[2]))
    assert len(ridge) > 100
    assert np.mean(np.array(ridge) < 0.05) > 0.95
    assert np.nanmean(np.array(pitch) < 1.0) > 0.9


def gable_of(program: Program) -> tuple[float, float, float]:
    """Ridge height, offset and the first slope's pitch."""
    part = program.parts[0]
    roof = part.roof
    assert isinstance(roof, Gabled)
    if roof.azimuth_deg is None:
        return roof.ridge_height, roof.ridge_offset, np.nan
    width = np.ptp(np.asarray(part.shell) @ _direction(roof.azimuth_deg))
    rise = roof.ridge_height - part.eave_height
    return (
        roof.ridge_height,
        roof.ridge_offset,
        float(np.degrees(np.arctan(rise / (roof.ridge_offset * width)))),
    )


def _direction(azimuth_deg: float) -> np.ndarray:
    turn = np.radians(azimuth_deg)
    return np.array([np.sin(turn), np.cos(turn)])


def test_a_result_is_its_buildings_own(
    world: tuple[list[Program], list[Evidence]], found: Parametric
) -> None:
    rows = list(range(0, COUNT, 7))
    alone = propose_parametric([world[1][row] for row in reversed(rows)], threads=1)
    for place, row in enumerate(reversed(rows)):
        assert alone.table[place] == found.table[row]
        assert alone.fits[place].nats == found.fits[row].nats


def test_where_a_building_lies_changes_nothing(world: tuple[list[Program], list[Evidence]]) -> None:
    item = world[1][3]
    far = replace(item, origin=np.add(item.origin, (100_000.0, 450_000.0, 0.0)))
    near, moved = propose_parametric([item, far]).table
    assert near.parts[0].eave_height == moved.parts[0].eave_height
    assert near.parts[0].roof == moved.parts[0].roof


@pytest.mark.parametrize("density", [1.5, 4.0, 20.0])
def test_simple_kinds_at_other_densities(density: float) -> None:
    shell = [(0.0, 0.0), (11.0, 0.0), (11.0, 8.0), (0.0, 8.0)]
    roofs: list[dict[str, Any]] = [
        {"kind": "flat"},
        {"kind": "gabled", "ridge_height": 8.5, "azimuth_deg": 180.0},
        {"kind": "hipped", "pitch_deg": 35.0},
        {"kind": "skillion", "ridge_height": 7.0, "azimuth_deg": 0.0},
    ]
    right = 0
    for row, roof in enumerate(roofs):
        part = geovision.Part.model_validate({"shell": shell, "eave_height": 5.0, "roof": roof})
        program = Program(id=str(row), parts=[part])
        solid = geovision.mesh(program)[0]
        for seed in range(10):
            evidence = scan(program, solid, Scanner(density=density, seed=seed), row)
            right += propose_parametric([evidence]).fits[0].kind == roof["kind"]
    assert right >= 38


def test_kinds_can_be_limited(world: tuple[list[Program], list[Evidence]]) -> None:
    some = world[1][:40]
    limited = propose_parametric(some, kinds=["flat", RoofKind.GABLED])
    assert {kind for fit in limited.fits for kind in fit.kind.split("+")} <= {"flat", "gabled"}
    with pytest.raises(UsageError, match="roof kind 'dutch'"):
        propose_parametric(some, kinds=["dutch"])


def test_fits_say_what_was_fitted(found: Parametric) -> None:
    for fit, program in zip(found.fits, found.table, strict=True):
        assert 0 <= fit.confidence <= 1
        assert fit.alternatives[0].nats == fit.nats
        assert fit.covariance is not None
        assert np.allclose(fit.covariance, fit.covariance.T)
        assert (np.linalg.eigvalsh(fit.covariance) > -1e-9).all()
        for path in fit.parameters:
            assert program.provenance_of(path).text == "observed"


def test_a_footprint_beside_its_roof_keeps_the_kind() -> None:
    """A gable seen a little aside has one eave higher than the other; it is no saltbox for that."""
    shell = [(0.0, 0.0), (11.0, 0.0), (11.0, 8.0), (0.0, 8.0)]
    roofs = [
        {"kind": "gabled", "ridge_height": 8.5, "azimuth_deg": 180.0},
        {"kind": "hipped", "pitch_deg": 35.0},
    ]
    kinds, errors = [], []
    for roof in roofs:
        part = geovision.Part.model_validate({"shell": shell, "eave_height": 5.0, "roof": roof})
        program = Program(id="a", parts=(part,))
        solid = geovision.mesh(program)[0]
        for seed in range(10):
            evidence = scan(program, solid, Scanner(seed=seed), 0)
            shift = np.random.default_rng(seed).normal(0, 0.12, 2).clip(-0.3, 0.3)
            beside = replace(evidence, points=evidence.points + np.append(shift, 0.0))
            found = propose_parametric([beside])
            kinds.append(found.fits[0].kind == roof["kind"])
            seen = slice(1, 2) if roof["kind"] == "gabled" else slice(0, 2)
            errors.extend(np.abs(found.shift[0] - shift)[seen])
    assert np.mean(kinds) > 0.9
    assert np.quantile(errors, 0.9) < 0.05


def part_of(sides: tuple[float, float, float, float], eave: float, **roof: Any) -> geovision.Part:
    left, bottom, right, top = sides
    shell = [(left, bottom), (right, bottom), (right, top), (left, top)]
    return geovision.Part.model_validate({"shell": shell, "eave_height": eave, "roof": roof})


def scans(parts: list[geovision.Part], count: int) -> list[Evidence]:
    program = Program(id="a", parts=parts)
    solid = geovision.mesh(program)[0]
    return [scan(program, solid, Scanner(seed=seed), 0) for seed in range(count)]


def test_a_level_set_back_on_all_sides_is_one_part() -> None:
    """No wall leads to it; strips round it would be four parts that nobody built."""
    low, high = (0.0, 0.0, 14.0, 11.0), (4.0, 3.0, 11.0, 8.5)
    evidence = scans([part_of(low, 6.0, kind="flat"), part_of(high, 9.0, kind="flat")], 8)
    found = propose_parametric(evidence)
    # A level may be seen as a box that stands on the roof, too.
    rows = [
        row
        for row, fit in enumerate(found.fits)
        if fit.kind == "flat+flat" and not found.table[row].superstructures
    ]
    assert len(rows) >= 5
    solids = geovision.mesh(found.table)
    assert (solids.status == Status.OK).all()
    for row in rows:
        around, above = found.table[row].parts
        assert (around.eave_height, above.eave_height) == pytest.approx((6.0, 9.0), abs=0.05)
        assert np.allclose(np.min(above.shell, axis=0), high[:2], atol=0.25)
        assert np.allclose(np.max(above.shell, axis=0), high[2:], atol=0.25)


def test_outliers_do_not_hide_a_lean_to() -> None:
    """They lie as far above and below it as it is high, and its slope is slight."""
    house = part_of((0.0, 0.0, 9.0, 8.0), 5.6, kind="gabled", ridge_height=9.7, azimuth_deg=180.0)
    right = 0
    for depth, rise in ((3.1, 0.75), (3.6, 0.4), (2.7, 0.5)):
        shed = part_of(
            (2.0, -depth, 8.0, 0.0), 3.0, kind="skillion", ridge_height=3 + rise, azimuth_deg=180.0
        )
        found = propose_parametric(scans([house, shed], 10))
        right += sum(sorted(fit.kind.split("+")) == ["gabled", "skillion"] for fit in found.fits)
    assert right >= 28
