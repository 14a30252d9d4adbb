"""How sure the planes of an arrangement are: their covariance, for the `Fit`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from geovision.inverse.roof_points import RoofPoints, offsets_of
from geovision.model.table import ProgramTable

__all__ = ["plane_covariances"]

F64 = NDArray[np.float64]

FIELDS = ("slope_x", "slope_y", "height")


def plane_covariances(
    table: ProgramTable, batch: RoofPoints, buildings: NDArray[np.int64], sigma: F64, *, threads: int = 0
) -> list[tuple[tuple[str, ...], F64]]:
    """Paths of the fitted values and their covariance, for each of some `planar` programs of one part.

    Faces with too few points for a plane of their own, whose plane comes from elsewhere, are left out.

    Args:
        table: the programs.
        batch: points inside the footprints of all buildings.
        buildings: [programs] the place of each in the batch.
        sigma: [programs] metres that points scatter about a plane.
        threads: 0 for all cores. The result does not depend on it.
    """
    from geovision import _kernel

    spans = [batch.point_offsets[row : row + 2] for row in buildings.tolist()]
    points = [batch.points[first:last] for first, last in spans]
    face_count = np.diff(table.face_offsets)
    owner = np.repeat(np.arange(len(table)), face_count)
    vertex_owner = np.repeat(
        np.repeat(owner, np.diff(table.face_ring_offsets)), np.diff(table.face_vertex_offsets)
    )
    found = _kernel.plane_covariances(
        table.face_offsets,
        table.face_ring_offsets,
        table.face_vertex_offsets,
        table.face_xy - batch.origin[buildings][vertex_owner, :2],
        table.face_plane,
        np.concatenate(points) if points else np.zeros((0, 3)),
        offsets_of([len(block) for block in points]),
        sigma,
        threads,
    )
    out = []
    for row in range(len(table)):
        faces = np.flatnonzero(found["known"][table.face_offsets[row] : table.face_offsets[row + 1]])
        first, last = found["offsets"][row : row + 2]
        paths = tuple(f"parts/0/roof/faces/{face}/{name}" for face in faces.tolist() for name in FIELDS)
        out.append((paths, found["covariance"][first:last].reshape(len(paths), len(paths))))
    return out
