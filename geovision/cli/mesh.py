"""``geovision mesh``: building programs to one mesh file."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from geovision.cli import options
from geovision.cli.console import note, report_failures, status
from geovision.errors import InputError, ProgramError

__all__ = ["command"]

SUFFIXES = (".glb", ".obj", ".ply", ".stl")


@click.command("mesh", short_help="Build watertight meshes from programs.")
@click.argument("programs", type=options.input_path)
@options.lod
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
      jq -c '.[] | select(.ground_z < 2)' programs.json | geovision mesh - -o low.glb
    """
    if output.suffix.lower() not in SUFFIXES:
        raise click.BadParameter(
            f"{output.name!r} has no known suffix; use one of {', '.join(SUFFIXES)}.", param_hint="--output"
        )

    import geovision
    from geovision.formats.attributes import building_columns
    from geovision.sources.footprints import known_crs

    if crs is not None:
        known_crs(crs, metric=True)

    refused: list[ProgramError] = []
    with status("reading programs", quiet=quiet):
        table = geovision.read_programs(programs, on_error=on_error, failures=refused)
    with status(f"meshing {len(table):,} buildings", quiet=quiet):
        solids = geovision.mesh(table, lod=lod, threads=threads, on_error=on_error)
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
            geovision.write_glb(output, solids, attributes=columns, crs=crs, threads=threads)
        else:
            geovision.write_mesh(output, solids, crs=crs)
    note(f"{output}: {built:,} buildings, {len(reasons)} failed", quiet=quiet)
    ctx.exit(1 if reasons else 0)
