"""The job behind `geovision train`: a configuration in, a folder with the run and its model out."""

from __future__ import annotations

import importlib
import math
import platform
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from geovision.errors import EnvironmentFault, UsageError
from geovision.vision.store import load_arrays
from geovision.vision.train.config import TrainConfig
from geovision.vision.train.task import Task

if TYPE_CHECKING:
    from geovision.vision.train.loop import TrainProgress, TrainSummary

__all__ = ["TASKS", "make_task", "train_to"]

TASKS = {
    "scene": ("geovision.vision.train.scene_task", "scene_task"),
    "roof": ("geovision.vision.roofs.train_task", "roof_task"),
}
"""Where the function is that makes a task from a configuration, by the configuration's `task`."""


def make_task(config: TrainConfig) -> Task:
    """The task that a configuration names."""
    if config.task not in TASKS:
        raise UsageError(f"task {config.task!r}", "is not known", f"Use one of {', '.join(TASKS)}")
    module, name = TASKS[config.task]
    task = getattr(importlib.import_module(module), name)(config)
    assert isinstance(task, Task)
    return task


def train_to(
    config: TrainConfig,
    out: str | Path,
    *,
    resume: bool = False,
    progress: Callable[[TrainProgress], None] = lambda state: None,
    stop: Callable[[], bool] = lambda: False,
) -> TrainSummary:
    """Train, and save the model beside the run: model.npz and model.json.

    Args:
        config: the run.
        out: its folder.
        resume: go on with the run that the folder holds.
        progress: called after each step.
        stop: asked after each step; True saves the state and raises `Cancelled`.
    """
    try:
        from geovision.vision.train.loop import train
    except ImportError as error:
        remedy = "Run: pip install 'geovision[train]'; on a GPU box Keras with JAX or PyTorch is enough"
        raise EnvironmentFault("Keras", f"cannot be imported ({error})", remedy) from error
    init = load_arrays(config.init) if config.init and not resume else None
    task = make_task(config)
    summary = train(task, config, out, resume=resume, init=init, progress=progress, stop=stop)
    _save(summary, config, task)
    return summary


def _save(summary: TrainSummary, config: TrainConfig, task: Task) -> None:
    from geovision.vision.card import ModelCard
    from geovision.vision.store import save_model
    from geovision.vision.train.devices import backend_name

    metrics = [
        {"area": area, "metric": name, "value": round(value, 6)}
        for area, figures in summary.figures.items()
        for name, value in figures.items()
        if math.isfinite(value)
    ]
    known = {
        "name": config.name,
        "seed": config.seed,
        "commit": _commit(),
        "training_s": round(summary.seconds, 1),
        "trained_on": f"{platform.machine()}, Keras on {backend_name()}, {config.run.precision}",
        "trained_at": time.strftime("%Y-%m-%d", time.gmtime()),
        "metrics": metrics,
    }
    save_model(summary.out / "model", summary.weights, ModelCard.model_validate({**known, **task.card}))


def _commit() -> str:
    """Of the source that trains, where it is a checkout."""
    folder = Path(__file__).resolve().parents[2]
    if not (folder / ".git").exists():
        return ""
    command = ["git", "-C", str(folder), "rev-parse", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""
