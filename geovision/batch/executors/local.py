"""Tiles in processes of this machine: spawned, never forked, watched from outside."""

from __future__ import annotations

import os
import selectors
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from geovision.batch.config import RunConfig
from geovision.batch.executors.local_worker import LocalWorker, Spawning
from geovision.batch.executors.protocol import Outcome
from geovision.batch.plan_file import Task
from geovision.errors import EnvironmentFault

__all__ = ["LocalExecutor", "cores"]

_BEAT_S = 2.0
_LOOK_S = 0.5
_MOST_FALSE_STARTS = 3


def cores() -> int:
    """CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class LocalExecutor:
    """As many workers as asked for, each at one tile at a time.

    This process runs none of their code: a segmentation fault, a death for want of memory or a hang ends the
    worker, and exactly its tile is blamed.

    Args:
        run: the folder of the run.
        settings: workers, limits, when workers are replaced.
        logs: folder for what workers print.
        name: of the run, for the names of logs.
    """

    def __init__(self, run: Path, settings: RunConfig, logs: Path, name: str = "run") -> None:
        self._settings = settings
        self._count = settings.workers or cores()
        self._spawning = Spawning(run, settings, logs, name, self._count, _BEAT_S)
        self._selector = selectors.DefaultSelector()
        self._workers: dict[int, LocalWorker] = {}
        self._false_starts = 0
        self._looked = 0.0

    def start(self, head: Mapping[str, Any]) -> None:
        """Spawn the workers; they become ready while `wait` is called."""
        self._spawning.head = head
        for slot in range(self._count):
            self._spawn(slot)

    def free(self) -> int:
        """Room of the workers that are ready: one tile, or some where tiles are quick."""
        return sum(worker.room for worker in self._workers.values())

    def submit(self, task: Task) -> None:
        """Give a tile to the worker that has most room."""
        max(self._workers.values(), key=lambda worker: worker.room).begin(task)

    def wait(self, timeout_s: float) -> list[Outcome]:
        """Hear what workers say, and look after those that say nothing."""
        found: list[Outcome] = []
        for key, _ in self._selector.select(timeout_s):
            found += self._hear(self._workers[key.data])
        if time.monotonic() - self._looked > _LOOK_S:
            self._looked = time.monotonic()
            for worker in self._workers.values():
                worker.look()
        return found

    def _hear(self, worker: LocalWorker) -> list[Outcome]:
        found = []
        for message in worker.hear():
            if "ready" in message:
                self._false_starts = 0
            elif "refused" in message:
                told = message["refused"]
                raise EnvironmentFault("worker", str(told["message"])[:2000], str(told["remedy"])[:500])
            elif "outcome" in message:
                found.append(Outcome.from_dict(message["outcome"]))
        if worker.gone:
            found += self._bury(worker)
        elif worker.worn:
            self._drop(worker)
            worker.dismiss()
            self._spawn(worker.slot)
        return found

    def _bury(self, worker: LocalWorker) -> list[Outcome]:
        self._drop(worker)
        outcomes = worker.died()
        if not outcomes:
            self._false_starts += not worker.was_ready
            if self._false_starts >= _MOST_FALSE_STARTS:
                raise EnvironmentFault(
                    "worker", f"does not start: {worker.why()}", f"Read {worker.log}; run geovision doctor"
                )
        self._spawn(worker.slot)
        return outcomes

    def _spawn(self, slot: int) -> None:
        worker = self._workers[slot] = LocalWorker(slot, self._spawning)
        self._selector.register(worker.pipe, selectors.EVENT_READ, slot)

    def _drop(self, worker: LocalWorker) -> None:
        self._selector.unregister(worker.pipe)
        del self._workers[worker.slot]

    def stop(self, grace_s: float) -> list[Outcome]:
        """Wait for tiles at work; those that are not done in time come back as stopped."""
        until = time.monotonic() + grace_s
        found: list[Outcome] = []
        while any(worker.busy for worker in self._workers.values()):
            left = until - time.monotonic()
            if left <= 0:
                break
            for key, _ in self._selector.select(min(left, _LOOK_S)):
                worker = self._workers[key.data]
                found += [Outcome.from_dict(said["outcome"]) for said in worker.hear() if "outcome" in said]
                if worker.gone:
                    self._drop(worker)
                    found += worker.died()
        for worker in self._workers.values():
            found += worker.stopped()
        self.close()
        return found

    def close(self) -> None:
        """Kill what is left."""
        for worker in list(self._workers.values()):
            self._drop(worker)
            worker.kill()
        self._spawning.reap()
        self._selector.close()
        self._selector = selectors.DefaultSelector()
