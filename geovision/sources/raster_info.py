"""What a raster says of itself, and rasters that are already in memory."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeAlias

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from pyproj import CRS

from geovision.errors import InputError
from geovision.sources.crs import UNIT_METRES, crs_name, known_crs
from geovision.sources.grid import Bounds

__all__ = [
    "ArraySheet",
    "Cut",
    "Pixels",
    "Raster",
    "Sheet",
    "SheetInfo",
    "affine_bounds",
    "check_transform",
    "sample_cuts",
]

Pixels: TypeAlias = tuple[NDArray[Any], NDArray[np.bool_] | None]
"""Values [bands, height, width], and [height, width] True where there is data; None where all is."""


@dataclass(frozen=True)
class Cut:
    """A rectangle of pixels, which may reach beyond the raster."""

    column: int
    row: int
    width: int
    height: int

    def meet(self, width: int, height: int) -> Cut | None:
        """What of it lies in a raster of that size."""
        left, top = max(self.column, 0), max(self.row, 0)
        right, bottom = min(self.column + self.width, width), min(self.row + self.height, height)
        return Cut(left, top, right - left, bottom - top) if left < right and top < bottom else None

    def moved(self, columns: int, rows: int) -> Cut:
        """The same rectangle, its corner moved."""
        return replace(self, column=self.column + columns, row=self.row + rows)


@dataclass(frozen=True)
class SheetInfo:
    """The header of one raster."""

    name: str
    """Path, URI, or what the caller called an array."""
    crs: CRS | None
    transform: Affine
    """From pixel corners (column, row) to coordinates."""
    width: int
    height: int
    dtype: str
    colours: tuple[str, ...]
    """Per band: red, green, blue, nir, gray, alpha, palette, or undefined."""
    nodata: float | None = None
    has_mask: bool = False
    """A mask beside the bands (not an alpha band) says where data is."""
    scale: float = 1.0
    offset: float = 0.0
    unit: str = ""
    """Unit of the values as the file writes it."""
    block: tuple[int, int] = (1, 1)
    """Height and width of the block that is read at once."""
    overviews: tuple[int, ...] = ()
    palette: NDArray[np.uint8] | None = field(default=None, compare=False)
    """[256, 4] colours of a paletted band."""
    stored_bytes: int = 0
    notes: tuple[str, ...] = ()
    """What was assumed when the header was read."""

    @property
    def bounds(self) -> Bounds:
        """In its own CRS."""
        return affine_bounds(self.transform, self.width, self.height)

    @property
    def alpha(self) -> int | None:
        """Number of the alpha band, counted from 0."""
        return self.colours.index("alpha") if "alpha" in self.colours else None

    @property
    def north_up(self) -> bool:
        """Rows run to the south and columns to the east."""
        t = self.transform
        return t.b == 0 and t.d == 0 and t.a > 0 and t.e < 0


class Sheet(Protocol):
    """One raster that can be read by window: a file, a tile pyramid or an array."""

    @property
    def info(self) -> SheetInfo:
        """Its header."""
        ...

    def read(self, cut: Cut, bands: tuple[int, ...], level: int = 0) -> Pixels:
        """Read bands (from 0) of a cut that lies inside; `level` counts overviews, 0 is full resolution."""
        ...


def affine_bounds(transform: Affine, width: int, height: int) -> Bounds:
    """Bounds of a raster's four corners."""
    corners = [transform @ (c, r) for c in (0, width) for r in (0, height)]
    x, y = zip(*corners, strict=True)
    return Bounds(min(x), min(y), max(x), max(y))


def check_transform(transform: Affine, width: int, height: int, thing: str) -> None:
    """Raise where pixels have no size, or none that coordinates so far out can tell apart."""
    values = np.array(transform[:6], float)
    sound = bool(np.isfinite(values).all()) and not transform.is_degenerate
    if sound:
        bounds = affine_bounds(transform, width, height)
        far = max(map(abs, bounds))
        side = min(np.hypot(transform.a, transform.d), np.hypot(transform.b, transform.e))
        sound = far < 1e9 and side > 1e-11 * max(far, 1.0) and side * max(width, height) < 1e9
    if not sound:
        text = ", ".join(f"{value:.6g}" for value in values)
        raise InputError(
            thing, f"its geotransform ({text}) places it nowhere", "Mend it (gdal_edit.py -a_ullr)"
        )


