"""A shifted roof is that of the moved outline: the same heights there, planes beyond, cut to the walls."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import shapely
import shapely.affinity
from numpy.typing import NDArray

import geovision
from geovision.mesh.check import check
from geovision.mesh.heights import roof_heights
from geovision.model import Gabled, Hipped, Part, Program, ProgramTable
from geovision.model.labels import Label, Status
from tests import strategies

F64 = NDArray[np.float64]

BOX = [(0.0, 0.0), (12.0, 0.0), (12.0, 8.0), (0.0, 8.0)]
ELL = [(0.0, 0.0), (14.0, 0.0), (14.0, 6.0), (6.0, 6.0), (6.0, 15.0), (0.0, 15.0)]


def heights(part: Part, xy: F64) -> F64:
    solid = geovision.mesh(Program(id="a", parts=[part]))[0]
    found: F64 = roof_heights(solid, xy - solid.origin[:2]) + solid.origin[2]
    return found


def table_of(cases: list[strategies.Case]) -> ProgramTable:
    columns: dict[str, Any] = dict(strategies.to_arrays(cases))
    return ProgramTable.from_arrays(**columns)


def inside(part: strategies.Part, count: int, rng: np.random.Generator) -> F64:
    """Points of the part that lie on the moved outline as well, away from both borders."""
    outline = shapely.Polygon(part.footprint.shell, part.footprint.holes)
    both = shapely.intersection(outline, shapely.affinity.translate(outline, *part.roof_shift))
    low, high = np.array(outline.bounds).reshape(2, 2)
    xy = rng.uniform(low, high, (20 * count, 2))
    return np.asarray(xy[shapely.contains_xy(both.buffer(-0.06), xy[:, 0], xy[:, 1])][:count])


def shifted_cases(first: int, count: int) -> list[tuple[strategies.Case, strategies.Case]]:
    """Random buildings of one part with a shift, and each without it."""
    found = []
    for seed in range(first, first + count):
        case = strategies.case(seed)
        if len(case.parts) > 1 or case.supers or case.parts[0].roof_shift == (0.0, 0.0):
            continue
        plain = strategies.case(seed)
        plain.parts[0].roof_shift = (0.0, 0.0)
        found.append((case, plain))
    return found


def test_heights_move_with_the_roof() -> None:
    cases = shifted_cases(50_000, 900)
    assert len(cases) > 100
    tables = [table_of([pair[k] for pair in cases]) for k in range(2)]
    shifted, plain = (geovision.mesh(table, on_error="record") for table in tables)
    compared, rng = 0, np.random.default_rng(3)
    for row, (case, _) in enumerate(cases):
        if shifted.status[row] != Status.OK or plain.status[row] != Status.OK:
            assert shifted.status[row] == plain.status[row]
            continue
        # Rules that move an outline or a roof act on each by itself.
        if shifted.flags[row] or plain.flags[row]:
            continue
        part = case.parts[0]
        xy = inside(part, 60, rng)
        here = roof_heights(shifted[row], xy - shifted.origin[row, :2])
        there = roof_heights(plain[row], xy - part.roof_shift - plain.origin[row, :2])
        off = np.abs(here - there)
        # Rounding to the grid moves steep faces most, and across a step everything.
        assert np.isnan(off).mean() < 0.02
        assert not len(off) or np.nanquantile(off, 0.9) < 0.01
        compared += len(xy) > 0
    assert compared > 60


@pytest.mark.parametrize("shift", [(0.3, 0.0), (0.0, -0.4), (-1.5, 1.2)])
def test_a_gable_runs_on_and_is_cut(shift: tuple[float, float]) -> None:
    part = Part(shell=BOX, eave_height=5.0, roof_shift=shift, roof=Gabled(ridge_height=8.0))
    xy = np.random.default_rng(0).uniform((0.05, 0.05), (11.95, 7.95), (300, 2))
    expected = 8.0 - 0.75 * np.abs(xy[:, 1] - 4 - shift[1])
    assert np.abs(heights(part, xy) - expected).max() < 0.004


@pytest.mark.parametrize("shift", [(0.3, 0.2), (-0.5, 0.4), (2.0, -2.0)])
def test_hips_and_valleys_run_on(shift: tuple[float, float]) -> None:
    """Each plane of a hipped L, by hand: the lowest over each wing, the higher of the wings."""
    part = Part(shell=ELL, eave_height=6.0, roof_shift=shift, roof=Hipped(pitch_deg=45.0))
    outline = shapely.Polygon(ELL).buffer(-0.05)
    xy = np.random.default_rng(1).uniform((0, 0), (14, 15), (900, 2))
    xy = xy[shapely.contains_xy(outline, xy[:, 0], xy[:, 1])]
    x, y = (xy - shift).T
    wings = np.maximum(np.minimum.reduce([x, y, 14 - x, 6 - y]), np.minimum.reduce([x, y, 6 - x, 15 - y]))
    assert np.abs(heights(part, xy) - 6 - wings).max() < 0.005


def test_eaves_of_shifted_hips_have_no_steps() -> None:
    """Creases run on through the overhang, wherever they leave the wall: all had steps without that."""
    rng = np.random.default_rng(7)
    programs = []
    for row in range(300):
        shape = np.array(ELL if row % 3 == 0 else BOX) + rng.uniform(-0.2, 0.2, (6 if row % 3 == 0 else 4, 2))
        shift = rng.uniform(-0.15, 0.15, 2)
        part = Part(
            shell=[(float(x), float(y)) for x, y in shape],
            eave_height=5.0,
            overhang=float(rng.uniform(0.2, 0.6)),
            roof_shift=(float(shift[0]), float(shift[1])),
            roof=Hipped(pitch_deg=float(rng.uniform(20, 44))),
        )
        programs.append(Program(id=str(row), parts=[part]))
    solids = geovision.mesh(programs, lod="2.3")
    assert check(solids, self_intersection=True).ok
    owner = np.repeat(np.arange(len(solids)), np.diff(solids.face_offsets))
    # Left are creases that leave their wall within a centimetre or two of its end.
    assert len(np.unique(owner[solids.face_label == Label.STEP_WALL])) < 0.05 * len(programs)
    assert (solids.face_label == Label.UNDERSIDE).sum() > 4 * len(programs)


def test_walls_stay_with_the_outline() -> None:
    part = Part(shell=ELL, eave_height=6.0, roof_shift=(0.4, -0.7), roof=Hipped(pitch_deg=35.0))
    solids = geovision.mesh(Program(id="a", parts=[part]))
    assert check(solids, self_intersection=True).ok
    corners = {tuple(xy) for xy in (solids[0].local_vertices[:, :2] + solids.origin[0, :2]).round(3).tolist()}
    assert set(ELL) <= corners
    spread = solids[0].local_vertices[:, :2] + solids.origin[0, :2]
    assert shapely.contains_xy(shapely.Polygon(ELL).buffer(0.001), *spread.T).all()


def test_no_roof_runs_into_the_ground() -> None:
    part = Part(shell=BOX, eave_height=2.0, roof_shift=(0.0, 2.0), roof=Gabled(ridge_height=14.0))
    low = heights(part, np.array([[6.0, 0.1], [6.0, 0.9]]))
    assert np.allclose(low, 1.0, atol=0.002)


@pytest.mark.parametrize("kind", [strategies.PLANAR, strategies.ONION])
def test_what_lies_where_it_is_takes_no_shift(kind: int) -> None:
    seeds = (seed for seed in range(500) if strategies.case(seed).kinds == {kind})
    case = strategies.case(next(seeds))
    case.parts[0].roof_shift = (0.1, 0.0)
    table = table_of([case])
    assert [problem.field for problem in table.validate()] == ["parts/0/roof_shift"]
    assert geovision.mesh(table, on_error="record").status[0] == Status.BAD_PARAMETER
