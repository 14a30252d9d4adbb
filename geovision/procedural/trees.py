"""Trees: where they stand, how large they are, and which of them hang over a roof."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from geovision.procedural.blocks import Blocks
from geovision.procedural.plans import I64, Bool
from geovision.procedural.rng import F64, Keyed, combine, name_key
from geovision.procedural.roofs import mm
from geovision.procedural.site import Site
from geovision.procedural.style import Style
from geovision.procedural.yards import PAVEMENT_M, Ground

__all__ = ["Trees", "plant_trees"]

_STREET_STEP_M = 9.0
_MIN_CROWN_M = 0.4


@dataclass(frozen=True)
class Trees:
    """Trees as columns. Heights are above the foot."""

    foot: F64
    """(trees, 3)"""
    height: F64
    crown: F64
    """Radius of the crown."""
    trunk: F64
    """Height of the crown's underside."""
    conifer: Bool
    key: npt.NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.height)

    def take(self, index: I64 | Bool) -> Trees:
        """Some of the trees."""
        return Trees(*(getattr(self, name)[index] for name in self.__dataclass_fields__))

    @staticmethod
    def concat(several: list[Trees]) -> Trees:
        """All trees of several tiles, in order."""
        names = Trees.__dataclass_fields__
        return Trees(*(np.concatenate([getattr(some, name) for some in several]) for name in names))


def plant_trees(blocks: Blocks, site: Site, style: Style, seed: int) -> Trees:
    """Trees of one tile; the feet's heights are still 0."""
    xy, keys, places = _candidates(blocks, style, seed)
    draws = Keyed(seed, keys)
    cover, clear = site.look_up(xy)
    chance = np.zeros(len(xy))
    scene = Keyed(seed, combine(name_key("trees")))
    for land, name in ((Ground.GRASS, "garden"), (Ground.PAVED, "paved")):
        share = float(getattr(style.trees, name).sample(scene, f"trees/{name}")[0])
        chance[(cover == land) & ~places] = share
    chance[places] = float(style.trees.street.sample(scene, "trees/street")[0])
    distance = style.trees.clearance_m.sample(draws, "tree/clearance")
    stands = draws.chance("tree", chance) & (clear >= distance)
    xy, draws, keys, clear, places = (
        xy[stands],
        draws.take(stands),
        keys[stands],
        clear[stands],
        places[stands],
    )
    height = style.trees.height_m.sample(draws, "tree/height")
    conifer = draws.chance("tree/conifer", style.trees.conifer) & ~places
    ratio = style.trees.crown_ratio.sample(draws, "tree/crown") * np.where(conifer, 0.6, 1.0)
    crown = height * ratio
    over = draws.chance("tree/overhang", style.trees.overhang)
    crown = np.where(over, crown, np.minimum(crown, np.maximum(clear - 0.3, _MIN_CROWN_M)))
    # Street trees are pruned for the traffic below them.
    bare = height * style.trees.trunk_ratio.sample(draws, "tree/trunk")
    trunk = np.minimum(np.where(places, np.maximum(bare, 2.0), bare), 0.6 * height)
    foot = np.column_stack([mm(xy), np.zeros(len(xy))])
    return Trees(foot, mm(height), mm(crown), mm(trunk), conifer, keys)


def _candidates(blocks: Blocks, style: Style, seed: int) -> tuple[F64, npt.NDArray[np.uint64], Bool]:
    """Places, their keys, and whether they are along a street."""
    if not len(blocks):
        return np.zeros((0, 2)), np.zeros(0, np.uint64), np.zeros(0, bool)
    step = style.trees.spacing_m
    low = np.floor(blocks.ring.min(axis=(0, 1)) / step).astype(np.int64)
    high = np.ceil(blocks.ring.max(axis=(0, 1)) / step).astype(np.int64)
    column, row = (
        grid.ravel() for grid in np.meshgrid(np.arange(low[0], high[0]), np.arange(low[1], high[1]))
    )
    keys = combine(name_key("tree"), column, row)
    draws = Keyed(seed, keys)
    xy = (np.column_stack([column, row]) + np.column_stack([draws.uniform("x"), draws.uniform("y")])) * step
    kerb_xy, kerb_keys = _along_kerbs(blocks, seed)
    along = np.repeat([False, True], [len(xy), len(kerb_xy)])
    return np.concatenate([xy, kerb_xy]), np.concatenate([keys, kerb_keys]), along


def _along_kerbs(blocks: Blocks, seed: int) -> tuple[F64, npt.NDArray[np.uint64]]:
    edge = np.roll(blocks.ring, -1, axis=1) - blocks.ring
    length = np.sqrt((edge**2).sum(axis=2))
    count = np.floor((length - 8.0) / _STREET_STEP_M).clip(0).astype(np.int64)
    flat = np.repeat(np.arange(count.size), count.ravel())
    number = np.arange(len(flat)) - np.repeat(np.cumsum(count.ravel()) - count.ravel(), count.ravel())
    block, side = flat // 4, flat % 4
    keys = combine(name_key("street tree"), blocks.keys[block], side, number)
    draws = Keyed(seed, keys)
    along = edge[block, side] / length[block, side][:, None]
    inward = np.stack([-along[:, 1], along[:, 0]], axis=1)
    place = 4.0 + (number + 0.3 + 0.4 * draws.uniform("along")) * _STREET_STEP_M
    xy = blocks.ring[block, side] + along * place[:, None] + inward * (PAVEMENT_M / 2)
    return xy, keys
