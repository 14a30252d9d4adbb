"""Buildings from heights by rules: what they are to find, and what they are to leave."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from geovision.errors import UsageError
from geovision.vision.inputs import stack
from geovision.vision.polygons import Outlines, outlines
from geovision.vision.relief import Relief, relief_card, roughness

CELL = 0.25


def place(size: int = 200) -> NDArray[np.float32]:
    return np.zeros((size, size), np.float32)


def with_house(z: NDArray[np.float32], row: int, column: int, high: float = 5.0) -> NDArray[np.bool_]:
    """A gabled house of 10 x 8 m."""
    truth = np.zeros(z.shape, bool)
    truth[row : row + 32, column : column + 40] = True
    across = np.abs(np.arange(32) - 15.5) * CELL
    z[row : row + 32, column : column + 40] = (high - 0.6 * across)[:, None]
    return truth


def with_tree(z: NDArray[np.float32], row: int, column: int, seed: int = 0) -> None:
    """A crown of 6 m across whose cells show leaves, branches or the ground."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[-12:13, -12:13]
    crown = np.where(x * x + y * y <= 144, rng.choice([0.2, 3.0, 5.0, 6.5], size=x.shape), 0)
    z[row - 12 : row + 13, column - 12 : column + 13] = crown


def iou(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    return float((a & b).sum() / (a | b).sum())


@pytest.mark.parametrize("radius", [1, 2, 4])
def test_roughness_is_the_residual_of_least_squares(radius: int) -> None:
    z = np.random.default_rng(1).normal(300, 2, (15, 17)).astype(np.float32)
    found = roughness(z, radius)
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    design = np.stack([x.ravel(), y.ravel(), np.ones(x.size)], axis=1)
    for row, column in ((5, 5), (7, 9), (9, 4)):
        part = z[row - radius : row + radius + 1, column - radius : column + radius + 1].astype(float).ravel()
        rest = part - design @ np.linalg.lstsq(design, part, rcond=None)[0]
        assert found[row, column] == pytest.approx(np.sqrt(np.mean(rest**2)), rel=1e-3)


def test_a_house_is_found_and_a_tree_is_not() -> None:
    z = place()
    truth = with_house(z, 60, 40)
    with_tree(z, 150, 150)
    sure, _ = Relief(CELL).find(z)
    assert iou(sure > 0.5, truth) > 0.97
    assert not (sure[130:170, 130:170] > 0.5).any()


def test_walls_hedges_and_cars_are_no_buildings() -> None:
    z = place()
    z[20:24, 20:180] = 3.0
    z[100:118, 60:67] = 1.5
    assert not (Relief(CELL).find(z)[0] > 0.5).any()


def test_a_flat_shed_is_found() -> None:
    z = place()
    z[80:92, 100:112] = 2.3
    sure, _ = Relief(CELL).find(z)
    # Its corners are rounded; outlines square them again.
    assert iou(sure > 0.5, z > 0) > 0.85


def test_holes_of_a_scan_are_closed_and_water_is_not_built_on() -> None:
    z = place()
    truth = with_house(z, 60, 40)
    there = np.random.default_rng(2).uniform(size=z.shape) > 0.1
    there[:, 150:] = False
    z[100:130, 146:150] = 7.0
    sure, _ = Relief(CELL).find(np.where(there, z, np.nan).astype(np.float32), there)
    assert iou(sure > 0.5, truth) > 0.93
    assert not (sure[:, 151:] > 0.5).any()


@pytest.mark.parametrize("slope", [0.0, 0.5, 1.0])
def test_a_higher_neighbour_is_another_building_and_a_ridge_parts_nothing(slope: float) -> None:
    z = place()
    across = np.abs(np.arange(40) - 19.5) * CELL
    z[60:100, 40:80] = (7 - slope * across)[:, None]
    alone = _outlines(z)
    assert alone.area_m2 == pytest.approx([100], rel=0.05)
    z[60:100, 80:120] = 11.0
    both = _outlines(z)
    assert both.area_m2 == pytest.approx([100, 100], rel=0.1)
    assert both.touches.all()


def test_gables_side_by_side_are_parted_in_their_valley() -> None:
    z = place()
    for first in (40, 64, 88):
        z[60:100, first : first + 24] = 8 - 0.5 * np.abs(np.arange(24) - 11.5) * CELL
    assert _outlines(z).area_m2 == pytest.approx([60, 60, 60], rel=0.15)


def test_coarse_heights_part_nothing() -> None:
    z = place(60)
    z[20:40, 10:30], z[20:40, 30:50] = 8, 14
    assert Relief(1.0).find(z)[1].max() < 0.1


def _outlines(z: NDArray[np.float32]) -> Outlines:
    found = Relief(CELL).run(stack({"ndsm": z})[None])
    building, boundary = (1 / (1 + np.exp(-found[name][0, ..., 0])) for name in ("building", "boundary"))
    frame = found["frame"][0].transpose(2, 0, 1)
    return outlines(building, cell_m=CELL, boundary=boundary, frame=frame, height=z)


@pytest.mark.parametrize("turn", [1, 2, 3])
def test_turned_heights_give_turned_buildings(turn: int) -> None:
    z = place()
    with_house(z, 60, 30)
    with_tree(z, 140, 120, seed=3)
    plain, turned = Relief(CELL).find(z)[0], Relief(CELL).find(np.rot90(z, turn).copy())[0]
    np.testing.assert_allclose(np.rot90(plain, turn), turned, atol=1e-5)


def test_nothing_beyond_the_reach_changes_a_cell() -> None:
    z = np.random.default_rng(4).choice([0.0, 3.0, 3.05, 6.0], size=(260, 40)).astype(np.float32)
    with_house(z, 60, 0)
    rules = Relief(CELL)
    cut, reach = 120, rules.reach
    whole = rules.run(stack({"ndsm": z})[None])
    part = rules.run(stack({"ndsm": z[: cut + reach]})[None])
    for name, values in part.items():
        np.testing.assert_allclose(values[0, :cut], whole[name][0, :cut], atol=1e-4, err_msg=name)


def test_the_frame_points_along_the_walls() -> None:
    z = place()
    y, x = np.mgrid[:200, :200]
    for angle in (0.0, 20.0, 65.0):
        c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
        # Rows run south, angles from east counter-clockwise.
        along, across = (x - 100) * c - (y - 100) * s, (x - 100) * s + (y - 100) * c
        z = np.where((np.abs(along) < 40) & (np.abs(across) < 24), 5.0, 0.0).astype(np.float32)
        frame = Relief(CELL).run(stack({"ndsm": z})[None])["frame"][0]
        middle = frame[np.abs(np.abs(across) - 24) < 1.5]
        found = np.degrees(np.arctan2(*middle.mean(axis=0)[::-1])) / 4
        assert (found - angle + 45) % 90 - 45 == pytest.approx(0, abs=2.0)


def test_the_card_agrees_with_what_comes_out() -> None:
    card = relief_card()
    outputs = Relief(CELL).run(stack({"ndsm": place(40)})[None])
    assert {name: values.shape[-1] for name, values in outputs.items()} == card.outputs
    with pytest.raises(UsageError, match="cell_m"):
        Relief(0.0)
