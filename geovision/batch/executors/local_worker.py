"""The supervisor's side of one worker process: its pipes, its limits, and why it died."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from geovision.batch.config import RunConfig
from geovision.batch.executors.protocol import Outcome
from geovision.batch.plan_file import Task
from geovision.errors import EnvironmentFault

__all__ = ["LocalWorker", "Spawning"]

_MOST_LINE = 64 << 20
_MOST_LOG = 16 << 20
_TAIL = 4000
_LAST_S = 5.0
_QUICK_S = 0.1
_AHEAD = 16
"""Tiles that a worker may have waiting, where tiles are quick: it need not wait for this process then."""
_SHARE = 0.8
"""Of the machine's memory that all workers together may take."""
_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "GDAL_NUM_THREADS",
)


@dataclass
class Spawning:
    """What all workers of an executor share."""

    run: Path
    settings: RunConfig
    logs: Path
    name: str
    count: int
    beat_s: float
    head: Mapping[str, Any] = field(default_factory=dict)
    dismissed: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def most_rss_mb(self) -> float:
        """Resident memory from which a worker is ended."""
        if self.settings.memory_mb:
            return float(self.settings.memory_mb)
        return _SHARE * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / self.count / 2**20

    def environment(self) -> dict[str, str]:
        """One thread a worker: as many workers as cores keep them busy."""
        own = dict.fromkeys(_THREADS, "1") | {"GDAL_CACHEMAX": str(self.settings.cache_mb)}
        return {**os.environ, **own, "PYTHONUNBUFFERED": "1"}

    def reap(self) -> None:
        """Wait for workers that were told to go."""
        for process in self.dismissed:
            try:
                process.wait(timeout=1)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.dismissed.clear()


