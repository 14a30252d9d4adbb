"""Outlines that are made from others: what rows are parted into, and houses that pieces are joined to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from geovision.vision.polygons import Outlines

if TYPE_CHECKING:
    from shapely import Polygon

__all__ = ["heights_in", "outlines_of"]

F64 = NDArray[np.float64]
_STEP_M = 0.25
"""Between the places where heights are looked at."""
_COLUMNS = (
    "probability",
    "contrast",
    "iou",
    "height_m",
    "height_high_m",
    "direction_deg",
    "level",
    "touches",
)


def outlines_of(found: Outlines, polygons: NDArray[np.object_], source: NDArray[np.int64]) -> Outlines:
    """Outlines of polygons, each with what is known of the one that it comes from; areas are measured.

    Args:
        found: where they come from.
        polygons: neighbours have the same vertices on the walls between them.
        source: for each the outline that it comes from.
    """
    import shapely

    array = shapely.orient_polygons(polygons)
    _, xy, (rings, parts) = shapely.to_ragged_array(array)
    keep = np.ones(len(xy), bool)
    keep[rings[1:] - 1] = False
    return replace(
        found,
        polygon_offsets=np.asarray(parts, np.int64),
        ring_offsets=np.asarray(rings - np.arange(len(rings)), np.int64),
        xy=np.ascontiguousarray(xy[keep]),
        area_m2=shapely.area(array),
        **{name: getattr(found, name)[source] for name in _COLUMNS},
    )


def heights_in(polygon: Polygon, heights: Callable[[F64], F64]) -> tuple[float, float]:
    """Median and 90th percentile of the heights inside; NaN where none is known."""
    import shapely

    west, south, east, north = polygon.bounds
    x, y = np.arange(west, east, _STEP_M), np.arange(south, north, _STEP_M)
    xy = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    z = heights(xy[shapely.contains_xy(polygon, xy)])
    z = z[np.isfinite(z)]
    if not len(z):
        return float("nan"), float("nan")
    middle, high = np.quantile(z, [0.5, 0.9])
    return float(middle), float(high)
