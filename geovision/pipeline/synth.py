"""Synthetic scenes: what a survey would bring home from a made-up place, with the truth beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from geovision.mesh.compile import mesh
from geovision.mesh.solids import Solids
from geovision.model.table import ProgramTable
from geovision.procedural.city import Area
from geovision.procedural.rng import Keyed, combine, name_key
from geovision.procedural.style import Style, load_style
from geovision.procedural.survey import survey
from geovision.procedural.world import World

if TYPE_CHECKING:
    from geovision.sources.footprints import Footprints

__all__ = ["SynthScene", "synth"]

F64 = NDArray[np.float64]


@dataclass(frozen=True)
class SynthScene:
    """A synthetic scene in memory."""

    area: Area
    seed: int
    style: Style
    programs: ProgramTable
    """The truth: every building that stands there."""
    footprints: Footprints
    """What a map says of them, with a surveyor's errors; ids are those of the programs."""
    points: F64
    """[n, 3] LiDAR points."""
    classification: NDArray[np.uint8]
    """[n] classes as in LAS: 2 ground, 6 building."""


def synth(
    area: Area = (0.0, 0.0, 200.0, 160.0),
    *,
    style: str | Path | Style = "mixed",
    seed: int = 0,
    changes: Mapping[str, Any] | None = None,
    crs: str | None = None,
    threads: int = 0,
) -> SynthScene:
    """Make a synthetic scene in memory.

    >>> scene = synth((0, 0, 120, 100), seed=3, changes={"lidar.density": 2})
    >>> set(scene.footprints.ids) <= set(scene.programs.ids), len(scene.points) > 10_000
    (True, True)

    Args:
        area: X, Y, width, height in metres.
        style: name of a style that comes with geovision, a TOML file, or a `Style`.
        seed: another seed, another scene.
        changes: knobs of the style to change, by dotted key, as {"lidar.density": 8}.
        crs: CRS that the footprints say they are in.
        threads: 0 for all cores. The result does not depend on it.
    """
    rules = load_style(style, changes)
    world = World(rules, area, seed)
    content = world.content(area)
    solids = mesh(content.programs, lod="2.3", threads=threads, on_error="record", polygons=False)
    points, classes = _vertical_points(world, solids, threads)
    return SynthScene(
        area,
        seed,
        rules,
        content.programs,
        _footprints(content.programs, content.cluster, solids, rules, seed, crs),
        points,
        classes,
    )


def _footprints(
    programs: ProgramTable,
    cluster: NDArray[np.uint64],
    solids: Solids,
    style: Style,
    seed: int,
    crs: str | None,
) -> Footprints:
    from geovision.sources.footprints import Footprints

    found = survey(programs, cluster, solids, style, seed)
    rings = [
        [np.array(ring.coords)[:-1] for ring in (polygon.exterior, *polygon.interiors)]
        for polygon in found.polygons
    ]
    flat = [ring for polygon in rings for ring in polygon]
    return Footprints(
        ids=[programs.ids[row] for row in found.rows.tolist()],
        ring_offsets=np.cumsum([0] + [len(polygon) for polygon in rings]),
        vertex_offsets=np.cumsum([0] + [len(ring) for ring in flat]),
        xy=np.concatenate(flat) if flat else np.zeros((0, 2)),
        crs=crs,
        attributes=found.attributes,
    )


def _vertical_points(world: World, solids: Solids, threads: int) -> tuple[F64, NDArray[np.uint8]]:
    """Points on whatever is seen from straight above, until the laser scanner is there."""
    from geovision import _kernel

    x, y, width, height = world.area
    rules = world.style.lidar
    draws = Keyed(world.seed, combine(name_key("lidar")))
    density = float(rules.density.sample(draws, "lidar/density")[0])
    noise = float(rules.range_noise_m.sample(draws, "lidar/range_noise_m")[0])
    random = np.random.Generator(np.random.Philox(world.seed))
    count = int(density * width * height)
    place = random.random((count, 2)) * (width, height)
    cell = 0.125
    shape = int(np.ceil(width / cell)), int(np.ceil(height / cell))
    counts = np.diff(solids.vertex_offsets)
    origin = np.array([x, y, 0.0])
    vertices = np.repeat(solids.origin - origin, counts, axis=0) + solids.vertices * solids.grid
    base = np.repeat(solids.vertex_offsets[:-1], np.diff(solids.triangle_offsets))
    triangles = (solids.triangles + base[:, None]).astype(np.int32)
    top = shape[1] * cell
    _, owner = _kernel.rasterize_top(vertices, triangles, 0.0, top, cell, *shape, threads=threads)
    found = owner[
        np.minimum(((top - place[:, 1]) / cell).astype(np.int64), shape[1] - 1),
        np.minimum((place[:, 0] / cell).astype(np.int64), shape[0] - 1),
    ]
    z = world.land.heights(place + origin[:2])
    roof = found >= 0
    a, b, c = (vertices[triangles[found[roof], k]] for k in range(3))
    normal = np.cross(b - a, c - a)
    z[roof] = a[:, 2] - ((place[roof] - a[:, :2]) * normal[:, :2]).sum(axis=1) / normal[:, 2]
    z += noise * random.standard_normal(count)
    outlier = random.random(count) < float(rules.outlier_share.sample(draws, "lidar/outlier_share")[0])
    z[outlier] += random.uniform(-3.0, 6.0, int(outlier.sum()))
    return np.column_stack([place + origin[:2], z]), np.where(roof, 6, 2).astype(np.uint8)
