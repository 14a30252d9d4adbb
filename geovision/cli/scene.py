"""``geovision scene``: what a mix of sources amounts to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from geovision.cli import options
from geovision.cli.console import emit_json, note, status

if TYPE_CHECKING:
    from geovision.sources import Scene

__all__ = ["command", "open_from_options"]


@click.group("scene", short_help="Look at sources before anything is made of them.")
def command() -> None:
    """Look at sources before anything is made of them.

    \b
    Examples:
      geovision scene info delivery/
      geovision scene info --help
    """


def open_from_options(given: dict[str, Any]) -> Scene:
    """The scene that the shared source flags describe; takes them out of `given`."""
    from geovision.sources import Source, open_scene

    sources = given.pop("sources")
    roles: dict[str, Any] = {name: list(given.pop(name)) or None for name in options.SOURCE_ROLES}
    streets, streets_layer = given.pop("streets", ()), given.pop("streets_layer", None)
    return open_scene(
        *sources,
        **roles,
        streets=Source(files=streets, layer=streets_layer) if streets else None,
        layer=given.pop("layer"),
        crs=given.pop("crs"),
        target_crs=given.pop("target_crs"),
        limits=dict(given.pop("limits")),
        allow_vrt=given.pop("allow_vrt"),
        allow_network=given.pop("allow_network"),
        roots=given.pop("roots"),
    )


@command.command("info")
@options.sources
@options.json_option
@click.option(
    "--preview",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="OUT.png",
    help="Draw the whole scene: image or hill shade, with the footprints on it.",
)
def info(as_json: bool, preview: Path | None, **given: Any) -> None:
    """Say what SOURCES hold: layers, CRS, resolution, extent, overlap, counts, and what was assumed.

    SOURCES is a scene.toml, or files and folders whose roles are recognised from what is in them. The flags
    name roles; each takes a path, a glob or a folder, and may be repeated.

    \b
    Examples:
      geovision scene info delivery/
      geovision scene info --dsm 'dsm/*.tif' --footprints buildings.gpkg --crs EPSG:28992
      geovision scene info scene.toml --json | jq '.layers.dsm.cell_m'
      geovision scene info scene.toml --preview overview.png
    """
    with status("reading headers"):
        scene = open_from_options(given)
        facts = scene.report()
    if preview is not None:
        with status("drawing"):
            _draw(scene, preview)
        note(f"wrote {preview}")
    if as_json:
        emit_json(facts)
    else:
        click.echo(_text(facts))


def _draw(scene: Scene, path: Path) -> None:
    from PIL import Image

    from geovision.formats.atomic import atomic_write

    picture = Image.fromarray(scene.overview())
    with atomic_write(path) as file:
        picture.save(file, format="PNG")


def _text(facts: dict[str, Any]) -> str:
    west, south, east, north = facts["bounds"]
    code = f"{facts['crs']}, " if len(facts["crs"]) < 40 else ""
    lines = [
        f"crs         {code}{facts['crs_title']}",
        f"bounds      ({west:.2f}, {south:.2f}) to ({east:.2f}, {north:.2f}), "
        f"{(east - west) / 1000:.2f} x {(north - south) / 1000:.2f} km",
        f"tiles       {facts['tiles']:,} of 500 m",
    ]
    for role, layer in facts["layers"].items():
        how = "resampled on the fly" if layer["resampled"] else "read as it is"
        lines.append(
            f"{role:<11} {layer['files']:,} file(s), {layer['pixels'] / 1e6:,.2f} Mpx of {layer['type']}, "
            f"{', '.join(layer['bands'])}, {layer['cell_m']:.3g} m, {how}"
        )
    if facts["points"] is not None:
        found = facts["points"]
        lines.append(f"points      {found['files']:,} file(s), {found['count']:,} points, {found['crs']}")
    if facts["footprints"] is not None:
        found = facts["footprints"]
        lines.append(
            f"footprints  {found['count']:,}, {found['repaired']:,} repaired, "
            f"{len(found['left_out']):,} left out"
        )
        lines += [
            f"            {count:,} outside the {role}" for role, count in found["outside"].items() if count
        ]
    if facts["streets"] is not None:
        lines.append(f"streets     {facts['streets']['lines']:,} lines")
    for title, key in (("assumed", "assumed"), ("not used", "unused"), ("missing", "missing")):
        lines += [f"{title if i == 0 else '':<11} {text}" for i, text in enumerate(facts[key])]
    return "\n".join(lines)
