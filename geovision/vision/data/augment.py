"""Random changes of what a crop measured: other cameras, other light, coarser or poorer heights.

Real surveys differ more from each other than those of one generator do; a network that has seen wide
random changes treats a new survey as one more of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision.vision.data.filters import blurred_known, grown

__all__ = ["change_heights", "change_image", "old_footprints", "rough_trees"]

F32 = NDArray[np.float32]


def change_image(image: F32, rng: np.random.Generator) -> F32:
    """Bands [n, rows, columns] of 0 to 255 in another light, through another camera; NaN stays."""
    out: NDArray[Any] = image
    if rng.random() < 0.35:
        out = _coarser(out, rng.uniform(1.0, 2.8))
    if rng.random() < 0.15:
        out = blurred_known(out.transpose(1, 2, 0), 1, int(rng.integers(1, 3))).transpose(2, 0, 1)
    out = out / 255
    grey = out[:3].mean(axis=0, keepdims=True)
    # Saturation, then a small mixing of the bands: a change of hue that goes in any direction.
    out = grey + (out - grey) * rng.uniform(0.3, 1.7)
    count = len(out)
    mixing = np.eye(count) + rng.normal(0, 0.08, (count, count)) * (rng.random() < 0.7)
    out = np.einsum("ij,jrc->irc", (mixing / mixing.sum(axis=1, keepdims=True)).astype(np.float32), out)
    if rng.random() < 0.05:
        out = out[[*rng.permutation(3), *range(3, count)]]
    out = np.clip(out, 0, 1) ** np.float32(np.exp(rng.normal(0, 0.3)))
    middle = np.nanmean(out) if np.isfinite(out).any() else 0.5
    contrast, light = np.exp(rng.normal(0, 0.25)), rng.normal(0, 0.08)
    out = middle + (out - middle) * np.float32(contrast) + np.float32(light)
    if rng.random() < 0.3:
        out = out + _waves(out.shape[1:], rng) * rng.uniform(0.02, 0.12)
    if rng.random() < 0.5:
        out = out + _noise(out.shape, rng) * rng.uniform(0.005, 0.04)
    return np.asarray(np.clip(255 * out, 0, 255), np.float32)


def change_heights(ndsm: F32, cell_m: float, rng: np.random.Generator) -> F32:
    """Measured heights [rows, columns] from a coarser or poorer survey, over a poorer ground; NaN stays."""
    out = ndsm
    if rng.random() < 0.5:
        out = _coarser(out[None], rng.uniform(1.0, max(1.2 / cell_m, 1.01)))[0]
    if rng.random() < 0.3:
        out = out + _noise(out.shape, rng) * rng.uniform(0.01, 0.15)
    if rng.random() < 0.4:
        out = out + _waves(out.shape, rng) * rng.uniform(0.1, 0.8)
    if rng.random() < 0.2:
        out = out + rng.normal(0, 0.3)
    out = out * rng.uniform(0.85, 1.15)
    if rng.random() < 0.3:
        # Holes as points leave them: cells that no point fell into, and patches without any.
        out = np.where(rng.random(out.shape, np.float32) < rng.uniform(0.01, 0.4), np.nan, out)
    if rng.random() < 0.15:
        hole = grown(rng.random(out.shape, np.float32) < 2e-4, int(rng.integers(2, 12)))
        out = np.where(hole, np.nan, out)
    if rng.random() < 0.3:
        out = np.where(out < 0, 0, out)
    return np.asarray(out, np.float32)


def rough_trees(ndsm: F32, height: F32, rng: np.random.Generator) -> F32:
    """Crowns as a scanner sees them: neighbouring cells show the top, a branch or the ground below.

    Synthetic crowns are smooth domes; real ones differ from roofs by their roughness more than by anything.

    Args:
        ndsm: measured heights [rows, columns].
        height: true heights without trees.
        rng: random numbers.
    """
    above = ndsm - height
    crown = above > 1.0
    through = crown & (rng.random(ndsm.shape, np.float32) < rng.uniform(0.1, 0.8))
    depth = rng.random(ndsm.shape, np.float32) ** np.float32(rng.uniform(0.3, 1.5))
    out = np.where(through, height + above * (1 - depth), ndsm)
    return np.where(crown, out + _noise(out.shape, rng) * rng.uniform(0.1, 0.8), out)


def old_footprints(ids: NDArray[np.int32], rng: np.random.Generator) -> F32:
    """An older or a hasty map of the buildings: some are missing, some are gone, all lie a little off."""
    count = int(ids.max()) + 1
    kept = np.append(rng.random(count) < rng.uniform(0.3, 1.0), False)
    out = kept[ids]
    shift = rng.integers(-3, 4, 2)
    out = np.roll(out, shift, axis=(0, 1))
    for _ in range(rng.integers(0, 3)):
        row, column = rng.integers(0, out.shape[0]), rng.integers(0, out.shape[1])
        out[row : row + rng.integers(10, 50), column : column + rng.integers(10, 50)] = True
    return out.astype(np.float32)


def _noise(shape: tuple[int, ...], rng: np.random.Generator) -> F32:
    return rng.standard_normal(shape, np.float32)


def _coarser(bands: F32, factor: float) -> F32:
    """Bands as a survey with cells `factor` times as wide would give them, brought back to their own grid."""
    rows, columns = bands.shape[1:]
    radius = round((factor - 1) / 2)
    smooth = blurred_known(bands.transpose(1, 2, 0), radius, 1) if radius else bands.transpose(1, 2, 0)
    row, column = _coarse_places(rows, factor), _coarse_places(columns, factor)
    out = _between(smooth, row, 0)
    return np.asarray(_between(out, column, 1).transpose(2, 0, 1), np.float32)


def _coarse_places(count: int, factor: float) -> tuple[NDArray[np.int64], NDArray[np.int64], F32]:
    """For every cell the two cells at the centres of coarse ones beside it, and the share of the second."""
    at = (np.arange(count) + 0.5) / factor - 0.5
    first = np.floor(at)
    ends = [
        np.clip(np.rint((one + 0.5) * factor - 0.5), 0, count - 1).astype(np.int64)
        for one in (first, first + 1)
    ]
    return ends[0], ends[1], (at - first).astype(np.float32)


def _between(values: F32, places: tuple[NDArray[np.int64], NDArray[np.int64], F32], axis: int) -> F32:
    low, high, share = places
    share = share[:, None, None] if axis == 0 else share[None, :, None]
    return np.asarray((1 - share) * np.take(values, low, axis) + share * np.take(values, high, axis))


def _waves(shape: tuple[int, ...], rng: np.random.Generator) -> F32:
    """A smooth field of unit size."""
    y, x = np.meshgrid(*(np.linspace(0, 1, side, dtype=np.float32) for side in shape), indexing="ij")
    field = np.zeros(shape, np.float32)
    for _ in range(3):
        kx, ky, phase = rng.uniform(-9, 9), rng.uniform(-9, 9), rng.uniform(0, 6.3)
        field += np.sin(kx * x + ky * y + phase, dtype=np.float32)
    return field / np.float32(1.7)
