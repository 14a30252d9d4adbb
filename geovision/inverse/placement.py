"""Where points lie against footprints: a small shift or rotation, and how far roofs reach beyond walls.

Found building by building from the points alone, before anything is fitted; the kernel's `placement.hpp` is
the manual. Named kinds are fitted to points that are moved back by it, as if map and survey agreed; then
their roofs are set where the points lie, and walls stay where footprints put them, so that neighbours go on
sharing theirs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from geovision.errors import UsageError
from geovision.inverse.roof_points import offsets_of
from geovision.model.evidence import Evidence
from geovision.model.fit import Fit
from geovision.model.kinds import RoofKind
from geovision.model.superstructures import X, Y
from geovision.model.table import ProgramTable
from geovision.model.table_checks import MOST_SHIFT_M

__all__ = [
    "Place",
    "Placement",
    "check_place",
    "moved_programs",
    "place_outlines",
    "placed",
    "shifted",
    "with_overhang",
    "with_shift",
]

F64 = NDArray[np.float64]

Place = Literal["both", "footprints", "points"]
"""What keeps its place where the two disagree: both (walls stand on the footprints, roofs lie where points
do), the footprints (roofs slide onto them), or the points (walls move to them)."""

OVERHANG_NATS = 5.0
"""What an overhang must explain before it goes into a program."""
_UNMOVED = (RoofKind.FLAT, RoofKind.PLANAR, RoofKind.ONION)
LEAST_OVERHANG_M = 0.1
"""A shorter one is within what outlines are drawn to."""


@dataclass(frozen=True)
class Placement:
    """Placements of many buildings, in the order of their evidence."""

    value: F64
    """[buildings, 4] metres east and north by which points lie off the outline, radians by which they are
    turned counter-clockwise about `centre`, metres by which roofs reach beyond the outline. Shift and turn
    are 0 where nothing shows them."""
    covariance: F64
    """[buildings, 4, 4] of those."""
    centre: F64
    """[buildings, 2] the middle of the outline's box, in the frame of the evidence."""
    stretches: NDArray[np.int32]
    """[buildings] pieces of walls where the border of a roof was seen."""

    @property
    def moved(self) -> NDArray[np.bool_]:
        """[buildings] whether a shift was found."""
        return np.asarray((self.value[:, :3] != 0).any(axis=1))

    def to_outline(self, building: int, xy: F64) -> F64:
        """Places of points as seen from the outline: moved back."""
        east, north, turn, _ = self.value[building].tolist()
        centre = self.centre[building]
        back = xy - centre - (east, north)
        return np.asarray(back @ _turn(turn) + centre)

    def to_points(self, building: int, xy: F64) -> F64:
        """Places on the outline as seen from the points; the inverse of `to_outline`."""
        east, north, turn, _ = self.value[building].tolist()
        centre = self.centre[building]
        return np.asarray((xy - centre) @ _turn(turn).T + centre + (east, north))

    def told(self, fits: Sequence[Fit], shift: F64, shift_sigma: F64) -> list[Fit]:
        """The fits with what was found of the placement.

        Args:
            fits: one a building.
            shift: [buildings, 2] by how much the roof says that points still lie off it.
            shift_sigma: [buildings, 2] of that, and then of the whole; 0 where it says nothing.
        """
        sigma = np.sqrt(np.einsum("bii->bi", self.covariance))
        sigma[self.stretches == 0] = np.nan
        sigma[:, :2] = np.where(shift_sigma > 0, shift_sigma, sigma[:, :2])
        degrees = np.array([1.0, 1.0, np.degrees(1.0), 1.0])
        value, sigma = self.value * degrees, sigma * degrees
        value[:, :2] += shift
        value[self.stretches == 0, 3] = np.nan
        return [
            replace(
                fit,
                **dict(zip(("shift_x", "shift_y", "rotation_deg", "overhang"), row, strict=True)),
                **dict(
                    zip(
                        ("shift_x_sigma", "shift_y_sigma", "rotation_sigma_deg", "overhang_sigma"),
                        err,
                        strict=True,
                    )
                ),
            )
            for fit, row, err in zip(fits, value.tolist(), sigma.tolist(), strict=True)
        ]

    def overhangs(self, evidence: Sequence[Evidence]) -> F64:
        """[buildings] metres of overhang that the points show; 0 for buildings that share a wall.

        The roof of a part reaches as far beyond all its walls, and must not reach over a neighbour.
        """
        size = self.value[:, 3]
        shown = size**2 > 2 * OVERHANG_NATS * self.covariance[:, 3, 3]
        shown &= (size >= LEAST_OVERHANG_M) & (self.stretches > 0)
        shown &= np.array([bool((item.edge_neighbour < 0).all()) for item in evidence], bool)
        return np.where(shown, size, 0.0).round(2)


