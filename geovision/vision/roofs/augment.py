"""Buildings as a sensor might have seen them: thinned, noisy, with outliers, holes and trees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Sensor", "seen"]

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]


@dataclass(frozen=True)
class Sensor:
    """Ranges that the points of a building are drawn from, each building by itself."""

    density: tuple[float, float] = (1.0, 30.0)
    """Points per square metre, uniform in its logarithm."""
    noise_m: tuple[float, float] = (0.02, 0.12)
    outliers: tuple[float, float] = (0.0, 0.15)
    """Share of points that lie anywhere between 3 m under the roof and 3 m over it."""
    shift_m: float = 0.08
    """Standard deviation, each way, of points against the outline, for half of the buildings."""
    holes: float = 0.2
    """Share of buildings with a place where nothing was measured."""
    trees: float = 0.15
    """Share of buildings with a tree over some of the roof."""


def seen(
    clean: NDArray[np.float32], offsets: I64, area: F64, sensor: Sensor, rng: np.random.Generator
) -> tuple[F64, I64]:
    """Points of buildings, given clean and in random order, as a sensor gives them: points and offsets.

    Columns beyond the third are carried along.
    """
    count = len(offsets) - 1
    low, high = np.log(sensor.density)
    wanted = np.maximum(np.rint(np.exp(rng.uniform(low, high, count)) * area).astype(np.int64), 4)
    taken = np.minimum(wanted, np.diff(offsets))
    owner = np.repeat(np.arange(count), taken)
    first = np.cumsum(taken) - taken
    points = clean[np.arange(len(owner)) + (offsets[:-1] - first)[owner]].astype(np.float64)
    points, owner = _without_holes(points, owner, count, sensor, rng)
    noise = rng.uniform(*sensor.noise_m, count)
    points[:, 2] += noise[owner] * rng.standard_normal(len(points))
    _add_trees(points, owner, count, sensor, rng)
    shift = rng.normal(0, sensor.shift_m, (count, 2)) * (rng.random(count) < 0.5)[:, None]
    points[:, :2] += shift[owner]
    wild = rng.random(len(points)) < rng.uniform(*sensor.outliers, count)[owner]
    bottom, top = _range(points[:, 2], owner, count)
    spread = rng.uniform(0, 1, len(points)) * (top - bottom + 6)[owner] + (bottom - 3)[owner]
    points[:, 2] = np.where(wild, spread, points[:, 2])
    high_enough = points[:, 2] > 0.8
    points, owner = points[high_enough], owner[high_enough]
    return points, np.concatenate([np.zeros(1, np.int64), np.cumsum(np.bincount(owner, minlength=count))])


def _range(z: F64, owner: I64, count: int) -> tuple[F64, F64]:
    low, high = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(low, owner, z)
    np.maximum.at(high, owner, z)
    some = np.isfinite(low)
    return np.where(some, low, 0), np.where(some, high, 0)


def _disc(
    points: F64, owner: I64, count: int, share: float, radius: tuple[float, float], rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Points in a disc about one point of each of some buildings."""
    first = np.searchsorted(owner, np.arange(count))
    has = (first < len(owner)) & (owner[np.minimum(first, len(owner) - 1)] == np.arange(count))
    middle = points[np.minimum(first, len(points) - 1), :2]
    size = np.where(has & (rng.random(count) < share), rng.uniform(*radius, count), 0)
    away = points[:, :2] - middle[owner]
    return np.asarray((away**2).sum(axis=1) < (size**2)[owner])


def _without_holes(
    points: F64, owner: I64, count: int, sensor: Sensor, rng: np.random.Generator
) -> tuple[F64, I64]:
    if not len(points):
        return points, owner
    kept = ~_disc(points, owner, count, sensor.holes, (0.5, 2.5), rng)
    return points[kept], owner[kept]


def _add_trees(points: F64, owner: I64, count: int, sensor: Sensor, rng: np.random.Generator) -> None:
    if not len(points):
        return
    # The first point of a building is where its hole may be as well; the last is as random.
    under = _disc(points[::-1], count - 1 - owner[::-1], count, sensor.trees, (0.8, 2.5), rng)[::-1]
    lifted = under & (rng.random(len(points)) < 0.7)
    points[:, 2] += lifted * rng.uniform(0.3, 4.0, len(points))
