"""``geovision batch status``, ``retry``, ``merge``, ``verify`` and ``tile``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from geovision.cli import options
from geovision.cli.batch_run import run_folder
from geovision.cli.console import emit_json, note, progress_bar, report_fitted

if TYPE_CHECKING:
    from geovision.batch.reporting import Status
    from geovision.pipeline.build_to import BuildProgress

__all__ = ["merge", "retry", "status", "tile", "verify"]

_SHOWN = 20


@click.command("status")
@run_folder
@click.option(
    "--watch",
    type=options.FiniteRange(min=0.5),
    metavar="SECONDS",
    help="Say it again so often, until every tile is done or set aside.",
)
@click.option(
    "--export",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="OUT.parquet",
    help="Also write the tiles with their state and outline as GeoParquet, for a GIS.",
)
@options.json_option
@click.pass_context
def status(ctx: click.Context, folder: Path, watch: float | None, export: Path | None, as_json: bool) -> None:
    """Say where RUN stands, going on or not, and for each failed tile why and how to repeat it.

    Exit code 0 where all tiles are done, else 1.

    \b
    Examples:
      geovision batch status run/
      geovision batch status run/ --watch 10
      geovision batch status run/ --json | jq -r '.failed[].command'
      geovision batch status run/ --export tiles.parquet
    """
    import time

    from geovision.batch.reporting import status as look

    while True:
        found = look(folder)
        if as_json:
            emit_json(found.to_dict())
        else:
            click.echo(_text(found))
        over = found.tiles == found.counts.get("done", 0) + found.counts.get("quarantined", 0)
        if watch is None or over:
            break
        time.sleep(watch)
    if export is not None:
        from geovision.batch.exporting import export_manifest
        from geovision.batch.run_folder import RunFolder

        place = RunFolder(folder)
        export_manifest(place, place.load(), export)
        note(f"wrote {export}")
    ctx.exit(0 if found.counts.get("done", 0) == found.tiles else 1)


def _text(found: Status) -> str:
    share = 100 * found.counts.get("done", 0) / found.tiles if found.tiles else 100.0
    lines = [f"{found.run}: {found.tiles:,} tiles, {share:.1f} % done"]
    lines += [f"  {word:<12}{count:>10,}" for word, count in sorted(found.counts.items())]
    lines.append(
        f"  {found.buildings:,} of {found.planned_buildings:,} buildings, {found.bytes / 1e6:,.1f} MB, "
        f"{found.attempts:,} attempts, {found.cpu_s:,.1f} CPU s"
    )
    for tile in found.failed[:_SHOWN]:
        word = "set aside" if tile.quarantined else "due again"
        lines.append(f"tile {tile.key} ({word}; {tile.errors} errors, {tile.crashes} crashes): {tile.error}")
        lines += [f"    input: {name}" for name in tile.inputs[:5]]
        lines.append(f"    again: {tile.command} -o out/")
    if len(found.failed) > _SHOWN:
        lines.append(f"and {len(found.failed) - _SHOWN:,} more; --json lists all")
    return "\n".join(lines)


@click.command("retry")
@run_folder
@click.argument("tiles", nargs=-1, metavar="[TILE]...")
@options.json_option
def retry(folder: Path, tiles: tuple[str, ...], as_json: bool) -> None:
    """Let tiles that failed be tried again by the next run: all of them, or those that are named.

    A tile that is done is done anew if it is named.

    \b
    Examples:
      geovision batch retry run/
      geovision batch retry run/ 170_893 && geovision batch run run/
    """
    from geovision.batch.reporting import retry as let

    keys = let(folder, list(tiles) or None)
    if as_json:
        emit_json({"tiles": keys})
    note(f"{folder}: {len(keys):,} tiles are due again")


@click.command("merge")
@run_folder
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="OUT", help="Folder.  [default: RUN/merged]"
)
@click.option("--partial", is_flag=True, help="Go on without the tiles that are not done; ends with 1.")
@options.threads
@options.json_option
@options.quiet
@click.pass_context
def merge(
    ctx: click.Context,
    folder: Path,
    output: Path | None,
    partial: bool,
    threads: int,
    as_json: bool,
    quiet: bool,
) -> None:
    """Join the tiles of RUN in one folder, with the files that [publish] wants, as geovision build does it.

    The checksum of every file is looked at on the way. The folder appears when it is whole.

    \b
    Examples:
      geovision batch merge run/
      geovision batch merge run/ -o county/ --partial
    """
    from geovision.batch.merging import merge as join

    with progress_bar("merging", _merging, quiet=quiet) as report:
        summary = join(folder, output, partial=partial, threads=threads, progress=report)
    if as_json:
        emit_json(summary.to_dict())
    if summary.built is not None:
        report_fitted(summary.built, quiet=quiet)
    else:
        note(f"{summary.out}: holds these tiles already", quiet=quiet)
    if summary.missing:
        note(f"{len(summary.missing):,} tiles are missing: {', '.join(summary.missing[:5])}")
    ctx.exit(summary.exit_code)


def _merging(state: BuildProgress) -> tuple[str, float, float]:
    return ("writing" if state.stage == "publish" else "merging"), state.done, state.total


@click.command("verify")
@run_folder
@click.option("--repair", is_flag=True, help="Have bad tiles done again by the next run.")
@options.json_option
@options.quiet
@click.pass_context
def verify(ctx: click.Context, folder: Path, repair: bool, as_json: bool, quiet: bool) -> None:
    """Read every file of every tile that is done, and compare it with its checksum on record.

    \b
    Examples:
      geovision batch verify run/
      geovision batch verify run/ --repair && geovision batch run run/
    """
    from geovision.batch.checking import verify as check

    with progress_bar("reading", _reading, quiet=quiet) as report:
        summary = check(folder, repair=repair, progress=lambda done, total: report((done, total)))
    if as_json:
        emit_json(summary.to_dict())
    for key in summary.bad[:_SHOWN]:
        note(f"bad: tile {key}")
    more = "; they are due again" if summary.repaired else ""
    note(
        f"{folder}: {summary.checked:,} tiles, {summary.files:,} files, {summary.bytes / 1e6:,.1f} MB read, "
        f"{len(summary.bad):,} bad{more}; {summary.pending:,} tiles are not done",
        quiet=quiet,
    )
    ctx.exit(summary.exit_code)


def _reading(state: tuple[int, int]) -> tuple[str, float, float]:
    return "reading", *state


@click.command("tile")
@run_folder
@click.argument("key", metavar="TILE")
@options.output("Folder for the files of the tile; it must not be there.")
@options.json_option
@click.pass_context
def tile(ctx: click.Context, folder: Path, key: str, output: Path, as_json: bool) -> None:
    """Do one TILE of RUN in this process, to see what happens; the run is left as it is.

    \b
    Examples:
      geovision batch tile run/ 170_893 -o out/
      geovision batch tile run/ 170_893 -o out/ --json | jq .error
    """
    from geovision.batch.reporting import try_tile

    outcome = try_tile(folder, key, output)
    if as_json:
        emit_json(outcome)
    error = outcome["error"]
    if error:
        note(f"failed: {error['kind']}: {error['message']}")
        if error.get("log"):
            note(str(error["log"]))
    else:
        note(f"{output}: {outcome['buildings']:,} buildings, {outcome['seconds']:.1f} s")
    ctx.exit(0 if outcome["state"] == "done" else 3 if outcome["state"] == "halted" else 1)
