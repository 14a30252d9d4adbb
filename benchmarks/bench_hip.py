"""Hip roofs on arbitrary polygons of 6 to 40 vertices, a tenth with holes, to closed solids.

    python benchmarks/bench_hip.py

The peer, py_straight_skeleton, gives the skeleton only; it is left out where it is not installed
(pip install py_straight_skeleton).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import common
import numpy as np
import shapely
from numpy.typing import NDArray

Ring = NDArray[np.float64]


def polygons(rng: np.random.Generator, count: int) -> list[list[Ring]]:
    """Star-shaped with random radii, so concave at about every third vertex; shells counter-clockwise."""
    shapes = []
    for i in range(count):
        n = int(rng.integers(6, 41))
        angle = 2 * np.pi * (np.arange(n) + rng.uniform(-0.3, 0.3, n)) / n
        radius = rng.uniform(6, 14, n) * (1 + n / 40)
        rings = [np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])]
        if i % 10 == 0:
            m = int(rng.integers(3, 8))
            turn = -2 * np.pi * np.arange(m) / m
            rings.append(rng.uniform(1, 3) * np.column_stack([np.cos(turn), np.sin(turn)]))
        shapes.append(rings)
    return shapes


def peer(shapes: list[list[Ring]]) -> Callable[[], object] | None:
    try:
        from py_straight_skeleton import compute_skeleton
    except ImportError:
        return None
    plain = [(s[0].tolist(), [h.tolist() for h in s[1:]]) for s in shapes]

    def run() -> object:
        done = 0
        for shell, holes in plain:
            try:
                compute_skeleton(shell, holes)
                done += 1
            except Exception:  # it gives up on some; its rate is over all that it tried
                continue
        return done

    return run


def main() -> int:
    options = common.arguments(__doc__ or "", count=10_000, rounds=5)
    rng = np.random.default_rng(11)
    shapes = polygons(rng, options.count)
    rings = [ring + np.array([155_000.0, 463_000.0]) for shape in shapes for ring in shape]
    params = np.full((options.count, 8), np.nan)
    params[:, 7] = rng.uniform(20, 50, options.count)
    counts = np.array([len(s) for s in shapes])
    eave = np.full(options.count, 5.0)
    programs = common.single_parts(rings, np.full(options.count, 4, np.uint8), eave, params, counts)

    def ours() -> dict[str, Any]:
        return common.compile_solids(programs, 22)

    volume = common.assert_sound(ours(), options.count)
    area = shapely.area([shapely.Polygon(s[0], s[1:]) for s in shapes])
    assert (volume > 5.0 * area).all()
    assert (volume < (5.0 + 0.5 * np.sqrt(area) * np.tan(np.radians(params[:, 7]))) * area).all()
    runs: dict[str, Callable[[], object]] = {"ours": ours}
    few = shapes[: options.count // 50]
    other = peer(few)
    if other is not None:
        runs["py_straight_skeleton"] = other
    seconds = common.race(runs, options.rounds)
    rate: dict[str, object] = {"ours per s": options.count / seconds["ours"]}
    if other is not None:
        rate["py_straight_skeleton per s (skeleton only)"] = len(few) / seconds["py_straight_skeleton"]
    held = options.count / seconds["ours"] >= 50_000
    return common.report("hip", rate, "at least 50 k/s, one thread", passed=held, record=options.record)


if __name__ == "__main__":
    sys.exit(main())
