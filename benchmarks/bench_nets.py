"""Speed of the scene networks: training and forward passes, in Mpx per second, with their results checked.

    python benchmarks/bench_nets.py                       # TensorFlow
    KERAS_BACKEND=jax python benchmarks/bench_nets.py     # JAX
    python benchmarks/bench_nets.py --sizes small --encoders conv --rounds 5

Both clocks are given: of the wall, which other work on the machine slows down, and of the CPU divided by the
cores, which is what an otherwise idle machine would come near to.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from common import report
from numpy.typing import NDArray

from geovision.vision.inputs import CHANNELS
from geovision.vision.nets import OUTPUTS, SceneNetConfig, halo_px, scene_loss, scene_net
from geovision.vision.train.trainee import Trainee


def batch(count: int, crop: int) -> tuple[NDArray[np.float32], dict[str, Any], dict[str, Any]]:
    """A scene whose buildings are bright, so that a few steps must lower the loss."""
    rng = np.random.default_rng(0)
    shape = (count, crop, crop)
    x = np.zeros((*shape, len(CHANNELS)), np.float32)
    x[..., :3] = rng.uniform(0, 120, (*shape, 3))
    x[..., 8] = 1
    targets = {
        name: np.zeros((*shape, {"frame": 2, "normal": 3}.get(name, 1)), np.float32) for name in OUTPUTS
    }
    targets["building"][:, crop // 4 : crop // 2, crop // 4 : crop // 2] = 1
    x[..., :3] += 120 * targets["building"]
    targets["normal"][..., 2] = 1
    targets["kind"] = targets["kind"].astype(np.int32)
    return x, targets, {name: np.ones((*shape, 1), np.float32) for name in OUTPUTS}


def gflop_per_mpx(network: Any) -> float:
    """Of the convolutions and dense layers, two operations a product; attention's own products left out."""
    total = 0.0
    for variable in network.trainable_variables:
        if len(variable.shape) < 2:
            continue
        part = variable.path.split("/")[0]
        stride = 2 if part in {"stem_conv", "head_pixels"} else 4
        if part.startswith(("encoder", "decoder")):
            stride = int("".join(filter(str.isdigit, part.split("_")[0])))
            stride *= 2 if part.endswith("_top") else 1
        if any(name in variable.path for name in ("/reduce/", "/key/", "/value/")):
            stride = 32
        total += float(np.prod(variable.shape)) / stride**2
    return 2e-3 * total


def clocks(run: Callable[[], object], rounds: int) -> tuple[float, float]:
    """Best seconds by the wall, and by the CPU over the number of cores."""
    best = [np.inf, np.inf]
    for _ in range(rounds):
        wall, cpu = time.perf_counter(), time.process_time()
        run()
        best = [
            min(best[0], time.perf_counter() - wall),
            min(best[1], (time.process_time() - cpu) / (os.cpu_count() or 1)),
        ]
    return best[0], best[1]


def measured(config: SceneNetConfig, options: argparse.Namespace) -> dict[str, object]:
    keras.utils.set_random_seed(1)
    network = scene_net(config)
    x, targets, weights = batch(options.batch, options.crop)

    @keras_function
    def forward(values: Any) -> Any:
        return network(values, training=False)

    values = keras.ops.convert_to_tensor(x)

    def outputs() -> NDArray[np.float32]:
        return np.asarray(keras.ops.convert_to_numpy(forward(values)["building"]))

    assert np.isfinite(outputs()).all()
    trainee = Trainee(
        network, scene_loss, ["building", "dice", *[name for name in OUTPUTS if name != "building"]]
    )
    trainee.compile(optimizer=keras.optimizers.AdamW(1e-3), jit_compile=keras.backend.backend() == "jax")
    losses: list[float] = []

    def step() -> None:
        losses.append(float(trainee.train_on_batch(x, targets, weights, return_dict=True)["loss"]))

    step()
    mpx = options.batch * options.crop**2 / 1e6
    train, train_cpu = clocks(step, options.rounds)
    ahead, ahead_cpu = clocks(outputs, options.rounds)
    assert losses[-1] < losses[0], losses
    return {
        "M parameters": network.count_params() / 1e6,
        "GFLOP/Mpx": gflop_per_mpx(network),
        "halo px": halo_px(config) or "window",
        "train Mpx/s": mpx / train,
        "train Mpx/s by CPU": mpx / train_cpu,
        "forward Mpx/s": mpx / ahead,
        "forward Mpx/s by CPU": mpx / ahead_cpu,
    }


def keras_function(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(function)  # type: ignore[no-any-return]
    import tensorflow as tf

    return tf.function(function)  # type: ignore[no-any-return]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--encoders", nargs="+", default=["conv", "mit"])
    parser.add_argument("--sizes", nargs="+", default=["tiny", "small", "base"])
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--crop", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    result: dict[str, object] = {"backend": keras.backend.backend(), "load": round(os.getloadavg()[0], 1)}
    held = True
    for encoder in options.encoders:
        for size in options.sizes:
            figures = measured(SceneNetConfig(encoder=encoder, size=size), options)
            if (encoder, size) == ("conv", "small") and keras.backend.backend() == "tensorflow":
                held = float(str(figures["train Mpx/s by CPU"])) >= 0.6
            result |= {f"{encoder} {size} {name}": value for name, value in figures.items()}
    return report("scene networks", result, "conv small trains at 0.6 Mpx/s, TensorFlow", passed=held)


if __name__ == "__main__":
    sys.exit(main())
