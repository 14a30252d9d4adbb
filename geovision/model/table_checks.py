"""Vectorised checks of a `ProgramTable`, for callers that skip bad buildings and report them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from geovision.errors import ProgramError
from geovision.model.kinds import RoofKind, SuperKind

if TYPE_CHECKING:
    from geovision.model.table import ProgramTable

RIDGE, AZIMUTH, OFFSET, BREAK, INSET, REAR_EAVE, COUNT, PITCH = range(8)
EAVE, TOP = 5, 6
K = RoofKind
# Slots that a kind cannot do without, besides the ridge.
_NEEDED = {
    INSET: (K.HALF_HIPPED, K.MANSARD, K.GAMBREL, K.SIDE_HIPPED, K.ONION),
    BREAK: (K.HALF_HIPPED, K.MANSARD, K.GAMBREL),
    OFFSET: (K.SALTBOX,),
    REAR_EAVE: (K.SALTBOX,),
    COUNT: (K.SAWTOOTH,),
}
_NAMES = {
    RIDGE: "ridge_height",
    AZIMUTH: "azimuth_deg",
    OFFSET: "ridge_offset",
    BREAK: "break_height",
    INSET: "inset",
    REAR_EAVE: "rear_eave_height",
    COUNT: "count",
    PITCH: "pitch_deg",
}
MOST_SHIFT_M = 2.0
_NO_RIDGE = (K.FLAT, K.HIPPED, K.PLANAR, K.BUTTERFLY)

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Problem:
    """One fault of one building; `error` makes it an exception."""

    index: int
    id: str
    field: str
    value: object
    problem: str
    remedy: str

    @property
    def error(self) -> ProgramError:
        """The problem as a `ProgramError`, ready to raise."""
        return ProgramError(self.id, self.field, self.value, self.remedy, problem=self.problem)


class _Collector:
    def __init__(self, table: ProgramTable) -> None:
        self.table = table
        self.found: list[Problem] = []
        self.part_owner = _owners(table.part_offsets)
        self.ring_part = _owners(table.ring_offsets)
        self.vertex_ring = _owners(table.vertex_offsets)

    def buildings(self, bad: Mask, field: str, values: NDArray[Any], problem: str, remedy: str) -> None:
        for row in np.flatnonzero(bad).tolist():
            self.add(row, field, values[row], problem, remedy)

    def parts(self, bad: Mask, field: str, values: NDArray[Any], problem: str, remedy: str) -> None:
        for part in np.flatnonzero(bad).tolist():
            row = int(self.part_owner[part])
            place = part - int(self.table.part_offsets[row])
            self.add(row, f"parts/{place}/{field}", values[part], problem, remedy)

    def rings(self, bad: Mask, values: NDArray[Any], problem: str, remedy: str) -> None:
        for ring in np.flatnonzero(bad).tolist():
            part = int(self.ring_part[ring])
            row = int(self.part_owner[part])
            place = part - int(self.table.part_offsets[row])
            number = ring - int(self.table.ring_offsets[part])
            name = "shell" if number == 0 else f"holes/{number - 1}"
            self.add(row, f"parts/{place}/{name}", values[ring], problem, remedy)

    def add(self, row: int, field: str, value: Any, problem: str, remedy: str) -> None:
        plain = value.tolist() if isinstance(value, (np.generic, np.ndarray)) else value
        self.found.append(Problem(row, self.table.ids[row], field, plain, problem, remedy))


def _owners(offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))


def problems_of(table: ProgramTable) -> list[Problem]:
    """All problems, ordered by building."""
    collector = _Collector(table)
    _check_numbers(collector)
    _check_rings(collector)
    _check_roofs(collector)
    _check_edge_pitch(collector)
    _check_faces(collector)
    _check_supers(collector)
    return sorted(collector.found, key=lambda problem: problem.index)


def _check_numbers(check: _Collector) -> None:
    table = check.table
    finite = "Give a finite number"
    check.buildings(~np.isfinite(table.ground_z), "ground_z", table.ground_z, "it is not finite", finite)
    no_parts = np.diff(table.part_offsets) == 0
    check.buildings(
        no_parts, "parts", np.zeros(len(table), int), "the building has no parts", "Give at least one"
    )
    for name, field in (("eave", "eave_height"), ("base", "base_height"), ("overhang", "overhang")):
        values = getattr(table, name)
        check.parts(~np.isfinite(values), field, values, "it is not finite", finite)
    with np.errstate(invalid="ignore"):
        check.parts(
            table.eave <= table.base, "eave_height", table.eave, "it is not above base_height", "Raise it"
        )
        check.parts(table.overhang < 0, "overhang", table.overhang, "it is negative", "Give 0 or more")
        far = np.asarray(~(np.abs(table.roof_shift) <= MOST_SHIFT_M).all(axis=1))
        check.parts(far, "roof_shift", table.roof_shift, "it is over 2 m", "Move the part instead")
    fixed = np.isin(table.roof_kind, (K.PLANAR, K.ONION)) & table.roof_shift.any(axis=1)
    check.parts(fixed, "roof_shift", table.roof_shift, "its roof stands where it is", "Leave it out")


def _check_rings(check: _Collector) -> None:
    table = check.table
    sizes = np.diff(table.vertex_offsets)
    check.parts(
        np.diff(table.ring_offsets) == 0,
        "shell",
        np.zeros(len(table.eave), int),
        "there is no ring",
        "Give a shell",
    )
    check.rings(sizes < 3, sizes, "the ring has fewer than 3 points", "Give at least 3 corners, or drop it")
    bad_xy = ~np.isfinite(table.xy).all(axis=1)
    bad = np.zeros(len(sizes), dtype=bool)
    bad[check.vertex_ring[bad_xy]] = True
    check.rings(bad, sizes, "a coordinate is not finite", "Give finite coordinates")
    sound = (sizes >= 3) & ~bad
    areas, extents = _ring_measures(table.xy, table.vertex_offsets, check.vertex_ring)
    check.rings(sound & (extents > 1e6), extents, "the ring is wider than 1,000 km", "Check the CRS")
    # A ring of no area, or one that crosses itself into two equal halves; neither can bound a part.
    check.rings(
        sound & (np.abs(areas) <= extents * 5e-4), areas, "the ring has no area", "Drop it, or mend it"
    )


def _ring_measures(
    xy: NDArray[np.float64], offsets: NDArray[np.int64], owner: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Signed area and larger extent of every ring, relative to its first vertex."""
    count = len(offsets) - 1
    filled = np.diff(offsets) > 0
    areas, extents = np.zeros(count), np.zeros(count)
    if not filled.any():
        return areas, extents
    starts = offsets[:-1]
    with np.errstate(invalid="ignore"):
        local = xy - xy[starts[owner]]
        after = np.arange(1, len(xy) + 1)
        after[offsets[1:][filled] - 1] = starts[filled]
        cross = local[:, 0] * local[after, 1] - local[:, 1] * local[after, 0]
        areas = np.bincount(owner, weights=cross, minlength=count) / 2
        low, high = np.minimum.reduceat(local, starts[filled]), np.maximum.reduceat(local, starts[filled])
    extents[filled] = (high - low).max(axis=1)
    return areas, extents


