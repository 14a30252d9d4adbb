"""10,000 mixed footprints (70 % rectangles, 20 % L, 10 % U) to LoD1 solids, beside trimesh and manifold3d.

python benchmarks/bench_extrude.py
"""

from __future__ import annotations

import sys
from typing import Any

import common
import manifold3d
import numpy as np
import shapely
import trimesh
from numpy.typing import NDArray

Rings = list[NDArray[np.float64]]


def footprints(rng: np.random.Generator, count: int) -> Rings:
    el = np.array([[0, 0], [2, 0], [2, 1], [1, 1], [1, 2], [0, 2]], float)
    u = np.array([[0, 0], [3, 0], [3, 2], [2, 2], [2, 1], [1, 1], [1, 2], [0, 2]], float)
    n_l, n_u = count // 5, count // 10
    size = rng.uniform(3, 9, (count, 1, 2))
    rings = [
        *common.rectangles(rng, count - n_l - n_u),
        *common.turned(rng, el[None] * size[:n_l]),
        *common.turned(rng, u[None] * size[:n_u]),
    ]
    return [rings[i] for i in rng.permutation(count)]


def main() -> int:
    options = common.arguments(__doc__ or "", count=10_000, rounds=5)
    rng = np.random.default_rng(7)
    rings = footprints(rng, options.count)
    heights = rng.uniform(3, 15, options.count)
    kind = np.zeros(options.count, np.uint8)
    programs = common.single_parts(rings, kind, heights, np.full((options.count, 8), np.nan))
    local = [r - r.mean(axis=0) for r in rings]
    polygons = [shapely.Polygon(r) for r in local]
    expected = shapely.area(polygons) * heights

    def ours() -> dict[str, Any]:
        return common.compile_solids(programs, 12)

    def manifold() -> list[Any]:
        cross, extrude = manifold3d.CrossSection, manifold3d.Manifold.extrude
        return [extrude(cross([r]), h) for r, h in zip(local, heights.tolist(), strict=True)]

    def manifold_mesh() -> list[Any]:
        return [body.to_mesh64() for body in manifold()]

    few = range(0, options.count, 20)  # trimesh is slow: a twentieth of the work

    def by_trimesh() -> list[Any]:
        return [trimesh.creation.extrude_polygon(polygons[i], heights[i]) for i in few]

    bound = 0.0015 * (shapely.length(polygons) * heights + 2 * shapely.area(polygons))
    assert (np.abs(common.assert_sound(ours(), options.count) - expected) < bound).all()
    assert np.allclose([b.volume() for b in manifold()], expected)
    assert np.allclose([m.volume for m in by_trimesh()], expected[few])
    runs = {
        "ours": ours,
        "manifold3d": manifold,
        "manifold3d with mesh": manifold_mesh,
        "trimesh": by_trimesh,
    }
    seconds = common.race(runs, options.rounds)
    seconds["trimesh"] *= options.count / len(few)
    rate = {f"{name} per s": options.count / s for name, s in seconds.items()}
    ratio = seconds["manifold3d"] / seconds["ours"]
    return common.report(
        "extrude",
        {**rate, "times manifold3d": ratio},
        "at least 3 x manifold3d",
        passed=ratio >= 3,
        record=options.record,
    )


if __name__ == "__main__":
    sys.exit(main())
