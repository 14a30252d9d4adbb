"""`Trainee`: a network with its loss and optimiser, whose step is compiled by whatever backend Keras has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from geovision.errors import InputError
from geovision.vision.train.devices import per_replica, shared_out
from geovision.vision.train.optimiser import AveragingAdamW
from geovision.vision.train.task import Batch, Loss

__all__ = ["Trainee"]


class Trainee(keras.Model):  # type: ignore[misc]
    """Calls the network; trains it with a loss that sees all outputs at once.

    Args:
        network: to be trained.
        loss: from targets, weights and outputs to the total and its parts.
        parts: names of the parts.
        strategy: of `devices.spread`.
    """

    def __init__(self, network: Any, loss: Loss, parts: list[str], strategy: Any = None) -> None:
        # The network casts by itself; in bfloat16 its heights would arrive in steps of 12 cm.
        super().__init__(name="trainee", dtype="float32")
        self.network = network
        self._loss_of, self._strategy = loss, strategy
        self.parts = {name: keras.metrics.Mean(name=name) for name in parts}
        self.built = True

    def call(self, x: Any, training: bool = False) -> Any:
        """Outputs of the network."""
        return self.network(x, training=training)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """The total; its parts go into metrics."""
        total, parts = self._loss_of(y, sample_weight, y_pred)
        for name, value in parts.items():
            self.parts[name].update_state(value)
        return per_replica(total)

    def step(self, batch: Batch) -> dict[str, float]:
        """One step of training: the loss and its parts before the step."""
        x, targets, weights = shared_out(self._strategy, (batch.x, dict(batch.targets), dict(batch.weights)))
        logs = self.train_on_batch(x, targets, weights, return_dict=True)
        return {name: float(value) for name, value in logs.items()}

    def outputs(self, x: Any) -> dict[str, NDArray[np.float32]]:
        """What the network says now."""
        found = self.predict_on_batch(x)
        # With tf.distribute every device has answered for the whole batch, one after the other.
        size = len(keras.tree.flatten(x)[0])
        return {name: np.asarray(value[:size], np.float32) for name, value in found.items()}

    def learning_rate(self) -> float:
        """Of the next step."""
        return float(_numpy(self.optimizer.learning_rate))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All that the next step depends on."""
        found = {f"network/{one.path}": one for one in self.network.variables}
        found |= {f"optimiser/{number}": one for number, one in enumerate(self.optimizer.variables)}
        return {name: _numpy(one) for name, one in found.items()}

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take over what `arrays` gave."""
        found = {f"network/{one.path}": one for one in self.network.variables}
        found |= {f"optimiser/{number}": one for number, one in enumerate(self.optimizer.variables)}
        same = found.keys() == arrays.keys() and all(
            tuple(one.shape) == arrays[name].shape for name, one in found.items()
        )
        if not same:
            raise InputError("state", "is of another network or optimiser", "Train anew")
        for name, variable in found.items():
            variable.assign(arrays[name])

    def averaged_weights(self) -> dict[str, NDArray[np.float32]]:
        """Weights by their path: averages of what is trained, and what is not trained as it is."""
        found = {one.path: one for one in self.network.non_trainable_variables if "seed" not in one.name}
        found |= {
            one.path: average
            for one, average in zip(self.network.trainable_variables, self._averages(), strict=True)
        }
        return {path: _numpy(one).astype(np.float32) for path, one in found.items()}

    def start_from(self, arrays: Mapping[str, NDArray[Any]]) -> tuple[int, int]:
        """Take over weights where name and shape agree; how many did, and how many there are."""
        weights = [one for one in self.network.variables if "seed" not in one.name]
        taken = 0
        for variable in weights:
            values = arrays.get(variable.path)
            if values is not None and values.shape == tuple(variable.shape):
                variable.assign(values)
                taken += 1
        return taken, len(weights)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """In the block the network has the average weights."""
        live = [_numpy(one) for one in self.network.trainable_variables]
        for one, average in zip(self.network.trainable_variables, self._averages(), strict=True):
            # A copy: two variables must not share a buffer that a compiled step may take over.
            one.assign(_numpy(average))
        try:
            yield
        finally:
            for one, values in zip(self.network.trainable_variables, live, strict=True):
                one.assign(values)

    def _averages(self) -> list[Any]:
        optimiser = self.optimizer
        assert isinstance(optimiser, AveragingAdamW)
        return optimiser.averages


def _numpy(variable: Any) -> NDArray[Any]:
    """A copy: some backends hand out what they go on writing to."""
    return np.array(ops.convert_to_numpy(ops.copy(variable)))
