"""Samples of the scene network: what it saw, what is true and what it said, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision.vision.inputs import channels_of, validity_of
from geovision.vision.train.task import Batch

__all__ = ["scene_picture"]

_ROWS = 4
_GAP = 4
_BUILDING, _WALL = (230, 120, 40), (255, 255, 255)


def scene_picture(batch: Batch, outputs: Mapping[str, NDArray[np.float32]]) -> NDArray[np.uint8]:
    """A row for each of the first crops: input, truth, prediction, true height, predicted height."""
    rows = [_row(batch, outputs, number) for number in range(min(_ROWS, len(batch.x)))]
    return np.concatenate([np.pad(row, ((0, _GAP), (0, 0), (0, 0))) for row in rows])[:-_GAP]


def _row(batch: Batch, outputs: Mapping[str, Any], number: int) -> NDArray[np.uint8]:
    seen = _seen(batch.x[number])
    truth = {name: batch.targets[name][number, ..., 0] for name in ("building", "boundary", "height")}
    said = {name: outputs[name][number, ..., 0] for name in ("building", "boundary", "height")}
    said |= {name: 1 / (1 + np.exp(-np.clip(said[name], -30, 30))) for name in ("building", "boundary")}
    panels = [seen, _drawn(seen, truth), _drawn(seen, said), _heights(truth), _heights(said)]
    return np.concatenate([np.pad(panel, ((0, 0), (0, _GAP), (0, 0))) for panel in panels], axis=1)[:, :-_GAP]


def _seen(x: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The image; where there is none, the heights in grey."""
    image = x[..., channels_of("rgb")]
    heights = np.repeat(np.clip(x[..., channels_of("ndsm")] * 10, 0, 255), 3, axis=-1)
    has_image = x[..., validity_of("rgb"), None] > 0
    return np.where(has_image, np.clip(image, 0, 255), heights).astype(np.uint8)


def _drawn(seen: NDArray[np.uint8], layers: Mapping[str, NDArray[np.float32]]) -> NDArray[np.uint8]:
    """Buildings and walls, each as strong as it is likely, over a pale input."""
    out = seen.mean(axis=-1, keepdims=True) * 0.6 + np.zeros(3)
    for name, colour in (("building", _BUILDING), ("boundary", _WALL)):
        strength = 0.8 * layers[name][..., None]
        out = (1 - strength) * out + strength * np.array(colour)
    return np.asarray(out, np.uint8)


def _heights(layers: Mapping[str, NDArray[np.float32]]) -> NDArray[np.uint8]:
    grey = np.clip(layers["height"] * 10, 0, 255) * (layers["building"] > 0.5)
    return np.repeat(grey[..., None], 3, axis=-1).astype(np.uint8)
