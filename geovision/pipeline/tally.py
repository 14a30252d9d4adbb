"""Counts over the batches of a fitting job."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from geovision.pipeline.fit import Fitted

__all__ = ["FitTally"]


@dataclass
class FitTally:
    """What came out so far: buildings by status and kind, points, what failed."""

    buildings: int = 0
    points: int = 0
    status: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    """Footprints that could not be used and buildings that could not be fitted, with the reason."""
    _measured: int = field(default=0, repr=False)
    _explained: float = field(default=0.0, repr=False)

    def add(self, fitted: Fitted) -> None:
        """Count a batch."""
        known = [fit.within_0p2 for fit in fitted.fits if math.isfinite(fit.within_0p2)]
        self.buildings += len(fitted)
        self.points += sum(fit.points for fit in fitted.fits)
        self.status.update(fit.status.name.lower() for fit in fitted.fits)
        self.kinds.update(fit.kind if "+" not in fit.kind else "several parts" for fit in fitted.fits)
        self.problems += fitted.problems
        self._measured += len(known)
        self._explained += sum(known)

    @property
    def within_0p2(self) -> float | None:
        """Mean share of the points within 0.2 m, over the buildings that points were found for."""
        return round(self._explained / self._measured, 4) if self._measured else None

    def counts(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "buildings": self.buildings,
            "points": self.points,
            "within_0p2": self.within_0p2,
            "status": _ranked(self.status),
            "kinds": _ranked(self.kinds),
        }


def _ranked(counter: Counter[str]) -> dict[str, int]:
    return dict(sorted(counter.items(), key=lambda pair: (-pair[1], pair[0])))
