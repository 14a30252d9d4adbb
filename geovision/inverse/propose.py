"""Parametric roofs: the named kinds on pieces of the footprint, fitted to the points, many at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision.errors import UsageError
from geovision.inverse.blocks import block_programs, plain_attributes
from geovision.inverse.confidence import kind_confidence
from geovision.inverse.proposals import Proposals, proposal_arrays, search_options
from geovision.inverse.roof_points import RoofPoints, offsets_of, roof_points
from geovision.model.evidence import Evidence
from geovision.model.fit import Fit, FitStatus, Runner
from geovision.model.kinds import KIND_NAMES, RoofKind
from geovision.model.roofs import INSET, ROOF_CLASSES, ROOF_SLOTS
from geovision.model.superstructures import AZIMUTH, SUPER_SLOTS, X, Y
from geovision.model.table import ProgramTable

__all__ = ["Parametric", "field_path", "propose_parametric", "roof_kinds"]

F64 = NDArray[np.float64]

ALTERNATIVES = 6


@dataclass(frozen=True)
class Parametric:
    """The best parametric program of every building, its roof where the points are, and what the fit says."""

    table: ProgramTable
    fits: list[Fit]
    fitted: NDArray[np.bool_]
    """False where a building came out as a block because nothing could be fitted."""
    parameters: NDArray[np.int32]
    """Free parameters of each program's roofs."""
    super_price: F64
    """Nats that its superstructures cost."""
    shift: F64
    """[buildings, 2] metres east and north by which roofs lie off their footprints; 0 if little shows it."""
    shift_seen: F64
    """[buildings, 2] the same as the roof shows it, however little."""
    shift_sigma: F64
    """[buildings, 2] of that; 0 where the roof cannot tell."""
    shift_price: F64
    """Nats that this costs."""
    told_nats: F64
    """Nats that their kinds cost by what was proposed; 0 where nothing was."""
    rest_nats: F64
    """Nats that kinds cost which nobody proposed, planes among them."""


def propose_parametric(
    evidence: Sequence[Evidence],
    *,
    points: RoofPoints | None = None,
    kinds: Collection[RoofKind | str] | None = None,
    options: Mapping[str, Any] | None = None,
    proposals: Proposals = "add",
    threads: int = 0,
) -> Parametric:
    """Fit the named roof kinds to every building; those without points come out as blocks.

    Args:
        evidence: one entry a building.
        points: `roof_points(evidence)`, where the caller has it already.
        kinds: roof kinds to choose from; all of those that have a forward model if left out.
        options: of `_kernel.search_roofs`, for experiments.
        proposals: what the programs proposed in the evidence are for.
        threads: 0 for all cores. The result does not depend on it.
    """
    from geovision import _kernel

    if not evidence:
        nothing = np.zeros(0)
        none = (
            nothing.astype(bool),
            nothing.astype(np.int32),
            nothing,
            np.zeros((0, 2)),
            np.zeros((0, 2)),
            np.zeros((0, 2)),
            nothing,
            nothing,
            nothing,
        )
        return Parametric(ProgramTable.empty(), [], *none)
    batch = roof_points(evidence) if points is None else points
    arrays = batch.arrays()
    if kinds is not None:
        arrays["kinds"] = np.array([int(kind) for kind in roof_kinds(kinds)], np.uint8)
    told = {} if proposals == "ignore" else proposal_arrays(evidence)
    arrays |= told
    found = _kernel.search_roofs(arrays, search_options(proposals) | dict(options or {}), threads)
    fitted = np.diff(found["part_offsets"]) > 0
    rows = np.flatnonzero(fitted)
    table = _table(evidence, batch, found, rows)
    simple, simple_fits = block_programs([evidence[row] for row in np.flatnonzero(~fitted).tolist()])
    order = np.empty(len(evidence), np.int64)
    order[rows] = np.arange(len(rows))
    order[~fitted] = len(rows) + np.arange(len(simple_fits))
    rest = iter(simple_fits)
    plain = {name: found[name].tolist() for name in _OF_FITS}
    fits = [_fit(item, found, plain, row) if fitted[row] else next(rest) for row, item in enumerate(evidence)]
    joined = ProgramTable.concat([table, simple]).take(order)
    names = ("parameters", "super_price", "shift", "shift_seen", "shift_sigma", "shift_price", "told_nats")
    columns = [found[name] for name in names]
    columns.append(told.get("proposal_rest", np.zeros(len(evidence))))
    return Parametric(joined, fits, fitted, *columns)


# What `_fit` reads one by one.
_OF_FITS = (
    "part_offsets",
    "kind",
    "field_offsets",
    "field_part",
    "field_slot",
    "covariance_offsets",
    "points",
    "explained",
    "alternative_offsets",
    "alternative_kinds",
    "alternative_nats",
    "kind_offsets",
)


@cache
def field_path(part: int, kind: RoofKind, slot: int) -> str:
    """The provenance path of a slot of a part's roof; ROOF_SLOTS is the eave.

    >>> field_path(0, RoofKind.GABLED, 0), field_path(1, RoofKind.FLAT, 8)
    ('parts/0/roof/ridge_height', 'parts/1/eave_height')
    """
    if slot == ROOF_SLOTS:
        return f"parts/{part}/eave_height"
    names = {code: name for name, code in ROOF_CLASSES[kind].slots.items()}
    return f"parts/{part}/roof/{names[slot]}"


