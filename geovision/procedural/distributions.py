"""Distributions that a style file can name, drawn for many buildings at once.

A knob is a number (always that), or a table: `{ dist = "uniform", low = 4, high = 6 }`,
`{ dist = "normal", mean = 35, sd = 6, low = 20, high = 50 }`,
`{ dist = "lognormal", median = 9, sigma = 0.2, low = 5, high = 15 }`,
`{ dist = "choice", values = [2, 3], weights = [0.8, 0.2] }`, `{ dist = "constant", value = 3 }`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from geovision.procedural.rng import F64, Keyed

__all__ = ["Choice", "Constant", "Distribution", "Lognormal", "Normal", "Uniform"]

Finite = Annotated[float, Field(allow_inf_nan=False)]


class _Base(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    def sample(self, draws: Keyed, name: str) -> F64:
        """One value per key of `draws`."""
        raise NotImplementedError


class Constant(_Base):
    """Always the same value."""

    dist: Literal["constant"] = "constant"
    value: Finite

    def sample(self, draws: Keyed, name: str) -> F64:
        """One value per key of `draws`."""
        return np.full(len(draws), self.value)

    def bounds(self) -> tuple[float, float]:
        """The smallest and the largest value that can come."""
        return self.value, self.value


class Uniform(_Base):
    """Every value between low and high alike."""

    dist: Literal["uniform"]
    low: Finite
    high: Finite

    @model_validator(mode="after")
    def _ordered(self) -> Uniform:
        if self.low > self.high:
            raise ValueError(f"low {self.low} is above high {self.high}; swap them")
        return self

    def sample(self, draws: Keyed, name: str) -> F64:
        """One value per key of `draws`."""
        return self.low + (self.high - self.low) * draws.uniform(name)

    def bounds(self) -> tuple[float, float]:
        """The smallest and the largest value that can come."""
        return self.low, self.high


class Normal(_Base):
    """A bell curve, cut at low and high (values outside are moved to the limit)."""

    dist: Literal["normal"]
    mean: Finite
    sd: Annotated[Finite, Field(ge=0)]
    low: Finite
    high: Finite

    @model_validator(mode="after")
    def _ordered(self) -> Normal:
        if not self.low <= self.mean <= self.high:
            raise ValueError(f"mean {self.mean} is not between low {self.low} and high {self.high}")
        return self

    def sample(self, draws: Keyed, name: str) -> F64:
        """One value per key of `draws`."""
        return np.clip(self.mean + self.sd * draws.normal(name), self.low, self.high)

    def bounds(self) -> tuple[float, float]:
        """The smallest and the largest value that can come."""
        return self.low, self.high


class Lognormal(_Base):
    """Skewed to large values: half are below the median; sigma is the spread of the logarithm."""

    dist: Literal["lognormal"]
    median: Annotated[Finite, Field(gt=0)]
    sigma: Annotated[Finite, Field(ge=0)]
    low: Annotated[Finite, Field(ge=0)]
    high: Finite

    @model_validator(mode="after")
    def _ordered(self) -> Lognormal:
        if not self.low <= self.median <= self.high:
            raise ValueError(f"median {self.median} is not between low {self.low} and high {self.high}")
        return self

    def sample(self, draws: Keyed, name: str) -> F64:
        """One value per key of `draws`."""
        return np.clip(self.median * np.exp(self.sigma * draws.normal(name)), self.low, self.high)

    def bounds(self) -> tuple[float, float]:
        """The smallest and the largest value that can come."""
        return self.low, self.high


class Choice(_Base):
    """One of a few values; without weights all alike."""

    dist: Literal["choice"]
    values: Annotated[tuple[Finite, ...], Field(min_length=1)]
    weights: tuple[Annotated[Finite, Field(ge=0)], ...] | None = None

    @model_validator(mode="after")
    def _matching(self) -> Choice:
        if self.weights is None:
            return self
        if len(self.weights) != len(self.values):
            raise ValueError(f"{len(self.values)} values but {len(self.weights)} weights; give one per value")
        if sum(self.weights) <= 0:
            raise ValueError("all weights are 0; give at least one above 0")
        return self

    def sample(self, draws: Keyed, name: str) -> F64:
        """One value per key of `draws`."""
        weights = np.ones(len(self.values)) if self.weights is None else np.array(self.weights)
        return np.array(self.values)[draws.pick(name, weights)]

    def bounds(self) -> tuple[float, float]:
        """The smallest and the largest value that can come."""
        return min(self.values), max(self.values)


def _expand(value: Any) -> Any:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return {"dist": "constant", "value": value}
    return value


Distribution = Annotated[
    Annotated[Constant | Uniform | Normal | Lognormal | Choice, Field(discriminator="dist")],
    BeforeValidator(_expand),
]
