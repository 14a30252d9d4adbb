"""Batches to train a roof network on: buildings as a sensor might see them, in frames turned at random."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision.model.kinds import RoofKind
from geovision.vision.roofs.augment import Sensor, seen
from geovision.vision.roofs.frames import Frames, frames_of, owners, turned_frames
from geovision.vision.roofs.targets import directions_of, targets_of
from geovision.vision.roofs.tokens import CELLS, QUARTERS, Outlines, Tokens, tokens_of
from geovision.vision.roofs.towns import Buildings

__all__ = ["RoofBatch", "RoofSource", "batch_of", "draw_weights", "outlines_of"]

I64 = NDArray[np.int64]
F32 = NDArray[np.float32]

_SLOPE_CLIP = 3.0


@dataclass(frozen=True)
class RoofBatch:
    """Buildings as the network sees them, and what it is to say."""

    x: dict[str, F32]
    targets: dict[str, NDArray[Any]]
    weights: dict[str, F32]


@dataclass(frozen=True)
class RoofSource:
    """Batches by number: each depends on these fields and its number alone."""

    buildings: Buildings
    """To draw from."""
    size: int = 64
    """Buildings in a batch."""
    seed: int = 0
    sensor: Sensor = field(default_factory=Sensor)
    flatness: float = 0.35
    """0 draws buildings as they come, 1 each roof kind as often as any other."""

    @cached_property
    def _share(self) -> NDArray[np.float64]:
        return draw_weights(self.buildings, self.flatness)

    def batch(self, step: int) -> RoofBatch:
        """The batch of a step."""
        rng = np.random.default_rng([self.seed, step])
        rows = rng.choice(len(self.buildings), self.size, p=self._share)
        return batch_of(self.buildings.take(rows), self.sensor, rng)


def draw_weights(buildings: Buildings, flatness: float) -> NDArray[np.float64]:
    """How often to draw each building, by its rarest kind."""
    share = np.bincount(buildings.kind, minlength=len(RoofKind)) / len(buildings.kind)
    rarest = np.minimum.reduceat(share[buildings.kind], buildings.part_offsets[:-1])
    weight = np.maximum(rarest, 1e-3) ** -flatness
    return np.asarray(weight / weight.sum())


def outlines_of(buildings: Buildings, rng: np.random.Generator | None = None) -> Outlines:
    """The outlines of buildings; some walls are said to be shared, as in a row, where `rng` is given."""
    shared = np.zeros(len(buildings.xy), bool)
    if rng is not None:
        row = rng.random(len(buildings)) < 0.3
        owner = owners(buildings.ring_offsets)[owners(buildings.vertex_offsets)]
        shared = row[owner] & (rng.random(len(shared)) < 0.3)
    return Outlines(buildings.ring_offsets, buildings.vertex_offsets, buildings.xy.astype(np.float64), shared)


def batch_of(buildings: Buildings, sensor: Sensor, rng: np.random.Generator) -> RoofBatch:
    """These buildings, seen once."""
    outlines = outlines_of(buildings, rng)
    frames = frames_of(*outlines.shells())
    count = len(frames)
    frames = turned_frames(frames, rng.integers(0, 4, count), rng.random(count) < 0.5)
    area = 4 * frames.half.prod(axis=1)
    clean = np.concatenate([buildings.points, buildings.slope], axis=1)
    points, offsets = seen(clean, buildings.point_offsets, area, sensor, rng)
    tokens = tokens_of(frames, outlines, points[:, :3], offsets)
    truth = targets_of(frames, tokens.level, buildings, directions_of(buildings))
    slopes, known = _slopes(frames, tokens, points[:, 3:])
    names = ("present", "kind", "box", "direction", "sizes", "count")
    targets = {name: getattr(truth, name) for name in names} | {"slopes": slopes}
    weights = {"direction": truth.direction_weight, "sizes": truth.sizes_weight, "slopes": known}
    return RoofBatch(tokens.arrays(), targets, weights)


def _slopes(frames: Frames, tokens: Tokens, slope: NDArray[np.float64]) -> tuple[F32, F32]:
    """The slope of the true surface at the middle point of every quarter of a cell, and where it is known."""
    count = len(frames)
    there = tokens.middle >= 0
    owner = np.broadcast_to(np.arange(count)[:, None, None], there.shape)[there]
    local = frames.rotated(slope[tokens.middle[there]], owner)
    values = np.zeros((*there.shape, 2), np.float32)
    values[there] = np.clip(local, -_SLOPE_CLIP, _SLOPE_CLIP)
    weight = np.repeat(there, 2).reshape(values.shape).astype(np.float32)
    shape = (count, CELLS, 2 * QUARTERS)
    return values.reshape(shape), weight.reshape(shape)
