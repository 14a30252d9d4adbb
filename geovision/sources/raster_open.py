"""Raster files, opened with their driver named and their size checked before anything is read."""

from __future__ import annotations

import functools
import os
import re
import threading
import warnings
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from pyproj import CRS

from geovision.confine import reading
from geovision.errors import InputError, UsageError
from geovision.sources.crs import known_crs
from geovision.sources.limits import Limits
from geovision.sources.raster_info import Cut, Pixels, SheetInfo, check_transform
from geovision.sources.raster_remote import RemoteRaster
from geovision.sources.remote_files import check_uri, is_uri
from geovision.sources.sidecars import check_references, check_sidecars

__all__ = ["RASTER_SUFFIXES", "FileSheet", "HandlePool", "open_sheet"]

# The driver is named on every open, so that a file cannot choose another reader by its content.
_DRIVERS = {
    ".tif": "GTiff",
    ".tiff": "GTiff",
    ".gtiff": "GTiff",
    ".vrt": "VRT",
    ".jp2": "JP2OpenJPEG",
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".webp": "WEBP",
    ".asc": "AAIGrid",
}
RASTER_SUFFIXES = frozenset(_DRIVERS)
_MAGIC: dict[str, tuple[bytes, ...]] = {
    "GTiff": (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"),
    "JP2OpenJPEG": (b"\x00\x00\x00\x0cjP  ", b"\xff\x4f\xff\x51"),
    "PNG": (b"\x89PNG\r\n\x1a\n",),
    "JPEG": (b"\xff\xd8\xff",),
    "WEBP": (b"RIFF",),
    "VRT": (b"<VRTDataset",),
    "AAIGrid": (b"ncols", b"NCOLS"),
}
_COLOURS = {"red", "green", "blue", "alpha", "gray", "palette"}
_GIB = 1 << 30


def _source(path: str, *, allow_vrt: bool, allow_network: bool) -> tuple[str, str]:
    """Driver, and the name under which the pool finds the file."""
    thing = f"raster {path}"
    if is_uri(path) and not path.startswith("/"):
        check_uri(path, thing, allow_network=allow_network)
    suffix = Path(path.split("?", maxsplit=1)[0]).suffix.lower()
    driver = _DRIVERS.get(suffix)
    if driver is None:
        known = ", ".join(sorted(RASTER_SUFFIXES))
        raise InputError(thing, f"the suffix {suffix!r} is no raster's", f"Give a file that ends in {known}")
    if driver == "VRT" and not allow_vrt:
        raise InputError(
            thing,
            "a VRT can name any other file, so it is not opened unasked",
            "Give the files that it lists, or allow it with allow_vrt=True (--allow-vrt)",
        )
    if path.startswith("/vsi"):
        raise InputError(
            thing, "names a virtual file system of GDAL", "Give a local path or a URI such as s3://"
        )
    if is_uri(path):
        if driver == "VRT":
            raise InputError(
                thing, "is a VRT behind a URI", "Fetch it first, or give the files that it lists"
            )
        return driver, path
    _check_magic(path, driver, allow_network)
    check_sidecars(Path(path))
    return driver, str(Path(path).absolute())


def _check_magic(path: str, driver: str, allow_network: bool) -> None:
    try:
        with Path(path).open("rb") as file:
            head = file.read(4096)
    except OSError as error:
        raise InputError(
            f"raster {path}", f"cannot be opened ({error.strerror})", "Check the path and its permissions"
        ) from error
    _check_head(path, driver, head)
    if driver == "VRT":
        _check_vrt(path, allow_network)


def _check_head(path: str, driver: str, head: bytes) -> None:
    thing = f"raster {path}"
    if not head:
        raise InputError(thing, "is empty (0 bytes)", "Fetch it again")
    head = head.lstrip(b"\xef\xbb\xbf \t\r\n") if driver in ("VRT", "AAIGrid") else head
    if not head.startswith(_MAGIC[driver]) or (driver == "WEBP" and head[8:12] != b"WEBP"):
        raise InputError(
            thing,
            f"the content is not {driver}{_looks_like(head)}",
            "Check that the file is what its suffix says",
        )


def _looks_like(head: bytes) -> str:
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith(b"<vrtdataset"):
        return " but a VRT, which is refused under another suffix"
    if text.startswith((b"<!doctype html", b"<html")):
        return " but an HTML page (an error page of a server?)"
    for driver, starts in _MAGIC.items():
        if head.startswith(starts):
            return f" but {driver}"
    return ""


def _check_vrt(path: str, allow_network: bool) -> None:
    """A VRT that is allowed may still not call home, run code or reach into archives."""
    text = Path(path).read_text(encoding="utf-8", errors="replace")
    found = re.search(r"PixelFunctionCode|PixelFunctionLanguage", text)
    reach = re.search(r">\s*([a-z0-9]+://|/vsi)[^<]*<", text, re.IGNORECASE)
    if found or (reach and not allow_network):
        what = "holds code" if found else f"refers to {reach.group().strip('<> ')!r}" if reach else ""
        raise InputError(f"raster {path}", f"the VRT {what}", "Give the files that it lists")


class HandlePool:
    """Open files, the least recently used closed first. One lock: GDAL's handles are not for two threads."""

    def __init__(self, size: int = 64, cache_mb: int = 128) -> None:
        if size < 1 or cache_mb < 1:
            raise UsageError(f"handles {size}, cache {cache_mb} MB", "must be above 0", "Give larger numbers")
        self._size = size
        self._open: OrderedDict[tuple[str, str, int], Any] = OrderedDict()
        self._remote: dict[str, RemoteRaster] = {}
        self.lock = threading.RLock()
        self._env = {
            "GDAL_CACHEMAX": cache_mb,
            "GDAL_VRT_ENABLE_PYTHON": "NO",
            "VSI_CACHE": False,
        }

    def environment(self) -> Any:
        """GDAL's settings; every open and read happens inside."""
        import rasterio

        return rasterio.Env(**self._env)

    def get(self, driver: str, name: str, level: int = 0) -> Any:
        """The file, open; `level` 1 is its first overview."""
        import rasterio
        from rasterio.errors import NotGeoreferencedWarning

        key = (driver, name, level)
        found = self._open.pop(key, None)
        if found is None:
            options = {"OVERVIEW_LEVEL": level - 1} if level else {}
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", NotGeoreferencedWarning)
                if is_uri(name):
                    found = self.remote(name).open(driver, **options)
                else:
                    found = rasterio.open(name, driver=driver, sharing=False, **options)
            while len(self._open) >= self._size:
                self._open.popitem(last=False)[1].close()
        self._open[key] = found
        return found

    def remote(self, uri: str) -> RemoteRaster:
        """The file behind a URI that may be read; every handle is of the version that was seen first."""
        if uri not in self._remote:
            self._remote[uri] = RemoteRaster(uri)
        return self._remote[uri]

    def reason(self, name: str, error: Exception) -> str:
        """Why the file could not be read, in a line."""
        remote = self._remote.get(name)
        fault = remote.fault() if remote else error if is_uri(name) else None
        return str(fault) if fault else _first_line(error)

    def close(self) -> None:
        """Close every file; the pool can go on being used."""
        with self.lock:
            for dataset in self._open.values():
                dataset.close()
            self._open.clear()


@dataclass(frozen=True)
class FileSheet:
    """A raster file that is opened when it is read."""

    info: SheetInfo
    driver: str
    source: str
    pool: HandlePool

    def read(self, cut: Cut, bands: tuple[int, ...], level: int = 0) -> Pixels:
        """See `Sheet.read`."""
        reading(f"raster {self.info.name}")
        window = _window(cut)
        info = self.info
        alpha = info.alpha
        try:
            with self.pool.lock, self.pool.environment():
                dataset = self.pool.get(self.driver, self.source, level)
                data = dataset.read([band + 1 for band in bands], window=window)
                if alpha is not None:
                    return data, dataset.read(alpha + 1, window=window) > 0
                if info.has_mask:
                    mask = dataset.read_masks(1, window=window)
                    return data, None if mask.all() else mask > 0
                return data, None
        except _errors() as error:
            raise self._damaged(cut, error) from error

    def values(self, cut: Cut, band: int) -> NDArray[Any]:
        """One band as it is stored, an alpha band too."""
        try:
            with self.pool.lock, self.pool.environment():
                found: NDArray[Any] = self.pool.get(self.driver, self.source).read(
                    band + 1, window=_window(cut)
                )
                return found
        except _errors() as error:
            raise self._damaged(cut, error) from error

    def _damaged(self, cut: Cut, error: Exception) -> InputError:
        return InputError(
            f"raster {self.info.name}",
            f"pixels {cut.column}, {cut.row} to {cut.column + cut.width}, {cut.row + cut.height} "
            f"cannot be read ({self.pool.reason(self.source, error)})",
            "The file is damaged or not all there: fetch it again, or leave it out",
        )


def _window(cut: Cut) -> tuple[tuple[int, int], tuple[int, int]]:
    return (cut.row, cut.row + cut.height), (cut.column, cut.column + cut.width)


def _errors() -> tuple[type[Exception], ...]:
    """What GDAL's readers raise. Not imported on top: footprints are read without rasterio."""
    from rasterio.errors import RasterioError

    return RasterioError, OSError, ValueError


def _first_line(error: BaseException) -> str:
    text = str(error.__cause__ or error).strip().splitlines()
    return (text or [type(error).__name__])[0][:200]


def open_sheet(
    path: str,
    pool: HandlePool,
    limits: Limits,
    *,
    allow_vrt: bool = False,
    allow_network: bool = False,
) -> FileSheet:
    """Read the header of a raster file and refuse what is too large, unsafe or without a place on Earth."""
    reading(f"raster {path}")
    driver, source = _source(path, allow_vrt=allow_vrt, allow_network=allow_network)
    try:
        with pool.lock, pool.environment():
            if is_uri(source):
                _check_head(path, driver, pool.remote(source).head)
            info = _header(path, pool.get(driver, source), _stored_bytes(source, pool))
    except _errors() as error:
        raise InputError(
            f"raster {path}",
            f"cannot be opened as {driver} ({pool.reason(source, error)})",
            "Check the address and the rights"
            if is_uri(source)
            else "Check that the file is complete, and fetch it again if not",
        ) from error
    _check_size(info, limits)
    return FileSheet(info, driver, source, pool)


def _stored_bytes(source: str, pool: HandlePool) -> int:
    if is_uri(source):
        return pool.remote(source).size
    return Path(source).stat().st_size


def _header(path: str, dataset: Any, stored_bytes: int) -> SheetInfo:
    thing = f"raster {path}"
    check_references(path, dataset)
    kinds = sorted(set(dataset.dtypes))
    if len(kinds) > 1 or np.dtype(kinds[0]).kind not in "uif":
        raise InputError(thing, f"its bands are {', '.join(kinds)}", "Give bands of one type of real numbers")
    transform: Affine = dataset.transform
    if transform.is_identity:
        how = "by ground control points" if dataset.gcps[0] else "by RPCs" if dataset.rpcs else ""
        raise InputError(
            thing,
            f"is placed only {how}" if how else "has no place on Earth (no geotransform)",
            "Rectify it first (gdalwarp)"
            if how
            else "Put a world file beside it, or set it with gdal_edit.py -a_ullr",
        )
    check_transform(transform, dataset.width, dataset.height, thing)
    colours = tuple(item.name if item.name in _COLOURS else "undefined" for item in dataset.colorinterp)
    flags = {flag.name for flag in dataset.mask_flag_enums[0]}
    return SheetInfo(
        name=path,
        crs=_crs(dataset),
        transform=transform,
        width=dataset.width,
        height=dataset.height,
        dtype=kinds[0],
        colours=_descriptions(colours, dataset.descriptions),
        nodata=None if dataset.nodata is None else float(dataset.nodata),
        has_mask="per_dataset" in flags and "alpha" not in flags,
        scale=float(dataset.scales[0]),
        offset=float(dataset.offsets[0]),
        unit=(dataset.units[0] or "").strip(),
        block=tuple(dataset.block_shapes[0]),
        overviews=tuple(dataset.overviews(1)),
        palette=_palette(dataset) if "palette" in colours else None,
        stored_bytes=stored_bytes,
    )


def _crs(dataset: Any) -> CRS | None:
    found = dataset.crs
    if not found:
        return None
    code = found.to_epsg(confidence_threshold=100)
    text = f"EPSG:{code}" if code else found.to_wkt(version="WKT2_2019")
    if "LOCAL_CS" in text[:20] or "ENGCRS" in text[:20]:
        return None
    return _known(text)


@functools.lru_cache(maxsize=64)
def _known(text: str) -> CRS:
    """The files of a mosaic name one CRS over and over."""
    return known_crs(text)


def _descriptions(colours: tuple[str, ...], names: tuple[str | None, ...]) -> tuple[str, ...]:
    """A band that has no colour may still be called by one."""
    known = {
        "red": "red",
        "green": "green",
        "blue": "blue",
        "nir": "nir",
        "near infrared": "nir",
        "infrared": "nir",
    }
    return tuple(
        known.get((name or "").strip().lower(), colour) if colour in ("undefined", "gray") else colour
        for colour, name in zip(colours, names, strict=True)
    )


def _palette(dataset: Any) -> Any:
    table = np.zeros((256, 4), np.uint8)
    for value, colour in dataset.colormap(1).items():
        if 0 <= value < 256:
            table[value] = colour
    return table


def _check_size(info: SheetInfo, limits: Limits) -> None:
    thing = f"raster {info.name}"
    limits.check("pixels", info.width * info.height, thing)
    item = np.dtype(info.dtype).itemsize
    decoded = info.width * info.height * len(info.colours) * item
    # Where bands are interleaved, a block holds all of them.
    limits.check("block_bytes", min(info.block[0] * info.block[1] * len(info.colours) * item, decoded), thing)
    if info.stored_bytes and decoded > _GIB and decoded / info.stored_bytes > limits.expansion:
        raise InputError(
            thing,
            f"declares {decoded / _GIB:.1f} GiB of pixels but is {info.stored_bytes:,} bytes long, over "
            f"{limits.expansion:,} to one",
            "If it really is that empty, raise the limit: expansion = ... under [limits], "
            "or --limit expansion=...",
        )


def local_path(path: str | os.PathLike[str]) -> str:
    """The path as text, `~` put in full."""
    text = os.fspath(path)
    return text if is_uri(text) else str(Path(text).expanduser())
