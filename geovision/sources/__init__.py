"""Readers of geospatial sources; the only room beside the table formats that knows files of that kind."""

from __future__ import annotations

from geovision.sources.evidence import evidence_from_arrays
from geovision.sources.footprints import (
    Footprints,
    Problem,
    Repair,
    VectorLimits,
    footprints_from_geodataframe,
    read_footprints,
)
from geovision.sources.point_block import PointBlock
from geovision.sources.points import PointFiles, open_points
from geovision.sources.prepare import prepare_footprints

__all__ = [
    "Footprints",
    "PointBlock",
    "PointFiles",
    "Problem",
    "Repair",
    "VectorLimits",
    "evidence_from_arrays",
    "footprints_from_geodataframe",
    "open_points",
    "prepare_footprints",
    "read_footprints",
]
