"""What a batch on many machines takes: stragglers, failures and retries played through, with measured tiles.

    python benchmarks/simulate_scaling.py                              # 10 million buildings on 1,000 workers
    python benchmarks/simulate_scaling.py --buildings 1e9 --workers 10000 --deaths 0.05
    python benchmarks/simulate_scaling.py --measure RUN                # take the tiles of a batch as measured
    python benchmarks/simulate_scaling.py --replay RUN                 # a run and its prediction

Time is simulated, so a country takes seconds. What is played is what `geovision batch run` does: a free
worker takes the next tile; an error costs a try, a death of the worker another; after 3 errors or 2 deaths a
tile is set aside.
"""

from __future__ import annotations

import argparse
import heapq
import json
import sqlite3
import sys
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["Faults", "Outcome", "Tiles", "draw", "simulate"]

MEASURED = Path(__file__).resolve().parent / "scaling_measured.json"
_ROUND_TRIP_S = 0.01


@dataclass(frozen=True)
class Tiles:
    """Measured tiles: what each took."""

    buildings: NDArray[np.int64]
    seconds: NDArray[np.float64]
    """CPU seconds of one core."""
    bytes: NDArray[np.int64]


@dataclass(frozen=True)
class Faults:
    """What goes wrong; all by default nothing."""

    deaths_per_hour: float = 0.0
    """Of a worker at work: lost machines, preemption, want of memory."""
    error: float = 0.0
    """Probability that a try ends with an error of the tile, at its end."""
    slow: float = 0.0
    """Share of workers that are slow all the time."""
    slowness: float = 3.0
    """How much slower they are."""
    spread: float = 0.0
    """Standard deviation of the logarithm of a try's duration about what was measured."""
    restart_s: float = 0.0
    """Until a worker that died is there again."""
    errors: int = 3
    deaths: int = 2
    """After so many a tile is set aside; 0 for never."""


@dataclass
class Outcome:
    """How a simulated run went."""

    tiles: int = 0
    workers: int = 0
    seconds: float = 0.0
    """From the first tile to the last."""
    work_s: float = 0.0
    """Of tries that were of use, as the workers needed them."""
    lost_s: float = 0.0
    """Of tries that were not."""
    tries: int = 0
    set_aside: int = 0
    tail_s: float = 0.0
    """From the first worker that found nothing to do, to the end."""

    @property
    def used(self) -> float:
        """Share of the workers' time that was of use."""
        return self.work_s / (self.seconds * self.workers) if self.seconds else 1.0


