"""What runs inside a Dask worker: each of its threads keeps a tile process, as on a single machine."""

from __future__ import annotations

import itertools
import os
import platform
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from geovision.batch.config import RunConfig
from geovision.batch.executors.local import LocalExecutor
from geovision.batch.executors.protocol import Outcome
from geovision.batch.plan_file import Task

__all__ = ["do_tile", "end_all"]

_TURN_S = 0.25
_KEPT: dict[tuple[str, int], LocalExecutor] = {}
"""By run and thread."""
_ENDED: set[str] = set()
_AT_WORK: set[tuple[str, int]] = set()
_NUMBERS = itertools.count()
_LOCK = threading.Lock()


def do_tile(
    token: str,
    run: str,
    logs: str,
    head: Mapping[str, Any],
    settings: Mapping[str, Any],
    task: Mapping[str, Any],
) -> dict[str, Any]:
    """Do a tile in this thread's process, and say how it ended; all arguments are plain values.

    Args:
        token: names the run on all workers of the cluster.
        run: the folder of the run, as seen from here.
        logs: folder for what processes print.
        head: of the plan.
        settings: of the run.
        task: the tile.
    """
    place = token, threading.get_ident()
    _AT_WORK.add(place)
    try:
        executor = _executor(token, Path(run), Path(logs), head, settings)
        return _outcome(executor, token, Task.from_dict(task)).to_dict()
    finally:
        _AT_WORK.discard(place)


def _outcome(executor: LocalExecutor, token: str, wanted: Task) -> Outcome:
    sent = False
    while token not in _ENDED:
        if not sent and executor.free():
            executor.submit(wanted)
            sent = True
        for outcome in executor.wait(_TURN_S):
            return outcome
    found = executor.stop(0.0)
    _KEPT.pop((token, threading.get_ident()), None)
    return found[0] if found else Outcome(wanted.key, wanted.number, "stopped")


def _executor(
    token: str, run: Path, logs: Path, head: Mapping[str, Any], settings: Mapping[str, Any]
) -> LocalExecutor:
    place = token, threading.get_ident()
    with _LOCK:
        found = _KEPT.get(place)
        if found is None:
            name = f"dask-{platform.node()}-{os.getpid()}-{next(_NUMBERS)}"
            rules = RunConfig.model_validate({**settings, "workers": 1})
            found = _KEPT[place] = LocalExecutor(run, rules, logs, name)
            found.start(head)
        return found


def end_all(token: str) -> None:
    """End the processes of a run on this worker: those at work by their own threads, idle ones here."""
    _ENDED.add(token)
    with _LOCK:
        for place in [place for place in _KEPT if place[0] == token]:
            if place not in _AT_WORK:
                _KEPT.pop(place).close()
