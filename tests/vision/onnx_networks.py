"""Small networks with known weights as ONNX, saved as models, for tests of inference."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision.vision import store
from geovision.vision.card import Calibration, ModelCard
from geovision.vision.inputs import CHANNELS, channels_of

__all__ = ["HEADS", "network", "save_network"]

HEADS = {"building": 1, "boundary": 1, "frame": 2, "height": 2}


def network(reach: int = 12, seed: int = 0) -> tuple[bytes, dict[str, NDArray[np.float32]]]:
    """A blur of every channel over 2 `reach` + 1 pixels, then a random mix of them for each head.

    Zero padding darkens a window's border as a real network's padding does.
    """
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(seed)
    count, size = len(CHANNELS), 2 * reach + 1
    mix = rng.normal(0, 0.6, (sum(HEADS.values()), count, 1, 1)).astype(np.float32)
    # Colours are bytes: brought to about one.
    mix[:, channels_of("rgb")] /= 100
    mix[:, channels_of("nir")] /= 100
    mix[:, channels_of("ndsm")] /= 5
    arrays = {
        "down": np.full((count, 1, size, 1), 1 / size, np.float32),
        "across": np.full((count, 1, 1, size), 1 / size, np.float32),
        "mix": mix,
        "bias": rng.normal(0, 0.1, len(mix)).astype(np.float32),
    }
    nodes = [
        helper.make_node("Transpose", ["x"], ["t"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["t", "down"], ["d"], group=count, pads=[reach, 0, reach, 0]),
        helper.make_node("Conv", ["d", "across"], ["b"], group=count, pads=[0, reach, 0, reach]),
        helper.make_node("Conv", ["b", "mix", "bias"], ["m"]),
        helper.make_node("Transpose", ["m"], ["y"], perm=[0, 2, 3, 1]),
        helper.make_node("Split", ["y", "sizes"], [*HEADS], axis=3),
    ]
    weights = [numpy_helper.from_array(values, name) for name, values in arrays.items()]
    weights.append(numpy_helper.from_array(np.array([*HEADS.values()], np.int64), "sizes"))
    graph = helper.make_graph(
        nodes,
        "blur",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", "h", "w", count])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", "h", "w", size])
            for name, size in HEADS.items()
        ],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString()), arrays


def save_network(folder: Path, *, reach: int = 12, **more: Any) -> Path:
    """The network as a model."""
    made, arrays = network(reach)
    card = ModelCard(
        name="blur",
        kind="scene",
        network={"reach": reach},
        outputs=HEADS,
        calibration=Calibration(temperature=1.5),
        **{"halo_px": reach, **more},
    )
    store.save_model(folder / "blur", arrays, card, made)
    return folder / "blur"
