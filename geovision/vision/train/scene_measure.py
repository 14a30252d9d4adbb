"""Figures of the scene network over several batches, every labelled pixel counted once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision.vision.train.task import Batch

__all__ = ["SceneMeasure"]

_BINS = 100


class SceneMeasure:
    """Pooled over all pixels: IoU of buildings and walls, and errors of what else is labelled.

    Args:
        threshold: probability from which on a pixel counts as a building.
    """

    def __init__(self, threshold: float = 0.5) -> None:
        self.threshold = threshold
        self._counts = {name: np.zeros((2, _BINS), np.int64) for name in ("building", "boundary")}
        self._sums: dict[str, tuple[float, float]] = {}

    def add(self, batch: Batch, outputs: Mapping[str, NDArray[np.float32]]) -> None:
        """Count a batch."""
        targets, weights = batch.targets, batch.weights
        for name in self._counts:
            known = weights[name][..., 0] > 0.5
            share = 1 / (1 + np.exp(-np.clip(outputs[name][..., 0][known], -30, 30)))
            bins = np.minimum((share * _BINS).astype(np.int64), _BINS - 1)
            true = (targets[name][..., 0][known] > 0.5).astype(np.int64)
            self._counts[name] += np.bincount(true * _BINS + bins, minlength=2 * _BINS).reshape(2, _BINS)
        on = targets["building"][..., 0] > 0.5
        for name, error in _errors(targets, outputs).items():
            known = on & (weights[name.split("_")[0]][..., 0] > 0)
            total, number = self._sums.get(name, (0.0, 0.0))
            self._sums[name] = total + float(error[known].sum()), number + float(known.sum())

    def result(self) -> dict[str, float]:
        """The figures; those without a single labelled pixel are left out."""
        found = {}
        for name, counts in self._counts.items():
            over = np.cumsum(counts[:, ::-1], axis=1)[:, ::-1]
            iou = over[1] / np.maximum(counts[1].sum() + over[0], 1)
            if not counts[1].sum():
                continue
            key = "iou" if name == "building" else f"{name}_iou"
            found[key] = float(iou[min(round(self.threshold * _BINS), _BINS - 1)])
            if name == "building":
                found["best_iou"], found["best_threshold"] = float(iou.max()), float(iou.argmax() / _BINS)
        means = {name: total / number for name, (total, number) in self._sums.items() if number}
        return found | means


def _errors(targets: Mapping[str, Any], outputs: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    """Per pixel, for pixels of buildings; the name begins with that of the output."""
    z = outputs["frame"][..., 0] + 1j * outputs["frame"][..., 1]
    true = targets["frame"][..., 0] + 1j * targets["frame"][..., 1]
    cosine = np.clip((outputs["normal"] * targets["normal"]).sum(-1), -1, 1)
    return {
        "frame_deg": np.degrees(np.abs(np.angle(z * np.conj(true)))) / 4,
        "height_mae_m": np.abs(outputs["height"][..., 0] - targets["height"][..., 0]),
        "normal_deg": np.degrees(np.arccos(cosine)),
        "kind_right": outputs["kind"].argmax(-1) == targets["kind"][..., 0],
    }
