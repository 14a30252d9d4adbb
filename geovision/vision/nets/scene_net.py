"""The scene network: what every pixel of a tile is, from whatever channels there are."""

from __future__ import annotations

import math
from typing import Literal

import keras
from pydantic import BaseModel, ConfigDict

from geovision.model.kinds import RoofKind
from geovision.vision.inputs import CHANNELS
from geovision.vision.nets.decoder import decode
from geovision.vision.nets.encoders import CONV_SIZES, conv_encoder
from geovision.vision.nets.layers import HeightOutput, NormaliseInput, Tensor, UnitVector, conv

__all__ = ["KIND_NONE", "OUTPUTS", "SceneNetConfig", "scene_net"]

KIND_NONE = len(RoofKind)
"""The code of `kind` where there is no roof."""

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

    encoder: Literal["conv"] = "conv"
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
    maps = conv_encoder(NormaliseInput(name="normalise")(raw), CONV_SIZES[config.size])
    fine, coarse = decode(maps, _DECODER[config.size])
    return keras.Model(raw, _heads(raw, fine, coarse), name="scene_net")


def _heads(raw: Tensor, fine: Tensor, coarse: Tensor) -> dict[str, Tensor]:
    """Full resolution in one transposed convolution; kinds change slowly and are repeated from stride 4."""
    names = [name for name in OUTPUTS if name != "kind"]
    bias = [value for name in names for value in _first_bias(name)]
    pixels = keras.layers.Conv2DTranspose(
        len(bias),
        2,
        strides=2,
        kernel_initializer=keras.initializers.VarianceScaling(0.1, "fan_in", "truncated_normal"),
        bias_initializer=keras.initializers.Constant(bias),
        name="head_pixels",
    )(fine)
    pixels = keras.layers.Activation("linear", dtype="float32", name="pixels")(pixels)
    out, start = {}, 0
    for name in names:
        part = pixels[..., start : start + OUTPUTS[name]]
        start += OUTPUTS[name]
        if name == "height":
            part = HeightOutput(name="height")(part, raw)
        elif name == "normal":
            part = UnitVector(name="normal")(part)
        out[name] = part
    kinds = conv(coarse, OUTPUTS["kind"], 1, "head_kind", gain=0.1)
    kinds = keras.layers.Activation("linear", dtype="float32", name="kinds")(kinds)
    out["kind"] = keras.layers.UpSampling2D(4, name="kind", dtype="float32")(kinds)
    return out


def _first_bias(name: str) -> list[float]:
    """Before training: few buildings, few walls, level roofs."""
    if name in _PRIOR:
        return [math.log(_PRIOR[name] / (1 - _PRIOR[name]))]
    return [0.0, 0.0, 1.0] if name == "normal" else [0.0] * OUTPUTS[name]
