"""Attention between sets of tokens: of any length, ragged through a validity, without an order.

All layers take [batch, tokens, width] and a validity [batch, tokens] (True = there is a token; None = all are
there). What an invalid token holds changes nothing of the others; what comes out in its place means nothing.
The argument is not called `mask`, because Keras passes masks on by itself.
"""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from geovision.errors import UsageError
from geovision.vision.nets.layers import RmsNorm, Tensor, gelu

__all__ = ["FeedForward", "MultiHeadAttention", "SpatialAttention", "TransformerBlock", "fourier_features"]


def fourier_features(positions: Tensor, count: int, longest: float, shortest: float) -> Tensor:
    """Sines and cosines of each coordinate at wavelengths from `longest` to `shortest`, even in octaves.

    Args:
        positions: [..., d], in the unit of the wavelengths (metres).
        count: number of wavelengths.
        longest: about twice the extent of the scene, so that no two places look alike.
        shortest: about twice the detail that matters.

    Returns:
        [..., 2 d count] in float32: all sines, then all cosines.
    """
    if count < 1 or not 0 < shortest <= longest:
        raise UsageError(
            f"fourier_features with count={count}, longest={longest}, shortest={shortest}",
            "has no ladder of wavelengths",
            "Give count >= 1 and 0 < shortest <= longest",
        )
    steps = max(count - 1, 1)
    waves = [longest * (shortest / longest) ** (step / steps) for step in range(count)]
    frequency = ops.convert_to_tensor([2 * math.pi / wave for wave in waves], dtype="float32")
    phase = ops.cast(positions, "float32")[..., None] * frequency
    phase = ops.concatenate([phase[..., axis, :] for axis in range(positions.shape[-1])], axis=-1)
    return ops.concatenate([ops.sin(phase), ops.cos(phase)], axis=-1)


class MultiHeadAttention(keras.layers.Layer):
    """Every query gathers from the context what is like it, in several heads at once (Vaswani et al. 2017).

    A query whose whole context is invalid gathers 0.
    """

    def __init__(self, width: int, heads: int, context_width: int | None = None, **options: Any) -> None:
        super().__init__(**options)
        if width % heads:
            raise UsageError(
                f"attention of width {width}",
                f"does not split into {heads} heads",
                "Give a multiple of heads",
            )
        self.width, self.heads, self.context_width = width, heads, context_width or width
        self.query = keras.layers.Dense(width, name="query", dtype=self.dtype_policy)
        # A bias of the keys adds the same to all scores of a query, which the softmax takes out again.
        self.key = keras.layers.Dense(width, use_bias=False, name="key", dtype=self.dtype_policy)
        self.value = keras.layers.Dense(width, name="value", dtype=self.dtype_policy)
        self.out = keras.layers.Dense(width, name="out", dtype=self.dtype_policy)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Four matrices."""
        context = (*input_shape[:-1], self.context_width)
        self.query.build(input_shape)
        self.key.build(context)
        self.value.build(context)
        self.out.build((*input_shape[:-1], self.width))

    def call(self, query: Tensor, context: Tensor | None = None, valid: Tensor | None = None) -> Tensor:
        """[B, Q, width], context [B, K, context_width] (None: the queries), valid [B, K] or [B, Q, K]."""
        context = query if context is None else context
        scale = 1 / math.sqrt(self.width // self.heads)
        scores = ops.matmul(
            self._split(self.query(query) * scale), self._split(self.key(context), (0, 2, 3, 1))
        )
        scores = ops.cast(scores, "float32")
        if valid is not None:
            there = ops.cast(valid, "bool")
            there = there[:, None, None, :] if len(there.shape) == 2 else there[:, None]
            scores = ops.where(there, scores, -1e9)
        share = ops.softmax(scores, axis=-1)
        if valid is not None:
            share = share * ops.cast(there, "float32")
        gathered = ops.matmul(ops.cast(share, self.compute_dtype), self._split(self.value(context)))
        length = ops.shape(query)[1]
        gathered = ops.reshape(ops.transpose(gathered, (0, 2, 1, 3)), (-1, length, self.width))
        return self.out(gathered)

    def _split(self, x: Tensor, order: tuple[int, ...] = (0, 2, 1, 3)) -> Tensor:
        """[B, N, width] to [B, heads, N, width of a head], or another order of these."""
        split = ops.reshape(x, (-1, ops.shape(x)[1], self.heads, self.width // self.heads))
        return ops.transpose(split, order)

    def compute_output_shape(self, query_shape: tuple[int | None, ...], *_: Any, **__: Any) -> Any:
        """As the queries."""
        return (*query_shape[:-1], self.width)

    def get_config(self) -> dict[str, Any]:
        """What rebuilds the layer."""
        own = {"width": self.width, "heads": self.heads, "context_width": self.context_width}
        return {**super().get_config(), **own}


class FeedForward(keras.layers.Layer):
    """Two dense layers on each token by itself."""

    def __init__(self, width: int, expand: int = 4, **options: Any) -> None:
        super().__init__(**options)
        self.width, self.factor = width, expand
        self.expand = keras.layers.Dense(expand * width, gelu, name="expand", dtype=self.dtype_policy)
        self.project = keras.layers.Dense(width, name="project", dtype=self.dtype_policy)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Two matrices."""
        self.expand.build(input_shape)
        self.project.build((*input_shape[:-1], self.factor * self.width))

    def call(self, x: Tensor) -> Tensor:
        """[..., width] to the same."""
        return self.project(self.expand(x))

    def get_config(self) -> dict[str, Any]:
        """What rebuilds the layer."""
        return {**super().get_config(), "width": self.width, "expand": self.factor}


