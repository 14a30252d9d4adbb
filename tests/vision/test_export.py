"""What runs is what was trained: Keras and ONNX agree at every size, and the file is small and the same."""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from geovision.cli.main import call
from geovision.errors import EnvironmentFault, InputError
from geovision.vision import export, infer, store
from geovision.vision.card import ModelCard
from geovision.vision.inputs import stack

keras = pytest.importorskip("keras")
pytest.importorskip("tf2onnx")

# The converter itself uses what its own libraries have marked as old.
pytestmark = pytest.mark.filterwarnings("ignore")


def card(size: str = "tiny") -> ModelCard:
    return ModelCard(name="net", kind="scene", network={"size": size})


def weights(size: str = "tiny") -> dict[str, NDArray[np.float32]]:
    from geovision.vision.nets.scene_net import SceneNetConfig, scene_net

    keras.utils.set_random_seed(3)
    network = scene_net(SceneNetConfig.model_validate({"size": size}))
    return {weight.path: np.asarray(weight, np.float32) for weight in network.weights}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if keras.backend.backend() != "tensorflow":
        pytest.skip("networks are exported from TensorFlow")
    path = tmp_path_factory.mktemp("model") / "net"
    store.save_model(path, weights(), card())
    export.export_model(path)
    return path


def test_what_runs_gives_what_keras_gives(saved: Path) -> None:
    network = export.build_network(store.load_card(saved), store.load_arrays(saved))
    rng = np.random.default_rng(1)
    plan = infer.make_plan(saved, runtime=("onnxruntime", "float32"), threads=1)
    for rows, columns in ((32, 32), (96, 160), (256, 64)):
        x = stack(
            {"rgb": rng.integers(0, 255, (3, rows, columns)), "ndsm": rng.uniform(0, 9, (rows, columns))}
        )
        want = network(x[None], training=False)
        found = infer.predict_array(x, saved, plan=plan)
        assert {*found} == {*want}
        for name, values in want.items():
            expected = np.asarray(values)[0]
            scale = np.abs(expected).mean() + expected.std()
            np.testing.assert_allclose(found[name], expected, atol=0.02 * scale, err_msg=name)


def test_batches_and_any_size_in_one_session(saved: Path) -> None:
    from geovision.vision.infer.runtimes import open_runner

    runner = open_runner(store.load_network(saved), "onnxruntime", "float32", 1)
    for shape in ((2, 32, 64), (1, 128, 32)):
        found = runner.run(np.zeros((*shape, 14), np.float32))
        for name, values in found.items():
            step = 4 if name == "kind" else 1
            assert values.shape[:3] == (shape[0], shape[1] // step, shape[2] // step)


def test_the_file_is_small_and_made_again_from_the_same_arrays(saved: Path, tmp_path: Path) -> None:
    made = store.load_card(saved)
    assert made.files["onnx"].bytes < 2.6 * made.parameters + 200_000
    again = export.export_model(saved, tmp_path / "net")
    assert again.files["npz"] == made.files["npz"]
    x = np.random.default_rng(2).uniform(0, 9, (1, 64, 64, 14)).astype(np.float32)
    plan = infer.make_plan(saved, runtime=("onnxruntime", "float32"), threads=1)
    first, second = (
        infer.plan.start(plan.model_copy(update={"network_sha256": one.files["onnx"].sha256}), path)[1].run(x)
        for one, path in ((made, saved), (again, tmp_path / "net"))
    )
    for name, values in first.items():
        np.testing.assert_allclose(second[name], values, atol=1e-3, err_msg=name)
    assert b"functional" not in store.load_network(saved)


def test_command(saved: Path, tmp_path: Path) -> None:
    assert call(["models", "export", str(saved), "-o", str(tmp_path / "copy")]) == 0
    assert store.verify(tmp_path / "copy").files["npz"] == store.load_card(saved).files["npz"]


def test_wrong_arrays_are_named() -> None:
    arrays = weights()
    name = next(iter(arrays))
    with pytest.raises(InputError, match="is not in the model"):
        export.build_network(card(), {key: value for key, value in arrays.items() if key != name})
    with pytest.raises(InputError, match="is not in the network"):
        export.build_network(card(), arrays | {"more": np.zeros(3, np.float32)})
    with pytest.raises(InputError, match="has shape"):
        export.build_network(card(), arrays | {name: np.zeros((1, 2, 3), np.float32)})


def test_a_network_that_differs_is_refused(saved: Path) -> None:
    arrays = store.load_arrays(saved)
    bent = {name: values * np.float32(1.3) for name, values in arrays.items()}
    network = export.build_network(card(), bent)
    with pytest.raises(InputError, match="differs from Keras"):
        export.check_export(network, store.load_network(saved))


def test_another_backend_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(EnvironmentFault, match="KERAS_BACKEND=tensorflow"):
        export.to_onnx(None)
