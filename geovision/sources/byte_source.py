"""Opens a local file, or one in an object store, for reading bytes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

from geovision.errors import EnvironmentFault, InputError

__all__ = ["byte_size", "open_bytes"]


@contextlib.contextmanager
def open_bytes(name: str, thing: str) -> Iterator[BinaryIO]:
    """The file as a seekable binary stream; `thing` is what an error calls it."""
    with contextlib.ExitStack() as stack:
        try:
            if "://" in name:
                file = stack.enter_context(_remote(name, thing))
            else:
                file = stack.enter_context(Path(name).open("rb"))
        except OSError as error:
            reason = error.strerror or str(error)
            raise InputError(
                thing, f"cannot be opened ({reason})", "Check the path and its permissions"
            ) from error
        yield cast(BinaryIO, file)


def byte_size(file: BinaryIO) -> int:
    """Bytes of an open file."""
    return file.seek(0, 2)


def _remote(name: str, thing: str) -> Any:
    try:
        import fsspec
    except ImportError as error:
        raise EnvironmentFault(
            thing, "reading a URI needs fsspec", "Install geovision[cloud], or fetch the file first"
        ) from error
    try:
        return fsspec.open(name, "rb")
    except (ValueError, ImportError) as error:
        raise EnvironmentFault(
            thing, f"the URI cannot be opened ({error})", "Install the driver that it names"
        ) from error
