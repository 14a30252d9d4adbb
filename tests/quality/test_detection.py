"""Scores of detection against other ways to get them: SciPy, known rotations, small cases by hand."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
import shapely
from numpy.typing import NDArray
from scipy import ndimage
from scipy.optimize import linear_sum_assignment
from shapely import affinity

from geovision.errors import InputError
from geovision.quality.detection import (
    MaskCounts,
    average_precision,
    boundary_band,
    boundary_counts,
    main_direction,
    mask_counts,
    match,
    pair_polygons,
    rotation_error,
    rotation_errors,
)
from geovision.quality.detection_stats import (
    bootstrap,
    by_size,
    pooled_iou,
    reliability,
    shift_ceiling,
)


def blobs(seed: int, shape: tuple[int, int] = (60, 70)) -> NDArray[np.bool_]:
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=shape), 4)
    return np.asarray(noise > 0.02)


def boxes(seed: int, count: int) -> NDArray[Any]:
    """Boxes in a grid of plots, so that they do not overlap."""
    rng = np.random.default_rng(seed)
    place = np.stack(np.meshgrid(np.arange(count), np.arange(count)), -1).reshape(-1, 2) * 20.0
    low = place + rng.uniform(0, 6, (len(place), 2))
    size = rng.uniform(6, 13, (len(place), 2))
    return np.asarray(shapely.box(*low.T, *(low + size).T))


def test_counts_of_masks_and_their_shares() -> None:
    a, b, valid = blobs(1), blobs(2), blobs(3)
    counts = mask_counts(a, b, valid)
    assert counts.iou == pytest.approx((a & b & valid).sum() / ((a | b) & valid).sum())
    assert counts.precision == pytest.approx((a & b & valid).sum() / (a & valid).sum())
    assert counts.recall == pytest.approx((a & b & valid).sum() / (b & valid).sum())
    both = 2 * counts.precision * counts.recall / (counts.precision + counts.recall)
    assert counts.f1 == pytest.approx(both)
    assert math.isnan(MaskCounts().iou)
    with pytest.raises(InputError, match="differ in shape"):
        mask_counts(a, b[1:])


def test_pooled_iou_is_not_the_mean() -> None:
    assert pooled_iou([MaskCounts(90, 10, 0), MaskCounts(0, 5, 5)]) == pytest.approx(90 / 110)


@pytest.mark.parametrize("width", [1.0, 2.0, 3.4])
def test_band_is_what_lies_near_the_outside(width: float) -> None:
    mask = blobs(4)
    far = ndimage.distance_transform_edt(np.pad(mask, 8, constant_values=True))[8:-8, 8:-8]
    assert (boundary_band(mask, width) == (mask & (far <= width))).all()


def test_boundary_iou_is_hard_where_mask_iou_is_not() -> None:
    truth = np.zeros((200, 200), bool)
    truth[20:180, 20:180] = True
    moved = np.roll(truth, 3, axis=1)
    assert boundary_counts(truth, truth, 0.5, width_m=1.0).iou == 1.0
    assert mask_counts(moved, truth).iou > 0.95
    assert boundary_counts(moved, truth, 0.5, width_m=1.0).iou < 0.5


def test_the_frame_of_a_picture_is_no_outline() -> None:
    assert not boundary_band(np.ones((9, 9)), 3).any()


def test_ious_of_pairs() -> None:
    found, truth = boxes(1, 5), boxes(2, 5)
    pairs = pair_polygons(found, truth)
    all_pairs = {(int(a), int(b)): v for a, b, v in zip(pairs.found, pairs.truth, pairs.iou, strict=True)}
    for i, one in enumerate(found):
        for j, other in enumerate(truth):
            iou = one.intersection(other).area / one.union(other).area
            assert all_pairs.get((i, j), 0.0) == pytest.approx(iou, abs=1e-12)


@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.7])
def test_greedy_matching_against_the_best_assignment(threshold: float) -> None:
    found, truth = boxes(3, 8), boxes(4, 8)
    pairs = pair_polygons(found, truth)
    table = np.zeros((len(found), len(truth)))
    table[pairs.found, pairs.truth] = pairs.iou >= threshold
    best = table[linear_sum_assignment(table, maximize=True)].sum()
    matches = match(pairs, iou=threshold)
    assert len(set(matches.found.tolist())) == len(set(matches.truth.tolist())) == len(matches.found)
    assert (matches.iou >= threshold).all()
    assert len(matches.found) == best
    assert matches.counts.recall == pytest.approx(best / len(truth))


def test_matching_where_nothing_is() -> None:
    none = np.zeros(0, object)
    matches = match(pair_polygons(none, boxes(1, 2)))
    assert matches.counts == MaskCounts(0, 0, 4)
    assert math.isnan(match(pair_polygons(none, none)).counts.f1)


def test_the_surest_chooses_first() -> None:
    truth = np.array([shapely.box(0, 0, 10, 10)])
    found = np.array([shapely.box(0, 0, 10, 6), shapely.box(0, 0, 10, 9)])
    pairs = pair_polygons(found, truth)
    assert match(pairs).found.tolist() == [1]
    assert match(pairs, confidence=np.array([0.9, 0.5])).found.tolist() == [0]


def plain_ap(hit: list[bool], total: int) -> float:
    """COCO's 101 points, spelled out."""
    points = []
    for step in range(101):
        best = 0.0
        for end in range(1, len(hit) + 1):
            caught = sum(hit[:end])
            if caught / total >= step / 100 - 1e-12:
                best = max(best, caught / end)
        points.append(best)
    return sum(points) / 101


