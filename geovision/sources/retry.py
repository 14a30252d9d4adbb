"""Which faults of a network pass by themselves, and how long one waits for that."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

__all__ = ["TRANSIENT_STATUS", "Transient", "persist", "wait_asked"]

TRANSIENT_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers that a later try may not get. All others (401, 403, 404, 412 ...) are final."""
TRIES = 5
PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0

Result = TypeVar("Result")


class Transient(OSError):
    """A throttle, a time-out, a connection that was cut: it may go better the next time.

    Args:
        problem: what happened.
        wait_s: how long the server asks to be left alone (Retry-After).
    """

    def __init__(self, problem: str, wait_s: float = 0.0) -> None:
        super().__init__(problem)
        self.wait_s = wait_s


def persist(fetch: Callable[[], Result]) -> Result:
    """What `fetch` returns; a `Transient` fault is tried again, 5 tries in all, others are raised at once.

    Pauses double from half a second. Each is drawn anew between half and the whole of it, so that a thousand
    workers that were turned away together do not come back together.
    """
    for tries in range(1, TRIES + 1):
        try:
            return fetch()
        except Transient as error:
            if tries == TRIES:
                raise OSError(f"{error}; {tries} tries") from error
            time.sleep(pause(tries, error.wait_s))
    raise AssertionError("the last try returns or raises")


def pause(tries: int, wait_s: float = 0.0) -> float:
    """Seconds until the next try."""
    longest = min(PAUSE_S * 2 ** (tries - 1), LONGEST_PAUSE_S)
    return max(min(wait_s, LONGEST_PAUSE_S), random.uniform(longest / 2, longest))


def wait_asked(header: str | None) -> float:
    """Seconds of a Retry-After header; 0 where it has none, or a date, which needs clocks that agree."""
    try:
        return max(0.0, float(header or 0))
    except ValueError:
        return 0.0
