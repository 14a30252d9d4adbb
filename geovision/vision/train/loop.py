"""`train`: the loop. Steps in their order, a state every so often, evaluation with the average weights."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np

from geovision.errors import Cancelled, GeovisionError, InputError, UsageError
from geovision.vision.train import devices
from geovision.vision.train.config import TrainConfig
from geovision.vision.train.optimiser import make_optimiser
from geovision.vision.train.prefetch import Prefetch
from geovision.vision.train.reports import Reports
from geovision.vision.train.state import RunState, load_state, save_state, weights_hash
from geovision.vision.train.task import Task
from geovision.vision.train.trainee import Trainee

__all__ = ["TrainProgress", "TrainSummary", "train"]

_STATE = "state.npz"


@dataclass(frozen=True)
class TrainProgress:
    """Where a run stands."""

    step: int
    steps: int
    loss: float
    rate: float
    """`unit` of the task per second, over the last steps."""
    unit: str
    remaining_s: float
    waited: float
    """Share of the time that waited for data."""
    figures: dict[str, dict[str, float]] = field(default_factory=dict)
    """Of the last evaluation, by area."""


@dataclass(frozen=True)
class TrainSummary:
    """What a run came to."""

    out: Path
    step: int
    loss: float
    seconds: float
    """Over all its parts, where it was resumed."""
    rate: float
    unit: str
    waited: float
    weights_sha256: str
    figures: dict[str, dict[str, float]]
    weights: dict[str, Any] = field(repr=False, default_factory=dict)
    """The average weights by their path."""


def train(
    task: Task,
    config: TrainConfig,
    out: str | Path,
    *,
    resume: bool = False,
    init: dict[str, Any] | None = None,
    progress: Callable[[TrainProgress], None] = lambda state: None,
    stop: Callable[[], bool] = lambda: False,
) -> TrainSummary:
    """Train a network; the same arguments give the same weights, in one go or resumed after any kill.

    Args:
        task: the network and what it learns from.
        config: how.
        out: folder of the run; gets state.npz, log.jsonl, pictures and TensorBoard's events.
        resume: go on from the folder's state; without a state there it is an error.
        init: weights to start from, by path.
        progress: called after every step.
        stop: asked after every step; True saves the state and raises `Cancelled`.
    """
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    if not resume and (folder / _STATE).exists():
        raise UsageError(str(folder), "holds a run already", "Add --resume to go on, or name another folder")
    devices.prepare(config.run, config.seed)
    with devices.spread(config.run) as strategy:
        return _Run(task, config, folder, resume, init, progress, strategy).go(stop)


class _Run:
    def __init__(
        self,
        task: Task,
        config: TrainConfig,
        folder: Path,
        resume: bool,
        init: dict[str, Any] | None,
        progress: Callable[[TrainProgress], None],
        strategy: Any,
    ) -> None:
        self.task, self.config, self.folder, self.progress = task, config, folder, progress
        self.step, self.seconds, self.figures = 0, 0.0, dict[str, dict[str, float]]()
        self.sums: dict[str, list[float]] = defaultdict(list)
        self.loss, self.rate, self.waited = math.nan, 0.0, 0.0
        self.trainee = _trainee(task, config, strategy)
        if init is not None:
            taken, total = self.trainee.start_from(init)
            if not taken:
                raise InputError("init", "has no array that fits this network", "Name a model of its kind")
        if resume:
            self._restore()
        self.reports = Reports(folder, self.step)
        self.reports.note(
            "begin", self.step, backend=keras.backend.backend(), seed=config.seed, digest=config.digest()
        )
        if init is not None and not resume:
            self.reports.note("init", 0, arrays=taken, of=total)

    def go(self, stop: Callable[[], bool]) -> TrainSummary:
        run = self.config.run
        options: dict[str, Any] = {"workers": run.workers, "ahead": run.ahead, "processes": run.processes}
        self._start_clock()
        with Prefetch(self.task.source, self.step, self.config.steps, **options) as batches:
            for batch in batches:
                self._take(self.trainee.step(batch), self.task.amount(batch), batches.waited_s)
                if self.step % run.log_every == 0 or self.step == self.config.steps:
                    self._write_log()
                if self.step % run.evaluate_every == 0 or self.step == self.config.steps:
                    self._evaluate()
                if self.step % run.save_every == 0 or self.step == self.config.steps:
                    self._save()
                if stop() and self.step < self.config.steps:
                    self._save()
                    raise Cancelled(
                        f"run {self.folder}", f"stopped after step {self.step:,}", "Add --resume to go on"
                    )
        return self._summary()

    def _restore(self) -> None:
        state = load_state(self.folder / _STATE)
        if state.digest != self.config.digest():
            raise InputError(
                f"run {self.folder}",
                "was begun with another configuration",
                "Give the one that it was begun with",
            )
        self.trainee.restore(state.arrays)
        self.step, self.seconds = state.step, state.seconds

    def _start_clock(self) -> None:
        self.started, self.before, self.first = time.monotonic(), self.seconds, self.step
        self.total, self.data_s = 0.0, 0.0
        self.window = (self.started, 0.0, self.step)

    def _take(self, logs: dict[str, float], amount: float, waited_s: float) -> None:
        self.step += 1
        self.loss, self.data_s = logs["loss"], waited_s
        if not all(math.isfinite(value) for value in logs.values()):
            self._diverged(f"the loss of step {self.step:,} is not a number")
        for name, value in logs.items():
            self.sums[name].append(value)
        self.total += amount
        now = time.monotonic()
        self.seconds = self.before + now - self.started
        self.waited = self.data_s / max(now - self.started, 1e-9)
        since, total, step = self.window
        if now - since > 2:
            self.rate = (self.total - total) / (now - since)
            self.pace = (now - since) / (self.step - step)
            self.window = (now, self.total, self.step)
        pace = (now - self.started) / (self.step - self.first)
        self.progress(
            TrainProgress(
                self.step,
                self.config.steps,
                self.loss,
                self.rate or self.total / max(now - self.started, 1e-9),
                self.task.unit,
                pace * (self.config.steps - self.step),
                self.waited,
                self.figures,
            )
        )

    def _diverged(self, what: str) -> None:
        self.reports.note("diverged", self.step, problem=what)
        raise GeovisionError(
            f"run {self.folder}",
            f"{what}; the last good state is kept",
            "Lower optimiser.rate, lengthen optimiser.warmup or look at the data of that step",
        )

    def _write_log(self) -> None:
        means = {name: float(np.mean(values)) for name, values in self.sums.items()}
        self.sums.clear()
        self.reports.trained(
            self.step,
            means,
            learning_rate=self.trainee.learning_rate(),
            seconds=self.seconds,
            rate=self.total / max(time.monotonic() - self.started, 1e-9),
            unit=f"{self.task.unit}/s",
            waited=self.waited,
        )

    def _evaluate(self) -> None:
        if not self.task.validation or self.task.measure is None:
            return
        drawn = self.step % self.config.run.picture_every == 0 or self.step == self.config.steps
        with self.trainee.averaged():
            self.figures = {name: self._judge(name, drawn) for name in self.task.validation}
        self.reports.judged(self.step, self.figures)

    def _judge(self, name: str, drawn: bool) -> dict[str, float]:
        assert self.task.measure is not None
        measure, area = self.task.measure(), self.task.validation[name]
        workers = min(self.config.run.workers, 1)
        with Prefetch(area.source, 0, area.batches, workers=workers, ahead=2) as batches:
            for number, batch in enumerate(batches):
                outputs = self.trainee.outputs(batch.x)
                measure.add(batch, outputs)
                if number == 0 and drawn and self.task.picture is not None:
                    self.reports.picture(self.step, name, self.task.picture(batch, outputs))
        return measure.result()

    def _save(self) -> None:
        arrays = self.trainee.arrays()
        bad = [name for name, values in arrays.items() if not np.isfinite(values).all()]
        if bad:
            self._diverged(f"{bad[0]} is not finite after step {self.step:,}")
        save_state(self.folder / _STATE, RunState(self.step, self.config.digest(), arrays, self.seconds))

    def _summary(self) -> TrainSummary:
        weights = self.trainee.averaged_weights()
        found = TrainSummary(
            self.folder,
            self.step,
            self.loss,
            self.seconds,
            self.total / max(time.monotonic() - self.started, 1e-9),
            self.task.unit,
            self.waited,
            weights_hash(weights),
            self.figures,
            weights,
        )
        self.reports.curves()
        self.reports.note("end", self.step, weights_sha256=found.weights_sha256, seconds=self.seconds)
        return found


def _trainee(task: Task, config: TrainConfig, strategy: Any) -> Trainee:
    network = task.build()
    trainee = Trainee(network, task.loss, _names_of_parts(task, network), strategy)
    optimiser = make_optimiser(config.optimiser, config.steps, network.trainable_variables)
    trainee.compile(optimizer=optimiser, jit_compile=devices.uses_jit(config.run))
    return trainee


def _names_of_parts(task: Task, network: Any) -> list[str]:
    """From one sample, because metrics must be there before the step is compiled."""
    batch = task.source.batch(0)
    x, targets, weights = keras.tree.map_structure(
        lambda values: keras.ops.convert_to_tensor(values[:1]),
        (batch.x, dict(batch.targets), dict(batch.weights)),
    )
    return list(task.loss(targets, weights, network(x, training=False))[1])
