"""Facades as full geometry: programs and elements to GLB bytes, beside a naive builder on trimesh.

A generated town with the styles that its attributes choose. Timed on one thread: opening the walls, and
packing them into a GLB; finding walls and evaluating rules are given apart. The naive builder cuts the same
rectangles out of each wall with shapely, triangulates with manifold3d, adds every element as a box, and joins
nothing: its buildings are not closed. Ours are checked, exactly, in the same run.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

import common
import numpy as np
import shapely
import trimesh
from numpy.typing import NDArray

from geovision.formats import glb_bytes
from geovision.mesh import OPENINGS, Elements, Outcome, Solids, Walls, check, find_walls, mesh, open_walls
from geovision.model.table import ProgramTable
from geovision.pipeline.generate import generate
from geovision.procedural.grammar import evaluate

T = TypeVar("T")


def naive(solids: Solids, walls: Walls, elements: Elements, built: NDArray[Any], buildings: range) -> bytes:
    """The same elements as trimesh users build them: pieces, concatenated."""
    scene = trimesh.Scene()
    for b in buildings:
        pieces = []
        own = np.arange(*elements.building_offsets[b : b + 2])
        own = own[built[own] & (elements.wall[own] >= 0)]
        for w in range(*walls.building_offsets[b : b + 2].tolist()):
            mine = own[elements.wall[own] == w]
            dx, dy = walls.direction[w]
            frame = np.eye(4)
            frame[:3, :3] = np.array([(dx, 0, dy), (dy, 0, -dx), (0, 1, 0)])
            frame[:3, 3] = walls.corner[w] * solids.grid
            openings = mine[np.isin(elements.kind[mine], OPENINGS)]
            corners = np.stack([elements.s0, elements.z0, elements.s1, elements.z1], -1)[openings] / 1000.0
            rects = [shapely.box(*row) for row in corners.tolist()]
            plate = shapely.Polygon(walls.rings(w)[0] / 1000.0).difference(shapely.union_all(rects))
            for part in getattr(plate, "geoms", [plate]):
                points, faces = trimesh.creation.triangulate_polygon(part, engine="manifold")
                flat = np.column_stack([points, np.zeros(len(points))])
                pieces.append(trimesh.Trimesh(flat, faces, process=False).apply_transform(frame))
            for e in mine.tolist():
                s0, s1, z0, z1 = (
                    float(v[e]) / 1000 for v in (elements.s0, elements.s1, elements.z0, elements.z1)
                )
                depth = max(float(elements.depth[e]) / 1000, 0.01)
                opening = elements.kind[e] in OPENINGS
                box = trimesh.creation.box((s1 - s0, z1 - z0, depth))
                box.apply_translation(((s0 + s1) / 2, (z0 + z1) / 2, depth / 2 * (-1 if opening else 1)))
                pieces.append(box.apply_transform(frame))
        if pieces:
            scene.add_geometry(trimesh.util.concatenate(pieces))
    data: bytes = trimesh.exchange.gltf.export_glb(scene)
    return data


class Clock:
    """Least CPU seconds of each step."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}

    def __call__(self, name: str, work: Callable[..., T], *args: object, **options: object) -> T:
        start = time.process_time()
        made = work(*args, **options)
        self.spent[name] = min(self.spent.get(name, np.inf), time.process_time() - start)
        return made


def main() -> int:
    options = common.arguments(__doc__ or "", count=2000, rounds=3)
    table: ProgramTable = generate(count=options.count, seed=11)
    clock, count = Clock(), len(table)
    base = mesh(table, lod="2.3", threads=1)
    few = range(min(100, count))
    for turn in range(options.rounds):
        walls = clock("walls", find_walls, base, table, threads=1)
        made = clock("rules", evaluate, walls, table, origin_z=base.origin[:, 2], style="auto", threads=1)
        opened = clock("open", open_walls, base, walls, made.elements, threads=1)
        data = clock("glb", glb_bytes, opened.solids, threads=1)
        built = opened.outcome == Outcome.BUILT
        pieces = clock("trimesh", naive, base, walls, made.elements, built, few)
        if turn == 0:
            report = check(opened.solids, self_intersection=True)
            assert report.ok, report.summary()
            assert data[:4] == pieces[:4] == b"glTF"
            assert built.sum() > 10 * count
    spent, triangles = clock.spent, len(opened.solids.triangles)
    geometry = spent["open"] + spent["glb"]
    result: dict[str, object] = {
        "buildings": count,
        "elements built": int(built.sum()),
        "triangles a building": triangles / count,
        "bytes a building": len(data) / count,
        "buildings per CPU s": count / geometry,
        "Mtriangles per CPU s": triangles / geometry / 1e6,
        "opened alone": triangles / spent["open"] / 1e6,
        "walls found, buildings per CPU s": count / spent["walls"],
        "rules, buildings per CPU s": count / spent["rules"],
        "trimesh buildings per CPU s": len(few) / spent["trimesh"],
    }
    passed = count / geometry >= 3000 or triangles / geometry >= 2e6
    bar = "at least 3,000 buildings/s or 2 Mtriangles/s a thread, to GLB bytes"
    return common.report("facades", result, bar, passed=passed, record=options.record)


if __name__ == "__main__":
    raise SystemExit(main())
