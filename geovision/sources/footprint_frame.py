"""The CRS of a vector layer, and the way from it to one projected CRS in metres."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from geovision.errors import InputError

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

__all__ = ["crs_name", "is_metric", "known_crs", "local_utm", "to_metric_frame"]

F64 = npt.NDArray[np.float64]

_SLACK_DEG = 0.5
"""Coordinates this far outside a CRS's area of use still count as in it: the areas are drawn roughly."""
_WIDE_DEG = 6.0
"""A layer wider than this leaves its UTM zone on both sides."""


def known_crs(name: str, *, metric: bool = False) -> Any:
    """The CRS (of pyproj) of that name; with `metric` one in degrees is refused.

    >>> known_crs("EPSG:28992", metric=True).name
    'Amersfoort / RD New'
    """
    import pyproj
    from pyproj.exceptions import CRSError

    try:
        found = pyproj.CRS.from_user_input(name)
    except CRSError as error:
        raise InputError(
            f"crs {name!r}", "is not known to PROJ", "Give it as EPSG:28992 or as WKT"
        ) from error
    if metric and found.is_geographic:
        raise InputError(f"crs {name!r}", "is in degrees, but programs are in metres", "Give a projected CRS")
    return found


def crs_name(crs: Any) -> str | None:
    """`EPSG:28992` where the CRS has a code, else its WKT."""
    if crs is None:
        return None
    authority = crs.to_authority()
    return ":".join(authority) if authority else str(crs.to_wkt())


def is_metric(crs: Any) -> bool:
    """Whether a unit of the CRS is a metre on the ground: no degrees, no feet, no web map.

    >>> [is_metric(known_crs(name)) for name in ("EPSG:28992", "EPSG:4326", "EPSG:2263", "EPSG:3857")]
    [True, False, False, False]
    """
    if crs.is_geographic or crs.is_geocentric:
        return False
    operation = crs.coordinate_operation
    if operation is not None and operation.method_name == "Popular Visualisation Pseudo Mercator":
        return False  # its metres are twice too long at 60 degrees
    return not crs.axis_info or all(axis.unit_conversion_factor == 1.0 for axis in crs.axis_info[:2])


def local_utm(lon: float, lat: float) -> Any:
    """The UTM zone of a place, or the polar grid beyond 84 N and 80 S.

    >>> local_utm(4.36, 52.01).to_authority()
    ('EPSG', '32631')
    """
    import pyproj

    if lat > 84 or lat < -80:
        return pyproj.CRS.from_epsg(5041 if lat > 0 else 5042)
    zone = math.floor((lon + 180) / 6) % 60 + 1
    return pyproj.CRS.from_epsg((32600 if lat >= 0 else 32700) + zone)


def to_metric_frame(
    frame: GeoDataFrame, crs: str | None, target_crs: str | None, name: str
) -> tuple[GeoDataFrame, list[str]]:
    """The layer in a projected CRS in metres, and what was assumed on the way.

    A layer without a CRS takes `crs`; without either it is taken to be in metres, unless its numbers look
    like degrees or `target_crs` has to be reached. Degrees, feet and web-map metres go to the local UTM zone
    where no target is given. Swapped axes are refused: they are never guessed.
    """
    notes: list[str] = []
    target = None if target_crs is None else known_crs(target_crs)
    if target is not None and not is_metric(target):
        raise InputError(
            f"target CRS {target_crs!r}", "is not in metres on the ground", "Give a projected CRS in metres"
        )
    if frame.crs is None and crs is None:
        _refuse_unknown(frame, target, name)
        return frame, ["no CRS is stated; coordinates are taken for metres"]
    if frame.crs is None:
        frame = frame.set_crs(known_crs(str(crs)))
        notes.append(f"no CRS is stated; taken as {crs}")
    source = _flat(frame.crs, name)
    if source != frame.crs:
        frame = frame.set_crs(source, allow_override=True)
    box = _finite_box(frame)
    if box is None:
        return frame, notes
    place = _check_place(source, box, target, name, notes)
    if target is None and not is_metric(source):
        target = local_utm(*place)
        notes.append(f"{_unit(source)} were put into {crs_name(target)}, the local UTM zone")
        if source.is_geographic and _width(box) > _WIDE_DEG:
            notes.append(f"the layer is {_width(box):.0f} degrees wide: far from the zone, lengths are off")
    if target is not None and source != target:
        frame = frame.to_crs(target)
    return frame, notes