def place_outlines(
    evidence: Sequence[Evidence], *, options: Mapping[str, float] | None = None, threads: int = 0
) -> Placement:
    """Find how points lie against the outline of every building.

    Args:
        evidence: one entry a building.
        options: of `_kernel.place_outlines`, for experiments.
        threads: 0 for all cores. The result does not depend on it, nor on the order of the buildings.
    """
    from geovision import _kernel

    rings = [ring for item in evidence for ring in item.rings]
    found: dict[str, Any] = _kernel.place_outlines(
        offsets_of([len(item.rings) for item in evidence]),
        offsets_of([len(ring) for ring in rings]),
        _joined(rings, (0, 2)),
        _joined([item.edge_neighbour for item in evidence], (0,)),
        offsets_of([len(item.points) for item in evidence]),
        _joined([item.points for item in evidence], (0, 3)),
        _joined([item.point_kind for item in evidence], (0,)),
        np.array([item.ground_z for item in evidence], np.float64),
        np.array([item.cell_m for item in evidence], np.float64),
        dict(options or {}),
        threads,
    )
    return Placement(found["value"], found["covariance"], found["centre"], found["stretches"])


def placed(evidence: Sequence[Evidence], placement: Placement, place: Place = "both") -> list[Evidence]:
    """The evidence with points and outlines brought together: the points moved, or with "points" the walls.

    >>> wall = np.array([[0.0, 0.0], [8.0, 0.0], [8.0, 6.0], [0.0, 6.0]])
    >>> shift, centre = np.array([[0.3, 0.0, 0.0, 0.0]]), np.array([[4.0, 3.0]])
    >>> found = Placement(shift, np.eye(4)[None], centre, np.ones(1, np.int32))
    >>> item = Evidence("a", np.zeros(3), (wall,), points=np.array([[1.0, 1.0, 5.0]]))
    >>> placed([item], found)[0].points.round(6).tolist()
    [[0.7, 1.0, 5.0]]
    >>> placed([item], found, "points")[0].rings[0][0].tolist()
    [0.3, 0.0]
    """
    out = list(evidence)
    for row in np.flatnonzero(placement.moved).tolist():
        item = out[row]
        if place == "points":
            rings = tuple(placement.to_points(row, ring).round(3) for ring in item.rings)
            out[row] = replace(item, rings=rings)
        else:
            points = item.points.copy()
            points[:, :2] = placement.to_outline(row, points[:, :2])
            out[row] = replace(item, points=points)
    return out


def shifted(evidence: Evidence, shift: F64, place: Place) -> Evidence:
    """The evidence as `place` has it once a roof shows a further shift: points moved back, or the outline."""
    if not shift.any() or place == "both":
        return evidence
    if place == "points":
        return replace(evidence, rings=tuple((ring + shift).round(3) for ring in evidence.rings))
    return replace(evidence, points=evidence.points - (*shift.tolist(), 0.0))


