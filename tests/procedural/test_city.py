from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import shapely

from geovision.errors import UsageError
from geovision.model import ProgramTable
from geovision.model.kinds import RoofKind, SuperKind
from geovision.procedural import builtin_styles, city_grid, iter_tiles, load_style
from geovision.procedural import city as city_module

AREA = (120_000.0, 480_000.0, 700.0, 560.0)


def city(style: str = "mixed", seed: int = 1, **size: Any) -> ProgramTable:
    rules = load_style(style)
    grid = city_grid(rules, seed=seed, **(size or {"area": AREA}))
    return ProgramTable.concat([tile.table for tile in iter_tiles(rules, grid, seed)])


def same(one: ProgramTable, other: ProgramTable) -> None:
    assert one.ids == other.ids
    assert one.attributes == other.attributes
    for name, column in one.kernel_arrays().items():
        np.testing.assert_array_equal(column, other.kernel_arrays()[name], err_msg=name)


def part_polygons(table: ProgramTable) -> list[shapely.Polygon]:
    polygons = []
    for part in range(len(table.roof_kind)):
        cuts = table.vertex_offsets[table.ring_offsets[part] : table.ring_offsets[part + 1] + 1]
        rings = [table.xy[a:b] for a, b in pairwise(cuts)]
        polygons.append(shapely.Polygon(rings[0], rings[1:]))
    return polygons


def building_of_part(table: ProgramTable) -> np.ndarray[Any, Any]:
    return np.repeat(np.arange(len(table)), np.diff(table.part_offsets))


@pytest.mark.parametrize("style", builtin_styles())
def test_every_program_is_valid(style: str) -> None:
    table = city(style)
    assert len(table) > 100
    for program in table:
        assert program.parts


@pytest.mark.parametrize("style", builtin_styles())
@pytest.mark.parametrize("seed", [0, 5])
def test_every_roof_kind_is_there(style: str, seed: int) -> None:
    for size in ({"count": 200}, {"area": (0, 0, 600, 500)}, {"area": (0, 0, 1500, 200)}):
        table = city(style, seed, **size)
        assert len(table) >= 200 or "area" in size
        assert set(np.unique(table.roof_kind)) == set(RoofKind), (size, len(table))


def test_every_superstructure_is_there() -> None:
    assert set(np.unique(city().super_kind)) == set(SuperKind)


def test_same_seed_same_city_whatever_the_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    big: dict[str, Any] = {"area": (0, 0, 1500, 1000)}
    first = city(seed=4, **big)
    monkeypatch.setattr(city_module, "_GROUP", 1)
    same(first, city(seed=4, **big))
    monkeypatch.setattr(city_module, "_GROUP", 5)
    same(first, city(seed=4, **big))
    other = city(seed=5, **big)
    assert len(other) != len(first) or not np.array_equal(other.xy, first.xy)


def test_a_tile_does_not_depend_on_the_others() -> None:
    rules = load_style("mixed")
    grid = city_grid(rules, area=(0, 0, 1500, 1000))
    tiles = {(tile.column, tile.row): tile.table for tile in iter_tiles(rules, grid, 4)}
    assert len(tiles) == grid.tiles == 6
    parts, counts = city_module.tile_parts(rules, grid, [(2, 1)], 4)
    assert counts == [len(tiles[2, 1])]
    np.testing.assert_array_equal(parts.xy, tiles[2, 1].xy)


def test_count_is_kept() -> None:
    for count in (1, 37, 900):
        assert len(city(count=count)) == count
    assert len(city(area=(0, 0, 300, 300), count=20)) == 20


def test_ids_are_unique() -> None:
    ids = city(area=(0, 0, 1500, 1000)).ids
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("style", builtin_styles())
def test_buildings_do_not_overlap(style: str) -> None:
    table = city(style, seed=2)
    polygons = part_polygons(table)
    assert all(polygon.is_valid for polygon in polygons)
    owner = building_of_part(table)
    a, b = shapely.STRtree(polygons).query(polygons, predicate="intersects")
    pairs = owner[a] < owner[b]
    shared = shapely.area(shapely.intersection(np.array(polygons)[a[pairs]], np.array(polygons)[b[pairs]]))
    # Neighbours share a wall and, on the millimetre grid, nothing else.
    assert shared.max(initial=0) < 1e-6
    inside = shapely.box(AREA[0], AREA[1], AREA[0] + AREA[2], AREA[1] + AREA[3])
    assert all(inside.contains(polygon) for polygon in polygons)


