"""What the loop must know of a network to train it: how to build, feed, judge and picture it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Area", "Batch", "Measure", "Source", "Task"]


class Batch(Protocol):
    """What one step sees: arrays (or dictionaries of arrays) whose first axis is the sample."""

    @property
    def x(self) -> Any:
        """Input of the network."""

    @property
    def targets(self) -> Mapping[str, NDArray[Any]]:
        """Truth by output."""

    @property
    def weights(self) -> Mapping[str, NDArray[np.float32]]:
        """How much each element of the truth counts, by output."""


class Source(Protocol):
    """An endless supply of batches by number. It can be pickled, for workers that are processes."""

    def batch(self, step: int) -> Batch:
        """The batch of a step: the same whenever and wherever it is asked for."""


class Measure(Protocol):
    """Figures over several batches, pooled."""

    def add(self, batch: Batch, outputs: Mapping[str, NDArray[np.float32]]) -> None:
        """Count a batch."""

    def result(self) -> dict[str, float]:
        """The figures over all that was counted, by name."""


@dataclass(frozen=True)
class Area:
    """Fixed batches that are never trained on."""

    source: Source
    batches: int = 4
    """Numbers 0 to this, without it."""


Loss = Callable[[Any, Any, Any], tuple[Any, dict[str, Any]]]


@dataclass(frozen=True)
class Task:
    """One network and what it learns from."""

    build: Callable[[], Any]
    """Makes the Keras model, with weights from Keras' global seed."""
    source: Source
    loss: Loss
    """From targets, weights and outputs to the total and its parts by name, in `keras.ops`."""
    validation: Mapping[str, Area] = field(default_factory=dict)
    measure: Callable[[], Measure] | None = None
    picture: Callable[[Batch, Mapping[str, NDArray[np.float32]]], NDArray[np.uint8]] | None = None
    """Samples of a batch with truth and prediction side by side, [rows, columns, 3]."""
    amount: Callable[[Batch], float] = lambda batch: float(len(next(iter(batch.targets.values()))))
    """How much a batch holds, in `unit`, for the throughput."""
    unit: str = "samples"
    card: Mapping[str, Any] = field(default_factory=dict)
    """What the model's card says beyond what the loop knows; `kind` and `network` at least."""
