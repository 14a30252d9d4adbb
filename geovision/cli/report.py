"""``geovision report``: how a run went, as one HTML page."""

from __future__ import annotations

from pathlib import Path

import click

from geovision.cli import options
from geovision.cli.console import note, progress_bar

__all__ = ["command"]


@click.command("report", short_help="Write a page that says how a run went.")
@click.argument("path", metavar="OUT", type=click.Path(exists=True, path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="HTML file to write.  [default: report.html in OUT]",
)
@click.option("--title", default="", metavar="TEXT", help="What stands on top.  [default: the folder's name]")
@options.threads
@options.quiet
def command(path: Path, output: Path | None, title: str, threads: int, quiet: bool) -> None:
    """Write one HTML page about OUT: coverage, fit, roof kinds, maps, the worst twenty, times, versions.

    OUT is a folder that geovision build wrote, or the .parquet file of geovision fit, which has its fits
    beside it. The page needs no other file and no network.

    \b
    Examples:
      geovision report out/town
      geovision report programs.parquet -o report.html --title 'Delft, spring 2026'
    """
    from geovision.quality.report import report

    def read(state: tuple[int, int]) -> tuple[str, float, float]:
        return f"{state[0]:,} buildings", state[0], state[1]

    with progress_bar("reading", read, quiet=quiet) as bar:
        written = report(
            path, output, title=title, threads=threads, progress=lambda done, total: bar((done, total))
        )
    click.echo(written)
    note(f"{written}: {written.stat().st_size / 1e6:.1f} MB", quiet=quiet)
