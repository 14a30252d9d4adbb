"""How long the stages of a job take."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar, cast

__all__ = ["Timings"]

Item = TypeVar("Item")


class Timings:
    """Seconds by stage, of wall and of processor time; a stage within another is not counted twice."""

    def __init__(self) -> None:
        self.wall: defaultdict[str, float] = defaultdict(float)
        self.cpu: defaultdict[str, float] = defaultdict(float)
        self._inner = [(0.0, 0.0)]

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the time of the block for a stage."""
        wall, cpu = time.perf_counter(), time.process_time()
        self._inner.append((0.0, 0.0))
        try:
            yield
        finally:
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            inner = self._inner.pop()
            self.wall[name] += wall - inner[0]
            self.cpu[name] += cpu - inner[1]
            outer = self._inner[-1]
            self._inner[-1] = (outer[0] + wall, outer[1] + cpu)

    def each(self, name: str, items: Iterator[Item]) -> Iterator[Item]:
        """The items, with the time it takes to make them counted for a stage."""
        nothing = object()
        while True:
            with self.stage(name):
                item = next(items, nothing)
            if item is nothing:
                return
            yield cast(Item, item)

    def to_dict(self) -> dict[str, dict[str, float]]:
        """Plain values, for JSON."""
        return {
            name: {"seconds": round(self.wall[name], 3), "cpu_seconds": round(self.cpu[name], 3)}
            for name in self.wall
        }
