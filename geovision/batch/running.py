"""The run: hands tiles to an executor, records each attempt, tries again, quarantines, stops in time."""

from __future__ import annotations

import contextlib
import heapq
import os
import platform
import secrets
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from geovision.batch.attempts import Attempt, Ledger
from geovision.batch.config import RunConfig
from geovision.batch.executors.local import LocalExecutor
from geovision.batch.executors.protocol import Executor, Outcome
from geovision.batch.journal import Journal
from geovision.batch.layers import run_settings
from geovision.batch.plan_file import Plan, Task
from geovision.batch.run_facts import record_session
from geovision.batch.run_folder import RunFolder, Shard
from geovision.batch.source_files import check_unchanged
from geovision.errors import Cancelled, EnvironmentFault

__all__ = ["RunProgress", "RunSummary", "TileResult", "iter_run", "run"]

_TURN_S = 0.25


@dataclass(frozen=True)
class TileResult:
    """How an attempt at a tile ended."""

    attempt: Attempt
    quarantined: bool
    """No further try is made of itself."""

    @property
    def key(self) -> str:
        """Column and row of the tile."""
        return self.attempt.key

    @property
    def done(self) -> bool:
        """Whether the tile is done."""
        return self.attempt.state == "done"


@dataclass(frozen=True)
class RunProgress:
    """Where a run stands."""

    done: int
    """Tiles, of this and earlier runs."""
    total: int
    failed: int
    """Quarantined tiles."""
    working: int
    buildings: int
    """Of the tiles done in this run."""
    rate: float
    """Tiles a second, of this run."""
    remaining_s: float | None
    """None until the first tile."""


@dataclass
class RunSummary:
    """What a run did."""

    run: str = ""
    shard: str | None = None
    tiles: int = 0
    done: int = 0
    """Tiles that are done, those of earlier runs included."""
    done_now: int = 0
    failed: list[str] = field(default_factory=list)
    """Keys of quarantined tiles."""
    attempts: int = 0
    buildings: int = 0
    problems: int = 0
    seconds: float = 0.0
    cpu_s: float = 0.0
    stopped: bool = False

    @property
    def exit_code(self) -> int:
        """0 all done, 1 some failed, 75 stopped."""
        if self.stopped:
            return Cancelled.exit_code
        return 0 if self.done == self.tiles else 1

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return vars(self) | {"seconds": round(self.seconds, 3), "cpu_s": round(self.cpu_s, 3)}


def run(
    folder: str | Path,
    *,
    workers: int | None = None,
    shard: str | None = None,
    executor: Executor | None = None,
    dask: str | None = None,
    settings: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    stop: Callable[[], bool] | None = None,
    progress: Callable[[RunProgress], None] | None = None,
    callback: Callable[[TileResult], None] | None = None,
) -> RunSummary:
    """Do every tile of a plan that is not done; start it again after any end, and it goes on from there.

    Args:
        folder: what `geovision.batch.plan` made.
        workers: processes; 0 takes one a core. By default as planned.
        shard: do the part i/n of the tiles only, such as "3/64".
        executor: where tiles are done; by default worker processes of this machine.
        dask: do them on a Dask cluster: "local", a scheduler's address, or module:function of a cluster.
        settings: changes to the [run] table for this time, by name.
        environ: variables that change it, such as GEOVISION_BATCH_RUN__WORKERS.
        stop: asked now and then whether to stop; tiles at work then have `grace_s` to end.
        progress: called a few times a second.
        callback: called with each attempt that ended.
    """
    job = _open(folder, workers, shard, executor, dask, settings, environ, stop, progress)
    with contextlib.closing(job.results()) as results:
        for result in results:
            if callback is not None:
                callback(result)
    return job.summary


