"""What the scene network sees of its input: raw channels brought to about -2..2, and the edges in them.

Nothing here is learned, so that it need not be a part of the network that runs: the kernel makes it in one
pass, for a tenth of the time that the same operations take as layers. Training has them as layers
(`vision.nets.layers`), for every backend and for gradients; a test holds the two together.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from geovision._native import load_kernel
from geovision.errors import InputError
from geovision.vision.inputs import CHANNELS

__all__ = [
    "BYTE_MEAN",
    "BYTE_SPREAD",
    "COARSE_M",
    "FEATURES",
    "FINE_M",
    "GREY_HALF",
    "SLOPE_HALF_M",
    "scene_features",
]

FEATURES = 24
"""Normalised bands of the image (4), heights at two scales (2), hints (3), validities (6), edges of the
image's brightness and of the heights (4 each), and last the heights in metres, which it only adds to."""

BYTE_MEAN, BYTE_SPREAD = 0.45, 0.25
"""Of the bytes of images, as shares of 255."""
COARSE_M, FINE_M = 20.0, 3.0
"""Scales of heights."""
GREY_HALF, SLOPE_HALF_M = 0.15, 0.4
"""Gradients, per pixel, that come out at about 0.7 of the most."""


def scene_features(
    x: NDArray[np.float32], *, threads: int = 0, out: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """Features [batch, features, rows, columns] of a raw input [batch, rows, columns, channels].

    >>> x = np.zeros((1, 2, 2, len(CHANNELS)), np.float32)
    >>> x[..., 4], x[..., 10] = 6.0, 1.0
    >>> scene_features(x)[0, [4, 5, 23], 0, 0].tolist()
    [0.30000001192092896, 1.0, 6.0]

    Args:
        x: as `vision.stack` makes it, one in front of the other.
        threads: 0 takes all cores; the result does not depend on it.
        out: filled and returned, where it has the right shape.
    """
    if x.ndim != 4 or x.shape[3] != len(CHANNELS):
        problem = f"has shape {x.shape}; expected (batch, rows, columns, {len(CHANNELS)})"
        raise InputError("input", problem, "Make it with stack")
    shape = (x.shape[0], FEATURES, *x.shape[1:3])
    if out is None or out.shape != shape:
        out = np.empty(shape, np.float32)
    rules = (BYTE_MEAN, BYTE_SPREAD, COARSE_M, FINE_M, GREY_HALF, SLOPE_HALF_M)
    load_kernel().scene_features(np.ascontiguousarray(x, np.float32), rules, out, threads)
    return out
