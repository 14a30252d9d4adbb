"""Programs that somebody proposed for a building, in the arrays that the kernel's search reads.

Who proposed them does not matter: a roof network, an older epoch, a person. They are candidates among the
others. Their cuts and kinds are tried, and fitted like all; what their confidence is worth in the choice is
bounded, so that points overrule it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from geovision.errors import UsageError
from geovision.inverse.roof_points import offsets_of
from geovision.model.evidence import Evidence, Proposal
from geovision.model.kinds import RoofKind

__all__ = ["MOST_NATS", "Proposals", "check_proposals", "proposal_arrays", "rest_nats"]

F64 = NDArray[np.float64]
Proposals = Literal["add", "first", "ignore"]
"""What proposals in the evidence are for: "add", candidates beside all others; "first", where they are sure
nothing else is tried unless they fail to explain the points; "ignore", nothing."""

MOST_NATS = 6.0
"""The most that a lack of confidence costs."""
SURE = 0.95
"""Sum of the confidences from which they are sure."""

_SAME = {RoofKind.CONE: RoofKind.PYRAMIDAL}


def check_proposals(proposals: str) -> None:
    """Refuse words that are not one of `Proposals`."""
    if proposals not in ("add", "first", "ignore"):
        raise UsageError(f"proposals={proposals!r}", "is not known", 'Use "add", "first" or "ignore"')


def search_options(proposals: Proposals) -> dict[str, Any]:
    """Options of `_kernel.search_roofs`."""
    return {"sure": -math.log(1 - SURE)} if proposals == "first" else {}


def rest_nats(evidence: Sequence[Evidence]) -> F64:
    """[buildings] minus the log of what is left for kinds that nobody proposed; 0 without proposals."""
    left = [1 - sum(item.confidence for item in _sound(one)) for one in evidence]
    nats = -np.log(np.clip(left, math.exp(-MOST_NATS), 1.0))
    return np.asarray(nats) + 0.0


def proposal_arrays(evidence: Sequence[Evidence]) -> dict[str, Any]:
    """What the search reads of proposals; nothing where there are none."""
    if not any(item.proposals for item in evidence):
        return {}
    numbers, parts, nats = [], [], []
    kinds: list[int] = []
    rings: list[F64] = []
    for item in evidence:
        told = _by_kinds(_sound(item))
        numbers.append(len(told))
        for proposal, confidence in told:
            program = proposal.program
            nats.append(-math.log(max(confidence, math.exp(-MOST_NATS))))
            parts.append(len(program.parts))
            kinds += [int(part.roof.roof_kind) for part in program.parts]
            rings += [np.asarray(part.shell, float) - item.origin[:2] for part in program.parts]
    return {
        "proposal_offsets": offsets_of(numbers),
        "proposal_part_offsets": offsets_of(parts),
        "proposal_nats": np.array(nats, np.float64),
        "proposal_rest": rest_nats(evidence),
        "proposal_kind": np.array(kinds, np.uint8),
        "proposal_vertex_offsets": offsets_of([len(ring) for ring in rings]),
        "proposal_xy": np.concatenate(rings) if rings else np.zeros((0, 2)),
    }


def _sound(evidence: Evidence) -> list[Proposal]:
    """Proposals whose confidence is one, scaled down together where they sum to more than 1."""
    some = [item for item in evidence.proposals if math.isfinite(item.confidence) and item.confidence > 0]
    total = max(1.0, sum(item.confidence for item in some))
    return [Proposal(item.program, min(item.confidence, 1.0) / total) for item in some]


def _by_kinds(proposals: Sequence[Proposal]) -> list[tuple[Proposal, float]]:
    """Each with the confidence of all that have its kinds."""
    kinds = [_kinds(item) for item in proposals]
    sums: dict[tuple[int, ...], float] = {}
    for own, item in zip(kinds, proposals, strict=True):
        sums[own] = sums.get(own, 0.0) + item.confidence
    return [(item, min(sums[own], 1.0)) for own, item in zip(kinds, proposals, strict=True)]


def _kinds(proposal: Proposal) -> tuple[int, ...]:
    found = [part.roof.roof_kind for part in proposal.program.parts]
    return tuple(sorted(int(_SAME.get(kind, kind)) for kind in found))