def sample_cuts(info: SheetInfo, side: int = 256) -> list[Cut]:
    """The middle and the four quarter points: enough to judge a raster by, however large it is."""
    width, height = min(side, info.width), min(side, info.height)
    places = [(0.5, 0.5), (0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75)]
    cuts = [
        Cut(int(x * (info.width - width)), int(y * (info.height - height)), width, height) for x, y in places
    ]
    return list(dict.fromkeys(cuts))


@dataclass(frozen=True)
class Raster:
    """A raster in memory, for whatever a file could give.

    >>> dsm = Raster(np.zeros((40, 60), np.float32), (0.5, 0, 85000, 0, -0.5, 446000), "EPSG:28992")
    >>> dsm.sheet().info.bounds
    Bounds(west=85000.0, south=445980.0, east=85030.0, north=446000.0)
    """

    data: NDArray[Any]
    """[height, width] or [bands, height, width]."""
    transform: Affine | tuple[float, ...]
    """Six numbers (a, b, c, d, e, f): x = a column + b row + c, y = d column + e row + f."""
    crs: Any = None
    nodata: float | None = None
    valid: NDArray[np.bool_] | None = None
    """[height, width] True where there is data."""
    bands: tuple[str, ...] = ()
    """Names as in ("red", "green", "blue", "nir"); "alpha" marks a mask band."""
    vertical_unit: str = ""
    """metre, foot or us-foot, for heights."""
    name: str = "array"

    def sheet(self) -> ArraySheet:
        """The raster as what files are read as; checks that it can be."""
        return ArraySheet(self)


class ArraySheet:
    """A `Raster` behind the interface of a file."""

    def __init__(self, raster: Raster) -> None:
        thing = f"raster {raster.name}"
        data = np.asarray(raster.data)
        data = data[None] if data.ndim == 2 else data
        if data.ndim != 3 or not data.size or data.dtype.kind not in "uif":
            raise InputError(
                thing,
                f"the array has shape {np.shape(raster.data)} and type {data.dtype}",
                "Give numbers as [height, width] or [bands, height, width]",
            )
        bands = raster.bands or ("undefined",) * len(data)
        if len(bands) != len(data):
            raise InputError(
                thing, f"{len(bands)} band names for {len(data)} bands", "Give one name per band"
            )
        if raster.valid is not None and raster.valid.shape != data.shape[1:]:
            raise InputError(thing, f"valid has shape {raster.valid.shape}", f"Give it as {data.shape[1:]}")
        if raster.vertical_unit and raster.vertical_unit not in UNIT_METRES:
            raise InputError(
                thing, f"vertical unit {raster.vertical_unit!r}", f"Use one of {', '.join(UNIT_METRES)}"
            )
        transform = Affine(*tuple(raster.transform)[:6])
        check_transform(transform, data.shape[2], data.shape[1], thing)
        self._data, self._valid = data, raster.valid
        self.info = SheetInfo(
            name=raster.name,
            crs=None if raster.crs is None else known_crs(raster.crs),
            transform=transform,
            width=data.shape[2],
            height=data.shape[1],
            dtype=str(data.dtype),
            colours=tuple(bands),
            nodata=raster.nodata,
            has_mask=raster.valid is not None,
            unit=raster.vertical_unit,
            block=(data.shape[1], data.shape[2]),
            stored_bytes=data.nbytes,
        )

    def read(self, cut: Cut, bands: tuple[int, ...], level: int = 0) -> Pixels:
        """See `Sheet.read`; an array has no overviews."""
        rows, columns = slice(cut.row, cut.row + cut.height), slice(cut.column, cut.column + cut.width)
        valid = None if self._valid is None else self._valid[rows, columns]
        alpha = self.info.alpha
        if alpha is not None:
            solid = self._data[alpha, rows, columns] > 0
            valid = solid if valid is None else valid & solid
        # A copy, because what is read may be changed in place.
        return self._data[list(bands), rows, columns].copy(), valid

    def __repr__(self) -> str:
        return (
            f"ArraySheet({self.info.name}, {self.info.width} x {self.info.height}, {crs_name(self.info.crs)})"
        )
