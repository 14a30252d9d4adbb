"""``geovision doctor``: what is installed, what is missing, and the command that mends it."""

from __future__ import annotations

import importlib
import os
import platform
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import click

from geovision._version import __version__
from geovision.cli import options
from geovision.cli.console import emit_json
from geovision.errors import GeovisionError

__all__ = ["Check", "command", "diagnose"]

# Import name -> distribution, where they differ.
REQUIRED = {
    "numpy": "numpy",
    "pydantic": "pydantic",
    "click": "click",
    "rich": "rich",
    "shapely": "shapely",
    "geopandas": "geopandas",
    "pyogrio": "pyogrio",
    "pyproj": "pyproj",
    "pyarrow": "pyarrow",
    "trimesh": "trimesh",
    "PIL": "pillow",
    "onnxruntime": "onnxruntime",
}
# The `train` extra: networks run without it.
OPTIONAL = ("tensorflow", "keras")


@dataclass(frozen=True)
class Check:
    """One line of the report."""

    name: str
    ok: bool
    detail: str
    remedy: str = ""
    optional: bool = False


def _python() -> Check:
    version = platform.python_version()
    ok = (3, 11) <= sys.version_info[:2] <= (3, 13)
    remedy = "" if ok else "PYTHON=python3.12 ./scripts/quickstart.sh"
    return Check("python", ok, f"{version} on {platform.system()} {platform.machine()}", remedy)


def _package() -> Check:
    import geovision

    home = Path(geovision.__file__).resolve().parent
    try:
        installed = metadata.version("geovision")
    except metadata.PackageNotFoundError:
        detail = f"{__version__} is imported from {home} but not installed for {sys.executable}"
        return Check("geovision", False, detail, f"{sys.executable} -m pip install --editable {home.parent}")
    ok = installed == __version__
    detail = __version__ if ok else f"{__version__} is imported, {installed} is installed"
    return Check("geovision", ok, detail, "" if ok else f"{sys.executable} -m pip install --editable .")


def _kernel() -> Check:
    try:
        from geovision import _kernel

        info = _kernel.build_info()
    except GeovisionError as error:
        return Check("kernel", False, error.problem, error.remedy)
    detail = f"{info['version']}, {info['build_type']}, {info['compiler']}"
    if info["sanitizers"]:
        detail += f", sanitizers {info['sanitizers']}"
    if info["build_type"] != "Release":
        return Check("kernel", False, detail + ": not an optimised build", _rebuild())
    if info["version"] != __version__:
        return Check("kernel", False, detail + f": not of this version ({__version__})", _rebuild())
    return Check("kernel", True, detail)


def _rebuild() -> str:
    return f"{sys.executable} -m pip install --no-build-isolation --no-deps --force-reinstall --editable ."


def _solid() -> Check:
    """Builds one house: a kernel that loads but computes wrongly is found here."""
    import geovision

    try:
        roof = geovision.Gabled(ridge_height=8.0)
        part = geovision.Part(shell=((0, 0), (12, 0), (12, 8), (0, 8)), eave_height=5.0, roof=roof)
        volume = geovision.mesh(geovision.Program(id="doctor", parts=(part,)))[0].volume
    except Exception as error:  # whatever goes wrong here is the finding
        return Check("self-test", False, f"{type(error).__name__}: {error}", _rebuild())
    # 12 x 8 x 5 below the eave and half of 12 x 8 x 3 above it.
    ok = abs(volume - 624.0) < 1e-6
    return Check("self-test", ok, f"gabled house of 624 m3 has {volume:.6f} m3", "" if ok else _rebuild())


def _threads() -> Check:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return Check("cores", True, f"{usable} usable")


def _library(module: str, distribution: str, *, optional: bool = False) -> Check:
    remedy = f"{sys.executable} -m pip install {distribution}"
    try:
        version = metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return Check(distribution, optional, "not installed", remedy, optional=optional)
    if optional:
        # Importing TensorFlow takes seconds and proves little.
        return Check(distribution, True, version, optional=True)
    try:
        importlib.import_module(module)
    except Exception as error:  # a broken wheel can raise anything
        detail = f"{version} does not import: {error}"
        return Check(distribution, False, detail, f"{remedy} --force-reinstall")
    return Check(distribution, True, version)


def _gdal() -> Check:
    """GDAL comes inside pyogrio; probed by name, because only `sources` and `formats` may depend on it."""
    remedy = f"{sys.executable} -m pip install --force-reinstall pyogrio"
    try:
        pyogrio = importlib.import_module("pyogrio")
        missing = sorted({"GPKG", "GeoJSON"} - set(pyogrio.list_drivers()))
        version = ".".join(map(str, pyogrio.__gdal_version__))
    except Exception as error:  # a broken wheel can raise anything
        return Check("gdal", False, f"not usable: {error}", remedy)
    if missing:
        return Check("gdal", False, f"{version} has no driver for {', '.join(missing)}", remedy)
    return Check("gdal", True, version)


def diagnose() -> list[Check]:
    """All checks, in the order in which a fault should be mended."""
    checks: list[Callable[[], Check]] = [_python, _package, _kernel, _threads]
    report = [check() for check in checks]
    report += [_library(module, name) for module, name in REQUIRED.items()]
    report += [_gdal(), _solid()]
    report += [_library(name, name, optional=True) for name in OPTIONAL]
    return report


@click.command("doctor", short_help="Check this installation.")
@options.json_option
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """Check this installation: versions, the kernel's build, what is missing and the command that mends it.

    The exit code is 3 where something that geovision needs is missing or broken.

    \b
    Examples:
      geovision doctor
      geovision doctor --json | jq '.checks[] | select(.ok | not)'
    """
    report = diagnose()
    healthy = all(check.ok for check in report)
    if as_json:
        emit_json({"ok": healthy, "checks": [asdict(check) for check in report]})
    else:
        _print(report)
    ctx.exit(0 if healthy else 3)


def _print(report: list[Check]) -> None:
    width = max(len(check.name) for check in report)
    for check in report:
        state: Any = "ok" if check.ok else "FAULT"
        if check.optional and check.remedy:
            state = "-"
        click.echo(f"{state:<5}  {check.name:<{width}}  {check.detail}")
        if check.remedy:
            click.echo(f"{'':5}  {'':{width}}  {'optional' if check.optional else 'mend'}: {check.remedy}")
    faults = sum(not check.ok for check in report)
    click.echo("no faults" if not faults else f"{faults} faults")
