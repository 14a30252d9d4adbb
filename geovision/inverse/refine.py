"""The loop of a person: hold some parameters of a program, fit the rest to the points again."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision.errors import UsageError
from geovision.inverse.placement import Place, Placement, check_place, place_outlines, placed
from geovision.inverse.propose import field_path, propose_parametric
from geovision.inverse.roof_points import may_be_roof, offsets_of
from geovision.model.evidence import Evidence
from geovision.model.fit import Fit, FitStatus
from geovision.model.kinds import RoofKind
from geovision.model.program import Part, Program
from geovision.model.roofs import INSET, ROOF_CLASSES, ROOF_SLOTS, Flat, Hipped
from geovision.model.table import ProgramTable
from geovision.model.table_checks import MOST_SHIFT_M

__all__ = ["refit"]

F64 = NDArray[np.float64]

# A lock is a prior far sharper than points can be; the value itself is put back in the end.
LOCK_SIGMA = 1e-4
# Kinds that have no forward model are kept as they are.
_KEPT = (RoofKind.SAWTOOTH, RoofKind.ONION, RoofKind.PLANAR)


@dataclass(frozen=True)
class _Locks:
    """What is held, part by part."""

    kinds: frozenset[int]
    """Parts whose kind is held."""
    slots: frozenset[tuple[int, int]]
    """(part, slot) that are held; ROOF_SLOTS is the eave."""
    shifts: frozenset[int]
    """Parts whose roof stays where it lies."""


def refit(
    program: Program,
    evidence: Evidence,
    *,
    lock: Collection[str] = (),
    place: Place = "both",
    threads: int = 0,
) -> tuple[Program, Fit]:
    """Fit a program to evidence again, with some of it held.

    Outlines stay as they are. A part whose kind is not held may change it where the points say so; holding
    any value of a roof holds its kind too. Roofs lie off their outlines as the program says, or, where it
    says nothing of any part, as the borders of the roof and the new kind show. Values that are fitted become
    "observed"; what is held keeps its provenance.

    Args:
        program: in the CRS of the evidence.
        evidence: the points of that building.
        lock: paths as in provenance: "parts/0/roof/kind", "parts/0/roof/ridge_height", "parts/0/eave_height",
            "parts/0/roof_shift"; "parts/0/roof" holds the whole roof, "parts/0" the whole part.
        place: what the program was fitted with; with "points" its walls lie where points show them.
        threads: 0 for all cores.

    >>> from geovision.model import Flat
    >>> square = np.array([[0.0, 0.0], [8.0, 0.0], [8.0, 6.0], [0.0, 6.0]])
    >>> x, y = (c.ravel() for c in np.meshgrid(np.arange(0.5, 8), np.arange(0.5, 6)))
    >>> roof = np.column_stack([x, y, 6 - abs(y - 3) / 2])
    >>> block = Program(id="a", parts=[Part(shell=square, eave_height=4, roof=Flat())])
    >>> gabled, fit = refit(block, Evidence("a", np.zeros(3), (square,), ground_known=True, points=roof))
    >>> gabled.parts[0].roof.kind, round(gabled.parts[0].roof.ridge_height, 2)
    ('gabled', 6.0)
    """
    locks = _locks_of(program, lock)
    check_place(place)
    digest = evidence.digest()
    placement = place_outlines([evidence], threads=threads)
    if place == "footprints":
        (evidence,) = placed([evidence], placement)
    parts = _lying(program, placement.value[0, :2] if placement.moved[0] else np.zeros(2), place, locks)
    table = ProgramTable.from_programs([program])
    for index in range(len(parts)):
        if index not in locks.kinds and RoofKind(int(table.roof_kind[index])) not in _KEPT:
            parts[index] = _best_part(parts[index], index, program, evidence, locks, threads)
    table = ProgramTable.from_programs([program.replace(parts=parts, provenance={})])
    solved = _solve(table, program, evidence, locks, threads)
    if solved is None:
        fit = Fit(program.id, _kinds(parts), FitStatus.FEW_POINTS, evidence=digest, locked=tuple(lock))
        return program, _told(fit, program.parts, placement, place)
    found, rows, paths, fit = solved
    for number, row in enumerate(rows):
        parts[row] = _with_values(parts[row], row, found, number, locks)
        if any(parts[row].roof_shift) and row not in locks.shifts:
            paths.append(f"parts/{row}/roof_shift")
    provenance = {
        path: word
        for path, word in program.provenance.items()
        if path == "default" or _held(path, locks) or not path.startswith("parts/")
    }
    provenance |= dict.fromkeys(paths, "observed")
    changed = program.replace(parts=parts, provenance={})
    known = {path: word for path, word in provenance.items() if path == "default" or _exists(changed, path)}
    fit = replace(fit, kind=_kinds(parts), evidence=digest, locked=tuple(lock))
    return changed.replace(provenance=known), _told(fit, parts, placement, place)


def _lying(program: Program, borders: F64, place: Place, locks: _Locks) -> list[Part]:
    """The parts with their roofs where they are looked for."""
    if place == "points":
        return list(program.parts)
    shift = (0.0, 0.0)
    if place == "both":
        known = [part.roof_shift for part in program.parts if any(part.roof_shift)]
        shift = known[0] if known else tuple(borders.clip(-MOST_SHIFT_M, MOST_SHIFT_M).round(3).tolist())
    return [
        part
        if index in locks.shifts or part.roof.roof_kind in _KEPT or (place == "both" and any(part.roof_shift))
        else part.replace(roof_shift=shift)
        for index, part in enumerate(program.parts)
    ]


def _told(fit: Fit, parts: Sequence[Part], placement: Placement, place: Place) -> Fit:
    """With what was found of the placement; a roof that is shifted says itself how far."""
    further = np.zeros((1, 2))
    known = [part.roof_shift for part in parts if any(part.roof_shift)]
    if known and place == "both":
        further = np.array(known[:1]) - placement.value[:, :2]
    return placement.told([fit], further, np.zeros((1, 2)))[0]


def _kinds(parts: Sequence[Part]) -> str:
    return "+".join(part.roof.kind for part in parts)


def _locks_of(program: Program, lock: Collection[str]) -> _Locks:
    kinds: set[int] = set()
    slots: set[tuple[int, int]] = set()
    shifts: set[int] = set()
    for path in lock:
        steps = path.split("/")
        index = int(steps[1]) if len(steps) > 1 and steps[0] == "parts" and steps[1].isdecimal() else -1
        if not 0 <= index < len(program.parts):
            raise UsageError(f"lock {path!r}", "names no part of the program", 'Use "parts/0/..."')
        codes = ROOF_CLASSES[program.parts[index].roof.roof_kind].slots
        rest = tuple(steps[2:])
        if rest == ("eave_height",) or not rest:
            slots.add((index, ROOF_SLOTS))
        if rest == ("roof_shift",) or not rest:
            shifts.add(index)
        if rest == ("roof", "kind"):
            kinds.add(index)
        elif not rest or rest[:1] == ("roof",):
            names = codes if len(rest) < 2 else [rest[1]]
            if any(name not in codes for name in names):
                known = ", ".join(["kind", *codes])
                raise UsageError(f"lock {path!r}", "names no parameter of that roof", f"It has {known}")
            kinds.add(index)
            slots.update((index, codes[name]) for name in names)
        elif rest not in (("eave_height",), ("shell",), ("roof_shift",)):
            raise UsageError(f"lock {path!r}", "names nothing that is fitted", "Use eave_height or roof/...")
    return _Locks(frozenset(kinds), frozenset(slots), frozenset(shifts))


def _held(path: str, locks: _Locks) -> bool:
    steps = path.split("/")
    if len(steps) < 3 or not steps[1].isdecimal():
        return False
    index = int(steps[1])
    if steps[2] == "roof_shift":
        return int(steps[1]) in locks.shifts
    if steps[2] == "eave_height":
        return (index, ROOF_SLOTS) in locks.slots
    if steps[2] == "roof":
        return any(part == index and slot != ROOF_SLOTS for part, slot in locks.slots)
    return True


def _exists(program: Program, path: str) -> bool:
    node: Any = program
    for step in path.split("/"):
        node = node[int(step)] if isinstance(node, tuple) else getattr(node, step, None)
        if node is None:
            return False
    return True


def _best_part(
    part: Part, index: int, program: Program, evidence: Evidence, locks: _Locks, threads: int
) -> Part:
    """The part with the kind that its points like best."""
    rings = tuple(
        np.asarray(ring) - evidence.origin[:2] + part.roof_shift for ring in (part.shell, *part.holes)
    )
    alone = replace(
        evidence,
        rings=_turned(rings),
        edge_neighbour=np.zeros(0, np.int32),
        ring_ground=(),
        ground_z=program.ground_z - evidence.origin[2],
        proposals=(),
    )
    found = propose_parametric([alone], options={"most_ways": 0}, threads=threads)
    if not found.fitted[0] or len(found.table.roof_kind) != 1:
        return part
    best = found.table[0].parts[0]
    eave = part.eave_height if (index, ROOF_SLOTS) in locks.slots else best.eave_height
    ridge = getattr(best.roof, "ridge_height", None)
    if ridge is not None and not ridge > eave:
        return part
    shift = np.add(part.roof_shift, 0.0 if index in locks.shifts else best.roof_shift)
    return part.replace(
        roof=best.roof,
        eave_height=eave,
        edge_pitch_deg=None,
        roof_shift=tuple(shift.clip(-MOST_SHIFT_M, MOST_SHIFT_M).round(3).tolist()),
    )


def _turned(rings: Sequence[F64]) -> tuple[F64, ...]:
    def area(ring: F64) -> float:
        x, y = ring[:, 0] - ring[0, 0], ring[:, 1] - ring[0, 1]
        return float(x @ np.roll(y, -1) - y @ np.roll(x, -1))

    return tuple(ring if (area(ring) > 0) == (k == 0) else ring[::-1] for k, ring in enumerate(rings))


def _solve(
    table: ProgramTable, program: Program, evidence: Evidence, locks: _Locks, threads: int
) -> tuple[Mapping[str, Any], list[int], list[str], Fit] | None:
    """All parts with a forward model in one problem; None where no points can tell anything."""
    from geovision import _kernel

    rows = [row for row, kind in enumerate(table.roof_kind.tolist()) if RoofKind(kind) not in _KEPT]
    chosen = may_be_roof(evidence)
    if not rows or chosen.sum() < 3:
        return None
    arrays = _problem(table, program, evidence, rows, chosen)
    priors = [
        (place, slot, table.eave[row] if slot == ROOF_SLOTS else table.roof_params[row, slot])
        for place, row in enumerate(rows)
        for part, slot in sorted(locks.slots)
        if part == row
    ]
    priors = [prior for prior in priors if np.isfinite(prior[2])]
    arrays |= {
        "prior_problem": np.zeros(len(priors), np.int64),
        "prior_part": np.array([prior[0] for prior in priors], np.int32),
        "prior_slot": np.array([prior[1] for prior in priors], np.int32),
        "prior_value": np.array([prior[2] for prior in priors], np.float64),
        "prior_sigma": np.full(len(priors), LOCK_SIGMA),
    }
    found = _kernel.refine_roofs(arrays, {"first_width": 24.0}, threads)
    if found["status"][0] == 255:
        return None
    paths, sigmas = [], []
    for place, row in enumerate(rows):
        kind = RoofKind(int(table.roof_kind[row]))
        for slot in (ROOF_SLOTS, *ROOF_CLASSES[kind].slots.values()):
            sigma = float(found["sigma"][place, slot])
            if sigma > 0 and (row, slot) not in locks.slots:
                paths.append(field_path(row, kind, slot))
                sigmas.append(sigma)
    fit = Fit(
        program.id,
        kind="",
        status=FitStatus.OK,
        points=int(chosen.sum()),
        density=float(chosen.sum() / max(evidence.area, 1e-6)),
        parameters=tuple(paths),
        covariance=np.diag(np.square(sigmas)) if sigmas else None,
        notes=evidence.notes,
    )
    return found, rows, paths, fit


def _problem(
    table: ProgramTable, program: Program, evidence: Evidence, rows: list[int], chosen: NDArray[np.bool_]
) -> dict[str, Any]:
    origin = evidence.origin
    rings = [
        [
            table.xy[table.vertex_offsets[ring] : table.vertex_offsets[ring + 1]]
            - origin[:2]
            + table.roof_shift[row]
            for ring in range(table.ring_offsets[row], table.ring_offsets[row + 1])
        ]
        for row in rows
    ]
    flat = [ring for group in rings for ring in group]
    ground = program.ground_z - origin[2]
    by_wings = [
        RoofKind(int(table.roof_kind[row])) in (RoofKind.GABLED, RoofKind.MANSARD, RoofKind.HIPPED)
        and np.isnan(table.roof_params[row, 1])
        and (len(group) > 1 or len(group[0]) > 4)
        and np.isnan(table.roof_params[row, INSET])
        for row, group in zip(rows, rings, strict=True)
    ]
    return {
        "part_offsets": np.array([0, len(rows)]),
        "ring_offsets": offsets_of([len(group) for group in rings]),
        "vertex_offsets": offsets_of([len(ring) for ring in flat]),
        "xy": np.concatenate(flat),
        "point_offsets": np.array([0, int(chosen.sum())]),
        "points": evidence.points[chosen] - (0.0, 0.0, ground),
        "sigma": np.maximum(evidence.point_sigma[chosen].astype(np.float64), 1e-3),
        "kind": table.roof_kind[rows],
        "eave": table.eave[rows],
        "slots": _with_azimuth(table, rows, rings, by_wings),
        "skeleton": np.array(by_wings, np.uint8),
        "tie": np.full((len(rows), 4), -1, np.int32),
    }


def _with_azimuth(
    table: ProgramTable, rows: list[int], rings: Sequence[Sequence[F64]], by_wings: Sequence[bool]
) -> F64:
    """The slots, with the kernel's own choice where no azimuth is given: across the long side."""
    slots = table.roof_params[rows].copy()
    for place, group in enumerate(rings):
        if np.isfinite(slots[place, 1]) or by_wings[place]:
            continue
        edges = np.roll(group[0], -1, axis=0) - group[0]
        length = np.hypot(*edges.T)
        normals = np.column_stack([edges[:, 1], -edges[:, 0]]) / np.maximum(length, 1e-9)[:, None]
        spans = np.where(length < 1, np.inf, np.ptp(group[0] @ normals.T, axis=0))
        x, y = normals[int(np.argmin(spans))]
        slots[place, 1] = np.degrees(np.arctan2(x, y)) % 360
    return np.asarray(slots)