def test_parts_of_a_building_only_touch() -> None:
    table = city("suburb", seed=3)
    polygons = part_polygons(table)
    for row in np.flatnonzero(np.diff(table.part_offsets) > 1):
        own = polygons[table.part_offsets[row] : table.part_offsets[row + 1]]
        union = shapely.union_all(own)
        assert sum(part.area for part in own) - union.area < 0.02
        assert shapely.union_all([part.buffer(0.002) for part in own]).geom_type == "Polygon"


def test_rows_share_exact_corners_roof_and_eave() -> None:
    table = city("dutch_town", seed=2)
    use = np.array([row["use"] for row in table.attributes])
    terraced = np.flatnonzero(use == "terraced").tolist()
    corners = {row: {tuple(xy) for xy in part_corners(table, row)} for row in terraced}
    pairs = [(a, b) for a, b in pairwise(terraced) if len(corners[a] & corners[b]) == 2]
    assert len(pairs) > 0.7 * len(terraced)
    for a, b in pairs:
        pa, pb = table.part_offsets[a], table.part_offsets[b]
        assert table.roof_kind[pa] == table.roof_kind[pb]
        assert table.eave[pa] == table.eave[pb]
        assert table.overhang[pa] == 0


def part_corners(table: ProgramTable, row: int) -> Sequence[Any]:
    ring = table.ring_offsets[table.part_offsets[row]]
    return list(table.xy[table.vertex_offsets[ring] : table.vertex_offsets[ring + 1]])


def test_superstructures_stand_inside_their_part() -> None:
    table = city("dutch_town", seed=1)
    polygons = part_polygons(table)
    owner = np.repeat(np.arange(len(table)), np.diff(table.super_offsets))
    seen = 0
    for row, kind, part, values in zip(
        owner, table.super_kind, table.super_part, table.super_params, strict=True
    ):
        if kind == SuperKind.PARAPET:
            continue
        x, y, azimuth, width, depth = values[:5]
        front = np.array([np.sin(np.radians(azimuth)), np.cos(np.radians(azimuth))])
        side = np.array([-front[1], front[0]])
        # x, y is the middle of a dormer's front, the centre of anything else.
        near, far = (0.0, -depth) if kind <= SuperKind.DORMER_FLAT else (depth / 2, -depth / 2)
        centre = np.array([x, y])
        box = [centre + front * d + side * w for d, w in ((near, width / 2), (far, width / 2))]
        box += [centre + front * d - side * w for d, w in ((far, width / 2), (near, width / 2))]
        assert polygons[table.part_offsets[row] + part].buffer(0.002).contains(shapely.Polygon(box)), (
            table.ids[row]
        )
        seen += 1
    assert seen > 300


def test_dormers_end_under_the_ridge() -> None:
    table = city("dutch_town", seed=1)
    owner = np.repeat(np.arange(len(table)), np.diff(table.super_offsets))
    part = table.part_offsets[owner] + table.super_part
    dormer = table.super_kind <= SuperKind.DORMER_FLAT
    top = np.fmax(table.super_params[:, 5], table.super_params[:, 6])
    ridge = table.roof_params[part, 0]
    known = dormer & ~np.isnan(ridge)
    assert known.sum() > 100
    assert (top[known] < ridge[known]).all()
    eave = np.fmin(table.eave[part], table.roof_params[part, 5])
    assert (table.super_params[dormer, 5] > eave[dormer]).all()


def test_areas_that_make_no_sense() -> None:
    rules = load_style("mixed")
    for bad in ((0, 0, 10, 500), (0, 0, float("nan"), 500), (0, 0, float("inf"), 500)):
        with pytest.raises(UsageError, match="X,Y,W,H"):
            city_grid(rules, area=bad)
    with pytest.raises(UsageError):
        city_grid(rules)
    with pytest.raises(UsageError):
        city_grid(rules, count=0)
