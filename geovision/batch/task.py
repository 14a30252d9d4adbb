"""One tile, in whatever process does it: work in a folder of its own, sealed, checked, and put in place."""

from __future__ import annotations

import errno
import os
import platform
import resource
import secrets
import shutil
import time
import traceback
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from geovision.batch.executors.protocol import Outcome
from geovision.batch.jobs import Job, open_job
from geovision.batch.plan_file import Task
from geovision.batch.run_folder import RunFolder
from geovision.batch.sealing import check_sealed, drop, publish, seal
from geovision.errors import EnvironmentFault, GeovisionError, OutputError

__all__ = ["job_of", "run_task"]

_OF_THE_MACHINE = {errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EFBIG}
_OPEN: dict[str, Job] = {}


def run_task(run: Path, head: Mapping[str, Any], task: Task, *, target: Path | None = None) -> Outcome:
    """Do a tile, and put its files in place: `run`/tiles/column/row/digest.

    The files are written under a temporary name beside that, forced to disk, read back and checked; then one
    rename publishes them. A folder that is there already, whole, is taken as it is. What the job needs is
    opened with the first tile of a plan and kept for the next.

    Args:
        run: the folder of the run.
        head: of the plan (`Plan.worker_head`).
        task: the tile.
        target: another folder for its files, which is not there yet.
    """
    started, cpu = time.monotonic(), time.process_time()
    try:
        outcome = _done(run, head, task, target or RunFolder(run).tile(task.key, task.digest))
    except Exception as error:
        outcome = _failed(task, error)
    return replace(
        outcome,
        seconds=round(time.monotonic() - started, 4),
        cpu_s=round(time.process_time() - cpu, 4),
        rss_mb=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        host=platform.node(),
        worker=str(os.getpid()),
    )


def job_of(run: Path, head: Mapping[str, Any]) -> Job:
    """The opened job of a plan; that of another plan is let go."""
    name = f"{run}:{head['plan']}"
    if name not in _OPEN:
        _OPEN.clear()
        _OPEN[name] = open_job(run, head)
    return _OPEN[name]


def _done(run: Path, head: Mapping[str, Any], task: Task, target: Path) -> Outcome:
    outputs = check_sealed(target) if target.exists() else None
    if outputs is None:
        drop(target)
        job = job_of(run, head)
        target.parent.mkdir(parents=True, exist_ok=True)
        for left in target.parent.glob(f".{target.name}.*.tmp"):
            drop(left)
        temporary = target.with_name(f".{target.name}.{secrets.token_hex(6)}.tmp")
        temporary.mkdir()
        try:
            made = job.run(task, temporary)
            outputs = seal(temporary, made)
            if outputs:
                publish(temporary, target)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        if not outputs:
            return Outcome(task.key, task.number, "done", buildings=made.buildings, problems=made.problems)
    return Outcome(
        task.key,
        task.number,
        "done",
        outputs=outputs.files,
        buildings=outputs.buildings,
        problems=outputs.problems,
    )


def _failed(task: Task, error: Exception) -> Outcome:
    """Whose fault it is: the tile's, or the machine's, which ends the run."""
    kind = type(error).__name__
    told = {"kind": kind, "message": str(error)[:2000] or kind}
    if not isinstance(error, GeovisionError):
        told["log"] = traceback.format_exc()[-4000:]
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in _OF_THE_MACHINE:
            return Outcome(task.key, task.number, "halted", told)
        cause = cause.__cause__
    if isinstance(error, MemoryError):
        return Outcome(task.key, task.number, "crashed", told)
    if isinstance(error, (EnvironmentFault, OutputError)):
        return Outcome(task.key, task.number, "halted", told)
    return Outcome(task.key, task.number, "failed", told)
