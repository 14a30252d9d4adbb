"""Files behind URIs: who may be asked, and how their bytes come. Rasters go through GDAL instead."""

from __future__ import annotations

import contextlib
import io
import tempfile
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from geovision.errors import InputError
from geovision.sources.http_file import HttpFile

__all__ = ["check_uri", "is_uri", "local_copy", "open_remote"]

SCHEMES = ("s3", "gs", "az", "http", "https")
_BLOCK = 8 << 20
_BUFFER = 256 << 10


def is_uri(path: str | Path) -> bool:
    """Whether the text is a URI and not a local path."""
    return "://" in str(path)


def check_uri(uri: str, thing: str, *, allow_network: bool) -> tuple[str, str]:
    """Scheme and rest of a URI that may be read; nothing is fetched unasked."""
    scheme, _, rest = uri.partition("://")
    if scheme not in SCHEMES:
        raise InputError(thing, f"the scheme {scheme!r} is not known", f"Use one of {', '.join(SCHEMES)}")
    if not allow_network:
        raise InputError(
            thing,
            "reading over the network is off",
            "Allow it with allow_network=True (--allow-network), or fetch the file first",
        )
    return scheme, rest


def open_remote(uri: str) -> BinaryIO:
    """A seekable binary stream of a checked URI; failures are `OSError`.

    Object stores are reached through pyarrow, which takes credentials from the environment as their own
    tools do; web servers by ranges.
    """
    scheme, _, rest = uri.partition("://")
    if scheme in ("http", "https"):
        return cast(BinaryIO, io.BufferedReader(HttpFile(uri), _BUFFER))
    import pyarrow
    import pyarrow.fs

    names = {"s3": "s3", "gs": "gs", "az": "abfs"}
    try:
        store, path = pyarrow.fs.FileSystem.from_uri(f"{names[scheme]}://{rest}")
        return cast(BinaryIO, store.open_input_file(path))
    except pyarrow.ArrowException as error:
        raise OSError(str(error)) from error


@contextlib.contextmanager
def local_copy(uri: str, *, allow_network: bool, limit: int) -> Iterator[Path]:
    """A local file with the content and the suffix of the URI; it is removed when the block ends.

    Args:
        uri: s3://, gs://, az://, http:// or https://.
        allow_network: must be True: nothing is fetched unasked.
        limit: bytes that are fetched at most.
    """
    thing = f"file {uri}"
    _, rest = check_uri(uri, thing, allow_network=allow_network)
    name = Path(urllib.parse.urlsplit(uri).path or rest).name or "file"
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / name
        try:
            with open_remote(uri) as source, target.open("wb") as file:
                size = source.seek(0, io.SEEK_END)
                if size > limit:
                    raise InputError(
                        thing,
                        f"has {size:,} bytes; the limit is {limit:,}",
                        "Raise limits.file_bytes, or give a smaller file",
                    )
                source.seek(0)
                while block := source.read(_BLOCK):
                    file.write(block)
        except OSError as error:
            raise InputError(
                thing, f"cannot be fetched ({error})", "Check the address and the rights"
            ) from error
        yield target
