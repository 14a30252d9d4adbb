"""`TrainConfig`: what a run of training is, from a TOML file and dotted changes to it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from geovision._settings import change, validated
from geovision.bounded import read_toml

__all__ = ["OptimiserConfig", "RunConfig", "TrainConfig", "load_config"]

_Share = Annotated[float, Field(ge=0, le=1)]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class OptimiserConfig(_Table):
    """AdamW, its schedule and the average of the weights."""

    rate: float = Field(default=1e-3, gt=0)
    """Highest learning rate."""
    final: _Share = 0.01
    """Rate of the last step, as a share of the highest."""
    warmup: int = Field(default=100, ge=0)
    """Steps in which the rate rises to its highest."""
    decay: float = Field(default=0.02, ge=0)
    """Weight decay of matrices and kernels; gains, offsets and other vectors have none."""
    clip: float = Field(default=1.0, gt=0)
    """Gradients are scaled down to this global norm."""
    beta_2: float = Field(default=0.99, gt=0, lt=1)
    """How long AdamW remembers squared gradients."""
    ema: float = Field(default=0.999, ge=0, lt=1)
    """How long the average remembers; it is what is evaluated and saved. Shorter in the first steps."""


class RunConfig(_Table):
    """How a run goes; nothing here but `precision` and `devices` changes the weights."""

    precision: Literal["float32", "bfloat16"] = "float32"
    """Of the activations; weights stay float32."""
    devices: int = Field(default=1, ge=1)
    """Processors (GPUs, or logical CPUs) among which each batch is divided."""
    jit: bool | None = None
    """Compile with XLA; by default on GPUs, and with JAX everywhere."""
    workers: int = Field(default=1, ge=0)
    """Threads, or processes, that prepare batches; 0 prepares each when it is needed."""
    processes: bool = False
    """Prepare batches in processes: for many cores that feed a GPU."""
    ahead: int = Field(default=4, ge=1)
    """Batches that may wait ready."""
    log_every: int = Field(default=20, ge=1)
    save_every: int = Field(default=200, ge=1)
    evaluate_every: int = Field(default=500, ge=1)
    picture_every: int = Field(default=500, ge=1)


class TrainConfig(_Table):
    """One run of training."""

    name: str = Field(default="model", pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")
    """Of the model; goes into its card."""
    task: str = "scene"
    """What is trained: scene or roof."""
    seed: int = Field(default=0, ge=0)
    steps: int = Field(default=1000, ge=1)
    init: str = ""
    """Model to start from (name or path); random weights where it is empty."""
    network: dict[str, Any] = {}
    """Sizes of the network, as the task knows them."""
    loss: dict[str, Any] = {}
    """How much each part of the loss counts."""
    data: dict[str, Any] = {}
    """What is learned from, and what judges it."""
    optimiser: OptimiserConfig = OptimiserConfig()
    run: RunConfig = RunConfig()

    def digest(self) -> str:
        """SHA-256 of what decides the weights: all but the ways of logging and feeding."""
        plain = self.model_dump(mode="json")
        plain["run"] = {key: plain["run"][key] for key in ("precision", "devices", "jit")}
        return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def load_config(path: str | Path, changes: Mapping[str, Any] | None = None) -> TrainConfig:
    """A configuration from a TOML file, with values changed by dotted keys such as optimiser.rate.

    Names of files in it are taken from the folder in which the command runs.
    """
    thing = f"configuration {path}"
    data = read_toml(path, thing)
    for key, value in (changes or {}).items():
        change(data, key, value, command="geovision train")
    return validated(TrainConfig, data, thing)
