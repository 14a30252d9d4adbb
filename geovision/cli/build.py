"""``geovision build``: from measurements and footprints to a folder of 3D buildings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from geovision.cli import options
from geovision.cli.console import emit_json, note, progress_bar, report_fitted, status
from geovision.cli.detect import detection, how_to_find
from geovision.cli.scene import open_from_options

if TYPE_CHECKING:
    from geovision.pipeline.build_to import BuildProgress

__all__ = ["command"]


@click.command("build", short_help="Fit buildings and publish them as files that every client opens.")
@options.sources
@options.streets
@options.formats
@options.kinds
@options.place
@detection
@options.roofs
@click.option("--merged", is_flag=True, help="One mesh file for all buildings instead of one a tile.")
@click.option(
    "--geoid",
    type=float,
    metavar="METRES",
    help="Height of the geoid above the ellipsoid, for 3D Tiles. By default PROJ's, where it has the grid.",
)
@click.option(
    "--heights",
    metavar="CRS",
    help="Vertical CRS of all heights, such as EPSG:5709. By default what the sources state.",
)
@click.option(
    "--terrain/--no-terrain",
    default=True,
    show_default=True,
    help="Publish the ground with 3D Tiles and GLB, with the photo on it, and carry walls down to it; with "
    "--facades in every format, and doors, steps and plinths follow it.",
)
@click.option(
    "--textures/--no-textures",
    default=None,
    help="Put the orthophoto, where the scene has one, on the roofs of 3D Tiles and GLB. By default where "
    "there are no facades, whose roofs have materials in the photo's colour.",
)
@click.option(
    "--facades",
    metavar="STYLE",
    help="Facades and materials in 3D Tiles, GLB and CityJSON: a style (see geovision style list), its "
    "file, or auto to choose by attributes and size. Roofs take the colour that the photo shows.",
)
@click.option(
    "--lod3",
    type=click.Choice(["instanced", "full"]),
    default="instanced",
    show_default=True,
    help="Facades in 3D Tiles and GLB as small meshes before whole walls, or as openings cut into them.",
)
@click.option("--title", default="Buildings", show_default=True, metavar="TEXT", help="Of the pages.")
@click.option("--overwrite", is_flag=True, help="Replace OUT if it is an earlier result.")
@options.lod
@options.on_error
@options.threads
@options.json_option
@options.quiet
@options.output("Folder for everything; it appears when it is complete.")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    formats: list[str] | None,
    kinds: list[str] | None,
    place: Literal["footprints", "points"],
    model: str | None,
    threshold: float | None,
    min_area_m2: float,
    rows: bool,
    roofs: str | None,
    merged: bool,
    geoid: float | None,
    heights: str | None,
    terrain: bool,
    textures: bool | None,
    facades: str | None,
    lod3: Literal["instanced", "full"],
    title: str,
    overwrite: bool,
    lod: str,
    on_error: Literal["raise", "record"],
    threads: int,
    as_json: bool,
    quiet: bool,
    output: Path,
    **given: Any,
) -> None:
    """Find the building program behind every footprint, and publish the buildings.

    Without footprints, buildings are found first in the image, the heights or the points (see `geovision
    detect`); where there are no heights, those that the network infers from the image stand in for them.

    SOURCES is a scene.toml, or files and folders whose roles are recognised from what is in them. OUT holds
    programs.parquet with the fits beside it, index.json, and the formats that were asked for. Every footprint
    comes out with a valid solid; where too little was measured it is a block, and its fit says why.

    \b
    Examples:
      geovision build scene.toml -o out/town
      geovision build --points points.laz --footprints houses.gpkg -o out/town --formats glb,gpkg,cityjsonseq
      geovision build --dsm dsm.tif --dtm dtm.tif --footprints houses.gpkg -o out/town --overwrite
      geovision build --image ortho.tif --dsm dsm.tif --dtm dtm.tif -o out/town
      geovision build scene.toml -o out/town --json | jq .kinds
    """
    from geovision.pipeline.build_to import DEFAULT_FORMATS, build_to

    with status("reading headers", quiet=quiet):
        scene = open_from_options(given)
    with progress_bar("fitting", _read, quiet=quiet) as report:
        summary = build_to(
            scene,
            output,
            formats=DEFAULT_FORMATS if formats is None else formats,
            kinds=kinds,
            place=place,
            find=how_to_find(scene, model, threshold, min_area_m2, rows, threads),
            roofs=roofs,
            lod=lod,
            merged=merged,
            geoid=geoid,
            heights=heights,
            terrain=terrain,
            textures=textures,
            facades=facades,
            lod3=lod3,
            title=title,
            on_error=on_error,
            overwrite=overwrite,
            threads=threads,
            progress=report,
        )
    if as_json:
        emit_json(summary.to_dict())
    report_fitted(summary, quiet=quiet)
    if not summary.buildings:
        note("warning: no footprint lies in the scene, so there is no building", quiet=quiet)
    ctx.exit(1 if summary.problems else 0)


def _read(state: BuildProgress) -> tuple[str, float, float]:
    if state.stage == "detect":
        return "finding buildings", state.done, state.total
    if state.stage == "publish":
        return "writing", state.done, state.total
    return f"{state.done:,} buildings", state.done, state.total
