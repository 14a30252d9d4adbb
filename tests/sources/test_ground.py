from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geovision import _kernel
from geovision.sources import Footprints, HeightGrid, open_points
from geovision.sources.ground import Terrain, filter_ground, filter_reach_m, outline_ground

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("GEOVISION_SHARED", ROOT.parent / "shared")) / "data"
# Set, files, CRS, most of type I and II errors and of the RMSE of the surface in metres. Class 1 of lidarhd
# holds points that lie on the ground, so only its buildings count.
TRUTH = [
    (
        "delft",
        ["delft/ahn3_cropped_1.laz", "delft/ahn3_cropped_2.laz"],
        "EPSG:28992",
        (1, 6),
        0.02,
        0.03,
        0.08,
    ),
    ("lidarhd", ["pairs/lidarhd/points.las"], "EPSG:2154", (6,), 0.04, 0.02, 0.10),
]

F64 = np.ndarray[Any, np.dtype[np.float64]]


def hill(rng: np.random.Generator, count: int, size: float = 120.0) -> tuple[F64, np.ndarray[Any, Any]]:
    """A hillside of 20 degrees with waves, houses, and trees that let half of the beams through."""
    x, y = rng.uniform(0, size, (2, count))
    z = 0.36 * x + 1.5 * np.sin(y / 15) + rng.normal(0, 0.03, count)
    ground = np.ones(count, bool)
    for left, bottom, width, depth in [(20, 20, 10, 12), (60, 20, 14, 9), (25, 70, 30, 12), (80, 80, 8, 8)]:
        house = (x > left) & (x < left + width) & (y > bottom) & (y < bottom + depth)
        z[house] = 0.36 * (left + width / 2) + 1.5 * np.sin((bottom + depth / 2) / 15) + 8.0
        ground[house] = False
    for cx, cy in rng.uniform(0, size, (25, 2)):
        crown = ((x - cx) ** 2 + (y - cy) ** 2 < 9) & ground & (rng.random(count) < 0.5)
        z[crown] += rng.uniform(2, 9, int(crown.sum()))
        ground[crown] = False
    return np.stack([x + 85_000, y + 446_000, z], axis=1), ground


@pytest.mark.parametrize("seed", range(4))
def test_filter_on_a_hillside(seed: int) -> None:
    points, truth = hill(np.random.default_rng(seed), 120_000)
    found = filter_ground(points)
    assert (truth & ~found).sum() < 0.04 * truth.sum()
    assert (found & ~truth).sum() < 0.01 * (~truth).sum()


@pytest.mark.parametrize(
    ("name", "files", "crs", "others", "first", "second", "rmse"), TRUTH, ids=[case[0] for case in TRUTH]
)
def test_filter_against_classes(
    name: str, files: list[str], crs: str, others: tuple[int, ...], first: float, second: float, rmse: float
) -> None:
    if not (DATA / files[0]).exists():
        pytest.skip(f"no {files[0]} under ../shared/data; set GEOVISION_SHARED to where it is")
    points = open_points([DATA / file for file in files], crs=crs).read()
    truth = points.classification == 2
    wrong = np.isin(points.classification, others)
    found = filter_ground(points.xyz)
    assert (truth & ~found).sum() < first * truth.sum()
    assert (found & wrong).sum() < second * wrong.sum()
    places = points.xyz[truth][::29]
    off = Terrain(points.xyz[found]).heights(places[:, :2]) - places[:, 2]
    assert np.isfinite(off).all()
    assert np.sqrt((off**2).mean()) < rmse
    assert abs(np.median(off)) < 0.02


def test_filter_sees_neither_order_nor_tile() -> None:
    rng = np.random.default_rng(7)
    points, _ = hill(rng, 60_000)
    found = filter_ground(points)
    order = rng.permutation(len(points))
    assert (filter_ground(points[order]) == found[order]).all()
    centre = np.array([85_055.0, 446_062.0])
    near = (np.abs(points[:, :2] - centre) <= 10 + filter_reach_m()).all(axis=1)
    inner = (np.abs(points[near][:, :2] - centre) <= 10).all(axis=1)
    assert (filter_ground(points[near])[inner] == found[near][inner]).all()


def test_pits_and_strays_do_not_pull() -> None:
    rng = np.random.default_rng(1)
    points, _ = hill(rng, 80_000)
    strays = points[rng.choice(len(points), 60)] - np.array([0.0, 0.0, 12.0])
    found = filter_ground(np.concatenate([points, strays]))
    assert not found[len(points) :].any()
    assert (found[: len(points)] != filter_ground(points)).mean() < 0.005


def test_filter_takes_anything() -> None:
    assert filter_ground(np.zeros((0, 3))).tolist() == []
    assert filter_ground(np.array([[5.0, 5.0, 1.0]])).tolist() == [True]
    odd = np.array([[np.nan, 0, 0], [0, np.inf, 0], [1e300, 0, 0], [0.5, 0.5, 2.0]])
    assert filter_ground(odd).tolist() == [False, False, False, True]
    with pytest.raises(ValueError, match="2\\^28 cells"):
        filter_ground(np.array([[0.0, 0.0, 0.0], [1e6, 1e6, 0.0]]))
    with pytest.raises(ValueError, match="out of range"):
        filter_ground(odd, cell_m=0.0)


