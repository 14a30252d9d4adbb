"""How well buildings were found: masks against masks, outlines against outlines.

Counts are kept and added up, and only their sums are divided: an area with little in it weighs little.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision.errors import InputError

__all__ = [
    "COCO_THRESHOLDS",
    "MaskCounts",
    "Matches",
    "Pairs",
    "average_precision",
    "boundary_band",
    "boundary_counts",
    "main_direction",
    "mask_counts",
    "match",
    "pair_polygons",
    "rotation_error",
    "rotation_errors",
]

F64 = NDArray[np.float64]
Mask = NDArray[np.bool_]

COCO_THRESHOLDS = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
"""Overlaps at which the average precision of COCO is averaged."""
_RECALLS = np.linspace(0.0, 1.0, 101)


@dataclass(frozen=True)
class MaskCounts:
    """Pixels (or square metres) found and true, found but not true, true but not found.

    >>> MaskCounts(6, 2, 0) + MaskCounts(0, 1, 3)
    MaskCounts(both=6, found_only=3, true_only=3)
    >>> MaskCounts(6, 2, 4).iou
    0.5
    """

    both: float = 0
    found_only: float = 0
    true_only: float = 0

    def __add__(self, other: MaskCounts) -> MaskCounts:
        return MaskCounts(
            self.both + other.both, self.found_only + other.found_only, self.true_only + other.true_only
        )

    @property
    def iou(self) -> float:
        """Intersection over union; NaN where there is neither."""
        return _share(self.both, self.both + self.found_only + self.true_only)

    @property
    def precision(self) -> float:
        """Share of what was found that is true."""
        return _share(self.both, self.both + self.found_only)

    @property
    def recall(self) -> float:
        """Share of what is true that was found."""
        return _share(self.both, self.both + self.true_only)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return _share(2 * self.both, 2 * self.both + self.found_only + self.true_only)


def _share(part: float, whole: float) -> float:
    return float(part) / float(whole) if whole else math.nan


def mask_counts(found: NDArray[Any], truth: NDArray[Any], valid: Mask | None = None) -> MaskCounts:
    """Counts of two masks of one shape, where `valid` (everywhere, if left out).

    >>> mask_counts(np.array([[1, 1, 0, 0]]), np.array([[1, 0, 1, 0]]))
    MaskCounts(both=1, found_only=1, true_only=1)
    """
    if found.shape != truth.shape or (valid is not None and valid.shape != truth.shape):
        shapes = f"found {found.shape}, truth {truth.shape}"
        raise InputError("masks", f"differ in shape: {shapes}", "Draw them on one grid")
    a, b = found.astype(bool), truth.astype(bool)
    if valid is not None:
        a, b = a & valid, b & valid
    both = int((a & b).sum())
    return MaskCounts(both, int(a.sum()) - both, int(b.sum()) - both)


def boundary_band(mask: NDArray[Any], width_cells: float) -> Mask:
    """Pixels of a mask that lie within a width of its outline, the border of the picture left out of account.

    A pixel counts as near when a pixel that is not of the mask has its middle no farther than the width (and
    always where the two touch).

    >>> int(boundary_band(np.pad(np.ones((4, 4)), 1), 1).sum())
    12
    """
    inside = mask.astype(bool)
    reach = max(width_cells, 1.0)
    steps = math.floor(reach)
    padded = np.pad(inside, steps, constant_values=True)
    rows, columns = inside.shape
    core = inside.copy()
    for down in range(-steps, steps + 1):
        for right in range(-steps, steps + 1):
            if (down or right) and down * down + right * right <= reach * reach:
                core &= padded[steps + down : steps + down + rows, steps + right : steps + right + columns]
    return np.asarray(inside & ~core)


def boundary_counts(
    found: NDArray[Any],
    truth: NDArray[Any],
    cell_m: float,
    *,
    width_m: float = 1.0,
    valid: Mask | None = None,
) -> MaskCounts:
    """Counts of the bands along the outlines of two masks; their IoU is the boundary IoU.

    After Cheng et al., "Boundary IoU" (2021): interior bands of both masks, compared as masks are.

    Args:
        found: mask.
        truth: mask of the same shape.
        cell_m: size of a pixel.
        width_m: of the band.
        valid: where to count; bands are drawn before, so that its border makes none.
    """
    width = width_m / cell_m
    return mask_counts(boundary_band(found, width), boundary_band(truth, width), valid)


# Outlines


@dataclass(frozen=True)
class Pairs:
    """Which outlines that were found overlap which true ones, of one area."""

    found: NDArray[np.int64]
    """[pairs] index of the outline that was found."""
    truth: NDArray[np.int64]
    """[pairs] index of the true one."""
    iou: F64
    """[pairs] area of the intersection over that of the union, above 0."""
    found_count: int
    truth_count: int


def pair_polygons(found: NDArray[np.object_], truth: NDArray[np.object_]) -> Pairs:
    """Every pair of polygons that overlap, with their IoU.

    >>> import shapely
    >>> pair_polygons(shapely.box([0, 9], 0, [2, 10], 1), shapely.box([1, 5], 0, [3, 6], 1)).iou.round(3)
    array([0.333])
    """
    import shapely

    found, truth = np.asarray(found, object), np.asarray(truth, object)
    a, b = shapely.STRtree(truth).query(found, predicate="intersects")
    both = shapely.area(shapely.intersection(found[a], truth[b]))
    iou = both / np.maximum(shapely.area(found[a]) + shapely.area(truth[b]) - both, 1e-12)
    kept = iou > 0
    order = np.lexsort((b[kept], a[kept]))
    return Pairs(
        a[kept][order].astype(np.int64),
        b[kept][order].astype(np.int64),
        np.asarray(iou[kept][order], np.float64),
        len(found),
        len(truth),
    )


@dataclass(frozen=True)
class Matches:
    """Pairs one to one; a polygon that is in none was found wrongly, or missed."""

    found: NDArray[np.int64]
    truth: NDArray[np.int64]
    iou: F64
    found_count: int
    truth_count: int

    @property
    def counts(self) -> MaskCounts:
        """Polygons instead of pixels: precision, recall and F1 are read from it."""
        hits = len(self.found)
        return MaskCounts(hits, self.found_count - hits, self.truth_count - hits)


def match(pairs: Pairs, *, iou: float = 0.5, confidence: NDArray[Any] | None = None) -> Matches:
    """Match outlines one to one where they overlap by at least `iou`, greedily.

    Without confidences the pair with the largest overlap goes first; with them the surest outline chooses
    first, as COCO does. Above 0.5 outlines that do not overlap one another have one partner at most, so
    that the order changes nothing.
    """
    good = np.flatnonzero(pairs.iou >= iou)
    first = -pairs.iou[good] if confidence is None else -np.asarray(confidence)[pairs.found[good]]
    order = good[np.lexsort((pairs.truth[good], pairs.found[good], -pairs.iou[good], first))]
    free_found, free_truth = np.ones(pairs.found_count, bool), np.ones(pairs.truth_count, bool)
    kept = []
    for index in order.tolist():
        a, b = pairs.found[index], pairs.truth[index]
        if free_found[a] and free_truth[b]:
            free_found[a] = free_truth[b] = False
            kept.append(index)
    chosen = np.array(sorted(kept), np.int64)
    return Matches(
        pairs.found[chosen], pairs.truth[chosen], pairs.iou[chosen], pairs.found_count, pairs.truth_count
    )


def average_precision(
    areas: Sequence[tuple[Pairs, NDArray[Any]]], thresholds: Sequence[float] = COCO_THRESHOLDS
) -> float:
    """Mean average precision as COCO has it: over 101 recalls and all thresholds, areas pooled.

    Args:
        areas: of each the pairs and the confidence of every outline that was found there.
        thresholds: overlaps from which on an outline counts as found.
    """
    total = sum(pairs.truth_count for pairs, _ in areas)
    if not total:
        return math.nan
    sure = np.concatenate([np.asarray(confidence, np.float64) for _, confidence in areas] or [np.zeros(0)])
    order = np.argsort(-sure, kind="stable")
    values = []
    for threshold in thresholds:
        hits = []
        for pairs, confidence in areas:
            hit = np.zeros(pairs.found_count, bool)
            hit[match(pairs, iou=threshold, confidence=confidence).found] = True
            hits.append(hit)
        values.append(_area_under(np.concatenate(hits)[order], total))
    return float(np.mean(values))


def _area_under(hit: Mask, total: int) -> float:
    """Mean precision at 101 recalls; at each the best precision of any larger recall."""
    if not len(hit):
        return 0.0
    caught = np.cumsum(hit)
    precision = caught / np.arange(1, len(hit) + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]
    place = np.searchsorted(caught / total, _RECALLS - 1e-12, side="left")
    return float(np.where(place < len(best), best[np.minimum(place, len(best) - 1)], 0.0).mean())


def main_direction(polygon: Any) -> float:
    """Direction of a polygon's walls in radians, 0 to pi/2: walls at right angles to each other count alike.

    The mean of the edges' directions on a circle that is run through four times, weighted by length.

    >>> import shapely
    >>> round(math.degrees(main_direction(shapely.affinity.rotate(shapely.box(0, 0, 9, 4), 100))), 6)
    10.0
    """
    import shapely

    points = shapely.get_coordinates(shapely.get_exterior_ring(polygon))
    step = np.diff(points, axis=0)
    length = np.hypot(*step.T)
    turned = np.sum(length * np.exp(4j * np.arctan2(step[:, 1], step[:, 0])))
    return float(np.angle(turned) / 4) % (math.pi / 2)


def rotation_error(found: Any, truth: Any) -> float:
    """Angle between the main directions of two polygons modulo 90 degrees, in degrees from 0 to 45."""
    turn = math.degrees(main_direction(found) - main_direction(truth)) % 90.0
    return min(turn, 90.0 - turn)


def rotation_errors(matches: Matches, found: NDArray[np.object_], truth: NDArray[np.object_]) -> F64:
    """[matches] `rotation_error` of each matched pair."""
    pairs = zip(matches.found.tolist(), matches.truth.tolist(), strict=True)
    return np.array([rotation_error(found[a], truth[b]) for a, b in pairs], np.float64)
