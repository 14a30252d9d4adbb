"""Footprints from vector tiles: pieces of a building that tile borders cut are joined again."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from geovision.errors import InputError
from geovision.sources.mvt import Ring, TileLayer, decode_tile
from geovision.sources.tile_archives import Span, TileArchive, open_tile_archive
from geovision.sources.vector_files import Box, VectorLimits, Window

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

__all__ = ["read_vector_tiles"]

_HALF_WORLD_M = 20037508.342789244
_LAYERS = ("building", "buildings", "footprints", "building_footprints")
_LOOSE = 2.0
"""Grid steps by which both tiles may place the end of a cut: each rounds on its own."""
_TRUSTED = 0.9
"""Ids are believed where this share of the pieces that meet geometrically have the same one."""


@dataclass
class _Piece:
    """A polygon of one tile, cut at the tile's border."""

    column: int
    row: int
    number: int
    """Of the feature within its tile."""
    id: int | None
    properties: dict[str, Any]
    shape: Any
    """In grid steps from the corner of the whole span of tiles; y to the south."""
    crossed: frozenset[str]
    """Borders over which the feature goes on, as drawn in the tile's margin."""


@dataclass
class _Cut:
    """A stretch of a tile's border that lies in a piece."""

    piece: int
    low: float
    high: float


@dataclass
class _Sheet:
    """All pieces of a tileset."""

    extent: int = 0
    margin: bool = False
    """Whether tiles show what lies beyond their borders; a cut without it is any wall on a border."""
    pieces: list[_Piece] = field(default_factory=list)
    others: int = 0


def read_vector_tiles(
    path: Path, *, layer: str | None, window: Window | None, limits: VectorLimits, notes: list[str]
) -> GeoDataFrame:
    """The polygons of the highest zoom, in web-map metres, one row per building.

    Two pieces on both sides of a border are one building where both cover the same stretch of it and, if the
    tiles have a margin, both go on beyond it there; where ids can be believed, where they also have the same.
    Ids of the tiles become the index where they can be believed, else the place of the first piece.
    """
    import geopandas

    archive = open_tile_archive(path)
    span = None if window is None else _span(window("EPSG:3857"), archive.zoom)
    sheet = _load(archive, path, layer, span, limits)
    groups, trusted = _joined(sheet)
    if sheet.others:
        notes.append(f"{sheet.others} features of the tiles are no polygons and were left out")
    step = 2 * _HALF_WORLD_M / (1 << archive.zoom) / max(sheet.extent, 1)
    notes.append(f"tiles of zoom {archive.zoom} round to {step:.2g} m at the equator")
    rows = [_building(sheet, group, trusted=trusted, zoom=archive.zoom) for group in groups]
    shapes = _to_map([row[1] for row in rows], step)
    frame = geopandas.GeoDataFrame([row[2] for row in rows], geometry=shapes, crs="EPSG:3857")
    frame.index = [row[0] for row in rows]
    return frame


def _span(box: Box | None, zoom: int) -> Span | None:
    """Tiles that the box touches, and one more all round for what is cut at their borders."""
    if box is None:
        return None
    side = 2 * _HALF_WORLD_M / (1 << zoom)
    return (
        math.floor((box[0] + _HALF_WORLD_M) / side) - 1,
        math.floor((box[2] + _HALF_WORLD_M) / side) + 1,
        math.floor((_HALF_WORLD_M - box[3]) / side) - 1,
        math.floor((_HALF_WORLD_M - box[1]) / side) + 1,
    )


def _load(
    archive: TileArchive, path: Path, layer: str | None, span: Span | None, limits: VectorLimits
) -> _Sheet:
    sheet = _Sheet()
    wanted, vertices = layer, 0
    seen: set[str] = set()
    for column, row, data in archive.tiles(span):
        thing = f"tile {archive.zoom}/{column}/{row} of {path}"
        layers = decode_tile(data, thing, wanted)
        seen |= {found.name for found in layers}
        if wanted is None:
            wanted = _choose(path, layers)
        for found in layers:
            if found.name != wanted:
                continue
            if sheet.extent not in (0, found.extent):
                raise InputError(
                    thing, f"has an extent of {found.extent}, others {sheet.extent}", "Make the tileset anew"
                )
            sheet.extent = found.extent
            sheet.others += found.others
            vertices += sum(
                len(ring) for item in found.features for polygon in item.polygons for ring in polygon
            )
            _add(sheet, found, column, row)
        for name, count, limit in (
            ("features", len(sheet.pieces), limits.features),
            ("vertices", vertices, limits.vertices),
        ):
            if count > limit:
                raise InputError(
                    f"footprints {path}", f"has over {limit:,} {name}", f"Raise limits.{name}, or give bounds"
                )
    if seen and layer is not None and layer not in seen:
        raise InputError(
            f"footprints {path}", f"it has no layer {layer!r}", f"Use one of {', '.join(sorted(seen))}"
        )
    return sheet


