"""Batches that are ready when they are needed."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from types import TracebackType
from typing import Any

from geovision.vision.train.task import Batch, Source

__all__ = ["Prefetch"]

_held: dict[str, Source] = {}


def _hold(source: Source) -> None:
    _held["source"] = source


def _batch(step: int) -> Batch:
    return _held["source"].batch(step)


class Prefetch(Iterator[Batch]):
    """Batches first, first + 1, ... last - 1 in their order, prepared ahead by workers.

    Use as a context manager. Threads are enough where preparing seldom holds the interpreter's lock;
    processes are for many cores. Neither changes a batch.

    Args:
        source: of the batches.
        first: number of the first.
        last: number after the last.
        workers: how many; 0 prepares each batch when it is asked for.
        ahead: how many batches may wait.
        processes: workers are processes.
    """

    def __init__(
        self,
        source: Source,
        first: int,
        last: int,
        *,
        workers: int = 1,
        ahead: int = 4,
        processes: bool = False,
    ) -> None:
        self.waited_s = 0.0
        """Seconds in which nothing was ready."""
        self._source, self._numbers = source, iter(range(first, last))
        self._queue: deque[Future[Batch]] = deque()
        self._ahead = max(ahead, workers)
        self._call: Any = _batch if processes else source.batch
        self._pool: Executor | None = None
        if workers and processes:
            context = get_context("spawn")
            self._pool = ProcessPoolExecutor(workers, context, initializer=_hold, initargs=(source,))
        elif workers:
            self._pool = ThreadPoolExecutor(workers, thread_name_prefix="batches")

    def __enter__(self) -> Prefetch:
        self._fill()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def __next__(self) -> Batch:
        started = time.perf_counter()
        try:
            if self._pool is None:
                return self._source.batch(next(self._numbers))
            if not self._queue:
                raise StopIteration
            batch = self._queue.popleft().result()
            self._fill()
            return batch
        finally:
            self.waited_s += time.perf_counter() - started

    def _fill(self) -> None:
        while self._pool is not None and len(self._queue) < self._ahead:
            number = next(self._numbers, None)
            if number is None:
                return
            self._queue.append(self._pool.submit(self._call, number))
