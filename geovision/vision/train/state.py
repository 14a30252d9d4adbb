"""The state of a run in one file of plain arrays, whole or not there: what a resumed run goes on from."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision.errors import InputError
from geovision.formats.atomic import atomic_write
from geovision.vision.plain_arrays import read_plain_arrays

__all__ = ["RunState", "load_state", "save_state", "weights_hash"]

_FORMAT = 1
_META = "meta"


@dataclass(frozen=True)
class RunState:
    """Everything that the next step depends on, besides the configuration."""

    step: int
    """Steps that are done."""
    digest: str
    """Of the configuration."""
    arrays: Mapping[str, NDArray[Any]]
    """Weights, their average and the optimiser's memory, by name."""
    seconds: float = 0.0
    """Time that training has taken."""


def save_state(path: str | Path, state: RunState) -> None:
    """Write a state; a kill at any moment leaves the one before it."""
    meta = {"format": _FORMAT, "step": state.step, "digest": state.digest, "seconds": state.seconds}
    buffer = io.BytesIO()
    text = np.frombuffer(json.dumps(meta).encode(), np.uint8)
    np.savez(buffer, allow_pickle=False, **{_META: text, **state.arrays})
    with atomic_write(path) as file:
        file.write(buffer.getbuffer())


def load_state(path: str | Path) -> RunState:
    """Read a state."""
    file = Path(path)
    if not file.is_file():
        raise InputError(str(file), "is not there: nothing to go on from", "Run it without --resume")
    arrays = read_plain_arrays(file, "state of a run", "Train anew")
    try:
        meta = json.loads(arrays.pop(_META).tobytes())
        if meta["format"] != _FORMAT:
            problem = f"has format {meta['format']!r}; this version reads {_FORMAT}"
            raise InputError(str(file), problem, "Train anew")
        return RunState(int(meta["step"]), str(meta["digest"]), arrays, float(meta["seconds"]))
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise InputError(str(file), f"is no state of a run ({error})", "Train anew") from error


def weights_hash(arrays: Mapping[str, NDArray[Any]]) -> str:
    """SHA-256 over names, shapes and values, in the order of the names.

    >>> weights_hash({"a": np.zeros(2, np.float32)})[:8]
    '...'
    """
    total = hashlib.sha256()
    for name in sorted(arrays):
        values = np.ascontiguousarray(arrays[name], arrays[name].dtype.newbyteorder("<"))
        total.update(f"{name}:{values.dtype.str}:{values.shape};".encode())
        total.update(values.tobytes())
    return total.hexdigest()
