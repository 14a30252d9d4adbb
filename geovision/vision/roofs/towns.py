"""Buildings to learn roofs from: generated towns, scanned without noise, with their parts as the truth.

Noise, outliers, density and shifts are added where a building is used (`augment`), so that a cache of them
serves any sensor.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision.errors import InputError, UsageError
from geovision.formats.atomic import atomic_write
from geovision.mesh import mesh
from geovision.mesh.solids import Solid
from geovision.model.canonical_form import canonical
from geovision.model.roofs import ROOF_SLOTS
from geovision.model.table import ProgramTable
from geovision.procedural.plans import ragged_take
from geovision.vision.plain_arrays import read_plain_arrays

__all__ = ["MOST_POINTS", "Buildings", "load_buildings", "make_town", "save_buildings", "surface"]

F64 = NDArray[np.float64]
F32 = NDArray[np.float32]
I64 = NDArray[np.int64]

MOST_POINTS = 1600
DENSITY = 30.0
"""Points per square metre, where that is not more."""


@dataclass(frozen=True)
class Buildings:
    """Many buildings as flat arrays: what was seen of them, and what they are. Plan in each one's own frame,
    heights above its ground.
    """

    ring_offsets: I64
    """[buildings + 1] rings of each outline: shell, then holes."""
    vertex_offsets: I64
    xy: F32
    point_offsets: I64
    points: F32
    """[points, 3] on the roof, without noise, in random order; nothing of what is beside it."""
    slope: F32
    """[points, 2] rise per metre east and north of the surface there."""
    part_offsets: I64
    kind: NDArray[np.uint8]
    """[parts] of the canonical program."""
    eave: F32
    slots: F32
    """[parts, 8] in the columns of `roof_params`."""
    corner_offsets: I64
    """[parts + 1] corners of the parts' shells."""
    corners: F32

    def __len__(self) -> int:
        return len(self.part_offsets) - 1

    @classmethod
    def concat(cls, blocks: Sequence[Buildings]) -> Buildings:
        """All of them, in order."""
        columns: dict[str, Any] = {}
        for item in fields(cls):
            found = [getattr(block, item.name) for block in blocks]
            columns[item.name] = _offsets(found) if item.name.endswith("offsets") else np.concatenate(found)
        return cls(**columns)

    def take(self, rows: I64) -> Buildings:
        """Some of them, in the order of `rows`."""
        rings, ring = ragged_take(self.ring_offsets, rows)
        vertices, vertex = ragged_take(self.vertex_offsets, ring)
        points, point = ragged_take(self.point_offsets, rows)
        parts, part = ragged_take(self.part_offsets, rows)
        corners, corner = ragged_take(self.corner_offsets, part)
        return Buildings(
            *(rings, vertices, self.xy[vertex], points, self.points[point], self.slope[point], parts),
            *(self.kind[part], self.eave[part], self.slots[part], corners, self.corners[corner]),
        )


def _offsets(found: Sequence[I64]) -> I64:
    sizes = [np.diff(one) for one in found]
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(np.concatenate(sizes))]).astype(np.int64)


def save_buildings(path: str | Path, buildings: Buildings) -> None:
    """Write them to a file, whole or not at all."""
    with atomic_write(path) as file:
        np.savez(
            file,
            allow_pickle=False,
            **{item.name: getattr(buildings, item.name) for item in fields(Buildings)},
        )


def load_buildings(path: str | Path) -> Buildings:
    """Read what `save_buildings` wrote."""
    names = {item.name for item in fields(Buildings)}
    remedy = "Make it again with save_buildings"
    found = read_plain_arrays(Path(path), "file of buildings", remedy)
    missing = sorted(names - set(found))
    if missing:
        raise InputError(f"file {path}", f"has no {', '.join(missing)}", remedy)
    return Buildings(**{name: found[name] for name in names})


def make_town(style: str, seed: int, count: int, *, surveyed: bool = False, threads: int = 1) -> Buildings:
    """Generated buildings; each has its own frame, whose origin is a whole metre.

    Args:
        style: name of a style of the generator.
        seed: another seed, another town.
        count: about how many; those that come to no solid, and those that a map misses, are left out.
        surveyed: outlines as a map has them, with a surveyor's errors, and without the parts that it misses.
        threads: of the kernel.

    >>> town = make_town("mixed", 3, 20)
    >>> len(town) == 20, town.points.shape[1], len(town.kind) >= 20
    (True, 3, True)
    """
    from geovision.procedural.city import city_grid, iter_tiles
    from geovision.procedural.style import load_style

    if count < 1:
        raise UsageError(f"count {count}", "makes no town", "Ask for at least one building")
    rules = load_style(style)
    grid = city_grid(rules, area=None, count=count, seed=seed)
    table = ProgramTable.concat([tile.table for tile in iter_tiles(rules, grid, seed)])
    solids = mesh(table, threads=threads, on_error="record")
    rng = np.random.default_rng([seed, count, surveyed])
    found = [
        _building(table, row, solids[row], outline, gone, rng)
        for row, outline, gone in _outlines(table, solids, style, seed, surveyed)
        if len(solids[row].triangles)
    ]
    return Buildings.concat([one for one in found if one is not None])