def iter_run(folder: str | Path, **options: Any) -> Generator[TileResult, None, None]:
    """Like `run`, as an iterator of results; closing it stops the run, which can be gone on with.

    Args:
        folder: as for `run`.
        options: as for `run`, but for `callback`.
    """
    names = ("workers", "shard", "executor", "dask", "settings", "environ", "stop", "progress")
    unknown = set(options) - set(names)
    if unknown:
        raise TypeError(f"iter_run() got an unexpected keyword argument {sorted(unknown)[0]!r}")
    yield from _open(folder, *(options.get(name) for name in names)).results()


def _open(
    folder: str | Path,
    workers: int | None,
    shard: str | None,
    executor: Executor | None,
    dask: str | None,
    settings: Mapping[str, Any] | None,
    environ: Mapping[str, str] | None,
    stop: Callable[[], bool] | None,
    progress: Callable[[RunProgress], None] | None,
) -> _Run:
    place = RunFolder(Path(folder))
    plan = place.load()
    flags = dict(settings or {}) | ({} if workers is None else {"workers": workers})
    rules = run_settings(plan.config.run, flags=flags, environ=environ)
    part = None if shard is None else Shard.parse(shard)
    if executor is None and dask is not None:
        from geovision.batch.executors.dask import DaskExecutor

        executor = DaskExecutor(place.path, rules, place.logs, dask)
    if executor is None:
        name = "run" if part is None else part.name
        executor = LocalExecutor(place.path, rules, place.logs, name)
    return _Run(place, plan, rules, part, executor, stop or (lambda: False), progress or (lambda state: None))