def _with_values(part: Part, row: int, found: Mapping[str, Any], place: int, locks: _Locks) -> Part:
    """The part with what was found; what is held stays."""
    eave = part.eave_height if (row, ROOF_SLOTS) in locks.slots else round(float(found["eave"][place]), 3)
    changes: dict[str, Any] = {}
    for name, slot in type(part.roof).slots.items():
        value = float(found["slots"][place, slot])
        if (row, slot) in locks.slots or not np.isfinite(value) or name in ("azimuth_deg", "hip_end"):
            continue
        if getattr(part.roof, name) is None:
            continue
        changes[name] = np.floor(value * 1000) / 1000 if slot == INSET else round(value, 3)
    if isinstance(part.roof, Hipped) and part.roof.pitch_deg is None and part.roof.hip_setback is None:
        # Fitted by its pitch, told by its ridge.
        changes["ridge_height"] = _ridge_of(part, eave, found, place)
    shift = (0.0, 0.0) if isinstance(part.roof, Flat) and row not in locks.shifts else part.roof_shift
    return part.replace(eave_height=eave, roof=part.roof.replace(**changes), roof_shift=shift)


def _ridge_of(part: Part, eave: float, found: Mapping[str, Any], place: int) -> float:
    from geovision.mesh import mesh
    from geovision.model.roofs import PITCH

    pitch = float(found["slots"][place, PITCH])
    pitched = part.replace(eave_height=eave, roof=Hipped(pitch_deg=round(pitch, 6)), roof_shift=(0, 0))
    solid = mesh(Program(id="ridge", parts=[pitched]))[0]
    return round(float(solid.local_vertices[:, 2].max() + solid.origin[2]), 3)
