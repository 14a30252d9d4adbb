"""Rows of houses are cut where heights say so: made-up rows with known walls, and what is no row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import shapely
from numpy.typing import NDArray
from shapely import affinity

from geovision.vision.polygons import Outlines, outlines
from geovision.vision.rows import part_rows, wall_places

F64 = NDArray[np.float64]
DEPTH = 9.0


def row_of_houses(
    rng: np.random.Generator, turned: float
) -> tuple[shapely.Polygon, F64, Callable[[F64], F64]]:
    """A row under one gable, whose houses differ by dormers at the back and some centimetres of height."""
    width = rng.uniform(4.5, 7.0)
    widths = width * rng.uniform(0.97, 1.03, int(rng.integers(4, 9)))
    walls = np.cumsum(widths)
    lifts, dormers = rng.uniform(-0.12, 0.12, len(widths)), rng.random(len(widths)) < 0.5
    dormers[: len(dormers) // 2 * 2 : 2] = True
    dormers[1::4] = False
    cos, sin = np.cos(turned), np.sin(turned)

    def heights(xy: F64) -> F64:
        x, y = xy[..., 0] - 1000.0, xy[..., 1] - 2000.0
        u, v = cos * x + sin * y, cos * y - sin * x
        house = np.clip(np.searchsorted(walls, u), 0, len(walls) - 1)
        roof = 6.0 + np.minimum(v, DEPTH - v) * 0.8 + lifts[house]
        roof = np.where(dormers[house] & (v > DEPTH / 2 + 0.8) & (v < DEPTH - 0.8), 9.0, roof)
        roof = roof + np.asarray(np.sin(40 * u + 70 * v) * 0.03)
        inside = (u > 0) & (u < walls[-1]) & (v > 0) & (v < DEPTH)
        return np.where(inside, roof, 0.0)

    plain = shapely.box(0, 0, walls[-1], DEPTH)
    polygon = affinity.translate(affinity.rotate(plain, turned, origin=(0, 0), use_radians=True), 1000, 2000)
    return polygon, walls[:-1], heights


@pytest.mark.parametrize("seed", range(20))
def test_walls_are_found_where_neighbours_differ(seed: int) -> None:
    rng = np.random.default_rng(seed)
    polygon, walls, heights = row_of_houses(rng, rng.uniform(0, 2 * np.pi))
    found = wall_places(polygon, heights)
    # From one end or from the other.
    length = float(max(np.hypot(*np.diff(shapely.get_coordinates(polygon)[:3], axis=0).T)))
    apart = [np.abs(np.subtract.outer(walls, way)).min(axis=1) for way in (found, length - found)]
    right = max(np.count_nonzero(distance < 0.6) for distance in apart)
    assert right >= 0.7 * len(walls), (walls, found)
    assert len(found) <= len(walls) + 1


@pytest.mark.parametrize(
    "roof",
    [
        lambda u, v: 7.0 + 0 * u,
        lambda u, v: 6 + 0.8 * np.minimum(v, DEPTH - v),
        lambda u, v: 6 + np.minimum.reduce([0.8 * v, 0.8 * (DEPTH - v), 0.8 * u, 0.8 * (30 - u)]),
    ],
    ids=["flat", "gable", "hip"],
)
def test_plain_roofs_are_left_whole(roof: Callable[[F64, F64], F64]) -> None:
    rng = np.random.default_rng(3)

    def heights(xy: F64) -> F64:
        u, v = xy[..., 0], xy[..., 1]
        inside = (u > 0) & (u < 30) & (v > 0) & (v < DEPTH)
        return np.where(inside, roof(u, v) + rng.normal(0, 0.03, u.shape), 0.0)

    assert not len(wall_places(shapely.box(0, 0, 30, DEPTH), heights))


def as_outlines(polygons: list[shapely.Polygon]) -> Outlines:
    """Outlines of these polygons, with made-up figures."""
    made = []
    for polygon in polygons:
        mask = np.zeros((30, 30), bool)
        mask[5:25, 5:25] = True
        one = outlines(mask, cell_m=1.0, height=np.full((30, 30), 5.0, np.float32))
        xy = shapely.get_coordinates(shapely.orient_polygons(polygon))[:-1]
        made.append(
            replace(one, xy=xy, ring_offsets=np.array([0, len(xy)]), area_m2=np.array([polygon.area]))
        )
    return Outlines.concatenate(made)


@pytest.mark.parametrize("seed", range(8))
def test_houses_fill_their_row_and_share_their_walls(seed: int) -> None:
    rng = np.random.default_rng(100 + seed)
    polygon, _, heights = row_of_houses(rng, rng.uniform(0, 2 * np.pi))
    ring = shapely.get_coordinates(polygon)
    # A shed along the whole back of the row, and one that has nothing to do with it.
    shed = shapely.Polygon(
        [ring[3], ring[2], ring[2] + (ring[2] - ring[1]) / 3, ring[3] + (ring[3] - ring[0]) / 3]
    )
    lonely = shapely.box(0, 0, 6, 6)
    before = as_outlines([polygon, shed, lonely])
    after = part_rows(before, heights, min_area_m2=6.0)
    houses = [one for one in after.polygons() if one.within(polygon.buffer(1e-6))]
    assert len(houses) > 2
    assert len(after) == len(houses) + 2
    assert sum(one.area for one in houses) == pytest.approx(polygon.area, rel=1e-9)
    assert all(one.is_valid and shapely.is_ccw(one.exterior) for one in after.polygons())
    # Every corner of a house on the shed's wall is a corner of the shed, to the last bit.
    corners = {tuple(xy) for one in houses for xy in shapely.get_coordinates(one).tolist()}
    other = next(one for one in after.polygons() if one.equals(shed))
    on_wall = {xy for xy in corners if shed.exterior.distance(shapely.Point(xy)) < 1e-6}
    assert on_wall <= {tuple(xy) for xy in shapely.get_coordinates(other).tolist()}
    inner = [
        xy
        for xy in corners
        if sum(xy in map(tuple, shapely.get_coordinates(h).tolist()) for h in houses) == 2
    ]
    assert len(inner) == 2 * (len(houses) - 1)
    assert np.isfinite(after.height_m).sum() >= len(houses)
    np.testing.assert_allclose(after.area_m2, shapely.area(after.polygons()))


def test_nothing_changes_without_rows() -> None:
    before = as_outlines([shapely.box(0, 0, 8, 8), shapely.box(20, 0, 50, 9)])
    assert part_rows(before, lambda xy: np.full(xy.shape[:-1], 6.0), min_area_m2=6.0) is before
    assert part_rows(before, lambda xy: np.full(xy.shape[:-1], np.nan), min_area_m2=6.0) is before
