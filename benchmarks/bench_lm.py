"""Refinement of roofs: our Levenberg-Marquardt beside SciPy, on the same residuals and starts.

    python benchmarks/bench_lm.py [--problems 300] [--points 300]

Both get analytic derivatives from the same kernel function; SciPy calls it once an iteration from Python, as
any solver outside the kernel would. CPU time, one thread, and how often the two end in the same minimum.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import least_squares

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from geovision import _kernel
from geovision.model.kinds import RoofKind
from tests.inverse import problems
from tests.inverse.test_lm import away_from_creases, geman_mcclure, noisy


def ours(made: list[dict[str, Any]]) -> tuple[float, list[Any]]:
    started = time.process_time()
    found = [_kernel.refine_roofs(problem, {"width": 3.0}, 1) for problem in made]
    return time.process_time() - started, [one["cost"][0] for one in found]


def scipys(made: list[dict[str, Any]]) -> tuple[float, list[Any]]:
    started = time.process_time()
    costs = []
    for problem in made:
        start = _kernel.roof_residuals(problem)
        found = least_squares(
            lambda theta, problem=problem: _kernel.roof_residuals(problem, theta)["residuals"],
            start["start"],
            jac=lambda theta, problem=problem: _kernel.roof_residuals(problem, theta)["jacobian"],
            bounds=(start["lower"], start["upper"]),
            loss=geman_mcclure,
            f_scale=3.0,
        )
        costs.append(found.cost)
    return time.process_time() - started, costs


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--problems", type=int, default=300)
    parser.add_argument("--points", type=int, default=300)
    given = parser.parse_args()
    rng = np.random.default_rng(1)
    kinds = [kind for kind in problems.KINDS if kind not in (RoofKind.ROUND, RoofKind.DOME)]
    made = [
        away_from_creases(noisy(kinds[i % len(kinds)], rng, count=given.points)[0])
        for i in range(given.problems)
    ]
    (fast, costs), (slow, others) = ours(made), scipys(made)
    same = np.isclose(costs, others, rtol=1e-5, atol=1e-5)
    each = 1e6 / given.problems
    print(f"geovision      {fast * each:9.0f} us a problem")
    print(f"SciPy          {slow * each:9.0f} us a problem   {slow / fast:.0f} times as long")
    print(f"same minimum   {same.mean():9.3f} of {given.problems}")


if __name__ == "__main__":
    main()
