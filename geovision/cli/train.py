"""``geovision train``: from a configuration to the weights of a network."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from geovision.cli import options
from geovision.cli.console import emit_json, note, training_bar
from geovision.cli.interrupt import stop_request

if TYPE_CHECKING:
    from geovision.vision.train.loop import TrainSummary

__all__ = ["command"]


@click.command("train", short_help="Train a network from a configuration.")
@click.argument("config", type=click.Path(path_type=Path))
@options.output("Folder of the run: state, log, pictures, and model.npz with model.json at the end.", "RUN")
@click.option("--resume", is_flag=True, help="Go on with the run that the folder holds, after any end.")
@click.option(
    "--steps", type=click.IntRange(min=1), metavar="N", help="Steps, instead of the configuration's."
)
@click.option(
    "--backend",
    type=click.Choice(["tensorflow", "jax", "torch"]),
    help="What Keras runs on.  [default: $KERAS_BACKEND, or TensorFlow]",
)
@options.changes("Change a value of the configuration, as optimiser.rate=1e-3; may be given more than once.")
@options.json_option
@options.quiet
def command(
    config: Path,
    output: Path,
    resume: bool,
    steps: int | None,
    backend: str | None,
    changes: dict[str, Any],
    as_json: bool,
    quiet: bool,
) -> int:
    """Train the network that CONFIG, a TOML file, describes.

    The same configuration gives the same weights on a CPU, in one go or resumed after a kill at any moment.
    Ctrl-C and SIGTERM save the state and end with 75; --resume goes on.

    \b
    Examples:
      geovision train scene.toml -o runs/scene
      geovision train scene.toml -o runs/scene --resume
      geovision train scene.toml -o runs/try --steps 200 --set optimiser.rate=3e-4 --backend jax
    """
    if backend is not None:
        os.environ["KERAS_BACKEND"] = backend
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # By itself TensorFlow takes these convolutions on some makes of CPU only; a step is a quarter shorter.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    from geovision.pipeline.train import train_to
    from geovision.vision.train.config import load_config

    run = load_config(config, changes | ({} if steps is None else {"steps": steps}))
    with stop_request() as stopped, training_bar(quiet=quiet) as report:
        summary = train_to(run, output, resume=resume, progress=report, stop=stopped)
    _close(summary, as_json, quiet)
    return 0


def _close(summary: TrainSummary, as_json: bool, quiet: bool) -> None:
    for area, figures in summary.figures.items():
        note(f"{area}: " + ", ".join(f"{name} {value:.3f}" for name, value in figures.items()), quiet=quiet)
    note(
        f"{summary.out}: {summary.step:,} steps in {summary.seconds:.0f} s, "
        f"{summary.rate:.2f} {summary.unit}/s, "
        f"{100 * summary.waited:.1f} % of the time waited for data; loss {summary.loss:.4f}, "
        f"weights {summary.weights_sha256[:16]}",
        quiet=quiet,
    )
    if as_json:
        emit_json(
            {
                "out": str(summary.out),
                "step": summary.step,
                "seconds": round(summary.seconds, 3),
                "rate": round(summary.rate, 4),
                "unit": f"{summary.unit}/s",
                "waited": round(summary.waited, 4),
                "loss": summary.loss,
                "weights_sha256": summary.weights_sha256,
                "figures": summary.figures,
            }
        )
