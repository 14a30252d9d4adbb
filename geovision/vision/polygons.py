"""Outlines of buildings from rasters: probabilities (or a mask) in, clean polygons out.

A network says for every cell how likely it is a building, whether a wall parts two buildings there, and where
walls run. `outlines` makes polygons of that whose walls are straight and keep to the building's directions,
whose common walls are the same vertices on both sides, and which are always valid. `OutlineStream` does the
same strip by strip, with the same result for every way of cutting.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geovision._native import load_kernel
from geovision.errors import InputError, UsageError

if TYPE_CHECKING:
    from shapely import Polygon

__all__ = ["LEVELS", "Level", "OutlineSettings", "OutlineStream", "Outlines", "outlines"]

Level = Literal["regular", "simple", "raw"]

LEVELS: tuple[Level, ...] = ("regular", "simple", "raw")
"""How far an outline has been brought: straight walls in the building's directions, the traced line without
needless vertices, or the traced line itself. A wall that fails a guard (it would cross another one, or leave
the raster too far) is left at a later level; `Outlines.level` says so."""

_ROOM = "Cut all bands on one grid"


@dataclass(frozen=True, kw_only=True)
class OutlineSettings:
    """What a building is, and how plain its outline should be."""

    threshold: float = 0.5
    """Probability from which a cell is building."""
    boundary_threshold: float = 0.5
    """Above it a cell of the boundary raster parts two buildings."""
    min_area_m2: float = 4.0
    """Smaller buildings are dropped, or given to the neighbour that they touch."""
    min_hole_m2: float = 4.0
    """Smaller courtyards are filled."""
    tolerance_m: float = 0.6
    """How far an outline may leave the raster to be simpler: about the depth of the least bay drawn."""
    min_iou: float = 0.75
    """With the raster's own cells; below it an outline is left less regular."""
    reach_m: float = 1.0
    """How far a wall may move to a step of the heights."""
    level: Level = "regular"
    threads: int = 0
    """0 for all cores. The outlines do not depend on it."""

    def __post_init__(self) -> None:
        if not 0 < self.threshold <= 1:
            problem = f"is {self.threshold}; expected above 0 and at most 1"
            raise UsageError("threshold", problem, "0.5 is usual")
        if self.level not in LEVELS:
            raise UsageError("level", f"{self.level!r} is not known", f"Use one of {', '.join(LEVELS)}")
        names = ("boundary_threshold", "min_area_m2", "min_hole_m2", "tolerance_m", "min_iou", "reach_m")
        for name in names:
            value = getattr(self, name)
            if not (np.isfinite(value) and value >= 0):
                raise UsageError(name, f"is {value}; expected a finite number from 0", "Leave it out")


