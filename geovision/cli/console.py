"""What commands print: data on stdout, everything else on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from geovision.cli.interrupt import check_interrupt
from geovision.errors import redacted

if TYPE_CHECKING:
    from geovision.pipeline.build_to import BuildSummary
    from geovision.pipeline.fit_to import FitSummary
    from geovision.vision.train.loop import TrainProgress

__all__ = ["emit_json", "note", "progress_bar", "report_failures", "report_fitted", "status", "training_bar"]

FAILURES_SHOWN = 10

State = TypeVar("State")


def emit_json(value: Any) -> None:
    """One JSON document on stdout; NaN is refused because JSON has none."""
    click.echo(redacted(json.dumps(value, indent=2, allow_nan=False)))


def note(text: str, *, quiet: bool = False) -> None:
    """A line for the person at the terminal."""
    if not quiet:
        click.echo(redacted(text), err=True)


@contextmanager
def status(text: str, *, quiet: bool = False) -> Iterator[None]:
    """A spinner on stderr while the block runs, where stderr is a terminal."""
    if quiet or not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(text):
        yield


@contextmanager
def progress_bar(
    name: str, read: Callable[[State], tuple[str, float, float]], *, quiet: bool = False
) -> Iterator[Callable[[State], None]]:
    """A progress bar on stderr while the block runs; none where stderr is no terminal.

    Each report is also where a job ends to whose code Ctrl-C did not get through.

    Args:
        name: what stands beside the bar before the first report.
        read: text, how much is done and of how much (0: not known) from a job's report.
        quiet: no bar.
    """
    if quiet or not sys.stderr.isatty():
        yield lambda state: check_interrupt()
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=None)

        def report(state: State) -> None:
            check_interrupt()
            text, done, total = read(state)
            bar.update(task, description=text, completed=done, total=total or None)

        yield report


@contextmanager
def training_bar(*, quiet: bool = False) -> Iterator[Callable[[TrainProgress], None]]:
    """A progress bar of steps with loss, throughput and remaining time; none where stderr is no terminal."""
    if quiet or not sys.stderr.isatty():
        yield lambda state: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[text]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("building the network", total=None, text="")

        def report(state: TrainProgress) -> None:
            minutes, seconds = divmod(round(state.remaining_s), 60)
            text = (
                f"{state.rate:.2f} {state.unit}/s, {100 * state.waited:.0f} % waited, "
                f"{minutes // 60}:{minutes % 60:02}:{seconds:02} left"
            )
            bar.update(
                task, description=f"loss {state.loss:.4f}", completed=state.step, total=state.steps, text=text
            )

        yield report


def report_failures(reasons: Sequence[str]) -> None:
    """Say what failed and why, `--quiet` or not: the first few, and how many more."""
    for reason in reasons[:FAILURES_SHOWN]:
        note(f"failed: {reason}")
    if len(reasons) > FAILURES_SHOWN:
        note(f"failed: and {len(reasons) - FAILURES_SHOWN} more")


def report_fitted(summary: BuildSummary | FitSummary, *, quiet: bool = False) -> None:
    """What failed, what was assumed, and how many buildings came out how well."""
    report_failures(summary.problems)
    for text in summary.notes:
        note(f"note: {text}", quiet=quiet)
    statuses = ", ".join(f"{count:,} {name}" for name, count in summary.status.most_common())
    held = f" ({statuses})" if statuses else ""
    share = "" if summary.within_0p2 is None else f"; {100 * summary.within_0p2:.1f} % of points within 0.2 m"
    much = f"{len(summary.files)} files, {summary.seconds:.1f} s"
    note(f"{summary.out}: {summary.buildings:,} buildings{held}{share}, {much}", quiet=quiet)
