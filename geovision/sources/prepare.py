"""Footprints that agree with their neighbours: overlaps settled, shared walls noded once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from geovision._native import load_kernel
from geovision.errors import InputError
from geovision.sources.footprint_set import Footprints, Problem, Repair, polygon_arrays
from geovision.sources.repair import MIN_AREA_M2, repair_polygons

__all__ = ["prepare_footprints", "shared_edges"]

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]

_SAME_SHARE = 0.8
"""Two footprints that share more than this of the larger one are two drawings of one building."""
_COVERED_SHARE = 0.1
"""A footprint of which no more than this is left beside its neighbours is none of its own."""
_TOLD_M2 = 0.1
"""Smaller overlaps are settled without a record: they are jitter."""
_JOINED = (1, 2)
_TROUBLE = {
    2: "some corners near its neighbours stay closer than snap_m to them",
    3: "it and its neighbours could not be joined and stay as they were drawn",
}
"""Codes of NodingStatus in cpp/include/geovision/noding.hpp."""


def prepare_footprints(
    footprints: Footprints,
    *,
    grid_m: float = 0.001,
    snap_m: float = 0.05,
    on_error: Literal["record", "raise"] = "record",
) -> Footprints:
    """Footprints on the kernel's grid, whose neighbours share walls exactly; `edge_neighbour` says with whom.

    Corners of different footprints that are closer than `snap_m` become one, and a wall that passes a
    neighbour's corner closer than 0.7 `snap_m` is bent to go through it, so that walls meant to be one are:
    the same vertices on both sides, T-vertices included. No place belongs to two footprints. Ground that
    several cover goes to the smallest of them, of two as large to the one with the lower id; what is cut off
    from a footprint that way becomes `id/1`, `id/2` ... Footprints that touch nobody stay as they are.

    Corners move by less than `snap_m`, and a second call changes nothing. What becomes of a footprint depends
    on those that it is connected with by touching, not on their order or on others in the layer: give every
    such group whole. The default of 5 cm is above the jitter of real layers, in which walls meant to be one
    are up to 3 cm apart, and below most offsets that cadastres draw on purpose.

    Args:
        footprints: as read by `read_footprints`.
        grid_m: step of the grid that coordinates are put on; the kernel's own is 1 mm.
        snap_m: outlines closer than this are one line.
        on_error: "raise" stops at the first footprint that cannot serve; "record" lists it in `problems`.
    """
    if not 0 < grid_m <= snap_m < 10:
        raise InputError(
            f"grid_m = {grid_m}, snap_m = {snap_m}",
            "are not 0 < grid_m <= snap_m < 10",
            "Leave them out, or give metres",
        )
    found = _without_doubles(_on_grid(footprints, grid_m), grid_m)
    found = _noded(found, grid_m, snap_m)
    if on_error == "raise" and found.problems:
        problem = found.problems[0]
        raise InputError(
            f"footprint {problem.id!r}", problem.reason, "Mend it, or pass on_error='record' to leave it out"
        )
    return replace(found, edge_neighbour=shared_edges(found, grid_m))


def shared_edges(footprints: Footprints, grid_m: float = 0.001) -> I32:
    """[edges] index of the footprint that has the same edge the other way round, -1 for none.

    An edge that more than one footprint has on one side (they overlap) is shared with nobody.
    """
    xy = np.round(footprints.xy / grid_m).astype(np.int64)
    count = len(xy)
    result = np.full(count, -1, np.int32)
    if not count:
        return result
    node = _nodes(xy)
    after = np.arange(1, count + 1)
    after[footprints.vertex_offsets[1:] - 1] = footprints.vertex_offsets[:-1]
    key, twin = node * count + node[after], node[after] * count + node
    order = np.argsort(key, kind="stable")
    ordered = key[order]
    first = np.searchsorted(ordered, twin, side="left")
    others = np.searchsorted(ordered, twin, side="right") - first
    own = np.searchsorted(ordered, key, side="right") - np.searchsorted(ordered, key, side="left")
    owner = _owners(footprints)
    other = owner[order[np.minimum(first, count - 1)]]
    single = (others == 1) & (own == 1) & (other != owner)
    result[single] = other[single]
    return result


def _nodes(xy: I64) -> I64:
    """[n] the same number for the same place."""
    order = np.lexsort((xy[:, 1], xy[:, 0]))
    fresh = np.append(True, (np.diff(xy[order], axis=0) != 0).any(axis=1))
    node = np.empty(len(xy), np.int64)
    node[order] = np.cumsum(fresh) - 1
    return node


def _owners(footprints: Footprints) -> I64:
    rings = np.repeat(np.arange(len(footprints)), np.diff(footprints.ring_offsets))
    return np.repeat(rings, np.diff(footprints.vertex_offsets))


def _on_grid(footprints: Footprints, grid_m: float) -> Footprints:
    """Coordinates rounded to the grid, rings turned the right way; what is not valid is repaired."""
    import shapely

    polygons = replace(footprints, xy=_rounded(footprints.xy, grid_m)).polygons()
    good = shapely.is_valid(polygons) & ~shapely.is_empty(polygons)
    ids, rows = list(footprints.ids), np.arange(len(polygons))
    problems, repairs = list(footprints.problems), list(footprints.repairs)
    if not good.all():
        bad = np.flatnonzero(~good)
        mended = repair_polygons(polygons[bad], [ids[row] for row in bad.tolist()])
        names = [ids[row] for row in np.flatnonzero(good).tolist()] + mended.ids
        order = np.argsort(np.append(np.flatnonzero(good), bad[mended.rows]), kind="stable")
        rows = np.append(np.flatnonzero(good), bad[mended.rows])[order]
        polygons = np.append(polygons[good], mended.polygons)[order]
        ids = [names[place] for place in order.tolist()]
        problems += mended.problems
        repairs += mended.repairs
    ring_offsets, vertex_offsets, xy = polygon_arrays(polygons)
    return replace(
        footprints,
        ids=ids,
        ring_offsets=ring_offsets,
        vertex_offsets=vertex_offsets,
        xy=_rounded(xy, grid_m),
        attributes=[footprints.attributes[row] for row in rows.tolist()] if footprints.attributes else [],
        problems=problems,
        repairs=repairs,
        edge_neighbour=np.full(len(xy), -1, np.int32),
    )


def _rounded(xy: F64, grid_m: float) -> F64:
    # Dividing by the whole number of steps in a metre gives the double nearest to the decimal.
    steps = 1 / grid_m
    if abs(steps - round(steps)) < 1e-9:
        return np.asarray(np.round(xy * round(steps)) / round(steps))
    return np.asarray(np.round(xy / grid_m) * grid_m)


def _areas(footprints: Footprints, grid_m: float) -> F64:
    """Areas in square metres, the same to the last bit wherever a ring starts."""
    first = footprints.vertex_offsets[:-1]
    xy = np.round(footprints.xy / grid_m).astype(np.int64)
    sizes = np.diff(footprints.vertex_offsets)
    local = xy - np.repeat(xy[first], sizes, axis=0)
    after = np.arange(1, len(xy) + 1)
    after[footprints.vertex_offsets[1:] - 1] = first
    cross = local[:, 0] * local[after, 1] - local[:, 1] * local[after, 0]
    doubled = np.add.reduceat(cross, footprints.vertex_offsets[footprints.ring_offsets[:-1]])
    return np.asarray(doubled * (0.5 * grid_m**2))


def _ranks(footprints: Footprints, area: F64) -> I32:
    """Who keeps contested ground: the smaller, then the lower id, then the one further west and south."""
    boxes = footprints.boxes().tolist()
    order = sorted(range(len(footprints)), key=lambda i: (area[i], footprints.ids[i], boxes[i]))
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    return rank


def _without_doubles(footprints: Footprints, grid_m: float) -> Footprints:
    """Of several drawings of one building the one with the lowest rank stays; the others are problems."""
    import shapely

    polygons = footprints.polygons()
    if len(polygons) < 2:
        return footprints
    area = _areas(footprints, grid_m)
    first, second = shapely.STRtree(polygons).query(polygons)
    larger = np.maximum(area[first], area[second])
    boxes = footprints.boxes()
    sides = np.minimum(boxes[first, 2:], boxes[second, 2:]) - np.maximum(boxes[first, :2], boxes[second, :2])
    alike = np.minimum(area[first], area[second]) > _SAME_SHARE * larger
    alike &= (first < second) & (np.maximum(sides, 0).prod(axis=1) > _SAME_SHARE * larger)
    first, second, larger = first[alike], second[alike], larger[alike]
    shared = shapely.area(shapely.intersection(polygons[first], polygons[second]))
    same = shared > _SAME_SHARE * larger
    if not same.any():
        return footprints
    rank = _ranks(footprints, area)
    twins = np.stack([first[same], second[same]], axis=1)
    twins = np.take_along_axis(twins, np.argsort(rank[twins], axis=1), axis=1)
    kept_by: dict[int, int] = {}
    for winner, loser in twins[np.lexsort((rank[twins[:, 0]], rank[twins[:, 1]]))].tolist():
        # Losers come by rising rank, so a winner's own fate is already known here.
        if winner not in kept_by:
            kept_by.setdefault(loser, winner)
    problems = [
        Problem(
            footprints.ids[loser],
            f"it is a second drawing of {footprints.ids[winner]!r}, which is kept. Drop one of them.",
        )
        for loser, winner in sorted(kept_by.items())
    ]
    keep = np.setdiff1d(np.arange(len(footprints)), list(kept_by))
    return replace(footprints.take(keep), problems=footprints.problems + problems)


@dataclass
class _Pieces:
    """What the kernel returned."""

    owner: I32
    ring_offsets: I64
    vertex_offsets: I64
    xy: I64
    status: npt.NDArray[np.uint8]
    given_from: I32
    given_to: I32
    given_area: F64
    rounds: int


def _noded(footprints: Footprints, grid_m: float, snap_m: float) -> Footprints:
    import shapely

    if not len(footprints):
        return footprints
    polygons = footprints.polygons()
    area = _areas(footprints, grid_m)
    first, second = shapely.STRtree(polygons).query(polygons, predicate="dwithin", distance=snap_m)
    pairs = np.stack([first, second], axis=1)[first < second].astype(np.int32)
    pieces = _Pieces(
        **load_kernel().node_footprints(
            footprints.ring_offsets,
            footprints.vertex_offsets,
            np.round(footprints.xy / grid_m).astype(np.int64),
            _ranks(footprints, area),
            pairs,
            snap_m / grid_m,
        )
    )
    return _collected(footprints, pieces, area, grid_m, snap_m)


def _collected(
    footprints: Footprints, pieces: _Pieces, area: F64, grid_m: float, snap_m: float
) -> Footprints:
    """The kernel's pieces as footprints: slivers left out, several of one numbered, everything told."""
    import shapely

    plain = Footprints(
        [""] * len(pieces.owner),
        pieces.ring_offsets,
        pieces.vertex_offsets,
        _rounded(pieces.xy.astype(np.float64) * grid_m, grid_m),
    )
    shapes = plain.polygons()
    size = shapely.area(shapes)
    owner = pieces.owner.astype(np.int64)
    left = np.bincount(owner, weights=size, minlength=len(area))
    sliver = (size < MIN_AREA_M2) | (2 * size < snap_m * shapely.length(shapes))
    sliver |= (left <= _COVERED_SHARE * area)[owner]
    sliver &= np.isin(pieces.status[owner], _JOINED)
    keep = np.flatnonzero(~sliver)
    count = np.bincount(owner[keep], minlength=len(area))
    lost = np.zeros(len(area)) + np.bincount(owner[sliver], weights=size[sliver], minlength=len(area))
    owner = owner[keep]
    names = _names(footprints.ids, owner)
    problems, repairs = _told(footprints.ids, pieces, count, lost, grid_m)
    return replace(
        plain.take(keep),
        ids=names,
        crs=footprints.crs,
        attributes=[footprints.attributes[own] for own in owner.tolist()] if footprints.attributes else [],
        problems=footprints.problems + problems,
        repairs=footprints.repairs + repairs,
        notes=footprints.notes,
    )


