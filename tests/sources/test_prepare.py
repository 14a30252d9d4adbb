"""What neighbours have to agree on: shared walls, overlaps, and nothing that depends on order."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import shapely
from shapely.affinity import translate

from geovision.errors import InputError
from geovision.sources import Footprints, prepare_footprints, read_footprints
from geovision.sources.prepare import shared_edges
from tests.sources.plans import block, heap, layer, row

SNAP = 0.05
REACH = SNAP / 2**0.5
ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("GEOVISION_SHARED", ROOT.parent / "shared")) / "data"
REAL = {
    "ahn3_blocks": "ahn3_blocks/footprints.gpkg",
    "dales_west": "dales_west/footprints.gpkg",
    "delft": "delft/footprints.gpkg",
    "goteborg": "goteborg/buildings.shp",
    "alexandria": "alexandria/buildings.geojson",
    "philippines": "imagery/philippines/buildings.gpkg",
}


def rings(plans: Footprints) -> dict[str, list[list[list[float]]]]:
    return {name: [ring.tolist() for ring in plans.rings(index)] for index, name in enumerate(plans.ids)}


def touching(plans: Footprints, distance: float = SNAP) -> Iterator[tuple[int, int]]:
    polygons = plans.polygons()
    first, second = shapely.STRtree(polygons).query(polygons, predicate="dwithin", distance=distance)
    return ((int(a), int(b)) for a, b in zip(first, second, strict=True) if a != b)


def check_partition(plans: Footprints) -> None:
    """Valid, on the grid, no overlaps, and nothing near a neighbour that is not on it."""
    polygons = plans.polygons()
    assert len(set(plans.ids)) == len(plans.ids)
    assert shapely.is_valid(polygons).all()
    assert np.array_equal(np.round(plans.xy * 1000) / 1000, plans.xy)
    corners = [{tuple(xy) for ring in plans.rings(i) for xy in ring.tolist()} for i in range(len(plans))]
    for a, b in touching(plans):
        assert polygons[a].intersection(polygons[b]).area < 1e-9, (plans.ids[a], plans.ids[b])
        own = np.array(sorted(corners[a]))
        near = shapely.distance(shapely.points(own), polygons[b].boundary) < REACH - 1e-6
        assert {tuple(xy) for xy in own[near].tolist()} <= corners[b], (plans.ids[a], plans.ids[b])
        apart = np.array(sorted(corners[b] - corners[a]))
        if len(apart):
            gaps = shapely.distance(shapely.points(own), shapely.multipoints(apart))
            alone = np.array([tuple(xy) not in corners[b] for xy in own.tolist()])
            assert (gaps[alone] > SNAP - 1e-6).all(), (plans.ids[a], plans.ids[b])


def check_edges(plans: Footprints) -> None:
    """`edge_neighbour` against a dictionary of edges: exact, one neighbour each, the same from both sides."""
    edges: dict[tuple[Any, Any], list[tuple[int, int]]] = {}
    place = 0
    for index in range(len(plans)):
        for ring in plans.rings(index):
            corners = [tuple(xy) for xy in ring.tolist()]
            for a, b in zip(corners, corners[1:] + corners[:1], strict=True):
                edges.setdefault((a, b), []).append((index, place))
                place += 1
    for (a, b), users in edges.items():
        assert len(users) == 1
        index, place = users[0]
        other = [user for user, _ in edges.get((b, a), [])]
        assert plans.edge_neighbour[place] == (other[0] if other else -1), (plans.ids[index], a, b)


def check_moves(before: Footprints, after: Footprints, most: float) -> None:
    """Corners and walls lie where they did, to within `most`, where neighbours do not overlap by more."""
    old = dict(zip(before.ids, before.polygons(), strict=True))
    new = dict(zip(after.ids, after.polygons(), strict=True))
    assert set(old) == set(new)
    for name, polygon in new.items():
        for one, other in ((polygon, old[name]), (old[name], polygon)):
            corners = shapely.points(shapely.get_coordinates(one))
            assert shapely.distance(corners, other.boundary).max() < most, name


def check_repeats(before: Footprints, after: Footprints, rng: Random) -> None:
    """A second call changes nothing, and the order and the neighbours' neighbours do not matter."""
    again = prepare_footprints(after)
    assert again.ids == after.ids
    assert np.array_equal(again.xy, after.xy)
    assert np.array_equal(again.vertex_offsets, after.vertex_offsets)
    assert np.array_equal(again.edge_neighbour, after.edge_neighbour)
    assert len(again.repairs) == len(after.repairs)
    order = list(range(len(before)))
    rng.shuffle(order)
    assert rings(prepare_footprints(before.take(order))) == rings(after)


