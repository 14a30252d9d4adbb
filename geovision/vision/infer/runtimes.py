"""What runs an ONNX network on a CPU: ONNX Runtime, or OpenVINO where it is installed."""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from geovision.errors import EnvironmentFault, GeovisionError, InputError
from geovision.vision.features import scene_features

__all__ = ["FEATURES_INPUT", "Outputs", "Runner", "available", "open_runner", "runtime_version"]

FEATURES_INPUT = "features"
"""Name of the input of networks that geovision exports: `vision.features` of the raw channels. Their outputs
are planes [batch, channels, rows, columns]."""
_RAW_INPUT = "x"
"""Name of the input of networks that take the raw channels themselves, channels last, from elsewhere."""

Outputs = Mapping[str, NDArray[np.float32]]
"""[batch, rows, columns, channels] by name; `kind` may be coarser by a whole number."""


class Runner(Protocol):
    """A network that is ready to run."""

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of what it returns."""
        ...

    def run(self, x: NDArray[np.float32]) -> Outputs:
        """All outputs of a raw input [batch, rows, columns, channels]."""
        ...


class _Ends:
    """From a raw input to what a network takes, and from what it gives to outputs with channels last."""

    def __init__(self, names: list[str], threads: int) -> None:
        if names not in ([FEATURES_INPUT], [_RAW_INPUT]):
            problem = f"takes the inputs {', '.join(names)}; expected {FEATURES_INPUT}, or {_RAW_INPUT}"
            raise InputError("network", problem, "Export it with geovision")
        self._name, self._threads = names[0], threads
        self._features: NDArray[np.float32] | None = None

    def into(self, x: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        if self._name == _RAW_INPUT:
            return {self._name: x}
        # One array for all windows of a size: memory that is new to the process costs more than to fill it.
        self._features = scene_features(x, threads=self._threads, out=self._features)
        return {self._name: self._features}

    def out_of(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """An output [batch, rows, columns, channels]; of planes it is a view."""
        return values if self._name == _RAW_INPUT else values.transpose(0, 2, 3, 1)


class _OnnxRuntime:
    """Float32 on any CPU."""

    def __init__(self, network: bytes, threads: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # Its threads would spin between windows and take the cores from reading and writing.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(network, options, providers=["CPUExecutionProvider"])
        self._ends = _Ends([item.name for item in self._session.get_inputs()], threads)
        self.outputs = tuple(item.name for item in self._session.get_outputs())

    def run(self, x: NDArray[np.float32]) -> Outputs:
        found = self._session.run(list(self.outputs), self._ends.into(x))
        return {name: self._ends.out_of(values) for name, values in zip(self.outputs, found, strict=True)}


class _OpenVino:
    """Float32, or bfloat16 where the CPU calculates in it."""

    def __init__(self, network: bytes, threads: int, precision: str) -> None:
        import openvino

        core = openvino.Core()
        model = core.read_model(network)
        self._ends = _Ends([item.get_any_name() for item in model.inputs], threads)
        config: dict[str, Any] = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "bf16" if precision == "bfloat16" else "f32",
        }
        if threads:
            config["INFERENCE_NUM_THREADS"] = threads
        self._request = core.compile_model(model, "CPU", config).create_infer_request()
        self.outputs = tuple(item.get_any_name() for item in model.outputs)

    def run(self, x: NDArray[np.float32]) -> Outputs:
        found = self._request.infer(self._ends.into(x), share_inputs=True)
        # Copies, because the next call writes into the same memory.
        return {name: self._ends.out_of(np.array(found[name], np.float32)) for name in self.outputs}


@functools.lru_cache(maxsize=1)
def _openvino_types() -> tuple[str, ...]:
    """Number types that the CPU calculates in, as OpenVINO says."""
    if importlib.util.find_spec("openvino") is None:
        return ()
    import openvino

    return tuple(openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"))


def available() -> list[tuple[str, str]]:
    """Runtime and precision of all that this machine can run."""
    found = []
    if importlib.util.find_spec("onnxruntime") is not None:
        found.append(("onnxruntime", "float32"))
    types = _openvino_types()
    if types:
        found.append(("openvino", "float32"))
    if "BF16" in types:
        found.append(("openvino", "bfloat16"))
    return found


def runtime_version(runtime: str) -> str:
    """Version of the library; empty where it is not installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(runtime)
    except PackageNotFoundError:
        return ""


def open_runner(network: bytes, runtime: str, precision: str, threads: int = 0) -> Runner:
    """Make a network ready to run.

    Raises:
        EnvironmentFault: this machine has no such runtime, or does not calculate in that precision.
        InputError: the bytes are no network that it can run.
    """
    have = available()
    if (runtime, precision) not in have:
        texts = ", ".join(" ".join(item) for item in have) or "nothing"
        raise EnvironmentFault(
            f"{runtime} {precision}",
            f"is not to be had on this machine, which has {texts}",
            "Install it, or plan the run anew for machines like this one",
        )
    try:
        if runtime == "onnxruntime":
            return _OnnxRuntime(network, threads)
        return _OpenVino(network, threads, precision)
    except GeovisionError:
        raise
    except Exception as error:
        # The errors of ONNX Runtime have no other root.
        first = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise InputError("network", f"{runtime} cannot run it ({first})", "Export it again") from error
