"""Where points say little of a roof: trees over sheds, strays. Nothing may stand out beyond what was seen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from geovision.inverse.blocks import block_height, common_level
from geovision.inverse.roof_points import may_be_roof, roof_points
from geovision.inverse.solver import Solved, solve
from geovision.mesh import check
from geovision.model import Evidence
from geovision.model.evidence import PointKind, PointSource
from geovision.model.fit import FitStatus
from geovision.model.kinds import KIND_NAMES, RoofKind
from geovision.model.labels import Status
from geovision.sources import open_scene

F64 = NDArray[np.float64]
ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data"
SAMPLE = ROOT / "sample_data" / "village" / "scene.toml"
SHED = np.array([[0.0, 0.0], [6.0, 0.0], [6.0, 4.0], [0.0, 4.0]])
SIMPLE = {name for kind, name in KIND_NAMES.items() if kind != RoofKind.PLANAR}
HEADROOM_M = 1.0
"""A roof may rise this far above the highest point inside, and two spacings of the points."""


def shed_under_tree(
    seed: int, roof_share: float, height: float, crown_m: float, count: int = 300
) -> Evidence:
    """A flat roof seen through leaves that fill some metres over it."""
    rng = np.random.default_rng(seed)
    xy = rng.uniform((0, 0), (6, 4), (count, 2))
    leaves = height + 0.5 + crown_m * rng.random(count) ** 0.7
    roof = height + 0.03 * rng.standard_normal(count)
    z = np.where(rng.random(count) < roof_share, roof, leaves)
    return Evidence("a", np.zeros(3), (SHED,), ground_known=True, points=np.column_stack([xy, z]))


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 9999),
    share=st.floats(0.3, 0.45),
    height=st.floats(2.2, 4.0),
    crown=st.floats(8.0, 14.0),
)
def test_a_shed_under_a_tree_is_a_shed(seed: int, share: float, height: float, crown: float) -> None:
    solved = solve([shed_under_tree(seed, share, height, crown)])
    assert solved.fits[0].kind == "flat"
    assert solved.fits[0].status is FitStatus.POOR
    assert solved.fits[0].within_0p2 < 0.6
    assert solved.table[0].parts[0].eave_height == pytest.approx(height, abs=0.25)
    assert solved.fits[0].reason


def test_a_given_kind_is_kept_however_poor() -> None:
    solved = solve([shed_under_tree(1, 0.3, 3.0, 10.0)], kinds=["gabled"])
    assert set(solved.fits[0].kind.split("+")) == {"gabled"}


@settings(max_examples=50, deadline=None)
@given(level=st.floats(2, 20), seed=st.integers(0, 9999), strays=st.integers(0, 60))
def test_the_common_level_is_that_of_most_points(level: float, seed: int, strays: int) -> None:
    rng = np.random.default_rng(seed)
    z = np.concatenate([level + 0.03 * rng.standard_normal(40), rng.uniform(level + 1, level + 31, strays)])
    assert common_level(rng.permutation(z)) == pytest.approx(level, abs=0.15)


def nothing_stands_out(evidence: list[Evidence], solved: Solved) -> list[str]:
    """Buildings whose roof rises above everything that was measured, or goes down to the ground."""
    points = roof_points(evidence)
    out = []
    for row, solid in enumerate(solved.solids):
        own = points.points[points.point_offsets[row] : points.point_offsets[row + 1]]
        if solved.fits[row].status.name.startswith("HEIGHT") or len(own) < 30:
            continue
        top = solid.vertices[:, 2].max() - points.ground_z[row]
        spacing = np.sqrt(evidence[row].area / len(own))
        if top > own[:, 2].max() + HEADROOM_M + 3 * spacing:
            out.append(f"{solid.id}: {top:.2f} over {own[:, 2].max():.2f}")
        corners = solid.vertices[solid.triangles]
        up = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])[:, 2] > 1e-9
        if corners[up][:, :, 2].min() < points.ground_z[row] + 0.1:
            out.append(f"{solid.id}: a roof on the ground")
    return out


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 9999), count=st.integers(30, 600), wild=st.floats(0, 8), tilt=st.floats(0, 3))
def test_planes_stay_near_their_points(seed: int, count: int, wild: float, tilt: float) -> None:
    rng = np.random.default_rng(seed)
    # Only a corner of the footprint is measured: planes would run far across the rest.
    xy = rng.uniform((0, 0), (2.5, 2.5), (count, 2))
    z = 4 + tilt * np.minimum(xy[:, 0], 1.2) + wild * (rng.random(count) < 0.2) * rng.random(count)
    evidence = Evidence("a", np.zeros(3), (SHED,), ground_known=True, points=np.column_stack([xy, z]))
    solved = solve([evidence])
    assert nothing_stands_out([evidence], solved) == []


@pytest.mark.skipif(not DATA.is_dir(), reason="shared/data is not here")
@pytest.mark.parametrize(("name", "every"), [("ahn3_blocks", 5), ("dales_west", 2)])
def test_no_spikes_on_real_roofs(name: str, every: int) -> None:
    scene = open_scene(points=DATA / name / "points.laz", footprints=DATA / name / "footprints.gpkg")
    evidence = [item for tile in scene.tiles() for item in scene.evidence(tile, images=False)][::every]
    solved = solve(evidence)
    assert (solved.solids.status == Status.OK).all()
    assert check(solved.solids).ok
    assert nothing_stands_out(evidence, solved) == []
    # What is poor is one simple roof, and it is poor: a block, or it leaves four points in ten.
    poor = [row for row, fit in enumerate(solved.fits) if fit.status is FitStatus.POOR]
    assert all(solved.fits[row].kind in SIMPLE for row in poor)
    assert all(solved.fits[row].kind == "flat" or solved.fits[row].within_0p2 < 0.6 for row in poor)
    assert len(poor) < 0.04 * len(evidence)


@pytest.mark.parametrize(
    ("kind", "height", "low"), [(PointKind.BUILDING, 0.35, True), (PointKind.UNKNOWN, 0.35, False)]
)
def test_a_slab_is_a_building_where_the_points_are_classed_as_one(
    kind: PointKind, height: float, low: bool
) -> None:
    rng = np.random.default_rng(3)
    xyz = np.column_stack([rng.uniform((0, 0), (6, 4), (300, 2)), height + 0.02 * rng.standard_normal(300)])
    slab = Evidence(
        "a", np.zeros(3), (SHED,), ground_known=True, points=xyz, point_kind=np.full(300, kind, np.uint8)
    )
    solved = solve([slab])
    if low:
        assert solved.fits[0].status is FitStatus.OK
        assert solved.table[0].parts[0].eave_height == pytest.approx(height, abs=0.02)
    else:
        assert solved.fits[0].status is FitStatus.HEIGHT_ASSUMED


def test_a_floor_under_a_roof_is_no_evidence() -> None:
    rng = np.random.default_rng(4)
    xy = rng.uniform((0, 0), (6, 4), (600, 2))
    z = np.where(np.arange(600) % 2, 3.0, 0.4) + 0.02 * rng.standard_normal(600)
    carport = Evidence(
        "a",
        np.zeros(3),
        (SHED,),
        ground_known=True,
        points=np.column_stack([xy, z]),
        point_kind=np.full(600, PointKind.BUILDING, np.uint8),
    )
    assert may_be_roof(carport).sum() == (z > 1).sum()
    solved = solve([carport])
    assert solved.fits[0].kind == "flat"
    assert solved.table[0].parts[0].eave_height == pytest.approx(3.0, abs=0.02)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 9999), share=st.floats(0.3, 0.5), pitch=st.floats(20.0, 40.0))
def test_the_slopes_under_a_tree_are_found(seed: int, share: float, pitch: float) -> None:
    rng = np.random.default_rng(seed)
    xy = rng.uniform((0, 0), (6, 4), (800, 2))
    roof = 2.5 + np.tan(np.radians(pitch)) * (2 - abs(xy[:, 1] - 2)) + 0.02 * rng.standard_normal(800)
    leaves = 5.0 + 8.0 * rng.random(800)
    seen = rng.random(800) < share
    z = np.where(seen, roof, leaves)
    shed = Evidence("a", np.zeros(3), (SHED,), ground_known=True, points=np.column_stack([xy, z]))
    solved = solve([shed])
    # A block would explain two thirds of the roof at most. Few points leave open how the gable ends.
    assert solved.fits[0].kind in SIMPLE - {"flat"}
    assert solved.fits[0].within_0p2 > 0.9 * seen.mean()


def smeared_block(seed: int, cell: float = 2.0, width: float = 16.0, depth: float = 11.0) -> Evidence:
    """Cells of a coarse raster over a block of 8 m: at its walls they lie anywhere over the ground."""
    rng = np.random.default_rng(seed)
    axes = np.meshgrid(np.arange(cell / 2, width, cell), np.arange(cell / 2, depth, cell))
    east, north = (axis.ravel() for axis in axes)
    edge = np.minimum.reduce([east, width - east, north, depth - north])
    walls = 8.0 * rng.uniform(0.45, 0.9, len(east))
    z = np.where(edge < 0.75 * cell, walls, 8.0 + 0.35 * rng.standard_normal(len(east)))
    return Evidence(
        "a",
        np.zeros(3),
        (np.array([[0.0, 0.0], [width, 0.0], [width, depth], [0.0, depth]]),),
        ground_known=True,
        points=np.column_stack([east, north, z]),
        point_sigma=np.full(len(east), 0.25, np.float32),
        point_source=np.full(len(east), PointSource.CELL, np.uint8),
        cell_m=cell,
    )


def test_low_cells_of_a_raster_are_no_roof_under_leaves() -> None:
    solved = [solve([smeared_block(seed)]) for seed in range(12)]
    poor = [one for one in solved if one.fits[0].status is FitStatus.POOR]
    assert len(poor) >= 6
    for one in poor:
        assert one.fits[0].kind == "flat"
        assert one.table[0].parts[0].eave_height == pytest.approx(8.0, abs=0.5)


def test_a_roof_that_explains_its_points_is_not_poor_however_it_was_found() -> None:
    """A cone is no plane, so that its lowest points are looked at as if leaves hid it."""
    scene = open_scene(SAMPLE)
    evidence = [item for tile in scene.tiles() for item in scene.evidence(tile, images=False)]
    for fit in solve(evidence).fits:
        assert (fit.status is FitStatus.POOR) == (fit.within_0p2 < 0.6)


@pytest.mark.parametrize("level", [0.9, 1.2])
def test_the_block_on_a_low_slab_under_clutter_is_as_high_as_the_slab(level: float) -> None:
    """Not of a usual height, as where nothing was measured."""
    rng = np.random.default_rng(7)
    z = np.where(rng.random(400) < 0.5, level + rng.uniform(0.5, 3.0, 400), level)
    xyz = np.column_stack([rng.uniform((0, 0), (6, 4), (400, 2)), z])
    kind = np.full(400, PointKind.BUILDING, np.uint8)
    slab = Evidence("a", np.zeros(3), (SHED,), ground_known=True, points=xyz, point_kind=kind)
    height, status = block_height(slab, poor=True)
    assert status is FitStatus.POOR
    assert height == pytest.approx(level, abs=0.3)


def gable_of_cells(seed: int, error_m: float, leaves: float) -> Evidence:
    """Cells of a raster on a gable, of which some show leaves and all err."""
    rng = np.random.default_rng(seed)
    x, y = (axis.ravel() for axis in np.meshgrid(np.arange(0.25, 9, 0.5), np.arange(0.25, 7, 0.5)))
    z = 8 - 0.9 * abs(y - 3.5) + error_m * rng.standard_normal(len(x))
    z += np.where(rng.random(len(x)) < leaves, rng.uniform(0.6, 6.0, len(x)), 0.0)
    return Evidence(
        "a",
        np.zeros(3),
        (np.array([[0.0, 0.0], [9.0, 0.0], [9.0, 7.0], [0.0, 7.0]]),),
        ground_known=True,
        points=np.column_stack([x, y, z]),
        point_sigma=np.full(len(x), 0.12, np.float32),
        point_source=np.full(len(x), PointSource.CELL, np.uint8),
        point_share=0.3,
        cell_m=0.5,
    )


def test_a_raster_that_errs_leaves_the_roof_and_leaves_do_not() -> None:
    """Three cells in ten within 0.2 m say nothing by themselves: it counts whether the rest lie above."""
    ragged = [gable_of_cells(seed, 0.45, 0.0) for seed in range(6)]
    assert [fit.kind for fit in solve(ragged).fits] == ["gabled"] * 6
    leafy = solve([gable_of_cells(seed, 0.05, leaves) for seed in range(4) for leaves in (0.5, 0.65, 0.8)])
    assert {fit.status for fit in leafy.fits} == {FitStatus.POOR}
    assert {fit.kind for fit in leafy.fits} == {"flat"}