@pytest.mark.parametrize("make", [row, block])
def test_neighbours_drawn_with_a_shaky_hand(make: Any) -> None:
    walls = 0
    for seed in range(60):
        rng = Random(f"{make.__name__} {seed}")
        before = layer(make(rng, rng.choice((0.0, 0.005, 0.01, 0.015))))
        after = prepare_footprints(before)
        check_partition(after)
        check_edges(after)
        check_moves(before, after, SNAP)
        check_repeats(before, after, rng)
        assert not after.problems
        walls += int((after.edge_neighbour >= 0).sum())
    assert walls > 900


def test_heaps_come_apart() -> None:
    lost = 0
    for seed in range(60):
        rng = Random(seed)
        before = layer(heap(rng))
        after = prepare_footprints(before)
        check_partition(after)
        check_edges(after)
        check_repeats(before, after, rng)
        whole, parts = shapely.union_all(before.polygons()), shapely.union_all(after.polygons())
        # What is lost is told: slivers, and footprints of which next to nothing is left.
        gone = sum(before.polygons()[before.ids.index(problem.id)].area for problem in after.problems)
        told = sum("slivers" in repair.what for repair in after.repairs)
        lost += len(after.problems)
        assert (
            whole.symmetric_difference(parts).area
            <= gone + 0.1 * len(before) + 3.0 * told + SNAP * whole.length
        )
        assert {name.split("/")[0] for name in after.ids} | {p.id for p in after.problems} == set(before.ids)
    assert lost < 40


def test_groups_do_not_know_of_each_other() -> None:
    rng = Random(5)
    first, second = row(rng, 0.01), row(rng, 0.01)
    far = [translate(plan, 500.25, 0.5) for plan in second]
    both = prepare_footprints(layer(first + far))
    alone = prepare_footprints(layer(first))
    assert rings(alone).items() <= rings(both).items()


def test_t_vertices_are_noded_on_both_sides() -> None:
    long = shapely.box(0, 0, 10, 5)
    upper = [shapely.box(0, 5.012, 4, 9), shapely.box(4.01, 4.99, 10.005, 9)]
    plans = prepare_footprints(layer([long, *upper], ["long", "left", "right"]))
    check_partition(plans)
    check_edges(plans)
    walls = Counter(plans.edge_neighbour[:5].tolist())
    assert walls == {-1: 3, 1: 1, 2: 1}
    assert plans.neighbours(0) == [1, 2]


def test_contested_ground_goes_to_the_smaller_and_is_told() -> None:
    house, garage, shed = shapely.box(0, 0, 10, 8), shapely.box(9, 2, 13, 6), shapely.box(2, 2, 4, 4)
    plans = prepare_footprints(layer([house, garage, shed], ["house", "garage", "shed"]))
    areas = dict(zip(plans.ids, shapely.area(plans.polygons()), strict=True))
    assert areas == pytest.approx({"house": 80 - 4 - 4, "garage": 16, "shed": 4})
    assert [str(repair) for repair in plans.repairs] == [
        "footprint 'house': 4.00 m2 that 'garage' also covers went to it",
        "footprint 'house': 4.00 m2 that 'shed' also covers went to it",
    ]
    assert plans.neighbours(0) == [1, 2]


def test_a_building_that_is_cut_in_two_keeps_its_id() -> None:
    bar, gate = shapely.box(0, 0, 30, 6), shapely.box(12, -1, 15, 7)
    plans = prepare_footprints(layer([bar, gate], ["bar", "gate"]))
    assert plans.ids == ["bar", "bar/1", "gate"]
    assert "neighbours cut it into 2 pieces" in [repair.what for repair in plans.repairs]


