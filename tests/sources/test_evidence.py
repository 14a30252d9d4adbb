from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest

from geovision.errors import InputError
from geovision.model.evidence import Evidence, ImagePatch, PointKind, PointSource
from geovision.sources import (
    Footprints,
    HeightGrid,
    PointBlock,
    evidence_from_arrays,
    prepare_footprints,
    reach_m,
)
from geovision.sources.cells import cell_sigma
from tests.sources.test_ground import outline

EAST, NORTH = 85_000.0, 446_000.0


def place(*xy: tuple[float, float]) -> list[tuple[float, float]]:
    return [(EAST + x, NORTH + y) for x, y in xy]


def pair() -> Footprints:
    """Two houses of 8 m by 10 m that share a wall at x = 8."""
    return prepare_footprints(
        outline(
            place((0, 0), (8, 0), (8, 10), (0, 10)),
            place((8, 0), (16, 0), (16, 10), (8, 10)),
        )
    )


def town(rng: np.random.Generator, per_m2: float = 8.0) -> PointBlock:
    """Flat roofs at 5 m and 8 m over the pair, ground at 1 m round it, a tree beside it; no classes."""
    x, y = rng.uniform(-40, 56, (2, int(96 * 90 * per_m2))) - np.array([[0.0], [0.0]])
    z = np.full(len(x), 1.0) + rng.normal(0, 0.02, len(x))
    z[(x > 0) & (x < 8) & (y > 0) & (y < 10)] += 4.0
    z[(x >= 8) & (x < 16) & (y > 0) & (y < 10)] += 7.0
    returns = np.ones(len(x), np.uint8)
    number = np.ones(len(x), np.uint8)
    tree = (x + 2.5) ** 2 + (y - 5) ** 2 < 4
    z[tree] += rng.uniform(2, 6, int(tree.sum()))
    returns[tree] = 3
    number[tree] = rng.integers(1, 4, int(tree.sum()))
    block = PointBlock.of(np.stack([EAST + x, NORTH + y, z], axis=1))
    return replace(block, number_of_returns=returns, return_number=number)


def same(a: list[Evidence], b: list[Evidence]) -> bool:
    return [item.digest() for item in a] == [item.digest() for item in b]


def test_without_classes_geometry_tells() -> None:
    points = town(np.random.default_rng(0))
    first, second = evidence_from_arrays(pair(), points)
    assert first.ground_known
    assert first.ground_z == pytest.approx(1.0, abs=0.05)
    np.testing.assert_allclose(first.ring_ground[0], 1.0, atol=0.05)
    for evidence, height, left in ((first, 5.0, 0.0), (second, 8.0, 8.0)):
        local = evidence.points + evidence.origin - np.array([EAST + left, NORTH, 0.0])
        inside = ((local[:, :2] > 0.3) & (local[:, :2] < (7.7, 9.7))).all(axis=1)
        assert (evidence.point_kind[inside] == PointKind.BUILDING).mean() > 0.99
        np.testing.assert_allclose(local[inside, 2], height, atol=0.15)
    local = first.points + first.origin - np.array([EAST, NORTH, 0.0])
    beyond = (local[:, 0] > 8.01) & (local[:, 1] > 0) & (local[:, 1] < 10)
    assert (first.point_kind[beyond] == PointKind.NEIGHBOUR).all()
    low = local[:, 2] < 1.2
    assert (first.point_kind[low & ~beyond] == PointKind.GROUND).all()
    tree = (local[:, 0] < -0.6) & (local[:, 2] > 3.2)
    assert (first.point_kind[tree] == PointKind.VEGETATION).mean() > 0.8
    assert (first.neighbours, second.neighbours) == (("1",), ("0",))
    assert sorted(first.edge_neighbour.tolist()) == [-1, -1, -1, 0]


