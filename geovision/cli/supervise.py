"""A command in a child process with limits, and what its end means."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence

from geovision.confine import CONFINED, READING_FD, Confinement
from geovision.errors import InputError

__all__ = ["run_confined"]

# Drivers that name other files, run code or ask servers: the child does not even have them.
_NO_DRIVERS = (
    *(
        "VRT",
        "OGR_VRT",
        "GTI",
        "HTTP",
        "WMS",
        "WMTS",
        "WCS",
        "TMS",
        "DAAS",
        "EEDA",
        "EEDAI",
        "PLMOSAIC",
        "NGW",
    ),
    *("OAPIF", "WFS", "CSW", "Elasticsearch", "CARTO", "AmigoCloud", "GMLAS", "PLSCENES", "STACTA", "STACIT"),
    *("DERIVED", "Zarr", "MEM", "ENVI", "EHdr", "RAW", "GenBin", "PostgreSQL", "MySQL", "ODBC", "PGDUMP"),
)


def run_confined(arguments: Sequence[str], limits: Confinement) -> int:
    """Run a command line in a child process and return its exit code.

    Raises:
        InputError: the child was ended by a signal; the error names what it was reading.
    """
    with tempfile.TemporaryFile() as note:
        environment = {
            **os.environ,
            CONFINED: f"{limits.memory_gb} {limits.cpu_s} {limits.file_gb}",
            READING_FD: str(note.fileno()),
            "GDAL_SKIP": " ".join(_NO_DRIVERS),
            "OGR_SKIP": ",".join(_NO_DRIVERS),
        }
        done = subprocess.run(
            [sys.executable, "-m", "geovision", *arguments],
            env=environment,
            pass_fds=(note.fileno(),),
            check=False,
        )
        name = os.pread(note.fileno(), 4096, 0).rstrip(b"\0").decode("utf-8", "replace")
    if done.returncode >= 0:
        return done.returncode
    raise InputError(name or "a source", *_end(-done.returncode, limits))


def _end(number: int, limits: Confinement) -> tuple[str, str]:
    """Problem and remedy of a child that a signal ended."""
    remedy = (
        "Leave the file out, or get it again; if it is sound, give more with --max-cpu-s or --max-memory-gb"
    )
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    if number == signal.SIGXCPU or (
        number == signal.SIGKILL and spent.ru_utime + spent.ru_stime >= limits.cpu_s
    ):
        return f"took over {limits.cpu_s:g} s of processor time while it was read", remedy
    if number == signal.SIGXFSZ:
        return f"made a file of over {limits.file_gb:g} GiB", "Raise the limit"
    name = signal.Signals(number).name if number in {item.value for item in signal.Signals} else str(number)
    return f"the process that read it was ended by {name}", remedy
