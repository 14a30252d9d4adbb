"""Small layers: known values, bounds, and gradients against differences."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from geovision.vision.features import SLOPE_HALF_M
from geovision.vision.inputs import CHANNELS, GROUPS, channels_of, stack, validity_of
from geovision.vision.nets import layers
from geovision.vision.nets.attention import SpatialAttention
from geovision.vision.nets.encoders import mix_block
from tests.vision.networks import check_derivative


def array(value: Any) -> NDArray[np.float32]:
    return np.asarray(keras.ops.convert_to_numpy(value))


def noise(*shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(1).normal(size=shape).astype(np.float32)


def test_normalised_input_has_known_values_and_nothing_where_nothing_is() -> None:
    x = stack(
        {"rgb": np.full((3, 1, 2), 255), "ndsm": np.array([[6.0, 300.0]]), "roads": np.array([[1.0, 0.5]])}
    )
    out = array(layers.NormaliseInput()(x[None]))[0, 0]
    assert out.shape == (2, len(CHANNELS) + 1)
    assert out[0] == pytest.approx([2.2] * 3 + [0, 0.3, 1, 0, 1, 0] + [1, 0, 1, 0, 1, 0], abs=1e-6)
    assert out[1] == pytest.approx([2.2] * 3 + [0, 8, 1, 0, 0.5, 0] + [1, 0, 1, 0, 1, 0], abs=1e-6)
    nothing = np.full((1, 1, 1, len(CHANNELS)), np.nan, np.float32)
    nothing[..., [validity_of(group) for group in GROUPS]] = 0
    assert not array(layers.NormaliseInput()(nothing)).any()


def test_input_is_normalised_in_float32_under_any_policy() -> None:
    layer = layers.NormaliseInput(dtype="mixed_bfloat16")
    x = stack({"ndsm": np.array([[1.2345]])})
    assert array(layer(x[None]))[0, 0, 0, 5] == pytest.approx(1.2345 / 3, abs=1e-6)


def test_rms_norm() -> None:
    layer, x = layers.RmsNorm(), noise(2, 3, 4, 8)
    out = array(layer(x))
    assert np.sqrt((out**2).mean(-1)) == pytest.approx(np.ones((2, 3, 4)), abs=1e-3)
    assert array(layer(50 * x)) == pytest.approx(out, abs=1e-3)
    assert not array(layer(np.zeros_like(x))).any()
    assert array(layer(x[:, :1])) == pytest.approx(out[:, :1], abs=1e-6)  # of its own pixel alone
    check_derivative(layer, x)


def test_unit_vector() -> None:
    out = array(layers.UnitVector()(noise(5, 3)))
    assert np.linalg.norm(out, axis=-1) == pytest.approx(np.ones(5), abs=1e-3)
    assert not array(layers.UnitVector()(np.zeros((2, 3), np.float32))).any()
    check_derivative(layers.UnitVector(), noise(2, 3))


def test_heights_are_added_to_those_given_and_sigma_is_bounded() -> None:
    x = stack({"ndsm": np.array([[7.0, np.nan]])})[None]
    heights, given = layers.HeightOutput(), layers.GivenHeight()
    out = array(heights(np.full((1, 1, 2, 2), 0.2, np.float32), given(x)))
    assert out[0, 0, :, 0] == pytest.approx([8, 1])
    assert out[0, 0, :, 1] == pytest.approx([0.7, 0.7], abs=1e-3)
    x[..., 1, channels_of("ndsm")] = np.nan
    wild = array(heights(np.full((1, 1, 2, 2), -1e9, np.float32), given(x)))
    assert np.isfinite(wild).all()
    assert wild[..., 1].min() == pytest.approx(-2.5)


@pytest.mark.parametrize("block", [layers.residual_block, layers.convnext_block])
def test_gradients_of_blocks(block: Any) -> None:
    place = keras.Input((None, None, 4))
    check_derivative(keras.Model(place, block(place, "block")), noise(1, 3, 5, 4), step=3e-3, tolerance=5e-2)


def test_gradients_of_transformer_blocks_of_maps() -> None:
    place = keras.Input((None, None, 4))
    check_derivative(keras.Model(place, mix_block(place, "block", 2, 2)), noise(1, 4, 6, 4))


def test_attention_of_maps_does_not_know_where_a_cell_lies() -> None:
    layer, x = SpatialAttention(8, 2), noise(1, 4, 6, 8)
    want = array(layer(x))
    assert array(layer(x[:, ::-1])) == pytest.approx(want[:, ::-1], abs=1e-5)
    assert array(layer(np.roll(x, 2, axis=2))) == pytest.approx(np.roll(want, 2, axis=2), abs=1e-5)
    again = SpatialAttention.from_config(SpatialAttention(8, 2, 2).get_config())
    assert array(again(x)).shape == x.shape


def edges(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """What EdgeInput adds: of the image, then of the heights, the gradient and its fourth power."""
    layer = layers.EdgeInput()
    out = array(layer(layers.NormaliseInput()(x[None]), x[None]))
    return out[0, ..., -layer.EXTRA :]


@pytest.mark.parametrize("angle", [0.0, 0.3, 0.8, 2.0, 4.0])
def test_edges_of_a_slope_have_its_direction(angle: float) -> None:
    row, column = np.mgrid[:9, :9].astype(float)
    slope = np.tan(np.radians(30))
    height = 20 + slope * (np.cos(angle) * column - np.sin(angle) * row)  # rows run south
    out = edges(stack({"ndsm": height}))[1:-1, 1:-1, 4:]
    strength = slope / np.hypot(slope, SLOPE_HALF_M)
    want = strength * np.array([np.cos(angle), np.sin(angle), np.cos(4 * angle), np.sin(4 * angle)])
    assert np.abs(out - want).max() < 1e-4


def test_edges_end_where_data_ends_and_flat_ground_has_none() -> None:
    heights = np.full((8, 8), 5.0)
    heights[:, 5:] = np.nan
    image = np.full((3, 8, 8), 90.0)
    out = edges(stack({"ndsm": heights, "rgb": image}))
    assert np.isfinite(out).all()
    assert np.abs(out[1:-1, 1:-1]).max() < 1e-6
