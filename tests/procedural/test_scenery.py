"""What sensors see of a world: nothing floats, nothing is buried, and what lies on roofs lies on roofs."""

from __future__ import annotations

import numpy as np
import pytest

from geovision.mesh import SceneLabel, Window, draw_layers
from geovision.procedural.fittings import fit_roofs
from geovision.procedural.scenery import Scenery, build_scenery
from geovision.procedural.sensors import draw_sensors
from geovision.procedural.style import builtin_styles, load_style
from geovision.procedural.world import World

AREA = (120_000.0, 480_000.0, 200.0, 180.0)
WINDOW = Window(AREA[0], AREA[1] + AREA[3], 0.25, 800, 720)


@pytest.fixture(scope="module")
def scenery() -> Scenery:
    return build_scenery(World(load_style("mixed"), AREA, 3), AREA)


def test_slabs_lie_just_above_their_roofs(scenery: Scenery) -> None:
    slabs = fit_roofs(scenery.solids, load_style("mixed", {"fittings.solar": 0.5, "fittings.window": 0.8}), 3)
    assert len(slabs) > 200
    top = slabs.vertices.reshape(-1, 8, 3)[:, 4:]
    middle = top.mean(axis=1)
    column = ((middle[:, 0] - WINDOW.left) / WINDOW.cell_m).astype(int)
    row = ((WINDOW.top - middle[:, 1]) / WINDOW.cell_m).astype(int)
    inside = (row >= 0) & (row < 720) & (column >= 0) & (column < 800)
    drawn = draw_layers(scenery.scene, WINDOW, ["height", "building", "slope"], see=("building",))
    at = row[inside], column[inside]
    assert (drawn["building"][at] >= 0).all()
    above = middle[inside, 2] - drawn["height"][at]
    # A cell's middle is up to an eighth of a metre away, down or up the slope.
    slack = 0.18 * np.tan(np.radians(drawn["slope"][at])) + 0.01
    assert (above > -slack).all()
    assert (above < 0.16 + slack).all()


def test_the_same_slabs_whoever_else_is_there(scenery: Scenery) -> None:
    some = scenery.content.programs[:20]
    from geovision.mesh.compile import mesh

    solids = mesh(some, lod="2.3", on_error="record", polygons=False)
    few = fit_roofs(solids, load_style("mixed"), 3)
    all_of_them = fit_roofs(scenery.solids, load_style("mixed"), 3)
    np.testing.assert_array_equal(few.vertices, all_of_them.vertices[: len(few.vertices)])


def test_things_stand_on_the_ground(scenery: Scenery) -> None:
    ground = draw_layers(scenery.scene, WINDOW, ["height"], see=("terrain",))["height"]
    assert np.isfinite(ground).all()
    for label in (SceneLabel.CAR, SceneLabel.OBJECT):
        mesh = scenery.scene.triangles
        used = np.unique(mesh.triangles[mesh.label == label])
        assert len(used)
        z = mesh.vertices[used, 2] + scenery.scene.origin[2]
        assert z.min() > ground.min() - 0.5
        assert z.max() < ground.max() + 40


@pytest.mark.parametrize("style", builtin_styles())
def test_sensors_are_drawn_within_their_limits(style: str) -> None:
    rules = load_style(style)
    found = [draw_sensors(rules, seed) for seed in range(20)]
    assert len({sensors.lidar.density for sensors in found}) > 10
    assert found[3] == draw_sensors(rules, 3)
    low, high = rules.lidar.density.bounds()
    assert all(low <= sensors.lidar.density <= high for sensors in found)