def with_shift(table: ProgramTable, shift: F64) -> ProgramTable:
    """The programs with their roofs, and what stands on them, moved further by [programs, 2] metres.

    Flat roofs cannot tell, and keep none. That is said of every program, moved or not: what comes out of one
    does not depend on the others in the table.
    """
    parts = np.diff(table.part_offsets)
    moved = (
        np.clip(table.roof_shift + np.repeat(shift, parts, axis=0), -MOST_SHIFT_M, MOST_SHIFT_M).round(3)
        + 0.0
    )
    moved[np.isin(table.roof_kind, _UNMOVED)] = 0.0
    params = table.super_params.copy()
    place = params[:, [X, Y]] + np.repeat(shift, np.diff(table.super_offsets), axis=0)
    params[:, [X, Y]] = place.round(3)
    names = ("ids", "part_ids", "attributes", "facade")
    records: dict[str, Any] = {name: table.records(name) for name in names}
    provenance = [
        {path: word for path, word in known.items() if not path.endswith("/roof_shift")}
        | {
            f"parts/{part}/roof_shift": "observed"
            for part in range(stop - start)
            if moved[start + part].any()
        }
        for known, start, stop in zip(
            table.provenance, table.part_offsets[:-1].tolist(), table.part_offsets[1:].tolist(), strict=True
        )
    ]
    columns: dict[str, Any] = table.columns() | {"roof_shift": moved, "super_params": params}
    return ProgramTable.from_arrays(**columns, **records, provenance=provenance)


def with_overhang(table: ProgramTable, size: F64) -> ProgramTable:
    """The programs with these overhangs, building by building, on all their parts."""
    if not (size > 0).any():
        return table
    columns: dict[str, Any] = table.columns() | {"overhang": np.repeat(size, np.diff(table.part_offsets))}
    records = {name: table.records(name) for name in ("ids", "part_ids", "attributes", "facade")}
    provenance = [
        known | dict.fromkeys((f"parts/{part}/overhang" for part in range(parts)), "observed")
        if over > 0
        else known
        for known, parts, over in zip(
            table.provenance, np.diff(table.part_offsets).tolist(), size.tolist(), strict=True
        )
    ]
    return ProgramTable.from_arrays(**columns, **records, provenance=provenance)


def moved_programs(table: ProgramTable, shift: F64) -> ProgramTable:
    """The programs moved in plan: [programs, 2] metres east and north, whole millimetres."""
    if not shift.any():
        return table
    columns: dict[str, Any] = dict(table.columns())
    part = np.repeat(shift, np.diff(table.part_offsets), axis=0)
    for offsets, rings, vertices, xy in (
        (table.ring_offsets, None, table.vertex_offsets, "xy"),
        (table.face_offsets, table.face_ring_offsets, table.face_vertex_offsets, "face_xy"),
    ):
        by = np.repeat(part, np.diff(offsets), axis=0)
        by = by if rings is None else np.repeat(by, np.diff(rings), axis=0)
        columns[xy] = (columns[xy] + np.repeat(by, np.diff(vertices), axis=0)).round(3)
    place = columns["super_params"].copy()
    # A parapet has no place of its own.
    place[:, [X, Y]] += np.repeat(shift, np.diff(table.super_offsets), axis=0)
    names = ("ids", "part_ids", "attributes", "facade", "provenance")
    records = {name: table.records(name) for name in names}
    return ProgramTable.from_arrays(**columns | {"super_params": place}, **records)


def check_place(place: str) -> None:
    """Refuse what is no `Place`."""
    if place not in get_args(Place):
        raise UsageError(f"place {place!r}", "is not known", 'Use "both", "footprints" or "points"')


def _turn(angle: float) -> F64:
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, -sin], [sin, cos]])


def _joined(blocks: Sequence[NDArray[Any]], empty: tuple[int, ...]) -> NDArray[Any]:
    return np.concatenate(blocks) if blocks else np.zeros(empty)
