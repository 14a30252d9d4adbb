"""Programs proposed in the evidence: right ones are found, wrong ones change nothing, none costs nothing."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

import geovision
from geovision.errors import UsageError
from geovision.inverse.proposals import MOST_NATS, proposal_arrays, rest_nats
from geovision.inverse.propose import propose_parametric
from geovision.inverse.solver import solve
from geovision.model import Evidence, Program
from geovision.model.evidence import Proposal
from geovision.model.roofs import Flat, Gabled, Skillion
from tests.inverse.scan import Scanner, kinds_of, scan_table


@pytest.fixture(scope="module")
def town() -> tuple[list[Program], list[Evidence]]:
    return scan_table(geovision.generate(count=40, seed=12), Scanner())


def proposed(item: Evidence, program: Program, confidence: float) -> Evidence:
    return replace(item, proposals=(Proposal(program, confidence),))


def test_without_proposals_there_is_nothing_to_read(town: tuple[list[Program], list[Evidence]]) -> None:
    _, evidence = town
    assert proposal_arrays(evidence) == {}
    assert not rest_nats(evidence).any()


def test_confidence_becomes_nats(town: tuple[list[Program], list[Evidence]]) -> None:
    programs, evidence = town
    some = [proposed(item, program, 0.75) for item, program in zip(evidence, programs, strict=True)]
    arrays = proposal_arrays([*some[:3], evidence[3]])
    assert arrays["proposal_nats"] == pytest.approx(-math.log(0.75))
    assert arrays["proposal_rest"][:3] == pytest.approx(-math.log(0.25))
    assert arrays["proposal_rest"][3] == 0
    sure = proposal_arrays([proposed(evidence[0], programs[0], 1.0)])
    assert sure["proposal_rest"][0] == pytest.approx(MOST_NATS)
    twice = replace(evidence[0], proposals=(Proposal(programs[0], 1.0), Proposal(programs[0], 1.0)))
    assert proposal_arrays([twice])["proposal_nats"] == pytest.approx(0, abs=1e-9)


def test_true_proposals_are_taken_and_never_worse(town: tuple[list[Program], list[Evidence]]) -> None:
    programs, evidence = town
    some = [proposed(item, program, 0.9) for item, program in zip(evidence, programs, strict=True)]
    plain, told = solve(evidence), solve(some)
    truth = [kinds_of(program) for program in programs]

    def hits(table: geovision.ProgramTable) -> int:
        return sum(kinds_of(found) == kinds for found, kinds in zip(table, truth, strict=True))

    assert hits(told.table) >= hits(plain.table)
    assert len(told.table) == len(evidence)


def test_wrong_proposals_change_nothing_where_points_tell(
    town: tuple[list[Program], list[Evidence]],
) -> None:
    programs, evidence = town
    plain = solve(evidence)
    wrong = []
    for item, program in zip(evidence, programs, strict=True):
        kind = program.parts[0].roof.kind
        roof = Skillion(ridge_height=30.0, azimuth_deg=10.0) if kind == "flat" else Flat()
        shell = [tuple(corner) for corner in (item.rings[0] + item.origin[:2]).tolist()]
        part = program.parts[0].replace(shell=shell, holes=(), roof=roof, roof_shift=(0, 0))
        wrong.append(proposed(item, program.replace(parts=[part], superstructures=(), provenance={}), 0.9))
    told = solve(wrong)
    for before, after, known in zip(plain.fits, told.fits, plain.table, strict=True):
        if before.kind != after.kind:
            # What confidence is worth is bounded; it decides between equals alone.
            assert before.margin < 2 * MOST_NATS, known.id
    same = [a.kind == b.kind for a, b in zip(plain.fits, told.fits, strict=True)]
    assert np.mean(same) > 0.9


def test_a_proposed_cut_is_tried() -> None:
    """Two gables in a row under one straight outline, which shows no place to cut."""
    shell = np.array([[0.0, 0.0], [16.0, 0.0], [16.0, 7.0], [0.0, 7.0]])
    rng = np.random.default_rng(5)
    xy = rng.uniform((0, 0), (16, 7), (1200, 2))
    z = (
        5
        - 0.6 * np.abs(xy[:, 1] - 3.5)
        + np.where(xy[:, 0] > 9, 0.45, 0.0)
        + 0.02 * rng.standard_normal(1200)
    )
    item = Evidence("a", np.zeros(3), (shell,), ground_known=True, points=np.column_stack([xy, z]))
    halves = [[(0, 0), (9, 0), (9, 7), (0, 7)], [(9, 0), (16, 0), (16, 7), (9, 7)]]
    part = {"eave_height": 3.0, "roof": Gabled(ridge_height=5.0, azimuth_deg=0.0)}
    two = Program(id="a", parts=[geovision.model.Part(shell=half, **part) for half in halves])
    (program,) = propose_parametric([proposed(item, two, 0.8)]).table
    assert [p.roof.kind for p in program.parts] == ["gabled", "gabled"]
    assert abs(max(x for x, _ in program.parts[0].shell) - 9) < 0.3


def test_held_to_sure_proposals_the_kind_is_still_fitted(
    town: tuple[list[Program], list[Evidence]],
) -> None:
    programs, evidence = town
    simple = [k for k, program in enumerate(programs) if kinds_of(program) in (["gabled"], ["flat"])]
    some = [
        proposed(evidence[k], programs[k].replace(superstructures=(), provenance={}), 0.99) for k in simple
    ]
    found = solve(some, proposals="first")
    assert (
        np.mean([kinds_of(f) == kinds_of(programs[k]) for f, k in zip(found.table, simple, strict=True)])
        > 0.95
    )
    ignored, plain = solve(some, proposals="ignore"), solve([evidence[k] for k in simple])
    assert [fit.kind for fit in ignored.fits] == [fit.kind for fit in plain.fits]


def test_a_word_that_is_not_known_is_refused() -> None:
    with pytest.raises(UsageError, match="proposals"):
        solve([], proposals="maybe")  # type: ignore[arg-type]


def test_proposals_are_in_the_digest(town: tuple[list[Program], list[Evidence]]) -> None:
    programs, evidence = town
    some = proposed(evidence[0], programs[0], 0.5)
    assert some.digest() != evidence[0].digest()
    assert some.digest() == proposed(evidence[0], programs[0], 0.5).digest()
    assert some.digest() != proposed(evidence[0], programs[0], 0.6).digest()
