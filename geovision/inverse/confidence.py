"""How sure a kind is: the share of generated buildings, fitted alike, whose kind was the true one."""

from __future__ import annotations

import math

__all__ = ["PLANAR_CONFIDENCE", "kind_confidence"]

TIE_NATS = 2.0
"""Runners-up that are worse by much more than this do not matter."""
ALWAYS, TIED, PARTS, UNEXPLAINED = 3.5, -2.1, -1.4, -7.2
"""A logistic regression on generated buildings, with and without a surveyor's errors in their footprints;
scripts/fit_reliability.py fits it on some seeds and draws it on others."""
PLANAR_CONFIDENCE = 0.03
"""Planes are nearly always a named kind that was not recognised."""


def kind_confidence(margin: float, parts: int, explained: float) -> float:
    """The probability that the named kinds of a building are right.

    Args:
        margin: nats by which other named kinds are worse; infinite where there are none.
        parts: of the program.
        explained: share of the points that lie on the model.

    >>> round(kind_confidence(20.0, 1, 0.95), 2), round(kind_confidence(0.5, 1, 0.95), 2)
    (0.96, 0.82)
    """
    tied = math.exp(-max(margin, 0.0) / TIE_NATS)
    unexplained = min(max(1.0 - explained, 0.0), 0.5)
    log_odds = ALWAYS + TIED * tied + PARTS * math.log(parts) + UNEXPLAINED * unexplained
    return 1 / (1 + math.exp(-log_odds))
