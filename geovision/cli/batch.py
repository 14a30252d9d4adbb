"""``geovision batch``: thousands of tiles, planned, run, resumed, merged."""

from __future__ import annotations

import importlib

import click

__all__ = ["command"]

_COMMANDS = {
    "plan": "Work out tiles, what each depends on and what all will take.",
    "run": "Do every tile that is not done; goes on after any end.",
    "status": "Say where a run stands, and which tiles failed and why.",
    "retry": "Let tiles that failed be tried again.",
    "merge": "Join the tiles in one folder, as geovision build writes it.",
    "verify": "Check every file of every tile against its checksum.",
    "tile": "Do one tile here, to see what happens.",
}


class _Group(click.Group):
    """Imports a subcommand only when it is called, so that help stays fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        home = "geovision.cli.batch_run" if cmd_name in ("plan", "run") else "geovision.cli.batch_tools"
        found = getattr(importlib.import_module(home), cmd_name)
        assert isinstance(found, click.Command)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.command("batch", cls=_Group, short_help="Thousands of tiles: plan, run, resume, merge, verify.")
def command() -> None:
    """Do thousands of tiles on one machine or many; a run that was killed goes on when it is started again.

    Exit codes: 0 all tiles done, 1 some failed, 2 usage, 3 environment, 75 stopped and resumable.

    \b
    Examples:
      geovision batch plan county.toml -o run/
      geovision batch run run/ --workers 8
      geovision batch run run/ --shard 3/64
      geovision batch status run/
      geovision batch merge run/
    """
