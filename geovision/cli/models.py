"""``geovision models``: the networks that come with geovision, and those that were trained here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from geovision.cli import options
from geovision.cli.console import emit_json, note, report_failures, status
from geovision.errors import GeovisionError

if TYPE_CHECKING:
    from geovision.vision.card import MetricCard, ModelCard

__all__ = ["command"]


@click.group("models", short_help="List, show, check and export networks.")
def command() -> None:
    """List, show, check and export networks.

    A model is the name of one that comes with geovision, or a path to NAME.json, NAME.npz or NAME.onnx.

    \b
    Examples:
      geovision models list
      geovision models show scene-small
      geovision models verify out/mine/model.json
    """


@command.command("list", short_help="Say which models there are.")
@click.argument("folder", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@options.json_option
def list_command(folder: Path | None, as_json: bool) -> None:
    """Say which models lie in FOLDER; by default those that come with geovision."""
    from geovision.vision.store import list_models

    cards = list_models(folder)
    if as_json:
        emit_json([_short(card) for card in cards])
        return
    for card in cards:
        click.echo(f"{card.name}  {_line(card)}")
    if not cards:
        note("none")


def _short(card: ModelCard) -> dict[str, Any]:
    sizes = {name: item.bytes for name, item in card.files.items()}
    return {
        "name": card.name,
        "kind": card.kind,
        "parameters": card.parameters,
        "groups": list(card.groups),
        "gsd_range_m": list(card.gsd_range_m),
        "threshold": card.threshold,
        "licence": card.licence,
        "bytes": sizes,
    }


def _line(card: ModelCard) -> str:
    low, high = card.gsd_range_m
    size = sum(item.bytes for item in card.files.values()) / 1e6
    return f"{card.kind}, {card.parameters:,} parameters, {low:g} to {high:g} m a pixel, {size:.1f} MB"


@command.command("show", short_help="Show the card of a model.")
@click.argument("model")
@options.json_option
def show_command(model: str, as_json: bool) -> None:
    """Show the card of MODEL: inputs, training data, figures with their intervals, limits, licence."""
    from geovision.vision.store import load_card

    card = load_card(model)
    if as_json:
        emit_json(card.model_dump(mode="json"))
        return
    click.echo("\n".join(_lines(card)))


def _lines(card: ModelCard) -> list[str]:
    rows = [
        ("kind", card.kind),
        ("parameters", f"{card.parameters:,}"),
        ("inputs", ", ".join(card.groups) + " (each may be left out)"),
        ("outputs", ", ".join(f"{name} {count}" for name, count in card.outputs.items()) or "none"),
        ("pixel", f"{card.gsd_range_m[0]:g} to {card.gsd_range_m[1]:g} m; {card.gsd_m:g} m where free"),
        ("threshold", f"{card.threshold:g} after calibration (temperature {card.calibration.temperature:g})"),
        ("licence", card.licence),
        ("trained", _training(card)),
    ]
    lines = [card.name, *(f"  {name:<11}{value}" for name, value in rows)]
    for item in card.data:
        more = ", ".join(text for text in (item.licence, item.note) if text)
        lines.append(f"  data       {item.name}: {item.kind}, {item.items:,} items{more and ', ' + more}")
    lines += [f"  figure     {_metric(item)}" for item in card.metrics]
    lines += [f"  limit      {text}" for text in card.limits]
    return lines


def _training(card: ModelCard) -> str:
    parts = [card.trained_at, f"{card.training_s / 60:.0f} min" if card.training_s else "", card.trained_on]
    parts += [f"seed {card.seed}", f"commit {card.commit[:12]}" if card.commit else ""]
    return ", ".join(part for part in parts if part)


def _metric(item: MetricCard) -> str:
    between = "" if item.low is None or item.high is None else f" ({item.low:.3f} to {item.high:.3f})"
    more = "".join(f", {text}" for text in (f"{item.items:,} items" if item.items else "", item.note) if text)
    return f"{item.area}: {item.metric} {item.value:.3f}{between}{more}"


@command.command("verify", short_help="Compare models with their cards.")
@click.argument("models", nargs=-1)
@options.json_option
@click.pass_context
def verify_command(ctx: click.Context, models: tuple[str, ...], as_json: bool) -> None:
    """Read all of MODELS and compare every array and file with the card; exit with 1 where one differs.

    Without MODELS those that come with geovision.
    """
    from geovision.vision.store import list_models, verify

    failures, reports = [], []
    for model in models or [card.name for card in list_models()]:
        try:
            card = verify(model)
            reports.append({"model": model, "ok": True, "arrays": len(card.arrays), "files": [*card.files]})
        except GeovisionError as error:
            failures.append(str(error))
            reports.append({"model": model, "ok": False, "problem": str(error)})
    if as_json:
        emit_json(reports)
    else:
        for report in reports:
            if report["ok"]:
                click.echo(f"{report['model']}: {report['arrays']} arrays as the card says")
    report_failures(failures)
    ctx.exit(1 if failures else 0)


@command.command("export", short_help="Make the network that runs from a model's arrays.")
@click.argument("model")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="OUT",
    help="Folder and name of the new model; by default it takes the place of MODEL.",
)
@options.quiet
def export_command(model: str, output: Path | None, quiet: bool) -> None:
    """Make the ONNX file of MODEL from its arrays, compare the two at several sizes, and save both.

    Needs TensorFlow (pip install "geovision[train]").
    """
    from geovision.vision.export import export_model

    with status("exporting", quiet=quiet):
        card = export_model(model, output)
    note(f"{card.name}: {card.files['onnx'].bytes / 1e6:.1f} MB", quiet=quiet)
