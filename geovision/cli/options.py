"""The one registry of shared options: the same flag means the same thing in every command."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

__all__ = [
    "FACADE_LODS",
    "FORMATS",
    "LODS",
    "SOURCE_ROLES",
    "FiniteRange",
    "changes",
    "crs",
    "formats",
    "json_option",
    "kinds",
    "lod",
    "lod_with_facades",
    "on_error",
    "output",
    "place",
    "quiet",
    "roofs",
    "seed",
    "sources",
    "streets",
    "threads",
]

Function = Callable[..., Any]

FORMATS = (
    "3dtiles",
    "viewer",
    "preview",
    "report",
    "cityjson",
    "cityjsonseq",
    "parquet",
    "gpkg",
    "fgb",
    "glb",
    "obj",
    "ply",
    "stl",
    "usdz",
)
LODS = ("1.1", "1.2", "1.3", "2.2", "2.3")
FACADE_LODS = ("3.0", "3.1", "3.2")


class FiniteRange(click.FloatRange):
    """A number within bounds; NaN is in none, though comparisons let it pass."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is no finite number.", param, ctx)
        return number


input_path = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path, allow_dash=True)


def lod(function: Function) -> Function:
    """``--lod``."""
    return click.option(
        "--lod",
        type=click.Choice(LODS),
        default="2.2",
        show_default=True,
        help="Level of detail: 1.1 one block without small parts, 1.2 one block, 1.3 a block per part, "
        "2.2 roofs, 2.3 roofs with overhangs.",
    )(function)


def lod_with_facades(function: Function) -> Function:
    """``--lod`` up to 3.2."""
    return click.option(
        "--lod",
        type=click.Choice((*LODS, *FACADE_LODS)),
        default="2.2",
        show_default=True,
        help="Level of detail: 1.1 one block without small parts, 1.2 one block, 1.3 a block per part, "
        "2.2 roofs, 2.3 roofs with overhangs, 3.0 openings in walls, 3.1 also what stands out of them, "
        "3.2 also frames, railings and roof windows.",
    )(function)


def threads(function: Function) -> Function:
    """``--threads``."""
    return click.option(
        "--threads",
        type=click.IntRange(min=0),
        default=0,
        metavar="N",
        help="Threads of the kernel; 0 takes all cores. The result does not depend on it.  [default: 0]",
    )(function)


def seed(function: Function) -> Function:
    """``--seed``."""
    return click.option(
        "--seed",
        type=click.IntRange(min=0),
        default=0,
        show_default=True,
        metavar="N",
        help="Random seed: the same seed gives the same bytes.",
    )(function)


def on_error(function: Function) -> Function:
    """``--on-error``."""
    return click.option(
        "--on-error",
        type=click.Choice(["record", "raise"]),
        default="record",
        show_default=True,
        help="What a bad building does: record it, go on and exit with 1; or raise and write nothing.",
    )(function)


def crs(function: Function) -> Function:
    """``--crs``."""
    return click.option(
        "--crs",
        metavar="CRS",
        help="CRS of the coordinates where the input does not say, such as EPSG:28992; kept in the outputs.",
    )(function)


def json_option(function: Function) -> Function:
    """``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print the report as JSON on stdout.")(
        function
    )


def quiet(function: Function) -> Function:
    """``--quiet``."""
    return click.option(
        "-q", "--quiet", is_flag=True, help="No progress and no summary on stderr; failures are still named."
    )(function)


def _names(_ctx: click.Context, _option: click.Parameter, value: str | None) -> list[str] | None:
    return None if value is None else [name.strip() for name in value.split(",") if name.strip()]


def kinds(function: Function) -> Function:
    """``--kinds``."""
    return click.option(
        "--kinds",
        callback=_names,
        metavar="NAMES",
        help="Roof kinds to choose from, such as flat,gabled,hipped.",
    )(function)


def place(function: Function) -> Function:
    """``--place``."""
    return click.option(
        "--place",
        type=click.Choice(["both", "footprints", "points"]),
        default="both",
        show_default=True,
        help="What keeps its place where points lie shifted against a footprint: both (walls stand on the "
        "footprints, roofs lie where points do), footprints (roofs slide onto them) or points (walls move to "
        "them, building by building).",
    )(function)


def roofs(function: Function) -> Function:
    """``--roofs``."""
    return click.option(
        "--roofs",
        metavar="MODEL",
        default="none",
        show_default=True,
        callback=lambda _context, _parameter, value: None if value == "none" else value,
        help="Roof network whose proposals are tried beside all others: a name (see geovision models list), "
        "a path, or none.",
    )(function)


def formats(function: Function) -> Function:
    """``--formats``."""
    return click.option(
        "--formats",
        callback=_names,
        metavar="NAMES",
        help="What to write beside the programs, of " + ", ".join(FORMATS) + ".  [default: "
        "3dtiles,cityjsonseq,parquet,viewer,preview,report]",
    )(function)


def output(text: str, metavar: str = "OUT") -> Callable[[Function], Function]:
    """``-o``, with the command's own help text."""

    def decorate(function: Function) -> Function:
        return click.option(
            "-o", "--output", type=click.Path(path_type=Path), required=True, metavar=metavar, help=text
        )(function)

    return decorate


