"""Ctrl-C that does not get lost."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["check_interrupt", "interrupted", "remember_interrupts", "stop_request"]

_seen = threading.Event()


@contextmanager
def remember_interrupts() -> Iterator[None]:
    """While the block runs, Ctrl-C raises KeyboardInterrupt as ever, and is remembered.

    Libraries drop exceptions that arise in the Python code that they call back, or raise their own in
    their place: NumPy does where it asks an operand for its attributes. `check_interrupt` raises again what
    was dropped.
    """
    _seen.clear()
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield  # signals are not ours to handle
        return
    signal.signal(signal.SIGINT, _handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def interrupted() -> bool:
    """Whether Ctrl-C came since `remember_interrupts` began."""
    return _seen.is_set()


def check_interrupt() -> None:
    """Raise KeyboardInterrupt where Ctrl-C came and nothing has ended for it."""
    if interrupted():
        raise KeyboardInterrupt


@contextmanager
def stop_request() -> Iterator[Callable[[], bool]]:
    """For jobs that save where they are: yields a function that says whether Ctrl-C or SIGTERM has come.

    The first one only asks; a second Ctrl-C ends the command as ever.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False  # signals are not ours to handle
        return
    asked = threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def ask(number: int, frame: FrameType | None) -> None:
        asked.set()
        for known, handler in before.items():
            signal.signal(known, handler)

    for number in before:
        signal.signal(number, ask)
    try:
        yield asked.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _handle(number: int, frame: FrameType | None) -> None:
    _seen.set()
    signal.default_int_handler(number, frame)
