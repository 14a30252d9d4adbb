"""``geovision info``: what is in program files and mesh files."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from geovision.cli import options
from geovision.cli.console import emit_json, note, report_failures, status
from geovision.errors import GeovisionError, ProgramError
from geovision.formats.describe import MESH_SUFFIXES, describe_mesh

if TYPE_CHECKING:
    from geovision.model import ProgramTable

__all__ = ["command", "describe_programs"]


def describe_programs(table: ProgramTable) -> dict[str, Any]:
    """Counts, kinds and bounds of programs, as plain JSON values."""
    from geovision.model.kinds import RoofKind, SuperKind

    xy = np.asarray(table.xy).reshape(-1, 2)
    bounds = [xy.min(axis=0).round(3).tolist(), xy.max(axis=0).round(3).tolist()] if len(xy) else None
    return {
        "buildings": len(table),
        "parts": len(table.roof_kind),
        "roof_kinds": _count(table.roof_kind, RoofKind),
        "superstructures": _count(table.super_kind, SuperKind),
        "footprint_vertices": len(xy),
        "bounds": bounds,
    }


def _count(codes: Any, kinds: Any) -> dict[str, int]:
    counts = Counter(np.asarray(codes).tolist())
    return {kinds(code).text: count for code, count in sorted(counts.items())}


def _statuses(table: ProgramTable, lod: str) -> dict[str, int]:
    import geovision
    from geovision.model.labels import Status

    solids = geovision.mesh(table, lod=lod, on_error="record")
    report_failures([f"building {failure.id!r}: {failure.message}" for failure in solids.failures])
    return {Status(code).name: count for code, count in sorted(Counter(solids.status.tolist()).items())}


def _describe(path: Path, lod: str | None) -> dict[str, Any]:
    if path.suffix.lower() in MESH_SUFFIXES:
        return {"file": str(path), "content": "mesh", **describe_mesh(path)}
    import geovision

    refused: list[ProgramError] = []
    table = geovision.read_programs(path, on_error="record", failures=refused)
    report_failures([str(error) for error in refused])
    report = {"file": str(path), "content": "programs", **describe_programs(table), "refused": len(refused)}
    if lod is not None:
        report["statuses"] = _statuses(table, lod)
    return report


@click.command("info", short_help="Say what is in program and mesh files.")
@click.argument("files", type=options.input_path, nargs=-1, required=True)
@click.option(
    "--check", is_flag=True, help="Build the meshes of program files too, and count the kernel's statuses."
)
@options.lod
@options.json_option
@click.pass_context
def command(ctx: click.Context, files: tuple[Path, ...], check: bool, lod: str, as_json: bool) -> None:
    """Say what is in FILES: counts, roof kinds and bounds of programs; counts and bounds of meshes.

    Programs are JSON, JSON Lines or Parquet (- for stdin); meshes are GLB, OBJ, PLY or STL. A file that
    cannot be read is reported, the others are still described, and the exit code is 1.

    \b
    Examples:
      geovision info out/city/*.glb
      geovision info --check --json programs.parquet | jq '.[0].statuses'
    """
    reports: list[dict[str, Any]] = []
    failed = 0
    for path in files:
        try:
            with status(f"reading {path}"):
                reports.append(_describe(path, lod if check else None))
        except GeovisionError as error:
            note(f"failed: {error}")
            failed += 1
    if as_json:
        emit_json(reports)
    elif reports:
        click.echo("\n\n".join(map(_text, reports)))
    bad = sum(report.get("refused", 0) for report in reports)
    for report in reports:
        bad += sum(count for name, count in report.get("statuses", {}).items() if name != "OK")
    ctx.exit(1 if failed or bad else 0)


def _text(report: dict[str, Any]) -> str:
    rows = [(name.replace("_", " "), _value(value)) for name, value in report.items() if name != "file"]
    width = max(len(name) for name, _ in rows)
    return "\n".join([str(report["file"]), *(f"  {name:<{width}}  {value}" for name, value in rows)])


def _value(value: Any) -> str:
    if value is None or value in ([], {}):
        return "none"
    if isinstance(value, dict):
        return ", ".join(f"{name} {count:,}" for name, count in value.items())
    if isinstance(value, list) and isinstance(value[0], list):
        return " to ".join(f"({', '.join(f'{number:.2f}' for number in corner)})" for corner in value)
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:,}" if isinstance(value, int) else str(value)
