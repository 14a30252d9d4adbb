"""Thousands of tiles: planned, done by workers that may die, recorded, resumed, merged and verified.

The supervisor is plain Python: what reads files or computes runs in workers. Public names load on first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from geovision.batch.checking import verify
    from geovision.batch.config import BatchConfig
    from geovision.batch.layers import load_config
    from geovision.batch.merging import merge
    from geovision.batch.planning import plan
    from geovision.batch.reporting import retry, status
    from geovision.batch.running import RunProgress, RunSummary, TileResult, iter_run, run

__all__ = [
    "BatchConfig",
    "RunProgress",
    "RunSummary",
    "TileResult",
    "iter_run",
    "load_config",
    "merge",
    "plan",
    "retry",
    "run",
    "status",
    "verify",
]

_HOMES = {
    "BatchConfig": "config",
    "RunProgress": "running",
    "RunSummary": "running",
    "TileResult": "running",
    "iter_run": "running",
    "load_config": "layers",
    "merge": "merging",
    "plan": "planning",
    "retry": "reporting",
    "run": "running",
    "status": "reporting",
    "verify": "checking",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'geovision.batch' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"geovision.batch.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