class TransformerBlock(keras.layers.Layer):
    """Tokens look at each other, then (where `context_width` is given) at a context, then each thinks alone.

    Norms come first in each branch, so that the sum of branches needs no warm-up to train.
    """

    def __init__(
        self, width: int, heads: int, context_width: int | None = None, expand: int = 4, **options: Any
    ) -> None:
        super().__init__(**options)
        self.width, self.heads, self.context_width, self.factor = width, heads, context_width, expand
        policy = self.dtype_policy
        self.norm = RmsNorm(name="norm", dtype=policy)
        self.attention = MultiHeadAttention(width, heads, name="attention", dtype=policy)
        self.cross_norm: RmsNorm | None = None
        self.cross: MultiHeadAttention | None = None
        if context_width is not None:
            self.cross_norm = RmsNorm(name="cross_norm", dtype=policy)
            self.cross = MultiHeadAttention(width, heads, context_width, name="cross", dtype=policy)
        self.forward_norm = RmsNorm(name="forward_norm", dtype=policy)
        self.forward = FeedForward(width, expand, name="forward", dtype=policy)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """All branches work at the width of the tokens."""
        parts = (self.norm, self.attention, self.cross_norm, self.cross, self.forward_norm, self.forward)
        for part in parts:
            if part is not None:
                part.build(input_shape)

    def call(
        self,
        x: Tensor,
        context: Tensor | None = None,
        valid: Tensor | None = None,
        context_valid: Tensor | None = None,
    ) -> Tensor:
        """[B, N, width] to the same; `valid` is of the tokens, `context_valid` of the context."""
        x = x + self.attention(self.norm(x), valid=valid)
        if self.cross is not None and self.cross_norm is not None:
            x = x + self.cross(self.cross_norm(x), context, valid=context_valid)
        return x + self.forward(self.forward_norm(x))

    def compute_output_shape(self, x_shape: tuple[int | None, ...], *_: Any, **__: Any) -> Any:
        """As the tokens."""
        return x_shape

    def get_config(self) -> dict[str, Any]:
        """What rebuilds the layer."""
        own = {"width": self.width, "heads": self.heads, "context_width": self.context_width}
        return {**super().get_config(), **own, "expand": self.factor}


class SpatialAttention(keras.layers.Layer):
    """Every place of a map looks at a copy that is `reduction` times coarser in rows and columns.

    Rows and columns must be multiples of `reduction`. Costs places^2 / reduction^2.
    """

    def __init__(self, width: int, heads: int, reduction: int = 1, **options: Any) -> None:
        super().__init__(**options)
        self.width, self.heads, self.reduction = width, heads, reduction
        policy = self.dtype_policy
        self.reduce: keras.layers.Conv2D | None = None
        if reduction > 1:
            self.reduce = keras.layers.Conv2D(
                width, reduction, strides=reduction, name="reduce", dtype=policy
            )
        self.norm = RmsNorm(name="norm", dtype=policy)
        self.attention = MultiHeadAttention(width, heads, name="attention", dtype=policy)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """The convolution that makes the copy, and attention at the same width."""
        if self.reduce is not None:
            self.reduce.build(input_shape)
        self.norm.build(input_shape)
        self.attention.build((input_shape[0], None, self.width))

    def call(self, x: Tensor) -> Tensor:
        """[B, H, W, width] to the same."""
        context = x if self.reduce is None else self.reduce(x)
        gathered = self.attention(self._tokens(x), self._tokens(self.norm(context)))
        return ops.reshape(gathered, (-1, ops.shape(x)[1], ops.shape(x)[2], self.width))

    def _tokens(self, x: Tensor) -> Tensor:
        return ops.reshape(x, (-1, ops.shape(x)[1] * ops.shape(x)[2], self.width))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """As the map."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """What rebuilds the layer."""
        own = {"width": self.width, "heads": self.heads, "reduction": self.reduction}
        return {**super().get_config(), **own}
