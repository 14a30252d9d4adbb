"""The verbs that join rooms: generate, fit, build; `pipeline.synth` and `pipeline.synth_to` make scenes."""

from __future__ import annotations

from geovision.pipeline.build_to import BuildProgress, BuildSummary, build_to
from geovision.pipeline.fit_to import FitProgress, FitSummary, fit_to
from geovision.pipeline.generate import generate
from geovision.pipeline.generate_to import GenerateSummary, Progress, generate_to

__all__ = [
    "BuildProgress",
    "BuildSummary",
    "FitProgress",
    "FitSummary",
    "GenerateSummary",
    "Progress",
    "build_to",
    "fit_to",
    "generate",
    "generate_to",
]