class LocalWorker:
    """One process and its pipes."""

    def __init__(self, slot: int, spawning: Spawning) -> None:
        self.slot = slot
        self._spawning = spawning
        self._settings = spawning.settings
        self.log = spawning.logs / f"{spawning.name}-{slot}.log"
        self.was_ready = self.gone = False
        self._tasks: deque[Task] = deque()
        self._ahead = 1
        self._begun = self._heard = time.monotonic()
        self._tiles = 0
        self._blame = ""
        self._rest = b""
        self._over = False
        try:
            self._process = self._start()
        except OSError as error:
            raise EnvironmentFault(
                "worker", f"cannot be started ({error})", "Check memory and limits"
            ) from error

    def _start(self) -> subprocess.Popen[bytes]:
        self.log.parent.mkdir(exist_ok=True)
        large = self.log.is_file() and self.log.stat().st_size > _MOST_LOG
        with self.log.open("wb" if large else "ab") as log:
            self._log_from = log.tell()
            process = subprocess.Popen(
                [sys.executable, "-m", "geovision.batch.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=self._spawning.environment(),
                start_new_session=True,  # Ctrl-C in the terminal is for the supervisor alone
            )
        assert process.stdout is not None
        self.pipe = process.stdout.fileno()
        os.set_blocking(self.pipe, False)
        self._process = process
        self._send(
            {
                "parent": os.getpid(),
                "run": str(self._spawning.run.resolve()),
                "head": dict(self._spawning.head),
                "memory_mb": self._settings.memory_mb,
                "cpu_s": self._settings.cpu_s,
                "beat_s": self._spawning.beat_s,
            }
        )
        return process

    def _send(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        # A worker that has died already is seen when its pipe is read.
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            self._process.stdin.flush()

    @property
    def busy(self) -> bool:
        """Whether it has a tile."""
        return bool(self._tasks)

    @property
    def room(self) -> int:
        """How many tiles it can take; none where it is to be replaced."""
        if not self.was_ready or self.gone or self._tired:
            return 0
        return max(0, self._ahead - len(self._tasks))

    @property
    def _tired(self) -> bool:
        return self._over or self._tiles >= self._settings.recycle

    @property
    def worn(self) -> bool:
        """Whether it should be replaced now."""
        return self._tired and not self.busy and not self.gone

    def begin(self, task: Task) -> None:
        """Give it a tile."""
        if not self._tasks:
            self._next()
        self._tasks.append(task)
        self._send(task.to_dict())

    def _next(self) -> None:
        """What is timed, and what is read of the log, begins anew."""
        self._begun = self._heard = time.monotonic()
        self._log_from = self.log.stat().st_size if self.log.exists() else 0

    def hear(self) -> Iterator[dict[str, Any]]:
        """The messages that have arrived; sets `gone` where the pipe has ended."""
        try:
            while block := os.read(self.pipe, 1 << 20):
                self._rest += block
                if len(self._rest) > _MOST_LINE:
                    self._end("it sent a line without end")
                    break
            self.gone = not block or self.gone
        except BlockingIOError:
            pass
        *lines, self._rest = self._rest.split(b"\n")
        self._heard = time.monotonic()
        for line in lines:
            try:
                message = json.loads(line)
                self._note(message)
            except (ValueError, TypeError, KeyError):
                self._end("it sent what is no message")
                return
            yield message

    def _note(self, message: dict[str, Any]) -> None:
        if "ready" in message:
            self.was_ready = True
        elif "outcome" in message:
            outcome = Outcome.from_dict(message["outcome"])
            if not self._tasks or outcome.key != self._tasks[0].key:
                raise ValueError("an outcome of another tile")
            self._tasks.popleft()
            self._tiles += 1
            self._ahead = _AHEAD if outcome.seconds < _QUICK_S else 1
            short = (outcome.error or {}).get("kind") == "MemoryError"
            self._over |= short or _rss_mb(self._process.pid) > self._settings.recycle_mb
            self._next()

    def look(self) -> None:
        """End it where it takes too long, too much, or has gone silent."""
        now = time.monotonic()
        if self.busy and now - self._begun > self._settings.tile_s:
            self._end(f"it took more than {self._settings.tile_s:g} s (run.tile_s)")
        elif now - self._heard > self._settings.silent_s:
            self._end(f"it gave no sign of life for {self._settings.silent_s:g} s (run.silent_s)")
        elif (rss := _rss_mb(self._process.pid)) > self._spawning.most_rss_mb:
            self._end(f"it took {rss:,.0f} MB of memory, the limit is {self._spawning.most_rss_mb:,.0f}")

    def _end(self, blame: str) -> None:
        self._blame = self._blame or blame
        self._process.kill()

    def died(self) -> list[Outcome]:
        """What becomes of its tiles, once its pipe has ended: the one at work is blamed, the rest are due."""
        self._finish()
        if not self._tasks:
            return []
        task = self._tasks.popleft()
        error = {"kind": "crash", "message": self.why()}
        said = self._said()
        blamed = Outcome(
            task.key,
            task.number,
            "crashed",
            error | ({"log": said} if said else {}),
            seconds=round(time.monotonic() - self._begun, 3),
            worker=str(self._process.pid),
        )
        return [blamed, *self.stopped()]

    def stopped(self) -> list[Outcome]:
        """Its tiles, given up."""
        found = [Outcome(task.key, task.number, "stopped") for task in self._tasks]
        self._tasks.clear()
        return found

    def why(self) -> str:
        """Why it died, as far as that can be seen from outside."""
        code = self._process.returncode
        if self._blame:
            return f"the worker was ended: {self._blame}"
        if code is None or code >= 0:
            return f"the worker ended with code {code}"
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        hint = _HINTS.get(-code, "")
        return f"the worker died of {name}{hint}"

    def _said(self) -> str:
        with contextlib.suppress(OSError), self.log.open("rb") as log:
            log.seek(max(self._log_from, log.seek(0, os.SEEK_END) - _TAIL))
            return log.read(_TAIL).decode(errors="replace").strip()
        return ""

    def dismiss(self) -> None:
        """Let an idle one go."""
        self._close()
        self._spawning.dismissed.append(self._process)
        self._spawning.dismissed[:] = [one for one in self._spawning.dismissed if one.poll() is None]

    def kill(self) -> None:
        """End it now."""
        self._process.kill()
        self._finish()

    def _finish(self) -> None:
        # Its pipe ends a moment before it does, and how it ends is wanted.
        try:
            self._process.wait(timeout=_LAST_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._close()

    def _close(self) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            with contextlib.suppress(OSError):
                stream.close()


_HINTS: dict[int, str] = {
    signal.SIGKILL: ": for want of memory, or killed by someone",
    signal.SIGXCPU: ": it took more CPU time than a tile may (run.cpu_s)",
    signal.SIGXFSZ: ": a file grew larger than it may",
    signal.SIGSEGV: ": a fault in native code",
    signal.SIGABRT: ": native code gave up",
    signal.SIGBUS: ": a fault in native code, or a file that was cut while it was read",
}


def _rss_mb(pid: int) -> float:
    """Resident memory; 0 where the system does not say."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_bytes().split()[1])
    except (OSError, IndexError, ValueError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
