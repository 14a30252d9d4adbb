"""``geovision batch plan`` and ``run``."""

from __future__ import annotations

import os
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from geovision.cli import options
from geovision.cli.console import emit_json, note, progress_bar, report_failures
from geovision.cli.interrupt import stop_request

if TYPE_CHECKING:
    from geovision.batch.planning import PlanProgress
    from geovision.batch.running import RunProgress, RunSummary, TileResult

__all__ = ["plan", "run", "run_folder"]

run_folder = click.argument("folder", metavar="RUN", type=click.Path(path_type=Path, file_okay=False))
"""The folder that `plan` made."""


@click.command("plan")
@click.argument("config", type=click.Path(path_type=Path))
@options.changes(
    "Change a value of the configuration, as tile_m=250 or build.place='points'; may be repeated."
)
@options.json_option
@options.quiet
@options.output("Folder of the run; planned again, it keeps the tiles that stay as they are.", "RUN")
def plan(config: Path, changes: dict[str, Any], as_json: bool, quiet: bool, output: Path) -> None:
    """Plan the batch that CONFIG, a TOML file, describes: tiles, what each depends on, what all will take.

    Sees first whether the run can go: room on the disk, the kernel, a folder that can be written and locked.
    Where the scene has no footprints, buildings are found now; that, too, goes on after it was stopped.

    \b
    Examples:
      geovision batch plan county.toml -o run/
      geovision batch plan county.toml -o run/ --set tile_m=250 --json | jq .estimate
      GEOVISION_BATCH_BUILD__ROOFS=roof-small geovision batch plan county.toml -o run/
    """
    from geovision.batch.layers import load_config
    from geovision.batch.planning import plan as make

    resolved = load_config(config, flags=changes, environ=os.environ)
    with progress_bar("reading", _planning, quiet=quiet) as report:
        made = make(resolved.config, output, progress=report)
    estimate, ready = made.estimate, made.facts["preflight"]
    if as_json:
        emit_json(
            {
                "run": str(output),
                "plan": made.id,
                "crs": made.crs,
                "estimate": dict(estimate),
                "preflight": ready,
                "sources": [dict(source) for source in made.sources],
                "notes": list(made.notes),
                "problems": list(made.problems),
                "tiles": [task.to_dict() for task in made.tasks()],
            }
        )
    report_failures(made.problems)
    for text in made.notes:
        note(f"note: {text}", quiet=quiet)
    much = f"{estimate['bytes'] / 1e6:,.1f} MB of tiles, {ready['free_bytes'] / 1e9:,.1f} GB free"
    note(
        f"{output}: {len(made):,} tiles, {estimate['buildings']:,} buildings, about "
        f"{estimate['cpu_s'] / 3600:,.2f} CPU hours; {much}",
        quiet=quiet,
    )
    note(f"next: geovision batch run {quote(str(output))}", quiet=quiet)


def _planning(state: PlanProgress) -> tuple[str, float, float]:
    return state.stage, state.done, state.total


@click.command("run")
@run_folder
@click.option(
    "--workers",
    type=click.IntRange(min=0),
    metavar="N",
    help="Worker processes; 0 takes one a core.  [default: as planned]",
)
@click.option("--shard", metavar="I/N", help="Do the part I of N of the tiles only, such as 3/64.")
@click.option(
    "--dask",
    metavar="WHERE",
    help="Do the tiles on a Dask cluster: tcp://HOST:PORT, local, or MODULE:FUNCTION that returns one.",
)
@options.changes("Change how this run goes, as memory_mb=4000 or grace_s=5; may be repeated.")
@options.json_option
@options.quiet
@click.pass_context
def run(
    ctx: click.Context,
    folder: Path,
    workers: int | None,
    shard: str | None,
    dask: str | None,
    changes: dict[str, Any],
    as_json: bool,
    quiet: bool,
) -> None:
    """Do every tile of RUN that is not done.

    A tile that fails is tried again, and set aside after three errors or two deaths of its worker. Ctrl-C or
    SIGTERM let tiles at work end, for run.grace_s seconds, and end with 75; a second one ends at once.
    Started again after any end, kill -9 included, the run goes on, and its result is the same.

    \b
    Examples:
      geovision batch run run/ --workers 8
      geovision batch run run/ --shard "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT"
      geovision batch run run/ --shard 1/1 --dask tcp://scheduler:8786
      geovision batch run run/ --set memory_mb=6000 --set cpu_s=600
      geovision batch run run/ -q --json | jq .failed
    """
    from geovision.batch.running import run as do

    def told(result: TileResult) -> None:
        if result.quarantined and not quiet:
            message = (result.attempt.error or {}).get("message", "")
            note(f"failed: tile {result.key}: {message}")

    with stop_request() as stop, progress_bar("starting workers", _read, quiet=quiet) as report:
        summary = do(
            folder,
            workers=workers,
            shard=shard,
            dask=dask,
            settings=changes,
            environ=os.environ,
            stop=stop,
            progress=report,
            callback=told,
        )
    if as_json:
        emit_json(summary.to_dict())
    _told(summary, quiet=quiet)
    ctx.exit(summary.exit_code)


def _read(state: RunProgress) -> tuple[str, float, float]:
    text = f"{state.done:,}/{state.total:,} tiles, {state.working} at work"
    if state.failed:
        text += f", {state.failed:,} failed"
    if state.remaining_s is not None:
        minutes, seconds = divmod(round(state.remaining_s), 60)
        rate = f"{state.rate:.1f}/s" if state.rate >= 1 else f"{state.rate * 3600:.0f}/h"
        text += f", {rate}, {minutes // 60}:{minutes % 60:02}:{seconds:02} left"
    return text, state.done + state.failed, state.total


def _told(summary: RunSummary, *, quiet: bool) -> None:
    report_failures(
        [f"tile {key}: see geovision batch status {quote(summary.run)}" for key in summary.failed]
    )
    part = "" if summary.shard is None else f", shard {summary.shard}"
    note(
        f"{summary.run}{part}: {summary.done:,} of {summary.tiles:,} tiles done ({summary.done_now:,} now), "
        f"{summary.buildings:,} buildings, {summary.seconds:.1f} s",
        quiet=quiet,
    )
    if summary.stopped:
        note("stopped; run it again to go on", quiet=quiet)
