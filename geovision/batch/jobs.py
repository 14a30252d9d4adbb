"""What can be done with a tile: the job of a plan, opened once a process."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from geovision._version import __version__
from geovision.batch.plan_file import Task
from geovision.batch.sealing import Made
from geovision.errors import EnvironmentFault, UsageError

__all__ = ["TEST_JOB", "Job", "open_job"]

TEST_JOB = "GEOVISION_TEST_JOB"
"""Variable that names module:function of another job. A plan cannot: it may come from a stranger."""


class Job(Protocol):
    """Does tiles, one after the other."""

    def run(self, task: Task, folder: Path) -> Made:
        """Write the files of a tile into an empty folder; they depend on the plan and the tile alone."""


def open_job(run: Path, head: Mapping[str, Any]) -> Job:
    """The job that a plan names, with its sources and networks open.

    Args:
        run: the folder of the run.
        head: of the plan (`Plan.worker_head`).
    """
    if head["version"] != __version__:
        raise EnvironmentFault(
            f"geovision {__version__}",
            f"is not the version that the run was planned with ({head['version']})",
            "Use that version, or plan again: what is done then is done anew",
        )
    if head["job"] == "build":
        from geovision.batch.build_job import BuildJob

        return BuildJob(run, head)
    if head["job"] != os.environ.get(TEST_JOB):
        raise UsageError(f"job {head['job']!r}", "is not known", "Plan again with this geovision")
    module, _, name = head["job"].partition(":")
    job: Job = getattr(importlib.import_module(module), name)(run, head)
    return job
