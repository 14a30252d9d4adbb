"""Coordinate reference systems: which one a scene is in, what units a file has, and how to cross over."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from pyproj.enums import TransformDirection
from pyproj.exceptions import CRSError, ProjError

from geovision.errors import InputError
from geovision.sources.grid import Bounds

__all__ = [
    "UNIT_METRES",
    "accuracy_m",
    "check_place",
    "crs_name",
    "horizontal",
    "is_metric",
    "known_crs",
    "linear_unit_m",
    "local_utm",
    "metric_problem",
    "transform_bounds",
    "transform_xy",
    "transformer",
    "vertical_crs",
    "vertical_unit_m",
]

UNIT_METRES = {"metre": 1.0, "foot": 0.3048, "us-foot": 1200 / 3937}
# A plan that is off by more than this in scale would give wrong pitches and areas.
_MAX_SCALE_ERROR = 0.01
_SLACK_DEG = 0.5
"""Coordinates this far outside a CRS's area of use still count as in it: the areas are drawn roughly."""


def known_crs(name: Any, *, metric: bool = False) -> CRS:
    """The CRS of that name, code or WKT; with `metric` one in degrees is refused.

    >>> known_crs("EPSG:28992", metric=True).name
    'Amersfoort / RD New'
    """
    try:
        found = CRS.from_user_input(name)
    except CRSError as error:
        raise InputError(
            f"crs {name!r}", "is not known to PROJ", "Give it as EPSG:28992 or as WKT"
        ) from error
    if metric and found.is_geographic:
        raise InputError(f"crs {name!r}", "is in degrees, but programs are in metres", "Give a projected CRS")
    return found


def crs_name(crs: CRS | None) -> str | None:
    """`EPSG:28992` where the CRS has a code, else its WKT."""
    return None if crs is None else _name(crs)


@functools.lru_cache(maxsize=256)
def _name(crs: CRS) -> str:
    authority = crs.to_authority()
    return ":".join(authority) if authority else str(crs.to_wkt())


def is_metric(crs: CRS) -> bool:
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


def local_utm(lon: float, lat: float) -> CRS:
    """The UTM zone of a place, or the polar grid beyond 84 N and 80 S.

    >>> local_utm(4.36, 52.01).to_authority()
    ('EPSG', '32631')
    """
    if lat > 84 or lat < -80:
        return CRS.from_epsg(5041 if lat > 0 else 5042)
    zone = math.floor((lon + 180) / 6) % 60 + 1
    return CRS.from_epsg((32600 if lat >= 0 else 32700) + zone)


@functools.lru_cache(maxsize=256)
def horizontal(crs: CRS) -> CRS:
    """The plan part of a compound or three-dimensional CRS."""
    if crs.is_compound:
        return horizontal(crs.sub_crs_list[0])
    if crs.is_bound and crs.source_crs is not None:
        return horizontal(crs.source_crs)
    return crs.to_2d()


def linear_unit_m(crs: CRS) -> float | None:
    """Metres per unit of the plan axes; None for one in degrees."""
    plan = horizontal(crs)
    if not plan.is_projected:
        return None
    return float(plan.axis_info[0].unit_conversion_factor) if plan.axis_info else 1.0


def vertical_unit_m(crs: CRS) -> float | None:
    """Metres per unit of the height axis, where the CRS has one."""
    for axis in crs.axis_info:
        if axis.direction.lower() in ("up", "down") and axis.unit_conversion_factor:
            return float(axis.unit_conversion_factor)
    return None


def vertical_crs(crs: CRS) -> CRS | None:
    """The height system of a CRS that has one in metres, counted upwards.

    >>> system = vertical_crs(known_crs("EPSG:7415"))
    >>> system.name, vertical_crs(known_crs("EPSG:28992")), vertical_crs(known_crs("EPSG:6360"))
    ('NAP height', None, None)
    """
    if crs.is_compound:
        return vertical_crs(crs.sub_crs_list[-1])
    axes = crs.axis_info
    if not crs.is_vertical or not axes or axes[0].direction.lower() != "up":
        return None
    return crs if axes[0].unit_conversion_factor == 1.0 else None


def metric_problem(crs: CRS, at: tuple[float, float] | None = None) -> str | None:
    """Why a scene cannot be in this CRS; None where it can.

    Args:
        crs: what to judge.
        at: x and y in it where the scene lies; the scale there must be true within 1 %.
    """
    plan = horizontal(crs)
    if plan.is_geographic:
        return "it is in degrees"
    if not plan.is_projected:
        return "it is not projected"
    unit = linear_unit_m(plan)
    if unit is not None and not math.isclose(unit, 1.0, rel_tol=1e-9):
        return f"its unit is {unit:.9g} m"
    if not is_metric(plan):
        return "its metres are not metres on the ground"
    if at is not None:
        scale = _plan_scale(plan, at)
        if abs(scale - 1) > _MAX_SCALE_ERROR:
            return f"a metre in it is {1 / scale:.4f} m on the ground here"
    return None


