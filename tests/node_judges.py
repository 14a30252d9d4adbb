"""Judges that run in node: the folder of modules with them, fetched once by npm where it is not there."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
VALIDATOR, MESHOPT = "gltf-validator@2.0.0-dev.3.10", "meshoptimizer@1.3.0"


@functools.cache
def node_modules(*packages: str) -> Path:
    """$JUDGE_HOME's folder of modules where a judge is set up and has the packages, else one of our own."""
    wanted = packages or (VALIDATOR, MESHOPT)
    names = [package.rpartition("@")[0] for package in wanted]
    if shutil.which("node") is None:
        pytest.skip("node is not installed: this judge runs in it")
    home = os.environ.get("JUDGE_HOME")
    if home and all((Path(home) / "node_modules" / name).is_dir() for name in names):
        return Path(home) / "node_modules"
    folder = ROOT / ".cache" / "-".join(sorted(wanted)).replace("/", "-").replace("@", "-")
    if not (folder / "node_modules" / names[0] / "package.json").is_file():
        _fetch(folder, wanted)
    return folder / "node_modules"


def _fetch(folder: Path, packages: tuple[str, ...]) -> None:
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed: it fetches the judge")
    # Into a folder of its own, published by one rename: two test workers may be here at once.
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix="judge-", dir=folder.parent))
    command = [npm, "install", "--no-audit", "--no-fund", "--silent", "--prefix", str(fresh)]
    done = subprocess.run([*command, *packages], capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        shutil.rmtree(fresh)
        pytest.skip(f"npm could not fetch the judge: {done.stderr.strip()[-300:]}")
    try:
        fresh.rename(folder)
    except OSError:
        shutil.rmtree(fresh)


def node_environment(modules: Path) -> dict[str, str]:
    """The environment in which `require` finds the modules."""
    return {**os.environ, "NODE_PATH": str(modules)}
