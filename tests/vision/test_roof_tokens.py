"""What the roof network sees of a building depends neither on its place nor on the order of points."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from geovision.vision.roofs.batches import outlines_of
from geovision.vision.roofs.frames import Frames, frames_of, owners, turned_frames
from geovision.vision.roofs.tokens import CELLS, EDGES, Outlines, Tokens, tokens_of
from geovision.vision.roofs.towns import Buildings, load_buildings, make_town, save_buildings

F64 = NDArray[np.float64]


@pytest.fixture(scope="module")
def town() -> Buildings:
    return make_town("mixed", 11, 40)


def seen(outlines: Outlines, points: F64, offsets: NDArray[np.int64]) -> tuple[Frames, Tokens]:
    frames = frames_of(*outlines.shells())
    return frames, tokens_of(frames, outlines, points, offsets)


def moved(outlines: Outlines, points: F64, angle: float, by: F64, scale: float) -> tuple[Outlines, F64]:
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    xy = scale * outlines.xy @ turn + by
    there = np.column_stack([scale * points[:, :2] @ turn + by, scale * points[:, 2]])
    return Outlines(outlines.ring_offsets, outlines.vertex_offsets, xy, outlines.shared), there


def lopsided(frames: Frames, outlines: Outlines) -> NDArray[np.bool_]:
    """Buildings whose plan is not its own image after part of a turn, so that they have one frame only."""
    xy, offsets = outlines.shells()
    local = frames.into(xy, owners(offsets))
    mean = np.add.reduceat(local, offsets[:-1]) / np.diff(offsets)[:, None]
    return (np.abs(mean) > 0.05).any(axis=1) & (frames.half[:, 0] > 1.02 * frames.half[:, 1])


@pytest.mark.parametrize("angle", [0.0, 0.7, 2.5, -1.6])
def test_a_building_looks_the_same_wherever_it_lies(town: Buildings, angle: float) -> None:
    outlines, points = outlines_of(town), town.points.astype(np.float64)
    frames, tokens = seen(outlines, points, town.point_offsets)
    other, there = moved(outlines, points, angle, np.array([310.0, -42.0]), 1.0)
    _, again = seen(other, there, town.point_offsets)
    same = lopsided(frames, outlines)
    assert same.sum() >= 3
    for name, values in tokens.arrays().items():
        # A point on the line between two cells may fall on either side.
        close = np.isclose(values[same], again.arrays()[name][same], atol=2e-3)
        assert close.mean() > 0.995, name


def test_a_symmetric_plan_has_the_same_tokens_up_to_its_symmetry() -> None:
    shell = np.array([[0.0, 0.0], [8.0, 0.0], [8.0, 6.0], [0.0, 6.0]])
    frame = frames_of(shell, np.array([0, 4]))
    turned = frames_of(shell[[2, 3, 0, 1]], np.array([0, 4]))
    assert np.allclose(np.abs(np.cos(frame.angle - turned.angle)), 1)


def test_the_order_of_points_does_not_matter(town: Buildings) -> None:
    outlines, points = outlines_of(town), town.points.astype(np.float64)
    _, tokens = seen(outlines, points, town.point_offsets)
    rng = np.random.default_rng(0)
    order = np.concatenate(
        [
            first + rng.permutation(last - first)
            for first, last in np.c_[town.point_offsets[:-1], town.point_offsets[1:]]
        ]
    )
    _, again = seen(outlines, points[order], town.point_offsets)
    for name, values in tokens.arrays().items():
        assert np.allclose(values, again.arrays()[name], atol=1e-5), name


def test_masks_say_where_tokens_are(town: Buildings) -> None:
    outlines, points = outlines_of(town), town.points.astype(np.float64)
    _, tokens = seen(outlines, points, town.point_offsets)
    filled = (tokens.middle >= 0).any(axis=2)
    assert np.array_equal(tokens.mask[:, :CELLS], filled)
    walls = np.minimum(np.diff(town.vertex_offsets)[town.ring_offsets[:-1]], EDGES)
    assert (tokens.mask[:, CELLS:].sum(axis=1) >= walls).all()
    assert not tokens.cells[~filled].any()
    assert not tokens.edges[tokens.mask[:, CELLS:] == 0].any()
    assert all(np.isfinite(values).all() for values in tokens.arrays().values())


def test_a_building_without_points_has_walls_alone(town: Buildings) -> None:
    outlines = outlines_of(town)
    _, tokens = seen(outlines, np.zeros((0, 3)), np.zeros(len(town) + 1, np.int64))
    assert not tokens.mask[:, :CELLS].any()
    assert tokens.mask[:, CELLS:].any(axis=1).all()


def test_frames_go_there_and_back(town: Buildings) -> None:
    outlines = outlines_of(town)
    frames = frames_of(*outlines.shells())
    rng = np.random.default_rng(1)
    frames = turned_frames(frames, rng.integers(0, 4, len(frames)), rng.random(len(frames)) < 0.5)
    owner = owners(outlines.ring_offsets)[owners(outlines.vertex_offsets)]
    local = frames.into(outlines.xy, owner)
    assert np.abs(local).max() <= 1 + 1e-6
    back = frames.back(local * frames.scale[owner, None], owner) + frames.centre[owner]
    assert np.allclose(back, outlines.xy)


def test_towns_are_kept_in_files(town: Buildings, tmp_path: Path) -> None:
    save_buildings(tmp_path / "town.npz", town)
    again = load_buildings(tmp_path / "town.npz")
    assert np.array_equal(again.points, town.points)
    assert np.array_equal(again.kind, town.kind)
    some = town.take(np.array([3, 1]))
    assert len(some) == 2
    first = slice(*town.part_offsets[3:5])
    assert np.array_equal(some.eave[: some.part_offsets[1]], town.eave[first])
