"""A world as its sensors see it: programs, land, yards, trees, cars and fences as one `SceneMesh`."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from geovision.mesh import (
    Cover,
    Material,
    SceneLabel,
    SceneMesh,
    Solids,
    Terrain,
    Triangles,
    build_scene_mesh,
    building_triangles,
    car_triangles,
    mesh,
)
from geovision.mesh import Trees as Crowns
from geovision.procedural.cars import Cars
from geovision.procedural.city import Area
from geovision.procedural.fences import Fences
from geovision.procedural.fittings import fit_roofs
from geovision.procedural.land import Land
from geovision.procedural.paint import (
    GROUND_PAINT,
    car_colours,
    fence_colours,
    ground_colours,
    paint_buildings,
    tree_colours,
)
from geovision.procedural.rng import F64, Keyed
from geovision.procedural.trees import Trees
from geovision.procedural.world import Content, World
from geovision.procedural.yards import Ground, Yards

__all__ = ["MARGIN_M", "Scenery", "build_scenery"]

MARGIN_M = 80.0
"""What stands this far outside a window can throw its shadow into it, or hide it from the scanner."""


@dataclass(frozen=True)
class Scenery:
    """A window of a world, ready to be looked at."""

    content: Content
    solids: Solids
    """Of `content.programs`, with overhangs."""
    scene: SceneMesh


def build_scenery(world: World, window: Area, *, margin: float = MARGIN_M, threads: int = 0) -> Scenery:
    """All that a sensor over a window can see or be hindered by."""
    content = world.content(window, margin)
    solids = mesh(content.programs, lod="2.3", threads=threads, on_error="record", polygons=False)
    coat = paint_buildings(content.programs, content.cluster, world.style, world.seed)
    buildings = building_triangles(solids, content.programs, roof=coat.roof, flat=coat.flat, wall=coat.wall)
    x, y = (round(window[axis] + window[axis + 2] / 2) for axis in (0, 1))
    scene = build_scene_mesh(
        [
            buildings,
            fit_roofs(solids, world.style, world.seed),
            _cars(content.cars, world.seed),
            _fences(content.fences, world.seed),
        ],
        terrain=_terrain(world.land, world.style.terrain.post_m, window, margin),
        cover=_cover(content.yards, world.land.kerb, world.seed),
        trees=_crowns(content.trees, world.seed),
        # Flying heights count from the origin, so all windows of a world share its height.
        origin=(x, y, world.land.level),
    )
    return Scenery(content, solids, scene)


def _terrain(land: Land, post: float, window: Area, margin: float) -> Terrain:
    """Posts on a lattice of the whole world, so that windows agree."""
    reach = margin + post
    west, south = (math.floor((window[axis] - reach) / post) for axis in (0, 1))
    east, north = (math.ceil((window[axis] + window[axis + 2] + reach) / post) for axis in (0, 1))
    x, y = np.meshgrid(np.arange(west, east + 1) * post, np.arange(north, south - 1, -1) * post)
    z = land.heights(np.column_stack([x.ravel(), y.ravel()])).reshape(x.shape) - land.kerb
    material, colour = GROUND_PAINT[Ground.STREET]
    return Terrain(west * post, north * post, post, z.astype(np.float64), int(material), colour)


def _cover(yards: Yards, kerb: float, seed: int) -> Cover:
    count = len(yards)
    material, colour = ground_colours(yards.ground, Keyed(seed, yards.key))
    return Cover(
        ring_offsets=np.arange(count + 1),
        vertex_offsets=4 * np.arange(count + 1),
        xy=yards.ring.reshape(-1, 2),
        material=material,
        colour=colour,
        lift=np.full(count, kerb),
    )


def _crowns(trees: Trees, seed: int) -> Crowns:
    draws = Keyed(seed, trees.key)
    return Crowns.of(
        trees.foot[:, :2],
        trees.foot[:, 2],
        trees.height,
        trees.crown,
        crown_base=trees.trunk,
        conifer=trees.conifer,
        colour=tree_colours(trees.conifer, draws),
        density=0.5 + 0.6 * draws.uniform("tree/density"),
    )


def _cars(cars: Cars, seed: int) -> Triangles:
    azimuth = np.degrees(np.arctan2(cars.along[:, 0], cars.along[:, 1])) % 360.0
    return car_triangles(
        cars.middle[:, :2],
        cars.middle[:, 2],
        azimuth,
        size=np.column_stack([cars.length, cars.width, cars.height]),
        colour=car_colours(Keyed(seed, cars.key)),
    )


_SIDES = np.array(
    [
        [4, 5, 6], [4, 6, 7],  # top
        [0, 1, 5], [0, 5, 4],
        [1, 2, 6], [1, 6, 5],
        [2, 3, 7], [2, 7, 6],
        [3, 0, 4], [3, 4, 7],
    ]
)  # fmt: skip
_SUNK_M = 0.2
"""Fences reach into the ground, so that none floats over a hollow."""


def _fences(fences: Fences, seed: int) -> Triangles:
    way = (fences.end - fences.start)[:, :2]
    way = way / np.sqrt((way**2).sum(axis=1))[:, None]
    half = np.stack([-way[:, 1], way[:, 0]], axis=1) * fences.thickness[:, None] / 2
    side = np.hstack([half, np.zeros((len(half), 1))])
    foot = np.stack([fences.start - side, fences.end - side, fences.end + side, fences.start + side], axis=1)
    up: F64 = np.zeros_like(foot)
    up[..., 2] = fences.height[:, None]
    foot[..., 2] -= _SUNK_M
    up[..., 2] += _SUNK_M
    vertices = np.concatenate([foot, foot + up], axis=1).reshape(-1, 3)
    count, faces = len(fences), len(_SIDES)
    material = np.where(fences.hedge, int(Material.SHRUB), int(Material.WOOD))
    return Triangles.uniform(
        vertices,
        (_SIDES + 8 * np.arange(count)[:, None, None]).reshape(-1, 3),
        label=SceneLabel.OBJECT,
        material=np.repeat(material, faces),
        colour=np.repeat(fence_colours(fences.hedge, Keyed(seed, fences.key)), faces, axis=0),
    )
