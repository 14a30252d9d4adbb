"""``geovision style``: facade styles, ours and a modeller's own."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from geovision.cli import options
from geovision.cli.console import emit_json, note, report_failures
from geovision.errors import GeovisionError, UsageError

if TYPE_CHECKING:
    from geovision.procedural.grammar import Grammar, RuleError

__all__ = ["command"]

METRES = options.FiniteRange(0.05, 1000)
HEIGHT, SLOPE = options.FiniteRange(0, 100), options.FiniteRange(-50, 50)


@click.group("style", short_help="List, check, show and draw facade styles.")
def command() -> None:
    """List, check, show and draw facade styles.

    A style is the name of one that comes with geovision, or a rule file NAME.facade (docs/facades.md).

    \b
    Examples:
      geovision style list
      geovision style check mine.facade
      geovision style render dutch_terraced --levels 3 --seed 1 -o sheet.png
    """


@command.command("list", short_help="Say which styles there are.")
@options.json_option
def list_command(as_json: bool) -> None:
    """Say which styles come with geovision."""
    from geovision.procedural.grammar import builtin_facades, load_facade

    grammars = [load_facade(name) for name in builtin_facades()]
    if as_json:
        emit_json([{"name": grammar.name, "title": grammar.title} for grammar in grammars])
        return
    for grammar in grammars:
        click.echo(f"{grammar.name}  {grammar.title}")


@command.command("check", short_help="Say what is wrong with rule files.")
@click.argument("styles", nargs=-1, required=True)
@options.json_option
@click.pass_context
def check_command(ctx: click.Context, styles: tuple[str, ...], as_json: bool) -> None:
    """Compile all of STYLES; say place and remedy of the first error of each, and exit with 1."""
    from geovision.procedural.grammar import RuleError, load_facade

    reports: list[dict[str, Any]] = []
    failures: list[str] = []
    for style in styles:
        try:
            grammar = load_facade(style)
            reports.append({"style": style, "ok": True, "rules": len(grammar.rule_names)})
        except GeovisionError as error:
            failures.append(str(error))
            where = _where(error) if isinstance(error, RuleError) else {}
            reports.append(
                {"style": style, "ok": False, "problem": error.problem, "remedy": error.remedy, **where}
            )
    if as_json:
        emit_json(reports)
    else:
        for report in reports:
            if report["ok"]:
                click.echo(f"{report['style']}: {report['rules']} rules, no errors")
    report_failures(failures)
    ctx.exit(1 if failures else 0)


def _where(error: RuleError) -> dict[str, Any]:
    return {"file": error.file, "line": error.line, "column": error.column}


@command.command("show", short_help="Show variables, rules and designs of a style.")
@click.argument("style")
@options.json_option
def show_command(style: str, as_json: bool) -> None:
    """Show what STYLE can be told: its variables with their defaults, its rules and designs."""
    from geovision.procedural.grammar import load_facade

    grammar = load_facade(style)
    if as_json:
        emit_json(
            {
                "name": grammar.name,
                "title": grammar.title,
                "variables": grammar.defaults,
                "rules": grammar.rule_names,
                "designs": grammar.design_names,
                "files": list(grammar.files),
                "digest": grammar.digest(),
            }
        )
        return
    click.echo("\n".join(_lines(grammar)))


def _lines(grammar: Grammar) -> list[str]:
    width = max((len(name) for name in grammar.defaults), default=0)
    lines = [f"{grammar.name}  {grammar.title}", f"  files     {', '.join(grammar.files)}"]
    lines += [f"  rules     {', '.join(grammar.rule_names)}"]
    lines += [f"  designs   {', '.join(grammar.design_names) or 'none'}"]
    lines += [f"  variable  {name:<{width}} = {text}" for name, text in grammar.defaults.items()]
    return lines


def _variables(_ctx: click.Context, _option: click.Parameter, values: tuple[str, ...]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for value in values:
        name, equals, text = value.partition("=")
        if not equals or not name.strip():
            raise click.BadParameter(f"{value!r} is not NAME=VALUE, such as storey=3.1")
        found[name.strip()] = _variable(value, text.strip())
    return found


def _variable(value: str, text: str) -> bool | float | str:
    if text in ("true", "false"):
        return text == "true"
    try:
        number = float(text)
    except ValueError:
        return text
    if not math.isfinite(number):
        raise click.BadParameter(f"{value!r} has no finite value")
    return number


@command.command("render", short_help="Draw a house in a style.")
@click.argument("style")
@click.option("--width", type=METRES, default=6.0, show_default=True, help="Of the front, metres.")
@click.option("--depth", type=METRES, default=9.0, show_default=True, help="From front to back, metres.")
@click.option("--height", type=METRES, help="Of the eave, metres; by default 2.9 a level.")
@click.option("--levels", type=click.IntRange(1, 200), default=2, show_default=True, help="Storeys.")
@click.option("--gable", type=HEIGHT, default=0.0, show_default=True, help="Ridge above the eave, metres.")
@click.option("--slope", type=SLOPE, default=0.0, show_default=True, help="Rise of the terrain, metres.")
@click.option("--row", is_flag=True, help="Neighbours stand against both sides.")
@click.option("--use", help="What it is used for, as in the tag building.")
@click.option(
    "--with", "changes", multiple=True, callback=_variables, metavar="NAME=VALUE",
    help="Another value for a variable of the style; may be repeated.",
)  # fmt: skip
@options.seed
@options.output("The sheet, a PNG.", "OUT.png")
@options.json_option
@options.quiet
def render_command(
    style: str, width: float, depth: float, height: float | None, levels: int, gable: float, slope: float,
    row: bool, use: str | None, changes: dict[str, Any], seed: int, output: Path, as_json: bool, quiet: bool,
) -> None:  # fmt: skip
    """Draw the walls of a box-shaped house in STYLE: front, right, back, left.

    The report says what the rules asked for and could not have, by reason.
    """
    from geovision.pipeline.facade_sheet import render_style

    if output.suffix.lower() != ".png":
        raise UsageError(f"{output}", "is no .png file", "Give the sheet a name that ends with .png")
    tags = {"building:levels": levels, "building": use or "yes"}
    sheet = render_style(
        style, output, seed=seed, changes=changes, width=width, depth=depth,
        height=height or 2.9 * levels, gable=gable, slope=slope, row=row, attributes=tags,
    )  # fmt: skip
    for text in sheet.notes:
        note(f"note: {text}", quiet=quiet)
    if as_json:
        report = {"style": sheet.style, "file": str(output)}
        emit_json({**report, "elements": sheet.elements, "dropped": sheet.dropped})
        return
    left = ", ".join(f"{count} {name}" for name, count in sheet.dropped.items())
    note(f"{output}: {sum(sheet.elements.values())} elements" + (left and f"; left out: {left}"), quiet=quiet)
