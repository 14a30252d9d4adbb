"""Locks that refuse two supervisors on one run, and end with their process however it ends."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import platform
from collections.abc import Iterator
from pathlib import Path

from geovision.errors import EnvironmentFault, OutputError, UsageError

__all__ = ["locked"]


@contextlib.contextmanager
def locked(path: Path, what: str, *, shared: bool = False) -> Iterator[None]:
    """Hold a lock file while the block runs; refuse where another process has it.

    The lock is the system's (flock), so it is gone with its holder, even after kill -9. What the file says is
    for people.

    Args:
        path: the lock file; it stays.
        what: names the thing in errors.
        shared: others may hold it shared too.
    """
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise OutputError(what, f"cannot be locked ({error.strerror})", "Check the rights") from error
    try:
        _take(handle, path, what, shared=shared)
        if not shared:
            holder = {"pid": os.getpid(), "host": platform.node()}
            with contextlib.suppress(OSError):  # a full disk does not matter to the lock
                os.ftruncate(handle, 0)
                os.pwrite(handle, json.dumps(holder).encode(), 0)
        yield
    finally:
        os.close(handle)


def _take(handle: int, path: Path, what: str, *, shared: bool) -> None:
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            raise UsageError(
                what,
                f"is in use{_holder(handle)}",
                "Wait for it, stop it, or see what it does: geovision batch status",
            ) from error
        raise EnvironmentFault(
            f"lock {path}",
            f"cannot be taken ({error.strerror})",
            "Put the run folder where files can be locked (Lustre: mount with -o flock)",
        ) from error


def _holder(handle: int) -> str:
    try:
        found = json.loads(os.pread(handle, 1000, 0))
        return f" by process {int(found['pid'])} on {str(found['host'])[:80]}"
    except (OSError, ValueError, KeyError, TypeError):
        return ""
