"""The scene network: what every pixel of a tile is, from whatever channels there are."""

from __future__ import annotations

import math
from typing import Literal

import keras
import numpy as np
from keras import ops
from pydantic import BaseModel, ConfigDict

from geovision.model.kinds import RoofKind
from geovision.vision.features import FEATURES
from geovision.vision.inputs import CHANNELS, MULTIPLE
from geovision.vision.nets.decoder import decode
from geovision.vision.nets.encoders import CONV_SIZES, MIT_SIZES, ConvSize, conv_encoder, mit_encoder
from geovision.vision.nets.layers import (
    EdgeInput,
    GivenHeight,
    HeightOutput,
    NormaliseInput,
    Tensor,
    UnitVector,
    conv,
)

__all__ = ["KIND_NONE", "KIND_STRIDE", "OUTPUTS", "SceneNetConfig", "halo_px", "scene_body", "scene_net"]

KIND_NONE = len(RoofKind)
"""The code of `kind` where there is no roof."""
KIND_STRIDE = 4
"""Kinds are calculated for squares of so many pixels."""

OUTPUTS: dict[str, int] = {
    "building": 1,
    "boundary": 1,
    "frame": 2,
    "height": 2,
    "normal": 3,
    "kind": KIND_NONE + 1,
}
"""Names of the outputs and their channels: logits of building and boundary; cos and sin of four times the
direction of the nearest wall; metres above ground and log sigma; unit vector east, north, up; logits of
`RoofKind` codes and of `KIND_NONE`."""

_PRIOR = {"building": 0.15, "boundary": 0.05}
_DECODER = {"tiny": (24, 32, 48, 96), "small": (32, 48, 96, 128), "base": (48, 80, 128, 192)}


class SceneNetConfig(BaseModel):
    """All that the weights of a scene network depend on; goes into the model's card."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    encoder: Literal["conv", "mit"] = "conv"
    size: Literal["tiny", "small", "base"] = "small"


def scene_net(config: SceneNetConfig | None = None) -> keras.Model:
    """Build the network, with random weights from Keras' global seed.

    It takes float32 [batch, rows, columns, 14] in raw units (`vision.inputs`), rows and columns multiples of
    32, and returns a dictionary of float32 tensors by the names of `OUTPUTS`.

    >>> scene_net(SceneNetConfig(size="tiny")).count_params() < 1_000_000
    True
    """
    config = config or SceneNetConfig()
    raw = keras.Input((None, None, len(CHANNELS)), dtype="float32", name="x")
    x = EdgeInput(name="edges")(NormaliseInput(name="normalise")(raw), raw)
    outputs = _body(x, GivenHeight(name="given")(raw), config)
    outputs["kind"] = keras.layers.UpSampling2D(KIND_STRIDE, name="kind", dtype="float32")(outputs["kind"])
    return _in_float32(keras.Model(raw, outputs, name="scene_net"))


def scene_body(config: SceneNetConfig | None = None) -> keras.Model:
    """What `scene_net` does behind its first layers, for running: `vision.features` come from the kernel.

    It takes float32 [batch, rows, columns, FEATURES]; the weights are those of `scene_net`, but that the
    first kernel has a row more, for the last feature, which is to be zeros. `kind` is left at stride 4.
    """
    config = config or SceneNetConfig()
    features = keras.Input((None, None, FEATURES), dtype="float32", name="features")
    return _in_float32(keras.Model(features, _body(features, features[..., -1:], config), name="scene_body"))


def _in_float32(model: keras.Model) -> keras.Model:
    # Or else Keras casts the input under a policy of mixed precision: heights to steps of 12 cm at 20 m.
    model.dtype_policy = keras.DTypePolicy("float32")
    return model


def _body(x: Tensor, given: Tensor, config: SceneNetConfig) -> dict[str, Tensor]:
    if config.encoder == "conv":
        maps = conv_encoder(x, CONV_SIZES[config.size])
    else:
        maps = mit_encoder(x, MIT_SIZES[config.size])
    fine, coarse = decode(maps, _DECODER[config.size])
    return _heads(given, fine, coarse)


def _heads(given: Tensor, fine: Tensor, coarse: Tensor) -> dict[str, Tensor]:
    """Full resolution in one transposed convolution; kinds change slowly and stay at stride 4."""
    names = [name for name in OUTPUTS if name != "kind"]
    bias = [value for name in names for value in _first_bias(name)]
    pixels = keras.layers.Conv2DTranspose(
        len(bias),
        2,
        strides=2,
        kernel_initializer=keras.initializers.VarianceScaling(0.1, "fan_in", "truncated_normal"),
        bias_initializer=keras.initializers.Constant(bias),
        dtype="float32",
        name="head_pixels",
    )(fine)
    out: dict[str, Tensor] = {}
    ends = np.cumsum([OUTPUTS[name] for name in names])[:-1].tolist()
    for name, part in zip(names, ops.split(pixels, ends, axis=-1), strict=True):
        if name == "height":
            out[name] = HeightOutput(name="height")(part, given)
        elif name == "normal":
            out[name] = UnitVector(name="normal")(part)
        else:
            out[name] = part
    out["kind"] = conv(coarse, OUTPUTS["kind"], 1, "head_kind", gain=0.1, dtype="float32")
    return out


def _first_bias(name: str) -> list[float]:
    """Before training: few buildings, few walls, level roofs."""
    if name in _PRIOR:
        return [math.log(_PRIOR[name] / (1 - _PRIOR[name]))]
    return [0.0, 0.0, 1.0] if name == "normal" else [0.0] * OUTPUTS[name]


def halo_px(config: SceneNetConfig) -> int | None:
    """How far from a pixel the input can still change its outputs; None: anywhere in the window.

    >>> halo_px(SceneNetConfig(size="tiny")), halo_px(SceneNetConfig(encoder="mit"))
    (279, None)
    """
    if config.encoder == "mit":
        return None
    return max(_reach(pixel, CONV_SIZES[config.size]) for pixel in range(MULTIPLE))


def _reach(pixel: int, size: ConvSize) -> int:
    """Follow a pixel down the decoder and up the encoder: the first and last cell of each map it needs."""
    first = last = pixel // 2
    for _ in range(4):
        first, last = (first - 1) // 2, (last + 1) // 2
    for stage in (3, 2, 1, 0):
        cells = size.blocks[stage] * (2 if stage < 2 else 3)
        first, last = 2 * (first - cells), 2 * (last + cells) + 1
    # The stem's kernel of 4, then the filters of edges.
    first, last = 2 * first - 2, 2 * last + 3
    return max(pixel - first, last - pixel)