def test_terrain_on_a_plane_is_the_plane() -> None:
    rng = np.random.default_rng(3)
    xy = rng.uniform(0, 60, (4000, 2)) + np.array([85_000.0, 446_000.0])
    slope = np.array([0.12, -0.2])
    ground = np.column_stack([xy, (xy - xy[0]) @ slope + 3.0])
    query = rng.uniform(10, 50, (500, 2)) + np.array([85_000.0, 446_000.0])
    found = _kernel.terrain_at(ground, query)
    np.testing.assert_allclose(found, (query - xy[0]) @ slope + 3.0, atol=0.05)
    order = rng.permutation(len(ground))
    np.testing.assert_array_equal(_kernel.terrain_at(ground[order], query, threads=3), found)


def test_terrain_of_many_is_that_of_each_where_it_is_even() -> None:
    rng = np.random.default_rng(5)
    ground = rng.uniform(0, 40, (6000, 3)) + np.array([-20.0, 446_000.0, 0.0])
    ground[:, 2] = 0.3 * ground[:, 0] + 2.0
    terrain = Terrain(ground)
    query = rng.uniform(5, 35, (2000, 2)) + np.array([-20.0, 446_000.0])
    np.testing.assert_allclose(terrain.heights_of_many(query), terrain.heights(query), atol=0.08)
    one_by_one = np.concatenate([terrain.heights_of_many(place[None]) for place in query[:50]])
    np.testing.assert_array_equal(terrain.heights_of_many(query)[:50], one_by_one)
    odd = np.array([[1e300, 0.0], [np.nan, 0.0], [500.0, 446_000.0]])
    assert np.isnan(terrain.heights_of_many(odd)).all()


def test_terrain_ends_at_its_reach_and_does_not_run_away() -> None:
    steep = np.array([[x, y, 2.0 * x] for x in np.arange(0.5, 3) for y in np.arange(0.5, 3)])
    places = np.array([[10.0, 1.0], [22.4, 1.5], [22.6, 1.5], [1e8, 0.0]])
    found = _kernel.terrain_at(steep, places, 20.0)
    assert found[0] <= steep[:, 2].max()
    assert np.isfinite(found[1])
    assert np.isnan(found[2:]).all()
    assert np.isnan(_kernel.terrain_at(np.zeros((0, 3)), places)).all()
    assert np.isnan(_kernel.terrain_at(np.array([[np.nan, 0.0, 0.0]]), places)).all()


def outline(*rings: list[tuple[float, float]]) -> Footprints:
    """Footprints of one ring each."""
    sizes = np.array([len(ring) for ring in rings])
    return Footprints(
        [str(i) for i in range(len(rings))],
        np.arange(len(rings) + 1),
        np.concatenate(([0], np.cumsum(sizes))),
        np.concatenate([np.array(ring) for ring in rings]),
    )


def test_base_is_the_low_end_of_the_terrain_along_the_outline() -> None:
    house = [(10.0, 10.0), (30.0, 10.0), (30.0, 20.0), (10.0, 20.0)]
    far = [(x + 500.0, y) for x, y in house]
    dtm = HeightGrid(np.tile(0.1 * np.arange(0.5, 60), (60, 1)), 0.0, 60.0, 1.0)
    found = outline_ground(outline(house, far), Terrain(np.zeros((0, 3)), dtm))
    # The western side is a sixth of the outline, and at 1.0 m.
    assert found.base[0] == pytest.approx(1.0, abs=1e-6)
    np.testing.assert_allclose(found.vertex_z[:4], [1.0, 3.0, 3.0, 1.0], atol=1e-6)
    assert np.isnan(found.base[1])
    assert np.isnan(found.vertex_z[4:]).all()


def test_gaps_of_a_dtm_are_filled_from_ground_points() -> None:
    values = np.full((40, 40), 5.0)
    values[:, 20:] = np.nan
    ground = np.array([[30.0, y, 7.0] for y in np.arange(0.5, 40)])
    terrain = Terrain(ground, HeightGrid(values, 0.0, 40.0, 1.0))
    assert terrain.heights(np.array([[5.0, 20.0], [30.0, 20.0]])).tolist() == [5.0, 7.0]


def test_height_grid_is_bilinear_and_skips_gaps() -> None:
    rng = np.random.default_rng(2)
    values = rng.normal(size=(20, 30))
    grid = HeightGrid(values, 100.0, 220.0, 0.5)
    x, y = grid.centres()
    centres = np.array([(a, b) for b in y for a in x])
    np.testing.assert_allclose(grid.at(centres), values.ravel(), atol=1e-9)
    middle = np.array([[x[3] + 0.25, y[4] - 0.25]])
    assert grid.at(middle)[0] == pytest.approx(values[4:6, 3:5].mean())
    values[4, 3] = np.nan
    assert grid.at(middle)[0] == pytest.approx(np.nanmean(values[4:6, 3:5]))
    assert np.isnan(grid.at(np.array([[99.7, 215.0], [130.0, 215.0], [110.0, 221.0]]))).all()