@dataclass(frozen=True)
class Outlines:
    """Polygons as flat arrays, with what is known of each.

    Exteriors run counter-clockwise, holes clockwise, rings are open. Walls that two buildings share are the
    same vertices on both sides, T-vertices included.
    """

    polygon_offsets: NDArray[np.int64]
    """[P+1] into rings, exterior first."""
    ring_offsets: NDArray[np.int64]
    """[R+1] into `xy`."""
    xy: NDArray[np.float64]
    """[V, 2] in the raster's CRS."""
    area_m2: NDArray[np.float64]
    probability: NDArray[np.float64]
    """Mean inside, 0 to 1; 1 for a mask."""
    contrast: NDArray[np.float64]
    """Mean fall of the probability across the free walls, 0 to 1."""
    iou: NDArray[np.float64]
    """Of the polygon with the cells that it was made from."""
    height_m: NDArray[np.float64]
    """Median of the height raster inside; NaN without one."""
    height_high_m: NDArray[np.float64]
    """Its 90th percentile."""
    direction_deg: NDArray[np.float64]
    """Main direction of the walls, from east, counter-clockwise, 0 to 90."""
    level: NDArray[np.uint8]
    """Index into `LEVELS`: of the least regular wall."""
    touches: NDArray[np.bool_]
    """Whether a wall is shared with another building."""

    def __len__(self) -> int:
        return len(self.area_m2)

    @property
    def confidence(self) -> NDArray[np.float64]:
        """The geometric mean of `probability` and `contrast`: sure inside, and sure where it ends."""
        return np.sqrt(self.probability * self.contrast)

    def polygons(self) -> NDArray[np.object_]:
        """As shapely polygons."""
        import shapely

        starts, ends = self.ring_offsets[:-1], self.ring_offsets[1:]
        xy = np.insert(self.xy, ends, self.xy[starts], axis=0) if len(starts) else self.xy
        offsets = self.ring_offsets + np.arange(len(self.ring_offsets))
        made: NDArray[np.object_] = shapely.from_ragged_array(
            shapely.GeometryType.POLYGON, xy, (offsets, self.polygon_offsets)
        )
        return made

    def polygon(self, index: int) -> Polygon:
        """One of them."""
        from shapely import Polygon

        first, last = self.polygon_offsets[index], self.polygon_offsets[index + 1]
        at = self.ring_offsets[first : last + 1]
        rings = [self.xy[a:b] for a, b in pairwise(at)]
        return Polygon(rings[0], rings[1:])

    def redrawn(self, polygons: NDArray[np.object_], source: NDArray[np.int64]) -> Outlines:
        """Outlines of other polygons, each with what is known of the one that it comes from; areas are anew.

        Args:
            polygons: neighbours have the same vertices on the walls between them.
            source: for each the outline here that it comes from.
        """
        import shapely

        array = shapely.orient_polygons(polygons)
        _, xy, (rings, parts) = shapely.to_ragged_array(array)
        keep = np.ones(len(xy), bool)
        keep[rings[1:] - 1] = False
        shape = {
            "polygon_offsets": np.asarray(parts, np.int64),
            "ring_offsets": np.asarray(rings - np.arange(len(rings)), np.int64),
            "xy": np.ascontiguousarray(xy[keep]),
            "area_m2": shapely.area(array),
        }
        known = {one.name: getattr(self, one.name)[source] for one in fields(self) if one.name not in shape}
        return Outlines(**shape, **known)

    @staticmethod
    def concatenate(parts: Iterable[Outlines]) -> Outlines:
        """Several as one, in order: what the calls of an `OutlineStream` gave."""
        some = list(parts)
        if not some:
            raise UsageError("outlines", "nothing was given to put together", "Give at least one part")
        joined: dict[str, Any] = {}
        for field in fields(Outlines):
            columns = [getattr(part, field.name) for part in some]
            if field.name.endswith("_offsets"):
                base = np.cumsum([0] + [c[-1] for c in columns])
                columns = [c[1:] + b for c, b in zip(columns, base[:-1], strict=True)]
                columns.insert(0, np.zeros(1, np.int64))
            joined[field.name] = np.concatenate(columns)
        return Outlines(**joined)


class OutlineStream:
    """Outlines of a raster that comes in strips from the top.

    Every `add` gives the polygons that end above the strip's last rows, `finish` the rest; together they are
    the same, in the same order, for every way of cutting the raster. Memory holds a strip and what is
    unfinished.

    >>> mask = np.zeros((40, 40), bool)
    >>> mask[5:25, 5:35] = True
    >>> stream = OutlineStream(0.5, 100.0, 200.0, 40)
    >>> parts = [stream.add(mask[:20]), stream.add(mask[20:]), stream.finish()]
    >>> [len(part) for part in parts]
    [0, 1, 0]
    >>> print(parts[1].polygon(0))
    POLYGON ((102.5 197.5, 102.5 187.5, 117.5 187.5, 117.5 197.5, 102.5 197.5))
    """

    def __init__(
        self,
        cell_m: float,
        left: float,
        top: float,
        columns: int,
        settings: OutlineSettings | None = None,
    ) -> None:
        """Say where the raster lies.

        Args:
            cell_m: size of a cell; rasters are north up.
            left: x of the raster's left edge.
            top: y of its upper edge.
            columns: cells in a row.
            settings: the defaults where they are left out.
        """
        if not (np.isfinite(cell_m) and cell_m > 0):
            raise UsageError("cell_m", f"is {cell_m}; expected metres above 0", "Give the size of a cell")
        if not (np.isfinite(left) and np.isfinite(top)):
            raise UsageError("left, top", f"are {left}, {top}; expected finite numbers", "Give the corner")
        if not 1 <= columns <= 1 << 19:
            raise UsageError("columns", f"is {columns}; expected 1 to 524288", "Work on it in parts")
        self._cell, self._left, self._top = float(cell_m), float(left), float(top)
        self._columns = int(columns)
        self._settings = settings or OutlineSettings()
        self._kernel: Any = None
        self._given: tuple[bool, ...] = ()

    def add(
        self,
        building: ArrayLike,
        *,
        boundary: ArrayLike | None = None,
        frame: ArrayLike | None = None,
        height: ArrayLike | None = None,
    ) -> Outlines:
        """Take in the next rows.

        Args:
            building: [rows, columns] bool (a mask), uint8 (probability * 255) or float (probability); NaN
                is no building.
            boundary: the same, of walls, those between touching buildings above all.
            frame: [2, rows, columns], cos and sin of four times the direction of the nearest wall (from east,
                counter-clockwise); float, or uint8 as 128 + 127 v.
            height: [rows, columns] metres, NaN where unknown. Walls move to its steps.
        """
        mask = _array(building, "building")
        if mask.ndim != 2 or mask.shape[1] != self._columns:
            raise InputError("building", f"has shape {mask.shape}; expected (rows, {self._columns})", _ROOM)
        given = (mask.dtype == bool, boundary is not None, frame is not None, height is not None)
        if self._kernel is None:
            self._start(given)
        elif given != self._given:
            problem = "a strip differs in its bands, or in mask or probability, from those before"
            raise UsageError("outline stream", problem, "Give every strip the same bands")
        bands = [_band(mask, "building", mask.shape)]
        bands.append(_band(boundary, "boundary", mask.shape))
        bands.append(_band(frame, "frame", (2, *mask.shape)))
        heights = None if height is None else np.asarray(height, np.float32)
        bands.append(_band(heights, "height", mask.shape))
        return self._placed(self._kernel.add(*bands))

    def finish(self) -> Outlines:
        """The polygons that reach the last rows. No strip may follow."""
        if self._kernel is None:
            self._start((True, False, False, False))
        out = self._placed(self._kernel.finish())
        self._kernel = _Ended()
        return out

    def _start(self, given: tuple[bool, ...]) -> None:
        s = self._settings
        binary, boundary, frame, height = self._given = given
        self._kernel = load_kernel().OutlineStream(
            columns=self._columns,
            cell=self._cell,
            binary=binary,
            boundary=boundary,
            frame=frame,
            height=height,
            threshold=s.threshold,
            boundary_threshold=s.boundary_threshold,
            min_area=s.min_area_m2,
            min_hole=s.min_hole_m2,
            tolerance=s.tolerance_m,
            min_iou=s.min_iou,
            reach=s.reach_m,
            level=LEVELS.index(s.level),
            threads=s.threads,
        )

    def _placed(self, arrays: dict[str, Any]) -> Outlines:
        xy = arrays.pop("xy")
        arrays["xy"] = np.array([self._left, self._top]) + xy * np.array([self._cell, -self._cell])
        arrays["direction_deg"] = np.degrees(arrays.pop("direction"))
        arrays["touches"] = arrays["touches"].astype(bool)
        return Outlines(**arrays)


