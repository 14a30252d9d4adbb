"""Every building of the real sets becomes evidence, and it makes sense."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geovision.model.evidence import Evidence, PointKind
from geovision.sources import (
    Footprints,
    PointBlock,
    evidence_from_arrays,
    open_points,
    prepare_footprints,
    read_footprints,
)

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("GEOVISION_SHARED", ROOT.parent / "shared")) / "data"
# Set: folder, point files, CRS of those that state none.
SETS = {
    "ahn3_blocks": (["points.laz"], None),
    "dales_west": (["points.laz"], None),
    "delft": (["ahn3_cropped_1.laz", "ahn3_cropped_2.laz"], "EPSG:28992"),
}


@cache
def load(name: str) -> tuple[Footprints, PointBlock, list[Evidence]]:
    if not (DATA / name).exists():
        pytest.skip(f"no {name} under ../shared/data; set GEOVISION_SHARED to where it is")
    files, crs = SETS[name]
    footprints = prepare_footprints(read_footprints(DATA / name / "footprints.gpkg", crs=crs))
    points = open_points([DATA / name / file for file in files], crs=crs).read()
    return footprints, points, list(evidence_from_arrays(footprints, points, threads=1))


def same(a: Evidence, b: Evidence) -> bool:
    return a.digest() == b.digest()


@pytest.mark.parametrize("name", SETS)
def test_every_building_has_roof_points_and_ground(name: str) -> None:
    footprints, points, found = load(name)
    assert {2, 6} <= points.classes
    assert [evidence.id for evidence in found] == footprints.ids
    heights = []
    for evidence in found:
        assert evidence.ground_known, evidence.id
        roof = evidence.points[evidence.point_kind == PointKind.BUILDING, 2]
        assert len(roof) >= 20 or evidence.area < 10, evidence.id  # what overlaps leave can be a sliver
        assert np.abs(evidence.points[:, :2]).max() < 1000, evidence.id
        heights += [np.median(roof) - evidence.ground_z] if len(roof) else []
    # Some outlines are of quays and garages below the street.
    assert (np.array(heights) > 1.5).mean() > 0.97
    assert max(heights) < 100.0


@pytest.mark.parametrize("name", SETS)
def test_points_inside_agree_with_shapely(name: str) -> None:
    import shapely

    footprints, points, found = load(name)
    polygons = [shapely.Polygon((rings := footprints.rings(b))[0], rings[1:]) for b in range(len(footprints))]
    tree = shapely.STRtree(polygons)
    _, hits = tree.query(shapely.points(points.xyz[::97, :2]), predicate="within")
    inside = np.bincount(hits, minlength=len(polygons))
    _, held = tree.query(shapely.points(points.xyz[::97, :2]), predicate="dwithin", distance=2.0)
    near = np.bincount(held, minlength=len(polygons))
    for building, (evidence, polygon) in enumerate(zip(found, polygons, strict=True)):
        assert len(evidence.points) >= near[building] >= inside[building]
        world = shapely.points(evidence.points[:, :2] + evidence.origin[:2])
        assert shapely.dwithin(polygon, world, 2.0 + 1e-6).all(), evidence.id
        own = np.isin(evidence.point_kind, (PointKind.BUILDING, PointKind.UNKNOWN))
        neighbours = world[evidence.point_kind == PointKind.NEIGHBOUR]
        assert not shapely.contains_properly(polygon.buffer(-1e-6), neighbours).any(), evidence.id
        assert own.any() or evidence.area < 10


def test_order_threads_and_tiles_cannot_be_seen() -> None:
    footprints, points, found = load("delft")
    order = np.random.default_rng(5).permutation(len(points))
    again = evidence_from_arrays(footprints, points.take(order), threads=3)
    assert all(same(a, b) for a, b in zip(found, again, strict=True))
    centres = np.array([footprints.rings(b)[0].mean(axis=0) for b in range(len(footprints))])
    for west in (84_800.0, 84_950.0):
        owned = (centres[:, 0] >= west) & (centres[:, 0] < west + 150.0)
        xy = np.concatenate([ring for b in np.flatnonzero(owned) for ring in footprints.rings(int(b))])
        low, high = xy.min(axis=0) - 24.0, xy.max(axis=0) + 24.0
        inside = ((points.xyz[:, :2] >= low) & (points.xyz[:, :2] <= high)).all(axis=1)
        tile: Any = evidence_from_arrays(footprints, points.take(inside), owned=owned, threads=2)
        assert all(same(found[b], e) for b, e in zip(np.flatnonzero(owned), tile, strict=True))
