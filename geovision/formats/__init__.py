"""Reading and writing files. Names are loaded on first use: not every writer needs the kernel or pyarrow."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from geovision.formats.atomic import atomic_write
    from geovision.formats.cityjson import open_cityjsonseq, write_cityjsonseq
    from geovision.formats.footprints import write_footprints
    from geovision.formats.glb import glb_bytes, write_glb
    from geovision.formats.meshes import write_mesh
    from geovision.formats.points import write_points
    from geovision.formats.programs import read_programs, write_programs
    from geovision.formats.rasters import write_raster
    from geovision.formats.tiles3d import TilesetSummary, write_3dtiles
    from geovision.formats.usd import write_usd

__all__ = [
    "TilesetSummary",
    "atomic_write",
    "glb_bytes",
    "open_cityjsonseq",
    "read_programs",
    "write_3dtiles",
    "write_cityjsonseq",
    "write_footprints",
    "write_glb",
    "write_mesh",
    "write_points",
    "write_programs",
    "write_raster",
    "write_usd",
]

_HOMES = {
    "TilesetSummary": "tiles3d",
    "atomic_write": "atomic",
    "glb_bytes": "glb",
    "open_cityjsonseq": "cityjson",
    "read_programs": "programs",
    "write_3dtiles": "tiles3d",
    "write_cityjsonseq": "cityjson",
    "write_footprints": "footprints",
    "write_glb": "glb",
    "write_mesh": "meshes",
    "write_points": "points",
    "write_programs": "programs",
    "write_raster": "rasters",
    "write_usd": "usd",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'geovision.formats' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"geovision.formats.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
