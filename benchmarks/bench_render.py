"""Sensors over one square kilometre of a city: all layers at 0.25 m; laser scan, height raster, orthophoto.

python benchmarks/bench_render.py

CPU seconds of one thread, the least of the rounds: other work on the machine can only make a run slower.
Heights and surfaces of a sample of cells are compared with triangles evaluated one by one in NumPy.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import common
import numpy as np
from numpy.typing import NDArray

from geovision.mesh import (
    Material,
    Paint,
    SceneMesh,
    Terrain,
    Trees,
    Window,
    build_scene_mesh,
    building_triangles,
    draw_layers,
    draw_ortho,
    mesh,
    simulate_dsm,
    simulate_lidar,
)
from geovision.model.table import ProgramTable
from geovision.procedural import city_grid, iter_tiles, load_style

X, Y = 155_000.0, 463_000.0
CELL = 0.25


def city(side: float) -> SceneMesh:
    """A Dutch town on rolling land, 40 trees a hectare."""
    style = load_style("dutch_town")
    tiles = list(iter_tiles(style, city_grid(style, area=(X, Y, side, side), seed=1), 1))
    table = ProgramTable.concat([tile.table for tile in tiles])
    nodes = np.arange(-50.0, side + 51.0, 5.0)
    x, y = np.meshgrid(nodes, nodes[::-1])
    land = Terrain(X - 50, Y + nodes[-1], 5.0, (3 * np.sin(x / 90) + 2 * np.cos(y / 70)).astype(np.float32))
    first = table.xy[table.vertex_offsets[table.ring_offsets[table.part_offsets[:-1]]]]
    table.ground_z[:] = land.sample(first[:, 0], first[:, 1])
    tiled, grey = Paint(Material.TILES, (140, 76, 56)), Paint(Material.GRAVEL, (128, 124, 118))
    houses = building_triangles(
        mesh(table, lod="2.3", on_error="record", polygons=False), table, roof=tiled, flat=grey, wall=grey
    )
    rng = np.random.default_rng(2)
    count = int(0.004 * side**2)
    xy = np.array([X, Y]) + rng.uniform(0, side, (count, 2))
    tall = rng.uniform(3, 15, count)
    trees = Trees.of(xy, land.sample(xy[:, 0], xy[:, 1]), tall, 0.28 * tall)
    return build_scene_mesh([houses], terrain=land, trees=trees)


def assert_true(scene: SceneMesh, window: Window, drawn: dict[str, NDArray[Any]], sample: int = 400) -> None:
    """Sampled cells against every triangle that covers their centres."""
    rng = np.random.default_rng(3)
    corners = scene.triangles.vertices[scene.triangles.triangles]
    low, high = corners.min(axis=1), corners.max(axis=1)
    x, y = window.centres()
    on_roof = np.flatnonzero(drawn["building"].ravel() >= 0)
    cells = np.concatenate([rng.choice(on_roof, sample), rng.integers(0, drawn["label"].size, sample)])
    wrong = 0
    for row, column in zip(*np.unravel_index(cells, window.shape), strict=True):
        px, py = x[column] - scene.origin[0], y[row] - scene.origin[1]
        near = np.flatnonzero((low[:, 0] <= px) & (high[:, 0] >= px) & (low[:, 1] <= py) & (high[:, 1] >= py))
        best, owner = -np.inf, -1
        for t in near:
            a, b, c = corners[t]
            area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
            if abs(area) < 1e-9:
                continue
            u = ((px - a[0]) * (c[1] - a[1]) - (py - a[1]) * (c[0] - a[0])) / area
            v = ((b[0] - a[0]) * (py - a[1]) - (b[1] - a[1]) * (px - a[0])) / area
            z = a[2] + u * (b[2] - a[2]) + v * (c[2] - a[2])
            if u >= 0 and v >= 0 and u + v <= 1 and z > best:
                best, owner = z, t
        height = drawn["height"][row, column] - scene.origin[2]
        if drawn["building"][row, column] >= 0:
            wrong += abs(height - best) > 2e-3
            wrong += drawn["surface"][row, column] != scene.triangles.surface[owner]
        else:
            # Trees and land hide what is lower.
            wrong += best > height + 2e-3
    # Centres within 1/256 cell of a border may fall on its other side.
    assert wrong <= 0.005 * len(cells), f"{wrong} of {len(cells)} sampled cells are wrong"


def cpu(run: Callable[[], object], rounds: int) -> float:
    """Least CPU seconds of a call."""
    best = np.inf
    for _ in range(rounds):
        start = time.process_time()
        run()
        best = min(best, time.process_time() - start)
    return float(best)


def main() -> int:
    options = common.arguments(__doc__ or "", side=1000, rounds=5)
    side = float(options.side)
    scene = city(side)
    window = Window.of((X, Y, X + side, Y + side), CELL)
    drawn = draw_layers(scene, window, threads=1)
    assert_true(scene, window, drawn)
    two = draw_layers(scene, window, threads=2)
    for name, layer in drawn.items():
        assert np.array_equal(layer, two[name], equal_nan=layer.dtype.kind == "f"), (
            f"{name} differs by threads"
        )
    megapixels = window.width * window.height / 1e6
    rate = megapixels / cpu(lambda: draw_layers(scene, window, threads=1), options.rounds)
    part = (X + side / 2 - 100, Y + side / 2 - 100, X + side / 2 + 100, Y + side / 2 + 100)
    points = simulate_lidar(scene, part, threads=1)
    assert len(points) > 200_000
    scan = len(points) / 1e6 / cpu(lambda: simulate_lidar(scene, part, threads=1), options.rounds)
    patch = Window.of(part, CELL)
    height = draw_layers(scene, patch, ["height"])["height"]
    dsm = (
        patch.width * patch.height / 1e6 / cpu(lambda: simulate_dsm(height, patch, threads=1), options.rounds)
    )
    ortho = (
        patch.width * patch.height / 1e6 / cpu(lambda: draw_ortho(scene, patch, threads=1), options.rounds)
    )
    result: dict[str, object] = {
        "triangles": len(scene.triangles),
        "trees": len(scene.trees),
        "layers Mpx per CPU s": rate,
        "lidar M points per CPU s": scan,
        "dsm Mpx per CPU s": dsm,
        "ortho Mpx per CPU s": ortho,
    }
    return common.report(
        "render", result, "layers at least 20 Mpx/s per core", passed=rate >= 20, record=options.record
    )


if __name__ == "__main__":
    sys.exit(main())
