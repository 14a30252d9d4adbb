"""Makes training tiles and trains, for boxes with NumPy, pydantic, Keras and the kernel alone.

python scripts/train_networks.py tiles FOLDER --count 2000 --seed 1 [--style mixed] [--set KEY=VALUE]
python scripts/train_networks.py places FOLDER PLACES.toml          (this one needs GDAL)
python scripts/train_networks.py run CONFIG.toml RUN [--resume] [--set KEY=VALUE]
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
import tomllib
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from geovision.vision.train.loop import TrainProgress

SECONDS_BETWEEN_LINES = 30.0


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
    config = load_config(arguments.config, changed(arguments.changes))
    resume = arguments.resume and (arguments.folder / "state.npz").is_file()
    found = train_to(config, arguments.folder, resume=resume, progress=StepTicker(), stop=lambda: bool(asked))
    for area, figures in found.figures.items():
        say(f"{area}: " + ", ".join(f"{name} {value:.3f}" for name, value in figures.items()))
    say(
        f"{found.out}: {found.step:,} steps in {found.seconds:.0f} s, {found.rate:.2f} {found.unit}/s, "
        f"{100 * found.waited:.1f} % waited for data, weights {found.weights_sha256[:16]}"
    )
    return 0


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
