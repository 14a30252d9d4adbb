"""What scores of detection are worth: calibration, sizes, intervals, and the ceiling that labels set."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from geovision.errors import InputError
from geovision.quality.detection import Mask, MaskCounts, Matches

__all__ = [
    "SIZES_M2",
    "Interval",
    "Reliability",
    "SizeClass",
    "bootstrap",
    "by_size",
    "pooled_iou",
    "reliability",
    "shift_ceiling",
]

F64 = NDArray[np.float64]
Block = TypeVar("Block")

SIZES_M2 = (0.0, 50.0, 100.0, 200.0, 500.0, math.inf)
"""Borders of the classes of building size: sheds, houses, larger houses, blocks, halls."""


def pooled_iou(blocks: Sequence[MaskCounts]) -> float:
    """IoU of the sum of all blocks.

    >>> pooled_iou([MaskCounts(8, 0, 2), MaskCounts(0, 0, 6)])
    0.5
    """
    return sum(blocks, MaskCounts()).iou


@dataclass(frozen=True)
class Interval:
    """A figure and what it may be with other blocks of the same kind."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


def bootstrap(
    blocks: Sequence[Block],
    score: Callable[[Sequence[Block]], float],
    *,
    rounds: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """A score of blocks with its percentile interval over draws of as many blocks, with replacement.

    Blocks should be as large as what is alike in them (a street, a roof), or the interval is too narrow.
    Draws without a score (NaN) are left out.

    >>> print(bootstrap([MaskCounts(8, 1, 1)] * 9, pooled_iou))
    0.800 [0.800, 0.800]
    """
    if not blocks:
        raise InputError("bootstrap", "was given no block", "Give at least one block with counts")
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(rounds):
        chosen = rng.integers(0, len(blocks), len(blocks))
        drawn.append(score([blocks[index] for index in chosen.tolist()]))
    known = np.array(drawn)[np.isfinite(drawn)]
    if not len(known):
        return Interval(score(blocks), math.nan, math.nan)
    low, high = np.quantile(known, ((1 - level) / 2, (1 + level) / 2))
    return Interval(score(blocks), float(low), float(high))


@dataclass(frozen=True)
class Reliability:
    """Stated probabilities against shares that are true, in bins of equal width."""

    stated: F64
    """[bins] mean probability of the pixels in a bin; NaN where there are none."""
    true: F64
    """[bins] share of them that is building."""
    count: NDArray[np.int64]

    @property
    def ece(self) -> float:
        """Expected calibration error: the mean distance between the two, weighted by count."""
        held = self.count > 0
        if not held.any():
            return math.nan
        gap = np.abs(self.stated[held] - self.true[held])
        return float(gap @ self.count[held] / self.count.sum())

    def __add__(self, other: Reliability) -> Reliability:
        count = self.count + other.count

        def mean(a: F64, b: F64) -> F64:
            total = np.nan_to_num(a) * self.count + np.nan_to_num(b) * other.count
            return np.where(count > 0, total / np.maximum(count, 1), np.nan)

        return Reliability(mean(self.stated, other.stated), mean(self.true, other.true), count)


def reliability(
    probability: NDArray[Any], truth: NDArray[Any], valid: Mask | None = None, *, bins: int = 15
) -> Reliability:
    """Bin probabilities (0 to 1); tables of several areas add up.

    >>> reliability(np.array([0.1, 0.1, 0.9, 0.9]), np.array([0, 0, 1, 0]), bins=2).ece.__round__(3)
    0.25
    """
    p, t = np.asarray(probability, np.float64).ravel(), np.asarray(truth).ravel().astype(bool)
    if p.shape != t.shape:
        problem = f"there are {p.size} probabilities and {t.size} true values"
        raise InputError("reliability", problem, "Give one each")
    if valid is not None:
        p, t = p[valid.ravel()], t[valid.ravel()]
    place = np.clip((p * bins).astype(np.int64), 0, bins - 1)
    count = np.bincount(place, minlength=bins)
    some = np.maximum(count, 1)
    stated = np.where(count > 0, np.bincount(place, weights=p, minlength=bins) / some, np.nan)
    share = np.where(count > 0, np.bincount(place, weights=t, minlength=bins) / some, np.nan)
    return Reliability(stated, share, count)


@dataclass(frozen=True)
class SizeClass:
    """Scores of the buildings of one size."""

    low_m2: float
    high_m2: float
    recall: float
    """Share of the true buildings of this size that were matched."""
    precision: float
    """Share of the outlines found of this size that were matched."""
    truth_count: int
    found_count: int


def by_size(
    matches: Sequence[tuple[Matches, F64, F64]], borders: Sequence[float] = SIZES_M2
) -> list[SizeClass]:
    """Precision and recall by area, pooled over areas.

    Args:
        matches: of each area, with the square metres of all outlines found and of all true ones.
        borders: ascending, of the classes.
    """
    rows = []
    for low, high in itertools.pairwise(borders):
        found_count = truth_count = found_hits = truth_hits = 0
        for one, found_m2, truth_m2 in matches:
            a, b = (found_m2 >= low) & (found_m2 < high), (truth_m2 >= low) & (truth_m2 < high)
            found_count, truth_count = found_count + int(a.sum()), truth_count + int(b.sum())
            found_hits += int(a[one.found].sum())
            truth_hits += int(b[one.truth].sum())
        recall = truth_hits / truth_count if truth_count else math.nan
        precision = found_hits / found_count if found_count else math.nan
        rows.append(SizeClass(low, high, recall, precision, truth_count, found_count))
    return rows


def shift_ceiling(
    polygons: NDArray[np.object_], shift_m: float = 0.5, *, directions: int = 16
) -> tuple[float, float]:
    """IoU that perfect outlines get against labels that are shifted: mean and worst, pooled over buildings.

    The first is for shifts spread evenly over a disc of radius `shift_m`, the second for all buildings
    shifted by the full length.

    >>> import shapely
    >>> mean, worst = shift_ceiling(shapely.box([0.0], 0, [10], 10), 0.5)
    >>> 0.91 < mean < 0.94, 0.87 < worst < 0.91
    (True, True)
    """
    import shapely

    shapes = np.asarray(polygons, object)
    if not len(shapes):
        return math.nan, math.nan
    # Rings of a disc with equal areas: their middle radii stand for all of it.
    radii = [*(shift_m * math.sqrt((ring + 0.5) / 4) for ring in range(4)), shift_m]
    scores = []
    for radius in radii:
        both = 0.0
        for angle in 2 * np.pi * (np.arange(directions) + 0.25) / directions:
            step = radius * np.array([math.cos(angle), math.sin(angle)])
            moved = shapely.transform(shapes, lambda xy, step=step: xy + step)
            both += float(shapely.area(shapely.intersection(shapes, moved)).sum()) / directions
        whole = float(shapely.area(shapes).sum())
        scores.append(both / (2 * whole - both))
    return float(np.mean(scores[:-1])), scores[-1]
