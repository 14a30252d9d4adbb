"""Readers of geospatial sources; the only room beside the table formats that knows files of that kind."""

from __future__ import annotations

from geovision.sources.footprints import (
    Footprints,
    Problem,
    Repair,
    VectorLimits,
    footprints_from_geodataframe,
    read_footprints,
)
from geovision.sources.prepare import prepare_footprints

__all__ = [
    "Footprints",
    "Problem",
    "Repair",
    "VectorLimits",
    "footprints_from_geodataframe",
    "prepare_footprints",
    "read_footprints",
]
