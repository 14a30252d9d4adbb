"""The kernel's first layers against those of Keras, which are what was trained."""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest
from numpy.typing import NDArray

from geovision.errors import InputError
from geovision.vision.features import FEATURES, scene_features
from geovision.vision.inputs import CHANNELS, GROUPS, validity_of

keras = pytest.importorskip("keras")


def wild(rng: np.random.Generator, rows: int, columns: int) -> NDArray[np.float32]:
    """A raw input with holes of any shape; what lies under them is anything, NaN too."""
    x = rng.uniform(-3, 40, (1, rows, columns, len(CHANNELS))).astype(np.float32)
    x[..., :4] = rng.integers(0, 256, (1, rows, columns, 4))
    x[..., 5:8] = rng.random((1, rows, columns, 3))
    if rng.random() < 0.3:
        x[..., 4] *= 30  # towers, and pits far below the ground
    for group, names in GROUPS.items():
        there = rng.random((1, rows, columns)) < rng.choice([0.0, 0.5, 0.97, 1.0])
        x[..., validity_of(group)] = there
        for name in names:
            x[..., CHANNELS.index(name)][~there] = rng.choice([0.0, np.nan, np.inf, -7.0])
    return x


@pytest.mark.parametrize("seed", range(12))
def test_features_are_what_the_layers_give(seed: int) -> None:
    from geovision.vision.nets.layers import EdgeInput, GivenHeight, NormaliseInput

    rng = np.random.default_rng(seed)
    rows, columns = rng.integers(1, 80, 2).tolist()
    x = wild(rng, rows, columns)
    want = np.concatenate(
        [np.asarray(part) for part in (EdgeInput()(NormaliseInput()(x), x), GivenHeight()(x))], axis=-1
    )
    found = scene_features(x)
    assert found.shape == (1, FEATURES, rows, columns)
    # Directions of noise at 1,000 m are differences of large numbers.
    np.testing.assert_allclose(found.transpose(0, 2, 3, 1), want, rtol=1e-4, atol=5e-4)


def test_neither_threads_nor_the_batch_change_a_bit() -> None:
    rng = np.random.default_rng(5)
    x = np.concatenate([wild(rng, 100, 37) for _ in range(3)])
    whole = scene_features(x, threads=1)
    assert scene_features(x, threads=5).tobytes() == whole.tobytes()
    for number in range(3):
        assert scene_features(x[number : number + 1]).tobytes() == whole[number].tobytes()


def test_a_given_array_is_filled_where_it_fits() -> None:
    x = wild(np.random.default_rng(6), 9, 5)
    out = np.empty((1, FEATURES, 9, 5), np.float32)
    assert scene_features(x, out=out) is out
    assert scene_features(x[:, :8], out=out).shape == (1, FEATURES, 8, 5)


def test_another_number_of_channels_is_refused() -> None:
    with pytest.raises(InputError, match="expected \\(batch, rows, columns, 14\\)"):
        scene_features(np.zeros((1, 4, 4, 3), np.float32))
