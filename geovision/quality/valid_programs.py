"""Validation of programs, with the solids that the kernel makes of them, and of the fits beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from geovision.errors import InputError, ProgramError
from geovision.formats.programs import iter_programs
from geovision.mesh import mesh
from geovision.mesh.check import Fault, check
from geovision.quality.findings import ValidationReport
from geovision.quality.polyhedra import GeometryRules

__all__ = ["check_fits", "check_programs"]

ROWS = 8192
# The kernel's own checker speaks of triangles on its grid; these are the codes for what it finds.
_CODES = {
    Fault.OPEN_EDGE: 302,
    Fault.REPEATED_EDGE: 303,
    Fault.PINCHED_VERTEX: 303,
    Fault.COINCIDENT_VERTICES: 303,
    Fault.NOT_POSITIVE: 405,
    Fault.NOT_PLANAR: 203,
    Fault.FOLDED_FACE: 204,
    Fault.SELF_INTERSECTION: 306,
    Fault.SOLIDS_CROSS: 601,
}


def check_programs(path: Path, report: ValidationReport, rules: GeometryRules, progress: Any) -> None:
    """Programs as .json, .jsonl or .parquet: each is one, has its own id and makes a sound solid."""
    report.format = "programs"
    refused: list[ProgramError] = []
    ids: set[str] = set()
    fits = path.with_name(f"{path.stem}.fits{path.suffix}")
    try:
        for table in iter_programs(path, rows=ROWS, on_error="record", failures=refused):
            report.objects += len(table)
            if fits.is_file():
                ids.update(table.ids)
            solids = mesh(table, threads=rules.threads, on_error="record")
            for failure in solids.failures:
                report.add(852, failure.id, failure.message)
            found = check(solids, True, planarity=rules.planarity, threads=rules.threads)
            report.primitives += len(table) - len(solids.failures)
            for row in found.faulty.tolist():
                mask = int(found.faults[row])
                for code in sorted({_CODES.get(fault, 999) for fault in Fault if mask & fault}):
                    report.add(code, table.ids[row], found.describe(row))
            report.invalid += len(solids.failures) + int(np.count_nonzero(found.faults))
    except InputError as error:
        report.add(901, "", error.problem)
    for refusal in refused:
        code = 831 if refusal.field == "id" and refusal.problem.startswith("two") else 851
        report.add(code, refusal.building, str(refusal))
    report.invalid += len(refused)
    report.objects += len(refused)
    if fits.is_file():
        _check_fits(fits, ids, report)
    progress(path.stat().st_size)


def _check_fits(path: Path, ids: set[str], report: ValidationReport) -> None:
    found = _read(path, report)
    for name in sorted(ids.symmetric_difference(found)) if found is not None else ():
        report.add(853, name, "has no fit" if name in ids else "has no program", file=path.name)


def check_fits(path: Path, report: ValidationReport, rules: GeometryRules, progress: Any) -> None:
    """A file of fits on its own; with its programs it is checked beside them."""
    report.format = "fits"
    report.objects = len(_read(path, report) or ())
    progress(path.stat().st_size)


def _read(path: Path, report: ValidationReport) -> list[str] | None:
    from geovision.quality.report_data import read_fits

    try:
        ids = read_fits(path).ids
    except InputError as error:
        report.add(901, "", error.problem, file=path.name)
        report.invalid += 1
        return None
    if len(set(ids)) != len(ids):
        report.add(831, "", "two fits of one building", file=path.name)
    return ids