def roof_kinds(kinds: Collection[RoofKind | str]) -> list[RoofKind]:
    """Kinds by name or code, as codes.

    >>> roof_kinds(["flat", RoofKind.GABLED])
    [<RoofKind.FLAT: 0>, <RoofKind.GABLED: 2>]
    """
    known = set(KIND_NAMES.values())
    for kind in kinds:
        if not isinstance(kind, RoofKind) and kind not in known:
            raise UsageError(f"roof kind {kind!r}", "is not known", f"Use some of {', '.join(sorted(known))}")
    return [kind if isinstance(kind, RoofKind) else RoofKind.from_text(kind) for kind in kinds]


def _table(
    evidence: Sequence[Evidence], batch: RoofPoints, found: Mapping[str, Any], rows: NDArray[np.int64]
) -> ProgramTable:
    """The found parts as a table, on the kernel's grid; rows without parts are not in it."""
    counts = np.diff(found["part_offsets"])[rows]
    owner = np.repeat(rows, counts)
    ring_owner = np.repeat(owner, np.diff(found["ring_offsets"]))
    vertex_owner = np.repeat(ring_owner, np.diff(found["vertex_offsets"]))
    slots = found["slots"].copy()
    eave = found["eave"].round(3)
    kind = found["kind"]
    # Rounded down: a setback of half the length must not become longer than that.
    slots[:, INSET] = np.floor(slots[:, INSET] * 1000) / 1000
    others = [k for k in range(ROOF_SLOTS) if k != INSET]
    slots[:, others] = slots[:, others].round(3)
    azimuth = 1
    slots[:, azimuth] = found["slots"][:, azimuth].round(6)
    parts = np.concatenate([[0], np.cumsum(counts)])
    supers = np.diff(found["super_offsets"])[rows]
    params = found["super_params"].copy()
    params[:, (X, Y)] += (batch.origin[:, :2] + found["shift"])[np.repeat(rows, supers)]
    fine = [k for k in range(SUPER_SLOTS) if k != AZIMUTH]
    params[:, fine] = params[:, fine].round(3)
    params[:, AZIMUTH] = params[:, AZIMUTH].round(6)
    return ProgramTable.from_arrays(
        ids=[evidence[row].id for row in rows.tolist()],
        ground_z=batch.ground_z[rows].round(3),
        part_offsets=parts,
        roof_kind=kind,
        eave=eave,
        roof_params=slots,
        roof_shift=np.where((kind == RoofKind.FLAT)[:, None], 0.0, found["shift"][owner]).round(3) + 0.0,
        ring_offsets=found["ring_offsets"],
        vertex_offsets=found["vertex_offsets"],
        xy=(found["xy"] + batch.origin[vertex_owner, :2]).round(3),
        attributes=[plain_attributes(evidence[row].attributes) for row in rows.tolist()],
        super_offsets=offsets_of(supers.tolist()),
        super_kind=found["super_kind"],
        super_part=found["super_part"],
        super_params=params,
        provenance=[
            _observed(*row)
            for row in zip(
                counts.tolist(), supers.tolist(), found["shift"][rows].any(axis=1).tolist(), strict=True
            )
        ],
    )


def _observed(parts: int, supers: int, shifted: bool) -> dict[str, str]:
    out = {"default": "given"} | ({"superstructures": "observed"} if supers else {})
    for part in range(parts):
        out[f"parts/{part}/eave_height"] = "observed"
        out[f"parts/{part}/roof"] = "observed"
        if shifted:
            out[f"parts/{part}/roof_shift"] = "observed"
    return out


def _fit(evidence: Evidence, found: Mapping[str, Any], plain: Mapping[str, list[Any]], row: int) -> Fit:
    kinds = plain["kind"][slice(*plain["part_offsets"][row : row + 2])]
    fields = slice(*plain["field_offsets"][row : row + 2])
    paths = tuple(
        field_path(part, kinds[part], slot)
        for part, slot in zip(plain["field_part"][fields], plain["field_slot"][fields], strict=True)
    )
    square = slice(*plain["covariance_offsets"][row : row + 2])
    runners = _runners(plain, row)
    chosen, *others = runners
    margin = others[0].nats - chosen.nats if others else np.inf
    points = plain["points"][row]
    return Fit(
        evidence.id,
        kind=_kind_name(kinds),
        status=FitStatus.OK,
        confidence=kind_confidence(margin, len(kinds), plain["explained"][row]),
        nats=chosen.nats,
        runner_up=others[0].kind if others else "",
        margin=margin if others else float("nan"),
        alternatives=tuple(runners[:ALTERNATIVES]),
        points=points,
        density=points / max(evidence.area, 1e-6),
        parameters=paths,
        covariance=found["covariance"][square].reshape(len(paths), len(paths)),
        evidence=evidence.digest(),
        notes=evidence.notes,
    )


def _runners(plain: Mapping[str, list[Any]], row: int) -> list[Runner]:
    first, last = plain["alternative_offsets"][row : row + 2]
    cuts, kinds = plain["kind_offsets"], plain["alternative_kinds"]
    return [
        Runner(_kind_name(kinds[cuts[k] : cuts[k + 1]]), plain["alternative_nats"][k])
        for k in range(first, last)
    ]


def _kind_name(kinds: Sequence[int]) -> str:
    return "+".join([_NAMES[kind] for kind in kinds])


_NAMES = {int(kind): name for kind, name in KIND_NAMES.items()}
