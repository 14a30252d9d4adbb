"""A worker: reads tiles as lines of JSON, does one after the other, answers with lines of JSON.

Started as `python -m geovision.batch.worker` by the local executor. Nothing else writes to the pipe: what
libraries print goes to the log with stderr. It ends with its supervisor.
"""

from __future__ import annotations

import ctypes
import faulthandler
import json
import os
import resource
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from geovision.batch.plan_file import Task
from geovision.batch.task import job_of, run_task
from geovision.errors import GeovisionError

__all__ = ["main"]

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Serve until the pipe ends."""
    pipe = os.dup(1)
    os.dup2(2, 1)
    faulthandler.enable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends Ctrl-C to all; the supervisor decides
    answer = _Answers(pipe)
    hello = json.loads(sys.stdin.buffer.readline() or b"{}")
    if not hello:
        return
    _end_with(int(hello["parent"]))
    run, head, cpu_s = Path(hello["run"]), hello["head"], int(hello["cpu_s"])
    if hello["memory_mb"]:
        _limit(resource.RLIMIT_AS, int(hello["memory_mb"]) << 20)
    threading.Thread(target=_beat, args=(answer, float(hello["beat_s"])), daemon=True).start()
    try:
        job_of(run, head)
    except Exception as error:
        told = error if isinstance(error, GeovisionError) else None
        remedy = told.remedy if told else "See the log of the worker"
        answer.send({"refused": {"message": str(error) or type(error).__name__, "remedy": remedy}})
        raise
    answer.send({"ready": os.getpid()})
    while line := sys.stdin.buffer.readline():
        if cpu_s:
            _limit(resource.RLIMIT_CPU, int(time.process_time()) + cpu_s + 1)
        outcome = run_task(run, head, Task.from_dict(json.loads(line)))
        answer.send({"outcome": outcome.to_dict()})


class _Answers:
    """Lines to the supervisor, from more than one thread."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe
        self._lock = threading.Lock()

    def send(self, message: dict[str, Any]) -> None:
        line = json.dumps(message).encode() + b"\n"
        with self._lock:
            while line:
                line = line[os.write(self._pipe, line) :]


def _beat(answer: _Answers, every_s: float) -> None:
    """Signs of life; a supervisor that is gone ends the worker, whatever it is at."""
    while True:
        time.sleep(every_s)
        try:
            answer.send({"beat": 1})
        except OSError:
            os._exit(0)


def _end_with(parent: int) -> None:
    """Die when the supervisor does, also in the middle of native code (Linux)."""
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    except (OSError, AttributeError):
        return
    if os.getppid() != parent:  # it died before
        os._exit(0)


def _limit(kind: int, most: int) -> None:
    hard = resource.getrlimit(kind)[1]
    resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # threads of libraries are not waited for
