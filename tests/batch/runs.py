"""Runs to test with: plans of a job without geometry, and what a run folder holds in the end."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from geovision._version import __version__
from geovision.batch.config import BatchConfig
from geovision.batch.plan_file import Plan, save_plan
from geovision.batch.run_folder import RunFolder
from geovision.batch.sealing import check_sealed
from tests.batch.jobs import NAME

__all__ = ["FAST", "digest_of", "make_run", "results", "tries"]

FAST = {"wait_s": 0.01, "grace_s": 5.0, "workers": 2}


def digest_of(key: str, salt: str = "") -> str:
    return hashlib.sha256(f"{key}{salt}".encode()).hexdigest()[:16]


def make_run(
    folder: Path,
    count: int,
    *,
    buildings: int = 3,
    salt: str = "",
    head: dict[str, Any] | None = None,
    run: dict[str, Any] | None = None,
) -> Path:
    """A planned run of `count` tiles in rows of 100."""
    folder.mkdir(parents=True, exist_ok=True)
    keys = [(index % 100, index // 100) for index in range(count)]
    tiles: dict[str, list[Any]] = {
        "column": [column for column, _ in keys],
        "row": [row for _, row in keys],
        "buildings": [buildings] * count,
        "bytes": [4000] * count,
        "digest": [digest_of(f"{column}_{row}", salt) for column, row in keys],
    }
    config = BatchConfig.model_validate({"scene": "none.toml", "run": {**FAST, **(run or {})}})
    plan = Plan(__version__, config, NAME, "EPSG:28992", head or {}, (), {}, tiles)
    save_plan(folder / "plan.json", plan)
    return folder


def results(folder: Path) -> dict[str, Any]:
    """What every tile holds, checked; and that nothing else lies about."""
    place = RunFolder(folder)
    plan = place.load()
    found = {}
    for task in plan.tasks():
        target = place.tile(task.key, task.digest)
        if target.exists():
            sealed = check_sealed(target)
            assert sealed is not None, f"{target} bears its name and is not whole"
            found[task.key] = {name: (target / name).read_bytes() for name in sealed.files}
    return found


def tries(counted: Path) -> dict[str, int]:
    """How often each tile was begun, from the job's own marks."""
    found: dict[str, int] = {}
    for line in counted.read_text().splitlines() if counted.exists() else []:
        key = line.split()[0]
        found[key] = found.get(key, 0) + 1
    return found


def manifest(folder: Path) -> list[dict[str, Any]]:
    """All rows."""
    return [json.loads(json.dumps(one.to_dict())) for one in RunFolder(folder).attempts()]
