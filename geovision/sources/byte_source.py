"""Opens a local file, or one behind a URI, for reading bytes at any place."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from geovision.errors import InputError
from geovision.sources.remote_files import is_uri, open_remote

__all__ = ["byte_size", "open_bytes"]


@contextlib.contextmanager
def open_bytes(name: str, thing: str, version: str | None = None) -> Iterator[BinaryIO]:
    """The file as a seekable binary stream; `thing` is what an error calls it. A URI is checked before.

    `version` is what a remote file was when it was first opened (`version_of`): another one is an error.
    """
    try:
        with open_remote(name, version) if is_uri(name) else Path(name).open("rb") as file:
            yield file
    except OSError as error:
        reason = error.strerror or str(error)
        remedy = "Check the address and the rights" if is_uri(name) else "Check the path and its permissions"
        raise InputError(thing, f"cannot be read ({reason})", remedy) from error


def byte_size(file: BinaryIO) -> int:
    """Bytes of an open file."""
    return file.seek(0, 2)
