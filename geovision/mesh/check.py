"""The exact checker: is every solid closed, oriented, undegenerate and free of self-intersection?

Topology and orientation are decided in integers on the kernel's own grid; only planarity is a tolerance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntFlag
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["FAULT_TEXT", "CheckReport", "Fault", "check"]


class Fault(IntFlag):
    """What can be wrong with a building's solids; the bits of `cpp/include/geovision/check.hpp`."""

    BAD_OFFSETS = 1 << 0
    BAD_INDEX = 1 << 1
    DEGENERATE_TRIANGLE = 1 << 2
    OPEN_EDGE = 1 << 3
    REPEATED_EDGE = 1 << 4
    SHORT_EDGE = 1 << 5
    PINCHED_VERTEX = 1 << 6
    COINCIDENT_VERTICES = 1 << 7
    UNUSED_VERTEX = 1 << 8
    NOT_POSITIVE = 1 << 9
    MIXED_SOLID = 1 << 10
    RING_MISMATCH = 1 << 11
    FOLDED_FACE = 1 << 12
    NOT_PLANAR = 1 << 13
    SELF_INTERSECTION = 1 << 14
    SOLID_WITHOUT_OK = 1 << 15
    SOLIDS_CROSS = 1 << 16


FAULT_TEXT: Mapping[Fault, str] = {
    Fault.BAD_OFFSETS: "an offset runs backwards or past its array",
    Fault.BAD_INDEX: "a triangle, face or ring points at nothing",
    Fault.DEGENERATE_TRIANGLE: "a triangle has no area",
    Fault.OPEN_EDGE: "an edge has a face on one side only",
    Fault.REPEATED_EDGE: "an edge is used more than once in one direction",
    Fault.SHORT_EDGE: "an edge is shorter than the minimum",
    Fault.PINCHED_VERTEX: "a vertex has more than one fan of triangles",
    Fault.COINCIDENT_VERTICES: "two vertices of one solid lie at one place",
    Fault.UNUSED_VERTEX: "a vertex belongs to no triangle",
    Fault.NOT_POSITIVE: "a solid's volume is not above zero",
    Fault.MIXED_SOLID: "triangles of two solids share a vertex",
    Fault.RING_MISMATCH: "a face's rings are not the border of its triangles",
    Fault.FOLDED_FACE: "a face's triangles overlap each other",
    Fault.NOT_PLANAR: "a face leaves its plane by more than the tolerance",
    Fault.SELF_INTERSECTION: "two triangles meet where they share nothing",
    Fault.SOLID_WITHOUT_OK: "status and geometry contradict each other",
    Fault.SOLIDS_CROSS: "two solids of the building pierce each other",
}


class _HasArrays(Protocol):
    def arrays(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True)
class CheckReport:
    """What `check` found: one entry a building in every array.

    Attributes:
        faults: mask of `Fault` bits; 0 where the building is sound.
        element: index within the building of the first offender of the lowest fault bit (a triangle,
            vertex, face or solid, as the fault says); -1 where there is none.
        volume: cubic metres, summed exactly.
        deviation: metres, the largest distance of a vertex from the plane of its face.
        ids: names of the buildings, where the solids carried them.
    """

    faults: NDArray[np.uint32]
    element: NDArray[np.int64]
    volume: NDArray[np.float64]
    deviation: NDArray[np.float64]
    ids: Sequence[str] = field(default=())

    @property
    def ok(self) -> bool:
        """True where no building has a fault."""
        return not self.faults.any()

    @property
    def faulty(self) -> NDArray[np.int64]:
        """Indices of the buildings with faults."""
        return np.flatnonzero(self.faults)

    def __len__(self) -> int:
        return len(self.faults)

    def describe(self, index: int) -> str:
        """One line about one building.

        >>> zero = np.zeros(1)
        >>> report = CheckReport(np.array([8], np.uint32), np.array([3]), zero, zero, ["NL.7"])
        >>> report.describe(0)
        'NL.7: an edge has a face on one side only (first at 3)'
        """
        name = self.ids[index] if len(self.ids) else f"building {index}"
        mask = int(self.faults[index])
        if not mask:
            return f"{name}: sound"
        texts = [FAULT_TEXT[fault] for fault in Fault if mask & fault]
        return f"{name}: {'; '.join(texts)} (first at {int(self.element[index])})"

    def summary(self) -> dict[str, int]:
        """How many buildings have each fault; empty where all are sound."""
        counts = {fault.name or "": int(np.count_nonzero(self.faults & fault)) for fault in Fault}
        return {name: count for name, count in counts.items() if count}


def check(
    solids: _HasArrays | Mapping[str, Any],
    self_intersection: bool = False,
    *,
    min_edge: float = 0.01,
    planarity: float = 0.002,
    threads: int = 0,
) -> CheckReport:
    """Check every building of a batch of solids.

    Args:
        solids: `Solids`, or the dict of arrays that the kernel returns.
        self_intersection: also test every pair of triangles; a few times slower.
        min_edge: metres; shorter edges are faults.
        planarity: metres that a vertex may lie outside the plane of its face.
        threads: 0 for all cores.
    """
    from geovision import _kernel

    arrays = solids if isinstance(solids, Mapping) else solids.arrays()
    found = _kernel.check_solids(
        dict(arrays),
        self_intersection=self_intersection,
        min_edge=min_edge,
        planarity=planarity,
        threads=threads,
    )
    ids = tuple(getattr(solids, "ids", ()))
    return CheckReport(found["faults"], found["element"], found["volume"], found["deviation"], ids)
