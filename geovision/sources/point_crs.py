"""The CRS and the units of a LAS file, from its WKT or its GeoTIFF keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from geovision.errors import InputError
from geovision.sources.las_header import LasHeader

__all__ = ["PointFrame", "frame_of"]

_PROJECTED, _GEOGRAPHIC, _VERTICAL = 3072, 2048, 4096
_PLAN_UNIT, _HEIGHT_UNIT = 3076, 4099
_UNITS = {9001: 1.0, 9002: 0.3048, 9003: 1200 / 3937}
_USER_DEFINED = 32767


@dataclass(frozen=True)
class PointFrame:
    """What the coordinates of a file mean."""

    crs: Any | None
    """Horizontal CRS (of pyproj), or None where the file states none."""
    height_m: float = 1.0
    """Metres per unit of height."""
    notes: tuple[str, ...] = ()


def frame_of(header: LasHeader, crs: str | None = None) -> PointFrame:
    """The frame that a file states, or the CRS given for one that states none."""
    found = _from_wkt(header) if header.wkt else _from_keys(header)
    if found is None:
        return PointFrame(None) if crs is None else _frame(_parse(crs, f"crs {crs!r}"), None, ())
    return found


def _parse(value: Any, thing: str) -> Any:
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    try:
        return CRS.from_user_input(value)
    except CRSError as error:
        raise InputError(
            thing, "the CRS is not known to PROJ", "Give it as EPSG:28992 or as WKT (--crs)"
        ) from error


def _from_wkt(header: LasHeader) -> PointFrame | None:
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    try:
        return _frame(CRS.from_wkt(header.wkt or ""), None, ())
    except CRSError:
        # A damaged CRS is no CRS: the caller can give one, which is all that helps.
        return None


def _from_keys(header: LasHeader) -> PointFrame | None:
    keys = header.geo_keys
    code = next(
        (keys[key] for key in (_PROJECTED, _GEOGRAPHIC) if keys.get(key) not in (None, 0, _USER_DEFINED)),
        None,
    )
    if code is None:
        return None
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    try:
        crs = CRS.from_epsg(int(code))
    except (CRSError, ValueError):
        return None
    unit = _UNITS.get(int(keys.get(_HEIGHT_UNIT, 0) or 0))
    notes: tuple[str, ...] = ()
    stated = _UNITS.get(int(keys.get(_PLAN_UNIT, 0) or 0))
    own = _plan_unit(crs)
    if stated is not None and own is not None and abs(stated - own) > 1e-9:
        notes = (
            f"keys state a unit of {stated:.6g} m, EPSG:{code} one of {own:.6g} m; the code is believed",
        )
    return _frame(crs, unit, notes)


def _plan_unit(crs: Any) -> float | None:
    if crs.is_geographic or not crs.axis_info:
        return None
    return float(crs.axis_info[0].unit_conversion_factor)


def _frame(crs: Any, height_unit: float | None, notes: tuple[str, ...]) -> PointFrame:
    """The plan part; heights without a unit of their own are taken to be in that of the plan."""
    plan = crs
    while plan.is_compound or plan.is_bound:
        plan = plan.sub_crs_list[0] if plan.is_compound else plan.source_crs
    plan = plan.to_2d()
    if height_unit is None:
        height_unit = next(
            (
                float(axis.unit_conversion_factor)
                for axis in crs.axis_info
                if axis.direction.lower() in ("up", "down") and axis.unit_conversion_factor
            ),
            None,
        )
    if height_unit is None:
        height_unit = _plan_unit(plan) or 1.0
        if abs(height_unit - 1.0) > 1e-9:
            notes = (*notes, f"heights are taken to be in the unit of the plan, {height_unit:.9g} m")
    return PointFrame(plan, height_unit, notes)