def _changes(_ctx: click.Context, _option: click.Parameter, values: tuple[str, ...]) -> dict[str, Any]:
    """``KEY=VALUE``, values written as in TOML."""
    import tomllib

    found: dict[str, Any] = {}
    for item in values:
        key, equals, text = item.partition("=")
        try:
            found[key.strip()] = tomllib.loads(f"value = {text}")["value"] if equals and key.strip() else None
        except tomllib.TOMLDecodeError:
            found[key.strip()] = None
        if found.get(key.strip()) is None:
            raise click.BadParameter(f"{item!r} is not KEY=VALUE, for example lidar.density=8")
    return found


def changes(text: str) -> Callable[[Function], Function]:
    """``--set KEY=VALUE``, with the command's own help text."""

    def decorate(function: Function) -> Function:
        return click.option(
            "--set", "changes", multiple=True, callback=_changes, metavar="KEY=VALUE", help=text
        )(function)

    return decorate


SOURCE_ROLES = ("image", "dsm", "dtm", "ndsm", "points", "footprints")
_ROLE_HELP = {
    "image": "Orthophotos: files, globs, folders, folders of map tiles, .mbtiles.",
    "dsm": "Heights of surfaces (roofs, trees).",
    "dtm": "Heights of the bare ground.",
    "ndsm": "Heights above the ground.",
    "points": "LiDAR: LAS, LAZ or COPC.",
    "footprints": "Outlines of buildings: GPKG, GeoParquet, GeoJSON, FlatGeobuf, Shapefile.",
}


def streets(function: Function) -> Function:
    """``--streets`` and ``--streets-layer``."""
    function = click.option(
        "--streets-layer", metavar="NAME", help="Layer of the streets, where the file has several."
    )(function)
    return click.option(
        "--streets",
        multiple=True,
        metavar="PATH",
        help="Streets that doors open to and fronts look at, for facades: lines or areas in GPKG, "
        "GeoParquet, GeoJSON, FlatGeobuf, Shapefile. May be repeated.",
    )(function)


def _limit(_ctx: click.Context, _option: click.Parameter, values: tuple[str, ...]) -> list[tuple[str, int]]:
    found = []
    for value in values:
        name, _, number = value.partition("=")
        if not number.replace("_", "").isdigit():
            raise click.BadParameter(f"{value!r} is not NAME=NUMBER, such as pixels=40000000000")
        found.append((name, int(number)))
    return found


def sources(function: Function) -> Function:
    """SOURCES, ``--image`` ... ``--footprints``, ``--layer``, ``--crs`` and what else opens a scene."""
    decorators: list[Callable[[Function], Function]] = [
        click.argument("sources", nargs=-1, type=click.Path()),
        *(
            click.option(
                f"--{role}", multiple=True, metavar="PATH", help=f"{_ROLE_HELP[role]} May be repeated."
            )
            for role in SOURCE_ROLES
        ),
        click.option("--layer", metavar="NAME", help="Layer of the footprints, where the file has several."),
        crs,
        click.option(
            "--target-crs",
            metavar="CRS",
            help="CRS to put everything in: projected, in metres. By default chosen from the sources.",
        ),
        click.option(
            "--limit",
            "limits",
            multiple=True,
            callback=_limit,
            metavar="NAME=NUMBER",
            help="Raise (or lower) an upper bound on what files may hold, such as pixels=40000000000.",
        ),
        click.option("--allow-vrt", is_flag=True, help="Read VRT files, which name other files."),
        click.option("--allow-network", is_flag=True, help="Read URIs: s3://, gs://, az://, https://."),
        click.option(
            "--root",
            "roots",
            multiple=True,
            metavar="DIR",
            help="Read files below this folder alone, links followed. May be repeated.",
        ),
    ]
    for decorator in reversed(decorators):
        function = decorator(function)
    return function
