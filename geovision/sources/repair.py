"""Polygons as they come to polygons that are valid, with a record of everything that was mended.

Each record is mended by its own outline alone; what neighbours have to agree on is the business of
`geovision.sources.prepare`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from geovision.sources.footprint_set import Problem, Repair

__all__ = ["Repaired", "repair_polygons"]

MIN_AREA_M2 = 0.01
"""A piece smaller than this is no building."""
_MIN_WIDTH_M = 0.02
"""A piece or a hole whose mean width (twice its area by its perimeter) is below this is a sliver."""
_MIN_HOLE_M2 = 0.1
"""Shafts are larger; smaller holes are left over from drawing."""
_NEAR_M = 0.01
"""Corners closer than this are one: the kernel publishes no edge shorter than 1 cm."""
_MAX_ROUNDS = 16
_MAX_M = 1e9
"""Further than this from its origin no projected CRS reaches, and squares of lengths lose millimetres."""

Objects = npt.NDArray[np.object_]
Bool = npt.NDArray[np.bool_]
I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]


@dataclass
class Repaired:
    """Valid polygons and what it took to get them."""

    polygons: Objects
    rows: I64
    """[n] index into the input of each polygon."""
    ids: list[str]
    problems: list[Problem] = field(default_factory=list)
    repairs: list[Repair] = field(default_factory=list)
    dropped_z: int = 0
    """Records whose z values were left out."""


@dataclass
class _Work:
    """Single polygons on their way, and what was done to each row."""

    polygons: Objects
    rows: I64
    done: dict[int, list[str]]

    def say(self, row: int, what: str) -> None:
        self.done.setdefault(row, []).append(what)


def repair_polygons(geometries: Objects, ids: Sequence[str]) -> Repaired:
    """Valid polygons from geometries of any kind; a record that yields none is in `problems`.

    Multi-polygons become one polygon per piece, named `id/0`, `id/1` ... by falling area (then from west to
    east), so that the order in the source does not matter. Double corners and spikes are removed, rings that
    cross themselves are taken apart at the crossing, slivers and holes too small for a shaft are left out.
    Corners on a straight wall stay: a neighbour may need them.

    >>> import shapely
    >>> bow_tie = shapely.Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])
    >>> found = repair_polygons(np.array([bow_tie, None]), ["a", "b"])
    >>> found.ids, [str(record) for record in found.repairs + found.problems]
    (['a/0', 'a/1'], ["footprint 'a': its outline crossed itself near 5.00 5.00 and was taken apart there",
    "footprint 'b': it has no geometry. Drop it, or draw its outline."])
    """
    import shapely

    result = Repaired(np.zeros(0, object), np.zeros(0, np.int64), [])
    geometries = np.asarray(geometries, dtype=object)
    usable = _usable(geometries, ids, result)
    result.dropped_z = int(shapely.has_z(geometries[usable]).sum())
    work = _Work(shapely.force_2d(geometries[usable]), usable, {})
    _join_touching_parts(work)
    work.polygons, part_of = shapely.get_parts(work.polygons, return_index=True)
    work.rows = work.rows[part_of]
    _clean_vertices(work)
    _make_valid(work)
    _drop_small_holes(work)
    _drop_slivers(work, usable, ids, result)
    _name(work, ids, result)
    return result


def _usable(geometries: Objects, ids: Sequence[str], result: Repaired) -> I64:
    """Rows that hold polygons with coordinates that may be."""
    import shapely

    kinds = shapely.get_type_id(geometries)
    empty = (kinds < 0) | shapely.is_empty(geometries)
    polygonal = (kinds == 3) | (kinds == 6)
    coords, owner = shapely.get_coordinates(geometries, return_index=True)
    infinite = np.zeros(len(geometries), bool)
    infinite[owner[~(np.abs(coords) < _MAX_M).all(axis=1)]] = True
    for row in np.flatnonzero(empty | ~polygonal | infinite).tolist():
        if empty[row]:
            reason = "it has no geometry. Drop it, or draw its outline."
        elif not polygonal[row]:
            reason = f"it is a {geometries[row].geom_type}, not a polygon. Drop it, or give its outline."
        else:
            reason = f"a coordinate is NaN or infinite, or beyond {_MAX_M:.0e} m. Mend it."
        result.problems.append(Problem(ids[row], reason))
    return np.flatnonzero(~empty & polygonal & ~infinite)


def _join_touching_parts(work: _Work) -> None:
    """Parts of one record that overlap or share a wall are one building."""
    import shapely

    multi = np.flatnonzero(shapely.get_num_geometries(work.polygons) > 1)
    for place in multi[~shapely.is_valid(work.polygons[multi])]:
        parts = shapely.get_parts(work.polygons[place])
        if not shapely.is_valid(parts).all():
            continue  # taken apart one by one, so that each crossing is told
        joined = shapely.union_all(parts)
        if shapely.get_num_geometries(joined) < len(parts):
            work.say(int(work.rows[place]), "parts that overlap or share a wall were joined")
        work.polygons[place] = joined


def _clean_vertices(work: _Work) -> None:
    """Removes corners that double the one before, and spikes."""
    import shapely

    if not len(work.polygons):
        return
    rings, owner = shapely.get_rings(work.polygons, return_index=True)
    coords, ring_of = shapely.get_coordinates(rings, return_index=True)
    keep = np.append(ring_of[1:] == ring_of[:-1], False)  # rings come closed
    xy, ring_of = coords[keep], ring_of[keep]
    doubles = np.zeros(len(work.polygons), np.int64)
    spikes = np.zeros(len(work.polygons), np.int64)
    for _ in range(_MAX_ROUNDS):
        double, spike = _superfluous(xy, ring_of)
        drop = double | spike
        if not drop.any():
            break
        np.add.at(doubles, owner[ring_of[double]], 1)
        np.add.at(spikes, owner[ring_of[spike]], 1)
        xy, ring_of = xy[~drop], ring_of[~drop]
    changed = np.flatnonzero((doubles > 0) | (spikes > 0))
    sizes = np.bincount(ring_of, minlength=len(rings))
    starts = np.concatenate(([0], np.cumsum(sizes)))
    first_ring = np.searchsorted(owner, np.arange(len(work.polygons) + 1))
    for place in changed:
        row = int(work.rows[place])
        own = range(first_ring[place], first_ring[place + 1])
        left = [xy[starts[ring] : starts[ring + 1]] for ring in own]
        # A ring of two corners is nothing; a shell that is nothing takes its holes along.
        alive = [ring for ring in left if len(ring) >= 3] if len(left[0]) >= 3 else []
        work.polygons[place] = shapely.Polygon(alive[0], alive[1:]) if alive else shapely.Polygon()
        if doubles[place]:
            work.say(row, f"{doubles[place]} corners within {_NEAR_M:g} m of the one before were removed")
        if spikes[place]:
            work.say(row, f"{spikes[place]} spikes were cut off")


def _superfluous(xy: F64, ring_of: I64) -> tuple[Bool, Bool]:
    """Vertices that double the one before, and tips of spikes; never two in a row, so that both can go."""
    count = len(xy)
    if not count:
        return np.zeros(0, bool), np.zeros(0, bool)
    first = np.flatnonzero(np.append(True, ring_of[1:] != ring_of[:-1]))
    last = np.append(first[1:], count) - 1
    before, after = np.arange(count) - 1, np.arange(count) + 1
    before[first], after[last] = last, first
    back, ahead = xy[before] - xy, xy[after] - xy
    reach, step = np.hypot(*back.T), np.hypot(*ahead.T)
    double = reach <= _NEAR_M
    # A tip turns back so sharply that its nearer neighbour almost lies on the other leg.
    width = np.abs(back[:, 0] * ahead[:, 1] - back[:, 1] * ahead[:, 0]) / np.maximum(
        np.maximum(reach, step), 1e-12
    )
    spike = ~double & (step > _NEAR_M) & ((back * ahead).sum(axis=1) > 0) & (width <= _NEAR_M)
    place = np.arange(count) - np.repeat(first, last - first + 1)
    drop = double | spike
    # Of neighbours that look superfluous only every other one goes; the rest is looked at again.
    drop &= ~(drop[before] & ((place % 2 == 1) | (place == 0)))
    return double & drop, spike & drop


def _make_valid(work: _Work) -> None:
    """Takes rings apart where they cross themselves."""
    import shapely

    empty = shapely.is_empty(work.polygons)
    bad = np.flatnonzero(~shapely.is_valid(work.polygons) & ~empty)
    if not len(bad):
        return
    for place in bad:
        reason = str(shapely.is_valid_reason(work.polygons[place]))
        work.say(int(work.rows[place]), _crossing_text(reason))
    mended = shapely.make_valid(work.polygons[bad], method="structure", keep_collapsed=False)
    work.polygons[bad] = mended
    for _ in range(2):  # a collection may hold a multi-polygon
        work.polygons, part_of = shapely.get_parts(work.polygons, return_index=True)
        work.rows = work.rows[part_of]
    polygonal = shapely.get_type_id(work.polygons) == 3
    work.polygons, work.rows = work.polygons[polygonal], work.rows[polygonal]


def _crossing_text(reason: str) -> str:
    what, _, where = reason.partition("[")
    try:
        x, y = (float(value) for value in where.rstrip("]").split()[:2])
    except ValueError:
        return f"its outline was not valid ({what.strip().lower()}) and was rebuilt"
    if "Self-intersection" in what:
        return f"its outline crossed itself near {x:.2f} {y:.2f} and was taken apart there"
    return f"its outline was not valid near {x:.2f} {y:.2f} ({what.strip().lower()}) and was rebuilt"


def _drop_small_holes(work: _Work) -> None:
    import shapely

    holed = np.flatnonzero(shapely.get_num_interior_rings(work.polygons) > 0)
    for place in holed:
        polygon = work.polygons[place]
        holes = shapely.polygons(shapely.get_rings(polygon)[1:])
        keep = (shapely.area(holes) >= _MIN_HOLE_M2) & ~_thin(holes)
        if not keep.all():
            kept = [ring for ring, stays in zip(polygon.interiors, keep, strict=True) if stays]
            work.polygons[place] = shapely.Polygon(polygon.exterior, kept)
            work.say(int(work.rows[place]), f"{int((~keep).sum())} holes too small for a shaft were filled")


def _drop_slivers(work: _Work, usable: I64, ids: Sequence[str], result: Repaired) -> None:
    import shapely

    area = shapely.area(work.polygons)
    small = (area < MIN_AREA_M2) | _thin(work.polygons)
    kept_rows = set(work.rows[~small].tolist())
    # A record of which nothing at all was left has no piece here.
    lost: dict[int, list[float]] = {row: [] for row in sorted(set(usable.tolist()) - set(work.rows.tolist()))}
    for row, size in zip(work.rows[small].tolist(), area[small].tolist(), strict=True):
        lost.setdefault(row, []).append(size)
    for row, sizes in lost.items():
        if row in kept_rows:
            work.say(row, f"{len(sizes)} slivers of together {sum(sizes):.4f} m2 were left out")
            continue
        reason = f"its area is {sum(sizes):.4f} m2; at least {MIN_AREA_M2} is needed. Drop it."
        if sum(sizes) >= MIN_AREA_M2:
            reason = f"it is a sliver of {sum(sizes):.4f} m2, thinner than {_MIN_WIDTH_M:g} m. Drop it."
        result.problems.append(Problem(ids[row], reason))
    work.polygons, work.rows = work.polygons[~small], work.rows[~small]


def _thin(polygons: Objects) -> Bool:
    import shapely

    return np.asarray(2 * shapely.area(polygons) < _MIN_WIDTH_M * shapely.length(polygons))


def _name(work: _Work, ids: Sequence[str], result: Repaired) -> None:
    """Puts pieces in an order that does not depend on the source's, and names them."""
    import shapely

    count = np.bincount(work.rows, minlength=len(ids)) if len(work.rows) else np.zeros(len(ids), int)
    boxes = shapely.bounds(work.polygons).reshape(-1, 4)
    # To the millimetre squared, so that rounding in another reader does not reorder equal pieces.
    order = np.lexsort((boxes[:, 1], boxes[:, 0], -np.round(shapely.area(work.polygons), 6), work.rows))
    result.polygons, result.rows = work.polygons[order], work.rows[order]
    first = np.searchsorted(result.rows, result.rows)
    result.ids = [
        ids[row] if count[row] == 1 else f"{ids[row]}/{place - start}"
        for place, (row, start) in enumerate(zip(result.rows.tolist(), first.tolist(), strict=True))
    ]
    result.repairs += [
        Repair(ids[row], what) for row in sorted(work.done) if count[row] for what in work.done[row]
    ]
