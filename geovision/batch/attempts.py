"""Attempts at tiles, one row each, and what follows from them: what is done, due or quarantined."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from geovision.batch.config import RunConfig

__all__ = ["Attempt", "Ledger", "State", "TileState"]

State = Literal["running", "done", "failed", "crashed", "stopped", "halted", "released"]
"""Of an attempt. running: at work, or lost with its run. failed: an error. crashed: its worker died. stopped:
the run was asked to stop. halted: the machine cannot (disk full, say). released: no attempt; a person or a
check says that the ones before do not count."""


@dataclass(frozen=True)
class Attempt:
    """One try at one tile. The rows of the manifest."""

    key: str
    """Column and row of the tile, as in 170_893."""
    digest: str
    """Of all that decides the tile's bytes."""
    number: int
    """Counted from 1 for each tile; later rows have higher numbers."""
    state: State
    id: str
    """Random; rows of one id tell of one attempt, and the last of them counts."""
    started: str = ""
    """UTC, for people: nothing is decided by clocks."""
    seconds: float = 0.0
    cpu_s: float = 0.0
    rss_mb: float = 0.0
    """Most resident memory of the worker so far."""
    host: str = ""
    worker: str = ""
    buildings: int = 0
    problems: int = 0
    error: Mapping[str, str] | None = None
    """kind, message and, where its worker said something, log."""
    outputs: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    """SHA-256 and size of each file in the tile's folder; empty where a tile has nothing to write."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; what is at its default is left out."""
        plain = asdict(self)
        return {name: value for name, value in plain.items() if value or name in ("key", "digest", "number")}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Attempt:
        """The inverse; raises TypeError, KeyError or ValueError on what is no attempt."""
        outputs = {str(name): (str(a), int(b)) for name, (a, b) in plain.get("outputs", {}).items()}
        return cls(**{**plain, "outputs": outputs})

    def ended(self, state: State, **facts: Any) -> Attempt:
        """The same attempt with its end."""
        return replace(self, state=state, **facts)


@dataclass(slots=True)
class TileState:
    """What the attempts at one digest of a tile amount to."""

    number: int = 0
    """Of the last attempt."""
    done: bool = False
    errors: int = 0
    crashes: int = 0
    losses: int = 0
    running: bool = False
    """The last attempt has no end: it is at work, or was lost."""

    def add(self, number: int, state: State) -> None:
        """Take the next row, in the order of numbers."""
        if self.running:
            self.losses += 1
        self.number = max(self.number, number)
        self.running = state == "running"
        if state == "done":
            self.done = True
        elif state == "failed":
            self.errors += 1
        elif state == "crashed":
            self.crashes += 1
        elif state == "released":
            self.done, self.errors, self.crashes, self.losses = False, 0, 0, 0

    def quarantined(self, rules: RunConfig) -> bool:
        """Whether no further try is made unless someone asks for it."""
        lost = self.losses + self.running
        used = self.errors >= rules.errors or self.crashes >= rules.crashes or lost >= rules.losses
        return used and not self.done


class Ledger:
    """The state of every tile of a plan, from the rows of all manifests.

    >>> ledger = Ledger({"0_0": "ab"})
    >>> ledger.take([("0_0", "ab", 1, "failed"), ("0_0", "old", 2, "done"), ("0_0", "ab", 3, "done")])
    >>> ledger["0_0"].done, ledger["0_0"].errors, ledger["0_0"].number
    (True, 1, 3)
    """

    def __init__(self, digests: Mapping[str, str]) -> None:
        self._digests = digests
        self._states: dict[str, TileState] = {}
        self._numbers: dict[str, int] = {}

    def __getitem__(self, key: str) -> TileState:
        state = self._states.get(key)
        if state is None:
            state = self._states[key] = TileState()
        return state

    def take(self, rows: Iterable[tuple[str, str, int, State]]) -> None:
        """Count rows of (key, digest, number, state): one an attempt, all that there are, in any order."""
        later: list[tuple[str, int, State]] = []
        for key, digest, number, state in rows:
            if self._numbers.get(key, 0) < number:
                self._numbers[key] = number
            if self._digests.get(key) == digest:
                later.append((key, number, state))
        later.sort(key=lambda row: row[1])
        for key, number, state in later:
            self[key].add(number, state)

    def word(self, key: str, rules: RunConfig) -> str:
        """The state of a tile in a word: done, quarantined, running, failed (and due again) or due."""
        state = self[key]
        if state.done:
            return "done"
        if state.quarantined(rules):
            return "quarantined"
        if state.running:
            return "running"
        return "failed" if state.errors or state.crashes else "due"

    def next_number(self, key: str) -> int:
        """Number for a new attempt, above those of every digest of the tile."""
        number = self._numbers[key] = self._numbers.get(key, 0) + 1
        return number
