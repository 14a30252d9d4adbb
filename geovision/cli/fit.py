"""``geovision fit``: measurements and footprints to building programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from geovision.cli import options
from geovision.cli.console import emit_json, note, progress_bar, report_fitted, status
from geovision.cli.detect import detection, how_to_find
from geovision.cli.scene import open_from_options

if TYPE_CHECKING:
    from geovision.pipeline.fit_to import FitProgress
    from geovision.sources import Scene

__all__ = ["command"]


@click.command("fit", short_help="Fit parametric buildings to LiDAR or height rasters.")
@options.sources
@click.option(
    "--models",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="OUT.city.jsonl",
    help="Also write the solids, as CityJSONSeq.",
)
@options.kinds
@options.place
@detection
@options.roofs
@click.option(
    "--explain",
    metavar="ID",
    help="Fit one building and draw a picture of how it came about into OUT.png instead.",
)
@options.lod
@options.on_error
@options.threads
@options.json_option
@options.quiet
@options.output("Programs as .parquet; the fits go beside it. With --explain a .png.")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    models: Path | None,
    kinds: list[str] | None,
    place: Literal["footprints", "points"],
    model: str | None,
    threshold: float | None,
    min_area_m2: float,
    rows: bool,
    roofs: str | None,
    explain: str | None,
    lod: str,
    on_error: Literal["raise", "record"],
    threads: int,
    as_json: bool,
    quiet: bool,
    output: Path,
    **given: Any,
) -> None:
    """Find, for every footprint, the building program that explains the points or heights best.

    Without footprints, buildings are found first (see `geovision detect`).

    SOURCES is a scene.toml, or files and folders whose roles are recognised from what is in them. Every
    footprint comes out with a valid solid. Where too little was measured it is a block, and its fit (in
    OUT.fits.parquet) says why.

    \b
    Examples:
      geovision fit --points points.laz --footprints houses.gpkg -o programs.parquet
      geovision fit scene.toml -o programs.parquet --models models.city.jsonl
      geovision fit scene.toml --explain NL.1042 -o why.png
      geovision fit scene.toml -o programs.parquet --json | jq .kinds
    """
    from geovision.pipeline.fit_to import fit_to

    with status("reading headers", quiet=quiet):
        scene = open_from_options(given)
    if explain is not None:
        _explain(scene, explain, kinds, place, threads, output)
        note(f"wrote {output}", quiet=quiet)
        return
    with progress_bar("fitting", _read, quiet=quiet) as report:
        summary = fit_to(
            scene,
            output,
            models=models,
            kinds=kinds,
            place=place,
            find=how_to_find(scene, model, threshold, min_area_m2, rows, threads),
            roofs=roofs,
            lod=lod,
            on_error=on_error,
            threads=threads,
            progress=report,
        )
    if as_json:
        emit_json(summary.to_dict())
    report_fitted(summary, quiet=quiet)
    ctx.exit(1 if summary.problems else 0)


def _explain(
    scene: Scene,
    building: str,
    kinds: list[str] | None,
    place: Literal["footprints", "points"],
    threads: int,
    output: Path,
) -> None:
    from geovision.errors import InputError
    from geovision.inverse.solver import solve
    from geovision.quality.explain import explain_png

    if output.suffix.lower() != ".png":
        raise click.BadParameter("--explain draws a picture; give a name that ends in .png.", param_hint="-o")
    ids = scene.footprints.ids
    if building not in ids:
        near = [name for name in ids if building in name][:5] or list(ids[:5])
        raise InputError(
            f"building {building!r}", "has no footprint here", f"Use an id such as {', '.join(near)}"
        )
    x, y = scene.places[ids.index(building)]
    tile = next(
        tile
        for tile in scene.tiles()
        if tile.bounds.west <= x < tile.bounds.east and tile.bounds.south <= y < tile.bounds.north
    )
    evidence = next(item for item in scene.evidence(tile, images=False) if item.id == building)
    solved = solve([evidence], kinds=kinds, place=place, threads=threads)
    explain_png(output, solved.evidence[0], solved.fits[0], solved.solids)


def _read(state: FitProgress) -> tuple[str, float, float]:
    return f"{state.done:,} buildings", state.done, state.total
