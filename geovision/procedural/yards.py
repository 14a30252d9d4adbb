"""What covers the ground of blocks: pavements, gardens with beds and terraces, paved yards."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from geovision.procedural.blocks import Blocks, inset_quads
from geovision.procedural.plans import Bool
from geovision.procedural.rng import F64, U64, Keyed, combine, name_key
from geovision.procedural.style import BLOCK_TYPES

__all__ = ["PAVEMENT_M", "Ground", "Yards", "lay_yards"]

PAVEMENT_M = 1.6
"""Width of the pavement inside a block's edge."""
_BED_STEP_M = 6.5
_BED_SHARE = 0.45


class Ground(IntEnum):
    """What the ground is made of."""

    STREET = 0
    PAVEMENT = 1
    GRASS = 2
    PAVED = 3
    SOIL = 4
    SHRUB = 5
    TERRACE = 6


_PAVED_BLOCKS = tuple(BLOCK_TYPES.index(name) for name in ("industrial", "civic"))
_BEDS = {Ground.GRASS: 0.4, Ground.SHRUB: 0.2, Ground.SOIL: 0.12, Ground.TERRACE: 0.28}


@dataclass(frozen=True)
class Yards:
    """The ground of blocks: quadrilaterals that lie on one another, the later above the earlier."""

    ring: F64
    """(yards, 4, 2) counter-clockwise"""
    ground: npt.NDArray[np.uint8]
    key: U64

    def __len__(self) -> int:
        return len(self.ground)

    @staticmethod
    def concat(several: list[Yards]) -> Yards:
        """All yards of several tiles, in order."""
        names = Yards.__dataclass_fields__
        return Yards(*(np.concatenate([getattr(some, name) for some in several]) for name in names))


def lay_yards(blocks: Blocks, seed: int) -> Yards:
    """Each block is pavement with a garden or a paved yard inside; gardens have beds and terraces."""
    inner = inset_quads(blocks.ring, np.full((len(blocks), 4), PAVEMENT_M))
    paved = np.isin(blocks.kind, _PAVED_BLOCKS)
    inside = np.where(paved, int(Ground.PAVED), int(Ground.GRASS))
    pavement = np.full(len(blocks), int(Ground.PAVEMENT))
    beds = _beds(inner[~paved], blocks.keys[~paved], seed)
    return Yards.concat(
        [
            Yards(blocks.ring, pavement.astype(np.uint8), combine(name_key("pavement"), blocks.keys)),
            Yards(inner, inside.astype(np.uint8), combine(name_key("yard"), blocks.keys)),
            beds,
        ]
    )


def _beds(inner: F64, keys: U64, seed: int) -> Yards:
    """Rectangles along the block's first street, on a jittered lattice, where they fit in."""
    edge = inner[:, 1] - inner[:, 0]
    along = edge / np.sqrt((edge**2).sum(axis=1))[:, None]
    inward = np.stack([-along[:, 1], along[:, 0]], axis=1)
    local = inner - inner[:, :1]
    reach = np.stack([(local * axis[:, None]).sum(axis=2) for axis in (along, inward)], axis=2)
    low = np.floor(reach.min(axis=1) / _BED_STEP_M).astype(np.int64)
    high = np.ceil(reach.max(axis=1) / _BED_STEP_M).astype(np.int64)
    count = high - low
    block = np.repeat(np.arange(len(inner)), count.prod(axis=1))
    number = np.arange(len(block)) - np.repeat(
        np.cumsum(count.prod(axis=1)) - count.prod(axis=1), count.prod(axis=1)
    )
    place = np.stack([number % count[block, 0], number // count[block, 0]], axis=1) + low[block]
    key = combine(name_key("bed"), keys[block], number)
    draws = Keyed(seed, key)
    middle = (place + np.stack([draws.uniform("x"), draws.uniform("y")], axis=1)) * _BED_STEP_M
    half = 0.6 + 2.0 * np.stack([draws.uniform("w"), draws.uniform("d")], axis=1)
    signs = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    corner = middle[:, None] + half[:, None] * signs
    ring = inner[block, :1] + corner[..., :1] * along[block, None] + corner[..., 1:] * inward[block, None]
    keep = np.flatnonzero(draws.chance("bed", _BED_SHARE) & _inside(ring, inner[block]))
    kinds = np.array([int(kind) for kind in _BEDS], np.uint8)
    chosen = kinds[draws.take(keep).pick("bed/kind", np.array(list(_BEDS.values())))]
    return Yards(ring[keep], chosen, key[keep])


def _inside(ring: F64, hull: F64) -> Bool:
    """Whether all corners of each ring lie in its convex quadrilateral."""
    edge = np.roll(hull, -1, axis=1) - hull
    gap = ring[:, :, None] - hull[:, None]
    return np.asarray(
        (edge[:, None, :, 0] * gap[..., 1] >= edge[:, None, :, 1] * gap[..., 0]).all(axis=(1, 2))
    )
