"""Small JSON files beside results: what is there, and the facts that differ from run to run."""

from __future__ import annotations

import json
import platform
import time
from pathlib import Path
from typing import Any

import numpy as np

from geovision.errors import redacted
from geovision.formats.atomic import atomic_write

__all__ = ["run_facts", "write_json"]


def run_facts(started: float, seconds: float, workers: int) -> dict[str, Any]:
    """When, where and how long: what run.json holds."""
    return {
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started)),
        "seconds": round(seconds, 3),
        "host": platform.node(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "threads": workers,
    }


def write_json(path: Path, data: dict[str, Any]) -> None:
    """Write an object as JSON, atomically; secrets in URIs are left out."""
    text = redacted(json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False))
    with atomic_write(path) as file:
        file.write(text.encode() + b"\n")