def test_classes_are_believed() -> None:
    xyz = np.array([[EAST + x, NORTH + 5.0, 6.0] for x in (1, 2, 3, 4, 5, 6, 9, -1)], float)
    codes = np.array([6, 2, 5, 9, 1, 26, 6, 6])
    first, second = evidence_from_arrays(pair(), PointBlock.of(xyz, codes))
    kinds = {round(x): PointKind(k) for x, k in zip(first.points[:, 0], first.point_kind, strict=True)}
    assert kinds == {
        1: PointKind.BUILDING,
        2: PointKind.GROUND,
        3: PointKind.VEGETATION,
        4: PointKind.OTHER,
        5: PointKind.GROUND,
        6: PointKind.OTHER,
        9: PointKind.NEIGHBOUR,
        -1: PointKind.BUILDING,
    }
    assert sorted(second.point_kind.tolist()) == [PointKind.BUILDING, PointKind.OTHER]


def test_order_threads_duplicates_tiles_and_company_cannot_be_seen() -> None:
    rng = np.random.default_rng(4)
    footprints, points = pair(), town(rng)
    base = list(evidence_from_arrays(footprints, points, threads=1))
    order = rng.permutation(len(points))
    assert same(base, list(evidence_from_arrays(footprints, points.take(order), threads=4)))
    twice = PointBlock.join([points, points.take(order[:5000])])
    assert same(base, list(evidence_from_arrays(footprints, twice)))
    reach = reach_m()
    far = PointBlock.of(points.xyz[:3000] + np.array([reach + 100.0, 0.0, 0.0]))
    assert same(base, list(evidence_from_arrays(footprints, PointBlock.join([far, points]))))
    backward = list(evidence_from_arrays(footprints.take([1, 0]), points))
    assert same(base, backward[::-1])
    only = list(evidence_from_arrays(footprints, points, owned=np.array([False, True])))
    assert same(base[1:], only)
    assert same(base, pickle.loads(pickle.dumps(base)))


def test_nothing_measured_is_evidence_all_the_same() -> None:
    for points in (None, PointBlock.empty()):
        first, _ = evidence_from_arrays(pair(), points)
        assert len(first.points) == 0
        assert (first.ground_z, first.ground_known, first.ring_ground) == (0.0, False, ())
        assert "no ground was found" in first.notes[0]
    roof = np.array([[EAST + 4.0, NORTH + 4.0, 9.0], [EAST + 5.0, NORTH + 4.0, 9.5]])
    first, _ = evidence_from_arrays(pair(), PointBlock.of(roof, np.array([6, 6])), dtm=None)
    assert (first.ground_z, first.ground_known) == (9.0, False)
    assert list(evidence_from_arrays(pair().take([]), PointBlock.of(roof))) == []


def test_points_that_are_not_finite_belong_to_nobody() -> None:
    xyz = np.array(
        [[EAST + 4, NORTH + 4, np.nan], [np.nan, NORTH, 1], [EAST + 4, np.inf, 1], [EAST + 4, NORTH + 4, 7.0]]
    )
    first, _ = evidence_from_arrays(pair(), PointBlock.of(xyz, np.full(4, 6)))
    assert first.points.tolist() == [[4.0, 4.0, 7.0]]


def grids(cell: float) -> tuple[HeightGrid, HeightGrid]:
    """DSM and DTM over the pair, with the left house at 5 m and the right one at 8 m."""
    count = int(60 / cell)
    x = -20.0 + (np.arange(count) + 0.5) * cell
    y = 40.0 - (np.arange(count) + 0.5) * cell
    z = np.full((count, count), 1.0)
    z[np.ix_((y > 0) & (y < 10), (x > 0) & (x < 8))] = 5.0
    z[np.ix_((y > 0) & (y < 10), (x > 8) & (x < 16))] = 8.0
    left, top = EAST - 20.0, NORTH + 40.0
    return HeightGrid(z, left, top, cell), HeightGrid(np.full_like(z, 1.0), left, top, cell)


