"""What every network must do, whatever it is made of; its test gives it a way to be built and inputs."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

Arrays = dict[str, NDArray[np.float32]]
Build = Callable[[], Any]
"""Builds the network with new random weights."""


def run(model: Any, inputs: Any) -> Arrays:
    """Outputs as arrays, in float32."""
    outputs = model(inputs, training=False)
    return {name: np.asarray(keras.ops.convert_to_numpy(value)) for name, value in outputs.items()}


def arrays_of(model: Any) -> Arrays:
    """All weights by their path."""
    return {variable.path: np.asarray(variable) for variable in model.variables}


def put_arrays(model: Any, arrays: Mapping[str, NDArray[np.float32]]) -> None:
    for variable in model.variables:
        variable.assign(arrays[variable.path])


def check_network(build: Build, inputs: Any, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Shapes and types, seeds, weights by path, and that every weight is trained by something."""
    keras.utils.set_random_seed(7)
    model = build()
    first = run(model, inputs)
    assert {name: value.shape for name, value in first.items()} == dict(shapes)
    assert all(value.dtype == np.float32 and np.isfinite(value).all() for value in first.values())

    paths = [variable.path for variable in model.variables]
    assert len(set(paths)) == len(paths)
    keras.utils.set_random_seed(7)
    same = run(build(), inputs)
    other = build()
    assert all(np.array_equal(first[name], same[name]) for name in first)
    assert any(not np.array_equal(first[name], value) for name, value in run(other, inputs).items())
    put_arrays(other, arrays_of(model))
    again = run(other, inputs)
    assert all(np.array_equal(first[name], again[name]) for name in first)
    check_gradients(model, inputs)


def check_gradients(model: Any, inputs: Any) -> None:
    """Every weight moves some output, and its gradient is finite."""
    import tensorflow as tf

    rng = np.random.default_rng(3)
    with tf.GradientTape() as tape:
        outputs = model(inputs, training=True)
        noise = {name: rng.normal(size=value.shape).astype(np.float32) for name, value in outputs.items()}
        total = sum(tf.reduce_sum(outputs[name] * noise[name]) for name in outputs)
    gradients = tape.gradient(total, model.trainable_variables)
    for variable, gradient in zip(model.trainable_variables, gradients, strict=True):
        assert gradient is not None, f"{variable.path} moves nothing"
        value = np.asarray(tf.convert_to_tensor(gradient))
        assert np.isfinite(value).all(), variable.path
        assert np.abs(value).max() > 0, f"{variable.path} moves nothing"


def check_derivative(
    layer: Any, x: NDArray[np.float32], *, step: float = 1e-2, tolerance: float = 2e-2
) -> None:
    """Gradients by the input and by all weights, each along a random direction, against differences."""
    import tensorflow as tf

    rng = np.random.default_rng(5)
    noise = rng.normal(size=layer(x).shape).astype(np.float32)

    def total(shifted: Any) -> Any:
        return keras.ops.sum(keras.ops.cast(layer(shifted), "float32") * noise)

    start = tf.convert_to_tensor(x)
    with tf.GradientTape() as tape:
        tape.watch(start)
        value = total(start)
    sources = [start, *(variable.value for variable in layer.trainable_variables)]
    for source, gradient in zip(sources, tape.gradient(value, sources), strict=True):
        way = rng.normal(size=source.shape).astype(np.float32)
        way /= np.sqrt((way**2).sum())
        slope = float((np.asarray(gradient) * way).sum())
        ends = [float(_moved(total, start, source, sign * step * way)) for sign in (1, -1)]
        size = float(np.sqrt((np.asarray(gradient) ** 2).sum()))
        assert (ends[0] - ends[1]) / (2 * step) == pytest.approx(slope, rel=tolerance, abs=tolerance * size)


def _moved(total: Callable[[Any], Any], start: Any, source: Any, by: NDArray[np.float32]) -> Any:
    if source is start:
        return total(start + by)
    before = np.asarray(source)
    source.assign(before + by)
    value = total(start)
    source.assign(before)
    return value
