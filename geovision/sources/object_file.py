"""An object of S3, Google Cloud Storage or Azure, read by ranges."""

from __future__ import annotations

import functools
import os
import re
from datetime import timedelta
from typing import Any

from geovision.sources.aws_files import aws_options
from geovision.sources.range_file import RangeFile
from geovision.sources.retry import TRANSIENT_STATUS, Transient, persist

__all__ = ["ObjectFile"]

_TIMEOUT = timedelta(seconds=60)


class ObjectFile(RangeFile):
    """Seekable bytes of an object; every failure is an `OSError`.

    Args:
        scheme: s3, gs or az.
        rest: bucket (az: container) and key, as in the URI behind ://.
    """

    def __init__(self, scheme: str, rest: str) -> None:
        bucket, _, key = rest.partition("/")
        if not bucket or not key:
            raise OSError("a bucket and a key are needed")
        options = aws_options() if scheme == "s3" else ()
        self._store, self._key = _store(f"{scheme}://{bucket}", options), key
        size, tag = persist(lambda: self._ask(None)[1:])
        super().__init__(size, tag)

    def _fetch(self, first: int, count: int) -> bytes:
        data, size, tag = self._ask((first, first + count))
        self._same(size, tag)
        return data

    def _ask(self, span: tuple[int, int] | None) -> tuple[bytes, int, str]:
        """Content of the range (none without one), size of the object, and its tag."""
        import obstore
        from obstore.exceptions import BaseError

        try:
            if span is None:
                meta, data = obstore.head(self._store, self._key), b""
            else:
                answer = obstore.get(self._store, self._key, options={"range": span})
                meta, data = answer.meta, bytes(answer.bytes())
        except (BaseError, OSError) as error:
            raise _fault(error) from error
        return data, int(meta["size"]), str(meta["e_tag"] or meta["last_modified"])


@functools.lru_cache(maxsize=32)
def _store(address: str, options: tuple[tuple[str, str], ...]) -> Any:
    """A client; retries are left to `persist`, so that one count holds for all that is remote."""
    from obstore.store import from_url

    once: Any = {"max_retries": 0, "retry_timeout": _TIMEOUT}
    # An endpoint of one's own may speak plain HTTP; it is named by the user's own settings.
    client: Any = {"timeout": _TIMEOUT, "allow_http": _open_line(options)}
    kept: Any = dict(options)
    return from_url(address, client_options=client, retry_config=once, **kept)


def _open_line(options: tuple[tuple[str, str], ...]) -> bool:
    ends = [dict(options).get("endpoint", ""), *(os.environ.get(name, "") for name in _ENDPOINTS)]
    return any(end.startswith("http://") for end in ends)


_ENDPOINTS = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AZURE_STORAGE_ENDPOINT", "GOOGLE_BASE_URL")


def _fault(error: Exception) -> OSError:
    from obstore import exceptions

    if isinstance(error, FileNotFoundError | exceptions.NotFoundError):
        return OSError("404: there is no such object or bucket")
    if isinstance(error, PermissionError | exceptions.PermissionDeniedError):
        return OSError("403: the credentials do not allow it")
    if isinstance(error, exceptions.UnauthenticatedError):
        return OSError("401: the credentials are missing or wrong")
    text = _short(str(error))
    status = re.search(r"status code: (\d{3})", text)
    lasting = status is not None and int(status[1]) not in TRANSIENT_STATUS
    return OSError(text) if lasting else Transient(text)


def _short(text: str) -> str:
    """The cause without the debug output, which may quote whole requests."""
    lines = text.split("Debug source:", maxsplit=1)[0].strip().splitlines()
    return " ".join(line.strip() for line in lines)[:300]
