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
from numpy.typing import NDArray

from geovision.vision.features import BYTE_MEAN, BYTE_SPREAD, COARSE_M, FINE_M, GREY_HALF, SLOPE_HALF_M
from geovision.vision.inputs import GROUPS, channels_of, validity_of

__all__ = [
    "EdgeInput",
    "GivenHeight",
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

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "dtype": "float32"})

    def call(self, x: Tensor) -> Tensor:
        """[..., 14 raw channels] to [..., 15 normalised ones]."""
        x = _channels_first(x)
        first = validity_of("rgb")
        bands, planes = x[:, :first], x[:, first:]
        # The plane of each band, so that one operation serves all of them.
        each = [validity_of(group) - first for group, names in GROUPS.items() for _ in names]
        plane = ops.take(planes, each, axis=1)
        raw = valid_or_zero(bands, plane)
        height = channels_of("ndsm").start
        scale, offset = 1 / (255 * BYTE_SPREAD), -BYTE_MEAN / BYTE_SPREAD
        image = (raw[:, :height] * scale + offset) * plane[:, :height]
        metres, hints = raw[:, height : height + 1], raw[:, height + 1 :]
        coarse, fine = ops.clip(metres / COARSE_M, -1, 8), ops.clip(metres / FINE_M, -1, 1)
        return _channels_last(ops.concatenate([image, coarse, fine, hints, planes], axis=1))

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

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "dtype": "float32"})

    def call(self, normalised: Tensor, raw: Tensor) -> Tensor:
        """[..., 15 normalised channels] and the raw input to [..., 23]."""
        x = _channels_first(raw)
        grey = ops.mean(_channels_first(normalised)[:, channels_of("rgb")], axis=1, keepdims=True)
        valid = [x[:, validity_of(group)][:, None] for group in ("rgb", "ndsm")]
        height = valid_or_zero(x[:, channels_of("ndsm")], valid[1])
        # Both lie behind each other along the batch: every operation then runs once, over whole planes.
        half = np.array([GREY_HALF, SLOPE_HALF_M], np.float32)[:, None, None, None, None]
        values = ops.stack([grey, ops.clip(height, -100, 1000)])
        both = _gradient(values, ops.stack(valid), half)
        return ops.concatenate([normalised, *(_channels_last(part) for part in both)], axis=-1)

    def compute_output_shape(
        self, normalised_shape: tuple[int | None, ...], raw_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        """More channels."""
        return (*normalised_shape[:-1], normalised_shape[-1] + self.EXTRA)  # type: ignore[operator]


_SOBEL = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], np.float32) / 8


def _gradient(values: Tensor, valid: Tensor, half: NDArray[np.float32]) -> list[Tensor]:
    """The squeezed gradient, and cosine and sine of four times its direction by its strength.

    Args:
        values: [maps, n, 1, h, w], rows to the south.
        valid: the same shape.
        half: by map, the gradient that is squeezed to 0.7.

    Returns:
        By map [n, 4, h, w].
    """
    options = {"padding": "same", "data_format": "channels_last"}
    shape = ops.shape(values)
    flat = (-1, *shape[3:], 1)
    plain, there = ops.reshape(values, flat), ops.cast(ops.reshape(valid, flat) > 0.5, "float32")
    sure = 1 - ops.max_pool(1 - there, 3, 1, **options)
    east, north = (
        ops.reshape(
            ops.conv(plain, ops.convert_to_tensor(kernel[:, :, None, None]), 1, **options) * sure, shape
        )
        for kernel in (_SOBEL, -_SOBEL.T)
    )
    power = ops.square(east) + ops.square(north)
    squeezed = ops.rsqrt(power + half**2)
    across, both = ops.square(east) - ops.square(north), 2 * east * north
    scale = ops.sqrt(power + 1e-12) * squeezed / (ops.square(power) + 1e-12)
    parts = (
        east * squeezed,
        north * squeezed,
        (ops.square(across) - ops.square(both)) * scale,
        2 * across * both * scale,
    )
    out: list[Tensor] = ops.unstack(ops.concatenate(parts, axis=2), 2, axis=0)
    return out


def _channels_first(x: Tensor) -> Tensor:
    """Planes one after the other: what is done to some channels then runs over memory in a row."""
    return ops.transpose(x, (0, 3, 1, 2))


def _channels_last(x: Tensor) -> Tensor:
    return ops.transpose(x, (0, 2, 3, 1))


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

    def call(self, raw: Tensor, given: Tensor) -> Tensor:
        """[..., 2] and what `GivenHeight` gives to [..., 2]; 8 cm <= sigma <= 33 m."""
        half = self.LOG_SIGMA_HALF
        log_sigma = self.LOG_SIGMA_MID + half * ops.tanh(raw[..., 1:] / half)
        return ops.concatenate([given + self.SCALE_M * raw[..., :1], log_sigma], axis=-1)

    def compute_output_shape(
        self, raw_shape: tuple[int | None, ...], given_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        """As the raw numbers."""
        return raw_shape


class GivenHeight(keras.layers.Layer):
    """Metres above the ground as the input has them, 0 where it has none. In float32 under any policy."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "dtype": "float32"})

    def call(self, x: Tensor) -> Tensor:
        """[..., 14 raw channels] to [..., 1]."""
        plane = validity_of("ndsm")
        return valid_or_zero(x[..., channels_of("ndsm")], x[..., plane : plane + 1])

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """One channel."""
        return (*input_shape[:-1], 1)


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
