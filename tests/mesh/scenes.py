"""Small scenes for the tests of what looks at them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision.mesh import mesh
from geovision.mesh.materials import Material, SceneLabel
from geovision.mesh.scene_mesh import Cover, SceneMesh, Terrain, Trees, Triangles, build_scene_mesh
from geovision.mesh.scene_parts import Paint, building_triangles, car_triangles
from geovision.model import Part, Program, ProgramTable
from tests.strategies import case, to_arrays

RED = Paint(Material.TILES, (150, 80, 60))
GREY = Paint(Material.GRAVEL, (130, 126, 120))
BRICK = Paint(Material.BRICK, (150, 110, 90))
ORIGIN = np.array([155_000.0, 463_000.0, 0.0])


def turned_rectangle(length: float, width: float, angle: float, middle: NDArray[Any]) -> NDArray[np.float64]:
    c, s = math.cos(angle), math.sin(angle)
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * (length / 2, width / 2)
    return np.asarray(corners @ np.array([[c, s], [-s, c]]) + middle)


def house(
    roof: Any, ring: NDArray[Any], *, eave: float = 4.0, ground: float = 0.0, lod: str = "2.2"
) -> Triangles:
    part = Part(shell=[tuple(point) for point in ring.tolist()], eave_height=eave, roof=roof)
    table = ProgramTable.from_programs([Program(id="house", ground_z=ground, parts=[part])])
    return building_triangles(mesh(table, lod=lod), table, roof=RED, flat=GREY, wall=BRICK)


def random_buildings(first: int, count: int) -> Triangles:
    """Buildings with every kind of roof on awkward outlines, one beside the other."""
    arrays: dict[str, Any] = to_arrays([case(seed) for seed in range(first, first + count)])
    table = ProgramTable.from_arrays(**arrays)
    solids = mesh(table, on_error="record", polygons=False)
    # Cases lie anywhere, some of them kilometres wide: those stay out, the others come to a lattice of 40 m.
    pieces = []
    for row in range(count):
        one = slice(*solids.triangle_offsets[row : row + 2].tolist())
        if one.start == one.stop:
            continue
        whole = building_triangles(
            mesh(table[row : row + 1], on_error="record", polygons=False),
            table[row : row + 1],
            roof=RED,
            flat=GREY,
            wall=BRICK,
            first_building=row,
            first_surface=1000 * row,
        )
        low, high = whole.vertices.min(axis=0), whole.vertices.max(axis=0)
        if max(high - low) > 60:
            continue
        place = np.array([40.0 * (row % 5) - low[0], 40.0 * (row // 5) - low[1], -low[2]])
        whole.vertices[:] += ORIGIN + place
        pieces.append(whole)
    return Triangles.join(pieces)


def village(seed: int = 0) -> SceneMesh:
    """Houses on a slope with a street, a pond, trees and cars; about 80 m square."""
    rng = np.random.default_rng(seed)
    nodes = np.arange(0.0, 121.0, 4.0)
    x, y = np.meshgrid(nodes, nodes[::-1])
    z = 12.0 + 0.03 * x - 0.02 * y + np.sin(x / 17) * np.cos(y / 23)
    land = Terrain(ORIGIN[0] - 20, ORIGIN[1] + 100, 4.0, z.astype(np.float32))
    buildings = random_buildings(3 + 8 * seed, 4)
    ground = land.sample(buildings.vertices[:, 0], buildings.vertices[:, 1])
    buildings.vertices[:, 2] += float(ground.mean()) - float(buildings.vertices[:, 2].min())
    street = [np.array([[-20, 30], [100, 34], [100, 40], [-20, 36]]) + ORIGIN[:2]]
    pond = [
        np.array([[50, 50], [70, 50], [70, 66], [50, 66]]) + ORIGIN[:2],
        np.array([[56, 54], [64, 54], [64, 60], [56, 60]]) + ORIGIN[:2],
    ]
    cover = Cover.of(
        [street, pond], [Material.ASPHALT, Material.WATER], [(95, 95, 97), (40, 60, 62)], [-0.1, 0.0]
    )
    xy = ORIGIN[:2] + rng.uniform(-10, 90, (25, 2))
    tall = rng.uniform(3, 14, 25)
    trees = Trees.of(
        xy, land.sample(xy[:, 0], xy[:, 1]), tall, 0.3 * tall, conifer=rng.random(25) < 0.3, density=0.8
    )
    parked = ORIGIN[:2] + np.array([[10.0, 34.0], [30.0, 34.8]])
    cars = car_triangles(parked, land.sample(parked[:, 0], parked[:, 1]) - 0.1, 88.0)
    return build_scene_mesh([buildings, cars], terrain=land, cover=cover, trees=trees)


def highest(mesh: Triangles, x: NDArray[Any], y: NDArray[Any]) -> NDArray[np.float64]:
    """Oracle: height of the highest triangle over points by barycentric coordinates; -inf where none is.

    A point that is almost on an edge counts as inside.
    """
    best = np.full(x.shape, -np.inf)
    for a, b, c in mesh.vertices[mesh.triangles]:
        area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
        if abs(area) < 1e-9:
            continue
        u = ((x - a[0]) * (c[1] - a[1]) - (y - a[1]) * (c[0] - a[0])) / area
        v = ((b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0])) / area
        inside = (u >= -1e-9) & (v >= -1e-9) & (u + v <= 1 + 1e-9)
        z = a[2] + u * (b[2] - a[2]) + v * (c[2] - a[2])
        best = np.where(inside & (z > best), z, best)
    return best


TERRAIN, TREE, CAR = int(SceneLabel.TERRAIN), int(SceneLabel.TREE), int(SceneLabel.CAR)