def _plan_scale(crs: CRS, at: tuple[float, float]) -> float:
    """Length in the CRS of one metre on the ground at a place, averaged over the directions (areal)."""
    from pyproj import Proj

    try:
        lon, lat = transform_xy(crs, _geographic(crs), np.array([at]))[0]
        return math.sqrt(abs(float(Proj(crs).get_factors(lon, lat).areal_scale)))
    except (ProjError, CRSError):
        return 1.0


@functools.lru_cache(maxsize=64)
def _geographic(crs: CRS) -> CRS:
    return (crs.geodetic_crs or CRS.from_epsg(4326)).to_2d()


@functools.lru_cache(maxsize=256)
def transformer(source: CRS, target: CRS) -> Transformer:
    """From plan to plan, x before y whatever the axis order of the two, without the network."""
    return Transformer.from_crs(horizontal(source), horizontal(target), always_xy=True)


def transform_xy(source: CRS, target: CRS, xy: NDArray[np.float64]) -> NDArray[np.float64]:
    """[..., 2] coordinates carried over; what cannot be carried is infinite."""
    if horizontal(source) == horizontal(target):
        return xy
    x, y = transformer(source, target).transform(
        xy[..., 0], xy[..., 1], direction=TransformDirection.FORWARD, errcheck=False
    )
    return np.stack([np.asarray(x), np.asarray(y)], axis=-1)


def transform_bounds(source: CRS, target: CRS, bounds: Bounds) -> Bounds:
    """Bounds that hold the transformed area: its border is followed, not only its corners."""
    if horizontal(source) == horizontal(target):
        return bounds
    t = np.linspace(0, 1, 22)
    x = bounds.west + t * bounds.width
    y = bounds.south + t * bounds.height
    ring = np.concatenate(
        [
            np.stack([x, np.full_like(x, bounds.south)], -1),
            np.stack([x, np.full_like(x, bounds.north)], -1),
            np.stack([np.full_like(y, bounds.west), y], -1),
            np.stack([np.full_like(y, bounds.east), y], -1),
        ]
    )
    moved = transform_xy(source, target, ring)
    moved = moved[np.isfinite(moved).all(axis=1)]
    if not len(moved):
        return Bounds(math.inf, math.inf, -math.inf, -math.inf)
    low, high = moved.min(axis=0), moved.max(axis=0)
    return Bounds(float(low[0]), float(low[1]), float(high[0]), float(high[1]))


def check_place(
    source: CRS, box: Bounds, target: CRS | None, thing: str, notes: list[str]
) -> tuple[float, float]:
    """Longitude and latitude of the middle of `box`; swapped axes are refused, never guessed.

    Args:
        source: plan CRS of the box.
        box: extent of the source.
        target: CRS that the place must be in as well, where there is one.
        thing: what to call the source in an error.
        notes: takes what is odd.
    """
    x, y = (box.west + box.east) / 2, (box.south + box.north) / 2
    if source.is_geographic and box.width > 180:
        x = (x + 360) % 360 - 180  # the middle of a source on both sides of the antimeridian
    place, swapped = _lonlat(source, x, y), _lonlat(source, y, x)
    areas = [crs for crs in (source, target) if crs is not None and crs.area_of_use is not None]
    fits = all(_inside(crs, place) for crs in areas)
    if not fits and all(_inside(crs, swapped) for crs in areas):
        which = crs_name(next(crs for crs in areas if not _inside(crs, place)))
        raise InputError(
            thing,
            f"coordinates such as {x:.6g}, {y:.6g} lie outside the area of use of {which} as they stand, "
            "and inside it with x and y swapped",
            "Swap the axes in the file, or state the CRS that it is in",
        )
    if not math.isfinite(place[0] + place[1]) or abs(place[1]) > 90:
        raise InputError(
            thing,
            f"coordinates such as {x:.6g}, {y:.6g} are nowhere in {crs_name(source)}",
            "State the CRS that the file is in",
        )
    if not _inside(source, place):
        notes.append(
            f"coordinates lie outside the area of use of {crs_name(source)} "
            f"({place[1]:.2f} N, {place[0]:.2f} E)"
        )
    return place


def _lonlat(crs: CRS, x: float, y: float) -> tuple[float, float]:
    if crs.is_geographic:
        return x, y
    lon, lat = transformer(crs, CRS.from_epsg(4326)).transform(x, y)
    return float(lon), float(lat)


def _inside(crs: CRS, place: tuple[float, float]) -> bool:
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


def accuracy_m(source: CRS, target: CRS) -> float | None:
    """What PROJ says of the accuracy of the crossing with the grids that this machine has."""
    if horizontal(source) == horizontal(target):
        return 0.0
    value = transformer(source, target).accuracy
    return float(value) if value >= 0 else None  # -1: PROJ does not know
