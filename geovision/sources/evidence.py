"""From footprints and measurements to `Evidence`: which points say something about which building."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision.errors import InputError
from geovision.model.evidence import Evidence, PointKind, PointSource
from geovision.sources.footprint_set import Footprints
from geovision.sources.ground import Ground, outline_ground
from geovision.sources.point_block import PointBlock

__all__ = ["REACH_M", "evidence_from_arrays"]

F64 = NDArray[np.float64]

REACH_M = 24.0
"""How far from an outline measurements can matter: what is read must extend so far for a building to come
out the same whatever tile it is read with."""
LIDAR_SIGMA_M = 0.05
"""Standard deviation of a LiDAR height that nothing else is known of."""

# ASPRS classes to what they mean for a building. Others say nothing (0 and 1), or not what is wanted.
_KINDS = {
    2: PointKind.GROUND,
    3: PointKind.VEGETATION,
    4: PointKind.VEGETATION,
    5: PointKind.VEGETATION,
    6: PointKind.BUILDING,
    8: PointKind.GROUND,  # model key points are ground in LAS 1.2 and 1.3
    9: PointKind.OTHER,
    10: PointKind.OTHER,
    11: PointKind.GROUND,  # road surface
    13: PointKind.OTHER,
    14: PointKind.OTHER,
    15: PointKind.OTHER,
    16: PointKind.OTHER,
    17: PointKind.OTHER,
    18: PointKind.OTHER,
    26: PointKind.OTHER,  # AHN: bridges, quays and the like
}


@dataclass(frozen=True)
class _Measured:
    """Points and cells in one table."""

    xyz: F64
    kind: NDArray[np.uint8]
    source: NDArray[np.uint8]
    sigma: NDArray[np.float32]


def evidence_from_arrays(
    footprints: Footprints,
    points: PointBlock | None = None,
    *,
    margin_m: float = 2.0,
    owned: NDArray[np.bool_] | None = None,
    threads: int = 0,
) -> Iterator[Evidence]:
    """The evidence of every footprint, one after the other, in their order.

    Args:
        footprints: outlines in a metric CRS, neighbours included: a point inside another's outline is not
            this building's.
        points: LiDAR in the same CRS, reaching `REACH_M` past the outlines.
        margin_m: points up to this far outside an outline come along.
        owned: which footprints are wanted; the others only claim their points. All, if left out.
        threads: 0 for all cores. The result does not depend on it, nor on the order of the points.
    """
    from geovision import _kernel

    wanted = np.ones(len(footprints.ids), bool) if owned is None else np.asarray(owned, bool)
    if len(wanted) != len(footprints.ids):
        raise InputError(
            "owned",
            f"has {len(wanted)} values for {len(footprints.ids)} footprints",
            "Give one per footprint",
        )
    measured = _measured(points)
    found = _kernel.gather_points(
        footprints.ring_offsets,
        footprints.vertex_offsets,
        footprints.xy,
        measured.xyz,
        measured.kind,
        measured.source,
        wanted.astype(np.uint8),
        margin_m,
        threads,
    )
    ground = outline_ground(footprints, measured.xyz[measured.kind == PointKind.GROUND], threads=threads)
    for building in np.flatnonzero(wanted):
        yield _evidence(footprints, int(building), measured, found, ground)


def _measured(points: PointBlock | None) -> _Measured:
    if points is None:
        points = PointBlock.empty()
    table = np.full(256, PointKind.UNKNOWN, np.uint8)
    for code, kind in _KINDS.items():
        table[code] = kind
    return _Measured(
        points.xyz,
        table[points.classification],
        np.full(len(points), PointSource.LIDAR, np.uint8),
        np.full(len(points), LIDAR_SIGMA_M, np.float32),
    )


def _evidence(
    footprints: Footprints,
    building: int,
    measured: _Measured,
    found: Mapping[str, NDArray[Any]],
    ground: Ground,
) -> Evidence:
    origin = np.array([*found["origin"][building], 0.0])
    first, last = found["offsets"][building : building + 2]
    index = found["index"][first:last]
    notes = () if ground.known[building] else ("no ground was found round the building; its base is a guess",)
    points = measured.xyz[index] - origin
    base = ground.base[building] if ground.known[building] else _guessed_base(points)
    rings = range(footprints.ring_offsets[building], footprints.ring_offsets[building + 1])
    cuts = footprints.vertex_offsets
    neighbours, edges = _neighbours(footprints, building)
    return Evidence(
        footprints.ids[building],
        origin,
        tuple(footprints.xy[cuts[ring] : cuts[ring + 1]] - origin[:2] for ring in rings),
        ground_z=float(base),
        ground_known=bool(ground.known[building]),
        ring_ground=tuple(ground.vertex_z[cuts[ring] : cuts[ring + 1]] for ring in rings)
        if ground.known[building]
        else (),
        points=points,
        point_sigma=measured.sigma[index],
        point_kind=found["kind"][first:last].copy(),
        point_source=measured.source[index],
        neighbours=tuple(footprints.ids[other] for other in neighbours),
        edge_neighbour=edges,
        attributes=dict(footprints.attributes[building]) if footprints.attributes else {},
        crs=footprints.crs,
        notes=notes,
    )


def _neighbours(footprints: Footprints, building: int) -> tuple[list[int], NDArray[np.int32]]:
    """Footprints that share an edge, by their ids, and for each edge which of them it is."""
    first, last = footprints.vertex_offsets[footprints.ring_offsets[[building, building + 1]]]
    edges = footprints.edge_neighbour[first:last]
    # By id and not by place in the layer: the same in every tile.
    others = sorted(footprints.neighbours(building), key=footprints.ids.__getitem__)
    place = {other: number for number, other in enumerate(others)} | {-1: -1}
    return others, np.array([place[int(edge)] for edge in edges], np.int32)


def _guessed_base(points: F64) -> float:
    """Without ground, the lowest that was measured, but for a few strays."""
    return float(np.quantile(points[:, 2], 0.02, method="lower")) if len(points) else 0.0
