"""General roofs: planes over the footprint, for what no named kind explains; in C++, many at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision.inverse.blocks import plain_attributes
from geovision.inverse.roof_points import RoofPoints, roof_points
from geovision.model.evidence import Evidence
from geovision.model.kinds import RoofKind
from geovision.model.roofs import ROOF_SLOTS
from geovision.model.table import ProgramTable

__all__ = ["PlanStatus", "Planar", "propose_planar"]

F64 = NDArray[np.float64]

PROVENANCE = {"default": "given", "parts/0/eave_height": "observed", "parts/0/roof": "observed"}


class PlanStatus(IntEnum):
    """How a plane arrangement came out; the kernel's codes."""

    OK = 0
    FEW_POINTS = 1
    """No plane was found; one flat face at the points' middle height."""
    NO_POINTS = 2
    BAD_OUTLINE = 3


@dataclass(frozen=True)
class Planar:
    """The best plane arrangement of every building, and what the kernel measured on the way."""

    table: ProgramTable
    """One `planar` program for each of `rows`."""
    rows: NDArray[np.int64]
    """Buildings, by their place in the evidence, for which planes were found."""
    status: NDArray[np.uint8]
    """[buildings] of `PlanStatus`."""
    price: F64
    """[buildings] nats of planes and borders, without the misfit."""
    spacing: F64
    """[buildings] metres between points."""
    scatter: F64
    """[buildings] metres; what points scatter about their local plane."""
    explained: F64
    """[buildings] share of the points within 0.2 m of their face."""
    inside: NDArray[np.bool_]
    """[points] of the batch: whether they lie inside their footprint."""


def propose_planar(
    evidence: Sequence[Evidence],
    *,
    points: RoofPoints | None = None,
    options: Mapping[str, float] | None = None,
    threads: int = 0,
) -> Planar:
    """Cover every footprint with the planes that its points show.

    Args:
        evidence: one entry a building.
        points: `roof_points(evidence)`, where the caller has it already.
        options: of `_kernel.plan_roofs`, for experiments.
        threads: 0 for all cores. The result does not depend on it.

    >>> x, y = (axis.ravel() for axis in np.meshgrid(np.arange(0.25, 10, 0.5), np.arange(0.25, 6, 0.5)))
    >>> roof = np.column_stack([x, y, 8 - 0.8 * abs(y - 3)])
    >>> shell = np.array([[0.0, 0.0], [10.0, 0.0], [10.0, 6.0], [0.0, 6.0]])
    >>> found = propose_planar([Evidence("a", np.zeros(3), (shell,), points=roof)])
    >>> len(found.table[0].parts[0].roof.faces), found.table[0].parts[0].roof.kind
    (2, 'planar')
    """
    from geovision import _kernel

    batch = roof_points(evidence) if points is None else points
    found = _kernel.plan_roofs(
        batch.points,
        batch.point_offsets,
        batch.sigma,
        batch.xy,
        batch.vertex_offsets,
        batch.building_offsets,
        dict(options or {}),
        threads,
        batch.share,
    )
    rows = np.flatnonzero(found["status"] == PlanStatus.OK)
    return Planar(
        _table(evidence, batch, found, rows),
        rows,
        found["status"],
        found["price"],
        found["spacing"],
        found["scatter"],
        found["explained"],
        found["inside"].astype(bool),
    )


def _table(
    evidence: Sequence[Evidence], batch: RoofPoints, found: Mapping[str, Any], rows: NDArray[np.int64]
) -> ProgramTable:
    """All plans as programs on the kernel's grid, then the chosen rows of them."""
    count = len(batch.ground_z)
    face_owner = _owners(found["face_offsets"])
    ring_face = _owners(found["face_ring_offsets"])
    vertex_face = ring_face[_owners(found["face_vertex_offsets"])]
    local = found["face_xy"]
    plane = found["face_plane"]
    first = local[found["face_vertex_offsets"][found["face_ring_offsets"][:-1]]]
    rise = (local - first[vertex_face]) * plane[vertex_face, :2]
    heights = plane[vertex_face, 2] + rise.sum(axis=1)
    eave = np.full(count, np.inf)
    np.minimum.at(eave, face_owner[vertex_face], heights)
    vertex_owner = _owners(batch.building_offsets)[_owners(batch.vertex_offsets)]
    table = ProgramTable.from_arrays(
        ids=[item.id for item in evidence],
        ground_z=batch.ground_z.round(3),
        part_offsets=np.arange(count + 1),
        roof_kind=np.full(count, int(RoofKind.PLANAR), np.uint8),
        eave=eave.round(3),
        roof_params=np.full((count, ROOF_SLOTS), np.nan),
        ring_offsets=batch.building_offsets,
        vertex_offsets=batch.vertex_offsets,
        xy=(batch.xy + batch.origin[vertex_owner, :2]).round(3),
        face_offsets=found["face_offsets"],
        face_ring_offsets=found["face_ring_offsets"],
        face_vertex_offsets=found["face_vertex_offsets"],
        face_xy=(local + batch.origin[face_owner[vertex_face], :2]).round(3),
        face_plane=plane.round(6),
        attributes=[plain_attributes(item.attributes) for item in evidence],
        provenance=[dict(PROVENANCE) for _ in evidence],
    )
    return table.take(rows)


def _owners(offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