def _refuse_unknown(frame: GeoDataFrame, target: Any, name: str) -> None:
    if target is not None:
        raise InputError(
            f"footprints {name}",
            f"no CRS is stated, so they cannot be put into {crs_name(target)}",
            "State the CRS with crs (--crs EPSG:28992)",
        )
    bounds = [float(value) for value in frame.total_bounds]
    if (
        all(math.isfinite(value) for value in bounds)
        and max(map(abs, bounds)) <= 360
        and bounds[2] - bounds[0] < 3
    ):
        raise InputError(
            f"footprints {name}",
            f"no CRS is stated and coordinates up to {max(map(abs, bounds)):.1f} look like degrees",
            "State the CRS with crs (--crs EPSG:4326), or give metres",
        )


def _flat(crs: Any, name: str) -> Any:
    """The plan part of a CRS that also has heights."""
    if crs.is_compound:
        crs = crs.sub_crs_list[0]
    if crs.is_geocentric:
        raise InputError(
            f"footprints {name}",
            f"their CRS {crs_name(crs)} is geocentric and has no plan",
            "Reproject the file to a projected or geographic CRS",
        )
    return crs.to_2d() if len(crs.axis_info) > 2 else crs


def _finite_box(frame: GeoDataFrame) -> F64 | None:
    boxes = frame.geometry.bounds.to_numpy()
    boxes = boxes[np.isfinite(boxes).all(axis=1)]
    return None if not len(boxes) else np.append(boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0))


def _unit(crs: Any) -> str:
    if crs.is_geographic:
        return "degrees"
    unit = crs.axis_info[0].unit_name if crs.axis_info else "metre"
    return "web-map metres" if unit in ("metre", "meter") else f"{unit} units"


def _width(box: F64) -> float:
    """Degrees from west to east; a layer on both sides of the antimeridian is narrow."""
    width = float(box[2] - box[0])
    return width if width <= 180 else 360 - width


def _check_place(source: Any, box: F64, target: Any, name: str, notes: list[str]) -> tuple[float, float]:
    """Longitude and latitude of the layer's middle; swapped axes are refused."""
    x, y = float(box[0] + box[2]) / 2, float(box[1] + box[3]) / 2
    if source.is_geographic and box[2] - box[0] > 180:
        x = (x + 360) % 360 - 180  # the middle of a layer on both sides of the antimeridian
    place, swapped = _lonlat(source, x, y), _lonlat(source, y, x)
    areas = [crs for crs in (source, target) if crs is not None and crs.area_of_use is not None]
    fits = all(_inside(crs, place) for crs in areas)
    if not fits and all(_inside(crs, swapped) for crs in areas):
        which = crs_name(next(crs for crs in areas if not _inside(crs, place)))
        raise InputError(
            f"footprints {name}",
            f"coordinates such as {x:.6g}, {y:.6g} lie outside the area of use of {which} as they stand, "
            "and inside it with x and y swapped",
            "Swap the axes in the file, or state the CRS that it is in",
        )
    if not math.isfinite(place[0] + place[1]) or abs(place[1]) > 90:
        raise InputError(
            f"footprints {name}",
            f"coordinates such as {x:.6g}, {y:.6g} are nowhere in {crs_name(source)}",
            "State the CRS that the file is in",
        )
    if not _inside(source, place):
        notes.append(
            f"coordinates lie outside the area of use of {crs_name(source)} "
            f"({place[1]:.2f} N, {place[0]:.2f} E)"
        )
    return place


def _lonlat(crs: Any, x: float, y: float) -> tuple[float, float]:
    import pyproj

    if crs.is_geographic:
        return x, y
    lon, lat = pyproj.Transformer.from_crs(crs, 4326, always_xy=True).transform(x, y)
    return float(lon), float(lat)


def _inside(crs: Any, place: tuple[float, float]) -> bool:
    lon, lat = place
    if not math.isfinite(lon + lat) or abs(lat) > 90 or abs(lon) > 360:
        return False
    area = crs.area_of_use
    if area is None:
        return True
    if not area.south - _SLACK_DEG <= lat <= area.north + _SLACK_DEG:
        return False
    east = (area.east - area.west) % 360 or 360.0
    return bool((lon - area.west + _SLACK_DEG) % 360 <= east + 2 * _SLACK_DEG)
