"""Files that are read whole or line by line: how long they may be is checked before they are read."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from geovision.errors import InputError

__all__ = ["check_size", "parse_json", "read_bytes", "read_lines", "read_toml", "read_up_to"]

_TOML_BYTES = 4 << 20
_DEEPEST = 64
_BLOCK = 1 << 24
_LINE_BYTES = 64 << 20
"""A line is held whole, and its objects take some ten times as much."""


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


def check_size(path: Path, most: int, thing: str, remedy: str) -> None:
    """Refuse a file of over `most` bytes, for readers that take it whole or make lists of all of it."""
    try:
        size = path.stat().st_size
    except OSError as error:
        raise InputError(thing, f"cannot be read ({error.strerror})", "Check the path") from error
    if size > most:
        raise InputError(thing, f"has over {most:,} bytes", remedy)


def read_lines(file: BinaryIO, thing: str, most: int = _LINE_BYTES) -> Iterator[bytes]:
    """The lines of an open file, with their ends; one of over `most` bytes is an `InputError`.

    >>> import io
    >>> list(read_lines(io.BytesIO(b"a\\nb"), "file"))
    [b'a\\n', b'b']
    """
    number = 1
    while line := file.readline(most + 1):
        if len(line) > most:
            raise InputError(f"{thing}, line {number}", f"has over {most:,} bytes", "Write a line an object")
        yield line
        number += 1


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
