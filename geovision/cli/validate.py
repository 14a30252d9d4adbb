"""``geovision validate``: are files what they should be?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from geovision.cli import options
from geovision.cli.console import emit_json, progress_bar

if TYPE_CHECKING:
    from geovision.quality.findings import ValidationReport

__all__ = ["command"]


def _show_codes(ctx: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if not wanted or ctx.resilient_parsing:
        return
    from geovision.quality.codes import CODES

    width = max(len(code.name) for code in CODES.values())
    for code in CODES.values():
        note = " (warning)" if code.warning else ""
        click.echo(f"{code.number}  {code.name:<{width}}  {code.text}{note}")
    ctx.exit(0)


@click.command("validate", short_help="Check files: closed, oriented, planar, labelled, placed.")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--planarity",
    type=options.FiniteRange(min=0.0, min_open=True),
    default=10.0,
    show_default=True,
    metavar="MM",
    help="Millimetres that a vertex may lie outside the plane of its polygon.",
)
@click.option(
    "--snap",
    type=options.FiniteRange(min=0.0),
    default=1.0,
    show_default=True,
    metavar="MM",
    help="Points nearer than this are one point.",
)
@click.option(
    "--ignore",
    type=int,
    multiple=True,
    metavar="CODE",
    help="Leave a code out, such as 821. May be repeated.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    default=20,
    show_default=True,
    metavar="N",
    help="Findings named for each code; the counts are of all.",
)
@click.option(
    "--codes",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_codes,
    help="Explain the codes.",
)
@options.threads
@options.json_option
@options.quiet
@click.pass_context
def command(
    ctx: click.Context,
    /,
    paths: tuple[Path, ...],
    planarity: float,
    snap: float,
    ignore: tuple[int, ...],
    limit: int,
    threads: int,
    as_json: bool,
    quiet: bool,
) -> None:
    """Check PATHS: solids closed, oriented, planar and free of crossings; semantics, numbers, CRS, ids.

    CityJSON, CityJSONSeq, GLB, OBJ, PLY, STL, 3D Tiles (a folder), programs and their fits, GeoParquet,
    GeoPackage, FlatGeobuf; of any other folder, all that is in it. Files of ours and of others. Codes are
    val3dity's where it has one; --codes explains them. Errors make the exit code 1, warnings do not.

    \b
    Examples:
      geovision validate models.city.jsonl
      geovision validate town.city.json --planarity 20 --ignore 821
      geovision validate out/town --json | jq '.[] | select(.valid | not) | .path'
    """
    from geovision.quality.validate import files_of, validate

    reports: list[ValidationReport] = []
    files = [file for path in paths for file in files_of(path)]
    if not files:
        raise click.BadParameter(
            "nothing in it can be validated; --help has the formats.", param_hint="PATHS"
        )
    for path in files:
        total = path.stat().st_size if path.is_file() else 0

        def read(done: int, path: Path = path, total: int = total) -> tuple[str, float, float]:
            return path.name, done, total

        with progress_bar(f"validating {path.name}", read, quiet=quiet) as progress:
            report = validate(
                path,
                planarity=planarity / 1000,
                snap=snap / 1000,
                ignore=ignore,
                limit=limit,
                threads=threads,
                progress=progress,
            )
        reports.append(report)
    if as_json:
        emit_json([report.to_dict() for report in reports])
    else:
        click.echo("\n\n".join(text(report) for report in reports))
    ctx.exit(0 if all(report.ok for report in reports) else 1)


def text(report: ValidationReport) -> str:
    """A report for a person: what was looked at, a line a code, then where."""
    from geovision.quality.codes import CODES

    what = f"{report.objects:,} objects, {report.primitives:,} geometries"
    verdict = click.style("valid", fg="green") if report.ok else click.style("not valid", fg="red")
    more = f"; {report.invalid:,} objects have errors" if report.invalid else ""
    lines = [f"{report.path}: {report.format}, {verdict}", f"  {what}{more}"]
    for number, count in sorted(report.counts.items()):
        code = CODES[number]
        kind = "warning" if code.warning else "error"
        lines += ["", f"  {number} {code.name}  {count:,} x {kind}: {code.text}"]
        found = [item for item in report.findings if item.code == number]
        for item in found:
            at = "" if item.place is None else " at " + " ".join(f"{value:.3f}" for value in item.place)
            named = " ".join(part for part in (item.file, item.id or "(file)") if part)
            lines.append(f"      {named}: {item.detail}{at}".rstrip(": "))
        if count > len(found):
            lines.append(f"      and {count - len(found):,} more")
    return "\n".join(lines)