def _names(ids: list[str], owner: I64) -> list[str]:
    """The largest piece keeps the id; smaller ones, which come after it, have a number behind it."""
    names, taken = [], set(ids)
    previous, number = -1, 0
    for own in owner.tolist():
        number = number + 1 if own == previous else 0
        name = ids[own]
        while number and (name := f"{ids[own]}/{number}") in taken:
            number += 1
        taken.add(name)
        names.append(name)
        previous = own
    return names


def _told(
    ids: list[str], pieces: _Pieces, count: I64, lost: F64, grid_m: float
) -> tuple[list[Problem], list[Repair]]:
    """What neighbours did to each footprint, in the order of the footprints."""
    said: dict[int, list[str]] = {}
    gifts: dict[tuple[int, int], float] = {}
    for giver, taker, size in zip(
        pieces.given_from.tolist(), pieces.given_to.tolist(), pieces.given_area.tolist(), strict=True
    ):
        gifts[giver, taker] = gifts.get((giver, taker), 0.0) + size * grid_m**2
    for (giver, taker), size in sorted(gifts.items()):
        if size >= _TOLD_M2:
            said.setdefault(giver, []).append(f"{size:.2f} m2 that {ids[taker]!r} also covers went to it")
    for own in np.flatnonzero((lost >= _TOLD_M2) & (count > 0)).tolist():
        said.setdefault(own, []).append(f"slivers of together {lost[own]:.2f} m2 were left out")
    for own in np.flatnonzero(count > 1).tolist():
        said.setdefault(own, []).append(f"neighbours cut it into {count[own]} pieces")
    for status, what in _TROUBLE.items():
        for own in np.flatnonzero(pieces.status == status).tolist():
            said.setdefault(own, []).append(what)
    problems = [
        Problem(ids[own], "next to nothing is left of it beside its neighbours. Drop it, or redraw it.")
        for own in np.flatnonzero(count == 0).tolist()
    ]
    return problems, [Repair(ids[own], what) for own in sorted(said) for what in said[own]]
