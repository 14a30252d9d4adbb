"""A network that trains in a second, and a source of discs for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from geovision.vision.train import Area, Task, TrainConfig


@dataclass(frozen=True)
class Sample:
    x: NDArray[np.float32]
    targets: dict[str, NDArray[Any]]
    weights: dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Discs:
    """Bright discs on noise."""

    seed: int = 0
    bad: int = -1
    """Number of a batch that holds NaN."""

    def batch(self, step: int) -> Sample:
        rng = np.random.default_rng((self.seed, step))
        rows, columns = np.indices((32, 32), np.float32)
        centre, radius = rng.uniform(8, 24, (4, 2)), rng.uniform(4, 9, 4)
        away = np.hypot(rows - centre[:, 0, None, None], columns - centre[:, 1, None, None])
        on = (away < radius[:, None, None]).astype(np.float32)[..., None]
        x = (on + rng.normal(0, 0.3, (4, 32, 32, 3))).astype(np.float32)
        if step == self.bad:
            x[:] = np.nan
        return Sample(x, {"building": on}, {"building": np.ones_like(on)})


def build() -> Any:
    x = keras.Input((None, None, 3), name="x")
    y = keras.layers.Conv2D(8, 3, padding="same", activation="relu", name="first")(x)
    y = keras.layers.BatchNormalization(name="norm")(y)
    y = keras.layers.Dropout(0.1, name="drop")(y)
    y = keras.layers.Conv2D(1, 3, padding="same", name="last", dtype="float32")(y)
    return keras.Model(x, {"building": y}, name="discs")


def loss(targets: Any, weights: Any, outputs: Any) -> tuple[Any, dict[str, Any]]:
    logit, target = outputs["building"], targets["building"]
    cross = ops.relu(logit) - logit * target + ops.log1p(ops.exp(-ops.abs(logit)))
    part = ops.sum(cross * weights["building"]) / ops.sum(weights["building"])
    return 2 * part, {"building": part}


class Overlap:
    def __init__(self) -> None:
        self.both = self.either = 0

    def add(self, batch: Any, outputs: Mapping[str, NDArray[np.float32]]) -> None:
        said, true = outputs["building"] > 0, batch.targets["building"] > 0.5
        self.both += int((said & true).sum())
        self.either += int((said | true).sum())

    def result(self) -> dict[str, float]:
        return {"iou": self.both / max(self.either, 1)}


def task(bad: int = -1) -> Task:
    return Task(build, Discs(bad=bad), loss, validation={"discs": Area(Discs(seed=9), 2)}, measure=Overlap)


def plain_build() -> Any:
    """Without layers that see the other samples of a batch, or chance."""
    x = keras.Input((None, None, 3), name="x")
    y = keras.layers.Conv2D(8, 3, padding="same", activation="relu", name="first")(x)
    y = keras.layers.Conv2D(1, 3, padding="same", name="last")(y)
    return keras.Model(x, {"building": y}, name="discs")


def plain_task() -> Task:
    return replace(task(), build=plain_build)


def config(steps: int = 30, **run: Any) -> TrainConfig:
    every = {"log_every": 5, "save_every": 4, "evaluate_every": 15, **run}
    return TrainConfig.model_validate(
        {"seed": 3, "steps": steps, "optimiser": {"rate": 0.02, "warmup": 3, "ema": 0.9}, "run": every}
    )


def plain_config(devices: int) -> TrainConfig:
    """Without clipping, which tf.distribute does on each device for its part of the batch."""
    found = config(12, devices=devices, evaluate_every=6)
    return found.model_copy(update={"optimiser": found.optimiser.model_copy(update={"clip": 1e6})})
