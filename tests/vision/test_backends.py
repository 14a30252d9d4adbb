"""The same weights give the same on each backend, in each precision, and as a graph for any size."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pytest

from geovision.vision.inputs import MULTIPLE
from geovision.vision.nets import OUTPUTS, SceneNetConfig, scene_net
from tests.vision.networks import Arrays, arrays_of, put_arrays, run
from tests.vision.test_scene_net import CONFIGS, scene

AS_SCRIPT = """
import json, sys
import keras, numpy as np
from geovision.vision.nets import SceneNetConfig, scene_net
folder, config = sys.argv[1:]
model = scene_net(SceneNetConfig(**json.loads(config)))
with np.load(folder + "/weights.npz") as arrays:
    for variable in model.variables:
        variable.assign(arrays[variable.path])
with np.load(folder + "/x.npz") as file:
    outputs = model(file["x"], training=False)
np.savez(folder + "/out.npz", **{k: keras.ops.convert_to_numpy(v) for k, v in outputs.items()})
print(keras.backend.backend())
"""
HEIGHT_M, LOGIT = 5e-3, 2e-3


def far(one: Arrays, other: Arrays) -> dict[str, float]:
    """The largest difference of each output."""
    return {name: float(np.abs(one[name] - other[name]).max()) for name in OUTPUTS}


@pytest.fixture
def bfloat16() -> Iterator[None]:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    yield
    keras.config.set_dtype_policy(before)


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.encoder)
def test_jax_gives_what_tensorflow_gives(config: SceneNetConfig, tmp_path: Path) -> None:
    model, x = scene_net(config), scene(64, 96)
    np.savez(tmp_path / "weights.npz", **arrays_of(model))  # type: ignore[arg-type]
    np.savez(tmp_path / "x.npz", x=x)
    command = [sys.executable, "-c", AS_SCRIPT, str(tmp_path), json.dumps(config.model_dump())]
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert result.stdout.strip() == "jax", result.stderr
    with np.load(tmp_path / "out.npz") as file:
        other = dict(file)
    difference = far(run(model, x), other)
    assert difference.pop("height") < HEIGHT_M
    assert max(difference.values()) < LOGIT, difference


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.encoder)
@pytest.mark.usefixtures("bfloat16")
def test_bfloat16_is_close_to_float32(config: SceneNetConfig) -> None:
    x = scene(64, 64)
    half = scene_net(config)
    outputs = run(half, x)
    assert all(value.dtype == np.float32 and np.isfinite(value).all() for value in outputs.values())
    keras.config.set_dtype_policy("float32")
    full = scene_net(config)
    put_arrays(full, arrays_of(half))
    want = run(full, x)
    for name in OUTPUTS:
        spread = float(want[name].std())
        assert np.abs(outputs[name] - want[name]).mean() < 0.05 * spread, name


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.encoder)
def test_one_graph_runs_at_any_size(config: SceneNetConfig) -> None:
    import tensorflow as tf

    model = scene_net(config)
    signature = [tf.TensorSpec((1, None, None, 14), tf.float32)]
    graph = tf.function(lambda x: model(x, training=False), input_signature=signature)
    for rows, columns in ((2 * MULTIPLE, MULTIPLE), (3 * MULTIPLE, 4 * MULTIPLE)):
        x = scene(rows, columns)
        outputs = {name: np.asarray(value) for name, value in graph(x).items()}
        difference = far(run(model, x), outputs)
        assert max(difference.values()) < LOGIT, difference


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.encoder)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_onnx_gives_the_same_at_any_size(config: SceneNetConfig, tmp_path: Path) -> None:
    import onnxruntime

    model = scene_net(config)
    run(model, scene(64, 64))
    path = tmp_path / "net.onnx"
    model.export(path, format="onnx", verbose=False)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    assert set(names) == set(OUTPUTS)
    for rows, columns in ((2 * MULTIPLE, MULTIPLE), (3 * MULTIPLE, 4 * MULTIPLE)):
        x = scene(rows, columns)
        outputs = dict(zip(names, session.run(None, {session.get_inputs()[0].name: x}), strict=True))
        difference = far(run(model, x), outputs)
        assert difference.pop("height") < HEIGHT_M
        assert max(difference.values()) < LOGIT, difference
