"""Statistics of scenes, real or synthetic alike: plain arrays in, a few numbers or a curve out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

F64 = NDArray[np.float64]
PLANE_POINTS = 16
_WALLED = 120
"""Walls are looked for round about so many buildings."""


@dataclass(frozen=True)
class Cloud:
    """Points of buildings with the outlines that they belong to."""

    xyz: F64
    """Class building, in metres."""
    polygons: NDArray[np.object_]


def quantiles(values: F64, at: tuple[float, ...] = (0.1, 0.25, 0.5, 0.75, 0.9)) -> list[float]:
    return [float(value) for value in np.quantile(values, at)] if len(values) else [float("nan")] * len(at)


def points_of(cloud: Cloud, inset_m: float, least: int = 20) -> list[F64]:
    """The points inside each outline shrunk by so much; outlines with fewer than `least` are left out."""
    shrunk = shapely.buffer(cloud.polygons, -inset_m)
    tree = shapely.STRtree(shapely.points(cloud.xyz[:, :2]))
    polygon, point = tree.query(shrunk, predicate="contains")
    order = np.argsort(polygon, kind="stable")
    pieces = np.split(point[order], np.cumsum(np.bincount(polygon, minlength=len(shrunk)))[:-1])
    return [cloud.xyz[piece] for piece in pieces if len(piece) >= least]


def densities(cloud: Cloud) -> F64:
    """Points per square metre of each outline, half a metre inside."""
    shrunk = shapely.buffer(cloud.polygons, -0.5)
    area = shapely.area(shrunk)
    tree = shapely.STRtree(shapely.points(cloud.xyz[:, :2]))
    polygon, _ = tree.query(shrunk, predicate="contains")
    count = np.bincount(polygon, minlength=len(shrunk))
    return count[area > 10] / area[area > 10]


def density_spread(cloud: Cloud) -> F64:
    """Within each building, standard deviation over mean of the counts in square metres."""
    found = []
    for points in points_of(cloud, 1.0, 100):
        cell = np.floor(points[:, :2]).astype(np.int64)
        _, count = np.unique(cell, axis=0, return_counts=True)
        full = count[count > 0.3 * np.median(count)]
        if len(full) > 20:
            found.append(full.std() / full.mean())
    return np.array(found)


def plane_residuals(cloud: Cloud, seed: int = 1, spots: int = 2000) -> F64:
    """Distances of points to planes laid through their surroundings, where these are one plane.

    The plane is fitted to the neighbours of a random point, without the point itself; spots where the
    neighbours do not agree on a plane (edges, chimneys) are left out.
    """
    inside = points_of(cloud, 0.8, 60)
    if not inside:
        return np.zeros(0)
    points = np.concatenate(inside)
    points = points - np.floor(points.mean(axis=0))
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(points), min(spots, len(points)), replace=False)
    distance, near = cKDTree(points[:, :2]).query(points[chosen, :2], k=PLANE_POINTS + 1)
    found = []
    for spot, row, reach in zip(chosen, near, distance, strict=True):
        others = points[row[row != spot]]
        if reach[-1] > 2.0 or len(others) < PLANE_POINTS:
            continue
        design = np.column_stack([others[:, :2] - points[spot, :2], np.ones(len(others))])
        plane, *_ = np.linalg.lstsq(design, others[:, 2], rcond=None)
        rest = others[:, 2] - design @ plane
        slope = np.sqrt(1 + plane[0] ** 2 + plane[1] ** 2)
        # One plane: nothing far off, and no pitch that only a wall has.
        if np.abs(rest).max() < 0.25 and slope < 2.5:
            found.append((points[spot, 2] - plane[2]) / slope)
    return np.array(found)


def nmad(values: F64) -> float:
    return float(1.4826 * np.median(np.abs(values - np.median(values)))) if len(values) else float("nan")


def wall_share(cloud: Cloud) -> float:
    """Share of the points near an outline that lie over a metre below the roof and above the ground.

    The roof is the 90th percentile of the heights within a metre and a half, the ground the lowest point.
    """
    walls = total = 0
    ring = shapely.boundary(cloud.polygons)
    tree = shapely.STRtree(shapely.points(cloud.xyz[:, :2]))
    polygon, point = tree.query(ring, predicate="dwithin", distance=0.5)
    numbers = np.unique(polygon)
    for number in numbers[:: max(1, len(numbers) // _WALLED)]:
        mine = cloud.xyz[point[polygon == number]]
        if len(mine) < 30:
            continue
        low = np.quantile(mine[:, 2], 0.01)
        near = cKDTree(mine[:, :2]).query_ball_point(mine[:, :2], 1.5)
        roof = np.array([np.quantile(mine[row, 2], 0.9) for row in near])
        walls += int(((mine[:, 2] < roof - 1.0) & (mine[:, 2] > low + 1.0)).sum())
        total += len(mine)
    return walls / max(total, 1)


def edge_profile(height: NDArray[np.float32], cell: float, *, reach: float = 4.0) -> tuple[F64, F64]:
    """Distances along a row or column, and the median height across steps: 1 is the roof, 0 the ground.

    A step is over 2.5 m high, nearly level for a metre and more at both ends, and steepest in the middle of
    the profile. No outline is needed, so that no error of one is measured.
    """
    half, end = round(reach / cell), max(2, round(1.2 / cell))
    found = []
    for grid in (height, height[:, ::-1], height.T, height.T[:, ::-1]):
        lines = np.lib.stride_tricks.sliding_window_view(grid, 2 * half + 1, axis=1).reshape(-1, 2 * half + 1)
        lines = lines[np.isfinite(lines).all(axis=1) & (lines[:, 0] - lines[:, -1] > 2.5)]
        upper, lower = lines[:, :end], lines[:, -end:]
        level = (np.ptp(upper, axis=1) < 0.6) & (np.ptp(lower, axis=1) < 0.4)
        lines = lines[level].astype(np.float64)
        fall = -np.diff(lines, axis=1)
        centred = np.abs(fall.argmax(axis=1) - (half - 0.5)) < 1.0
        lines = lines[centred]
        low = lines[:, -end:].mean(axis=1, keepdims=True)
        found.append((lines - low) / (lines[:, :end].mean(axis=1, keepdims=True) - low))
    profiles = np.concatenate(found)
    steps = np.arange(-half, half + 1) * cell
    return steps, np.median(profiles, axis=0) if len(profiles) else np.full(len(steps), np.nan)


def edge_width(steps: F64, profile: F64) -> float:
    """Distance over which the profile falls from 0.8 to 0.2."""
    if not np.isfinite(profile).all():
        return float("nan")
    falling = np.minimum.accumulate(profile)
    return float(np.interp(-0.2, -falling, steps) - np.interp(-0.8, -falling, steps))
