"""The CRS of a vector layer, and the way from it to one projected CRS in metres."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from geovision.errors import InputError
from geovision.sources.crs import check_place, crs_name, is_metric, known_crs, local_utm
from geovision.sources.grid import Bounds
from geovision.sources.vector_files import first_line

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

__all__ = ["to_metric_frame"]

F64 = npt.NDArray[np.float64]

_WIDE_DEG = 6.0
"""A layer wider than this leaves its UTM zone on both sides."""


def to_metric_frame(
    frame: GeoDataFrame, crs: str | None, target_crs: str | None, name: str
) -> tuple[GeoDataFrame, list[str]]:
    """The layer in a projected CRS in metres, and what was assumed on the way.

    A layer without a CRS takes `crs`; without either it is taken to be in metres, unless its numbers look
    like degrees or `target_crs` has to be reached. Degrees, feet and web-map metres go to the local UTM zone
    where no target is given. Swapped axes are refused: they are never guessed.
    """
    from pyproj.exceptions import ProjError

    notes: list[str] = []
    try:
        return _to_metric_frame(frame, crs, target_crs, name, notes), notes
    except ProjError as error:
        raise InputError(
            f"footprints {name}",
            f"their CRS cannot be related to others ({first_line(error)})",
            "State the CRS in the file as one that PROJ knows, for example EPSG:28992",
        ) from error


def _to_metric_frame(
    frame: GeoDataFrame, crs: str | None, target_crs: str | None, name: str, notes: list[str]
) -> GeoDataFrame:
    target = None if target_crs is None else known_crs(target_crs)
    if target is not None and not is_metric(target):
        raise InputError(
            f"target CRS {target_crs!r}", "is not in metres on the ground", "Give a projected CRS in metres"
        )
    if frame.crs is None and crs is None:
        _refuse_unknown(frame, target, name)
        notes.append("no CRS is stated; coordinates are taken for metres")
        return frame
    if frame.crs is None:
        frame = frame.set_crs(known_crs(str(crs)))
        notes.append(f"no CRS is stated; taken as {crs}")
    source = _flat(frame.crs, name)
    if source != frame.crs:
        frame = frame.set_crs(source, allow_override=True)
    box = _finite_box(frame)
    if box is None:
        return frame
    place = check_place(source, Bounds(*box.tolist()), target, f"footprints {name}", notes)
    if target is None and not is_metric(source):
        target = local_utm(*place)
        notes.append(f"{_unit(source)} were put into {crs_name(target)}, the local UTM zone")
        if source.is_geographic and _width(box) > _WIDE_DEG:
            notes.append(f"the layer is {_width(box):.0f} degrees wide: far from the zone, lengths are off")
    if target is not None and source != target:
        frame = frame.to_crs(target)
    return frame


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
