"""Reads back everything that is called done, and says what is not as it was written."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote
from typing import Any

from geovision.batch.attempts import Attempt
from geovision.batch.plan_file import Task
from geovision.batch.run_folder import RunFolder
from geovision.batch.sealing import check_sealed
from geovision.errors import InputError

__all__ = ["BadTile", "VerifySummary", "verify"]


class BadTile(InputError):
    """A tile that is called done and does not read back."""

    def __init__(self, key: str, run: Path | str) -> None:
        name = quote(str(run))
        super().__init__(
            f"tile {key}",
            "is not what it was when it was done: a file is missing or changed",
            f"Have it done again: geovision batch verify {name} --repair && geovision batch run {name}",
        )


@dataclass
class VerifySummary:
    """What `verify` found."""

    checked: int = 0
    files: int = 0
    bytes: int = 0
    bad: list[str] = field(default_factory=list)
    """Keys of tiles that are not as they were done."""
    pending: int = 0
    """Tiles that are not done."""
    repaired: bool = False

    @property
    def exit_code(self) -> int:
        """1 where something is bad and stays so."""
        return 1 if self.bad and not self.repaired else 0

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return dict(vars(self))


def verify(
    folder: str | Path,
    *,
    repair: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> VerifySummary:
    """Compare every file of every tile that is done with the checksum on record.

    Args:
        folder: of the run.
        repair: have bad tiles done again by the next run.
        progress: called with tiles checked and in all.
    """
    place = RunFolder(Path(folder))
    plan = place.load()
    summary = VerifySummary()
    with place.hold():
        ledger = place.ledger(plan)
        digests = plan.digests()
        told = sorted((one for one in place.attempts() if _is_of(one, digests)), key=lambda one: one.number)
        recorded = {one.key: one for one in told}
        done = [task for task in plan.tasks() if ledger[task.key].done]
        summary.pending = len(plan) - len(done)
        for number, task in enumerate(done):
            _check(place, task, recorded[task.key], summary)
            if progress is not None:
                progress(number + 1, len(done))
        if repair and summary.bad:
            rows = [
                Attempt(key, digests[key], ledger.next_number(key), "released", secrets.token_hex(8))
                for key in summary.bad
            ]
            journal = place.journal()
            journal.write(rows)
            journal.close()
            summary.repaired = True
    return summary


def _is_of(attempt: Attempt, digests: dict[str, str]) -> bool:
    return attempt.state == "done" and digests.get(attempt.key) == attempt.digest


def _check(place: RunFolder, task: Task, attempt: Attempt, summary: VerifySummary) -> None:
    summary.checked += 1
    target = place.tile(task.key, task.digest)
    if not attempt.outputs:
        if target.exists():
            summary.bad.append(task.key)
        return
    sealed = check_sealed(target)
    if sealed is None or sealed.files != dict(attempt.outputs):
        summary.bad.append(task.key)
        return
    summary.files += len(sealed.files)
    summary.bytes += sum(size for _, size in sealed.files.values())
