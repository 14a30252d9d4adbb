"""``geovision material``: the materials of walls and roofs as pictures."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from geovision.cli import options
from geovision.cli.console import emit_json, note

if TYPE_CHECKING:
    from geovision.formats.pictures import PictureKind

__all__ = ["command"]

_PICTURES: dict[str, PictureKind] = {".png": "png", ".webp": "webp", ".jpg": "jpeg", ".jpeg": "jpeg"}

Colour = tuple[int, int, int]
Function = Callable[..., Any]


@click.group("material", short_help="List and draw the materials of walls and roofs.")
def command() -> None:
    """List and draw the materials of walls and roofs: textures that repeat without a seam.

    \b
    Examples:
      geovision material list
      geovision material render brick_flemish --size 512 --metres 2 --maps -o brick.png
      geovision material sheet -o materials.jpg
    """


def _size(default: int) -> Callable[[Function], Function]:
    return click.option(
        "--size",
        type=click.IntRange(4, 8192),
        default=default,
        show_default=True,
        metavar="PIXELS",
        help="Side of a picture.",
    )


_metres = click.option(
    "--metres",
    type=options.FiniteRange(0.05, 100),
    default=2.0,
    show_default=True,
    metavar="M",
    help="What a side covers.",
)


def _kind(output: Path) -> PictureKind:
    if output.suffix.lower() not in _PICTURES:
        raise click.BadParameter(
            f"{output.name!r} has no known suffix; use one of {', '.join(_PICTURES)}.", param_hint="--output"
        )
    return _PICTURES[output.suffix.lower()]


@command.command("list", short_help="Say which materials there are.")
@options.json_option
def list_command(as_json: bool) -> None:
    """Say which materials there are, with the colour that each has where none is given."""
    from geovision.mesh.textures import FINISH_COLOURS, FINISH_NAMES

    colours = {name: "#{:02x}{:02x}{:02x}".format(*FINISH_COLOURS[one]) for name, one in FINISH_NAMES.items()}
    if as_json:
        emit_json([{"name": name, "colour": colour} for name, colour in colours.items()])
        return
    for name, colour in colours.items():
        click.echo(f"{name:<16} {colour}")


def _colour(_ctx: click.Context, _option: click.Parameter, value: str | None) -> Colour | None:
    """``#rrggbb`` or ``R,G,B``."""
    if value is None:
        return None
    if re.fullmatch("#?[0-9a-fA-F]{6}", value):
        numbers = list(bytes.fromhex(value.lstrip("#")))
    elif re.fullmatch(r"\d{1,3}(,\d{1,3}){2}", value):
        numbers = [int(number) for number in value.split(",")]
    else:
        numbers = []
    if len(numbers) != 3 or max(numbers) > 255:
        raise click.BadParameter(f"{value!r} is not #rrggbb or R,G,B with 0 to 255")
    return numbers[0], numbers[1], numbers[2]


@command.command("render", short_help="Draw one material.")
@click.argument("name")
@_size(512)
@_metres
@click.option(
    "--colour", callback=_colour, metavar="COLOUR", help="Mean colour, #rrggbb or R,G,B. By default its own."
)
@click.option("--maps", is_flag=True, help="Also OUT_normal and OUT_orm: occlusion, roughness, metal.")
@options.seed
@options.threads
@options.quiet
@options.output("Picture; its suffix is the format: .png, .webp or .jpg.")
def render_command(
    name: str,
    size: int,
    metres: float,
    colour: Colour | None,
    maps: bool,
    seed: int,
    threads: int,
    quiet: bool,
    output: Path,
) -> None:
    """Draw the material NAME; see geovision material list.

    The picture repeats without a seam, and half the size is the same pattern made smaller.
    """
    from geovision.formats.atomic import atomic_write
    from geovision.formats.pictures import encode_picture
    from geovision.mesh.textures import FINISH_COLOURS, FINISH_NAMES, draw_texture

    if name not in FINISH_NAMES:
        raise click.BadParameter(f"{name!r} is none of {', '.join(FINISH_NAMES)}.", param_hint="NAME")
    kind = _kind(output)
    finish = FINISH_NAMES[name]
    texture = draw_texture(
        finish,
        size=size,
        metres=metres,
        seed=seed,
        colour=FINISH_COLOURS[finish] if colour is None else colour,
        threads=threads,
    )
    pictures = {output: texture.base}
    if maps:
        pictures[output.with_stem(f"{output.stem}_normal")] = texture.normal
        pictures[output.with_stem(f"{output.stem}_orm")] = texture.packed
    for path, pixels in pictures.items():
        with atomic_write(path) as file:
            file.write(encode_picture(pixels, kind))
        note(f"{path}: {name}, {size} pixels, {metres:g} m", quiet=quiet)


@command.command("sheet", short_help="Draw all materials side by side.")
@_size(220)
@_metres
@options.seed
@options.output("Picture; its suffix is the format: .png, .webp or .jpg.")
def sheet_command(size: int, metres: float, seed: int, output: Path) -> None:
    """Draw all materials in one picture: as they are, and in the sun."""
    from geovision.quality.material_sheet import write_material_sheet

    write_material_sheet(output, kind=_kind(output), size=size, metres=metres, seed=seed)
