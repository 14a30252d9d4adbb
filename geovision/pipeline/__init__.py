"""The verbs that join rooms: generate, and in `pipeline.synth` and `pipeline.synth_to` synthetic scenes."""

from __future__ import annotations

from geovision.pipeline.generate import generate
from geovision.pipeline.generate_to import GenerateSummary, Progress, generate_to

__all__ = ["GenerateSummary", "Progress", "generate", "generate_to"]
