"""Houses of a row whose roofs go on into each other: where heights say that one ends and the next begins.

A row comes out of a height raster as one long outline, because nothing parts its roofs. But neighbours
differ: one has a dormer or a storey more at the back, roofs lie some centimetres higher or lower, ridges are
not quite in line. All that begins and ends at the walls between houses. So along the row, the share of its
depth over which heights jump has a peak at each of them, and houses of a row are about as wide as each other:
the cuts taken are those that explain the peaks best at nearly equal widths.

Whether a place has rows at all is not in the heights: a detached house with wings and hips has as many jumps.
So rows are looked for only where someone says that there are some.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from geovision.vision.polygons import Outlines

if TYPE_CHECKING:
    from shapely import Polygon

__all__ = ["RowRules", "part_rows", "wall_places"]

F64 = NDArray[np.float64]
Heights = Callable[[F64], F64]
"""Metres above the ground at places [..., 2]; NaN where unknown."""


@dataclass(frozen=True, kw_only=True)
class RowRules:
    """What a row of houses is."""

    narrow_m: float = 3.4
    """Least width of a house."""
    wide_m: float = 8.6
    """Most width of a house."""
    deep_m: float = 18.0
    """Most depth of a row."""
    filled: float = 0.6
    """Least share of its rectangle that a row fills."""
    jump_m: float = 0.3
    """A jump of the heights that counts in full."""
    doubt: float = 0.3
    """What a cut has to show, in standard deviations of the evidence along the row."""
    least: float = 1.25
    """What all cuts of a row have to show together."""
    mean: float = 0.8
    """What they have to show in the mean."""


_STEP_M = 0.25
"""Between places along and across a row."""
_REACH = 3
"""Steps to both sides over which heights are averaged, one step from the cut."""
_LOCAL_M = 2.75
"""Evidence counts above its mean this far to both sides: half a house."""
_LOW_M = 1.5
"""What lies lower is no roof."""
_ALIKE, _END_ALIKE = 0.12, 0.3
"""Standard deviations of widths, as shares of their mean: within a row, and of its two ends."""
_NOISE = 0.04
"""Of the evidence, where nothing happens along a row."""


def part_rows(
    found: Outlines, heights: Heights, *, min_area_m2: float, rules: RowRules | None = None
) -> Outlines:
    """Outlines with rows cut into houses, which share the walls between them exactly.

    A house takes its confidence from its row; its heights are measured again.

    Args:
        found: outlines.
        heights: of the same raster.
        min_area_m2: pieces below it stay with the house beside them.
        rules: the defaults where they are left out.
    """
    import shapely

    rules = rules or RowRules()
    polygons = found.polygons()
    pieces: list[list[Polygon]] = []
    ends: list[F64] = []
    for polygon in polygons:
        lines = _cut_lines(polygon, heights, rules)
        parts = [polygon] if lines is None else _pieces(polygon, lines, min_area_m2)
        pieces.append(parts)
        if len(parts) > 1:
            known = {tuple(xy) for xy in shapely.get_coordinates(polygon).tolist()}
            new = {tuple(xy) for part in parts for xy in shapely.get_coordinates(part).tolist()} - known
            ends.append(np.array(sorted(new)).reshape(-1, 2))
    if not ends:
        return found
    whole = _with_vertices([part for parts in pieces for part in parts], np.concatenate(ends))
    source = np.repeat(np.arange(len(pieces)), [len(parts) for parts in pieces])
    return _rebuilt(found, whole, source, heights)


def wall_places(polygon: Polygon, heights: Heights, rules: RowRules | None = None) -> F64:
    """Where walls between houses lie along a row, in metres from its beginning; empty where it is none.

    >>> from shapely import box
    >>> def dormers(xy: F64) -> F64:
    ...     house = np.floor(xy[..., 0] / 6)
    ...     return np.where((xy[..., 1] > 5) & (house % 2 == 0), 8.0, 7.0)
    >>> [round(float(x)) for x in wall_places(box(0, 0, 30, 9), dormers)]
    [6, 12, 18, 24]
    """
    rules = rules or RowRules()
    frame = _Frame.of(polygon)
    house = 2.4 * rules.narrow_m
    if frame.length < house or frame.depth > rules.deep_m or polygon.area < rules.filled * frame.area:
        return np.zeros(0)
    at, jumps = _jumps(frame, heights, rules)
    inside = (at >= 1.5) & (at <= frame.length - 1.5)
    if np.count_nonzero(inside) < 12:
        return np.zeros(0)
    places, share = at[inside], jumps[inside]
    near = np.abs(places[:, None] - places) <= _LOCAL_M
    above = share - (near * share).sum(axis=1) / near.sum(axis=1)
    return _best_cuts(places, above / (above.std() + _NOISE), frame.length, rules)


@dataclass(frozen=True)
class _Frame:
    """The rectangle round a row: its corner, along it and across it."""

    corner: F64
    along: F64
    across: F64
    length: float
    depth: float

    @property
    def area(self) -> float:
        return self.length * self.depth

    @staticmethod
    def of(polygon: Polygon) -> _Frame:
        import shapely

        ring = shapely.get_coordinates(shapely.oriented_envelope(polygon))
        sides = ring[1:3] - ring[:2]
        sizes = np.hypot(*sides.T)
        longer = int(sizes[1] > sizes[0])
        along = sides[longer] / sizes[longer]
        # One of the two ways, so that the same row is cut alike whichever corner comes first.
        along = along if tuple(along) > (0.0, 0.0) else -along
        across = np.array([-along[1], along[0]])
        corner = (ring @ along).min() * along + (ring @ across).min() * across
        return _Frame(corner, along, across, float(sizes.max()), float(sizes.min()))

    def places(self, along: F64, across: F64) -> F64:
        return self.corner + along[..., None] * self.along + across[..., None] * self.across


def _jumps(frame: _Frame, heights: Heights, rules: RowRules) -> tuple[F64, F64]:
    """Places along a row, and the share of its depth over which heights jump there."""
    margin = 2 * _REACH + 2
    columns = int(frame.length / _STEP_M) + 2 * margin
    rows = int(frame.depth / _STEP_M) + 1
    u = (np.arange(columns) - margin + 0.5) * _STEP_M
    v = (np.arange(rows) + 0.5) * _STEP_M
    z = heights(frame.places(*np.broadcast_arrays(u[None], v[:, None])))
    z = np.clip(np.nan_to_num(z), 0.0, None)
    total = np.cumsum(np.pad(z, ((0, 0), (1, 0))), axis=1)
    cuts = np.arange(_REACH, columns - _REACH + 1)
    rise = np.zeros((rows, columns + 1))
    rise[:, cuts] = (total[:, cuts + _REACH] - 2 * total[:, cuts] + total[:, cuts - _REACH]) / _REACH
    # Along a slope heights rise before and after as much: what is left is sudden.
    before, after = _shifted(rise, _REACH + 1), _shifted(rise, -_REACH - 1)
    steady = np.where(before * after > 0, np.sign(before) * np.minimum(np.abs(before), np.abs(after)), 0.0)
    share = np.minimum(np.abs(rise - steady) / rules.jump_m, 1.0)
    roof = np.minimum(_shifted(z, -3), _shifted(z, 3))[:, 1:] > _LOW_M
    share[:, 1:-1] *= roof
    share[:, [0, -1]] = 0.0
    depth = np.maximum(np.pad(roof.sum(axis=0), 1), 4)
    along = np.asarray((np.arange(columns + 1) - margin) * _STEP_M, np.float64)
    return along, np.asarray(share.sum(axis=0) / depth, np.float64)


def _shifted(values: F64, by: int) -> F64:
    """Columns moved to the right; 0 where nothing comes in."""
    out = np.zeros_like(values)
    if by > 0:
        out[:, by:] = values[:, :-by]
    else:
        out[:, :by] = values[:, -by:]
    return out


def _best_cuts(places: F64, evidence: F64, length: float, rules: RowRules) -> F64:
    """The cuts that explain most at nearly equal widths: of all widths, by dynamic programming each."""
    gain = evidence - rules.doubt
    best, chosen = rules.least, np.zeros(0, np.int64)
    for width in np.arange(rules.narrow_m, rules.wide_m + 1e-9, 0.2):
        if length < 2.4 * width:
            break
        score, cuts = _cuts_of_width(places, gain, length, float(width))
        if score > best and len(cuts) > 1 and evidence[cuts].mean() >= rules.mean:
            best, chosen = score, cuts
    return places[chosen]


def _cuts_of_width(places: F64, gain: F64, length: float, width: float) -> tuple[float, NDArray[np.int64]]:
    score = gain - ((places - width) / (_END_ALIKE * width)) ** 2
    last = np.full(len(places), -1)
    least, most = int(np.ceil(0.65 * width / _STEP_M)), int(1.4 * width / _STEP_M)
    for cut in range(least, len(places)):
        earlier = np.arange(max(0, cut - most), cut - least + 1)
        apart = (cut - earlier) * _STEP_M
        through = score[earlier] - ((apart - width) / (_ALIKE * width)) ** 2
        best = int(through.argmax())
        if through[best] + gain[cut] > score[cut]:
            score[cut], last[cut] = through[best] + gain[cut], earlier[best]
    score = score - ((length - places - width) / (_END_ALIKE * width)) ** 2
    cut = int(score.argmax())
    total, cuts = float(score[cut]), []
    while cut >= 0:
        cuts.append(cut)
        cut = int(last[cut])
    return total, np.array(cuts[::-1], np.int64)


def _cut_lines(polygon: Polygon, heights: Heights, rules: RowRules) -> F64 | None:
    """[cuts, 2, 2] lines across a row, longer than it is deep; None where there are none."""
    places = wall_places(polygon, heights, rules)
    if not len(places):
        return None
    frame = _Frame.of(polygon)
    ends = [frame.places(places, np.full_like(places, side)) for side in (-1.0, frame.depth + 1.0)]
    return np.stack(ends, axis=1)


def _pieces(polygon: Polygon, lines: F64, min_area_m2: float) -> list[Polygon]:
    """What lines cut a polygon into; neighbours have the same vertices on the walls between them."""
    import shapely

    # Lines reach beyond the polygon, so that they and its walls get the same vertices where they cross.
    walls = shapely.get_parts(polygon.boundary)
    noded = shapely.node(shapely.multilinestrings([*walls, *shapely.linestrings(lines)]))
    faces = shapely.get_parts(shapely.polygonize(shapely.get_parts(noded)))
    parts = [face for face in faces.tolist() if polygon.contains(face.point_on_surface())]
    while len(parts) > 1:
        small = min(range(len(parts)), key=lambda index: float(parts[index].area))
        if parts[small].area >= min_area_m2:
            break
        piece = parts.pop(small)
        shared = [float(shapely.intersection(piece, part).length) for part in parts]
        beside = int(np.argmax(shared))
        joined = shapely.union(parts[beside], piece)
        if joined.geom_type != "Polygon":
            return [polygon]
        parts[beside] = joined
    parts.sort(key=lambda part: part.point_on_surface().coords[0])
    return parts if parts and np.isclose(sum(part.area for part in parts), polygon.area) else [polygon]


def _with_vertices(polygons: list[Polygon], places: F64) -> list[Polygon]:
    """Polygons with a vertex wherever one of the places lies on a wall of theirs."""
    import shapely

    tree = shapely.STRtree(polygons)
    of, at = tree.query(shapely.points(places), predicate="dwithin", distance=1e-6)
    out = list(polygons)
    for index in np.unique(at).tolist():
        out[index] = _meeting(out[index], places[of[at == index]])
    return out


def _meeting(polygon: Polygon, places: F64) -> Polygon:
    import shapely

    rings = []
    for ring in (polygon.exterior, *polygon.interiors):
        xy = shapely.get_coordinates(ring)
        starts, steps = xy[:-1], np.diff(xy, axis=0)
        lengths = np.maximum((steps**2).sum(axis=1), 1e-18)
        for place in places:
            along = np.clip(((place - starts) * steps).sum(axis=1) / lengths, 0.0, 1.0)
            apart = np.hypot(*(starts + along[:, None] * steps - place).T)
            side = int(apart.argmin())
            if apart[side] <= 1e-6 and np.hypot(*(xy - place).T).min() > 1e-6:
                xy = np.insert(xy, side + 1, place, axis=0)
                starts, steps = xy[:-1], np.diff(xy, axis=0)
                lengths = np.maximum((steps**2).sum(axis=1), 1e-18)
        rings.append(xy)
    return shapely.Polygon(rings[0], rings[1:])


def _rebuilt(
    found: Outlines, polygons: list[Polygon], source: NDArray[np.int64], heights: Heights
) -> Outlines:
    """Outlines of the polygons, each with what is known of the one that it comes from."""
    cut = np.bincount(source)[source] > 1
    made = found.redrawn(np.array(polygons, object), source)
    for index in np.flatnonzero(cut).tolist():
        made.height_m[index], made.height_high_m[index] = _heights_in(polygons[index], heights)
    return replace(made, touches=made.touches | cut)


def _heights_in(polygon: Polygon, heights: Heights) -> tuple[float, float]:
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
