"""Losses of the scene network: known values, weights, and masks that are empty."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from geovision.vision.nets import OUTPUTS, scene_loss

Arrays = dict[str, NDArray[Any]]
SHAPE = (2, 8, 8)


def targets(rng: np.random.Generator) -> Arrays:
    angle = rng.uniform(0, 7, SHAPE)
    slope = rng.normal((0, 0, 3), 1, (*SHAPE, 3))
    return {
        "building": (rng.random((*SHAPE, 1)) < 0.4).astype(np.float32),
        "boundary": (rng.random((*SHAPE, 1)) < 0.1).astype(np.float32),
        "frame": np.stack([np.cos(angle), np.sin(angle)], -1).astype(np.float32),
        "height": rng.uniform(0, 30, (*SHAPE, 1)).astype(np.float32),
        "normal": (slope / np.linalg.norm(slope, axis=-1, keepdims=True)).astype(np.float32),
        "kind": rng.integers(0, OUTPUTS["kind"], (*SHAPE, 1)).astype(np.int32),
    }


def weights(value: float = 1.0) -> Arrays:
    return {name: np.full((*SHAPE, 1), value, np.float32) for name in OUTPUTS}


def perfect(target: Arrays) -> Arrays:
    log_sigma = np.full((*SHAPE, 1), -2.0)
    return {
        "building": 60 * target["building"] - 30,
        "boundary": 60 * target["boundary"] - 30,
        "frame": target["frame"],
        "height": np.concatenate([target["height"], log_sigma], -1),
        "normal": target["normal"],
        "kind": 60.0 * np.eye(OUTPUTS["kind"])[target["kind"][..., 0]],
    }


def noise(rng: np.random.Generator, size: float = 1.0) -> Arrays:
    return {name: rng.normal(scale=size, size=(*SHAPE, k)).astype(np.float32) for name, k in OUTPUTS.items()}


def value(target: Arrays, weight: Arrays, output: Arrays) -> dict[str, float]:
    total, parts = scene_loss(target, weight, output)
    return {"total": float(total), **{name: float(part) for name, part in parts.items()}}


def test_perfect_outputs_cost_nothing_but_the_logarithm_of_sigma() -> None:
    target = targets(np.random.default_rng(1))
    parts = value(target, weights(), perfect(target))
    assert parts.pop("height") == pytest.approx(-2, abs=1e-5)
    parts.pop("total")
    assert parts == pytest.approx(dict.fromkeys(parts, 0), abs=1e-5)


def test_known_values() -> None:
    target: Arrays = {
        "building": np.ones((1, 2, 2, 1), np.float32),
        "height": np.full((1, 2, 2, 1), 7, np.float32),
    }
    output = {
        "building": np.zeros((1, 2, 2, 1)),
        "height": np.concatenate([np.full((1, 2, 2, 1), 5.0)] * 2, -1),
    }
    ones: Arrays = {name: np.ones((1, 2, 2, 1), np.float32) for name in target}
    parts = value(target, ones, output)
    assert parts["building"] == pytest.approx(np.log(2))
    assert parts["dice"] == pytest.approx(1 - 2 * 2 / 6)
    assert parts["height"] == pytest.approx(2 * np.exp(-5) + 5)


def test_pixels_without_weight_change_nothing() -> None:
    rng = np.random.default_rng(2)
    target, output, weight = targets(rng), noise(rng), weights()
    for name in weight:
        weight[name][:, :3] = 0
    before = value(target, weight, output)
    for name, wrong in noise(rng, 50).items():
        output[name][:, :3] = wrong[:, :3]
    assert value(target, weight, output) == pytest.approx(before, rel=1e-6)


@pytest.mark.parametrize("size", [1.0, 1e4])
@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_finite_for_wild_outputs_and_empty_masks(size: float, weight: float) -> None:
    rng = np.random.default_rng(3)
    output = noise(rng, size)
    output["height"][..., 1] = np.clip(output["height"][..., 1], -2.5, 3.5)
    target = targets(rng)
    assert np.isfinite(list(value(target, weights(weight), output).values())).all()
    if weight == 0:
        assert set(value(target, weights(0), output).values()) == {0.0}


def test_outputs_without_a_label_are_not_trained() -> None:
    rng = np.random.default_rng(4)
    target, output = targets(rng), noise(rng)
    few = {name: target[name] for name in ("building", "frame")}
    assert set(value(few, weights(), output)) == {"total", "building", "dice", "frame"}
