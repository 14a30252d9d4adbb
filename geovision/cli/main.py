"""The command ``geovision``: finds subcommands, turns errors into messages and exit codes."""

from __future__ import annotations

import errno
import gc
import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any

import click

from geovision._version import __version__
from geovision.cli.interrupt import interrupted, remember_interrupts
from geovision.confine import CONFINED, Confinement, NotConfined, confine
from geovision.errors import EnvironmentFault, GeovisionError

__all__ = ["main", "run"]

# Name -> one line of help. Each lives in geovision/cli/<name>.py as `command`, and is imported only when
# it runs: `geovision --help` must not load the kernel, GDAL or pyarrow.
COMMANDS = {
    "build": "Fit buildings and publish them as files that every client opens.",
    "detect": "Find buildings in images, heights or LiDAR: outlines with confidence and height.",
    "batch": "Do thousands of tiles on one machine or many: plan, run, resume, merge, verify.",
    "config": "Say what the configuration of a batch amounts to, and where each value comes from.",
    "generate": "Generate a procedural city, on given footprints or on its own streets.",
    "synth": "Make a synthetic scene: image, heights, LiDAR and footprints, with the truth beside them.",
    "mesh": "Build watertight meshes from building programs.",
    "material": "List and draw the materials of walls and roofs.",
    "fit": "Fit parametric buildings to LiDAR or height rasters.",
    "scene": "Look at sources: what they hold, cover and assume.",
    "train": "Train a network from a configuration.",
    "report": "Write a page that says how a run went: coverage, fit, maps, the worst, times.",
    "validate": "Check files: closed, oriented, planar, labelled, placed.",
    "style": "List, check, show and draw facade styles.",
    "models": "List, show, check and export the networks that find buildings.",
    "info": "Say what is in program files and mesh files.",
    "doctor": "Check this installation and say how to mend it.",
    "completion": "Print the shell completion script.",
}


class LazyGroup(click.Group):
    """A group that imports a subcommand only when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order in which a user meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, imported now."""
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(f"geovision.cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list in ``--help``, from the table alone."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.version_option(__version__, "-V", "--version", prog_name="geovision", message="%(prog)s %(version)s")
@click.option("--debug", is_flag=True, help="Show a traceback with every error.", envvar="GEOVISION_DEBUG")
@click.option(
    "--untrusted",
    is_flag=True,
    help="Run the command in a process without network and with the limits below, and name the file that "
    "ends it: for files from strangers.",
)
@click.option(
    "--max-memory-gb", type=float, default=8.0, show_default=True, metavar="GB", help="Of --untrusted."
)
@click.option(
    "--max-cpu-s", type=float, default=3600.0, show_default=True, metavar="S", help="Of --untrusted."
)
@click.pass_context
def main(ctx: click.Context, debug: bool, untrusted: bool, max_memory_gb: float, max_cpu_s: float) -> None:
    """Building programs in, watertight labelled 3D content out.

    Data goes to stdout, progress and messages to stderr. Exit codes: 0 done, 1 some buildings failed or
    an input was refused, 2 usage, 3 environment, 75 stopped and resumable.

    \b
    Examples:
      geovision generate --area 0,0,800,600 --seed 7 -o out/city
      geovision mesh programs.json -o city.glb
      geovision info city.glb
      geovision --untrusted build delivery/scene.toml -o out/town
    """
    ctx.ensure_object(dict)["debug"] = debug
    given = os.environ.get(CONFINED)
    if given is not None:
        confine(Confinement(*map(float, given.split())))
    elif untrusted:
        raise NotConfined("command", "is to read files that are not trusted")


def _message(text: str) -> None:
    click.echo(f"{click.style('error:', fg='red', bold=True)} {text}", err=True)


def call(args: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Args:
        args: Arguments without the program's name; those of the process by default.
    """
    arguments = list(sys.argv[1:] if args is None else args)
    # Needed before click has parsed anything, because parsing can fail too.
    debug = "--debug" in arguments or bool(os.environ.get("GEOVISION_DEBUG"))
    with remember_interrupts():
        try:
            return _call(arguments, debug)
        except (click.Abort, KeyboardInterrupt):
            pass
        except Exception:
            if debug or not interrupted():
                raise
    _message("interrupted")
    return 130


def _call(arguments: list[str], debug: bool) -> int:
    try:
        result: Any = main.main(arguments, prog_name="geovision", standalone_mode=False)
    except NotConfined:
        return _confined(arguments)
    except MemoryError:
        if debug:
            traceback.print_exc()
        _message("there is not enough memory. Close other programs, or raise --max-memory-gb of --untrusted.")
        return EnvironmentFault.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (OSError, SystemExit) as error:
        return _without_stdout(error)
    except GeovisionError as error:
        if debug:
            traceback.print_exc()
        if interrupted():
            raise
        _message(str(error))
        return error.exit_code
    return result if isinstance(result, int) else 0


def _without_stdout(error: OSError | SystemExit) -> int:
    """Exit code where stdout is closed or full; any other error is raised again.

    Its reader (head, say) had what it wanted, which click turns into a SystemExit. What goes to a file has a
    name, and errors of its own.
    """
    gone = isinstance(error, BrokenPipeError | SystemExit)
    if not gone and not (isinstance(error, OSError) and error.filename is None and error.errno in _FULL):
        raise error
    # Without this, closing stdout fails again at exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if gone:
        return 0
    reason = getattr(error, "strerror", None)
    _message(f"stdout: cannot be written ({reason}). Make room, or send it elsewhere.")
    return EnvironmentFault.exit_code


_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EIO)


def _confined(arguments: list[str]) -> int:
    """Once more, in a child with limits."""
    from geovision.cli.supervise import run_confined

    try:
        context = main.make_context("geovision", list(arguments), resilient_parsing=True)
        limits = Confinement(context.params["max_memory_gb"], context.params["max_cpu_s"])
        return run_confined(arguments, limits)
    except GeovisionError as error:
        _message(str(error))
        return error.exit_code


def run() -> None:
    """Entry point of the console script."""
    # A command ends soon, and little of what it makes refers to itself: looking for that at every turn, and
    # once more at the end over all modules, costs more than it finds.
    gc.set_threshold(50_000, 20, 20)
    code = call()
    gc.freeze()
    sys.exit(code)