def _check_roofs(check: _Collector) -> None:
    table = check.table
    kind, params, eave, base = table.roof_kind, table.roof_params, table.eave, table.base
    check.parts(
        kind >= len(RoofKind), "roof/kind", kind, "the code is not known", "See geovision.model.kinds"
    )
    check.parts(
        np.logical_or.reduce(np.isinf(params), axis=1),
        "roof",
        params,
        "a parameter is infinite",
        "Give a finite number, NaN for none",
    )
    ridge = params[:, RIDGE]
    ridged = ~np.isin(kind, _NO_RIDGE) & (kind < len(RoofKind))
    missing = "the kind needs it"
    check.parts(ridged & np.isnan(ridge), "roof/ridge_height", ridge, missing, "Give it")
    for slot, kinds in _NEEDED.items():
        values = params[:, slot]
        check.parts(
            np.isin(kind, kinds) & np.isnan(values), f"roof/{_NAMES[slot]}", values, missing, "Give it"
        )
    # Comparisons with NaN are false, so what is not given is not complained of twice.
    with np.errstate(invalid="ignore"):
        high = (ridged | (kind == K.HIPPED)) & (ridge <= eave)
        check.parts(high, "roof/ridge_height", ridge, "the ridge is not above the eave", "Raise the ridge")
        valley = np.equal(kind, K.BUTTERFLY) & ((ridge >= eave) | (ridge <= base))
        check.parts(
            valley, "roof/valley_height", ridge, "the valley is not between base and eave", "Lower it"
        )
        breaks = params[:, BREAK]
        broken = np.isin(kind, _NEEDED[BREAK]) & ((breaks < eave) | (breaks >= ridge))
        broken |= np.isin(kind, (K.MANSARD, K.GAMBREL)) & (breaks == eave)
        check.parts(
            broken, "roof/break_height", breaks, "it is not between eave and ridge", "Move it between"
        )
        inset = params[:, INSET]
        thin = np.isin(kind, (K.HALF_HIPPED, K.MANSARD, K.GAMBREL, K.SIDE_HIPPED, K.HIPPED)) & (inset <= 0)
        check.parts(
            thin | ((kind == K.ONION) & (inset < 0)), "roof/inset", inset, "it is negative or 0", "Raise it"
        )
        place = params[:, OFFSET]
        check.parts(
            (place <= 0) | (place >= 1), "roof/ridge_offset", place, "it is not between 0 and 1", "Move it"
        )
        rear = params[:, REAR_EAVE]
        low = (kind == K.SALTBOX) & ((rear <= base) | (rear >= ridge))
        check.parts(low, "roof/rear_eave_height", rear, "it is not between base and ridge", "Move it between")
        teeth = params[:, COUNT]
        check.parts(
            (kind == K.SAWTOOTH) & (teeth < 1), "roof/teeth", teeth, "there is less than 1", "Give 1 or more"
        )
        pitch = params[:, PITCH]
        check.parts(
            (pitch <= 0) | (pitch >= 90), "roof/pitch_deg", pitch, "it is not between 0 and 90", "Mend it"
        )


