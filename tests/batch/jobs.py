"""A tile job without geometry, which fails as it is told: for tests of all that is round a tile.

Its name goes into the plan and, as that alone opens no door, into the variable that allows it. What goes
wrong is in `head["faults"]`: by key a word, or `word*n` for the first n attempts.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import geovision.batch.task as task_steps
from geovision.batch.plan_file import Task
from geovision.batch.sealing import Made
from geovision.errors import InputError, OutputError

__all__ = ["EMPTY", "NAME", "EmptyJob", "TestJob"]

NAME = "tests.batch.jobs:TestJob"
EMPTY = "tests.batch.jobs:EmptyJob"


class TestJob:
    """Writes two small files that depend on the tile alone."""

    __test__ = False

    def __init__(self, run: Path, head: Mapping[str, Any]) -> None:
        self.folder = run
        self.head = head
        where = os.environ.get("GEOVISION_TEST_KILL", "")
        if where.startswith(("worker-", "supervisor-")):
            _arm(run / f".{where.replace(':', '-')}", where)

    def run(self, task: Task, folder: Path) -> Made:
        self._count(task)
        self._fault(task, folder)
        if self.head.get("busy_s"):
            until = time.process_time() + float(self.head["busy_s"])
            while time.process_time() < until:
                sum(range(1000))
        time.sleep(float(self.head.get("sleep_s", 0.0)))
        if task.buildings:
            (folder / "a.json").write_text(json.dumps({"key": task.key, "digest": task.digest}))
            (folder / "deep").mkdir()
            (folder / "deep" / "b.bin").write_bytes(task.key.encode() * 1000)
        return self.written(Made(task.buildings, 0))

    def written(self, made: Made) -> Made:
        """The step after writing, where a test may end things."""
        return made

    def _count(self, task: Task) -> None:
        """Every try leaves a mark outside of the run, so that tests see what was repeated."""
        counted = self.head.get("counted")
        if counted:
            with Path(str(counted)).open("a") as file:
                file.write(f"{task.key} {task.number}\n")

    def _tries(self, task: Task) -> int:
        """How often the tile was begun, this time included; numbers count tiles that only waited, too."""
        mark = self.folder / f".tries-{task.key}"
        with mark.open("ab") as file:
            file.write(b".")
        return mark.stat().st_size

    def _fault(self, task: Task, folder: Path) -> None:
        word, _, times = str(self.head.get("faults", {}).get(task.key, "")).partition("*")
        if not word or (times and self._tries(task) > int(times)):
            return
        (folder / "half.bin").write_bytes(b"half")
        _FAULTS[word](task, folder)
        (folder / "half.bin").unlink(missing_ok=True)


class EmptyJob:
    """Has nothing to do, and writes nothing."""

    def __init__(self, run: Path, head: Mapping[str, Any]) -> None:
        pass

    def run(self, task: Task, folder: Path) -> Made:
        return Made()


def _arm(mark: Path, where: str) -> None:
    """Die, or have the supervisor die, after the Nth time of a step; once in the life of the run folder."""
    who, _, rest = where.partition("-")
    step, _, count = rest.partition(":")
    home: Any = {"write": TestJob, "seal": task_steps, "publish": task_steps}[step]
    name = {"write": "written", "seal": "seal", "publish": "publish"}[step]
    plain, left = getattr(home, name), [int(count)]

    def dying(*arguments: Any) -> Any:
        result = plain(*arguments)
        left[0] -= 1
        if left[0] == 0 and _first(mark):
            os.kill(os.getpid() if who == "worker" else os.getppid(), signal.SIGKILL)
            time.sleep(30)  # and dies with it
        return result

    setattr(home, name, dying)


def _first(mark: Path) -> bool:
    """Whether this process is the one that makes the file: workers come here at the same moment."""
    try:
        mark.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def _error(task: Task, folder: Path) -> None:
    raise InputError(f"tile {task.key}", "has a hole", "Mend it")


def _bug(task: Task, folder: Path) -> None:
    raise ZeroDivisionError("a fault of ours")


def _readonly(task: Task, folder: Path) -> None:
    raise OutputError("out", "cannot be written (Read-only file system)", "Look")


def _segfault(task: Task, folder: Path) -> None:
    print("about to fault", file=sys.stderr, flush=True)
    ctypes.string_at(0)


def _full(task: Task, folder: Path) -> None:
    with (folder / "large.bin").open("wb") as file:
        for _ in range(64):
            file.write(bytes(1 << 20))
    (folder / "large.bin").unlink()


def _spin(task: Task, folder: Path) -> None:
    while True:
        sum(range(1000))


_FAULTS: dict[str, Callable[[Task, Path], object]] = {
    "error": _error,
    "bug": _bug,
    "kill": lambda task, folder: os.kill(os.getpid(), signal.SIGKILL),
    "segfault": _segfault,
    "abort": lambda task, folder: os.abort(),
    "memory": lambda task, folder: [bytearray(64 << 20) for _ in range(1000)],
    "full": _full,
    "readonly": _readonly,
    "exit": lambda task, folder: os._exit(3),
    "hang": lambda task, folder: time.sleep(3600),
    "spin": _spin,
}
