from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import rasterio

from geovision import _kernel
from geovision.errors import UsageError
from geovision.sources import open_points, open_scene
from geovision.sources.gridding import cells_over, dsm_from_points, dtm_from_ground
from geovision.sources.ground import Terrain

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("GEOVISION_SHARED", ROOT.parent / "shared")) / "data"
PAIR = DATA / "pairs/lidarhd"
Cloud = np.ndarray[tuple[int, int], np.dtype[np.float64]]
BOUNDS = (85_000.0, 446_000.0, 85_020.0, 446_012.0)


def cloud(seed: int, count: int = 4000) -> Cloud:
    rng = np.random.default_rng(seed)
    return rng.uniform((84_995, 445_995, 0), (85_025, 446_017, 9), (count, 3))


def by_cell(
    points: np.ndarray[tuple[int, int], np.dtype[np.float64]], cell: float
) -> list[list[list[float]]]:
    left, top, _, width, height = cells_over(BOUNDS, cell)
    found: list[list[list[float]]] = [[[] for _ in range(width)] for _ in range(height)]
    for x, y, z in points.tolist():
        column, row = int((x - left) // cell), int((top - y) // cell)
        if 0 <= column < width and 0 <= row < height:
            found[row][column].append(z)
    return found


@pytest.mark.parametrize("cell", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("percentile", [0.0, 50.0, 95.0, 100.0])
def test_percentiles_are_those_of_numpy(cell: float, percentile: float) -> None:
    points = cloud(1)
    grid = dsm_from_points(points, cells_over(BOUNDS, cell), method="percentile", percentile=percentile)
    expected = [[np.percentile(z, percentile) if z else np.nan for z in row] for row in by_cell(points, cell)]
    np.testing.assert_allclose(grid.values, np.array(expected), rtol=1e-6)
    assert (grid.left, grid.top, grid.values.shape) == (85_000.0, 446_012.0, (12 / cell, 20 / cell))


def test_idw_is_the_weighted_mean() -> None:
    points, cell, radius = cloud(2, 1500), 1.0, 2.3
    grid = dsm_from_points(points, cells_over(BOUNDS, cell), method="idw", radius_m=radius)
    x, y = grid.centres()
    for row, column in [(0, 0), (5, 7), (11, 19)]:
        d2 = (points[:, 0] - x[column]) ** 2 + (points[:, 1] - y[row]) ** 2
        near = d2 <= radius**2
        weight = 1 / (d2[near] + 0.01 * cell**2)
        assert grid.values[row, column] == pytest.approx(
            (weight * points[near, 2]).sum() / weight.sum(), rel=1e-6
        )


@pytest.mark.parametrize("method", ["max", "percentile", "idw"])
def test_order_and_threads_cannot_be_seen(method: str) -> None:
    points = cloud(3)
    first = dsm_from_points(points, cells_over(BOUNDS, 0.5), method=method, fill_m=3.0, threads=1)  # type: ignore[arg-type]
    order = np.random.default_rng(0).permutation(len(points))
    again = dsm_from_points(points[order], cells_over(BOUNDS, 0.5), method=method, fill_m=3.0, threads=4)  # type: ignore[arg-type]
    np.testing.assert_array_equal(first.values, again.values)


def test_holes_are_filled_from_the_nearest_and_no_farther() -> None:
    points = np.array([[85_000.5, 446_000.5, 2.0], [85_019.5, 446_000.5, 6.0]])
    bare = dsm_from_points(points, cells_over(BOUNDS, 1.0))
    assert np.isfinite(bare.values).sum() == 2
    some = dsm_from_points(points, cells_over(BOUNDS, 1.0), fill_m=3.0)
    bottom = some.values[-1]
    np.testing.assert_array_equal(bottom[:4], 2.0)
    np.testing.assert_array_equal(bottom[-4:], 6.0)
    assert np.isnan(bottom[4:-4]).all()
    whole = dsm_from_points(points, cells_over(BOUNDS, 1.0), fill_m=30.0)
    assert np.isfinite(whole.values).all()
    assert whole.values.min() >= 2.0
    assert whole.values.max() <= 6.0


def test_against_the_rasters_that_came_with_real_points() -> None:
    if not PAIR.exists():
        pytest.skip("no pairs/lidarhd under ../shared/data; set GEOVISION_SHARED to where it is")
    points = open_points(PAIR / "points.las", crs="EPSG:2154").read()
    ground = points.xyz[points.classification == 2]
    for name in ("dsm", "dtm"):
        with rasterio.open(PAIR / f"{name}_0.25m.tif", driver="GTiff") as raster:
            expected = raster.read(1, masked=True).filled(np.nan)
            box = tuple(raster.bounds)
        made = (
            dsm_from_points(points.xyz, cells_over(box, 0.25), fill_m=2.0)
            if name == "dsm"
            else dtm_from_ground(Terrain(ground), cells_over(box, 0.25))
        )
        found = made.values
        off = (found - expected)[np.isfinite(expected) & np.isfinite(found)]
        assert len(off) > 0.9 * np.isfinite(expected).sum()
        assert abs(np.median(off)) < 0.1
        assert np.median(np.abs(off)) < 0.1


def test_refusals() -> None:
    points = cloud(4)
    with pytest.raises(UsageError, match="method 'mean'"):
        dsm_from_points(points, cells_over(BOUNDS, 1.0), method="mean")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="is not 0 to 100"):
        dsm_from_points(points, cells_over(BOUNDS, 1.0), method="percentile", percentile=101.0)
    for bounds, cell in [((0, 0, 0, 1), 1.0), (BOUNDS, 0.0), (BOUNDS, np.nan), ((0, 0, 1e6, 1e6), 0.5)]:
        with pytest.raises(UsageError, match="and cell"):
            cells_over(bounds, cell)
    with pytest.raises(ValueError, match="at most 64 cells"):
        dsm_from_points(points, cells_over(BOUNDS, 0.5), fill_m=100.0)
    with pytest.raises(ValueError, match="product at most"):
        _kernel.grid_points(points, 0.0, 0.0, 1.0, 1 << 20, 1 << 20)
    odd = np.array(
        [[np.nan, 446_001, 1], [85_001, np.inf, 1], [85_001.5, 446_001.5, np.nan], [1e300, 446_001, 5]]
    )
    assert np.isnan(dsm_from_points(odd, cells_over(BOUNDS, 1.0)).values).all()


def test_a_scene_of_points_has_height_windows_without_seams() -> None:
    if not DATA.exists():
        pytest.skip("no ../shared/data; set GEOVISION_SHARED to where it is")
    scene = open_scene(points=[DATA / f"delft/ahn3_cropped_{i}.laz" for i in (1, 2)], crs="EPSG:28992")
    assert [scene.can_read(role) for role in ("dsm", "dtm", "ndsm", "image")] == [True, True, True, False]
    west, south, east, north = 84_900.0, 447_450.0, 85_050.0, 447_600.0
    for role, cell in (("dsm", 0.5), ("dsm", 0.3), ("dtm", 1.0)):
        whole = scene.window(role, (west, south, east, north), cell)
        assert whole.coverage > 0.9  # water gives no echoes
        middle = scene.grid(cell).bounds(whole.cut).west + cell * (whole.cut.width // 2)
        left = scene.window(role, (west, south, middle, north), cell)
        right = scene.window(role, (middle, south, east, north), cell)
        joined = np.concatenate([left.data, right.data], axis=2)
        np.testing.assert_array_equal(joined, whole.data)
    above = scene.window("ndsm", (west, south, east, north))
    assert np.nanpercentile(above.data, 20) < 0.5
    assert 5.0 < np.nanpercentile(above.data, 95) < 30.0
