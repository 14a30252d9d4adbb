"""Scenes with something added that was found out and not given: outlines, heights, the ground."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision.sources.cells import cell_points
from geovision.sources.footprint_set import Footprints
from geovision.sources.gridding import CellFrame, dtm_from_ground
from geovision.sources.ground import MAX_OBJECT_M, Terrain, filter_ground
from geovision.sources.height_grid import HeightGrid
from geovision.sources.prepare import prepare_footprints
from geovision.sources.raster_info import Raster
from geovision.sources.raster_open import HandlePool, open_sheet
from geovision.sources.raster_values import heights_of
from geovision.sources.rasters import Piece, RasterLayer
from geovision.sources.scene import Scene
from geovision.sources.scene_file import Source

__all__ = ["with_footprints", "with_ground", "with_heights"]

_CELL_M = 1.0
_MOST_CELLS = 50_000_000


def with_footprints(scene: Scene, footprints: Footprints, notes: tuple[str, ...] = ()) -> Scene:
    """The scene with outlines, as if they had been given; walls that they share are noded.

    Args:
        scene: any; outlines that it has are replaced.
        footprints: in the CRS of the scene.
        notes: what is to be said of them.
    """
    import geopandas

    rows = footprints.attributes or [{} for _ in footprints.ids]
    columns = {"id": footprints.ids} | {
        name: [row.get(name) for row in rows] for name in dict.fromkeys(key for row in rows for key in row)
    }
    frame = geopandas.GeoDataFrame(columns, geometry=footprints.polygons(), crs=footprints.crs)
    return replace(
        scene,
        spec=scene.spec.model_copy(update={"footprints": Source(files=(frame,))}),
        notes=(*scene.notes, *notes),
        _footprints=prepare_footprints(footprints),
    )


def with_heights(scene: Scene, role: str, heights: Raster | str | Path, notes: tuple[str, ...] = ()) -> Scene:
    """The scene with a height raster in a role that it lacks.

    Args:
        scene: any.
        role: dsm, dtm or ndsm.
        heights: in memory or a file.
        notes: what is to be said of them.
    """
    pool = HandlePool(cache_mb=scene.spec.cache_mb)
    if isinstance(heights, Raster):
        sheet: Any = heights.sheet()
    else:
        sheet = open_sheet(os.fspath(heights), pool, scene.limits, allow_vrt=False, allow_network=False)
    values, told = heights_of(sheet.info, nodata=None, vertical_unit="")
    crs = sheet.info.crs or scene.crs
    layer = RasterLayer(role, [Piece(sheet, crs, values)], (role,), scene.crs, threads=scene.threads)
    return replace(
        scene,
        spec=scene.spec.model_copy(update={role: Source(files=(heights,))}),
        layers={**scene.layers, role: layer},
        notes=(*scene.notes, *(f"{sheet.info.name}: {text}" for text in told), *notes),
    )


def with_ground(scene: Scene) -> Scene:
    """The scene with a DTM, where it has a DSM and nothing that shows the ground; else the scene itself.

    The lowest cells are opened as `filter_ground` does it, and a surface is laid through what is left. What
    is wider than 36 m in both directions stays in the ground: give a DTM where such buildings stand.
    """
    if scene.can_read("ndsm") or "dsm" not in scene.layers:
        return scene
    ground = _ground_under(scene)
    place = (ground.cell_m, 0.0, ground.left, 0.0, -ground.cell_m, ground.top)
    note = (
        f"no ground was given: it was estimated from the surface every {ground.cell_m:g} m, and what is "
        f"wider than {MAX_OBJECT_M:.0f} m both ways may have been taken for it"
    )
    dtm = Raster(ground.values, place, scene.crs, name="estimated ground")
    return with_heights(scene, "dtm", dtm, (note,))


def _ground_under(scene: Scene) -> HeightGrid:
    area = scene.extents["dsm"]
    cell = max(_CELL_M, scene.cell_m("dsm"), float(np.sqrt(area.area / _MOST_CELLS)))
    grid = scene.grid(cell)
    cut = grid.cut(area)
    window = scene.read_cut("dsm", grid, cut)
    left, top = window.bounds.west, window.bounds.north
    xyz, _ = cell_points(HeightGrid(window.data[0], left, top, cell))
    ground: NDArray[np.float64] = xyz[filter_ground(xyz, cell_m=cell)]
    frame = CellFrame(left, top, cell, cut.width, cut.height)
    return dtm_from_ground(Terrain(ground, threads=scene.threads), frame)
