"""Encoders: normalised channels to five maps of features, at strides 2 (thin), 4, 8, 16 and 32."""

from __future__ import annotations

from dataclasses import dataclass

import keras

from geovision.vision.nets.layers import RmsNorm, Tensor, conv, convnext_block, residual_block

__all__ = ["CONV_SIZES", "ConvSize", "conv_encoder"]


@dataclass(frozen=True)
class ConvSize:
    """Width of the stem, then width and number of blocks at strides 4, 8, 16 and 32."""

    stem: int
    widths: tuple[int, int, int, int]
    blocks: tuple[int, int, int, int]


CONV_SIZES = {
    "tiny": ConvSize(16, (32, 64, 128, 192), (1, 1, 2, 1)),
    "small": ConvSize(24, (48, 96, 192, 256), (1, 2, 3, 2)),
    "base": ConvSize(40, (80, 160, 320, 512), (2, 3, 9, 3)),
}


def conv_encoder(x: Tensor, size: ConvSize) -> list[Tensor]:
    """Plain residual blocks at strides 4 and 8, ConvNeXt blocks with a wide view at 16 and 32."""
    x = conv(x, size.stem, 4, "stem_conv", stride=2)
    x = keras.layers.ReLU(name="stem_relu")(x)
    maps = [x]
    for stage, (width, blocks) in enumerate(zip(size.widths, size.blocks, strict=True)):
        name = f"encoder{4 * 2**stage}"
        if stage:
            x = RmsNorm(name=f"{name}_norm")(x)
        x = conv(x, width, 2, f"{name}_down", stride=2, gain=1.0)
        for number in range(blocks):
            block = residual_block if stage < 2 else convnext_block
            x = block(x, f"{name}_block{number}")
        maps.append(x)
    return maps
