"""A scanner for tests: points on the solids of programs, seen from above, with noise and outliers."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import shapely
from numpy.typing import NDArray

import geovision
from geovision.mesh.heights import roof_heights
from geovision.mesh.solids import Solid
from geovision.model import Evidence, Program, canonical
from geovision.model.table import ProgramTable
from geovision.procedural.style import load_style
from geovision.procedural.survey import survey

F64 = NDArray[np.float64]


@dataclass(frozen=True)
class Scanner:
    """What the points are like."""

    density: float = 8.0
    noise_m: float = 0.05
    outliers: float = 0.1
    strip_noise_m: float = 0.0
    """Standard deviation of an error that the points of one scan line share."""
    strip_m: float = 0.7
    seed: int = 0


def footprint(program: Program) -> shapely.Polygon:
    """The union of the parts, as a survey would draw it."""
    parts = [shapely.Polygon(part.shell, part.holes) for part in program.parts]
    whole = shapely.union_all(parts).buffer(0.01, join_style="mitre").buffer(-0.01, join_style="mitre")
    if whole.geom_type == "MultiPolygon":
        whole = max(whole.geoms, key=lambda piece: piece.area)
    outline = shapely.set_precision(whole.simplify(0.004), 0.001)
    assert isinstance(outline, shapely.Polygon)
    return outline


def scan(program: Program, solid: Solid, scanner: Scanner, seed: int) -> Evidence:
    """The evidence of one building."""
    rng = np.random.default_rng([scanner.seed, seed])
    outline = footprint(program)
    left, bottom, right, top = outline.bounds
    count = rng.poisson(scanner.density * (right - left) * (top - bottom))
    xy = rng.uniform((left, bottom), (right, top), (count, 2))
    # In the order of a scanner: line by line.
    line = np.floor(xy[:, 1] / scanner.strip_m)
    xy = xy[np.lexsort((xy[:, 0], line))]
    xy = xy[shapely.contains_xy(outline, xy[:, 0], xy[:, 1])]
    line = np.floor(xy[:, 1] / scanner.strip_m).astype(np.int64)
    z = roof_heights(solid, xy - solid.origin[:2])
    known = np.isfinite(z)
    xy, z, line = xy[known], z[known], line[known]
    z = z + scanner.noise_m * rng.standard_normal(len(z))
    if scanner.strip_noise_m and len(z):
        shared = scanner.strip_noise_m * rng.standard_normal(int(line.max() - line.min()) + 1)
        z = z + shared[line - line.min()]
    wild = rng.random(len(z)) < scanner.outliers
    z[wild] = rng.uniform(z.min() - 3 if len(z) else 0, z.max() + 3 if len(z) else 1, int(wild.sum()))
    origin = np.array([np.floor(left), np.floor(bottom), 0.0])
    rings = [np.asarray(outline.exterior.coords)[:-1]] + [
        np.asarray(hole.coords)[:-1] for hole in outline.interiors
    ]
    turned = [
        ring if (shapely.LinearRing(ring).is_ccw == (index == 0)) else ring[::-1]
        for index, ring in enumerate(rings)
    ]
    sigma = float(np.hypot(scanner.noise_m, scanner.strip_noise_m))
    points = np.column_stack([xy, z + solid.origin[2]])
    return Evidence(
        program.id,
        origin,
        tuple(ring - origin[:2] for ring in turned),
        ground_z=program.ground_z,
        ground_known=True,
        points=points - origin,
        point_sigma=np.full(len(points), sigma, np.float32),
    )


def scan_table(table: ProgramTable, scanner: Scanner) -> tuple[list[Program], list[Evidence]]:
    """Programs and their evidence; those that came to no solid are left out."""
    solids = geovision.mesh(table, on_error="record")
    programs, evidence = [], []
    for row, (program, solid) in enumerate(zip(table, solids, strict=True)):
        if len(solid.triangles) == 0:
            continue
        programs.append(program)
        evidence.append(scan(program, solid, scanner, row))
    return programs, evidence


SAME = {"cone": "pyramidal"}


def kinds_of(program: Program, without: tuple[int, ...] = ()) -> list[str]:
    """Canonical kinds of the parts, sorted; a cone and a pyramid on a round plan are one."""
    parts = [part for row, part in enumerate(canonical(program).parts) if row not in without]
    return sorted(SAME.get(part.roof.kind, part.roof.kind) for part in parts)


def surveyed_table(
    table: ProgramTable, scanner: Scanner, seed: int
) -> tuple[list[list[str]], list[Evidence]]:
    """Kinds and evidence, with footprints as `geovision synth` surveys them: moved, bent, parts missing."""
    solids = geovision.mesh(table, on_error="record")
    drawn = survey(table, np.arange(len(table), dtype=np.uint64), solids, load_style("mixed", None), seed)
    kinds, evidence = [], []
    for row, drawing, gone in zip(drawn.rows.tolist(), drawn.polygons, drawn.missing_parts, strict=True):
        if len(solids[row].triangles) == 0 or drawing.geom_type != "Polygon":
            continue
        item = scan(table[row], solids[row], scanner, row)
        outline = shapely.geometry.polygon.orient(drawing)
        rings = [
            np.asarray(ring.coords)[:-1] - item.origin[:2] for ring in (outline.exterior, *outline.interiors)
        ]
        edges = np.full(sum(map(len, rings)), -1, np.int32)
        kinds.append(kinds_of(table[row], gone))
        evidence.append(replace(item, rings=tuple(rings), edge_neighbour=edges))
    return kinds, evidence
