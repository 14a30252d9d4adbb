"""What an executor is: it takes tiles and says how each ended. It knows of no plan, manifest or retry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Protocol

from geovision.batch.plan_file import Task

__all__ = ["Executor", "Outcome"]


@dataclass(frozen=True)
class Outcome:
    """How a tile ended."""

    key: str
    number: int
    state: Literal["done", "failed", "crashed", "stopped", "halted"]
    """failed: an error of this tile. crashed: its worker died of it. stopped: it was asked to stop. halted:
    the machine cannot, whatever the tile; the run ends."""
    error: Mapping[str, str] | None = None
    """kind (the class of an exception, or crash), message, and log: what the worker said."""
    outputs: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    """SHA-256 and size of each file in the tile's folder."""
    buildings: int = 0
    problems: int = 0
    seconds: float = 0.0
    cpu_s: float = 0.0
    rss_mb: float = 0.0
    host: str = ""
    worker: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Outcome:
        """The inverse."""
        outputs = {name: (str(a), int(b)) for name, (a, b) in plain["outputs"].items()}
        return cls(**{**plain, "outputs": outputs})

    def facts(self) -> dict[str, Any]:
        """What goes into the attempt's row."""
        return {name: value for name, value in vars(self).items() if name not in ("key", "number", "state")}


class Executor(Protocol):
    """Does tiles in processes, here or elsewhere. Used from one thread.

    `geovision.batch.task.run_task` is what such a process calls for each tile. An executor never tries a tile
    twice by itself: every task that is submitted comes back as exactly one outcome.
    """

    def start(self, head: Mapping[str, Any]) -> None:
        """Make processes ready; `head` is what each needs before any tile (`Plan.worker_head`).

        Raises:
            GeovisionError: No process can do such tiles here.
        """

    def free(self) -> int:
        """How many more tasks may be submitted now."""

    def submit(self, task: Task) -> None:
        """Begin a tile."""

    def wait(self, timeout_s: float) -> list[Outcome]:
        """The tiles that ended, after at most so long; the caller looks after requests to stop in between.

        Raises:
            GeovisionError: No process is left, and none can be made.
        """

    def stop(self, grace_s: float) -> list[Outcome]:
        """Let tiles at work end for so long, then end their processes; every open task has an outcome."""

    def close(self) -> None:
        """End all processes at once. May be called at any time, and twice."""
