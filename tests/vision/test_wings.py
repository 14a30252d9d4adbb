"""Pieces join the house that they are a part of: areas, shared walls and order hold over random blocks."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import shapely

from geovision.vision.polygons import Outlines, outlines
from geovision.vision.wings import WingRules, join_wings

CELL = 0.5


def block(seed: int) -> Outlines:
    """A raster of houses in rows, with wings of any size, parted by boundaries one cell wide."""
    rng = np.random.default_rng(seed)
    mask = np.zeros((220, 260), np.uint8)
    wall = np.zeros_like(mask)
    for top in range(10, 180, 70):
        left = 10
        while left < 210:
            wide, deep = int(rng.integers(10, 40)), int(rng.integers(12, 40))
            mask[top : top + deep, left : left + wide] = 255
            wall[top : top + deep, left + wide - 1] = 255
            if rng.random() < 0.7:
                size = rng.integers(7, 18, 2)
                place = left + rng.integers(0, max(wide - size[1], 1))
                mask[top + deep : top + deep + size[0], place : place + size[1]] = 255
                wall[top + deep, place : place + size[1]] = 255
            left += wide + (int(rng.integers(4, 9)) if rng.random() < 0.4 else 0)
    return outlines(mask, boundary=wall, cell_m=CELL, left=1000.0, top=500.0)


def walls_of(found: Outlines) -> set[tuple[tuple[float, ...], tuple[float, ...]]]:
    """Every wall by its ends, in the direction in which its building has it."""
    out = set()
    for polygon in found.polygons():
        for ring in (polygon.exterior, *polygon.interiors):
            xy = [tuple(place) for place in shapely.get_coordinates(ring).tolist()]
            out |= set(pairwise(xy))
    return out


@pytest.mark.parametrize("seed", range(8))
def test_joined_blocks_cover_the_same_ground_with_the_same_shared_walls(seed: int) -> None:
    found = block(seed)
    made = join_wings(found)
    before, after = found.polygons(), made.polygons()
    assert len(made) < len(found)
    assert shapely.is_valid(after).all()
    assert made.area_m2.sum() == pytest.approx(found.area_m2.sum(), rel=1e-9)
    whole = shapely.union_all(before)
    assert shapely.union_all(after).symmetric_difference(whole).area < 1e-6
    # Every old piece lies in one of the new ones, and these do not overlap.
    points = shapely.point_on_surface(before)
    assert (shapely.STRtree(after).query(points, predicate="within")[0] == np.arange(len(before))).all()
    # Where two of the new ones touch, both have the same walls.
    walls = walls_of(made)
    for a, b in shapely.STRtree(after).query(after, predicate="touches").T.tolist():
        shared = shapely.intersection(after[a], after[b])
        lines = [part for part in shapely.get_parts(shared) if part.length > 0]
        both = sum(line.length for line in lines)
        own = {tuple(map(tuple, shapely.get_coordinates(line).tolist())) for line in lines}
        assert both == 0 or all((p, q) in walls and (q, p) in walls for p, q in own if len({p, q}) == 2)
        assert made.touches[a] or both == 0


@pytest.mark.parametrize("seed", range(8))
def test_pieces_go_where_the_rule_says(seed: int) -> None:
    """The rule piece by piece, with walls as shapely measures them."""
    found, rules = block(seed), WingRules()
    polygons = found.polygons().tolist()
    house = list(range(len(polygons)))
    for k, polygon in enumerate(polygons):
        walls = [polygon.exterior.intersection(other.exterior).length for other in polygons]
        larger = [other for other, area in enumerate(found.area_m2) if area > found.area_m2[k]]
        against = max(larger, key=lambda other: walls[other], default=k)
        if against == k or walls[against] < 1e-9:
            continue
        # Only walls to larger ones count: a piece is no part of what is smaller.
        if found.area_m2[k] <= min(rules.share * found.area_m2[against], rules.most_m2):
            house[k] = against
    while house != [house[other] for other in house]:
        house = [house[other] for other in house]
    expected = {frozenset(k for k, own in enumerate(house) if own == whole) for whole in set(house)}
    after = join_wings(found).polygons()
    points = shapely.point_on_surface(found.polygons())
    owner = shapely.STRtree(after).query(points, predicate="within")[1]
    assert {frozenset(np.flatnonzero(owner == whole).tolist()) for whole in set(owner.tolist())} == expected


def two(second: tuple[int, int]) -> Outlines:
    mask = np.zeros((60, 120), np.uint8)
    wall = np.zeros_like(mask)
    mask[10:40, 10:50] = 255  # 300 m2
    mask[10 : 10 + second[0], 50 : 50 + second[1]] = 255
    wall[10 : 10 + second[0], 50] = 255
    return outlines(mask, boundary=wall, cell_m=CELL, left=0.0, top=30.0)


def test_a_porch_joins_and_a_neighbour_does_not() -> None:
    porch = two((10, 12))  # 30 m2
    assert len(porch) == 2
    assert len(join_wings(porch)) == 1
    assert len(join_wings(two((28, 30)))) == 2  # 210 m2
    large = two((16, 20))  # 80 m2, a quarter
    assert len(join_wings(large)) == 2
    assert len(join_wings(large, rules=WingRules(most_m2=100.0))) == 1


def test_what_is_known_of_the_whole_is_said_anew() -> None:
    found = two((10, 12))
    made = join_wings(found)
    assert made.area_m2.tolist() == [pytest.approx(found.area_m2.sum())]
    assert made.direction_deg.tolist() == [found.direction_deg[found.area_m2.argmax()]]
    assert found.probability.min() <= made.probability[0] <= found.probability.max()
    assert found.touches.all()
    assert not made.touches[0]
    # The end of the wall between them is no corner of the house.
    assert len(made.xy) == 6


def test_nothing_to_join() -> None:
    alone = two((1, 1))
    assert len(join_wings(alone)) == 1
    empty = outlines(np.zeros((20, 20), bool), cell_m=CELL, left=0.0, top=10.0)
    assert len(join_wings(empty)) == 0