def draw(measured: Tiles, buildings: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Seconds of as many measured tiles, drawn with replacement, as have that many buildings together."""
    mean = max(float(measured.buildings.mean()), 1e-9)
    count = max(1, round(buildings / mean))
    picked = rng.integers(0, len(measured.seconds), count)
    return measured.seconds[picked] * (buildings / max(1, measured.buildings[picked].sum()))


def simulate(
    seconds: Sequence[float] | NDArray[np.float64], workers: int, faults: Faults, rng: np.random.Generator
) -> Outcome:
    """Play a run of tiles with these durations.

    Args:
        seconds: of each tile on an ordinary worker, in the order in which tiles are handed out.
        workers: how many.
        faults: what goes wrong.
        rng: chance.
    """
    speed = np.where(rng.random(workers) < faults.slow, faults.slowness, 1.0)
    waiting = deque((index, 0, 0) for index in range(len(seconds)))
    free = [(0.0, worker) for worker in range(workers)]
    heapq.heapify(free)
    found = Outcome(tiles=len(seconds), workers=workers)
    idle_from = None
    # Tiles that failed come back when their try has ended, not before.
    back: list[tuple[float, int, int, int]] = []
    while waiting or back:
        now, worker = heapq.heappop(free)
        while back and back[0][0] <= now:
            waiting.append(heapq.heappop(back)[1:])
        if not waiting:
            idle_from = now if idle_from is None else idle_from
            heapq.heappush(free, (back[0][0], worker))
            continue
        index, errors, deaths = waiting.popleft()
        takes = float(seconds[index]) * speed[worker]
        if faults.spread:
            takes *= float(np.exp(rng.normal(-(faults.spread**2) / 2, faults.spread)))
        ended, lost, errors, deaths = _try(takes, faults, errors, deaths, rng)
        found.tries += 1
        found.seconds = max(found.seconds, now + ended)
        if not lost:
            found.work_s += ended
            heapq.heappush(free, (now + ended, worker))
            continue
        found.lost_s += ended
        heapq.heappush(free, (now + ended + (faults.restart_s if lost == "death" else 0.0), worker))
        if errors >= faults.errors or (faults.deaths and deaths >= faults.deaths):
            found.set_aside += 1
        else:
            heapq.heappush(back, (now + ended, index, errors, deaths))
    first_idle = min(free)[0] if idle_from is None else idle_from
    found.tail_s = max(0.0, found.seconds - first_idle)
    return found


def _try(
    takes: float, faults: Faults, errors: int, deaths: int, rng: np.random.Generator
) -> tuple[float, str, int, int]:
    """How long a try lasts, why it was lost, and the tile's errors and deaths after it."""
    if faults.deaths_per_hour:
        death = float(rng.exponential(3600 / faults.deaths_per_hour))
        if death < takes:
            return death, "death", errors, deaths + 1
    if faults.error and rng.random() < faults.error:
        return takes, "error", errors + 1, deaths
    return takes, "", errors, deaths


def tiles_of_run(folder: Path) -> Tiles:
    """The tiles that a batch has done."""
    rows = []
    with sqlite3.connect(f"file:{folder / 'manifest.sqlite'}?mode=ro", uri=True) as found:
        for (text,) in found.execute("select facts from attempts where state = 'done' order by key"):
            facts = json.loads(text)
            size = sum(int(one[1]) for one in facts["outputs"].values())
            rows.append((int(facts["buildings"]), float(facts["cpu_s"]), size))
    return _tiles(rows)


def _tiles(rows: Sequence[Sequence[float]]) -> Tiles:
    table = np.array(rows, np.float64).reshape(-1, 3)
    return Tiles(table[:, 0].astype(np.int64), table[:, 1], table[:, 2].astype(np.int64))


def load_measured(path: Path = MEASURED) -> Tiles:
    """The measured tiles that come along."""
    return _tiles(json.loads(path.read_text(encoding="utf-8"))["tiles"])


def cost_model(tiles: Tiles) -> dict[str, float]:
    """CPU seconds and bytes of a tile and of a building, by least squares."""
    columns = np.stack([np.ones(len(tiles.seconds)), tiles.buildings], axis=1)
    (tile_s, building_s), *_ = np.linalg.lstsq(columns, tiles.seconds, rcond=None)
    (tile_b, building_b), *_ = np.linalg.lstsq(columns, tiles.bytes.astype(np.float64), rcond=None)
    return {
        "tiles": len(tiles.seconds),
        "buildings": int(tiles.buildings.sum()),
        "cpu_s_per_building": float(tiles.seconds.sum() / tiles.buildings.sum()),
        "tile_s": float(tile_s),
        "building_s": float(building_s),
        "tile_bytes": float(tile_b),
        "building_bytes": float(building_b),
    }


def _replay(folder: Path, workers: int) -> dict[str, object]:
    """CPU of a run that was done, predicted from a tenth of its tiles."""
    tiles = tiles_of_run(folder)
    rng = np.random.default_rng(0)
    order = rng.permutation(len(tiles.seconds))
    known = order[: max(2, len(order) // 10)]
    model = cost_model(Tiles(tiles.buildings[known], tiles.seconds[known], tiles.bytes[known]))
    predicted = model["tile_s"] * len(order) + model["building_s"] * float(tiles.buildings.sum())
    played = simulate(tiles.seconds, workers, Faults(), rng)
    return {
        "tiles": len(order),
        "buildings": int(tiles.buildings.sum()),
        "cpu_s": round(float(tiles.seconds.sum()), 1),
        "cpu_s_predicted": round(predicted, 1),
        "bytes": int(tiles.bytes.sum()),
        "bytes_predicted": round(
            model["tile_bytes"] * len(order) + model["building_bytes"] * float(tiles.buildings.sum())
        ),
        "hours_on_free_cores": round(played.seconds / 3600, 4),
    }


_KNOBS: dict[str, tuple[float, str]] = {
    "buildings": (10e6, "of the whole run"),
    "workers": (1000, "cores that do tiles"),
    "cost": (1.0, "seconds of tiles, as a multiple of the measured"),
    "deaths": (0.02, "deaths an hour of a worker at work"),
    "errors": (0.001, "probability of an error of a try"),
    "slow": (0.02, "share of workers that take three times as long"),
    "spread": (0.25, "spread (logarithm) of a try's duration"),
    "restart": (60.0, "seconds until a dead worker is back"),
    "seed": (0, "of chance"),
}


def main() -> int:
    """Command line; the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, (value, words) in _KNOBS.items():
        parser.add_argument(f"--{name}", type=type(value), default=value, help=f"{words} (default {value:g})")
    parser.add_argument("--measure", type=Path, metavar="RUN", help="write the tiles of a run as measured")
    parser.add_argument("--replay", type=Path, metavar="RUN", help="a run beside its prediction")
    given = parser.parse_args()
    if given.measure:
        tiles = tiles_of_run(given.measure)
        rows = sorted(
            zip(tiles.buildings.tolist(), tiles.seconds.tolist(), tiles.bytes.tolist(), strict=True)
        )
        text = ",\n  ".join(json.dumps(list(row)) for row in rows)
        MEASURED.write_text(f'{{"columns": ["buildings", "cpu_s", "bytes"], "tiles": [\n  {text}\n]}}\n')
        print(json.dumps(cost_model(tiles), indent=1))
        return 0
    if given.replay:
        print(json.dumps(_replay(given.replay, 1), indent=1))
        return 0
    rng = np.random.default_rng(given.seed)
    measured = load_measured()
    seconds = draw(measured, given.buildings, rng) * given.cost + _ROUND_TRIP_S
    faults = Faults(given.deaths, given.errors, given.slow, 3.0, given.spread, given.restart)
    found = simulate(seconds, given.workers, faults, rng)
    plain = simulate(seconds, given.workers, Faults(), rng)
    per_tile = float(measured.bytes.sum() / measured.buildings.sum())
    result = {
        **asdict(found),
        "core_hours": round((found.work_s + found.lost_s) / 3600, 1),
        "core_hours_without_faults": round(plain.work_s / 3600, 1),
        "hours": round(found.seconds / 3600, 4),
        "hours_without_faults": round(plain.seconds / 3600, 4),
        "used": round(found.used, 4),
        "gigabytes": round(per_tile * given.buildings / 1e9, 1),
    }
    print(json.dumps(result, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
