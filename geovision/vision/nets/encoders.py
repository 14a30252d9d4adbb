"""Encoders: normalised channels to five maps of features, at strides 2 (thin), 4, 8, 16 and 32."""

from __future__ import annotations

from dataclasses import dataclass

import keras

from geovision.vision.nets.attention import SpatialAttention
from geovision.vision.nets.layers import RmsNorm, Tensor, conv, convnext_block, gelu, residual_block

__all__ = ["CONV_SIZES", "MIT_SIZES", "ConvSize", "MitSize", "conv_encoder", "mit_encoder"]


@dataclass(frozen=True)
class ConvSize:
    """Width of the stem, then width and number of blocks at strides 4, 8, 16 and 32."""

    stem: int
    widths: tuple[int, int, int, int]
    blocks: tuple[int, int, int, int]


CONV_SIZES = {
    "tiny": ConvSize(16, (32, 64, 128, 192), (1, 1, 2, 1)),
    "small": ConvSize(24, (48, 96, 192, 256), (1, 2, 3, 2)),
    "base": ConvSize(32, (64, 128, 208, 288), (2, 3, 4, 2)),
}
"""The largest stays below 5 million parameters: 10 MB of float16, which still travels inside the package."""


@dataclass(frozen=True)
class MitSize(ConvSize):
    """Beside these the heads of attention at the same strides."""

    heads: tuple[int, int, int, int]


MIT_SIZES = {
    "tiny": MitSize(16, (24, 48, 80, 128), (1, 1, 2, 2), (1, 2, 4, 8)),
    "small": MitSize(24, (32, 64, 144, 224), (2, 2, 2, 2), (1, 2, 4, 8)),
    "base": MitSize(32, (48, 96, 152, 224), (2, 2, 3, 2), (1, 2, 4, 8)),
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


def mit_encoder(x: Tensor, size: MitSize) -> list[Tensor]:
    """A pyramid of transformers (SegFormer, Xie et al. 2021) behind the same thin stem.

    Patches overlap and places have no number: where a pixel lies is told by the depthwise convolutions, so
    that any size goes in. Attention spans the window, so a pixel depends on all of it.
    """
    x = keras.layers.ReLU(name="stem_relu")(conv(x, size.stem, 4, "stem_conv", stride=2))
    maps = [x]
    for stage, (width, blocks) in enumerate(zip(size.widths, size.blocks, strict=True)):
        name = f"encoder{4 * 2**stage}"
        x = conv(x, width, 4, f"{name}_embed", stride=2, gain=1.0)
        for number in range(blocks):
            x = mix_block(x, f"{name}_block{number}", size.heads[stage], reduction=8 // 2**stage)
        x = RmsNorm(name=f"{name}_norm")(x)
        maps.append(x)
    return maps


def mix_block(x: Tensor, name: str, heads: int, reduction: int) -> Tensor:
    """Attention to a coarser copy of the map, then pointwise, depthwise and pointwise convolutions."""
    width = x.shape[-1]
    y = RmsNorm(name=f"{name}_norm")(x)
    y = SpatialAttention(width, heads, reduction, name=f"{name}_attention")(y)
    x = keras.layers.Add(name=f"{name}_add1")([x, y])
    y = RmsNorm(name=f"{name}_forward_norm")(x)
    y = conv(y, 4 * width, 1, f"{name}_expand", gain=1.0)
    y = keras.layers.DepthwiseConv2D(3, padding="same", name=f"{name}_depthwise")(y)
    y = keras.layers.Activation(gelu, name=f"{name}_gelu")(y)
    y = conv(y, width, 1, f"{name}_project", gain=0.5)
    return keras.layers.Add(name=f"{name}_add2")([x, y])
