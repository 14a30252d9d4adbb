"""``geovision config``: what a configuration amounts to."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click

from geovision.cli import options
from geovision.cli.console import emit_json

__all__ = ["command"]


@click.group("config", short_help="Say what a configuration amounts to, and where each value comes from.")
def command() -> None:
    """Say what a configuration amounts to.

    \b
    Examples:
      geovision config show county.toml
      geovision config show --help
    """


@command.command("show")
@click.argument("config", type=click.Path(path_type=Path))
@options.changes("Change a value, as the command that runs it would; may be repeated.")
@options.json_option
def show(config: Path, changes: dict[str, Any], as_json: bool) -> None:
    """List every value of CONFIG, the TOML file of a batch, with what gave it.

    Flags go over the environment, that over the file, that over defaults. A variable is named after its key:
    GEOVISION_BATCH_RUN__WORKERS is run.workers.

    \b
    Examples:
      geovision config show county.toml
      GEOVISION_BATCH_TILE_M=250 geovision config show county.toml --set run.workers=4
      geovision config show county.toml --json | jq '."run.workers".from'
    """
    from geovision.batch.layers import load_config

    rows = load_config(config, flags=changes, environ=os.environ).rows()
    if as_json:
        emit_json({key: {"value": value, "from": origin} for key, value, origin in rows})
        return
    texts = [(key, json.dumps(value, ensure_ascii=False), origin) for key, value, origin in rows]
    wide = max(len(key) for key, _, _ in texts)
    long = max(len(value) for _, value, _ in texts)
    for key, value, origin in texts:
        click.echo(f"{key:<{wide}}  {value:<{long}}  {origin}")
