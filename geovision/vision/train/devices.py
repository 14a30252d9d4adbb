"""What differs between backends: seeds, exact repetition, precision."""

from __future__ import annotations

from typing import Any

import keras

from geovision.vision.train.config import RunConfig

__all__ = ["has_gpu", "prepare", "uses_jit"]


def prepare(config: RunConfig, seed: int) -> None:
    """Seeds, precision and exact repetition for a run; call it before the network is built."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    keras.config.set_dtype_policy("mixed_bfloat16" if config.precision == "bfloat16" else "float32")
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()


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
