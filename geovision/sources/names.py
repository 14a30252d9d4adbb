"""Names of inputs: what may be a path, and where it may lead."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from geovision.errors import InputError, short

__all__ = ["check_name", "check_root", "leads_away"]

_LONGEST = 4096
_LONGEST_PART = 255


def check_name(name: str, thing: str) -> None:
    """Raise an `InputError` where a text cannot be the name of a file, before a file system is asked."""
    try:
        data = os.fsencode(name)
    except UnicodeEncodeError:
        data = b"\0"
    if b"\0" in data or len(data) > _LONGEST or max(map(len, data.split(b"/"))) > _LONGEST_PART:
        raise InputError(thing, f"{short(name)} is no name of a file", "Give the path of a file")


def check_root(path: str, roots: Sequence[str], thing: str) -> None:
    """Raise an `InputError` where a local path, links followed, lies below none of the allowed roots."""
    if not roots:
        return
    real = Path(path).resolve()
    if not any(real.is_relative_to(Path(root).resolve()) for root in roots):
        raise InputError(
            thing,
            f"{real} lies outside of the folders that may be read ({', '.join(map(str, roots))})",
            "Allow its folder: roots under [allow], or --root",
        )


def leads_away(path: Path, folder: Path) -> bool:
    """Whether a name of a folder leads out of it: by itself, or by a link."""
    if ".." not in path.parts and path.is_relative_to(folder):
        here = path
        while here != folder and not here.is_symlink():
            here = here.parent
        if here == folder:
            return False
    try:
        return not path.resolve().is_relative_to(folder.resolve())
    except (OSError, ValueError, RuntimeError):  # a name that is none, or a circle of links
        return True
