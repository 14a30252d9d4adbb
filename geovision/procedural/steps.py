"""Flat roofs of several levels: buildings cut in two, and penthouses set back from the walls below."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from geovision.model.kinds import RoofKind
from geovision.procedural.blocks import inset_quads
from geovision.procedural.plans import Batch, Role, Shape
from geovision.procedural.rng import F64, Keyed
from geovision.procedural.style import Style

__all__ = ["step_batch"]

_LEAST_M = 3.5
"""No level is narrower than this."""


def step_batch(batch: Batch, style: Style, seed: int) -> list[Batch]:
    """Give a share of plain quadrilateral buildings flat roofs on two levels.

    Between neighbours the cut runs from street to court, so that party walls stay whole.
    """
    ring = batch.rings[0][0]
    draws = Keyed(seed, batch.keys)
    sides = np.sqrt(((np.roll(ring, -1, axis=1) - ring) ** 2).sum(axis=2))
    free = np.broadcast_to(np.asarray(batch.forced), len(batch)) < 0
    attached = np.broadcast_to(np.asarray(batch.attached), len(batch))
    across = attached | (sides[:, 0] + sides[:, 2] > sides[:, 1] + sides[:, 3])
    turned = np.where(across[:, None, None], np.roll(ring, -1, axis=1), ring)
    depth = np.where(across, np.minimum(sides[:, 0], sides[:, 2]), np.minimum(sides[:, 1], sides[:, 3]))
    share = 0.4 + 0.35 * draws.uniform("step/share")
    stepped = draws.chance("step", style.parts.stepped) & free & ((1 - share) * depth > _LEAST_M)
    inset = 1.2 + 1.6 * draws.uniform("step/inset")
    roomy = sides.min(axis=1) - 2 * inset > _LEAST_M
    crowned = draws.chance("step/penthouse", style.parts.penthouse) & free & ~stepped & roomy
    near, far = _cut(turned, share)
    inner = inset_quads(ring, np.repeat(inset[:, None], 4, axis=1))
    return [
        batch.take(~stepped & ~crowned),
        _two(batch, stepped, near, far, Role.LEVEL),
        _two(batch, crowned, ring, inner, Role.PENTHOUSE),
    ]


def _cut(ring: F64, share: F64) -> tuple[F64, F64]:
    """Cut parallel to edge 0, at a share of the way to edge 2."""
    weight = share[:, None]
    right = ring[:, 1] + (ring[:, 2] - ring[:, 1]) * weight
    left = ring[:, 0] + (ring[:, 3] - ring[:, 0]) * weight
    near = np.stack([ring[:, 0], ring[:, 1], right, left], axis=1)
    return near, np.stack([left, right, ring[:, 2], ring[:, 3]], axis=1)


def _two(
    batch: Batch, which: np.ndarray[tuple[int], np.dtype[np.bool_]], main: F64, other: F64, role: Role
) -> Batch:
    some = batch.take(which)
    return replace(
        some,
        rings=[[main[which]], [other[which]]],
        shapes=(Shape.QUAD, Shape.QUAD),
        roles=(Role.MAIN, role),
        front=(-1, -1),
        forced=np.full(len(some), int(RoofKind.FLAT), np.int16),
    )
