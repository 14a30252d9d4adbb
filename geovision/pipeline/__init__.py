"""The verbs that join rooms: generate, fit; synthetic scenes in `pipeline.synth` and `pipeline.synth_to`."""

from __future__ import annotations

from geovision.pipeline.fit_to import FitProgress, FitSummary, fit_to
from geovision.pipeline.generate import generate
from geovision.pipeline.generate_to import GenerateSummary, Progress, generate_to

__all__ = [
    "FitProgress",
    "FitSummary",
    "GenerateSummary",
    "Progress",
    "fit_to",
    "generate",
    "generate_to",
]
