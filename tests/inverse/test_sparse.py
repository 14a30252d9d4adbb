"""One or two points a square metre are enough for simple roofs."""

from __future__ import annotations

import numpy as np
import pytest

import geovision
from geovision.model import Program, canonical
from geovision.model.fit import FitStatus
from tests.inverse.scan import Scanner, scan

SIMPLE = {"flat", "gabled", "hipped", "skillion", "pyramidal"}


def is_simple(program: Program) -> bool:
    one = len(program.parts) == 1 and not program.superstructures
    return one and canonical(program).parts[0].roof.kind in SIMPLE


@pytest.mark.parametrize("density", [1.0, 2.0])
def test_simple_kinds_come_out_of_few_points(density: float) -> None:
    table = geovision.generate(count=120, seed=21)
    solids, programs = geovision.mesh(table), list(table)
    rows = [row for row, program in enumerate(programs) if is_simple(program)]
    assert len(rows) >= 30
    evidence = [scan(programs[row], solids[row], Scanner(density=density), row) for row in rows]
    fitted = geovision.fit(evidence)
    right = [
        [part.roof.kind for part in canonical(found).parts]
        == [part.roof.kind for part in canonical(programs[row]).parts]
        for row, found in zip(rows, fitted.programs, strict=True)
    ]
    assert np.mean(right) >= 0.95
    assert all(fit.status is FitStatus.OK for fit in fitted.fits)
