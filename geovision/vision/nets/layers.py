"""Small layers that the networks share: normalised input, a norm of pixels, blocks, heights.

Nothing here has statistics over a batch or a window. Training mixes synthetic and real scenes, with groups of
channels left out, and statistics over a batch would blend them; statistics over a window would make a pixel
depend on far content, which shows as seams between windows. The norm looks at the channels of one pixel only,
and is left out at stride 2, where it would cost more than the convolutions do.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from geovision.vision.inputs import GROUPS, channels_of, validity_of

__all__ = [
    "EdgeInput",
    "HeightOutput",
    "NormaliseInput",
    "RmsNorm",
    "UnitVector",
    "conv",
    "convnext_block",
    "gelu",
    "residual_block",
]

Tensor = Any
"""A tensor of whatever backend runs, or a symbolic one."""


class NormaliseInput(keras.layers.Layer):
    """Raw units to about -2..2: bytes of images, metres above ground twice (coarse, fine), hints, planes.

    A value under a validity of 0 comes out as the same 0, whatever it is, even NaN. Runs in float32 under any
    policy: a bfloat16 has steps of half a metre at 100 m.
    """

    BYTE_MEAN, BYTE_SPREAD = 0.45, 0.25
    COARSE_M, FINE_M = 20.0, 3.0

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "dtype": "float32"})

    def call(self, x: Tensor) -> Tensor:
        """[..., 14 raw channels] to [..., 15 normalised ones]."""
        planes = [x[..., validity_of(group) : validity_of(group) + 1] for group in GROUPS]
        parts = []
        for group, plane in zip(GROUPS, planes, strict=True):
            raw = valid_or_zero(x[..., channels_of(group)], plane)
            if group in {"rgb", "nir"}:
                parts.append((raw / 255 - self.BYTE_MEAN) / self.BYTE_SPREAD * plane)
            elif group == "ndsm":
                parts += [ops.clip(raw / self.COARSE_M, -1, 8), ops.clip(raw / self.FINE_M, -1, 1)]
            else:
                parts.append(raw)
        return ops.concatenate([*parts, *planes], axis=-1)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """One channel more than the input: heights are given twice."""
        return (*input_shape[:-1], input_shape[-1] + 1)  # type: ignore[operator]


def valid_or_zero(raw: Tensor, plane: Tensor) -> Tensor:
    """The values where their validity says so; 0 elsewhere, also for NaN."""
    return ops.where(plane > 0.5, raw, ops.zeros_like(raw))


class EdgeInput(keras.layers.Layer):
    """What edges and slopes say, beside the normalised channels: constant filters that need no training.

    For the brightness of the image and for the heights: the gradient, squeezed so that a roof's slope and a
    wall both show, and cosine and sine of four times its direction, which is what the frame output asks for.
    Next to a pixel without data there is no gradient. Runs in float32 under any policy.
    """

    EXTRA = 8
    GREY_HALF, SLOPE_HALF_M = 0.15, 0.4
    """Gradients, per pixel, that come out at about 0.7 of the most."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "dtype": "float32"})

    def call(self, normalised: Tensor, raw: Tensor) -> Tensor:
        """[..., 15 normalised channels] and the raw input to [..., 23]."""
        parts = [normalised]
        plane = validity_of("rgb")
        grey = ops.mean(normalised[..., channels_of("rgb")], axis=-1, keepdims=True)
        parts += _gradient(grey, raw[..., plane : plane + 1], self.GREY_HALF)
        plane = validity_of("ndsm")
        valid = raw[..., plane : plane + 1]
        height = valid_or_zero(raw[..., channels_of("ndsm")], valid)
        parts += _gradient(ops.clip(height, -100, 1000), valid, self.SLOPE_HALF_M)
        return ops.concatenate(parts, axis=-1)

    def compute_output_shape(
        self, normalised_shape: tuple[int | None, ...], raw_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        """More channels."""
        return (*normalised_shape[:-1], normalised_shape[-1] + self.EXTRA)  # type: ignore[operator]


_SOBEL = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], np.float32) / 8
_SOBEL_KERNEL = np.stack([_SOBEL, -_SOBEL.T], axis=-1)[:, :, None, :]
"""[3, 3, 1, 2] derivatives to the east and to the north; rows run south."""


