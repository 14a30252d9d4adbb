"""The ground of a scene as publishing wants it: heights on a lattice of nodes, and photos of areas."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from geovision.formats.terrain import REACH_M, Picture, Terrain, filled
from geovision.formats.tiles3d_spool import plan_boxes

if TYPE_CHECKING:
    from geovision.model.table import ProgramTable
    from geovision.sources import Scene
    from geovision.sources.grid import Bounds

__all__ = ["BuildingGrounds", "SceneGround", "ScenePhoto", "Surroundings", "terrain_of_programs"]

F32 = NDArray[np.float32]

STEP_M = 1.0
"""Between nodes of the finest terrain, where the heights are not coarser themselves."""
POINTS_STEP_M = 2.5
"""The same where they are worked out from points, which takes time, and lies between points anyway."""
_RANGE_PIXELS = 512
_LIFT_M = 0.1
"""By which ground that is made of buildings lies above theirs: more than meshing lowers it anywhere."""


class SceneGround:
    """Heights of the scene's DTM, or of its ground points. Nodes are the middles of cells."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._lock = threading.Lock()
        made = "dtm" not in scene.layers
        self.step_m = POINTS_STEP_M if made else max(STEP_M, scene.cell_m("dtm"))
        self._grid = scene.grid(self.step_m)
        self.origin = (self._grid.left + self.step_m / 2, self._grid.top - self.step_m / 2)

    def heights(self, column: int, row: int, columns: int, rows: int) -> F32:
        """[rows, columns] from a node on, south to north; NaN where nothing is known."""
        from geovision.sources.raster_info import Cut

        cut = Cut(column, 1 - row - rows, columns, rows)
        with self._lock:
            window = self._scene.read_cut("dtm", self._grid, cut)
        return np.asarray(window.data[0][::-1], np.float32)


class BuildingGrounds:
    """Ground that is known under buildings alone: each stands on its own, and between them it is filled in.

    Args:
        boxes: (n, 4) of the buildings.
        ground: (n,) their heights.
    """

    step_m = STEP_M
    origin = (0.0, 0.0)

    def __init__(self, boxes: NDArray[np.float64], ground: NDArray[np.float64]) -> None:
        known = np.isfinite(boxes).all(axis=1) & np.isfinite(ground)
        self.boxes, self._ground = boxes[known], ground[known] + _LIFT_M

    def heights(self, column: int, row: int, columns: int, rows: int) -> F32:
        """[rows, columns] from a node on; under overlapping boxes the highest, and nothing far from all."""
        reach = int(REACH_M)
        wide = self._painted(column - reach, row - reach, columns + 2 * reach, rows + 2 * reach, 0)
        near = self._painted(column, row, columns, rows, reach)
        inner = filled(wide.astype(np.float64))[reach:-reach, reach:-reach]
        return np.where(np.isfinite(near), inner, np.nan).astype(np.float32)

    def _painted(self, column: int, row: int, columns: int, rows: int, reach: int) -> F32:
        """Boxes, so much wider on all sides, with their grounds."""
        west, south, east, north = self.boxes.T + np.array([[-reach], [-reach], [reach], [reach]])
        first = np.floor(np.column_stack([west, south])).astype(int) - (column, row)
        last = np.ceil(np.column_stack([east, north])).astype(int) - (column, row)
        near = (last >= 0).all(axis=1) & (first < (columns, rows)).all(axis=1)
        found = np.full((rows, columns), np.nan, np.float32)
        for (left, low), (right, high), z in zip(
            np.maximum(first[near], 0).tolist(), last[near].tolist(), self._ground[near].tolist(), strict=True
        ):
            part = found[low : high + 1, left : right + 1]
            np.fmax(part, np.float32(z), out=part)
        return found


class ScenePhoto:
    """The orthophoto by area, as 8-bit sRGB. Threads may share it."""

    def __init__(self, scene: Scene, bounds: Bounds) -> None:
        self._scene = scene
        self._lock = threading.Lock()
        self.cell_m = scene.cell_m("image")
        self._range = self._find_range(bounds)

    def __call__(self, area: tuple[float, float, float, float], least_m: float) -> Picture | None:
        """The pixels over an area, `least_m` wide or the file's own; None where the photo has nothing."""
        with self._lock:
            window = self._scene.window("image", area, max(least_m, self.cell_m))
        if window.valid is not None and not window.valid.any():
            return None
        data = window.data[:3] if len(window.data) >= 3 else window.data[[0, 0, 0]]
        if self._range is not None:
            low, high = self._range
            scaled = (np.nan_to_num(data.astype(np.float64), nan=low) - low) / max(high - low, 1e-9)
            data = np.clip(scaled * 255, 0, 255)
        pixels = np.ascontiguousarray(np.moveaxis(data, 0, -1)).astype(np.uint8)
        west, south, east, north = window.bounds
        return Picture(pixels, (west, south, east, north), None if window.valid is None else ~window.valid)

    def _find_range(self, bounds: Bounds) -> tuple[float, float] | None:
        """What is black and white of more than 8 bits: once for the scene, so that tiles agree."""
        layer = self._scene.layer("image")
        if np.dtype(layer.dtype) == np.uint8:
            return None
        wide = max(bounds.east - bounds.west, bounds.north - bounds.south)
        window = self._scene.window("image", bounds, max(self.cell_m, wide / _RANGE_PIXELS))
        values = window.data[:3].astype(np.float64)
        values = values[:, window.valid] if window.valid is not None else values
        if not np.isfinite(values).any():
            return 0.0, 1.0
        low, high = np.nanpercentile(values, (1, 99)).tolist()
        return low, high


@dataclass
class Surroundings:
    """What buildings stand in: the scene, its terrain and its photo, where they are wanted and there.

    A context; it drops what the terrain keeps on disk.
    """

    scene: Scene | None = None
    terrain: Terrain | None = None
    photo: ScenePhoto | None = None

    def __enter__(self) -> Surroundings:
        return self

    def __exit__(self, *error: object) -> None:
        if self.terrain is not None:
            self.terrain.__exit__(*error)

    @classmethod
    def of(cls, scene: Scene | None, *, terrain: bool, photo: bool) -> Surroundings:
        """Those of a scene with footprints."""
        if scene is None or not len(scene.footprints):
            return cls(scene)
        from geovision.sources.grid import Bounds

        wanted = photo and "image" in scene.layers
        pixels = ScenePhoto(scene, Bounds(*scene.footprints.bounds)) if wanted else None
        known = terrain and scene.can_read("dtm")
        ground = Terrain(SceneGround(scene), scene.footprints.boxes()) if known else None
        return cls(scene, ground, pixels)

    def lowest(self, table: ProgramTable) -> NDArray[np.float64] | None:
        """How far down the walls of programs have to go; None where they need not."""
        return None if self.terrain is None else self.terrain.lowest(plan_boxes(table))


def terrain_of_programs(tables: Iterable[ProgramTable]) -> Terrain:
    """Terrain at the heights that buildings stand on, for want of any other."""
    boxes, ground = [np.zeros((0, 4))], [np.zeros(0)]
    for table in tables:
        boxes.append(plan_boxes(table))
        ground.append(table.ground_z)
    source = BuildingGrounds(np.concatenate(boxes), np.concatenate(ground))
    return Terrain(source, source.boxes)
