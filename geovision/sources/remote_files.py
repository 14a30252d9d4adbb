"""Files behind URIs, fetched whole to a local name for the time that they are read."""

from __future__ import annotations

import contextlib
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from geovision.errors import InputError

__all__ = ["is_uri", "local_copy"]

SCHEMES = ("s3", "gs", "az", "http", "https")
_BLOCK = 1 << 20
_TIMEOUT_S = 60


def is_uri(path: str | Path) -> bool:
    """Whether the text is a URI and not a local path."""
    return "://" in str(path)


@contextlib.contextmanager
def local_copy(uri: str, *, allow_network: bool, limit: int) -> Iterator[Path]:
    """A local file with the content and the suffix of the URI; it is removed when the block ends.

    Object stores are reached through pyarrow, which takes credentials from the environment as their own
    tools do; web servers through Python itself.

    Args:
        uri: s3://, gs://, az://, http:// or https://.
        allow_network: must be True: nothing is fetched unasked.
        limit: bytes that are fetched at most.
    """
    scheme, _, rest = uri.partition("://")
    thing = f"file {uri}"
    if scheme not in SCHEMES:
        raise InputError(thing, f"the scheme {scheme!r} is not known", f"Use one of {', '.join(SCHEMES)}")
    if not allow_network:
        raise InputError(
            thing,
            "reading over the network is off",
            "Allow it with allow_network=True (--allow-network), or fetch the file first",
        )
    name = Path(urllib.parse.urlsplit(uri).path or rest).name or "file"
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / name
        try:
            with _opened(uri, scheme, rest) as source, target.open("wb") as file:
                _copy(source, file, limit, thing)
        except (OSError, urllib.error.URLError) as error:
            raise InputError(
                thing, f"cannot be fetched ({error})", "Check the address and the rights"
            ) from error
        yield target


def _opened(uri: str, scheme: str, rest: str) -> Any:
    if scheme in ("http", "https"):
        return urllib.request.urlopen(uri, timeout=_TIMEOUT_S)
    import pyarrow.fs

    names = {"s3": "s3", "gs": "gs", "az": "abfs"}
    store, path = pyarrow.fs.FileSystem.from_uri(f"{names[scheme]}://{rest}")
    return store.open_input_stream(path)


def _copy(source: Any, file: Any, limit: int, thing: str) -> None:
    expected = getattr(source, "length", None)
    copied = 0
    while block := source.read(_BLOCK):
        copied += len(block)
        if copied > limit:
            raise InputError(
                thing, f"has over {limit:,} bytes", "Raise limits.file_bytes, or give a smaller file"
            )
        file.write(block)
    if isinstance(expected, int) and copied < expected:
        raise InputError(
            thing, f"ended after {copied:,} of {expected:,} bytes", "Try again: the connection was cut"
        )
