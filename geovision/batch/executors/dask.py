"""Tiles on a Dask cluster: one tile a task, as many in flight as the cluster has threads."""

from __future__ import annotations

import contextlib
import importlib
import queue
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geovision.batch.config import RunConfig
from geovision.batch.executors import dask_worker
from geovision.batch.executors.local import cores
from geovision.batch.executors.protocol import Outcome
from geovision.batch.plan_file import Task
from geovision.errors import EnvironmentFault, GeovisionError, UsageError

__all__ = ["DaskExecutor"]

_CONNECT_S = 30.0
_LOOK_S = 1.0
_ALONE_S = 60.0
"""How long a run goes on without any worker: those of a cluster come and go."""
_LAST_S = 10.0


@dataclass
class _Sent:
    """A tile on its way."""

    task: Task
    future: Any
    worker: str
    begun: float


class DaskExecutor:
    """Tiles on the workers of a Dask cluster, each in a process that the worker starts and watches.

    What ends such a process (a segmentation fault, a want of memory, a hang) is known as precisely as on this
    machine, and the Dask worker lives on. Every tile is sent to one worker that has a thread free, so when a
    worker is lost, the tiles that were at work on it are known too. Dask itself never tries a tile again.

    Workers need this version of geovision, and the run's folder at the same path (a shared file system).

    Args:
        run: the folder of the run.
        settings: limits of processes; for a local cluster, workers.
        logs: folder for what processes print.
        cluster: "local", the address of a scheduler (tcp://host:port, tls://host:port), or module:function
            that returns a cluster, such as one of dask-jobqueue.
    """

    def __init__(self, run: Path, settings: RunConfig, logs: Path, cluster: str = "local") -> None:
        self._run = run.resolve()
        self._settings = settings
        self._logs = logs.resolve()
        self._where = cluster
        self._token = secrets.token_hex(8)
        self._client: Any = None
        self._cluster: Any = None
        self._sent: dict[str, _Sent] = {}
        self._ended: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._threads: dict[str, int] = {}
        self._looked = self._alone = 0.0
        self._head: dict[str, Any] = {}

    def start(self, head: Mapping[str, Any]) -> None:
        """Connect, or start the cluster; workers may join later too."""
        try:
            from distributed import Client
        except ImportError as error:
            raise EnvironmentFault(
                "--dask", "needs dask.distributed", "pip install 'geovision[dask]'"
            ) from error
        self._head = dict(head)
        try:
            self._cluster = self._make_cluster()
            place = self._where if self._cluster is None else self._cluster
            self._client = Client(place, timeout=_CONNECT_S, set_as_default=False)
        except (OSError, ValueError) as error:
            raise EnvironmentFault(
                f"Dask at {self._where}",
                f"cannot be reached ({error})",
                "Check the address and the scheduler",
            ) from error
        self._alone = time.monotonic()
        self._look()

    def _make_cluster(self) -> Any:
        if "://" in self._where:
            return None
        if self._where == "local":
            import dask
            from distributed import LocalCluster

            count = self._settings.workers or cores()
            with dask.config.set({"distributed.scheduler.allowed-failures": 0}):
                return LocalCluster(
                    n_workers=count, threads_per_worker=1, dashboard_address="127.0.0.1:0", memory_limit=0
                )
        module, _, name = self._where.partition(":")
        if not name:
            raise UsageError(
                f"--dask {self._where}", "is no cluster", "Give tcp://HOST:PORT, local, or MODULE:FUNCTION"
            )
        try:
            return getattr(importlib.import_module(module), name)()
        except (ImportError, AttributeError) as error:
            raise UsageError(
                f"--dask {self._where}", f"does not exist ({error})", "Check the name"
            ) from error

    def free(self) -> int:
        """Threads of the cluster that have no tile."""
        return sum(self._free_threads().values())

    def _free_threads(self) -> dict[str, int]:
        free = dict(self._threads)
        for sent in self._sent.values():
            if sent.worker in free:
                free[sent.worker] -= 1
        return {worker: count for worker, count in free.items() if count > 0}

    def submit(self, task: Task) -> None:
        """Send a tile to the worker with most threads free, and to no other."""
        free = self._free_threads()
        worker = max(sorted(free), key=free.__getitem__)
        future = self._client.submit(
            dask_worker.do_tile,
            self._token,
            str(self._run),
            str(self._logs),
            self._head,
            self._settings.model_dump(),
            task.to_dict(),
            key=f"geovision-{self._token}-{task.key}-{task.number}",
            workers=[worker],
            allow_other_workers=False,
            retries=0,
            pure=False,
        )
        self._sent[future.key] = _Sent(task, future, worker, time.monotonic())
        future.add_done_callback(lambda done: self._ended.put(done.key))

    def wait(self, timeout_s: float) -> list[Outcome]:
        """Tiles that ended, and those whose worker is gone."""
        found: list[Outcome] = []
        if time.monotonic() - self._looked > _LOOK_S:
            found += self._look()
        if not found:
            with contextlib.suppress(queue.Empty):
                found += self._end(self._ended.get(timeout=timeout_s))
        while not self._ended.empty():
            found += self._end(self._ended.get())
        return found

    def _end(self, key: str) -> list[Outcome]:
        sent = self._sent.pop(key, None)
        if sent is None:  # given up already
            return []
        if sent.future.status == "finished":
            return [Outcome.from_dict(sent.future.result())]
        if self._client.status != "running":
            self._sent[key] = sent
            raise self._no_scheduler("the connection was lost")
        error = sent.future.exception() if sent.future.status == "error" else None
        if error is None or type(error).__name__ in ("KilledWorker", "NoValidWorkerError", "CommClosedError"):
            return [self._lost(sent)]
        self._sent[key] = sent
        if isinstance(error, GeovisionError):
            raise error
        raise EnvironmentFault(
            f"Dask worker {sent.worker}",
            f"cannot do tiles ({type(error).__name__}: {error})",
            "Install this version of geovision there, and give it the run's folder at the same path",
        ) from error

    def _lost(self, sent: _Sent) -> Outcome:
        error = {"kind": "crash", "message": f"the Dask worker {sent.worker} was lost with the tile at work"}
        seconds = round(time.monotonic() - sent.begun, 3)
        return Outcome(sent.task.key, sent.task.number, "crashed", error, seconds=seconds, worker=sent.worker)

    def _look(self) -> list[Outcome]:
        """Which workers there are; tiles of those that are gone come back."""
        if self._client.status != "running":
            raise self._no_scheduler("the connection was lost")
        try:
            self._threads = dict(self._client.nthreads())
        except (OSError, RuntimeError, TimeoutError) as error:
            raise self._no_scheduler(error) from error
        now = self._looked = time.monotonic()
        self._alone = now if self._threads else self._alone
        if now - self._alone > _ALONE_S:
            raise EnvironmentFault(
                f"Dask at {self._where}", f"has no worker for {_ALONE_S:g} s", "Start workers, and run again"
            )
        gone = [key for key, sent in self._sent.items() if sent.worker not in self._threads]
        # A result that arrived just before its worker went is a result.
        gone = [key for key in gone if self._sent[key].future.status != "finished"]
        lost = [self._sent.pop(key) for key in gone]
        if lost:
            self._client.cancel([sent.future for sent in lost], force=True)
        return [self._lost(sent) for sent in lost]

    def _no_scheduler(self, reason: object) -> EnvironmentFault:
        return EnvironmentFault(
            f"Dask at {self._where}", f"the scheduler is gone ({reason})", "Start it, and run again"
        )

    def stop(self, grace_s: float) -> list[Outcome]:
        """Let tiles end for so long, then end their processes."""
        found: list[Outcome] = []
        until = time.monotonic() + grace_s
        with contextlib.suppress(GeovisionError):
            while self._sent and time.monotonic() < until:
                found += self.wait(min(_LOOK_S, max(0.0, until - time.monotonic())))
            if self._sent:
                self._tell_workers()
                until = time.monotonic() + _LAST_S
                while self._sent and time.monotonic() < until:
                    found += self.wait(_LOOK_S)
        for sent in self._sent.values():
            seconds = round(time.monotonic() - sent.begun, 3)
            found.append(Outcome(sent.task.key, sent.task.number, "stopped", seconds=seconds))
        self._sent.clear()
        self.close()
        return found

    def _tell_workers(self) -> None:
        """Processes of this run end on all workers; one that cannot be asked is going down itself."""
        if self._client.status != "running":
            return
        with contextlib.suppress(OSError, RuntimeError, TimeoutError):
            self._client.run(dask_worker.end_all, self._token, on_error="ignore")

    def close(self) -> None:
        """Let go of the cluster; end it where it was started here."""
        if self._client is not None:
            if self._sent and self._client.status == "running":
                with contextlib.suppress(OSError, RuntimeError, TimeoutError):
                    self._client.cancel([sent.future for sent in self._sent.values()], force=True)
            self._tell_workers()
            self._client.close(timeout=_LAST_S)
        if self._cluster is not None:
            self._cluster.close()
        self._client = self._cluster = None
        self._sent.clear()
