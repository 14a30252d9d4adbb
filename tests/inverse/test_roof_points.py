"""Which points may be roof, against the rule taken point by point."""

from __future__ import annotations

import numpy as np
import pytest

from geovision import _kernel
from geovision.inverse.roof_points import (
    CLASSED_HEIGHT_M,
    GUESSED_GROUND_M,
    LEAST_HEIGHT_M,
    may_be_roof,
    roof_points,
)
from geovision.model.evidence import Evidence, PointKind

WALLS = (np.array([[0.0, 0.0], [8.0, 0.0], [8.0, 6.0], [0.0, 6.0]]),)


def a_building(seed: int, *, known: bool = True) -> Evidence:
    """Few or many points of all kinds, about half of them low; west and south of the origin too."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(0, 200))
    points = rng.uniform((-3.0, -3.0, 9.5), (9.0, 7.0, rng.choice([11.0, 14.0])), (count, 3)).round(2)
    kinds = rng.choice(list(PointKind), count).astype(np.uint8)
    return Evidence(
        "a", np.zeros(3), WALLS, ground_z=10.0, ground_known=known, points=points, point_kind=kinds
    )


def slowly(evidence: Evidence) -> list[bool]:
    """The rule, point by point."""
    height = evidence.points[:, 2] - evidence.ground_z
    square = np.floor(2 * evidence.points[:, :2])
    building = evidence.point_kind == PointKind.BUILDING
    open_ = building | (evidence.point_kind == PointKind.UNKNOWN)
    if not evidence.ground_known:
        return [bool(value) for value in open_ & (height > GUESSED_GROUND_M)]
    high = open_ & (height > LEAST_HEIGHT_M)
    out = []
    for k in range(len(height)):
        beside = bool((np.abs(square[high] - square[k]).max(axis=1) <= 1).any())
        low = building[k] and height[k] > CLASSED_HEIGHT_M and not beside
        out.append(bool(high[k] or low))
    return out


@pytest.mark.parametrize("known", [True, False])
def test_points_are_chosen_by_the_rule(known: bool) -> None:
    chosen = 0
    for seed in range(300):
        evidence = a_building(seed, known=known)
        may = may_be_roof(evidence)
        assert may.dtype == np.bool_
        assert may.tolist() == slowly(evidence), seed
        low = may & (evidence.points[:, 2] - evidence.ground_z <= LEAST_HEIGHT_M)
        chosen += int(low.sum())
    assert chosen > 500


def test_heights_are_over_the_ground() -> None:
    items = [a_building(seed) for seed in range(6)]
    batch = roof_points(items)
    for k, item in enumerate(items):
        own = slice(*batch.point_offsets[k : k + 2])
        expected = item.points[may_be_roof(item)] - (0.0, 0.0, item.ground_z)
        assert np.array_equal(batch.points[own], expected)


def test_columns_of_other_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="one value per point"):
        _kernel.roof_candidates(np.zeros((3, 3)), np.zeros(2, np.uint8), 0.0, 0.8, 0.2)
