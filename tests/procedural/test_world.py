"""Worlds: the same place is the same thing whoever looks, and from where."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import shapely

from geovision.mesh.compile import mesh
from geovision.model.kinds import RoofKind
from geovision.procedural.clusters import building_of_vertex, wall_clusters
from geovision.procedural.paint import paint_buildings
from geovision.procedural.style import Style, builtin_styles, load_style
from geovision.procedural.survey import outline, survey
from geovision.procedural.world import Content, World
from geovision.procedural.yards import Ground

AREA = (120_000.0, 480_000.0, 700.0, 560.0)


def world(style: str | Style = "mixed", seed: int = 4) -> World:
    return World(load_style(style), AREA, seed)


def whole(some: World) -> Content:
    return some.content(AREA)


def test_a_window_sees_what_the_whole_has() -> None:
    full = whole(world())
    rows = {name: row for row, name in enumerate(full.programs.ids)}
    fresh = world()
    for window in ((120_500.0, 480_300.0, 60.0, 80.0), (120_200.0, 480_240.0, 100.0, 100.0)):
        part = fresh.content(window, margin=10.0)
        assert len(part.programs)
        index = np.array([rows[name] for name in part.programs.ids])
        assert part.programs == full.programs.take(index)
        np.testing.assert_array_equal(part.cluster, full.cluster[index])
        assert set(part.trees.key.tolist()) <= set(full.trees.key.tolist())


def test_buildings_stand_on_the_land() -> None:
    some = world()
    programs = whole(some).programs
    height = some.land.heights(programs.xy)
    under = height - programs.ground_z[building_of_vertex(programs)]
    assert under.min() >= 0.0
    # Rows stand level while the ground differs by no more than the style says.
    assert np.quantile(under, 0.9) < 2.0


def test_rows_share_their_level_and_their_cluster() -> None:
    content = whole(world("dutch_town"))
    label = wall_clusters(content.programs)
    sizes = np.bincount(label)
    assert sizes.max() >= 4
    assert len(np.unique(content.cluster)) == len(np.unique(label))


def test_land_does_not_depend_on_who_asks() -> None:
    some = world()
    spots = np.random.default_rng(1).uniform(0, 500, (200, 2)) + AREA[:2]
    together = some.land.heights(spots)
    alone = np.array([some.land.heights(spot[None])[0] for spot in spots])
    np.testing.assert_array_equal(together, alone)
    step = some.land.heights(spots + 0.01) - together
    assert np.abs(step).max() < 0.02


def test_trees_keep_off_walls_and_some_hang_over_roofs() -> None:
    some = world()
    content = whole(some)
    buildings = [outline(content.programs, row) for row in range(len(content.programs))]
    tree = shapely.STRtree(buildings)
    feet = shapely.points(content.trees.foot[:, :2])
    assert not len(tree.query(feet, predicate="within")[0])
    crowns = shapely.buffer(feet, content.trees.crown)
    over = np.unique(tree.query(crowns, predicate="intersects")[0])
    assert 0 < len(over) < 0.5 * len(feet)
    assert (content.trees.height > content.trees.trunk).all()


def test_cars_are_off_the_blocks() -> None:
    content = whole(world())
    blocks = shapely.polygons(content.yards.ring)
    middles = shapely.points(content.cars.middle[:, :2])
    assert len(middles) > 50
    assert not len(shapely.STRtree(blocks).query(middles, predicate="within")[0])


@pytest.mark.parametrize("style", builtin_styles())
def test_the_map_is_valid_and_neighbours_still_share_walls(style: str) -> None:
    rules = load_style(style)
    content = whole(world(rules))
    solids = mesh(content.programs, on_error="record", polygons=False)
    surveyed = survey(content.programs, content.cluster, solids, rules, 4)
    assert shapely.is_valid(surveyed.polygons).all()
    assert len(surveyed) < len(content.programs) or rules.survey.missing == 0
    truth = [outline(content.programs, row) for row in surveyed.rows.tolist()]
    offset = shapely.distance(shapely.centroid(truth), shapely.centroid(surveyed.polygons))
    whole_ones = np.array([not gone for gone in surveyed.missing_parts])
    assert np.quantile(offset[whole_ones], 0.95) < 1.0
    # Corners that two outlines share in truth are shared on the map too.
    before = _shared_corners(np.array(truth)[whole_ones])
    after = _shared_corners(surveyed.polygons[whole_ones])
    assert after >= 0.9 * before


def _shared_corners(polygons: npt.NDArray[np.object_]) -> int:
    xy, owner = shapely.get_coordinates(polygons, return_index=True)
    corners = np.unique(np.column_stack([np.rint(xy * 1000), owner]), axis=0)
    return int((np.unique(corners[:, :2], axis=0, return_counts=True)[1] > 1).sum())


def test_a_perfect_survey_gives_the_truth() -> None:
    names = ("shift_m", "vertex_m", "simplify_m", "missing_part", "missing", "height_m")
    rules = load_style("mixed", {f"survey.{name}": 0 for name in names} | {"survey.height_known": 1})
    content = whole(world(rules))
    solids = mesh(content.programs, on_error="record", polygons=False)
    surveyed = survey(content.programs, content.cluster, solids, rules, 4)
    assert surveyed.rows.tolist() == list(range(len(content.programs)))
    for row in range(len(surveyed)):
        assert shapely.equals(surveyed.polygons[row], outline(content.programs, row))
    height = solids[0].vertices[:, 2]
    assert surveyed.attributes[0]["height"] == round(float(np.ptp(height)), 1)


def test_paths_lead_from_a_wall_to_the_pavement() -> None:
    content = whole(world("dutch_town"))
    paths = shapely.polygons(content.yards.ring[content.yards.ground == Ground.TERRACE])
    pavement = shapely.union_all(
        shapely.polygons(content.yards.ring[content.yards.ground == Ground.PAVEMENT])
    ).boundary
    long = paths[shapely.distance(paths, pavement) < 2.0]
    assert len(long) > 100
    buildings = shapely.STRtree([outline(content.programs, row) for row in range(len(content.programs))])
    assert len(np.unique(buildings.query(long, predicate="dwithin", distance=0.05)[0])) > 100


def test_curved_roofs_have_one_covering() -> None:
    rules = load_style("mixed")
    content = whole(world(rules))
    coat = paint_buildings(content.programs, content.cluster, rules, 4)
    kinds = content.programs.roof_kind[content.programs.part_offsets[:-1]]
    curved = np.isin(kinds, (RoofKind.ROUND, RoofKind.DOME, RoofKind.ONION))
    assert curved.any()
    assert not curved.all()
    assert (np.asarray(coat.roof.material)[curved] == np.asarray(coat.flat.material)[curved]).all()
    np.testing.assert_array_equal(np.asarray(coat.roof.colour)[curved], np.asarray(coat.flat.colour)[curved])
