"""``geovision completion``: the script that a shell sources."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

__all__ = ["command"]


@click.command("completion", short_help="Print the shell completion script.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the completion script of SHELL on stdout.

    \b
    Examples:
      eval "$(geovision completion bash)"
      geovision completion zsh > ~/.zfunc/_geovision
      geovision completion fish > ~/.config/fish/completions/geovision.fish
    """
    completion = get_completion_class(shell)
    assert completion is not None
    click.echo(completion(ctx.find_root().command, {}, "geovision", "_GEOVISION_COMPLETE").source())
