"""What a run looks like from outside: counts, failed tiles and the commands that repeat them, and retries."""

from __future__ import annotations

import secrets
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from geovision.batch.attempts import Attempt
from geovision.batch.plan_file import Task
from geovision.batch.run_folder import RunFolder
from geovision.batch.task import run_task
from geovision.errors import UsageError

__all__ = ["FailedTile", "Status", "command_of", "retry", "status", "try_tile"]


@dataclass(frozen=True)
class FailedTile:
    """A tile that failed, and how to see it fail again."""

    key: str
    digest: str
    quarantined: bool
    errors: int
    crashes: int
    error: str
    log: str
    bounds: tuple[float, float, float, float]
    inputs: tuple[str, ...]
    """Files that it is made from."""
    command: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return vars(self) | {"bounds": list(self.bounds), "inputs": list(self.inputs)}


@dataclass
class Status:
    """Where a run stands."""

    run: str
    plan: str
    tiles: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    """Tiles by state: done, due, running (or lost with its run), failed (and due again), quarantined."""
    buildings: int = 0
    planned_buildings: int = 0
    attempts: int = 0
    seconds: float = 0.0
    """Of all attempts together."""
    cpu_s: float = 0.0
    bytes: int = 0
    failed: list[FailedTile] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return vars(self) | {"failed": [one.to_dict() for one in self.failed]}


def status(folder: str | Path) -> Status:
    """Where a run stands; it may be going on.

    Args:
        folder: of the run.
    """
    place = RunFolder(Path(folder))
    plan = place.load()
    ledger, digests, rules = place.ledger(plan), plan.digests(), plan.config.run
    found = Status(str(place.path), plan.id, len(plan), planned_buildings=sum(plan.tiles["buildings"]))
    last: dict[str, Attempt] = {}
    done: dict[str, Attempt] = {}  # once, though a tile may have been done again
    for one in place.attempts():
        found.attempts += one.state != "released"
        found.seconds += one.seconds
        found.cpu_s += one.cpu_s
        if digests.get(one.key) != one.digest:
            continue
        if one.state == "done" and ledger[one.key].done:
            done[one.key] = max(done.get(one.key, one), one, key=lambda attempt: attempt.number)
        if one.error and (one.key not in last or one.number > last[one.key].number):
            last[one.key] = one
    found.buildings = sum(one.buildings for one in done.values())
    found.bytes = sum(size for one in done.values() for _, size in one.outputs.values())
    for task in plan.tasks():
        word = ledger.word(task.key, rules)
        found.counts[word] = found.counts.get(word, 0) + 1
        if word in ("failed", "quarantined"):
            state = ledger[task.key]
            error = last[task.key].error or {} if task.key in last else {}
            found.failed.append(
                FailedTile(
                    task.key,
                    task.digest,
                    word == "quarantined",
                    state.errors,
                    state.crashes,
                    error.get("message", "the run was lost with this tile at work, again and again"),
                    error.get("log", ""),
                    task.bounds,
                    _inputs(plan.head, task),
                    command_of(place.path, task.key),
                )
            )
    found.seconds, found.cpu_s = round(found.seconds, 2), round(found.cpu_s, 2)
    return found


def _inputs(head: Any, task: Task) -> tuple[str, ...]:
    touched = head.get("touched")
    return () if touched is None else tuple(head["sources"][i]["name"] for i in touched[task.index])


def command_of(run: Path, key: str) -> str:
    """What does a tile again, here, in one process."""
    return f"geovision batch tile {shlex.quote(str(run))} {shlex.quote(key)}"


def retry(folder: str | Path, keys: Sequence[str] | None = None) -> list[str]:
    """Let quarantined and failed tiles be tried again by the next run; returns their keys.

    Args:
        folder: of the run.
        keys: of these only, done ones included; by default all that failed.
    """
    place = RunFolder(Path(folder))
    plan = place.load()
    with place.hold():
        ledger, digests = place.ledger(plan), plan.digests()
        if keys is None:
            words = ("failed", "quarantined")
            chosen = [key for key in digests if ledger.word(key, plan.config.run) in words]
        else:
            chosen = [plan.key(plan.index_of(key)) for key in keys]
        rows = [
            Attempt(key, digests[key], ledger.next_number(key), "released", secrets.token_hex(8))
            for key in chosen
        ]
        if rows:
            journal = place.journal()
            journal.write(rows)
            journal.close()
    return chosen


def try_tile(folder: str | Path, key: str, out: str | Path) -> dict[str, Any]:
    """Do one tile in this process, in a folder of its own, to see what happens; the run is left as it is.

    Args:
        folder: of the run.
        key: of the tile.
        out: folder for its files; it must not be there.
    """
    place = RunFolder(Path(folder))
    plan = place.load()
    task = plan.task(plan.index_of(key), 1)
    target = Path(out)
    if target.exists():
        raise UsageError(f"output {out}", "exists already", "Give another folder")
    outcome = run_task(place.path, plan.worker_head(), task, target=target)
    return {"tile": key, "out": str(target), **outcome.to_dict()}
