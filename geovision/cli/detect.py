"""``geovision detect``: images, heights or LiDAR to outlines of buildings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from geovision.cli import options
from geovision.cli.console import emit_json, note, progress_bar, status
from geovision.cli.scene import open_from_options

if TYPE_CHECKING:
    from geovision.pipeline.detect import DetectProgress, DetectSettings
    from geovision.pipeline.detect_to import DetectSummary
    from geovision.sources import Scene

__all__ = ["command", "detection", "how_to_find"]


def detection(function: options.Function) -> options.Function:
    """``--model``, ``--threshold``, ``--min-area``, ``--rows``: how buildings are found."""
    decorators = [
        click.option(
            "--model",
            metavar="NAME|PATH",
            help="A network of `geovision models list`, a path, or relief (rules on heights). By default the "
            "network where there is an image, and the rules where there are heights alone.",
        ),
        click.option(
            "--threshold",
            type=options.FiniteRange(0.0, 1.0, min_open=True),
            metavar="P",
            help="Probability from which a pixel is building. By default the model's own.",
        ),
        click.option(
            "--min-area",
            "min_area_m2",
            type=options.FiniteRange(min=0.0),
            default=6.0,
            show_default=True,
            metavar="M2",
            help="Smaller buildings are left out.",
        ),
        click.option(
            "--rows",
            is_flag=True,
            help="Part rows of houses whose roofs go on into each other, where measured heights say how. For "
            "places that have rows: detached houses with many roofs would be cut up.",
        ),
    ]
    for decorator in reversed(decorators):
        function = decorator(function)
    return function


def how_to_find(
    scene: Scene, model: str | None, threshold: float | None, min_area_m2: float, rows: bool, threads: int
) -> DetectSettings | None:
    """What the options of `detection` say; None where the scene has footprints."""
    if scene.has_footprints:
        return None
    from geovision.pipeline.detect import DetectSettings

    return DetectSettings(
        model=model, threshold=threshold, min_area_m2=min_area_m2, rows=rows, threads=threads
    )


@click.command("detect", short_help="Find buildings in images, heights or LiDAR.")
@options.sources
@detection
@click.option(
    "--hints",
    multiple=True,
    metavar="[KIND=]PATH",
    help="A vector layer that helps to look: roads=PATH, parcels=PATH or footprints=PATH (old outlines; the "
    "default). May be repeated.",
)
@click.option("--use", metavar="GROUPS", help="Groups of input to look at, of rgb,nir,ndsm.  [default: all]")
@click.option("--gsd", "gsd_m", type=float, metavar="METRES", help="Size of a pixel to work at.")
@click.option(
    "--bounds",
    "area",
    nargs=4,
    type=float,
    metavar="WEST SOUTH EAST NORTH",
    help="Where to look, in the CRS of the scene.",
)
@click.option(
    "--average",
    "dihedral",
    type=click.Choice(["1", "2", "4", "8"]),
    default="1",
    show_default=True,
    help="Mirrored and turned copies that are averaged: slower, a little better.",
)
@click.option(
    "--probabilities",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="OUT.tif",
    help="Also write what the model thinks of every pixel.",
)
@click.option(
    "--preview",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="OUT.png",
    help="Also draw the scene with the outlines.",
)
@options.threads
@options.json_option
@options.quiet
@options.output("Outlines as .gpkg, .parquet, .geojson or .fgb.")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    model: str | None,
    threshold: float | None,
    min_area_m2: float,
    rows: bool,
    hints: tuple[str, ...],
    use: str | None,
    gsd_m: float | None,
    area: tuple[float, float, float, float] | None,
    dihedral: str,
    probabilities: Path | None,
    preview: Path | None,
    threads: int,
    as_json: bool,
    quiet: bool,
    output: Path,
    **given: Any,
) -> None:
    """Find the buildings in SOURCES and write their outlines, each with a confidence and a height.

    SOURCES is a scene.toml, or files and folders whose roles are recognised from what is in them. Images,
    heights and points may be in any CRS and resolution. A run that was stopped goes on when it is started
    again with the same options.

    \b
    Examples:
      geovision detect --image ortho.tif -o footprints.gpkg --preview found.png
      geovision detect --points points.laz --crs EPSG:28992 -o footprints.gpkg --rows
      geovision detect --image ortho.tif --dsm dsm.tif --dtm dtm.tif --hints roads=roads.gpkg -o found.gpkg
      geovision detect scene.toml -o found.parquet --json | jq .buildings
    """
    from geovision.pipeline.detect import DetectSettings
    from geovision.pipeline.detect_to import detect_to
    from geovision.sources import Bounds

    with status("reading headers", quiet=quiet):
        scene = open_from_options(given)
        layers = _hints(hints, scene, given.get("crs"))
    settings = DetectSettings(
        model=model,
        threshold=threshold,
        min_area_m2=min_area_m2,
        rows=rows,
        gsd_m=gsd_m,
        use=None if use is None else tuple(name.strip() for name in use.split(",") if name.strip()),
        dihedral=int(dihedral),  # type: ignore[arg-type]  # click has checked it
        threads=threads,
    )
    with progress_bar("looking", _read, quiet=quiet) as report:
        summary = detect_to(
            scene,
            output,
            settings,
            bounds=None if area is None else Bounds(*area),
            hints=layers,
            probabilities=probabilities,
            preview=preview,
            progress=report,
        )
    if as_json:
        emit_json(summary.to_dict())
    _told(summary, quiet=quiet)


def _hints(texts: tuple[str, ...], scene: Scene, crs: str | None) -> dict[str, Any]:
    from geovision.sources.hints import HINTS, read_hint

    found: dict[str, Any] = {}
    for text in texts:
        kind, equals, path = text.partition("=")
        if not equals or kind not in HINTS:
            kind, path = "footprints", text
        if kind in found:
            raise click.BadParameter(f"{kind} were given twice.", param_hint="--hints")
        found[kind] = read_hint(path, kind, target_crs=scene.crs, crs=crs)
    return found


def _told(summary: DetectSummary, *, quiet: bool) -> None:
    for text in summary.notes:
        note(f"note: {text}", quiet=quiet)
    sure = "" if summary.confidence is None else f", median confidence {summary.confidence:.2f}"
    what = f"{summary.buildings:,} buildings, {summary.area_m2:,.0f} m2{sure}"
    how = (
        f"{summary.model} on {' and '.join(summary.groups)} at {summary.cell_m:g} m, {summary.seconds:.1f} s"
    )
    note(f"{summary.out}: {what}; {how}", quiet=quiet)
    if not summary.buildings:
        note("warning: no building was found", quiet=quiet)


def _read(state: DetectProgress) -> tuple[str, float, float]:
    if state.stage == "looking":
        return "looking", state.done, state.total
    return f"{state.buildings:,} buildings", state.done, state.total
