"""What a run will take, from what runs took: seconds and bytes, by tiles, points, roofs and buildings.

Constants and not a calibration: what is measured when a run is planned would differ from plan to plan, and so
would plans. A run says itself, from its first tiles on, what is left.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from geovision.batch.scene_parts import SourcePiece, TileInput
from geovision.sources.grid import intersection

if TYPE_CHECKING:
    from geovision.sources import Scene

__all__ = ["Work", "tile_bytes", "tile_points", "whole_estimate", "work_of"]

# CPU seconds of a core of a 2-core AMD EPYC; docs/scaling.md has the runs beside what these say of them.
_S_PER_TILE = 0.15
_S_PER_POINT = 1.0e-6
"""Read, as often as tiles read it."""
_S_PER_ROOF_POINT = 4.5e-6
"""Fitted: a point or a cell of a raster inside an outline."""
_S_PER_SMEARED_CELL = 5.0e-5
"""More, where a raster's smear has to be undone."""
_S_PER_BUILDING = 3.5e-3
_S_PER_FORMAT = 0.4e-3
"""A building in a format."""
_LEAST_DENSITY = 8.0
"""Points a square metre of roof: files that hold points of buildings alone seem thin by their bounds."""
_BYTES_PER_TILE = 16_000
_BYTES_PER_BUILDING = 1_100
_BYTES_OF_FORMAT = {"cityjsonseq": 9_000, "parquet": 3_000, "glb": 6_000, "obj": 8_000, "ply": 4_000}


@dataclass(frozen=True)
class Work:
    """What fitting all buildings takes, beside reading."""

    measurements: float
    """Points and cells inside of outlines."""
    seconds_each: float


def work_of(scene: Scene) -> Work:
    """How much there is to fit, from headers and outlines alone."""
    import shapely

    roofs_m2 = float(shapely.area(scene.footprints.polygons()).sum())
    box = None if scene.points is None else scene.points.bounds
    if scene.points is not None and box is not None:
        density = scene.points.points.count / max(box.area, 1.0)
        return Work(max(density, _LEAST_DENSITY) * roofs_m2, _S_PER_ROOF_POINT)
    role = next((name for name in ("dsm", "ndsm") if name in scene.layers), None)
    if role is None:
        return Work(0.0, 0.0)
    smeared = _S_PER_SMEARED_CELL if scene.whole.smear.spread_m > 0 else 0.0
    return Work(roofs_m2 / scene.cell_m(role) ** 2, _S_PER_ROOF_POINT + smeared)


def tile_points(tile: TileInput, pieces: Sequence[SourcePiece]) -> float:
    """Points that a tile reads: the share of each file that lies in it."""
    return sum(_within(pieces[number], tile) for number in tile.pieces)


def _within(piece: SourcePiece, tile: TileInput) -> float:
    shared = None if piece.bounds is None else intersection(piece.bounds, tile.area)
    if piece.bounds is None or shared is None:
        return 0.0
    return piece.points * shared.area / max(piece.bounds.area, 1.0)


def tile_bytes(buildings: int, formats: Sequence[str]) -> int:
    """Bytes that the files of a tile are thought to take."""
    each = _BYTES_PER_BUILDING + sum(_BYTES_OF_FORMAT.get(name, 6_000) for name in formats)
    return _BYTES_PER_TILE + buildings * each


def whole_estimate(
    tiles: Mapping[str, list[Any]], work: Work, points: Iterable[float], formats: Sequence[str]
) -> dict[str, Any]:
    """Sums over all tiles.

    Args:
        tiles: columns of the plan.
        work: from `work_of`.
        points: that each tile reads.
        formats: of the tiles.
    """
    buildings, count = sum(tiles["buildings"]), len(tiles["buildings"])
    seconds = count * _S_PER_TILE + sum(points) * _S_PER_POINT
    seconds += buildings * (_S_PER_BUILDING + len(formats) * _S_PER_FORMAT)
    seconds += work.measurements * work.seconds_each
    return {
        "tiles": count,
        "buildings": buildings,
        "bytes": sum(tiles["bytes"]),
        "cpu_s": round(seconds, 1),
        "most_buildings": max(tiles["buildings"], default=0),
    }
