"""The log of a run: one JSON object a line, which a resumed run takes up where its state is."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

from geovision.formats.atomic import atomic_write

__all__ = ["RunLog", "read_log"]


class RunLog:
    """Appends lines to a file; each is on its way to the disk when `write` returns.

    Args:
        path: of the file.
        step: lines of later steps are removed: a resumed run writes them again.
    """

    def __init__(self, path: str | Path, step: int = 0) -> None:
        self.path = Path(path)
        kept = [line for line in read_log(self.path) if step and line.get("step", 0) <= step]
        with atomic_write(self.path) as file:
            file.write("".join(_text(line) for line in kept).encode())

    def write(self, event: str, step: int, **values: Any) -> None:
        """Add a line; numbers that are not finite become null."""
        line = {"event": event, "step": step, **values}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(_text(line))
            file.flush()
            os.fsync(file.fileno())


def read_log(path: str | Path) -> list[dict[str, Any]]:
    """The lines of a log; a last line that a kill cut short is left out."""
    file = Path(path)
    if not file.is_file():
        return []
    found = []
    for line in file.read_text(encoding="utf-8").splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            break
    return found


def _text(line: dict[str, Any]) -> str:
    return json.dumps(_plain(line), ensure_ascii=False, allow_nan=False) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    return value
