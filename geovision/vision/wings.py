"""Wings, porches and extensions: pieces of a house that a step or a valley parted from it.

What parts two houses also lies within one: a wing is a storey lower, two gables meet in a valley. The raster
of heights does not know which it was, but sizes do: houses that stand wall to wall are about as large as each
other, and what is a third of what it stands against is a part of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from geovision.vision.polygons import Outlines

if TYPE_CHECKING:
    from shapely import Polygon

__all__ = ["WingRules", "join_wings"]

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class WingRules:
    """What is a part of the house beside it."""

    share: float = 0.35
    """Largest area, as a share of that of the house."""
    most_m2: float = 60.0
    """What is larger than this stands for itself, however large its neighbour is."""


def join_wings(found: Outlines, rules: WingRules | None = None) -> Outlines:
    """Outlines with small pieces joined to the house that they share most of their walls with.

    Heights and the direction stay those of the house itself.

    Args:
        found: outlines whose shared walls are the same vertices on both sides.
        rules: the defaults where they are left out.
    """
    rules = rules or WingRules()
    a, b, length = _shared_walls(found)
    area = found.area_m2
    small = np.where(area[a] <= area[b], a, b)
    large = a + b - small
    # The longest shared wall of each small piece; of equal ones the first.
    order = np.lexsort((large, -length, small))
    first = np.unique(small[order], return_index=True)[1]
    chosen = order[first]
    small, large = small[chosen], large[chosen]
    wing = (area[small] <= rules.share * area[large]) & (area[small] <= rules.most_m2)
    # Each piece joins one that is larger, so following them ends.
    house = np.arange(len(area))
    house[small[wing]] = large[wing]
    while not np.array_equal(house, house[house]):
        house = house[house]
    return _joined(found, house)


def _shared_walls(found: Outlines) -> tuple[I64, I64, F64]:
    """Pairs of outlines (first below second), and the length of the walls that they share."""
    sizes = np.diff(found.ring_offsets)
    count = len(found.xy)
    ahead = np.arange(1, count + 1)
    ahead[found.ring_offsets[1:] - 1] = found.ring_offsets[:-1]
    rings = np.repeat(np.arange(len(sizes)), sizes)
    owner = np.searchsorted(found.polygon_offsets, rings, side="right") - 1
    here, there = found.xy, found.xy[ahead[:count]]
    swap = (here[:, 0] > there[:, 0]) | ((here[:, 0] == there[:, 0]) & (here[:, 1] > there[:, 1]))
    ends = np.where(swap[:, None], np.hstack([there, here]), np.hstack([here, there]))
    order = np.lexsort((owner, *ends.T))
    same = (ends[order[1:]] == ends[order[:-1]]).all(axis=1)
    one, other = owner[order[:-1]][same], owner[order[1:]][same]
    length = np.hypot(*(here - there)[order[1:]][same].T)
    apart = one != other
    keys, back = np.unique(
        np.sort(np.stack([one, other], axis=1)[apart], axis=1), axis=0, return_inverse=True
    )
    shared: F64 = np.bincount(back.ravel(), length[apart], len(keys)).astype(np.float64)
    return keys[:, 0], keys[:, 1], shared


def _joined(found: Outlines, house: I64) -> Outlines:
    import shapely

    polygons = found.polygons()
    members: dict[int, list[int]] = {}
    for piece in np.flatnonzero(house != np.arange(len(house))).tolist():
        members.setdefault(int(house[piece]), [int(house[piece])]).append(piece)
    if not members:
        return found
    tree = shapely.STRtree(polygons)
    gone = np.zeros(len(polygons), bool)
    columns = {name: getattr(found, name).copy() for name in (*_MEANS, "level")}
    for index, pieces in members.items():
        whole = shapely.union_all(polygons[pieces])
        if whole.geom_type != "Polygon":
            continue
        beside = np.setdiff1d(tree.query(whole, predicate="intersects"), pieces)
        polygons[index] = _without_idle(whole, shapely.get_coordinates(polygons[beside]))
        gone[pieces[1:]] = True
        for name in _MEANS:
            columns[name][index] = np.average(columns[name][pieces], weights=found.area_m2[pieces])
        columns["level"][index] = columns["level"][pieces].max()
    kept = ~gone
    made = found.redrawn(polygons[kept], np.flatnonzero(kept))
    made = replace(made, **{name: values[kept] for name, values in columns.items()})
    touches = np.zeros(len(made), bool)
    for side in _shared_walls(made)[:2]:
        touches[side] = True
    return replace(made, touches=touches)


_MEANS = ("probability", "contrast", "iou")


def _without_idle(polygon: Polygon, others: F64) -> Polygon:
    """Without vertices on straight walls where a wall ended that is gone, and no neighbour has one."""
    import shapely

    needed = {tuple(xy) for xy in others.tolist()}
    rings = []
    for ring in (polygon.exterior, *polygon.interiors):
        xy = shapely.get_coordinates(ring)[:-1]
        before, after = xy - np.roll(xy, 1, axis=0), np.roll(xy, -1, axis=0) - xy
        cross = np.abs(before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0])
        straight = cross <= 1e-6 * np.hypot(*before.T) * np.hypot(*after.T)
        keep = ~straight | np.array([tuple(place) in needed for place in xy.tolist()])
        rings.append(xy[keep])
    made = shapely.Polygon(rings[0], rings[1:])
    return made if made.is_valid else polygon
