"""Source files and how a changed one is known: by its bytes, or by its size and time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from geovision.batch.plan_file import Plan
from geovision.batch.sealing import file_hash
from geovision.errors import InputError

__all__ = ["check_source", "check_unchanged", "fingerprint", "mark_of"]


def fingerprint(
    name: str, how: Literal["content", "stat"], known: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """Name, size, time and mark of a source.

    A file whose size and time are those of `known` is not read again.

    Args:
        name: a path; a folder of tiles counts with all that is in it. A URI is known by the size and the tag
            (ETag, else date) that its server states.
        how: by what it is known.
        known: fingerprints of an earlier plan by name.
    """
    if "://" in name:
        return {"name": name, "remote": True, "mark": f"version:{_version(name)}"}
    path = Path(name)
    stat = _stat(path)
    before = known.get(name, {})
    if how == "stat":
        mark = "stat:" + json.dumps(stat)
    elif all(before.get(key) == value for key, value in stat.items()) and _is_content(before.get("mark")):
        mark = str(before["mark"])
    else:
        mark = "sha256:" + (file_hash(path) if path.is_file() else _folder_hash(path))
    return {"name": name, **stat, "mark": mark}


def mark_of(found: Mapping[str, Any]) -> str:
    """What of a fingerprint decides bytes: not where the file lies, nor its age if its content is known."""
    return str(found["mark"])


def check_unchanged(plan: Plan, names: Iterable[str] | None = None) -> None:
    """Refuse sources that are not as they were when the run was planned.

    Those behind URIs are left to the workers, each of which asks for those that its tile reads.

    Args:
        plan: with their fingerprints.
        names: only these.
    """
    wanted = None if names is None else set(names)
    for source in plan.sources:
        if not source.get("remote") and (wanted is None or source["name"] in wanted):
            check_source(source)


def check_source(source: Mapping[str, Any]) -> None:
    """Refuse a source whose size, time or tag has changed since it was looked at."""
    name = str(source["name"])
    found: dict[str, Any] = (
        {"mark": f"version:{_version(name)}"} if source.get("remote") else dict(_stat(Path(name)))
    )
    if any(source[key] != value for key, value in found.items()):
        raise InputError(
            f"source {name}",
            "has changed since the run was planned",
            "Plan again: only tiles that it touches are done again",
        )


def _version(uri: str) -> str:
    from geovision.sources.remote_files import open_remote, version_of

    try:
        with open_remote(uri) as file:
            return version_of(file)
    except OSError as error:
        raise InputError(
            f"source {uri}", f"cannot be looked at ({error})", "Check the address and the rights"
        ) from error


def _is_content(mark: Any) -> bool:
    return isinstance(mark, str) and mark.startswith("sha256:")


def _stat(path: Path) -> dict[str, int]:
    try:
        if path.is_dir():
            stats = [one.stat() for one in sorted(path.rglob("*")) if one.is_file()]
            return {
                "bytes": sum(one.st_size for one in stats),
                "time_ns": max((one.st_mtime_ns for one in stats), default=0),
            }
        stat = path.stat()
    except OSError as error:
        raise InputError(
            f"source {path}", f"cannot be looked at ({error.strerror})", "Check the path and the rights"
        ) from error
    return {"bytes": stat.st_size, "time_ns": stat.st_mtime_ns}


def _folder_hash(path: Path) -> str:
    import hashlib

    whole = hashlib.sha256()
    for one in sorted(path.rglob("*")):
        if one.is_file():
            whole.update(f"{one.relative_to(path).as_posix()}\0{file_hash(one)}\n".encode())
    return whole.hexdigest()
