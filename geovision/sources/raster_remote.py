"""A raster behind a URI: GDAL reads it through our own stream, with the retries and versions of all files."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, BinaryIO

from geovision.sources.remote_files import open_remote, version_of

__all__ = ["RemoteRaster"]

_HEAD_BYTES = 4096
_NAME = "raster"


class RemoteRaster:
    """Asked once for its size, version and first bytes, then opened as often as a handle is needed.

    GDAL sees this one file and none beside it: georeferencing, masks and overviews have to be inside.
    Failures are `OSError`.
    """

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._fault: OSError | None = None
        with open_remote(uri) as file:
            self.head = file.read(_HEAD_BYTES)
            self.size = file.seek(0, 2)
            self._version = version_of(file)

    def open(self, driver: str, **options: Any) -> Any:
        """The dataset; reads fail with GDAL's errors, for which `fault` knows the reason."""
        import rasterio

        self._fault = None
        with rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"):
            return rasterio.open(_NAME, driver=driver, sharing=False, opener=self._stream, **options)

    def fault(self) -> OSError | None:
        """Why the last read failed, and forget it: GDAL only learns that there are no bytes."""
        found, self._fault = self._fault, None
        return found

    def _stream(self, name: str, mode: str = "rb", **_: Any) -> Any:
        if name != _NAME:
            raise FileNotFoundError(name)
        try:
            return _Stream(open_remote(self._uri, self._version), self)
        except OSError as error:
            self._fault = error
            raise

    def _note(self, error: OSError) -> None:
        self._fault = error


class _Stream:
    """Bytes for GDAL, whose callbacks know no exceptions."""

    def __init__(self, file: BinaryIO, owner: RemoteRaster) -> None:
        self._file = file
        self._owner = owner

    def read(self, size: int = -1) -> bytes:
        try:
            return self._file.read(size)
        except OSError as error:
            self._owner._note(error)
            return b""

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        with suppress(OSError):
            self._file.close()

    def __enter__(self) -> _Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
