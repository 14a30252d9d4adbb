"""Writes rasters as tiled, compressed GeoTIFF, whole or window by window, the same bytes every time."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from geovision.errors import InputError, OutputError, UsageError
from geovision.formats.atomic import atomic_path

if TYPE_CHECKING:
    from rasterio.io import DatasetWriter

__all__ = ["BLOCK", "RasterFile", "open_raster", "write_raster"]

BLOCK = 256
"""Cells a side of the blocks that files are compressed in."""
_CACHE_MB = 64
"""GDAL's own default is a share of the machine's memory, and the order of blocks in the file follows it."""
_REMEDY = "Check that the folder exists, may be written to and has space"


class RasterFile:
    """A GeoTIFF that is being written."""

    def __init__(self, dataset: DatasetWriter, shape: tuple[int, int, int]) -> None:
        self._dataset = dataset
        self.shape = shape
        """Bands, rows and columns."""

    def write(self, pixels: npt.NDArray[Any], row: int = 0, column: int = 0) -> None:
        """Put pixels [rows, columns] or [bands, rows, columns] in their place.

        Whole blocks (rows and columns that are multiples of `BLOCK`) are compressed once; others twice.
        """
        from rasterio.windows import Window

        block = pixels[None] if pixels.ndim == 2 else pixels
        bands, rows, columns = block.shape
        fits = row >= 0 and column >= 0 and row + rows <= self.shape[1] and column + columns <= self.shape[2]
        if bands != self.shape[0] or not fits:
            raise InputError(
                f"raster {self._dataset.name}",
                f"pixels of shape {pixels.shape} at row {row}, column {column} are not inside {self.shape}",
                "Give all bands of a window that lies in the raster",
            )
        self._dataset.write(block, window=Window(column, row, columns, rows))


@contextmanager
def open_raster(
    path: str | Path,
    *,
    shape: tuple[int, int, int],
    dtype: npt.DTypeLike,
    left: float,
    top: float,
    cell_m: float,
    crs: str | None = None,
    nodata: float | None = None,
    bands: Sequence[str] = (),
) -> Iterator[RasterFile]:
    """Yield a GeoTIFF to be filled window by window; it takes its name when the block ends without an error.

    Its bytes depend on the pixels, the order of the windows and the version of GDAL alone.

    Args:
        path: a .tif file.
        shape: bands, rows and columns.
        dtype: of the pixels.
        left: x of the western border.
        top: y of the northern border.
        cell_m: size of a cell.
        crs: name or WKT of the CRS.
        nodata: value that means nothing is there.
        bands: names of the bands; of ("red", "green", "blue", "nir") those become colours.
    """
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning, RasterioError

    target = Path(path)
    _check(target, shape, dtype, bands)
    kind = np.dtype(dtype)
    options: dict[str, Any] = {
        "driver": "GTiff",
        "count": shape[0],
        "height": shape[1],
        "width": shape[2],
        "dtype": kind.name,
        "crs": crs,
        "transform": rasterio.Affine(cell_m, 0.0, left, 0.0, -cell_m, top),
        "nodata": nodata,
        "tiled": True,
        "blockxsize": BLOCK,
        "blockysize": BLOCK,
        "interleave": "pixel",
        "compress": "deflate",
        "zlevel": 9,
        "predictor": 3 if kind.kind == "f" else 2,
        "bigtiff": "if_safer",
        "num_threads": 1,
    }
    if bands[:3] == ("red", "green", "blue"):
        options["photometric"] = "rgb"
    try:
        with (
            atomic_path(target) as name,
            rasterio.Env(GDAL_CACHEMAX=_CACHE_MB),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(name, "w", **options) as dataset:
                _name_bands(dataset, bands)
                yield RasterFile(dataset, shape)
    except RasterioError as error:
        raise OutputError(str(target), f"cannot be written ({error})", _REMEDY) from error


def write_raster(
    path: str | Path,
    pixels: npt.NDArray[Any],
    *,
    left: float,
    top: float,
    cell_m: float,
    crs: str | None = None,
    nodata: float | None = None,
    bands: Sequence[str] = (),
) -> None:
    """Write pixels [rows, columns] or [bands, rows, columns] as GeoTIFF; the arguments are `open_raster`'s.

    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "dsm.tif"
    >>> write_raster(target, np.zeros((3, 4), np.float32), left=0, top=3, cell_m=1, crs="EPSG:28992")
    >>> target.read_bytes()[:4]
    b'II*\\x00'
    """
    block = pixels[None] if pixels.ndim == 2 else pixels
    if block.ndim != 3:
        raise InputError(
            f"raster {path}", f"pixels have the shape {pixels.shape}", "Give rows and columns, or bands too"
        )
    with open_raster(
        path,
        shape=(block.shape[0], block.shape[1], block.shape[2]),
        dtype=block.dtype,
        left=left,
        top=top,
        cell_m=cell_m,
        crs=crs,
        nodata=nodata,
        bands=bands,
    ) as file:
        file.write(block)


def _check(path: Path, shape: tuple[int, int, int], dtype: npt.DTypeLike, bands: Sequence[str]) -> None:
    if path.suffix.lower() not in (".tif", ".tiff"):
        raise UsageError(f"raster {path}", f"the suffix {path.suffix!r} is not known", "Use .tif")
    if min(shape) < 1:
        raise InputError(f"raster {path}", f"has the shape {shape}", "Give one band, row and column at least")
    if bands and len(bands) != shape[0]:
        raise InputError(f"raster {path}", f"{len(bands)} names for {shape[0]} bands", "Give one a band")
    if np.dtype(dtype).name not in _TYPES:
        raise InputError(
            f"raster {path}", f"pixels are {np.dtype(dtype).name}", f"Use one of {', '.join(_TYPES)}"
        )


_TYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64")


def _name_bands(dataset: DatasetWriter, bands: Sequence[str]) -> None:
    from rasterio.enums import ColorInterp

    if not bands:
        return
    colours = {"red": ColorInterp.red, "green": ColorInterp.green, "blue": ColorInterp.blue}
    dataset.descriptions = tuple(bands)
    # A fourth band that is not said to be something else is taken for transparency.
    plain = ColorInterp.gray if len(bands) < 3 else ColorInterp.undefined
    dataset.colorinterp = [colours.get(name, plain) for name in bands]
