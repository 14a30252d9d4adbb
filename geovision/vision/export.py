"""From a Keras network to the ONNX file that runs; the one file that names TensorFlow."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision.errors import EnvironmentFault, InputError
from geovision.vision.card import ModelCard
from geovision.vision.infer.runtimes import FEATURES_INPUT, open_runner
from geovision.vision.inputs import MULTIPLE, channels_of, validity_of
from geovision.vision.store import load_arrays, load_card, save_model

__all__ = ["OPSET", "build_network", "check_export", "export_model", "to_onnx"]

OPSET = 17
"""Of ONNX: old enough for every runtime in use, new enough for layer normalisation in one node."""
_IR_VERSION = 8
# Smaller arrays stay float32: they are gains, offsets and constants.
_HALF_FROM = 64
_SIZES = ((64, 96), (160, 64), (32, 224))
# Largest difference from Keras, as a share of an output's spread; halves are 1e-3 apart.
_TOLERANCE = 5e-3
_TRIES = 5


def build_network(card: ModelCard, arrays: Mapping[str, NDArray[np.float32]]) -> Any:
    """The Keras network of a card with the arrays as its weights, whatever the backend."""
    from geovision.vision.nets.scene_net import SceneNetConfig, scene_net

    if card.kind != "scene":
        raise InputError(
            f"model {card.name}", f"is a {card.kind} network", "Only scene networks are exported"
        )
    network = scene_net(SceneNetConfig.model_validate(card.network))
    known = {weight.path: weight for weight in network.weights}
    for name in sorted(set(known) ^ set(arrays)):
        problem = "is not in the model" if name in known else "is not in the network"
        raise InputError(f"array {name!r}", problem, "Export it with the geovision that trained it")
    for name, weight in known.items():
        if tuple(weight.shape) != arrays[name].shape:
            problem = f"has shape {arrays[name].shape}; the network has {tuple(weight.shape)}"
            raise InputError(f"array {name!r}", problem, "Export it with the geovision that trained it")
        weight.assign(arrays[name])
    return network


def export_model(model: str | os.PathLike[str], out: str | os.PathLike[str] | None = None) -> ModelCard:
    """Make the ONNX file of a model from its arrays, compare the two, and save both with the card.

    Args:
        model: name or path.
        out: where to save it; by default where the model is.
    """
    card = load_card(model)
    arrays = load_arrays(model, card)
    network = build_network(card, arrays)
    onnx = _right_export(network, _body_of(card, arrays))
    half = any(item.dtype == "float16" for item in card.arrays.values())
    return save_model(model if out is None else out, arrays, card, onnx, half=half)


def _body_of(card: ModelCard, arrays: Mapping[str, NDArray[np.float32]]) -> Any:
    """The network behind its first layers, which the kernel takes over, with the same weights."""
    from geovision.vision.nets.scene_net import SceneNetConfig, scene_body

    body = scene_body(SceneNetConfig.model_validate(card.network))
    for weight in body.weights:
        values, shape = arrays[weight.path], tuple(weight.shape)
        if values.shape != shape:
            # The heights in metres are for the output alone.
            values = np.pad(values, ((0, 0), (0, 0), (0, shape[2] - values.shape[2]), (0, 0)))
        weight.assign(values)
    return body


def _right_export(network: Any, body: Any) -> bytes:
    """An export of the body that computes, behind the kernel's features, what the network does.

    The converter's simplifications go by the order of sets of names, and once in some times that order makes
    a graph that is wrong (it was seen to add a dimension). Names count on, so the next try has another order.
    """
    for _ in range(_TRIES - 1):
        onnx = to_onnx(body)
        try:
            check_export(network, onnx)
        except InputError:
            continue
        return onnx
    onnx = to_onnx(body)
    check_export(network, onnx)
    return onnx


def to_onnx(body: Any, *, half: bool = True) -> bytes:
    """What runs, as ONNX: input "features" [n, features, h, w], outputs [n, channels, h, w] by name.

    Rows and columns are free. Planes, because runtimes calculate in them.

    Two exports of the same network compute the same, but their bytes can differ: the converter simplifies in
    an order that follows from names, which count what was made before. The card's hash says which file it is.

    Args:
        body: a Keras model that takes one tensor, channels last, and returns a dictionary of tensors.
        half: keep large arrays as float16. Runtimes turn them into float32 once, when they load the file.
    """
    import keras

    if keras.backend.backend() != "tensorflow":
        raise EnvironmentFault(
            f"Keras backend {keras.backend.backend()!r}",
            "cannot export to ONNX",
            "Set KERAS_BACKEND=tensorflow; the arrays of a model are the same for every backend",
        )
    try:
        import tensorflow as tf
        import tf2onnx
    except ImportError as error:
        raise EnvironmentFault(
            f"library {error.name}", "is not installed", 'pip install "geovision[train]"'
        ) from error
    channels = int(body.inputs[0].shape[-1])
    x = np.zeros((1, 2 * MULTIPLE, 2 * MULTIPLE, channels), np.float32)
    names = list(body(x, training=False))

    def run(features: Any) -> list[Any]:
        outputs = body(tf.transpose(features, (0, 2, 3, 1)), training=False)
        return [tf.transpose(tf.cast(outputs[name], tf.float32), (0, 3, 1, 2)) for name in names]

    given = [tf.TensorSpec((None, channels, None, None), tf.float32, name=FEATURES_INPUT)]
    function = tf.function(run, input_signature=given)
    made, _ = tf2onnx.convert.from_function(function, input_signature=given, opset=OPSET)
    return _plain(made, names, channels, half=half)


def _plain(made: Any, names: Sequence[str], channels: int, *, half: bool) -> bytes:
    """The graph with our names, no trace of where it was made, and large arrays in halves."""
    import onnx

    graph = made.graph
    known = {graph.input[0].name: FEATURES_INPUT}
    known |= {item.name: name for item, name in zip(graph.output, names, strict=True)}
    initial = {item.name: item for item in graph.initializer}
    nodes: list[Any] = []
    arrays: list[tuple[str, NDArray[Any]]] = []
    for number, node in enumerate(_in_order(graph)):
        for name in node.input:
            if name in initial and name not in known:
                known[name] = f"w{len(arrays)}"
                arrays.append((known[name], onnx.numpy_helper.to_array(initial[name])))
        for place, name in enumerate(node.output):
            known.setdefault(name, f"t{number}_{place}" if name else "")
        nodes.append(_renamed(node, known))
    casts, stored = [], []
    for name, values in arrays:
        if half and _fits_half(values):
            stored.append(onnx.numpy_helper.from_array(values.astype(np.float16), f"{name}_half"))
            casts.append(onnx.helper.make_node("Cast", [f"{name}_half"], [name], to=onnx.TensorProto.FLOAT))
        else:
            stored.append(onnx.numpy_helper.from_array(values, name))
    float32 = onnx.TensorProto.FLOAT
    inputs = [onnx.helper.make_tensor_value_info(FEATURES_INPUT, float32, ["n", channels, "h", "w"])]
    outputs = [
        onnx.helper.make_tensor_value_info(name, float32, ["n", _depth(item), f"{name}_h", f"{name}_w"])
        for item, name in zip(graph.output, names, strict=True)
    ]
    plain = onnx.helper.make_graph([*casts, *nodes], "geovision", inputs, outputs, stored)
    model = onnx.helper.make_model(
        plain,
        producer_name="geovision",
        ir_version=_IR_VERSION,
        opset_imports=[onnx.helper.make_opsetid("", OPSET)],
    )
    # Shapes are proved by running it (`check_export`): inference of symbolic ones trips over some orders.
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))


def _in_order(graph: Any) -> list[Any]:
    """Nodes, each behind those that it needs, in an order that follows from the graph alone.

    The converter's own order goes by names, which count the networks that were made before.
    """
    maker = {name: node for node in graph.node for name in node.output}
    out: list[Any] = []
    seen: set[int] = set()
    waiting = [(item.name, False) for item in reversed(graph.output)]
    while waiting:
        name, ready = waiting.pop()
        node = maker.get(name)
        if node is None or (id(node) in seen and not ready):
            continue
        if ready:
            out.append(node)
            continue
        seen.add(id(node))
        waiting.append((name, True))
        waiting.extend((needed, False) for needed in reversed(node.input))
    return out


def _renamed(node: Any, known: Mapping[str, str]) -> Any:
    import onnx

    if node.domain not in ("", "ai.onnx") or any(
        item.type in (onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS) for item in node.attribute
    ):
        raise InputError(
            f"operation {node.op_type}", "is not plain ONNX", "Write the layer with other operations"
        )
    out = onnx.NodeProto()
    out.op_type = node.op_type
    out.input.extend(known[name] if name else "" for name in node.input)
    out.output.extend(known[name] if name else "" for name in node.output)
    out.attribute.extend(sorted(node.attribute, key=lambda item: item.name))
    for item in out.attribute:
        item.t.name = ""
        if item.type != onnx.AttributeProto.TENSOR:
            item.ClearField("t")
    return out


def _fits_half(values: NDArray[Any]) -> bool:
    large = values.dtype == np.float32 and values.size >= _HALF_FROM and values.ndim > 1
    return large and bool(np.abs(values).max() < np.finfo(np.float16).max)


def _depth(output: Any) -> int | str:
    depth = output.type.tensor_type.shape.dim[1]
    return int(depth.dim_value) if depth.dim_value else "c"


def check_export(network: Any, onnx: bytes) -> None:
    """Compare ONNX Runtime's results with those of Keras at several sizes.

    Raises:
        InputError: they differ by more than the halves explain.
    """
    from geovision.vision.nets.scene_net import KIND_STRIDE

    runner = open_runner(onnx, "onnxruntime", "float32")
    rng = np.random.default_rng(0)
    channels = int(network.inputs[0].shape[-1])
    for rows, columns in _SIZES:
        x = np.zeros((1, rows, columns, channels), np.float32)
        for name, top in (("rgb", 255.0), ("nir", 255.0), ("ndsm", 15.0)):
            part = channels_of(name)
            x[..., part] = rng.uniform(0, top, x[..., part].shape)
            x[..., validity_of(name)] = 1
        want = network(x, training=False)
        found = runner.run(x)
        for name, values in want.items():
            expected = np.asarray(values, np.float32)
            # Kinds are left as they are calculated, and repeated by whoever wants them by the pixel.
            step = KIND_STRIDE if name == "kind" else 1
            expected = expected[:, ::step, ::step]
            if found[name].shape != expected.shape:
                problem = (
                    f"output {name!r} is {found[name].shape} at {rows} x {columns}, not {expected.shape}"
                )
                raise InputError("exported network", problem, "Write the layer with other operations")
            apart = float(np.quantile(np.abs(found[name] - expected), 0.999))
            spread = float(np.std(expected)) + float(np.abs(expected).mean())
            if not apart <= _TOLERANCE * max(spread, 1e-3):
                problem = f"output {name!r} differs from Keras by {apart:.3g} at a spread of {spread:.3g}"
                raise InputError("exported network", problem, "Report this, with the model")