def _gradient(values: Tensor, valid: Tensor, half: float) -> list[Tensor]:
    """The squeezed gradient, and cosine and sine of four times its direction by its strength; [..., 2]."""
    options = {"data_format": "channels_last"}
    raw = ops.conv(values, ops.convert_to_tensor(_SOBEL_KERNEL), 1, "same", **options)
    sure = 1 - ops.max_pool(1 - ops.cast(valid > 0.5, "float32"), 3, 1, "same", **options)
    east, north = raw[..., :1] * sure, raw[..., 1:] * sure
    power = ops.square(east) + ops.square(north)
    squeezed = ops.rsqrt(power + half**2)
    across, both = ops.square(east) - ops.square(north), 2 * east * north
    scale = ops.sqrt(power + 1e-12) * squeezed / (ops.square(power) + 1e-12)
    fourth = (ops.square(across) - ops.square(both)) * scale, 2 * across * both * scale
    return [ops.concatenate([east * squeezed, north * squeezed], axis=-1), ops.concatenate(fourth, axis=-1)]


class RmsNorm(keras.layers.Layer):
    """Scale the channels of each pixel (or token) to a root mean square of one, times a learned gain."""

    def __init__(self, epsilon: float = 1e-5, **options: Any) -> None:
        super().__init__(**options)
        self.epsilon = epsilon

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """One gain per channel."""
        self.gain = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="gain")

    def call(self, x: Tensor) -> Tensor:
        """The mean is taken in float32: squares of bfloat16 lose half their digits."""
        power = ops.mean(ops.square(ops.cast(x, "float32")), axis=-1, keepdims=True)
        return x * ops.cast(ops.rsqrt(power + self.epsilon), x.dtype) * self.gain

    def get_config(self) -> dict[str, Any]:
        """What rebuilds the layer."""
        return {**super().get_config(), "epsilon": self.epsilon}


class UnitVector(keras.layers.Layer):
    """Scale the last axis to length one, in float32."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "dtype": "float32"})

    def call(self, x: Tensor) -> Tensor:
        """A vector of zeros stays one."""
        return x * ops.rsqrt(ops.sum(ops.square(x), axis=-1, keepdims=True) + 1e-6)


class HeightOutput(keras.layers.Layer):
    """Metres above ground and the log of their sigma, from two raw numbers and the height raster.

    Where the raster is valid the network says only what to add to it; elsewhere it says everything.
    """

    SCALE_M = 5.0
    LOG_SIGMA_MID, LOG_SIGMA_HALF = 0.5, 3.0

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "dtype": "float32"})

    def call(self, raw: Tensor, x: Tensor) -> Tensor:
        """[..., 2] and the input of the network to [..., 2]; 8 cm <= sigma <= 33 m."""
        plane = validity_of("ndsm")
        given = valid_or_zero(x[..., channels_of("ndsm")], x[..., plane : plane + 1])
        half = self.LOG_SIGMA_HALF
        log_sigma = self.LOG_SIGMA_MID + half * ops.tanh(raw[..., 1:] / half)
        return ops.concatenate([given + self.SCALE_M * raw[..., :1], log_sigma], axis=-1)

    def compute_output_shape(
        self, raw_shape: tuple[int | None, ...], x_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        """As the raw numbers."""
        return raw_shape


def gelu(x: Tensor) -> Tensor:
    """In its tanh form: TensorFlow's exact one is an operator that ONNX does not have."""
    return ops.gelu(x, approximate=True)


def conv(
    x: Tensor,
    width: int,
    kernel: int,
    name: str,
    *,
    stride: int = 1,
    gain: float = 2.0,
    dtype: str | None = None,
) -> Tensor:
    """A convolution that pads alike on every backend (its kernel odd, or once or twice the stride)."""
    layer = keras.layers.Conv2D(
        width,
        kernel,
        strides=stride,
        padding="same",
        kernel_initializer=keras.initializers.VarianceScaling(gain, "fan_in", "truncated_normal"),
        dtype=dtype,
        name=name,
    )
    return layer(x)


def residual_block(x: Tensor, name: str) -> Tensor:
    """Norm, 3x3, ReLU, 3x3, added: at high resolution cheaper on CPUs than depthwise convolutions."""
    width = x.shape[-1]
    y = RmsNorm(name=f"{name}_norm")(x)
    y = keras.layers.ReLU(name=f"{name}_relu")(conv(y, width, 3, f"{name}_conv1"))
    y = conv(y, width, 3, f"{name}_conv2", gain=0.5)
    return keras.layers.Add(name=f"{name}_add")([x, y])


def convnext_block(x: Tensor, name: str, *, kernel: int = 7, expand: int = 4) -> Tensor:
    """Depthwise convolution, norm, two pointwise ones, added (ConvNeXt, Liu et al. 2022, with a ReLU)."""
    width = x.shape[-1]
    y = keras.layers.DepthwiseConv2D(kernel, padding="same", name=f"{name}_depthwise")(x)
    y = RmsNorm(name=f"{name}_norm")(y)
    y = keras.layers.ReLU(name=f"{name}_relu")(conv(y, expand * width, 1, f"{name}_expand"))
    y = conv(y, width, 1, f"{name}_project", gain=0.5)
    return keras.layers.Add(name=f"{name}_add")([x, y])
