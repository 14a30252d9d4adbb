"""Whether a run can go here: room on the disk, the kernel, a place that can be written, locked and synced."""

from __future__ import annotations

import os
import secrets
import shutil
from typing import Any

from geovision.batch.plan_file import Plan
from geovision.batch.run_folder import RunFolder
from geovision.errors import EnvironmentFault, OutputError

__all__ = ["check_place"]

_ROOM = 2.5
"""Times the bytes of the tiles: they, the merged folder, and temporary files."""
_LEAST_FREE = 64 << 20


def check_place(folder: RunFolder, plan: Plan) -> dict[str, Any]:
    """What was found out, for the plan; an error that says what is missing and what to do."""
    from geovision._native import load_kernel

    load_kernel()
    _probe(folder)
    needed = _LEAST_FREE + int(_ROOM * plan.estimate["bytes"])
    free = shutil.disk_usage(folder.path).free
    if free < needed:
        raise EnvironmentFault(
            f"run {folder.path}",
            f"has {free / 1e9:.1f} GB of free disk, and the run is thought to take {needed / 1e9:.1f} GB",
            "Make room, or plan it elsewhere",
        )
    return {"preflight": {"free_bytes": free, "needed_bytes": needed}}


def _probe(folder: RunFolder) -> None:
    """Write, sync, rename and remove, as tiles will be."""
    probe = folder.path / f".probe.{secrets.token_hex(6)}.tmp"
    renamed = probe.with_suffix(".renamed")
    try:
        probe.mkdir()
        file = probe / "probe"
        with file.open("wb") as handle:
            handle.write(b"geovision")
            os.fsync(handle.fileno())
        probe.rename(renamed)
        whole = (renamed / "probe").read_bytes() == b"geovision"
    except OSError as error:
        raise OutputError(
            f"run {folder.path}", f"cannot be written ({error.strerror})", "Check rights and space"
        ) from error
    finally:
        for path in (probe, renamed):
            shutil.rmtree(path, ignore_errors=True)
    if not whole:
        raise OutputError(f"run {folder.path}", "does not read back what is written", "Check the disk")