@pytest.mark.parametrize("cell", [0.25, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("with_dtm", [True, False])
def test_cells_serve_where_there_are_no_points(cell: float, with_dtm: bool) -> None:
    dsm, dtm = grids(cell)
    first, second = evidence_from_arrays(pair(), dsm=dsm, dtm=dtm if with_dtm else None)
    assert first.cell_m == cell
    assert (first.point_source == PointSource.CELL).all()
    assert first.ground_known
    assert first.ground_z == pytest.approx(1.0)
    for evidence, height in ((first, 5.0), (second, 8.0)):
        inner = np.abs(evidence.points[:, 2] - height) < 1e-6
        assert np.isclose(inner.sum(), 80 / cell**2, rtol=0.01)
        assert (evidence.point_kind[inner] == PointKind.BUILDING).mean() > 0.4
        calm = evidence.point_sigma < 0.5
        assert 0 < calm.sum() < len(calm)


def test_a_step_makes_cells_uncertain_and_a_slope_does_not() -> None:
    x = np.arange(20.0)
    slope = np.tile(0.8 * x, (20, 1))
    base = np.hypot(0.05, 0.05)
    inner = cell_sigma(HeightGrid(slope, 0, 0, 0.5))[1:-1, 1:-1]
    np.testing.assert_allclose(inner, base, rtol=1e-3)
    step = np.where(x < 10, 0.0, 6.0) * np.ones((20, 1))
    sigma = cell_sigma(HeightGrid(step, 0, 0, 0.5))
    assert (sigma[:, 9:11] > 0.9).all()
    np.testing.assert_allclose(sigma[:, :8], base, rtol=1e-3)
    lonely = np.full((5, 5), np.nan)
    lonely[2, 2] = 3.0
    assert cell_sigma(HeightGrid(lonely, 0, 0, 0.5))[2, 2] == pytest.approx(base)


def test_cells_fill_only_the_gaps_of_points() -> None:
    dsm, dtm = grids(0.5)
    rng = np.random.default_rng(0)
    xyz = np.column_stack(
        [rng.uniform(-15, 4, (6000, 1)) + EAST, rng.uniform(-15, 25, (6000, 1)) + NORTH, np.full(6000, 5.0)]
    )
    first, second = evidence_from_arrays(pair(), PointBlock.of(xyz, np.full(6000, 6)), dsm=dsm, dtm=dtm)
    cells = first.points[first.point_source == PointSource.CELL]
    assert cells[:, 0].min() > 4.0
    assert len(cells) > 80
    assert (second.point_source == PointSource.CELL).all()


def test_cells_do_not_depend_on_the_window() -> None:
    rng = np.random.default_rng(9)
    cell = 0.3
    values = rng.normal(5, 1, (400, 400)).astype(np.float32)
    whole = HeightGrid(values, EAST - 60.0, NORTH + 60.0, cell)
    part = HeightGrid(values[50:350, 100:], whole.left + 100 * cell, whole.top - 50 * cell, cell)
    first, second = (
        list(evidence_from_arrays(pair(), dsm=grid, dtm=replace(grid, values=0.1 * grid.values)))
        for grid in (whole, part)
    )
    assert same(first, second)


def test_the_image_is_cut_for_every_building() -> None:
    pixels = np.arange(3 * 200 * 240, dtype=np.uint32).reshape(3, 200, 240)
    image = ImagePatch(pixels, EAST - 20.0, NORTH + 30.0, 0.25, ("red", "green", "blue"))
    first, second = evidence_from_arrays(pair(), image=image, margin_m=1.0)
    for evidence, left in ((first, 0.0), (second, 8.0)):
        patch = evidence.image
        assert patch is not None
        assert patch.pixels.shape == (3, 48, 40)
        assert (patch.left, patch.top, patch.bands) == (-1.0, 11.0, image.bands)
        column, row = int((left - 1.0 + 20.0) / 0.25), int((30.0 - 11.0) / 0.25)
        assert patch.pixels[0, 0, 0] == pixels[0, row, column]
    away = replace(image, left=EAST + 1000.0)
    assert [item.image for item in evidence_from_arrays(pair(), image=away)] == [None, None]


def test_refusals() -> None:
    with pytest.raises(InputError, match="owned: has 1 values but there are 2"):
        list(evidence_from_arrays(pair(), owned=np.array([True])))
    with pytest.raises(ValueError, match="margin must be 0 to 100 m"):
        list(evidence_from_arrays(pair(), margin_m=-1.0))
    with pytest.raises(InputError, match="classification has 1 values but there are 2 points"):
        PointBlock.of(np.zeros((2, 3)), np.array([6]))
    with pytest.raises(InputError, match="give no grid"):
        HeightGrid(np.zeros((2, 2)), 0.0, 0.0, 0.0)
