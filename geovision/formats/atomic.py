"""Files that are either whole or not there."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from geovision.errors import OutputError

__all__ = ["atomic_path", "atomic_write"]


@contextlib.contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Yield a binary file that takes the name `path` only when the block ends without an error.

    The bytes go to a temporary name in the same folder, are forced to disk, and one rename publishes
    them. After an error, or a kill at any moment, `path` is what it was before.

    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "tile.glb"
    >>> with atomic_write(target) as file:
    ...     _ = file.write(b"glTF")
    >>> target.read_bytes()
    b'glTF'
    """
    with atomic_path(path) as temporary, temporary.open("xb") as file:
        yield file


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Like `atomic_write`, for libraries that write to a name and not to a file: yields the temporary name.

    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "dsm.tif"
    >>> with atomic_path(target) as name:
    ...     _ = name.write_bytes(b"II*")
    >>> target.read_bytes()
    b'II*'
    """
    target = Path(path)
    # The suffix stays last, for libraries that look at it.
    temporary = target.with_name(f".{target.stem[:100]}.{secrets.token_hex(6)}.tmp{target.suffix}")
    if target.is_dir():
        # Said before anything is written, and before any other file of a set is published.
        raise OutputError(str(target), "is a folder", "Give the name of a file")
    try:
        yield temporary
        handle = os.open(temporary, os.O_RDWR)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        temporary.replace(target)
        _sync_folder(target.parent)
    except OSError as error:
        raise OutputError(str(target), f"cannot be written ({error.strerror or error})", _REMEDY) from error
    finally:
        temporary.unlink(missing_ok=True)


_REMEDY = "Check that the folder exists, may be written to and has space"


def _sync_folder(folder: Path) -> None:
    # Without this the rename itself may be lost with the power. Some network filesystems refuse it.
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
