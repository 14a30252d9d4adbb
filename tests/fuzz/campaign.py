"""Feeds children with numbers of inputs, and blames each death on the input that was being read."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
LONGEST_WAIT_S = 180
"""On the wall; children count processor time by themselves."""
GOOD = ("read", "refused")


@dataclass
class Tally:
    """What a reader's inputs came to."""

    counts: Counter[str] = field(default_factory=Counter)
    found: list[dict[str, Any]] = field(default_factory=list)
    slowest: float = 0.0


class Child:
    """One process that reads."""

    def __init__(self, reader: str, seed: int) -> None:
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2", "PYTHONHASHSEED": "0"}
        shm = Path("/dev/shm")
        if shm.is_dir() and os.access(shm, os.W_OK):
            environment["TMPDIR"] = str(shm)
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (it lives as long as the child)
        self.process = subprocess.Popen(
            [sys.executable, "-X", "faulthandler", "-m", "tests.fuzz.child", reader, str(seed)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            cwd=ROOT,
            env=environment,
        )
        if self._line() != b"ready\n":
            self.process.kill()
            raise RuntimeError(f"{reader}: no child: {self.log()[-2000:]}")

    def _line(self) -> bytes:
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], LONGEST_WAIT_S)
        return self.process.stdout.readline() if ready else b""

    def read(self, number: int) -> dict[str, Any]:
        """The outcome of an input; of one that ends the child, how it ended."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(f"{number}\n".encode())
            self.process.stdin.flush()
        except BrokenPipeError:
            pass
        line = self._line()
        if line.endswith(b"\n"):
            found: dict[str, Any] = json.loads(line.split(b" ", 1)[1])
            return found
        self.process.kill()
        code = self.process.wait()
        what = "hung" if -code in (27, 9) else "crashed"
        return {"what": what, "text": f"exit {code}", "where": self.log()[-600:]}

    def log(self) -> str:
        """What it said on stderr."""
        self._log.seek(0)
        return self._log.read().decode("utf-8", "replace")

    def close(self) -> None:
        """End it."""
        with self.process:
            assert self.process.stdin is not None
            with contextlib.suppress(BrokenPipeError):
                self.process.stdin.close()
        self._log.close()


def run(reader: str, seed: int, numbers: range, per_child: int = 400) -> Iterator[tuple[int, dict[str, Any]]]:
    """The outcome of each input."""
    child: Child | None = None
    done = 0
    for number in numbers:
        if child is None:
            child, done = Child(reader, seed), 0
        found = child.read(number)
        yield number, found
        done += 1
        if found["what"] in ("hung", "crashed") or done >= per_child:
            child.close()
            child = None
    if child is not None:
        child.close()


def tally(reader: str, seed: int, numbers: range) -> Tally:
    """All outcomes of a reader together."""
    result = Tally()
    for number, found in run(reader, seed, numbers):
        result.counts[found["what"]] += 1
        result.slowest = max(result.slowest, found.get("seconds", 0.0))
        if found["what"] not in GOOD:
            result.found.append({"reader": reader, "seed": seed, "number": number, **found})
    return result
