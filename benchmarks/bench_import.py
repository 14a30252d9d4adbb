"""Start-up: `import geovision` under 0.2 s, `geovision --help` under 0.4 s; neither loads a heavy library.

python benchmarks/bench_import.py
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import common

HEAVY = (
    "tensorflow",
    "keras",
    "rasterio",
    "osgeo",
    "pyogrio",
    "pyarrow",
    "geopandas",
    "pandas",
    "shapely",
    "trimesh",
)


def main() -> int:
    options = common.arguments(__doc__ or "", rounds=9)
    # An editable install would first ask its build system whether the kernel is up to date.
    environment = os.environ | {"SKBUILD_EDITABLE_SKIP": _build_folder()}
    script = shutil.which("geovision", path=str(Path(sys.executable).parent))
    assert script, "the command geovision is not installed beside this python"

    def run(*command: str) -> str:
        done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
        return done.stdout

    loaded = run(sys.executable, "-c", "import geovision, sys; print(*sys.modules)").split()
    assert not set(HEAVY) & set(loaded), set(HEAVY) & set(loaded)
    assert "Usage" in run(script, "--help")
    seconds = common.race(
        {
            "python alone": lambda: run(sys.executable, "-c", "pass"),
            "import geovision": lambda: run(sys.executable, "-c", "import geovision"),
            "geovision --help": lambda: run(script, "--help"),
        },
        options.rounds,
    )
    shown = {f"{name} s": s for name, s in seconds.items()}
    held = seconds["import geovision"] < 0.2 and seconds["geovision --help"] < 0.4
    return common.report("import", shown, "under 0.2 s and 0.4 s", passed=held, record=options.record)


def _build_folder() -> str:
    build = sorted((common.ROOT / "build").glob("cp*"))
    return str(build[0]) if build else ""


if __name__ == "__main__":
    sys.exit(main())
