"""Height rasters with smeared walls: the smear is measured and undone, the same in every window."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import shapely
from numpy.typing import NDArray

from geovision import _kernel
from geovision.mesh import DsmSensor, Window, simulate_dsm
from geovision.model.evidence import Evidence, PointKind
from geovision.sources import Footprints, HeightGrid, PointBlock, evidence_from_arrays, prepare_footprints
from geovision.sources.datum import datum_shifts
from geovision.sources.footprint_set import polygon_arrays
from geovision.sources.scene_smear import _sample
from geovision.sources.smear import Smear, coarser, measure_smear

F64 = NDArray[np.float64]
WIDE, HIGH, BASE = 120.0, 90.0, 30.0
# Two in a row with a common wall, some alone, one with a court; ridges along x.
HOUSES = [
    shapely.box(20, 20, 30, 32),
    shapely.box(30, 20, 41, 32),
    shapely.affinity.rotate(shapely.box(60, 20, 74, 29), 25),
    shapely.box(20, 50, 29, 66),
    shapely.Polygon([(50, 45), (90, 45), (90, 80), (50, 80)], [[(62, 57), (62, 68), (78, 68), (78, 57)]]),
    shapely.box(98, 20, 104, 26),
]
EAVES = [6.0, 8.0, 5.0, 7.0, 12.0, 3.0]


def outlines() -> Footprints:
    rings, vertices, xy = polygon_arrays(np.array(HOUSES, object))
    return prepare_footprints(Footprints([f"h{k}" for k in range(len(HOUSES))], rings, vertices, xy))


def roof(house: int, xy: F64) -> F64:
    """Gables over the box of an outline; the one with a court is flat."""
    _, south, _, north = HOUSES[house].bounds
    rise = 0.0 if house == 4 else 0.7 * ((north - south) / 2 - np.abs(xy[:, 1] - (south + north) / 2))
    return np.asarray(BASE + EAVES[house] + rise)


def surface(cell_m: float, sensor: DsmSensor, seed: int) -> HeightGrid:
    """What a sensor makes of the houses, drawn finer than its cells."""
    step = max(1, 2 * int(cell_m / 0.2) + 1)
    window = Window.of((0.0, 0.0, WIDE, HIGH), cell_m / step)
    x = window.left + (np.arange(window.width) + 0.5) * window.cell_m
    y = window.top - (np.arange(window.height) + 0.5) * window.cell_m
    xy = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    z = np.full(len(xy), BASE)
    for k, house in enumerate(HOUSES):
        inside = shapely.contains_xy(house, xy[:, 0], xy[:, 1])
        z[inside] = roof(k, xy[inside])
    smooth = replace(sensor, noise_m=0.0, relief_m=0.0, bias_m=0.0)
    drawn = simulate_dsm(z.reshape(window.shape).astype(np.float32), window, smooth)
    coarse = Window.of((0.0, 0.0, WIDE, HIGH), cell_m)
    noise = replace(sensor, smooth_m=0.0, fatten_m=0.0, ragged_m=0.0)
    middle = np.ascontiguousarray(drawn[step // 2 :: step, step // 2 :: step])
    values = simulate_dsm(middle, coarse, noise, seed=seed)
    return HeightGrid(values, coarse.left, coarse.top, cell_m)


def sensor(spread: float) -> DsmSensor:
    return DsmSensor(noise_m=0.03, relief_m=0.0, bias_m=0.0, ragged_m=0.0, fatten_m=0.0, smooth_m=spread)


def misses(evidence: list[Evidence]) -> F64:
    """How far the cells that may be roof are from it."""
    off = []
    for k, item in enumerate(evidence):
        xy = item.points[:, :2] + item.origin[:2]
        own = shapely.contains_xy(HOUSES[k], xy[:, 0], xy[:, 1]) & (item.point_kind != PointKind.OTHER)
        off.append(np.abs(item.points[own, 2] - roof(k, xy[own])))
    return np.concatenate(off)


@pytest.mark.parametrize(
    ("cell_m", "spread"),
    [(0.25, 0.15), (0.25, 0.5), (0.25, 0.8), (0.5, 0.25), (0.5, 0.5), (0.5, 0.8), (1.0, 0.5), (1.0, 0.8)],
)
def test_smear_is_measured(cell_m: float, spread: float) -> None:
    found = measure_smear(outlines(), surface(cell_m, sensor(spread), 3))
    assert abs(found.spread_m - spread) < 0.05
    assert abs(found.offset_m) < 0.11


def test_sharp_rasters_stay_as_they_are() -> None:
    grid = surface(0.5, sensor(0.0), 1)
    assert measure_smear(outlines(), grid).spread_m == 0.0
    cells = np.stack(np.meshgrid(*grid.centres()), axis=-1)
    for item in evidence_from_arrays(outlines(), dsm=grid):
        xy = item.points[:, :2] + item.origin[:2]
        column = np.floor((xy[:, 0] - grid.left) / grid.cell_m).astype(int)
        row = np.floor((grid.top - xy[:, 1]) / grid.cell_m).astype(int)
        assert np.allclose(xy, cells[row, column])
        assert np.allclose(item.points[:, 2], grid.values[row, column])


@pytest.mark.parametrize(("cell_m", "spread"), [(0.1, 0.5), (0.25, 0.8), (0.5, 0.5), (0.5, 0.8), (1.0, 0.8)])
def test_roofs_come_out_of_the_smear(cell_m: float, spread: float) -> None:
    grid = surface(cell_m, sensor(spread), 4)
    before = misses(list(evidence_from_arrays(outlines(), dsm=grid, smear=Smear())))
    after = misses(list(evidence_from_arrays(outlines(), dsm=grid)))
    assert (before < 0.2).mean() < 0.8
    assert (after < 0.2).mean() > 0.9
    assert after.mean() < 0.2 * before.mean()


def test_windows_and_threads_agree() -> None:
    whole = surface(0.25, sensor(0.6), 3)
    smear = measure_smear(outlines(), whole)
    everything = list(evidence_from_arrays(outlines(), dsm=whole, smear=smear, threads=1))
    for skip in (0, 1, 2, 3):
        # Houses 0 and 1 lie west of 41 m; 67 m of reach would pass the borders of this scene anyway.
        part = HeightGrid(whole.values[skip:], whole.left, whole.top - skip * 0.25, 0.25)
        owned = np.array([True, True, False, False, False, False])
        found = list(evidence_from_arrays(outlines(), dsm=part, smear=smear, owned=owned, threads=2))
        for item, other in zip(everything, found, strict=False):
            assert item.id == other.id
            assert np.array_equal(item.points, other.points)
            assert np.array_equal(item.point_sigma, other.point_sigma)


def test_blocks_are_counted_from_the_origin() -> None:
    grid = HeightGrid(np.arange(400.0).reshape(20, 20), 100.0, 202.0, 0.1)
    coarse, smear = coarser(grid, Smear(0.45, 0.1))
    assert coarse.cell_m == pytest.approx(0.4)
    assert smear.spread_m > 0.45
    cut, _ = coarser(HeightGrid(grid.values[3:, 5:], 100.5, 201.7, 0.1), Smear(0.45, 0.1))
    down, right = round((coarse.top - cut.top) / 0.4), round((cut.left - coarse.left) / 0.4)
    assert np.array_equal(coarse.values[down:, right:], cut.values)
    assert coarser(grid, Smear())[0] is grid


def test_cells_stay_out_where_points_are() -> None:
    grid = surface(0.5, sensor(0.6), 5)
    xy = np.random.default_rng(1).uniform((20, 20), (30, 32), (4000, 2))
    points = PointBlock.of(np.column_stack([xy, roof(0, xy)]))
    first = next(evidence_from_arrays(outlines(), points, dsm=grid))
    lidar = first.point_source == 0
    assert lidar.sum() == 4000
    assert np.allclose(np.sort(first.points[lidar, 2]), np.sort(points.xyz[:, 2]))


def test_the_datum_of_the_terrain_model_holds() -> None:
    for shift in (-0.2, 0.0, 0.25):
        grid = surface(0.5, sensor(0.3), 2)
        dtm = HeightGrid(np.full((9, 12), BASE - shift, np.float32), 0.0, HIGH, 10.0)
        # A third of the ground is grass and shrubs.
        rng = np.random.default_rng(4)
        shrubs = (grid.values < BASE + 0.3) & (rng.random(grid.values.shape) < 0.33)
        values = np.where(shrubs, grid.values + rng.uniform(0.0, 0.5, grid.values.shape), grid.values)
        found = datum_shifts(outlines(), np.ones(6, bool), replace(grid, values=values), dtm)
        assert np.allclose(found, shift, atol=0.03)


def test_kernel_refuses_what_does_not_fit() -> None:
    heights, labels = [np.zeros((4, 5))], [np.zeros((8, 10), np.int32)]
    assert _kernel.sharpen_heights(heights, labels, [1.0], 2)[0].shape == (8, 10)
    empty = [np.zeros((0, 5))]
    for bad in ((heights, labels, [1.0], 1), (heights, [], [1.0], 2), (heights, labels, [0.0], 2)):
        with pytest.raises(ValueError, match="must"):
            _kernel.sharpen_heights(*bad)
    with pytest.raises(ValueError, match="must"):
        _kernel.sharpen_heights(empty, labels, [1.0], 2)


def test_planes_and_unknown_cells() -> None:
    """A plane stays one under any smear, with holes, and far from the origin."""
    rng = np.random.default_rng(6)
    for _ in range(20):
        rows, columns, fine = (int(size) for size in rng.integers((24, 24, 1), (32, 32, 4)))
        gx, gy, z0 = rng.uniform((-0.5, -0.5, 0), (0.5, 0.5, 3000)).tolist()
        x, y = np.arange(columns * fine) + 0.5, np.arange(rows * fine) + 0.5
        plane = z0 + (gx * x + gy * y[:, None]) / fine
        cells = plane.reshape(rows, fine, columns, fine).mean(axis=(1, 3))
        cells[rng.random(cells.shape) < 0.1] = np.nan
        labels = np.zeros(plane.shape, np.int32)
        found = _kernel.sharpen_heights([cells], [labels], [float(rng.uniform(0.5, 2)) * fine], fine)[0]
        inner = np.s_[8 * fine : -8 * fine, 8 * fine : -8 * fine]
        assert np.abs(found[inner] - plane[inner]).max() < 0.1


def test_a_layer_that_changes_somewhere_is_sampled_as_before() -> None:
    """One footprint more or less is one of the sample at most, whatever the order of the layer."""
    rng = np.random.default_rng(4)
    low = rng.uniform(0, 9000, (700, 2))
    boxes = np.hstack([low, low + rng.uniform(5, 20, (700, 2))])

    def sampled(rows: F64) -> set[tuple[float, ...]]:
        return {tuple(rows[place]) for place in _sample(rows)}

    all_of_them = sampled(boxes)
    assert len(all_of_them) == 128
    assert sampled(boxes[rng.permutation(700)]) == all_of_them
    for row in range(0, 700, 10):
        assert len(sampled(np.delete(boxes, row, axis=0)) - all_of_them) <= 1
    assert len(sampled(boxes[:50])) == 50
    middle = np.array([box[:2] for box in all_of_them]).mean(axis=0)
    assert np.all(np.abs(middle - 4500) < 900), "from all over the layer"
