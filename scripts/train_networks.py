"""Makes training tiles and trains, for boxes with NumPy, pydantic, Keras and the kernel alone.

python scripts/train_networks.py tiles FOLDER --count 2000 --seed 1 [--style mixed] [--set KEY=VALUE]
python scripts/train_networks.py places FOLDER PLACES.toml          (this one needs GDAL)
python scripts/train_networks.py run CONFIG.toml RUN [--resume] [--set KEY=VALUE]
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
import tomllib
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from geovision.vision.train.loop import TrainProgress

SECONDS_BETWEEN_LINES = 30.0
PACE_STEPS = 60
PACE_ONLY: dict[str, Any] = {"data.validation": {}}
"""The trial of `--minutes` judges nothing."""


def main() -> int:
    from geovision.errors import GeovisionError

    arguments = parser().parse_args()
    try:
        return int(arguments.job(arguments))
    except GeovisionError as error:
        say(f"error: {error}")
        return error.exit_code


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    jobs = found.add_subparsers(required=True)
    tiles = jobs.add_parser("tiles", help="tiles of synthetic scenes; goes on where it was cut off")
    tiles.add_argument("folder", type=Path)
    tiles.add_argument("--count", type=int, default=2000)
    tiles.add_argument("--seed", type=int, default=1)
    tiles.add_argument("--style", default="mixed")
    tiles.add_argument("--workers", type=int, default=0, help="processes that make tiles side by side")
    tiles.add_argument("--set", dest="changes", action="append", default=[], metavar="KEY=VALUE")
    tiles.set_defaults(job=make_tiles)
    places = jobs.add_parser("places", help="tiles of real places")
    places.add_argument("folder", type=Path)
    places.add_argument("places", type=Path)
    places.set_defaults(job=make_places)
    run = jobs.add_parser("run", help="train")
    run.add_argument("config", type=Path)
    run.add_argument("folder", type=Path)
    run.add_argument(
        "--resume", action="store_true", help="go on with the run in the folder, if there is one"
    )
    run.add_argument("--minutes", type=float, help="as many steps as fit; a short run first finds how many")
    run.add_argument("--set", dest="changes", action="append", default=[], metavar="KEY=VALUE")
    run.set_defaults(job=train)
    return found


def make_tiles(arguments: argparse.Namespace) -> int:
    from geovision.pipeline.train_tiles import synthetic_tiles

    synthetic_tiles(
        arguments.folder,
        arguments.count,
        style=arguments.style,
        seed=arguments.seed,
        changes=changed(arguments.changes),
        threads=1 if arguments.workers else 0,
        workers=arguments.workers,
        progress=Ticker(str(arguments.folder), arguments.count),
    )
    return 0


def make_places(arguments: argparse.Namespace) -> int:
    from geovision.pipeline.train_tiles import real_tiles
    from geovision.vision.data.real import read_places

    places = read_places(arguments.places)
    real_tiles(arguments.folder, places, progress=Ticker(str(arguments.folder), len(places)))
    return 0


def train(arguments: argparse.Namespace) -> int:
    from geovision.pipeline.train import train_to
    from geovision.vision.train.config import load_config

    asked: list[int] = []

    def ask(number: int, frame: FrameType | None) -> None:
        asked.append(number)
        signal.signal(number, signal.SIG_DFL)

    signal.signal(signal.SIGINT, ask)
    signal.signal(signal.SIGTERM, ask)
    changes = changed(arguments.changes)
    resume = arguments.resume and (arguments.folder / "state.npz").is_file()
    if arguments.minutes is not None:
        changes["steps"] = steps_in(arguments.minutes, arguments, changes)
    config = load_config(arguments.config, changes)
    found = train_to(config, arguments.folder, resume=resume, progress=StepTicker(), stop=lambda: bool(asked))
    for area, figures in found.figures.items():
        say(f"{area}: " + ", ".join(f"{name} {value:.3f}" for name, value in figures.items()))
    say(
        f"{found.out}: {found.step:,} steps in {found.seconds:.0f} s, {found.rate:.2f} {found.unit}/s, "
        f"{100 * found.waited:.1f} % waited for data, weights {found.weights_sha256[:16]}"
    )
    return 0


def steps_in(minutes: float, arguments: argparse.Namespace, changes: dict[str, Any]) -> int:
    """How many steps the time allows, by the pace after those that compile; kept beside the run."""
    from geovision.pipeline.train import train_to
    from geovision.vision.train.config import load_config

    kept = arguments.folder / "steps.txt"
    if kept.is_file():
        return int(kept.read_text(encoding="utf-8"))
    paces: list[tuple[int, float]] = []
    trial = load_config(arguments.config, changes | {"steps": PACE_STEPS, "run.log_every": 1} | PACE_ONLY)
    with tempfile.TemporaryDirectory() as folder:
        train_to(trial, folder, progress=lambda state: paces.append((state.step, time.monotonic())))
    (first, began), (last, ended) = paces[len(paces) // 3], paces[-1]
    steps = max(1, int(minutes * 60 * (last - first) / (ended - began)))
    say(f"{(ended - began) / (last - first):.3f} s a step: {steps:,} steps in {minutes:g} minutes")
    arguments.folder.mkdir(parents=True, exist_ok=True)
    kept.write_text(f"{steps}\n", encoding="utf-8")
    return steps


def changed(items: list[str]) -> dict[str, Any]:
    return {
        key: tomllib.loads(f"value = {text}")["value"]
        for key, _, text in (one.partition("=") for one in items)
    }


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


class Ticker:
    """A line now and then."""

    def __init__(self, name: str, total: int) -> None:
        self.name, self.total, self.last = name, total, time.monotonic()

    def __call__(self, done: int) -> None:
        now = time.monotonic()
        if now - self.last > SECONDS_BETWEEN_LINES or done == self.total:
            self.last = now
            say(f"{self.name}: {done:,} of {self.total:,}")


class StepTicker:
    """A line now and then, and at the first step."""

    last = 0.0

    def __call__(self, state: TrainProgress) -> None:
        now = time.monotonic()
        if now - self.last > SECONDS_BETWEEN_LINES:
            self.last = now
            say(
                f"step {state.step:,} of {state.steps:,}: loss {state.loss:.3f}, "
                f"{state.rate:.2f} {state.unit}/s, "
                f"{100 * state.waited:.0f} % waited, {state.remaining_s / 60:.0f} min left"
            )


if __name__ == "__main__":
    sys.exit(main())
