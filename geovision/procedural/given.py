"""Given footprints: what plan each one is, and how it comes apart into parts.

Takes flat arrays (see `geovision.sources.Footprints`), not files. Outlines stay where they are: corners that
lie on a straight wall to a millimetre are left out, nothing else moves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from geovision.model.kinds import from_osm
from geovision.model.table import ProgramTable
from geovision.procedural.frames import ring_areas
from geovision.procedural.neighbours import Walls, front_side
from geovision.procedural.plans import GRID, I64, Batch, Bool, Parts, Shape, assemble, ragged_take, to_grid
from geovision.procedural.rng import F64, Keyed, id_keys
from geovision.procedural.sample import sample_table
from geovision.procedural.split import LETTERS, split_batch
from geovision.procedural.style import USES, Style

__all__ = ["footprint_parts", "programs_on_footprints"]

_RIGHT_SIN = np.sin(np.radians(8.0))
"""Corners of letters are right to this many degrees."""
_MIN_QUAD_M = 1.5
_ROUND_SPREAD = 0.06
"""Round plans: corners lie this close to a circle, as a share of its radius."""


def programs_on_footprints(
    ids: Sequence[str],
    ring_offsets: I64,
    vertex_offsets: I64,
    xy: F64,
    style: Style,
    seed: int,
    *,
    attributes: Sequence[Mapping[str, Any]] | None = None,
) -> ProgramTable:
    """Programs on footprints; each depends on its own id and outline, the style and the seed alone.

    Args:
        ids: one per footprint; they are the keys of the random numbers.
        ring_offsets: rings of each footprint, shell first.
        vertex_offsets: vertices of each ring, open.
        xy: coordinates in metres.
        style: what to draw from.
        seed: another seed, another city.
        attributes: kept in the programs; `use` or `building` decides the use, `roof:shape` the main roof
            where its plan can bear it, `building:levels` the height; what is missing or odd is drawn.
    """
    parts = footprint_parts(ids, ring_offsets, vertex_offsets, xy, style, seed, attributes)
    return sample_table(parts, style, seed, ids, attributes=attributes, shell_given=True)


def footprint_parts(
    ids: Sequence[str],
    ring_offsets: I64,
    vertex_offsets: I64,
    xy: F64,
    style: Style,
    seed: int,
    attributes: Sequence[Mapping[str, Any]] | None = None,
) -> Parts:
    """Parts of given footprints, in their order."""
    vertex_offsets, xy = _cleaned(vertex_offsets, xy, ring_offsets)
    areas, _ = ring_areas(xy, vertex_offsets)
    area = np.add.reduceat(areas, ring_offsets[:-1]) if len(ids) else np.zeros(0)
    keys = id_keys(ids)
    use = _uses(area, attributes, style)
    walls = Walls(ring_offsets, vertex_offsets, xy, style.given.touch_m)
    use = np.where(walls.attached & (use == USES.index("detached")), USES.index("terraced"), use).astype(
        np.int8
    )
    house = np.isin(use, [USES.index(name) for name in ("terraced", "semi", "detached")])
    rows = np.where(house, walls.row_keys(keys), keys)
    forced = _roof_shapes(attributes, len(ids))
    batches: list[Batch] = []
    for index, rings in _by_structure(ring_offsets, vertex_offsets, xy):
        batch = Batch(
            rings=[rings],
            shapes=(Shape.HOLED if len(rings) > 1 else Shape.GENERAL,),
            use=use[index],
            keys=keys[index],
            group=rows[index],
            order=index,
            attached=walls.attached[index],
            forced=forced[index],
        )
        batches += [batch] if len(rings) > 1 else _shaped(batch, walls, style, seed)
    parts = assemble(batches)
    parts.levels = _levels(attributes, len(ids))
    return parts


def _cleaned(vertex_offsets: I64, xy: F64, ring_offsets: I64) -> tuple[I64, F64]:
    """On the grid, shells counter-clockwise, holes clockwise, no doubles, no corners on straight walls."""
    xy = to_grid(xy)
    areas, _ = ring_areas(xy, vertex_offsets)
    hole = np.ones(len(areas), bool)
    hole[ring_offsets[:-1]] = False
    sizes = np.diff(vertex_offsets)
    ring_of = np.repeat(np.arange(len(sizes)), sizes)
    place = np.arange(len(xy)) - vertex_offsets[:-1][ring_of]
    backwards = ((areas < 0) != hole)[ring_of]
    place = np.where(backwards, sizes[ring_of] - 1 - place, place)
    xy = xy[vertex_offsets[:-1][ring_of] + place]
    # Twice: a corner may only come to lie on a straight wall once a double beside it has gone.
    for _ in range(2):
        keep = _corners(vertex_offsets, xy)
        kept = np.add.reduceat(keep, vertex_offsets[:-1]) if len(sizes) else np.zeros(0, int)
        keep |= (kept < 3)[ring_of]
        xy, ring_of = xy[keep], ring_of[keep]
        vertex_offsets = np.concatenate(([0], np.cumsum(np.bincount(ring_of, minlength=len(sizes))))).astype(
            np.int64
        )
    return vertex_offsets, xy


def _corners(vertex_offsets: I64, xy: F64) -> Bool:
    """False for doubles of the vertex before, and for vertices on the line between their neighbours."""
    before, after = _neighbours(vertex_offsets)
    a, b, c = xy[before], xy, xy[after]
    base = c - a
    length = np.hypot(base[:, 0], base[:, 1])
    off = np.abs(base[:, 0] * (b - a)[:, 1] - base[:, 1] * (b - a)[:, 0]) / np.maximum(length, 1e-9)
    between = ((b - a) * (c - b)).sum(axis=1) > 0
    double = np.hypot(*(b - a).T) < GRID / 2
    straight = (off <= GRID) & between & (length > 10 * GRID)
    # Of two neighbours that both look straight only every other one goes, so that errors cannot add up.
    place = np.arange(len(xy)) - np.repeat(vertex_offsets[:-1], np.diff(vertex_offsets))
    straight &= ~(straight[before] & (place % 2 == 1))
    return np.asarray(~(double | straight))


def _neighbours(vertex_offsets: I64) -> tuple[I64, I64]:
    count = int(vertex_offsets[-1])
    before, after = np.arange(count) - 1, np.arange(count) + 1
    before[vertex_offsets[:-1]] = vertex_offsets[1:] - 1
    after[vertex_offsets[1:] - 1] = vertex_offsets[:-1]
    return before, after


def _by_structure(ring_offsets: I64, vertex_offsets: I64, xy: F64) -> list[tuple[I64, list[F64]]]:
    """Footprints with the same numbers of vertices in their rings, as dense arrays."""
    sizes = np.diff(vertex_offsets)
    groups: dict[tuple[int, ...], list[int]] = {}
    for number in range(len(ring_offsets) - 1):
        structure = tuple(sizes[ring_offsets[number] : ring_offsets[number + 1]].tolist())
        groups.setdefault(structure, []).append(number)
    found = []
    for structure, members in groups.items():
        index: I64 = np.array(members, np.int64)
        _, its_rings = ragged_take(ring_offsets, index)
        _, vertices = ragged_take(vertex_offsets, its_rings)
        block = xy[vertices].reshape(len(index), sum(structure), 2)
        cuts = np.cumsum(structure)[:-1]
        found.append((index, list(np.split(block, cuts, axis=1))))
    return found


def _uses(area: F64, attributes: Sequence[Mapping[str, Any]] | None, style: Style) -> npt.NDArray[np.int8]:
    given = style.given
    limits = [given.annex_area_m2, given.block_area_m2, given.hall_area_m2]
    codes = np.array([USES.index(name) for name in ("annex", "detached", "perimeter", "hall")])
    use = codes[np.searchsorted(limits, area, side="right")].astype(np.int8)
    for row, own in enumerate(attributes or ()):
        word = own.get("use", own.get("building"))
        if isinstance(word, str) and word in _USE_WORDS:  # a list of words is none
            use[row] = USES.index(_USE_WORDS[word])
    return use


_USE_WORDS: dict[Any, str] = {name: name for name in USES} | {
    "apartments": "perimeter",
    "barn": "hall",
    "bungalow": "detached",
    "carport": "annex",
    "chapel": "church",
    "garage": "annex",
    "garages": "annex",
    "house": "detached",
    "industrial": "hall",
    "office": "perimeter",
    "residential": "detached",
    "retail": "hall",
    "semidetached_house": "semi",
    "shed": "annex",
    "terrace": "terraced",
    "warehouse": "hall",
}


def _roof_shapes(attributes: Sequence[Mapping[str, Any]] | None, count: int) -> npt.NDArray[np.int16]:
    forced = np.full(count, -1, np.int16)
    for row, own in enumerate(attributes or ()):
        shape = own.get("roof:shape")
        kind = from_osm(shape, unknown="none") if isinstance(shape, str) else None
        if kind is not None:
            forced[row] = kind
    return forced


def _levels(attributes: Sequence[Mapping[str, Any]] | None, count: int) -> F64:
    """Whole storeys from OSM tags, which are texts as often as numbers; 1 to 200 are believed."""
    levels = np.full(count, np.nan)
    for row, own in enumerate(attributes or ()):
        try:
            number = round(float(own.get("building:levels", "nan")))
        except (TypeError, ValueError, OverflowError):
            continue
        if 1 <= number <= 200:
            levels[row] = number
    return levels


def _shaped(batch: Batch, walls: Walls, style: Style, seed: int) -> list[Batch]:
    """Recognise quadrilaterals, letters and round plans among polygons without holes."""
    ring = batch.rings[0][0]
    corners = ring.shape[1]
    rest = np.ones(len(batch), bool)
    found: list[Batch] = []
    if corners == 4:
        quad = _sines(ring).min(axis=1) > np.sin(np.radians(35.0))
        quad &= np.linalg.norm(np.roll(ring, -1, axis=1) - ring, axis=2).min(axis=1) > _MIN_QUAD_M
        found.append(_facing_street(replace(batch.take(quad), shapes=(Shape.QUAD,)), walls))
        rest &= ~quad
    for name, letter in LETTERS.items():
        if letter.corners == corners:
            turn, fits = _matches(ring, letter.reflex)
            mine = batch.take(fits & rest)
            order = (turn[fits & rest][:, None] + np.arange(corners)) % corners
            mine.rings = [[mine.rings[0][0][np.arange(len(mine))[:, None], order]]]
            # Neighbours' gables meet only at whole sides, so buildings in rows stay in one part.
            share = np.where(mine.attached, 0.0, style.parts.split)
            found += split_batch(mine, name, Keyed(seed, mine.keys), share)
            rest &= ~fits
    if corners >= 8:
        centre = ring.mean(axis=1, keepdims=True)
        radius = np.linalg.norm(ring - centre, axis=2)
        spread = np.ptp(radius, axis=1) / radius.mean(axis=1)
        edge = np.linalg.norm(np.roll(ring, -1, axis=1) - ring, axis=2)
        even = edge.max(axis=1) < 2.0 * edge.min(axis=1)
        disc = rest & (spread < _ROUND_SPREAD) & even & (_sines(ring).min(axis=1) > 0)
        round_ = replace(batch.take(disc), shapes=(Shape.ROUND,))
        round_.use = np.full(len(round_), USES.index("tower"), np.int8)
        found.append(round_)
        rest &= ~disc
    return [*found, batch.take(rest)]


def _facing_street(batch: Batch, walls: Walls) -> Batch:
    front, free_end = front_side(walls.party(batch.rings[0][0], batch.order))
    return replace(batch, front=front[:, None], free_end=free_end)


def _sines(ring: F64) -> F64:
    """Sine of the turn at each corner: positive where convex."""
    out = np.roll(ring, -1, axis=1) - ring
    into = ring - np.roll(ring, 1, axis=1)
    cross = into[..., 0] * out[..., 1] - into[..., 1] * out[..., 0]
    return np.asarray(cross / (np.linalg.norm(into, axis=2) * np.linalg.norm(out, axis=2)))


def _matches(ring: F64, reflex: tuple[int, ...]) -> tuple[I64, Bool]:
    """How far to turn each ring so that exactly the given corners are reflex; all corners right-angled."""
    sines = _sines(ring)
    corners = ring.shape[1]
    pattern = np.ones(corners, bool)
    pattern[list(reflex)] = False
    right = (np.abs(sines) > np.sqrt(1 - _RIGHT_SIN**2)).all(axis=1)
    turn, fits = np.zeros(len(ring), np.int64), np.zeros(len(ring), bool)
    for shift in range(corners):
        here = ((np.roll(sines, -shift, axis=1) > 0) == pattern).all(axis=1) & ~fits
        turn[here], fits = shift, fits | here
    return turn, fits & right
