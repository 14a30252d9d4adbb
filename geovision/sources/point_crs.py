"""The CRS and the units of a LAS file, from its WKT or its GeoTIFF keys."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pyproj import CRS
from pyproj.exceptions import CRSError

from geovision.sources.crs import horizontal, known_crs, linear_unit_m, vertical_crs, vertical_unit_m
from geovision.sources.las_header import LasHeader

__all__ = ["PointFrame", "frame_of"]

_PROJECTED_KEY, _GEOGRAPHIC_KEY, _VERTICAL_KEY, _HEIGHT_UNIT_KEY = 3072, 2048, 4096, 4099
_UNITS = {9001: 1.0, 9002: 0.3048, 9003: 1200 / 3937}
_USER_DEFINED = 32767


@dataclass(frozen=True)
class PointFrame:
    """What the coordinates of a file mean."""

    crs: CRS | None
    """Of the plan; None where the file states none."""
    height_m: float = 1.0
    """Metres per unit of height."""
    notes: tuple[str, ...] = ()
    vertical: CRS | None = None
    """What heights are above, where the file says so in metres."""


def frame_of(header: LasHeader, crs: str | None = None) -> PointFrame:
    """The frame that a file states, or the CRS given for one that states none."""
    found = _stated(header)
    if found is not None and not (horizontal(found).is_projected or horizontal(found).is_geographic):
        # A height datum alone, or a local frame.
        found = None
    if found is None:
        return PointFrame(None) if crs is None else _frame(known_crs(crs), None)
    frame = _frame(found, _UNITS.get(_number(header, _HEIGHT_UNIT_KEY)))
    return replace(frame, vertical=_vertical(header, found) if frame.height_m == 1.0 else None)


def _vertical(header: LasHeader, crs: CRS) -> CRS | None:
    code = _number(header, _VERTICAL_KEY)
    if crs.is_compound or code in (0, _USER_DEFINED):
        return vertical_crs(crs)
    try:
        return vertical_crs(CRS.from_epsg(code))
    except CRSError:
        return None


def _stated(header: LasHeader) -> CRS | None:
    """A damaged CRS is no CRS: the caller can give one, which is all that helps."""
    try:
        if header.wkt:
            return CRS.from_wkt(header.wkt)
        for key in (_PROJECTED_KEY, _GEOGRAPHIC_KEY):
            code = _number(header, key)
            if code not in (0, _USER_DEFINED):
                return CRS.from_epsg(code)
    except CRSError:
        return None
    return None


def _number(header: LasHeader, key: int) -> int:
    value = header.geo_keys.get(key, 0)
    return value if isinstance(value, int) else 0


def _frame(crs: CRS, height_m: float | None) -> PointFrame:
    """Heights without a unit of their own are taken to be in that of the plan."""
    height_m = height_m or vertical_unit_m(crs)
    if height_m is not None:
        return PointFrame(horizontal(crs), height_m)
    height_m = linear_unit_m(crs) or 1.0
    if abs(height_m - 1.0) < 1e-9:
        return PointFrame(horizontal(crs), 1.0)
    note = f"its heights state no unit; they are taken to be in that of the plan, {height_m:.9g} m"
    return PointFrame(horizontal(crs), height_m, (note,))