def test_average_precision_against_its_definition() -> None:
    rng = np.random.default_rng(5)
    areas, rows = [], []
    for seed in (1, 2):
        truth = boxes(seed, 5)
        step = rng.normal(0, 1, (len(truth), 2))
        found = np.array([affinity.translate(p, *s) for p, s in zip(truth, step, strict=True)])
        sure = rng.uniform(size=len(found))
        areas.append((pair_polygons(found, truth), sure))
        hits = [
            one.intersection(t).area / one.union(t).area >= 0.75 for one, t in zip(found, truth, strict=True)
        ]
        rows += list(zip(-sure, hits, strict=True))
    ordered = [bool(hit) for _, hit in sorted(rows, key=lambda row: row[0])]
    assert 0 < sum(ordered) < len(ordered)
    assert average_precision(areas, [0.75]) == pytest.approx(plain_ap(ordered, 50))
    assert average_precision([(pair_polygons(boxes(1, 3), boxes(1, 3)), np.ones(9))]) == pytest.approx(1.0)


def test_average_precision_looks_at_the_order() -> None:
    truth = boxes(1, 3)
    doubled = np.concatenate([truth, truth])
    sure = np.concatenate([np.full(9, 0.9), np.full(9, 0.8)])
    assert average_precision([(pair_polygons(doubled, truth), sure)]) == pytest.approx(1.0)
    missed = np.array([affinity.translate(one, 1000) for one in truth])
    pairs = pair_polygons(np.concatenate([missed, truth]), truth)
    assert average_precision([(pairs, sure)]) == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("angle", [-100.0, -3.0, 0.0, 12.0, 44.0, 46.0, 89.9])
def test_main_direction_of_turned_shapes(angle: float) -> None:
    ell = shapely.Polygon([(0, 0), (12, 0), (12, 5), (6, 5), (6, 9), (0, 9)])
    turned = affinity.rotate(ell, angle)
    assert math.degrees(main_direction(turned)) % 90 == pytest.approx(angle % 90, abs=1e-6)
    assert rotation_error(turned, ell) == pytest.approx(min(angle % 90, 90 - angle % 90), abs=1e-6)


