"""Folders of tiles: sealed with checksums of their files, published by one rename, and checked."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from geovision.errors import OutputError

__all__ = ["SEAL", "Made", "Sealed", "check_sealed", "drop", "file_hash", "publish", "seal"]

SEAL = "checksums.json"


@dataclass(frozen=True)
class Made:
    """What a job says of a tile that it has done."""

    buildings: int = 0
    problems: int = 0


@dataclass(frozen=True)
class Sealed(Made):
    """The same, with what lies in the folder."""

    files: dict[str, tuple[str, int]] = field(default_factory=dict)
    """SHA-256 and size by name."""


def seal(folder: Path, made: Made) -> Sealed | None:
    """Force all files to disk and write their checksums beside them, after reading each back.

    None where the job has written nothing: such a tile leaves no folder.
    """
    found: dict[str, tuple[str, int]] = {}
    folders = [folder]
    for path in sorted(folder.rglob("*")):
        if path.is_dir():
            folders.append(path)
            continue
        _sync(path)
        found[path.relative_to(folder).as_posix()] = file_hash(path), path.stat().st_size
    if not found:
        return None
    facts = {"buildings": made.buildings, "problems": made.problems}
    files = {name: {"sha256": digest, "bytes": size} for name, (digest, size) in found.items()}
    text = json.dumps({"schema": "geovision.batch.tile/1", **facts, "files": files}, indent=1) + "\n"
    (folder / SEAL).write_text(text, encoding="utf-8")
    _sync(folder / SEAL)
    for path in folders:
        _sync(path)
    sealed = check_sealed(folder)
    if sealed is None or sealed.files != found:
        raise OutputError(str(folder), "does not read back as it was written", "Check the disk")
    return sealed


def check_sealed(folder: Path) -> Sealed | None:
    """What a sealed folder holds; None where a file is missing, changed, or none of its."""
    try:
        stated = json.loads((folder / SEAL).read_bytes())
        files = {name: (str(one["sha256"]), int(one["bytes"])) for name, one in stated["files"].items()}
        made = int(stated["buildings"]), int(stated["problems"])
        there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
        if there != {*files, SEAL}:
            return None
        for name, (digest, size) in files.items():
            if (folder / name).stat().st_size != size or file_hash(folder / name) != digest:
                return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return Sealed(*made, files)


def publish(temporary: Path, target: Path) -> None:
    """Give a sealed folder its name, for good: also if the power goes."""
    os.rename(temporary, target)  # noqa: PTH104  # refuses a target that is there, as Path.replace may not
    for above in list(target.absolute().parents)[:3]:
        _sync(above)


def drop(folder: Path) -> None:
    """Remove a folder that is of no use, so that at no moment half of it has its name."""
    if not folder.exists():
        return
    doomed = folder.with_name(f".{folder.name.lstrip('.')}.doomed.tmp")
    shutil.rmtree(doomed, ignore_errors=True)
    with contextlib.suppress(FileNotFoundError):
        folder.rename(doomed)
    shutil.rmtree(doomed, ignore_errors=True)


def file_hash(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        # Some network file systems refuse it for folders.
        with contextlib.suppress(OSError) if path.is_dir() else contextlib.nullcontext():
            os.fsync(handle)
    finally:
        os.close(handle)
