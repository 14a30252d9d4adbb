"""``geovision generate``: a procedural city to files."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from geovision.cli import options
from geovision.cli.console import emit_json, note, progress_bar, report_failures

if TYPE_CHECKING:
    from geovision.pipeline.generate_to import GenerateSummary, Progress

__all__ = ["command"]

FORMATS = ("glb", "obj", "ply", "stl")


Area = tuple[float, float, float, float]


def _area(_ctx: click.Context, _option: click.Parameter, value: str | None) -> Area | None:
    """``X,Y,W,H`` as four finite numbers, the last two positive."""
    if value is None:
        return None
    try:
        x, y, width, height = (float(number) for number in value.split(","))
    except ValueError:
        raise click.BadParameter(f"{value!r} is not four numbers X,Y,W,H, for example 0,0,800,600") from None
    if not (0 < width < 1e6 and 0 < height < 1e6 and abs(x) < 1e9 and abs(y) < 1e9):
        raise click.BadParameter(f"{value!r}: width and height must be above 0 and below 1,000 km")
    return x, y, width, height


@click.command("generate", short_help="Generate a procedural city.")
@click.option(
    "--footprints",
    type=click.Path(exists=True, path_type=Path),
    metavar="FILE",
    help="Building footprints: GPKG, GeoJSON, GeoParquet, FlatGeobuf, shapefile or vector tiles.",
)
@click.option("--layer", metavar="NAME", help="Layer of a GeoPackage; needed where it has several.")
@click.option(
    "--area",
    callback=_area,
    metavar="X,Y,W,H",
    help="Lay out streets, parcels and buildings in this rectangle, in metres.",
)
@click.option(
    "--count",
    type=click.IntRange(min=1),
    metavar="N",
    help="Number of buildings; without --area, on a square that holds them.",
)
@click.option("--style", default="mixed", show_default=True, help="Name of a built-in style, or a TOML file.")
@options.seed
@options.lod
@click.option(
    "--format",
    "formats",
    type=click.Choice(FORMATS),
    multiple=True,
    default=("glb",),
    help="Mesh format of the tiles; may be given more than once.  [default: glb]",
)
@click.option(
    "--programs",
    type=click.Choice(["parquet", "jsonl", "none"]),
    default="parquet",
    show_default=True,
    help="How the building programs are kept beside the meshes.",
)
@click.option("--preview/--no-preview", default=True, show_default=True, help="Draw preview.png.")
@options.crs
@options.threads
@click.option("--overwrite", is_flag=True, help="Replace what an earlier run wrote into OUT.")
@options.json_option
@options.quiet
@options.output("Folder to write; made if it is not there.", metavar="DIR")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    footprints: Path | None,
    area: Area | None,
    output: Path,
    as_json: bool,
    quiet: bool,
    **job: Any,
) -> None:
    """Generate a city of building programs and write it as meshes, tile by tile.

    Roofs are drawn onto given footprints, or onto a street and parcel layout of its own. The result
    depends on the options and the seed, not on the machine or the number of threads.

    \b
    Examples:
      geovision generate --footprints footprints.geojson -o out/city
      geovision generate --area 0,0,800,600 --seed 7 -o out/city
      geovision generate --count 100000 --lod 1.2 --no-preview -o out/blocks
    """
    if footprints is not None and (area is not None or job["count"] is not None):
        raise click.UsageError("--footprints gives the buildings; it does not go with --area or --count.")
    if footprints is None and area is None and job["count"] is None:
        raise click.UsageError("Give --footprints FILE, --area X,Y,W,H or --count N.")
    if footprints is None and job["layer"] is not None:
        raise click.UsageError("--layer names a layer of the footprints; give --footprints FILE with it.")

    from geovision.pipeline.generate_to import generate_to

    with progress_bar("tiles", _read, quiet=quiet) as report:
        summary = generate_to(output, footprints=footprints, area=area, progress=report, **job)
    if as_json:
        emit_json({**asdict(summary), "out": str(summary.out)})
    _summarise(summary, quiet=quiet)
    ctx.exit(1 if summary.failures or summary.problems else 0)


def _summarise(summary: GenerateSummary, *, quiet: bool) -> None:
    report_failures([*summary.problems, *summary.failed])
    if summary.repairs:
        count = len(summary.repairs)
        note(f"{count} repair{'s' * (count > 1)} of footprints, listed in index.json", quiet=quiet)
    note(
        f"{summary.out}: {summary.buildings:,} buildings, {summary.triangles:,} triangles in {summary.tiles} "
        f"tiles, {summary.failures} failed, {summary.seconds:.1f} s",
        quiet=quiet,
    )


def _read(state: Progress) -> tuple[str, float, float]:
    return f"{state.stage}: {state.buildings_done:,} buildings", state.tiles_done, state.tiles_total