def _choose(path: Path, layers: list[TileLayer]) -> str | None:
    """The layer of buildings; None while no tile has shown one with polygons."""
    names = [found.name for found in layers if found.features]
    for name in _LAYERS:
        if name in names:
            return name
    if len(names) > 1:
        raise InputError(
            f"footprints {path}",
            f"it has {len(names)} layers with polygons",
            f"Choose one with layer (--layer): {', '.join(names)}",
        )
    return names[0] if names else None


def _add(sheet: _Sheet, layer: TileLayer, column: int, row: int) -> None:
    """The pieces of a tile, cut at its borders; what lies in the margin alone is another tile's."""
    import shapely

    extent = layer.extent
    owners = [(n, item) for n, item in enumerate(layer.features) for _ in item.polygons]
    drawn = [polygon for item in layer.features for polygon in item.polygons]
    if not drawn:
        return
    shapes = _polygons(drawn)
    boxes = shapely.bounds(shapes)
    beyond = np.stack([boxes[:, 0] < 0, boxes[:, 2] > extent, boxes[:, 1] < 0, boxes[:, 3] > extent], axis=1)
    sheet.margin = sheet.margin or bool(beyond.any())
    cut, broken = np.asarray(beyond.any(axis=1)), ~shapely.is_valid(shapes)
    shapes[broken] = shapely.make_valid(shapes[broken], method="structure", keep_collapsed=False)
    shapes[cut] = shapely.intersection(shapes[cut], shapely.box(0, 0, extent, extent))
    parts, part_of = shapely.get_parts(shapes, return_index=True)
    keep = (shapely.get_type_id(parts) == 3) & (shapely.area(parts) > 0)
    parts, part_of = parts[keep], part_of[keep]
    offset = np.array([column * extent, row * extent], dtype=np.float64)
    parts = shapely.transform(parts, lambda xy: xy + offset)
    sides = np.array(["west", "east", "north", "south"])
    for part, source in zip(parts, part_of.tolist(), strict=True):
        number, item = owners[source]
        borders = frozenset(sides[beyond[source]].tolist()) if cut[source] else frozenset()
        sheet.pieces.append(_Piece(column, row, number, item.id, item.properties, part, borders))


def _polygons(drawn: list[list[Ring]]) -> npt.NDArray[np.object_]:
    import shapely

    rings = [ring for polygon in drawn for ring in polygon]
    corners = np.array([place for ring in rings for place in ring], dtype=np.float64)
    ring_of = np.repeat(np.arange(len(rings)), [len(ring) for ring in rings])
    owner = np.repeat(np.arange(len(drawn)), [len(polygon) for polygon in drawn])
    return np.asarray(shapely.polygons(shapely.linearrings(corners, indices=ring_of), indices=owner))


