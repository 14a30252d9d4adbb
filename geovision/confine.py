"""Limits of a process that reads files from strangers: memory, time, sizes, and no network.

A process confines itself, once and for good, before it opens anything. What it was reading when it died is
known to whoever watches it (`geovision --untrusted`).
"""

from __future__ import annotations

import ctypes
import math
import os
import platform
import resource
import struct
from dataclasses import dataclass

from geovision.errors import EnvironmentFault, UsageError, redacted

__all__ = ["Confinement", "NotConfined", "confine", "is_confined", "reading"]

CONFINED = "GEOVISION_CONFINED"
"""Variable that tells a command its limits: GiB of memory, seconds, GiB of a file."""
READING_FD = "GEOVISION_READING_FD"
"""Variable with the number of a file descriptor, to which the name of what is being read is written."""
_NAME_BYTES = 4096
_GIB = 1 << 30

# Linux: the audit's number of the machine, and its numbers of socket, io_uring_setup and seccomp.
_MACHINES = {"x86_64": (0xC000003E, 41, 425, 317), "aarch64": (0xC00000B7, 198, 425, 277)}
_LOAD, _EQUAL, _LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | 13  # EACCES
_FOREIGN = 0x40000000  # x86_64's second set of calls
_SET_FILTER, _ALL_THREADS, _NO_NEW_PRIVILEGES = 1, 1, 38

_state = {"confined": False}


class NotConfined(UsageError):
    """Files that are not trusted would be read by a process without limits."""


@dataclass(frozen=True)
class Confinement:
    """What a process may use.

    >>> Confinement(memory_gb=0)
    Traceback (most recent call last):
    ...
    geovision.errors.UsageError: confinement: memory_gb = 0 is no number above 0. Give a larger one.
    """

    memory_gb: float = 8.0
    """Address space, GiB; networks and many threads want more of it than they fill."""
    cpu_s: float = 3600.0
    """Processor time of all threads together."""
    file_gb: float = 64.0
    """Size of any file that is written, GiB."""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not 0 < value < math.inf:
                raise UsageError("confinement", f"{name} = {value} is no number above 0", "Give a larger one")


def is_confined() -> bool:
    """Whether `confine` was called in this process, or in one that it comes from: limits are inherited."""
    limited = resource.getrlimit(resource.RLIMIT_AS)[1] != resource.RLIM_INFINITY
    return _state["confined"] or (CONFINED in os.environ and limited)


def confine(limits: Confinement | None = None) -> None:
    """Set the limits of this process, and take the network from it; neither can be undone.

    Raises:
        EnvironmentFault: this machine cannot take the network from a process.
    """
    limits = limits or Confinement()
    _take_network()
    for what, amount in (
        (resource.RLIMIT_AS, int(limits.memory_gb * _GIB)),
        (resource.RLIMIT_CPU, max(1, round(limits.cpu_s))),
        (resource.RLIMIT_FSIZE, int(limits.file_gb * _GIB)),
        (resource.RLIMIT_CORE, 0),
    ):
        _, most = resource.getrlimit(what)
        least = amount if most == resource.RLIM_INFINITY else min(amount, most)
        resource.setrlimit(what, (least, least))
    _state["confined"] = True
    os.environ[CONFINED] = f"{limits.memory_gb} {limits.cpu_s} {limits.file_gb}"


def reading(name: str) -> None:
    """Note what is being read, where somebody watches."""
    number = os.environ.get(READING_FD)
    if number is not None:
        data = redacted(name).encode("utf-8", "replace")[: _NAME_BYTES - 1]
        os.pwrite(int(number), data.ljust(_NAME_BYTES, b"\0"), 0)


def _take_network() -> None:
    """Sockets of every kind are refused from now on, to all threads and children."""
    known = _MACHINES.get(platform.machine())
    if platform.system() != "Linux" or known is None:
        _cannot(f"{platform.system()} on {platform.machine()} is not known")
        return
    machine, socket, ring, seccomp = known
    steps = (
        (_LOAD, 0, 0, 4),  # the machine
        (_EQUAL, 0, 5, machine),
        (_LOAD, 0, 0, 0),  # the number of the call
        (_LEAST, 3, 0, _FOREIGN),
        (_EQUAL, 2, 0, socket),
        (_EQUAL, 1, 0, ring),  # which can open sockets by itself
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE),
    )
    code = ctypes.create_string_buffer(b"".join(struct.pack("<HBBI", *step) for step in steps))
    program = ctypes.create_string_buffer(struct.pack("@HP", len(steps), ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    failed = libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    if failed or libc.syscall(ctypes.c_long(seccomp), _SET_FILTER, _ALL_THREADS, program):
        _cannot(os.strerror(ctypes.get_errno()))


def _cannot(why: str) -> None:
    raise EnvironmentFault(
        "confinement",
        f"the network cannot be taken from a process here ({why})",
        "Run it in a container without a network, without --untrusted",
    )
