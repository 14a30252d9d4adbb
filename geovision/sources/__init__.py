"""Readers of geospatial sources; the only room beside the table formats that knows files of that kind."""

from __future__ import annotations

from geovision.sources.evidence import evidence_from_arrays, reach_m
from geovision.sources.footprints import (
    Footprints,
    Problem,
    Repair,
    VectorLimits,
    footprints_from_geodataframe,
    read_footprints,
)
from geovision.sources.grid import Bounds, TileKey
from geovision.sources.height_grid import HeightGrid
from geovision.sources.limits import Limits
from geovision.sources.opening import open_scene
from geovision.sources.point_block import PointBlock
from geovision.sources.points import PointFiles, open_points
from geovision.sources.prepare import prepare_footprints
from geovision.sources.raster_info import Raster
from geovision.sources.scene import Scene, SceneTile, Window
from geovision.sources.scene_file import SceneSpec, Source

__all__ = [
    "Bounds",
    "Footprints",
    "HeightGrid",
    "Limits",
    "PointBlock",
    "PointFiles",
    "Problem",
    "Raster",
    "Repair",
    "Scene",
    "SceneSpec",
    "SceneTile",
    "Source",
    "TileKey",
    "VectorLimits",
    "Window",
    "evidence_from_arrays",
    "footprints_from_geodataframe",
    "open_points",
    "open_scene",
    "prepare_footprints",
    "reach_m",
    "read_footprints",
]
