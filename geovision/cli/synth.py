"""``geovision synth``: a synthetic scene with perfect labels to files."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from geovision.cli import options
from geovision.cli.console import emit_json, note, progress_bar, report_failures

if TYPE_CHECKING:
    from geovision.pipeline.synth_to import SynthProgress, SynthSummary

__all__ = ["command"]

LAYERS = ("image", "dsm", "dtm", "points", "labels")
_ORIGIN = (500_000.0, 5_500_000.0)
"""Where scenes lie that are only given a size: a round place in the default CRS."""

Area = tuple[float, float, float, float]


def _area(_ctx: click.Context, _option: click.Parameter, value: str) -> Area:
    """``W,H`` or ``X,Y,W,H``."""
    try:
        numbers = [float(number) for number in value.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) == 2:
        numbers = [*_ORIGIN, *numbers]
    if len(numbers) != 4:
        raise click.BadParameter(f"{value!r} is not W,H or X,Y,W,H in metres, for example 400,300")
    x, y, width, height = numbers
    if not (0 < width < 1e6 and 0 < height < 1e6 and abs(x) < 1e9 and abs(y) < 1e9):
        raise click.BadParameter(f"{value!r}: width and height must be above 0 and below 1,000 km")
    return x, y, width, height


@click.command("synth", short_help="Make a synthetic scene with perfect labels.")
@click.option(
    "--area",
    callback=_area,
    required=True,
    metavar="[X,Y,]W,H",
    help="Size of the scene in metres, and where it lies.",
)
@click.option("--style", default="mixed", show_default=True, help="Name of a built-in style, or a TOML file.")
@options.seed
@options.changes("Change a knob of the style, as lidar.density=8; may be given more than once.")
@click.option(
    "--layer",
    "layers",
    type=click.Choice(LAYERS),
    multiple=True,
    default=LAYERS,
    help="What to make beside footprints and programs; may be given more than once.  [default: all]",
)
@click.option(
    "--cell",
    "cell_m",
    type=options.FiniteRange(0.02, 10),
    default=0.25,
    show_default=True,
    metavar="M",
    help="Cell size of image and labels.",
)
@click.option(
    "--dsm-cell",
    "dsm_cell_m",
    type=options.FiniteRange(0.02, 10),
    default=0.5,
    show_default=True,
    metavar="M",
    help="Cell size of DSM and DTM.",
)
@click.option(
    "--programs",
    type=click.Choice(["parquet", "jsonl"]),
    default="parquet",
    show_default=True,
    help="How the true programs are kept.",
)
@click.option(
    "--oblique",
    type=click.IntRange(0, 1000),
    default=0,
    show_default=True,
    metavar="N",
    help="Also make N oblique pictures of the scene with facades, and labels of walls and openings.",
)
@click.option("--preview/--no-preview", default=True, show_default=True, help="Draw preview.png.")
@click.option(
    "--crs",
    metavar="CRS",
    default="EPSG:25832",
    show_default=True,
    help="Projected, metric CRS that the files say they are in.",
)
@options.threads
@click.option("--overwrite", is_flag=True, help="Replace what an earlier run wrote into OUT.")
@options.json_option
@options.quiet
@options.output("Folder to write; made if it is not there.", metavar="DIR")
@click.pass_context
def command(ctx: click.Context, /, output: Path, as_json: bool, quiet: bool, **job: Any) -> None:
    """Make a synthetic scene: orthophoto, DSM, DTM, LiDAR and footprints with the errors that real ones have.

    The truth lies beside them: the programs of all buildings, whose ids are those of the footprints, and
    label rasters. The result depends on the options and the seed, not on the machine or the threads.

    \b
    Examples:
      geovision synth --area 400,300 --seed 7 -o out/scene
      geovision synth --area 1000,1000 --style suburb --set lidar.density=8 --layer points -o out/points
      geovision synth --area 200,200 --set dsm.noise_m=0.2 --set survey.missing=0.1 -o out/hard
      geovision synth --area 400,300 --layer labels --oblique 20 -o out/facades
    """
    from geovision.pipeline.synth_to import synth_to

    with progress_bar("buildings", _read, quiet=quiet) as report:
        summary = synth_to(output, progress=report, **job)
    if as_json:
        emit_json({**asdict(summary), "out": str(summary.out)})
    _summarise(summary, quiet=quiet)
    ctx.exit(1 if summary.failed else 0)


def _summarise(summary: SynthSummary, *, quiet: bool) -> None:
    report_failures(summary.failed)
    note(
        f"{summary.out}: {summary.buildings:,} buildings, {summary.points:,} points, "
        f"{summary.pixels:,} pixels, {summary.seconds:.1f} s",
        quiet=quiet,
    )


def _read(state: SynthProgress) -> tuple[str, float, float]:
    return state.stage, state.done, state.total
