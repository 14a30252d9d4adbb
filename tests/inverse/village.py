"""A few buildings as files that a scene is opened from: points with ground round the houses, footprints."""

from __future__ import annotations

from pathlib import Path

import geopandas
import numpy as np
import shapely

import geovision
from geovision.formats.points import write_points
from geovision.model import Program
from tests.inverse.scan import Scanner, footprint, scan_table

AT = np.array([85_000.0, 446_000.0, 0.0])


def write_village(folder: Path, count: int = 60, seed: int = 2) -> list[Program]:
    """points.laz and houses.gpkg in EPSG:28992; the first footprint has no points. Returns the truth."""
    programs, evidence = scan_table(geovision.generate(count=count, seed=seed), Scanner(outliers=0.02))
    roofs = [item.points + item.origin + AT for item in evidence[1:]]
    outlines = [shapely.affinity.translate(footprint(program), AT[0], AT[1]) for program in programs]
    rng = np.random.default_rng(seed)
    whole = shapely.union_all([outline.buffer(4) for outline in outlines])
    xy = rng.uniform(whole.bounds[:2], whole.bounds[2:], (40_000, 2))
    outside = shapely.contains_xy(whole, xy[:, 0], xy[:, 1])
    outside &= ~shapely.contains_xy(shapely.union_all(outlines), xy[:, 0], xy[:, 1])
    ground = np.column_stack([xy[outside], 0.02 * rng.standard_normal(int(outside.sum()))])
    points = np.concatenate([*roofs, ground])
    classes = np.full(len(points), 2, np.uint8)
    classes[: len(points) - len(ground)] = 6
    write_points(folder / "points.laz", points, classification=classes, crs="EPSG:28992")
    frame = geopandas.GeoDataFrame(
        {"id": [program.id for program in programs], "levels": 2}, geometry=outlines, crs="EPSG:28992"
    )
    frame.to_file(folder / "houses.gpkg", driver="GPKG")
    return programs
