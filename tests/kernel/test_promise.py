"""Random programs on random footprints: 20,000 buildings, every level of detail, zero complaints."""

from __future__ import annotations

from collections import Counter

import pytest

from tests import promise, strategies

CASES, CHUNK = 21_000, 1_000


def chunk(first: int) -> list[strategies.Case]:
    return [strategies.case(seed) for seed in range(first, first + CHUNK)]


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, CASES, CHUNK))
def test_every_building_comes_out_sound(first: int) -> None:
    # LoD 2.2 is where the geometry is; the others take turns.
    index = first // CHUNK
    lod = 22 if index % 3 < 2 else promise.LODS[index // 3 % len(promise.LODS)]
    cases = chunk(first)
    complaints = promise.judge(cases, lod, thorough=25)
    shown = "\n".join(f"{cases[b].name}, lod {lod}: {text}" for b, text in complaints[:20])
    assert not complaints, f"{len(complaints)} complaints:\n{shown}"


def test_cases_are_what_they_claim_to_be() -> None:
    cases = chunk(0)
    kinds = Counter(p.kind for c in cases for p in c.parts)
    assert set(kinds) == set(range(18))
    supers = Counter(s.kind for c in cases for s in c.supers)
    assert set(supers) == set(range(6))
    assert sum(len(c.parts) > 1 for c in cases) > 200
    assert sum(bool(p.footprint.holes) for c in cases for p in c.parts) > 50
    assert strategies.case(17) == strategies.case(17) or strategies.to_json(
        strategies.case(17)
    ) == strategies.to_json(strategies.case(17))


def test_most_buildings_are_built() -> None:
    """Refusing everything would pass the judges; it must not pass here."""
    solids = promise.compile_cases(chunk(0), 22)
    assert (solids["status"] == 0).mean() > 0.85
