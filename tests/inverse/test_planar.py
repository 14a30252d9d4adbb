"""Plane arrangements, the common score and the choice: on made-up scans, and on whatever points there are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import geovision
from geovision.inverse.planar import Planar, PlanStatus, propose_planar
from geovision.inverse.propose import propose_parametric
from geovision.inverse.roof_points import roof_points
from geovision.inverse.score import NoiseModel, inside_points, measure
from geovision.inverse.select import choose
from geovision.inverse.solver import solve
from geovision.mesh import check, mesh
from geovision.model import Evidence, Face, Gabled, Part, Program
from geovision.model import Planar as PlanarRoof
from geovision.model.fit import FitStatus
from geovision.model.labels import Status
from tests.inverse.scan import Scanner, scan_table

F64 = NDArray[np.float64]
BOX = np.array([[0.0, 0.0], [12.0, 0.0], [12.0, 8.0], [0.0, 8.0]])


@pytest.fixture(scope="module")
def world() -> tuple[list[Program], list[Evidence]]:
    return scan_table(geovision.generate(count=150, seed=21), Scanner(density=10.0))


@pytest.fixture(scope="module")
def found(world: tuple[list[Program], list[Evidence]]) -> Planar:
    return propose_planar(world[1])


def areas(program: Program) -> float:
    (part,) = program.parts
    assert isinstance(part.roof, PlanarRoof)
    return float(sum(shapely.Polygon(face.shell, face.holes).area for face in part.roof.faces))


def test_faces_tile_the_footprint(world: tuple[list[Program], list[Evidence]], found: Planar) -> None:
    assert found.table.validate() == []
    for row, program in zip(found.rows.tolist(), found.table, strict=True):
        assert areas(program) == pytest.approx(world[1][row].area, rel=1e-3, abs=0.05)


def test_nothing_depends_on_who_else_is_in_the_batch(
    world: tuple[list[Program], list[Evidence]], found: Planar
) -> None:
    """To the last bit: a spacing off in its last digit may choose another vertex, or another plane."""
    for place, row in list(enumerate(found.rows.tolist()))[::3]:
        alone = propose_planar([world[1][row]])
        assert alone.table[0] == found.table[place]
        assert (alone.spacing[0], alone.price[0]) == (found.spacing[row], found.price[row])


def test_solids_are_sound(found: Planar) -> None:
    solids = mesh(found.table)
    assert (solids.status == Status.OK).all()
    assert check(solids).ok


def test_roofs_of_every_kind_are_explained(
    world: tuple[list[Program], list[Evidence]], found: Planar
) -> None:
    batch = roof_points(world[1])
    inside = inside_points(batch, found.inside)
    solids = mesh(found.table)
    noise = NoiseModel.of(found.scatter, found.spacing)
    misfit = measure(solids, inside, found.rows, noise)
    # One point in ten is an outlier of the scanner's.
    assert len(found.rows) >= 0.97 * len(world[1])
    assert np.median(misfit.within_0p2) > 0.89
    assert np.quantile(misfit.within_0p2, 0.05) > 0.75


def test_nothing_depends_on_threads_or_company(world: tuple[list[Program], list[Evidence]]) -> None:
    some = world[1][:40]
    together = propose_planar(some, threads=2).table
    alone = [propose_planar([item], threads=1).table for item in some]
    assert together == type(together).concat(alone)


def test_distances_are_those_of_brute_force() -> None:
    rng = np.random.default_rng(2)
    part = Part(shell=[(0, 0), (12, 0), (12, 8), (0, 8)], eave_height=4.0, roof=Gabled(ridge_height=7.0))
    solids = mesh(Program(id="a", parts=[part]))
    cloud = rng.uniform((-0.5, -0.5, 0.9), (12.5, 8.5, 8.0), (300, 3))
    batch = roof_points([Evidence("a", np.zeros(3), (BOX,), points=cloud, ground_known=True)])
    noise = NoiseModel.of(np.array([0.05]), np.array([0.4]))
    misfit = measure(solids, batch, np.zeros(1, np.int64), noise)
    trimesh = pytest.importorskip("trimesh")
    shell = solids[0].to_trimesh()
    nearest = trimesh.proximity.closest_point_naive(shell, cloud - solids[0].origin)[1]
    expected = np.minimum(nearest, 1.0)
    assert misfit.points[0] == len(cloud)
    assert misfit.within_0p2[0] == pytest.approx((expected <= 0.2).mean())
    assert misfit.rms[0] == pytest.approx(np.sqrt((expected**2).mean()), rel=1e-5)
    sigma = 0.08
    assert misfit.nats[0] == pytest.approx(np.minimum(0.5 * (expected / sigma) ** 2, 8).sum(), rel=1e-4)


def scanned(height: F64, xy: F64, seed: int = 1) -> Evidence:
    noise = 0.03 * np.random.default_rng(seed).standard_normal(len(xy))
    return Evidence("a", np.zeros(3), (BOX,), ground_known=True, points=np.column_stack([xy, height + noise]))


@pytest.fixture
def xy() -> F64:
    return np.random.default_rng(4).uniform((0, 0), (12, 8), (1000, 2))


def test_a_plain_gable_is_named(xy: F64) -> None:
    solved = solve([scanned(5 + 0.7 * np.minimum(xy[:, 1], 8 - xy[:, 1]), xy)])
    fit = solved.fits[0]
    assert fit.kind == "gabled"
    assert "planar" in [runner.kind for runner in fit.alternatives]
    assert fit.within_0p2 > 0.99


def test_a_fit_says_how_much_it_saw_and_how_well_it_lies(xy: F64) -> None:
    height = 5 + 0.7 * np.minimum(xy[:, 1], 8 - xy[:, 1])
    west = xy[:, 0] < 6
    full, half = (solve([scanned(height[some], xy[some])]).fits[0] for some in (xy[:, 0] < 99, west))
    assert full.coverage > 0.95
    assert 0.45 < half.coverage < 0.55
    assert full.density == pytest.approx(1000 / 96)
    # 3 cm of noise in height, seen square to a slope of 0.7.
    assert full.nmad == pytest.approx(0.03 / np.hypot(1, 0.7), rel=0.15)


def test_what_no_kind_explains_is_planar(xy: F64) -> None:
    x, y = xy.T
    levels = np.where(x + 0.6 * y < 6.0, 4.0, np.where(x - 0.5 * y > 7.0, 8.0, 6.0 + 0.2 * y))
    evidence = scanned(levels, xy)
    fit = solve([evidence]).fits[0]
    assert fit.kind == "planar"
    assert fit.status is FitStatus.OK
    assert fit.within_0p2 > 0.98
    only = solve([evidence], kinds=["gabled", "hipped"]).fits[0]
    assert set(only.kind.split("+")) <= {"gabled", "hipped"}


def test_choice_takes_the_smaller_sum(world: tuple[list[Program], list[Evidence]], found: Planar) -> None:
    evidence = world[1]
    named = propose_parametric(evidence)
    chosen = choose(evidence, roof_points(evidence), named, found)
    for fit in chosen.fits:
        if fit.alternatives:
            assert fit.nats == pytest.approx(min(runner.nats for runner in fit.alternatives))
            assert 0 <= fit.confidence <= 1
    assert chosen.valid.all()


def test_no_points_no_plan() -> None:
    found = propose_planar([Evidence("a", np.zeros(3), (BOX,))])
    assert len(found.table) == 0
    assert found.status.tolist() == [PlanStatus.NO_POINTS]


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000), count=st.integers(0, 900), scale=st.sampled_from([0.0, 0.02, 0.5, 5.0, 80.0])
)
def test_any_points_give_a_sound_solid(seed: int, count: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    xy = rng.uniform((-1, -1), (13, 9), (count, 2))
    z = 3 + np.floor(xy[:, 0] / rng.uniform(1, 8)) + scale * rng.standard_normal(count)
    hole = np.array([[5.0, 3.0], [5.0, 5.0], [7.0, 5.0], [7.0, 3.0]])
    evidence = Evidence("a", np.zeros(3), (BOX, hole), ground_known=True, points=np.column_stack([xy, z]))
    solved = solve([evidence], threads=1)
    assert solved.solids.status.tolist() == [Status.OK]
    assert check(solved.solids).ok


def test_faces_are_programs_a_person_can_read(found: Planar) -> None:
    face = next(face for program in found.table for face in program.parts[0].roof.faces)  # type: ignore[union-attr]
    assert isinstance(face, Face)
    assert found.table[0] == Program.from_json(found.table[0].to_json())


def test_a_face_that_crosses_itself_is_not_chosen(
    world: tuple[list[Program], list[Evidence]], found: Planar
) -> None:
    evidence = world[1]
    named, points = propose_parametric(evidence), roof_points(evidence)
    before = choose(evidence, points, named, found)
    kinds = [fit.kind for fit in before.fits]
    chosen = next(row for row in found.rows.tolist() if kinds[row] == "planar")
    table = found.table.take(np.arange(len(found.table)))
    part = table.part_offsets[found.rows.tolist().index(chosen)]
    first = table.face_vertex_offsets[table.face_ring_offsets[table.face_offsets[part]]]
    table.face_xy[[first, first + 1]] = table.face_xy[[first + 1, first]]
    after = choose(evidence, points, named, replace(found, table=table))
    assert after.fits[chosen].kind != "planar"
    assert [fit.kind for row, fit in enumerate(after.fits) if row != chosen] == kinds[:chosen] + kinds[
        chosen + 1 :
    ]
    assert len(after.table.to_programs()) == len(evidence)


def test_very_dense_clouds_are_thinned_alike() -> None:
    """Every third point shows the same roof, and which points lie inside is told of all."""
    rng = np.random.default_rng(4)
    xy = rng.uniform((-0.5, -0.5), (12.5, 8.5), (9000, 2))
    cloud = np.column_stack([xy, 7 - 0.6 * np.abs(xy[:, 1] - 4) + rng.normal(0, 0.02, len(xy))])
    item = Evidence("a", np.zeros(3), (BOX,), points=cloud, ground_known=True)
    whole, thin = (propose_planar([item], options={"most_points": most}) for most in (40000, 3000))
    assert len(whole.table.face_plane) == len(thin.table.face_plane) == 2
    assert np.abs(whole.table.face_plane[:, :2] - thin.table.face_plane[:, :2]).max() < 0.01
    assert (whole.inside == thin.inside).all()
    assert whole.inside.sum() > 6000
    assert thin.spacing[0] == pytest.approx(whole.spacing[0], rel=1e-6)
