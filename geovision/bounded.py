"""Small text files from anywhere: how long they may be is checked before they are read."""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path
from typing import Any, BinaryIO

from geovision.errors import InputError

__all__ = ["parse_json", "read_bytes", "read_toml", "read_up_to"]

_TOML_BYTES = 4 << 20
_DEEPEST = 64
_BLOCK = 1 << 24


def read_up_to(file: BinaryIO, most: int) -> bytes:
    """The rest of an open file, at most `most` bytes; room is made for what there is, not for the most."""
    size = os.fstat(file.fileno()).st_size
    if size <= most:
        return file.read(size) or file.read(min(most, _BLOCK))
    return file.read(most)


def read_bytes(path: Path, most: int, thing: str, remedy: str) -> bytes:
    """The content of a file of at most `most` bytes; failures are `InputError`s that name the thing."""
    try:
        with path.open("rb") as file:
            data = read_up_to(file, most + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(thing, f"cannot be read ({reason})", remedy) from error
    if len(data) > most:
        raise InputError(thing, f"has over {most:,} bytes", remedy)
    return data


def read_toml(
    path: str | Path, thing: str, remedy: str = "Give the path of a TOML text file"
) -> dict[str, Any]:
    """The tables of a TOML file.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.toml"
    >>> _ = path.write_text("[lidar]\\ndensity = 8")
    >>> read_toml(path, "settings")
    {'lidar': {'density': 8}}
    """
    try:
        found = tomllib.loads(read_bytes(Path(path), _TOML_BYTES, thing, remedy).decode())
    except UnicodeDecodeError as error:
        raise InputError(thing, f"cannot be read ({error})", remedy) from error
    except (ValueError, RecursionError) as error:
        raise InputError(thing, f"is no TOML: {str(error)[:200]}", "Mend the line that is named") from error
    _check_depth(found, thing)
    return found


def _check_depth(value: Any, thing: str) -> None:
    """A key of many steps makes a table so deep that whoever walks over it falls."""
    pending = [(value, 0)]
    while pending:
        item, depth = pending.pop()
        if depth > _DEEPEST:
            raise InputError(thing, f"has tables over {_DEEPEST} deep", "Write it with fewer")
        inner = item.values() if isinstance(item, dict) else item if isinstance(item, list) else ()
        pending += [(one, depth + 1) for one in inner]


def parse_json(text: str | bytes, thing: str, remedy: str = "Check that the file is whole and UTF-8") -> Any:
    """The value of a JSON text; what is none is an `InputError`.

    >>> parse_json("[1, 2", "a")
    Traceback (most recent call last):
    ...
    geovision.errors.InputError: a: is not valid JSON (Expecting ',' delimiter: line 1 column 6 (char 5))...
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(thing, f"is not valid JSON ({error})", remedy) from error
