"""What the numbers in a raster mean: heights in metres, colours, and where there are none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision.errors import InputError
from geovision.sources.crs import UNIT_METRES, linear_unit_m, vertical_unit_m
from geovision.sources.raster_info import Pixels, SheetInfo

__all__ = ["Colours", "Heights", "Values", "height_unit_m", "heights_of"]

# No ground, sea bed of a harbour, or roof on Earth lies outside: what does is a nodata value that the file
# does not declare (-9999, -32768, 3.4e38 ...).
_LOWEST_M, _HIGHEST_M = -1000.0, 9500.0
_UNITS = {
    "m": "metre", "meter": "metre", "meters": "metre", "metre": "metre", "metres": "metre",
    "ft": "foot", "foot": "foot", "feet": "foot", "international foot": "foot",
    "us-ft": "us-foot", "us-foot": "us-foot", "ftus": "us-foot", "us survey foot": "us-foot",
    "us_survey_foot": "us-foot",
}  # fmt: skip


@dataclass(frozen=True)
class Heights:
    """Turns one band into float32 metres with NaN where there is no height."""

    band: int
    nodata: float | None
    factor: float = 1.0
    offset: float = 0.0

    @property
    def bands(self) -> tuple[int, ...]:
        """Bands to read, counted from 0."""
        return (self.band,)

    def convert(self, data: NDArray[Any], valid: NDArray[np.bool_] | None) -> Pixels:
        """Metres and where they are."""
        plain = self.factor == 1.0 and self.offset == 0.0
        out = data.astype(np.float32, copy=False)
        bad = None if valid is None else ~valid[None]
        if self.nodata is not None and _LOWEST_M <= self.nodata * self.factor + self.offset <= _HIGHEST_M:
            # One outside that range, or NaN, is found below with what no file declares.
            bad = _or(bad, data == _as_type(self.nodata, data.dtype))
        if not plain:
            out = (data.astype(np.float64) * self.factor + self.offset).astype(np.float32)
        # NaN makes both comparisons false, so the two fast passes look for it as well.
        low, high = (out.min(), out.max()) if out.size else (0.0, 0.0)
        if not (low >= _LOWEST_M and high <= _HIGHEST_M):
            with np.errstate(invalid="ignore"):
                bad = _or(bad, ~((out >= _LOWEST_M) & (out <= _HIGHEST_M)))
        if bad is None:
            return out, None
        if not out.flags.writeable or (np.shares_memory(out, data) and not data.flags.owndata):
            out = out.copy()
        out[bad] = np.nan
        return out, ~bad[0]


@dataclass(frozen=True)
class Colours:
    """Picks bands of an image and finds where it has none."""

    bands: tuple[int, ...]
    nodata: float | None
    palette: NDArray[np.uint8] | None = None
    """[256, 4]: the band holds numbers of these colours."""

    def convert(self, data: NDArray[Any], valid: NDArray[np.bool_] | None) -> Pixels:
        """Bands as they are, and where a colour was recorded."""
        if self.nodata is not None:
            value = _as_type(self.nodata, data.dtype)
            # White is a colour: a pixel is empty only where every band says so.
            empty = np.isnan(data).all(axis=0) if np.isnan(value) else (data == value).all(axis=0)
            if empty.any():
                valid = ~empty if valid is None else valid & ~empty
        if self.palette is not None:
            shown = self.palette[data[0]]
            solid = shown[..., 3] > 0
            if not solid.all():
                valid = solid if valid is None else valid & solid
            data = np.ascontiguousarray(np.moveaxis(shown[..., :3], -1, 0))
        return data, valid


Values = Heights | Colours


def _or(a: NDArray[np.bool_] | None, b: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
    if a is None:
        return b if b.any() else None
    return a | b


def _as_type(value: float, dtype: np.dtype[Any]) -> Any:
    """The nodata value as the band stores it; NaN where the band cannot hold it."""
    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            return dtype.type(value)
    limits = np.iinfo(dtype)
    whole = np.isfinite(value) and value == int(value) and limits.min <= value <= limits.max
    return dtype.type(int(value)) if whole else np.float32(np.nan)


def height_unit_m(info: SheetInfo, asked: str = "") -> tuple[float, str]:
    """Metres per unit of the values, and how that is known (empty where it is stated and metric)."""
    if asked:
        return UNIT_METRES[asked], "" if asked == "metre" else f"heights are in {asked}, as asked"
    if info.unit:
        name = _UNITS.get(info.unit.lower())
        if name is None:
            raise InputError(
                f"raster {info.name}",
                f"its values are in {info.unit!r}, which is no unit of height that is known",
                f"Say what they are with vertical_unit: {', '.join(UNIT_METRES)}",
            )
        return UNIT_METRES[name], "" if name == "metre" else f"heights are in {name} and were put in metres"
    if info.crs is None:
        return 1.0, ""
    vertical = vertical_unit_m(info.crs)
    if vertical is not None:
        return (
            vertical,
            "" if vertical == 1.0 else "heights are in feet (vertical CRS) and were put in metres",
        )
    plan = linear_unit_m(info.crs)
    if plan is not None and abs(plan - 0.3048) < 1e-3:
        return plan, "heights are taken to be in feet, as its plan is; if not, say vertical_unit"
    return 1.0, ""


def heights_of(
    info: SheetInfo, *, nodata: float | None, vertical_unit: str
) -> tuple[Heights, tuple[str, ...]]:
    """How to read the heights of a sheet, and what that assumes."""
    solid = [band for band, colour in enumerate(info.colours) if colour != "alpha"]
    if len(solid) != 1 or "palette" in info.colours:
        raise InputError(
            f"raster {info.name}",
            f"has {len(solid)} bands ({', '.join(info.colours)}); heights have one",
            "Give it as an image, or a raster with heights",
        )
    unit, note = height_unit_m(info, vertical_unit)
    wanted = info.nodata if nodata is None else nodata
    heights = Heights(solid[0], wanted, info.scale * unit, info.offset * unit)
    scaled = info.scale != 1.0 or info.offset != 0.0
    stated = f"values are stored as {info.scale:g} x value + {info.offset:g}" if scaled else ""
    return heights, tuple(text for text in (note, stated) if text)
