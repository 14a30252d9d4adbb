"""What differs between backends: seeds, exact repetition, precision, and several devices at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
from keras import ops

from geovision.errors import EnvironmentFault, UsageError
from geovision.vision.train.config import RunConfig

__all__ = ["backend_name", "has_gpu", "per_replica", "prepare", "shared_out", "spread", "uses_jit"]


def prepare(config: RunConfig, seed: int) -> None:
    """Seeds, precision and exact repetition for a run; call it before the network is built."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    keras.config.set_dtype_policy("mixed_bfloat16" if config.precision == "bfloat16" else "float32")
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()


def backend_name() -> str:
    """Of Keras: tensorflow, jax or torch."""
    return str(keras.backend.backend())


def has_gpu() -> bool:
    """Whether the backend sees a GPU."""
    return (
        bool(keras.distribution.list_devices("gpu")) if keras.backend.backend() == "jax" else _tf_or_torch()
    )


def _tf_or_torch() -> bool:
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return bool(tf.config.list_physical_devices("GPU"))
    if keras.backend.backend() == "torch":
        import importlib

        torch: Any = importlib.import_module("torch")
        return bool(torch.cuda.is_available())
    return False


def uses_jit(config: RunConfig) -> bool:
    """Whether steps are compiled by XLA."""
    if config.jit is not None:
        return config.jit
    backend = keras.backend.backend()
    return backend == "jax" or (backend == "tensorflow" and has_gpu())


@contextmanager
def spread(config: RunConfig) -> Iterator[Any]:
    """Networks built in the block train on several devices, each with its part of a batch.

    Yields what `shared_out` takes: the strategy of `tf.distribute`, or None where Keras does the sharing.
    """
    if config.devices == 1:
        yield None
        return
    backend = keras.backend.backend()
    if backend == "jax":
        names = _enough(keras.distribution.list_devices(), config.devices)
        before = keras.distribution.distribution()
        keras.distribution.set_distribution(keras.distribution.DataParallel(devices=names))
        try:
            yield None
        finally:
            keras.distribution.set_distribution(before)
    elif backend == "tensorflow":
        import tensorflow as tf

        kind = "GPU" if has_gpu() else "CPU"
        names = _enough([one.name for one in tf.config.list_logical_devices(kind)], config.devices)
        strategy = tf.distribute.MirroredStrategy(names)
        with strategy.scope():
            yield strategy
    else:
        remedy = "Use --backend jax or tensorflow, or run.devices=1"
        raise UsageError(f"run.devices = {config.devices}", f"is not possible on {backend}", remedy)


def _enough(found: list[str], wanted: int) -> list[str]:
    if len(found) < wanted:
        problem = f"has {len(found)} devices; run.devices = {wanted}"
        raise EnvironmentFault("this machine", problem, "Lower run.devices")
    return found[:wanted]


def shared_out(strategy: Any, batch: Any) -> Any:
    """The arrays of a batch, each divided among the devices of a `tf.distribute` strategy."""
    if strategy is None:
        return batch
    number = strategy.num_replicas_in_sync

    def divided(values: Any) -> Any:
        if len(values) % number:
            problem = f"of {len(values)} samples cannot be divided among {number} devices"
            raise UsageError("batch", problem, "Make data.batch a multiple of run.devices")
        parts = np.split(np.asarray(values), number)
        return strategy.experimental_distribute_values_from_function(
            lambda context: ops.convert_to_tensor(parts[context.replica_id_in_sync_group])
        )

    return keras.tree.map_structure(divided, batch)


def per_replica(loss: Any) -> Any:
    """A device's share of a loss: what the devices say is added up."""
    if keras.backend.backend() != "tensorflow":
        return loss
    import tensorflow as tf

    number = tf.distribute.get_strategy().num_replicas_in_sync
    return loss / number if number > 1 else loss
