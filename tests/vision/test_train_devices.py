"""Two devices train as one does: logical CPUs, in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

CODE = """
import json, sys
import keras
if keras.backend.backend() == "tensorflow":
    import tensorflow as tf
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from geovision.vision.train.loop import train
from tests.vision.training import plain_config, plain_task
found = []
for devices in (1, 2):
    run = train(plain_task(), plain_config(devices), f"{sys.argv[1]}/{devices}")
    found.append({"loss": run.loss, "iou": run.figures["discs"]["iou"],
                  "weights": {name: values.ravel().tolist() for name, values in run.weights.items()}})
again = train(plain_task(), plain_config(2), f"{sys.argv[1]}/again")
print(json.dumps([*found, again.weights_sha256 == run.weights_sha256]))
"""


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_two_devices_train_as_one(backend: str, tmp_path: Path) -> None:
    pytest.importorskip(backend)
    more = {"KERAS_BACKEND": backend, "XLA_FLAGS": "--xla_force_host_platform_device_count=2"}
    environment = os.environ | more | {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": str(ROOT)}
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CODE, str(tmp_path)],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    one, two, again = json.loads(run.stdout.strip().splitlines()[-1])
    assert two["loss"] == pytest.approx(one["loss"], rel=1e-3)
    assert two["iou"] == pytest.approx(one["iou"], abs=0.01)
    for name, values in one["weights"].items():
        assert two["weights"][name] == pytest.approx(values, abs=2e-4), name
    assert again
