"""The folder of a run: what lies where, who holds it, and all that is recorded in it."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from geovision.batch.attempts import Attempt, Ledger
from geovision.batch.journal import Journal, Row, SqliteJournal
from geovision.batch.journal_parts import PartJournal
from geovision.batch.locks import locked
from geovision.batch.plan_file import Plan, load_plan
from geovision.errors import UsageError

__all__ = ["RunFolder", "Shard"]

_KEY = re.compile(r"(-?\d+)_(-?\d+)")


@dataclass(frozen=True)
class Shard:
    """A part of the tiles: number of of.

    >>> Shard.parse("3/64")
    Shard(number=3, of=64)
    """

    number: int
    of: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """From i/n, counted from 1."""
        found = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text.strip())
        number, of = (int(found[1]), int(found[2])) if found else (0, 0)
        if not 1 <= number <= of:
            raise UsageError(f"shard {text!r}", "is not i/n with i from 1 to n", "Give it as 3/64, say")
        return cls(number, of)

    @property
    def name(self) -> str:
        """For files."""
        return f"{self.number}-of-{self.of}"


@dataclass(frozen=True)
class RunFolder:
    """Paths of a run and its manifests."""

    path: Path

    @property
    def plan_path(self) -> Path:
        """What is to be done."""
        return self.path / "plan.json"

    @property
    def inputs(self) -> Path:
        """What tiles are made from that no source holds as such: their footprints."""
        return self.path / "inputs"

    @property
    def logs(self) -> Path:
        """What workers say."""
        return self.path / "logs"

    @property
    def merged(self) -> Path:
        """The result as one folder."""
        return self.path / "merged"

    @property
    def manifest(self) -> Path:
        """Attempts of runs that are no shards."""
        return self.path / "manifest.sqlite"

    @property
    def parts(self) -> Path:
        """Attempts of shards."""
        return self.path / "manifest"

    def tile(self, key: str, digest: str) -> Path:
        """Where the files of a tile go.

        >>> RunFolder(Path("run")).tile("170_893", "ab12").as_posix()
        'run/tiles/170/893/ab12'
        """
        found = _KEY.fullmatch(key)
        if found is None or not re.fullmatch(r"[0-9a-f]{4,64}", digest):
            raise UsageError(f"tile {key!r}", "is no tile's name", "Give column and row, as in 170_893")
        return self.path / "tiles" / found[1] / found[2] / digest

    def load(self) -> Plan:
        """The plan; an error that says how to make one where there is none."""
        if not self.plan_path.is_file():
            raise UsageError(
                f"run {self.path}",
                "holds no plan",
                f"Make one: geovision batch plan FILE.toml -o {quote(str(self.path))}",
            )
        return load_plan(self.plan_path)

    @contextlib.contextmanager
    def hold(self, shard: Shard | None = None) -> Iterator[None]:
        """Refuse others: all of them, or for a shard those that want the whole run or the same shard."""
        what = f"run {self.path}"
        with contextlib.ExitStack() as stack:
            stack.enter_context(locked(self.path / ".lock", what, shared=shard is not None))
            if shard is not None:
                self.parts.mkdir(exist_ok=True)
                path = self.parts / f".{shard.name}.lock"
                stack.enter_context(locked(path, f"shard {shard.number}/{shard.of} of {what}"))
            yield

    def journal(self, shard: Shard | None = None) -> Journal:
        """Where whoever holds the run, or a shard, writes."""
        if shard is None:
            return SqliteJournal(self.manifest)
        self.parts.mkdir(exist_ok=True)
        return PartJournal(self.parts / f"{shard.name}.jsonl")

    def _journals(self) -> Iterator[Journal]:
        """All that there are, to read."""
        if self.manifest.is_file():
            yield SqliteJournal(self.manifest, read_only=True)
        if self.parts.is_dir():
            for path in sorted(self.parts.glob("*.jsonl")):
                yield PartJournal(path, read_only=True)

    def attempts(self) -> Iterator[Attempt]:
        """Every attempt of every manifest."""
        for journal in self._journals():
            with contextlib.closing(journal):
                yield from journal.attempts()

    def rows(self) -> Iterator[Row]:
        """The same, briefly."""
        for journal in self._journals():
            with contextlib.closing(journal):
                yield from journal.rows()

    def empty(self) -> set[tuple[str, str]]:
        """Key and digest of tiles that were done and had nothing to write."""
        found: set[tuple[str, str]] = set()
        for journal in self._journals():
            with contextlib.closing(journal):
                found.update(journal.empty())
        return found

    def ledger(self, plan: Plan) -> Ledger:
        """What is done and what is due."""
        ledger = Ledger(plan.digests())
        ledger.take(self.rows())
        return ledger
