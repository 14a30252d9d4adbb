"""Folders that are either whole or not there."""

from __future__ import annotations

import ctypes
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from geovision.bounded import parse_json, read_bytes
from geovision.errors import GeovisionError, OutputError

__all__ = ["publish_folder"]

MARKER = "index.json"
_MOST_BYTES = 256 << 20


@contextmanager
def publish_folder(
    out: str | Path, *, overwrite: bool, schema: str, reads: Iterable[str | Path] = ()
) -> Iterator[Path]:
    """Yield a new folder beside `out` that takes its name when the block ends without an error.

    After an error or a kill, `out` is what it was. A folder that exists is only ever replaced where the
    caller says so, it holds the index.json of an earlier result of the same kind, and nothing that is read;
    an empty one is filled.

    Args:
        out: the folder.
        overwrite: replace an earlier result.
        schema: of the index.json that the block writes; any version of it is an earlier result.
        reads: local files and folders that the result is made from.
    """
    try:
        target = Path(out).resolve()
        _check_target(target, schema, reads, overwrite=overwrite)
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


def _check_target(target: Path, schema: str, reads: Iterable[str | Path], *, overwrite: bool) -> None:
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
        raise OutputError(f"output {target}", f"has no {MARKER}, so it is no earlier result", _OTHER)
    kind, found = schema.partition("/")[0], _schema(target / MARKER)
    if found.partition("/")[0] != kind:
        told = f"is of {found!r}, so it is no earlier result of {kind}"
        raise OutputError(f"output {target}", f"its {MARKER} {told}", _OTHER)
    for name in reads:
        if Path(name).resolve().is_relative_to(target):
            raise OutputError(f"output {target}", f"holds {name}, which is read for it", _OTHER)


_OTHER = "Give another folder, or remove it yourself"


def _schema(index: Path) -> str:
    try:
        thing = f"index {index}"
        found = parse_json(read_bytes(index, _MOST_BYTES, thing, _OTHER), thing)
    except GeovisionError:
        return ""
    return str(found.get("schema", "")) if isinstance(found, dict) else ""


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
