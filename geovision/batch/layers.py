"""Where each value of a configuration comes from: flags over environment over file over default."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geovision._settings import change, validated
from geovision.batch.config import BatchConfig, RunConfig
from geovision.bounded import read_toml
from geovision.errors import InputError, UsageError

__all__ = ["PREFIX", "Resolved", "load_config", "run_settings"]

PREFIX = "GEOVISION_BATCH_"
_COMMAND = "geovision config show"


@dataclass(frozen=True)
class Resolved:
    """A configuration, and for each dotted key what gave it its value."""

    config: BatchConfig
    origins: dict[str, str]

    def rows(self) -> list[tuple[str, Any, str]]:
        """Key, value and origin, in the order of the schema."""
        values = _flat(self.config.model_dump(mode="json", by_alias=True))
        return [(key, value, self.origins.get(key, "default")) for key, value in values.items()]


def load_config(
    path: str | Path,
    *,
    flags: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Resolved:
    """Read a batch.toml; flags go over the environment, that over the file, that over defaults.

    A variable is named after its key: GEOVISION_BATCH_RUN__WORKERS=4 is run.workers. Values are written as in
    TOML; what is none is text.

    Args:
        path: the TOML file; a scene's and a style's file in it are relative to its folder.
        flags: values by dotted key.
        environ: variables; none are looked at where it is left out.
    """
    thing = f"configuration {path}"
    with _as_usage():
        data = read_toml(path, thing)
    origins = dict.fromkeys(_flat(data), str(path))
    for name, (key, value) in _variables(environ or {}).items():
        change(data, key, value, command=_COMMAND)
        origins |= dict.fromkeys(_flat(value, key), f"environment {name}")
    for key, value in (flags or {}).items():
        change(data, key, value, command=_COMMAND)
        origins |= dict.fromkeys(_flat(value, key), "flag")
    with _as_usage():
        config = validated(BatchConfig, data, thing)
    return Resolved(config.placed(Path(path).resolve().parent), origins)


def run_settings(
    planned: RunConfig, *, flags: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None
) -> RunConfig:
    """How a run goes: what was planned, with changes for this time by flags (`workers`) and environment."""
    data: dict[str, Any] = {"run": planned.model_dump()}
    for key, value in _variables(environ or {}).values():
        if key.startswith("run."):
            change(data, key, value, command="geovision batch run")
    for name, value in (flags or {}).items():
        change(data, f"run.{name.removeprefix('run.')}", value, command="geovision batch run")
    with _as_usage():
        return validated(RunConfig, data["run"], "run settings")


@contextmanager
def _as_usage() -> Iterator[None]:
    """A configuration is what the caller asks for, as flags are: a fault in it ends a command with 2."""
    try:
        yield
    except InputError as error:
        raise UsageError(error.thing, error.problem, error.remedy) from error


def _variables(environ: Mapping[str, str]) -> dict[str, tuple[str, Any]]:
    """Dotted key and value of each variable that is ours."""
    found = {}
    for name in sorted(environ):
        if not name.startswith(PREFIX):
            continue
        key = name.removeprefix(PREFIX).lower().replace("__", ".")
        if not key:
            raise UsageError(f"variable {name}", "names no key", f"Name it {PREFIX}RUN__WORKERS, say")
        found[name] = key, _value(environ[name])
    return found


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _flat(value: Any, key: str = "") -> dict[str, Any]:
    if not isinstance(value, dict) or not value:
        return {key: value} if key else {}
    found: dict[str, Any] = {}
    for name, inner in value.items():
        found |= _flat(inner, f"{key}.{name}" if key else str(name))
    return found
