"""Perimeter blocks: houses wall to wall along all four streets, a court in the middle."""

from __future__ import annotations

import numpy as np

from geovision.procedural.blocks import Blocks, inset_quads
from geovision.procedural.lots import LOTS_PER_BLOCK
from geovision.procedural.plans import I64, Batch, Role, Shape
from geovision.procedural.rng import F64, Keyed, combine, name_key
from geovision.procedural.steps import step_batch
from geovision.procedural.style import BLOCK_TYPES, USES, Style

__all__ = ["build_perimeters", "perimeter_fits"]

_CORNER_M = 5.0
"""Street front of a corner house beyond the depth of the block's wing."""
_MIN_COURT_M = 10.0


def perimeter_fits(blocks: Blocks) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Blocks large and square-cornered enough for wings on all sides."""
    edge = np.roll(blocks.ring, -1, axis=1) - blocks.ring
    length = np.linalg.norm(edge, axis=2)
    unit = edge / length[..., None]
    lean = np.abs((unit * np.roll(unit, -1, axis=1)).sum(axis=2)).max(axis=1)
    return np.asarray((length.min(axis=1) > 48.0) & (lean < 0.5))


def build_perimeters(blocks: Blocks, style: Style, seed: int) -> list[Batch]:
    """Corner houses in two mitred parts, rows between them; some blocks are one building with a court."""
    index = np.flatnonzero(blocks.kind == BLOCK_TYPES.index("perimeter"))
    if not len(index):
        return []
    keys = blocks.keys[index]
    draws = Keyed(seed, keys)
    lots = style.lots["perimeter"]
    outer = inset_quads(
        blocks.ring[index], np.repeat(lots.setback_m.sample(draws, "setback")[:, None], 4, axis=1)
    )
    depth = np.minimum(lots.depth_m.sample(draws, "depth"), (_short_side(outer) - _MIN_COURT_M) / 2)
    inner = inset_quads(outer, np.repeat(depth[:, None], 4, axis=1))
    court = draws.chance("courtyard", style.plans.courtyard)
    one = np.flatnonzero(court)
    whole = _batch([[outer[one], inner[one]]], (Shape.HOLED,), index[one], keys[one], 0, attached=False)
    rest = np.flatnonzero(~court)
    return [whole, *_ring_of_houses(outer[rest], depth[rest], index[rest], keys[rest], style, seed)]


def _short_side(ring: F64) -> F64:
    return np.asarray(np.linalg.norm(np.roll(ring, -1, axis=1) - ring, axis=2).min(axis=1))


def _batch(
    rings: list[list[F64]],
    shapes: tuple[Shape, ...],
    block: I64,
    keys: np.ndarray[tuple[int], np.dtype[np.uint64]],
    lot: I64 | int,
    *,
    attached: bool = True,
) -> Batch:
    lots = np.broadcast_to(np.asarray(lot), len(block))
    own = combine(keys, lots, name_key("perimeter"))
    return Batch(
        rings=rings,
        shapes=shapes,
        use=np.full(len(block), USES.index("perimeter"), np.int8),
        keys=own,
        # Unlike houses of one row, these were built one by one: each has its own height and roof.
        group=own,
        order=block * LOTS_PER_BLOCK + lots,
        roles=(Role.MAIN,) + (Role.WING,) * (len(rings) - 1),
        attached=attached,
        front=(0,) if attached else (-1,),
    )


def _ring_of_houses(
    outer: F64,
    depth: F64,
    block: I64,
    keys: np.ndarray[tuple[int], np.dtype[np.uint64]],
    style: Style,
    seed: int,
) -> list[Batch]:
    if not len(outer):
        return []
    inner = inset_quads(outer, np.repeat(depth[:, None], 4, axis=1))
    edge = np.roll(outer, -1, axis=1) - outer
    length = np.linalg.norm(edge, axis=2)
    along = edge / length[..., None]
    inward = np.stack([-along[..., 1], along[..., 0]], axis=2)
    # Where the inner corner lies along the street, seen from either end of it.
    lead = ((inner - outer) * along).sum(axis=2)
    tail = ((np.roll(outer, -1, axis=1) - np.roll(inner, -1, axis=1)) * along).sum(axis=2)
    start, end = np.maximum(lead, 0) + _CORNER_M, length - np.maximum(tail, 0) - _CORNER_M
    frontage = style.lots["perimeter"].frontage_m.sample(Keyed(seed, keys), "frontage")
    count = np.maximum(np.round((end - start) / frontage[:, None]), 1).astype(np.int64)

    def cut(side: int, number: I64, rows: I64) -> tuple[F64, F64]:
        """Street and court end of a party wall; one expression, so that both neighbours get the same bits."""
        x = start[rows, side] + (end - start)[rows, side] * number / count[rows, side]
        street = outer[rows, side] + along[rows, side] * x[:, None]
        return street, street + inward[rows, side] * depth[rows, None]

    batches = []
    everyone = np.arange(len(outer))
    for side in range(4):
        rows = np.repeat(everyone, count[:, side])
        number = np.arange(len(rows)) - np.repeat(np.cumsum(count[:, side]) - count[:, side], count[:, side])
        (a, d), (b, c) = cut(side, number, rows), cut(side, number + 1, rows)
        ring = np.stack([a, b, c, d], axis=1)
        lot = 16 + side * 256 + number
        row = _batch([[ring]], (Shape.QUAD,), block[rows], keys[rows], lot)
        batches += step_batch(row, style, seed)
        before = (side + 3) % 4
        (p, q), (r, s) = cut(before, count[:, before], everyone), cut(side, 0 * everyone, everyone)
        corner, court = outer[:, side], inner[:, side]
        first, second = np.stack([p, corner, court, q], axis=1), np.stack([corner, r, s, court], axis=1)
        batches.append(_batch([[first], [second]], (Shape.QUAD, Shape.QUAD), block, keys, 1 + side))
    return batches