def test_a_second_drawing_is_a_problem() -> None:
    one, two = shapely.box(0, 0, 10, 8), shapely.box(0.2, 0.1, 10.1, 8.2)
    for polygons, ids in (([one, two, one], ["a", "b", "c"]), ([two, one, one], ["b", "c", "a"])):
        plans = prepare_footprints(layer(polygons, ids))
        assert plans.ids == ["a"]
        assert {problem.id for problem in plans.problems} == {"b", "c"}
        assert "second drawing of 'a'" in str(plans.problems[0])
    with pytest.raises(InputError, match="second drawing"):
        prepare_footprints(layer([one, two]), on_error="raise")


def test_lone_footprints_stay_as_they_are() -> None:
    plan = shapely.Polygon([(0, 0), (5, 0), (10, 0), (10, 0.03), (10, 8), (0, 8)])
    plans = prepare_footprints(layer([plan, shapely.box(20, 0, 30, 8)]))
    assert plans.rings(0)[0].tolist() == [list(xy) for xy in plan.exterior.coords[:-1]]
    assert (plans.edge_neighbour == -1).all()


def test_what_the_grid_makes_invalid_is_repaired() -> None:
    waist = shapely.Polygon([(0, 0), (5, 4.0001), (10, 0), (10, 8), (5, 4.0004), (0, 8)])
    plans = prepare_footprints(layer([waist]))
    assert plans.ids == ["0000/0", "0000/1"]
    assert shapely.is_valid(plans.polygons()).all()
    assert len(plans.repairs) == 1


def test_nothing_and_nonsense() -> None:
    none = np.zeros(1, np.int64)
    assert len(prepare_footprints(Footprints([], none, none, np.zeros((0, 2))))) == 0
    with pytest.raises(InputError, match="snap_m"):
        prepare_footprints(layer([shapely.box(0, 0, 1, 1)]), snap_m=0)
    assert len(shared_edges(Footprints([], none, none, np.zeros((0, 2))))) == 0


def test_attributes_follow_their_footprints() -> None:
    boxes = [shapely.box(0, 0, 10, 8), shapely.box(0.1, 0, 10, 8), shapely.box(10.01, 0, 20, 8)]
    plans = Footprints(**{**layer(boxes).__dict__, "attributes": [{"n": 0}, {"n": 1}, {"n": 2}]})
    found = prepare_footprints(plans)
    assert [(name, row["n"]) for name, row in zip(found.ids, found.attributes, strict=True)] == [
        ("0001", 1),
        ("0002", 2),
    ]
    assert found.crs == "EPSG:28992"


def whole_groups(plans: Footprints, rng: Random) -> list[int]:
    """Half of the groups that are connected by touching."""
    beside: dict[int, set[int]] = {index: set() for index in range(len(plans))}
    for a, b in touching(plans):
        beside[a].add(b)
    chosen: set[int] = set()
    left = set(beside)
    while left:
        group, waiting = set(), [left.pop()]
        while waiting:
            index = waiting.pop()
            if index not in group:
                group.add(index)
                waiting += beside[index]
        left -= group
        if rng.random() < 0.5:
            chosen |= group
    return sorted(chosen)


@pytest.mark.parametrize("name", REAL)
def test_real_layers(name: str) -> None:
    path = DATA / REAL[name]
    if not path.exists():
        pytest.skip(f"no {REAL[name]} under ../shared/data; set GEOVISION_SHARED to where it is")
    before = read_footprints(path, layer="buildings" if "imagery" in REAL[name] else None)
    after = prepare_footprints(before)
    check_partition(after)
    check_edges(after)
    check_repeats(before, after, Random(1))
    part = before.take(whole_groups(before, Random(2)))
    assert rings(prepare_footprints(part)).items() <= rings(after).items()
    if name == "ahn3_blocks":
        assert len(after) == 1370
        assert not after.problems
        assert (after.edge_neighbour >= 0).sum() > 2400
    if name == "delft":
        check_moves(before, after, SNAP + 0.001)
