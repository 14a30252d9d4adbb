"""Peak memory of generating a city that streams to tiles: it must follow the batch, not the city.

python benchmarks/bench_memory.py --count 1000000
"""

from __future__ import annotations

import math
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import common

# Buildings per square kilometre of the default style, low on purpose: the count is asserted afterwards.
PER_KM2 = 900


def main() -> int:
    options = common.arguments(__doc__ or "", count=1_000_000)
    script = shutil.which("geovision", path=str(Path(sys.executable).parent))
    assert script, "the command geovision is not installed beside this python"
    side = 1000 * math.sqrt(options.count / PER_KM2)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "city"
        start = time.perf_counter()
        subprocess.run(
            [script, "generate", "--area", f"0,0,{side:.0f},{side:.0f}", "--seed", "1", "-o", str(out)],
            check=True,
        )
        seconds = time.perf_counter() - start
        tiles = [out] if out.is_file() else sorted(out.rglob("*.glb"))
        bytes_written = sum(t.stat().st_size for t in tiles)
    # Linux counts in KiB; of the largest child, which is the only one.
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024**2
    assert bytes_written > 300 * options.count, f"{bytes_written} bytes are not {options.count} buildings"
    result = {"peak GiB": peak, "seconds": seconds, "tiles": len(tiles), "GB written": bytes_written / 1e9}
    return common.report("memory", result, "under 2 GB", passed=peak < 2 / 1.0737, record=options.record)


if __name__ == "__main__":
    sys.exit(main())