def test_rotation_of_noisy_outlines() -> None:
    rng = np.random.default_rng(0)
    ring = shapely.segmentize(shapely.box(0, 0, 20, 8), 0.5)
    rough = shapely.Polygon(shapely.get_coordinates(ring)[:-1] + rng.normal(0, 0.1, (112, 2)))
    assert rotation_error(rough, shapely.box(0, 0, 20, 8)) < 2.0


def test_rotation_errors_go_with_the_matches() -> None:
    truth = boxes(6, 3)
    found = np.array([affinity.rotate(p, k) for k, p in enumerate(truth)])
    matches = match(pair_polygons(found, truth))
    assert rotation_errors(matches, found, truth) == pytest.approx(matches.found.astype(float), abs=1e-6)


def test_reliability_of_honest_and_of_bold_probabilities() -> None:
    rng = np.random.default_rng(1)
    p = rng.uniform(size=200_000)
    truth = rng.uniform(size=p.size) < p
    assert reliability(p, truth).ece < 0.01
    bold = np.clip(0.5 + 2 * (p - 0.5), 0, 1)
    edges = np.linspace(0, 1, 16)
    gap = 0.0
    for low, high in itertools.pairwise(edges):
        chosen = (bold >= low) & ((bold < high) | (high == 1.0))
        gap += abs(bold[chosen].mean() - truth[chosen].mean()) * chosen.mean()
    assert reliability(bold, truth).ece == pytest.approx(gap)


def test_reliability_adds_up() -> None:
    rng = np.random.default_rng(2)
    p, truth = rng.uniform(size=1000) * 0.6, rng.uniform(size=1000) < 0.3
    whole, parts = (
        reliability(p, truth),
        reliability(p[:300], truth[:300]) + reliability(p[300:], truth[300:]),
    )
    assert parts.ece == pytest.approx(whole.ece)
    assert (parts.count == whole.count).all()
    assert reliability(p, truth, p < 0.1).count[2:].sum() == 0


def test_sizes() -> None:
    truth = np.array([shapely.box(0, 0, 5, 5), shapely.box(20, 0, 40, 20), shapely.box(60, 0, 65, 6)])
    found = np.array([shapely.box(20, 0, 40, 19), shapely.box(90, 0, 96, 5)])
    matches = match(pair_polygons(found, truth))
    rows = by_size([(matches, shapely.area(found), shapely.area(truth))], (0, 100, math.inf))
    assert [(row.truth_count, row.found_count) for row in rows] == [(2, 1), (1, 1)]
    assert [row.recall for row in rows] == [0.0, 1.0]
    assert [row.precision for row in rows] == [0.0, 1.0]


def test_bootstrap_covers_the_truth() -> None:
    """A 95 % interval of a mean must hold the true mean about 19 times of 20."""
    rng = np.random.default_rng(3)

    def mean(values: Any) -> float:
        return float(np.mean(values))

    held = 0
    for turn in range(200):
        interval = bootstrap(rng.normal(1.0, 2.0, 40).tolist(), mean, rounds=200, seed=turn)
        held += interval.low <= 1.0 <= interval.high
    assert 175 <= held <= 200
    again = [bootstrap([1.0, 2.0, 4.0], mean, seed=7) for _ in range(2)]
    assert again[0] == again[1]
    with pytest.raises(InputError, match="no block"):
        bootstrap([], mean)


def test_ceiling_of_a_long_wall() -> None:
    """A strip of width w that moves by s across itself overlaps (w - s) / (w + s)."""
    strip = np.array([shapely.box(0, 0, 10_000, 8)])
    angles = np.linspace(0, 2 * np.pi, 20_000)
    across = np.abs(0.5 * np.sin(angles))
    expected = float(np.mean(8 - across)) * 10_000
    _, worst = shift_ceiling(strip, 0.5, directions=64)
    assert worst == pytest.approx(expected / (2 * 80_000 - expected), abs=1e-4)
    assert shift_ceiling(strip, 0.0)[1] == pytest.approx(1.0)