def outlines(
    building: ArrayLike,
    *,
    cell_m: float,
    left: float = 0.0,
    top: float = 0.0,
    boundary: ArrayLike | None = None,
    frame: ArrayLike | None = None,
    height: ArrayLike | None = None,
    settings: OutlineSettings | None = None,
    **changes: Any,
) -> Outlines:
    """Polygons of the buildings in a raster; the arguments are those of `OutlineStream` and its `add`.

    `changes` are fields of `OutlineSettings`.

    >>> mask = np.zeros((30, 30), bool)
    >>> mask[5:15, 5:25] = True
    >>> found = outlines(mask, cell_m=1.0, top=30.0)
    >>> len(found), found.area_m2.tolist(), found.direction_deg.tolist()
    (1, [200.0], [0.0])
    """
    mask = _array(building, "building")
    if mask.ndim != 2 or 0 in mask.shape:
        raise InputError("building", f"has shape {mask.shape}; expected (rows, columns)", "Give a raster")
    if changes:
        known = {field.name for field in fields(OutlineSettings)}
        if unknown := sorted(set(changes) - known):
            raise UsageError(
                "outlines", f"got {', '.join(unknown)}", f"Use one of {', '.join(sorted(known))}"
            )
        base = settings or OutlineSettings()
        settings = OutlineSettings(**({name: getattr(base, name) for name in known} | changes))
    stream = OutlineStream(cell_m, left, top, mask.shape[1], settings)
    first = stream.add(mask, boundary=boundary, frame=frame, height=height)
    return Outlines.concatenate([first, stream.finish()])


class _Ended:
    """Stands where the kernel's stream was."""

    def add(self, *_: object) -> dict[str, Any]:
        raise UsageError("outline stream", "has been finished", "Begin another one")

    def finish(self) -> dict[str, Any]:
        return self.add()


def _array(values: ArrayLike, name: str) -> NDArray[Any]:
    array = np.asarray(values)
    if array.dtype.kind == "f":
        return array.astype(np.float32, copy=False)
    if array.dtype not in (np.bool_, np.uint8):
        problem = f"is {array.dtype}; expected bool, uint8 or float"
        raise InputError(name, problem, "Scale it to probabilities")
    return array


def _band(values: ArrayLike | None, name: str, shape: tuple[int, ...]) -> NDArray[Any] | None:
    if values is None:
        return None
    array = _array(values, name)
    if array.shape != shape:
        raise InputError(name, f"has shape {array.shape}; expected {shape}", _ROOM)
    if array.dtype == bool:
        array = array.view(np.uint8) if name == "building" else array * np.uint8(255)
    return np.ascontiguousarray(array)
