"""Seekable bytes that come by ranges over a network; what is fetched is always of one version of the file."""

from __future__ import annotations

import io
from abc import abstractmethod
from typing import Any

from geovision.sources.retry import Transient, persist

__all__ = ["RangeFile"]


class RangeFile(io.RawIOBase):
    """A remote file: `_fetch` gets a range, everything else is here. Every failure is an `OSError`.

    Args:
        size: bytes of the whole.
        tag: names the version of the content (ETag), "" where the server gives none.
    """

    def __init__(self, size: int, tag: str) -> None:
        super().__init__()
        self._place = 0
        self.size = size
        self.tag = tag

    @abstractmethod
    def _fetch(self, first: int, count: int) -> bytes:
        """Bytes from `first` on; fewer than `count` where the connection was cut."""

    def _same(self, size: int, tag: str) -> None:
        """Refuse another version than the first range came from: pieces of two files make none."""
        if (size, tag) != (self.size, self.tag):
            raise OSError(
                f"the file was changed while it was read (it was {self.size:,} bytes {self.tag}, "
                f"it is {size:,} bytes {tag})"
            )

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
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self.size}[whence]
        self._place = max(0, start + offset)
        return self._place

    def readinto(self, buffer: Any, /) -> int:
        """Fill the buffer from here on; fewer bytes only at the end of the file."""
        view = memoryview(buffer).cast("B")
        wanted = min(len(view), self.size - self._place)
        if wanted <= 0:
            return 0
        view[:wanted] = persist(lambda: self._all(wanted))
        self._place += wanted
        return wanted

    def readall(self) -> bytes:
        """What is left, in one request; Python's own would make one for every 8 KiB."""
        data = bytearray(max(0, self.size - self._place))
        self.readinto(data)
        return bytes(data)

    def _all(self, wanted: int) -> bytes:
        data = self._fetch(self._place, wanted)
        if len(data) != wanted:
            raise Transient(f"the connection was cut after {len(data):,} of {wanted:,} bytes")
        return data
