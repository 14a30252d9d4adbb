"""The decoder: from maps of features at five strides to what every pixel is."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from geovision.vision.nets.layers import RmsNorm, Tensor, conv

__all__ = ["decode"]


def decode(maps: Sequence[Tensor], widths: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Walk from the coarsest map to the finest, each time doubled and joined by the encoder's map.

    Args:
        maps: of an encoder, at strides 2, 4, 8, 16 and 32.
        widths: of the decoder at strides 2, 4, 8 and 16.

    Returns:
        Features at stride 2 and at stride 4.
    """
    x, fine = maps[-1], []
    for stage in reversed(range(len(maps) - 1)):
        width, name = widths[stage], f"decoder{2 * 2**stage}"
        x = conv(RmsNorm(name=f"{name}_norm")(x), width, 1, f"{name}_top", gain=1.0)
        x = keras.layers.UpSampling2D(2, name=f"{name}_up")(x)
        x = keras.layers.Add(name=f"{name}_add")([x, conv(maps[stage], width, 1, f"{name}_side", gain=1.0)])
        x = keras.layers.ReLU(name=f"{name}_relu1")(x)
        x = keras.layers.ReLU(name=f"{name}_relu2")(conv(x, width, 3, f"{name}_conv"))
        fine.append(x)
    return fine[-1], fine[-2]
