"""What one step of training sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Batch"]


@dataclass(frozen=True)
class Batch:
    """Inputs, targets and per-pixel weights of the targets; arrays have one row per crop."""

    x: NDArray[np.float32]
    """[crops, rows, columns, channels] as in `vision.inputs`."""
    targets: dict[str, NDArray[Any]]
    """By head: building, boundary, frame, height, normal (float32) and kind (int32), channels last."""
    weights: dict[str, NDArray[np.float32]]
    """By head, one channel: 0 where the target is not known."""
