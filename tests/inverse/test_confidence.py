"""The stated confidence is the share of buildings whose kind is right, on seeds that it was not fitted on."""

from __future__ import annotations

import numpy as np

import geovision
from geovision.inverse.confidence import kind_confidence
from geovision.inverse.solver import solve
from tests.inverse.scan import Scanner, kinds_of, scan_table, surveyed_table

LEAST = 40
"""Buildings of a bin that is looked at."""


def test_confidence_is_the_hit_rate() -> None:
    stated, right = [], []
    for seed in (41, 42):
        table = geovision.generate(count=300, seed=seed)
        programs, evidence = scan_table(table, Scanner())
        kinds = [kinds_of(program) for program in programs]
        more, beside = surveyed_table(table, Scanner(), seed)
        solved = solve([*evidence, *beside])
        stated += [fit.confidence for fit in solved.fits]
        right += [
            truth == kinds_of(program) for truth, program in zip([*kinds, *more], solved.table, strict=True)
        ]
    p, hit = np.array(stated), np.array(right)
    assert ((p > 0) & (p < 1)).all()
    bins = np.digitize(p, np.arange(0.1, 1.0, 0.1))
    looked_at = [b for b in range(10) if (bins == b).sum() >= LEAST]
    assert len(looked_at) >= 3
    for b in looked_at:
        assert abs(p[bins == b].mean() - hit[bins == b].mean()) < 0.1
    # It ranks, too: the surest half is right more often.
    assert hit[p > np.median(p)].mean() > hit[p <= np.median(p)].mean() + 0.05


def test_what_lowers_confidence() -> None:
    sure = kind_confidence(np.inf, 1, 1.0)
    assert sure > 0.97
    assert kind_confidence(0.0, 1, 1.0) < sure - 0.15
    assert kind_confidence(np.inf, 4, 1.0) < sure - 0.03
    assert kind_confidence(np.inf, 1, 0.6) < sure - 0.2


def test_kinds_come_back_through_the_choice() -> None:
    """All buildings, with what stands on them, also those of kinds that no forward model has."""
    programs, evidence = scan_table(geovision.generate(count=300, seed=43), Scanner())
    solved = solve(evidence)
    right: dict[bool, list[bool]] = {True: [], False: []}
    for truth, found in zip(programs, solved.table, strict=True):
        right[len(truth.parts) > 1].append(kinds_of(truth) == kinds_of(found))
    assert np.mean(right[False]) > 0.93
    assert np.mean(right[True]) > 0.78
