"""What covers the land: streets, pavements, gardens, paved yards, and where walls stand, on a fine grid."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from geovision.procedural.blocks import Blocks, inset_quads
from geovision.procedural.rng import F64
from geovision.procedural.style import BLOCK_TYPES

__all__ = ["PAVEMENT_M", "Ground", "Yards", "lay_yards"]

PAVEMENT_M = 1.6
"""Width of the pavement inside a block's edge."""


class Ground(IntEnum):
    """What the ground is made of."""

    STREET = 0
    PAVEMENT = 1
    GRASS = 2
    PAVED = 3


_PAVED_BLOCKS = tuple(BLOCK_TYPES.index(name) for name in ("industrial", "civic"))


@dataclass(frozen=True)
class Yards:
    """The ground of blocks: quadrilaterals that lie on one another, the later above the earlier."""

    ring: F64
    """(yards, 4, 2) counter-clockwise"""
    cover: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.cover)


def lay_yards(blocks: Blocks) -> Yards:
    """Each block is pavement with a garden or a paved yard inside."""
    inner = inset_quads(blocks.ring, np.full((len(blocks), 4), PAVEMENT_M))
    inside = np.where(np.isin(blocks.kind, _PAVED_BLOCKS), int(Ground.PAVED), int(Ground.GRASS))
    return Yards(
        np.concatenate([blocks.ring, inner]),
        np.concatenate([np.full(len(blocks), int(Ground.PAVEMENT)), inside]).astype(np.uint8),
    )
