"""A file on a web server, read by ranges."""

from __future__ import annotations

import http.client
import io
import re
import urllib.error
import urllib.request
from typing import Any

__all__ = ["HttpFile"]

_TIMEOUT_S = 60


class HttpFile(io.RawIOBase):
    """Seekable bytes behind http:// or https://; every failure is an `OSError`.

    A server that knows no ranges sends the whole file at the first read, and that is kept.
    """

    def __init__(self, uri: str) -> None:
        super().__init__()
        self._uri = uri
        self._place = 0
        self._whole: bytes | None = None
        with self._get(0, 0) as answer:
            found = re.fullmatch(r"bytes 0-0/(\d+)", answer.headers.get("Content-Range", ""))
            if answer.status == http.client.PARTIAL_CONTENT and found:
                self._size = int(found[1])
            else:
                self._size = int(answer.headers.get("Content-Length", -1))
        if self._size < 0:
            raise OSError("the server does not say how long the file is")
        self._ranges = found is not None

    @property
    def size(self) -> int:
        """Bytes of the file, as the server states them."""
        return self._size

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def tell(self) -> int:
        """Where the next read begins."""
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a place; nothing is read."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        self._place = max(0, start + offset)
        return self._place

    def readinto(self, buffer: Any, /) -> int:
        """Fill the buffer from here on; fewer bytes only at the end of the file."""
        view = memoryview(buffer).cast("B")
        wanted = min(len(view), self._size - self._place)
        if wanted <= 0:
            return 0
        if self._ranges:
            with self._get(self._place, self._place + wanted - 1) as answer:
                data = self._all(answer, wanted)
        else:
            if self._whole is None:
                with self._get(0, self._size - 1) as answer:
                    self._whole = self._all(answer, self._size)
            data = self._whole[self._place : self._place + wanted]
        view[:wanted] = data
        self._place += wanted
        return wanted

    def _get(self, first: int, last: int) -> Any:
        headers = {"Range": f"bytes={first}-{last}", "Accept-Encoding": "identity"}
        try:
            return urllib.request.urlopen(
                urllib.request.Request(self._uri, headers=headers), timeout=_TIMEOUT_S
            )
        except http.client.HTTPException as error:
            raise OSError(f"the server does not speak HTTP ({error})") from error

    def _all(self, answer: Any, size: int) -> bytes:
        try:
            data: bytes = answer.read(size)
        except http.client.HTTPException as error:
            raise OSError(f"the connection was cut ({error})") from error
        if len(data) != size:
            raise OSError(f"the connection was cut after {len(data):,} of {size:,} bytes")
        return data