def _check_edge_pitch(check: _Collector) -> None:
    table = check.table
    vertex_part = check.ring_part[check.vertex_ring]
    with np.errstate(invalid="ignore"):
        bad = np.isinf(table.edge_pitch) | (table.edge_pitch <= 0) | (table.edge_pitch > 90)
    faulty = np.zeros(len(table.eave), dtype=bool)
    faulty[vertex_part[bad]] = True
    first_bad = np.full(len(table.eave), np.nan)
    first_bad[vertex_part[bad][::-1]] = table.edge_pitch[bad][::-1]
    check.parts(
        faulty, "edge_pitch_deg", first_bad, "a pitch lies above 0 and up to 90", "Give 90 for a gable end"
    )
    unknown = np.zeros(len(table.eave), dtype=bool)
    unknown[vertex_part[np.isnan(table.edge_pitch)]] = True
    ridge, pitch = table.roof_params[:, RIDGE], table.roof_params[:, PITCH]
    hipped = table.roof_kind == K.HIPPED
    check.parts(
        hipped & np.isnan(ridge) & np.isnan(pitch) & unknown,
        "roof/ridge_height",
        ridge,
        "a hipped roof has no height",
        "Give ridge_height, pitch_deg or an edge_pitch for every edge",
    )
    both = hipped & ~np.isnan(ridge) & ~np.isnan(pitch)
    check.parts(
        both, "roof/pitch_deg", pitch, "ridge_height and pitch_deg are both given", "Give one of the two"
    )


def _check_faces(check: _Collector) -> None:
    table = check.table
    counts = np.diff(table.face_offsets)
    planar = table.roof_kind == K.PLANAR
    check.parts(
        planar & (counts == 0), "roof/faces", counts, "a planar roof has no faces", "Give at least one"
    )
    face_part = _owners(table.face_offsets)
    bad_face = ~np.isfinite(table.face_plane).all(axis=1)
    bad_face |= np.diff(table.face_ring_offsets) == 0
    ring_face, vertex_ring = _owners(table.face_ring_offsets), _owners(table.face_vertex_offsets)
    bad_face[ring_face[np.diff(table.face_vertex_offsets) < 3]] = True
    bad_face[ring_face[vertex_ring[~np.isfinite(table.face_xy).all(axis=1)]]] = True
    faulty = np.zeros(len(counts), dtype=bool)
    faulty[face_part[bad_face]] = True
    check.parts(
        faulty, "roof/faces", counts, "a face is not finite or has fewer than 3 points", "Mend or drop it"
    )


def _check_supers(check: _Collector) -> None:
    table = check.table
    owner = _owners(table.super_offsets)
    kind, part, params = table.super_kind, table.super_part, table.super_params
    parts = np.diff(table.part_offsets)[owner]

    def report(bad: Mask, field: str, values: NDArray[Any], problem: str, remedy: str) -> None:
        for item in np.flatnonzero(bad).tolist():
            row = int(owner[item])
            place = item - int(table.super_offsets[row])
            check.add(row, f"superstructures/{place}/{field}", values[item], problem, remedy)

    report(kind >= len(SuperKind), "kind", kind, "the code is not known", "See geovision.model.kinds")
    report(
        (part < 0) | (part >= parts),
        "part",
        part,
        "the building has no such part",
        "Give an index of its parts",
    )
    placed = kind != SuperKind.PARAPET
    dormer = kind <= SuperKind.DORMER_FLAT
    peaked = (kind == SuperKind.DORMER_GABLE) | (kind == SuperKind.DORMER_SHED)
    needs = np.zeros(params.shape, dtype=bool)
    needs[:, :5] = placed[:, None]
    needs[:, 3] = True
    needs[:, EAVE] = dormer
    needs[:, TOP] = kind != SuperKind.DORMER_FLAT
    broken = np.logical_or.reduce(needs & ~np.isfinite(params), axis=1)
    report(broken, "params", params, "a parameter is missing or not finite", "Give all that the kind needs")
    with np.errstate(invalid="ignore"):
        report((params[:, 3] <= 0), "width", params[:, 3], "it is not above 0", "Give a width in metres")
        report(
            placed & (params[:, 4] <= 0), "depth", params[:, 4], "it is not above 0", "Give a depth in metres"
        )
        low = peaked & (params[:, TOP] <= params[:, EAVE])
        report(low, "top_height", params[:, TOP], "it is not above its eave_height", "Raise it")
