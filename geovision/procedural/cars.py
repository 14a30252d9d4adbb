"""Cars parked along kerbs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from geovision.procedural.blocks import Blocks
from geovision.procedural.plans import I64, Bool
from geovision.procedural.rng import F64, Keyed, combine, name_key
from geovision.procedural.style import Style

__all__ = ["Cars", "park_cars"]

_SLOT_M = 6.0
_CORNER_M = 7.0
"""Nobody parks this close to a crossing."""


@dataclass(frozen=True)
class Cars:
    """Cars as columns."""

    middle: F64
    """(cars, 3) on the road."""
    along: F64
    """(cars, 2) unit vector of the driving direction."""
    length: F64
    width: F64
    height: F64
    key: npt.NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.length)

    def take(self, index: I64 | Bool) -> Cars:
        """Some of the cars."""
        return Cars(*(getattr(self, name)[index] for name in self.__dataclass_fields__))

    @staticmethod
    def concat(several: list[Cars]) -> Cars:
        """All cars of several tiles, in order."""
        names = Cars.__dataclass_fields__
        return Cars(*(np.concatenate([getattr(some, name) for some in several]) for name in names))


def park_cars(blocks: Blocks, style: Style, seed: int) -> Cars:
    """Cars of one tile; the roads' heights are still 0."""
    edge = np.roll(blocks.ring, -1, axis=1) - blocks.ring
    length = np.sqrt((edge**2).sum(axis=2))
    count = np.floor((length - 2 * _CORNER_M) / _SLOT_M).clip(0).astype(np.int64).ravel()
    flat = np.repeat(np.arange(count.size), count)
    number = np.arange(len(flat)) - np.repeat(np.cumsum(count) - count, count)
    block, side = flat // 4, flat % 4
    keys = combine(name_key("car"), blocks.keys[block], side, number)
    draws = Keyed(seed, keys)
    scene = Keyed(seed, combine(name_key("cars")))
    here = draws.chance("car", float(style.cars.street.sample(scene, "cars/street")[0]))
    block, side, number, keys, draws = block[here], side[here], number[here], keys[here], draws.take(here)
    along = edge[block, side] / length[block, side][:, None]
    inward = np.stack([-along[:, 1], along[:, 0]], axis=1)
    size = {
        name: np.round(getattr(style.cars, f"{name}_m").sample(draws, f"car/{name}"), 3)
        for name in ("length", "width", "height")
    }
    place = _CORNER_M + (number + 0.5 + 0.15 * (draws.uniform("along") - 0.5)) * _SLOT_M
    out = size["width"] / 2 + 0.15 + 0.2 * draws.uniform("out")
    middle = blocks.ring[block, side] + along * place[:, None] - inward * out[:, None]
    middle = np.column_stack([np.round(middle, 3), np.zeros(len(middle))])
    return Cars(middle, along, size["length"], size["width"], size["height"], keys)