def _joined(sheet: _Sheet) -> tuple[list[list[int]], bool]:
    """Indices of the pieces of each building, and whether the tiles' ids can be believed."""
    meetings = _meetings(sheet)
    alike = [(a, b) for a, b, same in meetings if same]
    known = [(a, b) for a, b in alike if sheet.pieces[a].id is not None and sheet.pieces[b].id is not None]
    equal = sum(sheet.pieces[a].id == sheet.pieces[b].id for a, b in known)
    if known:
        trusted = len(known) == len(alike) and equal >= _TRUSTED * len(known)
    else:  # no building is cut: numbers that start anew in every tile show by being there twice
        ids = [piece.id for piece in sheet.pieces]
        places = {(piece.row, piece.column, piece.number) for piece in sheet.pieces}
        trusted = not alike and None not in ids and len(set(ids)) == len(places)
    if trusted:
        links = [(a, b) for a, b, _ in meetings if sheet.pieces[a].id == sheet.pieces[b].id]
    else:
        links = [(a, b) for a, b in alike if sheet.pieces[a].properties == sheet.pieces[b].properties]
    parent = list(range(len(sheet.pieces)))

    def find(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    # Parts of one feature belong together as well.
    features: dict[Any, int] = {}
    for index, piece in enumerate(sheet.pieces):
        key = piece.id if trusted and piece.id is not None else (piece.row, piece.column, piece.number)
        links.append((features.setdefault(key, index), index))
    for a, b in links:
        low, high = sorted((find(a), find(b)))
        parent[high] = low
    groups: dict[int, list[int]] = defaultdict(list)
    for index in range(len(sheet.pieces)):
        groups[find(index)].append(index)
    return list(groups.values()), trusted


def _meetings(sheet: _Sheet) -> list[tuple[int, int, bool]]:
    """Pairs of pieces that lie on both sides of a border, and whether they cover the same stretch of it."""
    import shapely

    borders: dict[tuple[str, int, int], tuple[list[_Cut], list[_Cut]]] = defaultdict(lambda: ([], []))
    boxes = shapely.bounds(np.array([piece.shape for piece in sheet.pieces], dtype=object)).reshape(-1, 4)
    for index, (piece, box) in enumerate(zip(sheet.pieces, boxes.tolist(), strict=True)):
        for side, place, edge in (("west", 0, 0), ("east", 1, 2), ("north", 0, 1), ("south", 1, 3)):
            if sheet.margin and side not in piece.crossed:
                continue  # it ends at the border: a wall of its own
            upright = side in ("west", "east")
            line = (piece.column if upright else piece.row) + place
            if box[edge] != line * sheet.extent:
                continue
            along = piece.row if upright else piece.column
            cuts = _cuts(piece.shape, index, line * sheet.extent, 0 if upright else 1)
            # The piece on the low side of the line has it as its east or south border.
            borders["x" if upright else "y", line, along][1 - place].extend(cuts)
    found = []
    for low, high in borders.values():
        for a in low:
            for b in high:
                shared = min(a.high, b.high) - max(a.low, b.low)
                if shared <= 0:
                    continue
                close = abs(a.low - b.low) <= _LOOSE and abs(a.high - b.high) <= _LOOSE
                same = close or shared > 0.5 * (max(a.high, b.high) - min(a.low, b.low))
                found.append((a.piece, b.piece, same))
    return found


def _cuts(shape: Any, piece: int, line: float, axis: int) -> list[_Cut]:
    import shapely

    result = []
    for ring in shapely.get_rings(shape):
        xy = shapely.get_coordinates(ring)
        on = xy[:, axis] == line
        for i in np.flatnonzero(on[:-1] & on[1:]):
            ends = sorted((float(xy[i, 1 - axis]), float(xy[i + 1, 1 - axis])))
            result.append(_Cut(piece, ends[0], ends[1]))
    return result


def _building(
    sheet: _Sheet, group: list[int], *, trusted: bool, zoom: int
) -> tuple[str, Any, dict[str, Any]]:
    """Id, outline in grid steps and attributes of one building."""
    import shapely

    first = sheet.pieces[group[0]]
    pieces = [sheet.pieces[index] for index in group]
    largest = max(pieces, key=lambda piece: (piece.shape.area, -piece.row, -piece.column))
    name = f"{zoom}/{first.column}/{first.row}/{first.number}"
    if trusted and first.id is not None:
        name = str(first.id)
    if len(pieces) == 1:
        return name, first.shape, largest.properties
    shape = shapely.union_all([piece.shape for piece in pieces])
    parts = [_without_seams(part, sheet.extent) for part in shapely.get_parts(shape)]
    return name, shapely.union_all(parts), largest.properties


def _without_seams(polygon: Any, extent: int) -> Any:
    """Drops corners on tile borders that lie on a straight wall: they are where it was cut."""
    import shapely

    rings = []
    for ring in shapely.get_rings(polygon):
        xy = shapely.get_coordinates(ring)[:-1]
        seam = (np.mod(xy, extent) == 0).any(axis=1)
        for index in np.flatnonzero(seam)[::-1]:
            if len(xy) <= 3:
                break
            before, after = xy[index - 1], xy[(index + 1) % len(xy)]
            chord, own = after - before, xy[index] - before
            length = float(np.hypot(*chord))
            off = abs(float(chord[0] * own[1] - chord[1] * own[0])) / max(length, 1e-9)
            if off <= _LOOSE and 0 <= float(chord @ own) <= length**2:
                xy = np.delete(xy, index, axis=0)
        rings.append(xy)
    mended = shapely.Polygon(rings[0], rings[1:])
    return mended if mended.is_valid else polygon


def _to_map(shapes: list[Any], step: float) -> npt.NDArray[np.object_]:
    import shapely

    array = np.array(shapes, dtype=object)
    turned = shapely.transform(
        array, lambda xy: np.stack([xy[:, 0] * step - _HALF_WORLD_M, _HALF_WORLD_M - xy[:, 1] * step], axis=1)
    )
    return np.asarray(turned, dtype=object)