def _outlines(
    table: ProgramTable, solids: object, style: str, seed: int, surveyed: bool
) -> Iterator[tuple[int, Any, tuple[int, ...]]]:
    from geovision.procedural.style import load_style
    from geovision.procedural.survey import outline, survey

    if not surveyed:
        for row in range(len(table)):
            yield row, outline(table, row), ()
        return
    rows = np.arange(len(table), dtype=np.uint64)
    drawn = survey(table, rows, solids, load_style(style), seed)  # type: ignore[arg-type]
    yield from zip(drawn.rows.tolist(), drawn.polygons, drawn.missing_parts, strict=True)


def _building(
    table: ProgramTable,
    row: int,
    solid: Solid,
    outline: Any,
    gone: tuple[int, ...],
    rng: np.random.Generator,
) -> Buildings | None:
    import shapely

    if outline.geom_type != "Polygon":
        return None
    outline = shapely.geometry.polygon.orient(outline)
    left, bottom, right, top = outline.bounds
    origin = np.floor([left, bottom])
    count = min(DENSITY * (right - left) * (top - bottom), MOST_POINTS * 1.2)
    xy = rng.uniform((left, bottom), (right, top), (int(count), 2))
    xy = xy[shapely.contains_xy(outline, xy[:, 0], xy[:, 1])][:MOST_POINTS]
    z, slope = surface(solid, xy - solid.origin[:2])
    z += solid.origin[2] - float(table.ground_z[row])
    seen = np.isfinite(z) & (z > 0.5)
    rings = [np.asarray(ring.coords)[:-1] - origin for ring in (outline.exterior, *outline.interiors)]
    return Buildings(
        ring_offsets=np.array([0, len(rings)]),
        vertex_offsets=np.cumsum([0, *map(len, rings)]),
        xy=np.concatenate(rings).astype(np.float32),
        point_offsets=np.array([0, int(seen.sum())]),
        points=np.column_stack([xy - origin, z])[seen].astype(np.float32),
        slope=slope[seen].astype(np.float32),
        **_truth(table, row, origin, gone),
    )


def _truth(table: ProgramTable, row: int, origin: F64, gone: tuple[int, ...]) -> dict[str, Any]:
    program = canonical(table[row])
    own = ProgramTable.from_programs([program])
    kept = [part for part in range(len(program.parts)) if part not in gone]
    rings = [np.asarray(program.parts[part].shell) - origin for part in kept]
    return {
        "part_offsets": np.array([0, len(kept)]),
        "kind": own.roof_kind[kept],
        "eave": own.eave[kept].astype(np.float32),
        "slots": own.roof_params[kept].reshape(-1, ROOF_SLOTS).astype(np.float32),
        "corner_offsets": np.cumsum([0, *map(len, rings)]),
        "corners": np.concatenate(rings).astype(np.float32),
    }


def surface(solid: Solid, xy: F64) -> tuple[F64, F64]:
    """Height and slope of the highest face over each place, in the solid's own frame; NaN without one."""
    corners = solid.local_vertices[solid.triangles]
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    twice = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    up = twice > 1e-6
    a, b, c, twice = a[up], b[up], c[up], twice[up]
    if not len(xy) or not len(a):
        return np.full(len(xy), np.nan), np.full((len(xy), 2), np.nan)
    dz = np.stack([b[:, 2] - a[:, 2], c[:, 2] - a[:, 2]], axis=1)
    east = (dz[:, 0] * (c[:, 1] - a[:, 1]) - dz[:, 1] * (b[:, 1] - a[:, 1])) / twice
    north = (dz[:, 1] * (b[:, 0] - a[:, 0]) - dz[:, 0] * (c[:, 0] - a[:, 0])) / twice
    x, y = xy[:, :1] - a[:, 0], xy[:, 1:] - a[:, 1]
    u = (x * (c[:, 1] - a[:, 1]) - y * (c[:, 0] - a[:, 0])) / twice
    v = ((b[:, 0] - a[:, 0]) * y - (b[:, 1] - a[:, 1]) * x) / twice
    inside = (u >= -1e-9) & (v >= -1e-9) & (u + v <= 1 + 1e-9)
    z = np.where(inside, a[:, 2] + x * east + y * north, -np.inf)
    best = np.argmax(z, axis=1)
    top = z[np.arange(len(xy)), best]
    slope = np.stack([east[best], north[best]], axis=1)
    there = np.isfinite(top)
    return np.where(there, top, np.nan), np.where(there[:, None], slope, np.nan)
