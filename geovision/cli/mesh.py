"""``geovision mesh``: building programs to one mesh file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from geovision.cli import options
from geovision.cli.console import note, report_failures, status
from geovision.errors import InputError, ProgramError

if TYPE_CHECKING:
    from geovision.mesh import FaceLooks, Solids
    from geovision.model.table import ProgramTable
    from geovision.sources.streets import Streets

__all__ = ["command"]

SUFFIXES = (".glb", ".obj", ".ply", ".stl")
MOST_REMARKS = 10


@click.command("mesh", short_help="Build watertight meshes from programs.")
@click.argument("programs", type=options.input_path)
@options.lod_with_facades
@click.option(
    "--style",
    metavar="NAME",
    help="At levels 3: facade style of buildings that name none: a name, a file, or auto to choose by "
    "their attributes. Without it they keep plain walls.",
)
@options.streets
@options.threads
@options.on_error
@options.crs
@options.quiet
@options.output("Mesh file; its suffix is the format: .glb, .obj, .ply or .stl.")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    programs: Path,
    lod: str,
    style: str | None,
    streets: tuple[str, ...],
    streets_layer: str | None,
    threads: int,
    on_error: Literal["raise", "record"],
    crs: str | None,
    quiet: bool,
    output: Path,
) -> None:
    """Build closed, labelled meshes from PROGRAMS and write them to one file.

    PROGRAMS is JSON, JSON Lines, Parquet, or CityJSON that geovision build wrote; - reads JSON or JSON Lines
    from stdin. A building that has no valid mesh is reported with its reason, and the exit code is then 1.

    \b
    Examples:
      geovision mesh programs.json -o city.glb
      geovision mesh programs.parquet --lod 1.2 -o blocks.ply
      geovision mesh programs.parquet --lod 3.2 --style auto -o street.glb
      geovision mesh programs.parquet --lod 3.2 --style auto --streets roads.gpkg --crs EPSG:28992 -o a.glb
      jq -c '.[] | select(.ground_z < 2)' programs.json | geovision mesh - -o low.glb
    """
    if output.suffix.lower() not in SUFFIXES:
        raise click.BadParameter(
            f"{output.name!r} has no known suffix; use one of {', '.join(SUFFIXES)}.", param_hint="--output"
        )

    if style is not None and lod not in options.FACADE_LODS:
        raise click.BadParameter(
            f"walls have no style at level {lod}; use one of {', '.join(options.FACADE_LODS)}.",
            param_hint="--lod",
        )

    if streets and lod not in options.FACADE_LODS:
        raise click.BadParameter(
            f"streets are for facades; use one of {', '.join(options.FACADE_LODS)}.", param_hint="--lod"
        )
    if streets and crs is None:
        raise click.BadParameter("programs state no CRS to put streets into; give it.", param_hint="--crs")

    import geovision
    from geovision.formats.attributes import building_columns
    from geovision.sources.footprints import known_crs

    if crs is not None:
        known_crs(crs, metric=True)

    refused: list[ProgramError] = []
    with status("reading programs", quiet=quiet):
        table = geovision.read_programs(programs, on_error=on_error, failures=refused)
    with status(f"meshing {len(table):,} buildings", quiet=quiet):
        known = _streets(table, streets, streets_layer, crs)
        solids, remarks = _meshed(table, lod, style, known, on_error, threads)
    for remark in remarks:
        note(remark, quiet=quiet)
    reasons = [str(error) for error in refused]
    reasons += [f"building {failure.id!r}: {failure.message}" for failure in solids.failures]
    report_failures(reasons)
    built = len(solids) - len(solids.failures)
    if not built:
        remedy = "Mend the programs; the reasons are above" if reasons else "Give at least one program"
        raise InputError(str(programs), "has no building that can be built", remedy)
    with status(f"writing {output}", quiet=quiet):
        if output.suffix.lower() == ".glb":
            columns = building_columns(table)
            looks = _looks(solids)
            geovision.write_glb(output, solids, attributes=columns, crs=crs, looks=looks, threads=threads)
        else:
            geovision.write_mesh(output, solids, crs=crs)
    note(f"{output}: {built:,} buildings, {len(reasons)} failed", quiet=quiet)
    ctx.exit(1 if reasons else 0)


def _meshed(
    table: ProgramTable,
    lod: str,
    style: str | None,
    streets: Streets | None,
    on_error: Literal["raise", "record"],
    threads: int,
) -> tuple[Solids, list[str]]:
    """The solids, and what there is to say of their facades."""
    import geovision
    from geovision.mesh import OUTCOME_TEXT, Surroundings

    if lod not in options.FACADE_LODS:
        return geovision.mesh(table, lod=lod, threads=threads, on_error=on_error), []
    from geovision.pipeline.dresser import NO_STREETS
    from geovision.pipeline.facades import dress

    lines = [] if streets is None else streets.lines()
    around = Surroundings(streets=lines)
    dressed = dress(table, lod=lod, style=style, around=around, on_error=on_error, threads=threads)
    remarks = [str(remark) for remark in dressed.notes[:MOST_REMARKS]]
    if len(dressed.notes) > MOST_REMARKS:
        remarks.append(f"... and {len(dressed.notes) - MOST_REMARKS:,} more")
    remarks += [
        f"{count:,} of {len(dressed.elements):,} elements left out: {OUTCOME_TEXT[outcome]}"
        for outcome, count in dressed.left_out.items()
    ]
    if not any(dressed.styles):
        remarks.append("no building has a facade; --style auto chooses one by the attributes")
    else:
        remarks += [NO_STREETS] if streets is None else streets.notes
    return dressed.solids, remarks


def _streets(
    table: ProgramTable, files: tuple[str, ...], layer: str | None, crs: str | None
) -> Streets | None:
    if not files or crs is None or not len(table):
        return None
    from geovision.sources.streets import read_streets

    west, south = table.xy.min(axis=0).tolist()
    east, north = table.xy.max(axis=0).tolist()
    return read_streets(files, target_crs=crs, layer=layer, bounds=(west, south, east, north))


def _looks(solids: Solids) -> FaceLooks | None:
    from geovision.mesh import FaceLooks

    if solids.face_material is None or solids.face_colour is None:
        return None
    return FaceLooks.of_materials(solids.face_material, solids.face_colour)
