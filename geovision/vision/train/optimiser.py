"""AdamW with warm-up, cosine, clipping by the global norm, and an average of the weights."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from geovision.vision.train.config import OptimiserConfig

__all__ = ["AveragingAdamW", "make_optimiser"]

_EARLY = 10.0
"""After n steps the average remembers at most n of n + 10 parts, so that it soon leaves the random start."""


class AveragingAdamW(keras.optimizers.AdamW):  # type: ignore[misc]
    """Keras' AdamW, whose average of the weights follows quickly at first."""

    @property
    def ema_momentum(self) -> Any:
        """How much of the average is kept in this step."""
        done = ops.cast(self.iterations, "float32")
        return ops.minimum(self._ema_momentum, done / (done + _EARLY))

    @ema_momentum.setter
    def ema_momentum(self, value: float) -> None:
        self._ema_momentum = float(value)

    @property
    def averages(self) -> list[Any]:
        """Averages of the trainable weights, in their order."""
        return [variable for variable in self.variables if variable.name.endswith("_average")]


def make_optimiser(config: OptimiserConfig, steps: int, variables: list[Any]) -> AveragingAdamW:
    """The optimiser of a run of that many steps, built for the variables."""
    warmup = min(config.warmup, steps - 1)
    schedule = keras.optimizers.schedules.CosineDecay(
        config.rate / (warmup + 1) if warmup else config.rate,
        decay_steps=steps - warmup,
        alpha=config.final,
        warmup_target=config.rate if warmup else None,
        warmup_steps=warmup,
    )
    optimiser = AveragingAdamW(
        schedule,
        weight_decay=config.decay,
        beta_2=config.beta_2,
        global_clipnorm=config.clip,
        use_ema=True,
        ema_momentum=config.ema,
        name="adamw",
    )
    optimiser.exclude_from_weight_decay(var_list=[one for one in variables if len(one.shape) < 2])
    optimiser.build(variables)
    return optimiser