@dataclass
class _Run:
    folder: RunFolder
    plan: Plan
    rules: RunConfig
    shard: Shard | None
    executor: Executor
    stop: Callable[[], bool]
    progress: Callable[[RunProgress], None]
    summary: RunSummary = field(default_factory=RunSummary)

    def results(self) -> Generator[TileResult, None, None]:
        """Attempts as they end."""
        started, clock = time.time(), time.monotonic()
        with self.folder.hold(self.shard):
            check_unchanged(self.plan)
            self._prepare()
            with contextlib.closing(self.folder.journal(self.shard)) as journal:
                try:
                    yield from self._loop(journal)
                finally:
                    self._end(journal)
                    self.summary.seconds = time.monotonic() - clock
                    record_session(self.folder, self.shard, started, self.summary.to_dict(), self.plan)

    def _prepare(self) -> None:
        indices = self.plan.shard(self.shard)
        self.ledger = self.folder.ledger(self.plan)
        self.summary.run = str(self.folder.path)
        self.summary.shard = None if self.shard is None else f"{self.shard.number}/{self.shard.of}"
        self.summary.tiles = len(indices)
        self.queue: deque[int] = deque()
        self.later: list[tuple[float, int]] = []
        self.open: dict[str, tuple[Attempt, int]] = {}
        self.begun = time.monotonic()
        without: list[int] = []
        # Plain text, as `RunFolder.tile` has it: of a million tiles this is most of the time.
        tiles, columns, rows, digests = (
            self.folder.path / "tiles",
            *(self.plan.tiles[name] for name in ("column", "row", "digest")),
        )
        for index in indices:
            key = self.plan.key(index)
            state = self.ledger[key]
            if state.done:
                if os.path.isdir(f"{tiles}/{columns[index]}/{rows[index]}/{digests[index]}"):  # noqa: PTH112
                    self.summary.done += 1
                else:
                    without.append(index)
            elif state.quarantined(self.rules):
                self.summary.failed.append(key)
            else:
                self.queue.append(index)
        self._take_back(without)

    def _take_back(self, indices: list[int]) -> None:
        """Tiles without a folder: some have nothing to write, and those that someone removed are due."""
        if not indices:
            return
        nothing = self.folder.empty()
        due = []
        for index in indices:
            if (self.plan.key(index), self.plan.tiles["digest"][index]) in nothing:
                self.summary.done += 1
            else:
                due.append(index)
        self.queue = deque(sorted([*self.queue, *due]))

    def _loop(self, journal: Journal) -> Iterator[TileResult]:
        if not self.queue:
            return
        self.executor.start(self.plan.worker_head())
        ended: list[Outcome] = []
        while self.queue or self.later or self.open:
            results = self._turn(journal, ended)
            yield from results
            if self.stop():
                self.summary.stopped = True
                return
            self._report()
            ended = self.executor.wait(self._patience())

    def _patience(self) -> float:
        """How long to wait for outcomes: not at all where a tile is due and someone is free."""
        if self.later and not self.queue and self.executor.free():
            return min(_TURN_S, max(0.0, self.later[0][0] - time.monotonic()))
        return _TURN_S

    def _turn(self, journal: Journal, ended: list[Outcome]) -> list[TileResult]:
        """Record what ended and what begins in one go; only then does it begin."""
        closed = [self._close(outcome) for outcome in ended]
        tasks = [self._begin(index) for index in self._due()]
        rows = [result.attempt for result in closed]
        rows += [self.open[task.key][0] for task in tasks]
        if rows:
            journal.write(rows)
        for task in tasks:
            self.executor.submit(task)
        halted = next((one for one in closed if one.attempt.state == "halted"), None)
        if halted is not None:
            error = halted.attempt.error or {}
            raise EnvironmentFault(
                f"tile {halted.key}",
                str(error.get("message")),
                "Mend it, and run again: it goes on from here",
            )
        return closed

    def _due(self) -> list[int]:
        free, now = self.executor.free(), time.monotonic()
        while self.later and self.later[0][0] <= now:
            self.queue.append(heapq.heappop(self.later)[1])
        return [self.queue.popleft() for _ in range(min(free, len(self.queue)))]

    def _begin(self, index: int) -> Task:
        key = self.plan.key(index)
        task = self.plan.task(index, self.ledger.next_number(key))
        attempt = Attempt(
            key,
            task.digest,
            task.number,
            "running",
            secrets.token_hex(8),
            started=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            host=platform.node(),
            worker=str(os.getpid()),
        )
        self.open[key] = attempt, index
        return task

    def _close(self, outcome: Outcome) -> TileResult:
        """What an outcome means: done, due again, or quarantined."""
        attempt, index = self.open.pop(outcome.key)
        facts = outcome.facts()
        facts["host"] = facts["host"] or attempt.host
        attempt = attempt.ended(outcome.state, **facts)
        state = self.ledger[outcome.key]
        state.add(attempt.number, attempt.state)
        self.summary.attempts += 1
        self.summary.cpu_s += attempt.cpu_s
        quarantined = False
        if attempt.state == "done":
            self.summary.done += 1
            self.summary.done_now += 1
            self.summary.buildings += attempt.buildings
            self.summary.problems += attempt.problems
        elif state.quarantined(self.rules):
            quarantined = True
            self.summary.failed.append(outcome.key)
        elif attempt.state == "stopped":
            self.queue.appendleft(index)  # it never began, or will go on another day
        else:
            tried = state.errors + state.crashes - 1
            heapq.heappush(self.later, (time.monotonic() + self.rules.wait_s * 2 ** max(tried, 0), index))
        return TileResult(attempt, quarantined)

    def _end(self, journal: Journal) -> None:
        """Give tiles at work their time, and record what becomes of them, however the run ends."""
        try:
            grace = self.rules.grace_s if self.open else 0.0
            last = [self._close(outcome).attempt for outcome in self.executor.stop(grace)]
            if last:
                journal.write(last)
        finally:
            self.executor.close()

    def _report(self) -> None:
        seconds = time.monotonic() - self.begun
        summary = self.summary
        left = summary.tiles - summary.done - len(summary.failed)
        rate = summary.done_now / seconds if seconds > 0 else 0.0
        self.progress(
            RunProgress(
                summary.done,
                summary.tiles,
                len(summary.failed),
                len(self.open),
                summary.buildings,
                rate,
                left / rate if rate else None,
            )
        )

    ledger: Ledger = field(init=False)
    queue: deque[int] = field(init=False)
    later: list[tuple[float, int]] = field(init=False)
    open: dict[str, tuple[Attempt, int]] = field(init=False)
    begun: float = field(init=False)
