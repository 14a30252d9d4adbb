"""Files behind URIs: who may be asked, and how their bytes come."""

from __future__ import annotations

import contextlib
import io
import re
import tempfile
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from geovision.errors import InputError
from geovision.sources.http_file import HttpFile
from geovision.sources.object_file import ObjectFile
from geovision.sources.range_file import RangeFile

__all__ = ["check_uri", "is_uri", "local_copy", "open_remote", "version_of"]

SCHEMES = ("s3", "gs", "az", "http", "https")
_BLOCK = 8 << 20
_BUFFER = 256 << 10
# Query parameters whose values give access: signatures of presigned URLs, tokens and keys of services.
_SECRET = re.compile(r"(?i)(^|[-_])(sig|signature|token|key|apikey|secret|password|credential)$")


def is_uri(path: str | Path) -> bool:
    """Whether the text is a URI and not a local path."""
    return "://" in str(path)


def check_uri(uri: str, thing: str, *, allow_network: bool) -> tuple[str, str]:
    """Scheme and rest of a URI that may be read; nothing is fetched unasked.

    A URI stands in command lines, logs and manifests, so one that carries a secret is refused.
    """
    scheme, _, rest = uri.partition("://")
    try:
        parts = urllib.parse.urlsplit(uri)
    except ValueError as error:  # a host in half a bracket
        raise InputError(thing, f"is no URI ({error})", "Check how it is written") from error
    names = [name for name, _ in urllib.parse.parse_qsl(parts.query, keep_blank_values=True)]
    if "@" in parts.netloc or any(_SECRET.search(name) for name in names):
        bare = f"{scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
        raise InputError(
            thing.replace(uri, bare),
            "the URI carries a secret, and a URI is logged",
            "Leave it out: credentials come from the environment, ~/.aws, or a netrc file",
        )
    if scheme not in SCHEMES:
        raise InputError(thing, f"the scheme {scheme!r} is not known", f"Use one of {', '.join(SCHEMES)}")
    if not allow_network:
        raise InputError(
            thing,
            "reading over the network is off",
            "Allow it with allow_network=True (--allow-network), or fetch the file first",
        )
    return scheme, rest


def open_remote(uri: str, version: str | None = None) -> BinaryIO:
    """A seekable binary stream of a checked URI; failures are `OSError`.

    What may pass by itself (throttling, time-outs, cut connections) is tried again; see `retry.persist`.

    Args:
        uri: as `check_uri` let it pass.
        version: what `version_of` said before; another one is an error.
    """
    scheme, _, rest = uri.partition("://")
    raw: RangeFile = HttpFile(uri) if scheme in ("http", "https") else ObjectFile(scheme, rest)
    file = cast(BinaryIO, io.BufferedReader(raw, _BUFFER))
    if version not in (None, version_of(file)):
        raise OSError(f"the file was changed since it was first opened ({version}, now {version_of(file)})")
    return file


def version_of(file: BinaryIO) -> str:
    """Size and tag of an opened remote file; "" of a local one."""
    raw = getattr(file, "raw", None)
    return f"{raw.size:,} bytes {raw.tag}".strip() if isinstance(raw, RangeFile) else ""


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
