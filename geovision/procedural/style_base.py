"""What every table of a style is made of: shares, weights, and distributions kept within limits."""

from __future__ import annotations

import difflib
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from geovision.procedural.distributions import Choice, Constant, Distribution, Lognormal, Normal, Uniform

__all__ = [
    "Count",
    "Distance",
    "Factor",
    "Fraction",
    "Length",
    "Proportion",
    "Share",
    "Size",
    "Small",
    "Table",
    "Weight",
    "weights",
    "within",
]

Share = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]


def within(low: float, high: float) -> AfterValidator:
    """Refuses a distribution that can leave low ... high."""

    def check(dist: Constant | Uniform | Normal | Lognormal | Choice) -> Any:
        least, most = dist.bounds()
        if not low <= least <= most <= high:
            raise ValueError(f"values run from {least:g} to {most:g}; keep them between {low:g} and {high:g}")
        return dist

    return AfterValidator(check)


Proportion = Annotated[Distribution, within(0, 1)]
Fraction = Annotated[Distribution, within(0.05, 0.95)]
Factor = Annotated[Distribution, within(0.05, 10)]
Size = Annotated[Distribution, within(0.1, 100)]
Small = Annotated[Distribution, within(0, 10)]
Length = Annotated[Distribution, within(2, 2000)]
Distance = Annotated[Distribution, within(0, 200)]
Count = Annotated[Distribution, within(1, 200)]


def weights(names: tuple[str, ...], what: str) -> Any:
    """Refuses a table of weights with an unknown name, or with nothing above 0."""

    def check(value: dict[str, float]) -> dict[str, float]:
        for name in value:
            if name not in names:
                close = difflib.get_close_matches(name, names, 1)
                hint = f"did you mean {close[0]!r}?" if close else f"use {', '.join(names)}"
                raise ValueError(f"{name!r} is no {what}; {hint}")
        if sum(value.values()) <= 0:
            raise ValueError(f"no {what} has a weight above 0; give at least one")
        return value

    return check


class Table(BaseModel):
    """A table of a style: frozen, and without keys that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")
