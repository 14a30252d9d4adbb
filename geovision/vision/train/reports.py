"""What a run leaves to look at: log.jsonl, TensorBoard events, curves and sample predictions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision.vision.train.events import EventFile
from geovision.vision.train.logs import RunLog, read_log
from geovision.vision.train.plots import png, save_curves, save_png

__all__ = ["LOG", "Reports"]

LOG = "log.jsonl"


class Reports:
    """Writes what the loop tells it into the folder of the run.

    Args:
        folder: of the run.
        step: steps that are done; what was written of later ones is replaced.
    """

    def __init__(self, folder: Path, step: int) -> None:
        self.folder = folder
        self._log = RunLog(folder / LOG, step)
        self._events = EventFile(folder / "events", step)

    def note(self, event: str, step: int, **values: Any) -> None:
        """A line of the log alone."""
        self._log.write(event, step, **values)

    def trained(self, step: int, means: dict[str, float], **facts: Any) -> None:
        """Losses since the last time."""
        self._log.write("train", step, **means, **facts)
        numbers = {name: value for name, value in facts.items() if isinstance(value, float)}
        self._events.scalars(step, {f"train/{name}": value for name, value in (means | numbers).items()})

    def judged(self, step: int, areas: dict[str, dict[str, float]]) -> None:
        """Figures by area; draws the curves anew."""
        self._log.write("evaluate", step, areas=areas)
        found = {
            f"{area}/{name}": value for area, figures in areas.items() for name, value in figures.items()
        }
        self._events.scalars(step, found)
        self.curves()

    def curves(self) -> None:
        """Draw losses.png."""
        save_curves(self.folder / "losses.png", read_log(self.folder / LOG))

    def picture(self, step: int, area: str, pixels: NDArray[np.uint8]) -> None:
        """Samples with truth and prediction."""
        save_png(self.folder / f"samples_{area}.png", pixels)
        self._events.picture(step, f"samples/{area}", png(pixels), *pixels.shape[:2])
