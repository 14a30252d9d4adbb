"""run.json: when, where and how long a run went, session by session. Nothing of a result depends on it."""

from __future__ import annotations

import contextlib
import json
import platform
import time
from collections.abc import Mapping
from typing import Any

from geovision._version import __version__
from geovision.batch.plan_file import Plan
from geovision.batch.run_folder import RunFolder, Shard
from geovision.errors import OutputError
from geovision.formats.atomic import atomic_write

__all__ = ["record_session"]

_SESSIONS_KEPT = 200


def record_session(
    folder: RunFolder, shard: Shard | None, started: float, summary: Mapping[str, Any], plan: Plan
) -> None:
    """Add a session to run.json (that of a shard lies with its manifest); an error of writing is let go."""
    path = folder.path / "run.json" if shard is None else folder.parts / f"{shard.name}.run.json"
    sessions: list[Any] = []
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        sessions = list(json.loads(path.read_bytes())["sessions"])
    sessions.append(
        {
            "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started)),
            "host": platform.node(),
            "platform": platform.platform(),
            "python": platform.python_version(),
            "geovision": __version__,
            "plan": plan.id,
            **summary,
        }
    )
    content = {"schema": "geovision.batch.run/1", "sessions": sessions[-_SESSIONS_KEPT:]}
    with contextlib.suppress(OutputError), atomic_write(path) as file:
        file.write(json.dumps(content, indent=1).encode() + b"\n")
