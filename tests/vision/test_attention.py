"""Attention: against plain arithmetic, permutations, ragged sets, and gradients against differences."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from geovision.errors import UsageError
from geovision.vision.nets.attention import (
    FeedForward,
    MultiHeadAttention,
    TransformerBlock,
    fourier_features,
)
from tests.vision.networks import check_derivative

WIDTH, HEADS = 8, 2


def tokens(*shape: int, seed: int = 1) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def array(value: Any) -> NDArray[np.float32]:
    return np.asarray(keras.ops.convert_to_numpy(value))


def oracle(
    layer: MultiHeadAttention, query: NDArray[Any], context: NDArray[Any], there: NDArray[Any]
) -> NDArray[Any]:
    """The same in loops."""

    def dense(part: Any, x: NDArray[Any]) -> NDArray[Any]:
        y = x @ np.asarray(part.kernel)
        return np.asarray(y + np.asarray(part.bias) if part.use_bias else y)

    q, k, v = dense(layer.query, query), dense(layer.key, context), dense(layer.value, context)
    out = np.zeros_like(q)
    size = WIDTH // HEADS
    for b, n, h in np.ndindex(len(q), q.shape[1], HEADS):
        part = slice(h * size, (h + 1) * size)
        score = k[b, there[b], part] @ q[b, n, part] / np.sqrt(size)
        share = np.exp(score - score.max(initial=-np.inf))
        out[b, n, part] = share @ v[b, there[b], part] / share.sum() if len(share) else 0
    return dense(layer.out, out)


def test_attention_is_what_the_paper_says() -> None:
    layer = MultiHeadAttention(WIDTH, HEADS, context_width=5)
    query, context = tokens(2, 4, WIDTH), tokens(2, 6, 5, seed=2)
    there = np.random.default_rng(3).random((2, 6)) < 0.6
    there[1] = False  # nothing to look at
    got = array(layer(query, context, valid=there))
    assert got == pytest.approx(oracle(layer, query, context, there), abs=1e-5)
    every = array(layer(query, context))
    assert every == pytest.approx(oracle(layer, query, context, np.ones_like(there)), abs=1e-5)
    full = np.broadcast_to(there[:, None], (2, 4, 6))
    assert array(layer(query, context, valid=full)) == pytest.approx(got, abs=1e-6)


def test_a_permutation_of_tokens_permutes_the_output_and_one_of_the_context_changes_nothing() -> None:
    block = TransformerBlock(WIDTH, HEADS, context_width=6)
    x, context = tokens(2, 7, WIDTH), tokens(2, 9, 6, seed=2)
    want = array(block(x, context))
    order = np.random.default_rng(4).permutation(7)
    assert array(block(x[:, order], context)) == pytest.approx(want[:, order], abs=1e-5)
    order = np.random.default_rng(4).permutation(9)
    assert array(block(x, context[:, order])) == pytest.approx(want, abs=1e-5)


def test_invalid_tokens_change_nothing_of_the_others() -> None:
    block = TransformerBlock(WIDTH, HEADS, context_width=6)
    x, context = tokens(1, 5, WIDTH), tokens(1, 4, 6, seed=2)
    want = array(block(x, context))
    longer = np.concatenate([x, np.full((1, 3, WIDTH), 1e4, np.float32)], axis=1)
    more = np.concatenate([context, np.full((1, 2, 6), -1e4, np.float32)], axis=1)
    valid, context_valid = np.arange(8)[None] < 5, np.arange(6)[None] < 4
    got = array(block(longer, more, valid=valid, context_valid=context_valid))
    assert got[:, :5] == pytest.approx(want, abs=1e-5)
    nothing = array(block(x, context, valid=np.zeros((1, 5), bool), context_valid=np.zeros((1, 4), bool)))
    assert np.isfinite(nothing).all()


@pytest.mark.parametrize(
    "layer",
    [MultiHeadAttention(WIDTH, HEADS), FeedForward(WIDTH), TransformerBlock(WIDTH, HEADS)],
    ids=lambda layer: type(layer).__name__,
)
def test_gradients(layer: Any) -> None:
    check_derivative(layer, tokens(2, 3, WIDTH))
    again = type(layer).from_config(layer.get_config())
    again(tokens(2, 3, WIDTH))
    assert [v.shape for v in again.variables] == [v.shape for v in layer.variables]


def test_width_must_split_into_heads() -> None:
    with pytest.raises(UsageError, match="does not split into 3 heads"):
        MultiHeadAttention(8, 3)


def test_fourier_features() -> None:
    xy = np.array([[0.0, 0.0], [1.0, 2.0]], np.float32)
    got = array(fourier_features(xy, 3, longest=8.0, shortest=2.0))
    assert got.shape == (2, 12)
    assert got[0] == pytest.approx([0] * 6 + [1] * 6)
    phase = 2 * np.pi * np.array([1 / 8, 1 / 4, 1 / 2, 2 / 8, 2 / 4, 2 / 2])
    assert got[1] == pytest.approx(np.concatenate([np.sin(phase), np.cos(phase)]), abs=1e-5)
    with pytest.raises(UsageError, match="no ladder of wavelengths"):
        fourier_features(xy, 3, longest=1.0, shortest=2.0)
