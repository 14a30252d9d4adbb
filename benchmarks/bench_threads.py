"""Two threads against one, on mixed roofs; the same bytes from both.

python benchmarks/bench_threads.py
"""

from __future__ import annotations

import sys

import common
import numpy as np


def main() -> int:
    options = common.arguments(__doc__ or "", count=50_000, rounds=5)
    rng = np.random.default_rng(3)
    programs = common.mixed_roofs(rng, options.count)
    one, two = common.compile_solids(programs, 22, 1), common.compile_solids(programs, 22, 2)
    common.assert_sound(one, options.count)
    for name, values in one.items():
        assert np.array_equal(values, two[name]), f"{name} differs between 1 and 2 threads"
    seconds = common.race(
        {
            "1 thread": lambda: common.compile_solids(programs, 22, 1),
            "2 threads": lambda: common.compile_solids(programs, 22, 2),
        },
        options.rounds,
    )
    gain = seconds["1 thread"] / seconds["2 threads"]
    rate: dict[str, object] = {f"{name} per s": options.count / s for name, s in seconds.items()}
    return common.report(
        "threads", rate | {"gain": gain}, "at least 1.7 x", passed=gain >= 1.7, record=options.record
    )


if __name__ == "__main__":
    sys.exit(main())
