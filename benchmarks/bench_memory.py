"""Peak memory of generating a city that streams to tiles: it must follow the batch, not the city.

python benchmarks/bench_memory.py --count 1000000
"""

from __future__ import annotations

import json
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import common


def buildings_in(tile: Path) -> int:
    """Rows of the property table of a GLB file."""
    with tile.open("rb") as file:
        length = struct.unpack_from("<I", file.read(20), 12)[0]
        gltf = json.loads(file.read(length))
    return sum(t["count"] for t in gltf["extensions"]["EXT_structural_metadata"]["propertyTables"])


def main() -> int:
    options = common.arguments(__doc__ or "", count=1_000_000)
    script = shutil.which("geovision", path=str(Path(sys.executable).parent))
    assert script, "the command geovision is not installed beside this python"
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "city"
        command = [script, "generate", "--count", str(options.count), "--no-preview", "-o", str(out)]
        start = time.perf_counter()
        subprocess.run(command, check=True)
        seconds = time.perf_counter() - start
        tiles = sorted(out.rglob("*.glb"))
        bytes_written = sum(t.stat().st_size for t in tiles)
        assert sum(buildings_in(t) for t in tiles) == options.count
    # Linux counts in KiB; of the largest child, which is the only one.
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024**2
    result = {
        "peak GiB": peak,
        "seconds": seconds,
        "buildings": options.count,
        "tiles": len(tiles),
        "GB written": bytes_written / 1e9,
    }
    return common.report("memory", result, "under 2 GB", passed=peak < 2 / 1.0737, record=options.record)


if __name__ == "__main__":
    sys.exit(main())
