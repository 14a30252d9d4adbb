"""Folders that are either whole or not there."""

from __future__ import annotations

import ctypes
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from geovision.errors import OutputError

__all__ = ["publish_folder"]

MARKER = "index.json"


@contextmanager
def publish_folder(out: str | Path, *, overwrite: bool) -> Iterator[Path]:
    """Yield a new folder beside `out` that takes its name when the block ends without an error.

    After an error or a kill, `out` is what it was. A folder that exists is only ever replaced where the
    caller says so and it holds an index.json, the mark of an earlier result; an empty one is filled.
    """
    try:
        target = Path(out).resolve()
        _check_target(target, overwrite=overwrite)
    except (OSError, RuntimeError) as error:  # a loop of links is a RuntimeError before Python 3.13
        raise OutputError(f"output {out}", f"cannot be looked at ({error})", _REMEDY) from error
    temporary = target.with_name(f".{target.name[:100]}.{secrets.token_hex(6)}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary.mkdir()
    except OSError as error:
        raise OutputError(f"output {out}", f"cannot be made ({error.strerror})", _REMEDY) from error
    try:
        yield temporary
        _swap(temporary, target)
    except OSError as error:
        raise OutputError(f"output {out}", f"cannot be written ({error})", _REMEDY) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


_REMEDY = "Check that the folder above it may be written to and has space"


def _check_target(target: Path, *, overwrite: bool) -> None:
    if not target.exists():
        return
    if not target.is_dir():
        raise OutputError(f"output {target}", "is a file", "Give the name of a folder")
    if not any(target.iterdir()):
        return
    if not overwrite:
        raise OutputError(
            f"output {target}", "exists already", "Give another folder, or allow overwrite (--overwrite)"
        )
    if not (target / MARKER).is_file():
        raise OutputError(
            f"output {target}",
            f"has no {MARKER}, so it is no earlier result",
            "Give another folder, or remove it yourself",
        )


def _swap(temporary: Path, target: Path) -> None:
    if not target.exists():
        temporary.rename(target)
        return
    if _exchange(temporary, target):
        shutil.rmtree(temporary, ignore_errors=True)
        return
    old = target.with_name(f".{target.name[:100]}.{secrets.token_hex(6)}.old")
    target.rename(old)
    try:
        temporary.rename(target)
    except OSError:
        old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _exchange(one: Path, other: Path) -> bool:
    """Let two folders swap names in one step; False where the system or the file system cannot.

    With it there is no moment at which neither the old nor the new result has the name.
    """
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    here, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    return bool(rename(here, os.fsencode(one), here, os.fsencode(other), exchange) == 0)
