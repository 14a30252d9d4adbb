"""Random facades on random buildings: 20,000 pairs, zero complaints."""

from __future__ import annotations

import numpy as np
import pytest

from geovision.mesh import Outcome, Solids, check, find_walls, open_walls
from tests import facade_strategies, judges, promise, strategies

PAIRS, CHUNK = 20_000, 1_000
LODS = ("3.2", "3.1", "3.2", "3.0", "3.2")


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, PAIRS // 2, CHUNK))
def test_no_element_makes_a_solid_invalid(first: int) -> None:
    """Every building twice: with floors and bays, and with whatever a broken rule could say."""
    index = first // CHUNK
    cases = [strategies.case(seed) for seed in range(first, first + CHUNK)]
    solids = Solids(promise.compile_cases(cases, (23, 22, 23, 13)[index % 4]))
    walls = find_walls(solids)
    before = check(solids, self_intersection=True).faults
    for elements in (
        facade_strategies.orderly(solids, walls, first),
        facade_strategies.hostile(solids, walls, first),
    ):
        opened = open_walls(solids, walls, elements, lod=LODS[index % len(LODS)])
        report = check(opened.solids, self_intersection=True)
        wrong = [report.describe(int(b)) for b in report.faulty if not before[b]]
        assert not wrong, "\n".join(wrong[:20])
        assert np.count_nonzero(opened.outcome == Outcome.BUILT) > 100
        arrays = opened.solids.arrays()
        assert not [c for c in judges.manifold(arrays, report.volume) if not before[c[0]]]
        assert not [c for c in judges.trimesh_volume(arrays, range(0, CHUNK, 50)) if not before[c[0]]]
