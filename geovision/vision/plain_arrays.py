"""Archives of plain arrays (.npz) from anywhere: sizes are checked before anything is unpacked."""

from __future__ import annotations

import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision.errors import InputError

__all__ = ["read_plain_arrays"]

_MOST_FILE_BYTES = 16 << 30
_MOST_ENTRIES = 20_000
_MOST_EXPANSION = 1_000
"""Unpacked bytes per stored byte, of archives that unpack to more than 64 MiB: deflate reaches 1,032."""
_SMALL = 64 << 20


def read_plain_arrays(path: Path, what: str, remedy: str) -> dict[str, NDArray[Any]]:
    """The arrays of a file by name, without pickle; `what` it should be stands in the error, as "tile"."""
    try:
        # Opened here, because NumPy leaves a torn file open.
        with path.open("rb") as raw:
            _check_size(raw, path, what, remedy)
            raw.seek(0)
            with np.load(raw, allow_pickle=False) as archive:
                return {name: archive[name] for name in archive.files}
    except (
        OSError,
        ValueError,
        TypeError,
        KeyError,
        EOFError,
        SyntaxError,
        AttributeError,
        MemoryError,
        NotImplementedError,  # a compression that zipfile lacks
        RuntimeError,  # an encrypted entry
        tokenize.TokenError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise InputError(str(path), f"is no {what} ({_line(error)})", remedy) from error


def _check_size(raw: Any, path: Path, what: str, remedy: str) -> None:
    size = raw.seek(0, 2)
    if size > _MOST_FILE_BYTES:
        raise InputError(str(path), f"has {size:,} bytes, too many for a {what}", remedy)
    raw.seek(0)
    with zipfile.ZipFile(raw) as archive:
        entries = archive.infolist()
        unpacked = sum(entry.file_size for entry in entries)
    if len(entries) > _MOST_ENTRIES or (unpacked > _SMALL and unpacked > _MOST_EXPANSION * size):
        problem = f"claims {len(entries):,} arrays of {unpacked:,} bytes in {size:,} bytes"
        raise InputError(str(path), problem, remedy)


def _line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
