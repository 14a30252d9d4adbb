"""`Plan`: all tasks of a run and all that decides their bytes, a JSON file that is never changed in place."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from geovision.batch.config import BatchConfig
from geovision.errors import InputError

if TYPE_CHECKING:
    from geovision.batch.run_folder import Shard

__all__ = ["PLAN_SCHEMA", "Plan", "Task", "content_hash", "load_plan", "save_plan"]

PLAN_SCHEMA = "geovision.batch.plan/1"
_TILE_COST = 2.0
"""What a tile takes beside its buildings, in buildings."""
_COLUMNS = ("column", "row", "buildings", "bytes", "digest")


@dataclass(frozen=True)
class Task:
    """One tile to do: small, of plain values, for a worker anywhere."""

    index: int
    """Place in the plan."""
    key: str
    digest: str
    bounds: tuple[float, float, float, float]
    buildings: int
    number: int = 0
    """Of the attempt."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return vars(self) | {"bounds": list(self.bounds)}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Task:
        """The inverse."""
        return cls(**{**plain, "bounds": tuple(plain["bounds"])})


@dataclass(frozen=True)
class Plan:
    """What a run does. Everything is plain values."""

    version: str
    """Of geovision."""
    config: BatchConfig
    job: str
    """What is done with a tile: build."""
    crs: str
    """Of the tiles and results; WKT where it has no name."""
    head: Mapping[str, Any]
    """What a worker needs beside the tile: sources, facts of the scene, networks with hash and runtime."""
    sources: tuple[Mapping[str, Any], ...]
    """Files with their fingerprints: name, role, size, time, sha256."""
    estimate: Mapping[str, Any]
    """Buildings, bytes and seconds that the run is thought to take."""
    tiles: Mapping[str, list[Any]]
    """By column: column, row, buildings, bytes, digest."""
    notes: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    """Footprints that cannot be used."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What was found out and is shown: detection, preflight."""

    def __len__(self) -> int:
        return len(self.tiles["column"])

    def key(self, index: int) -> str:
        """Column and row of a tile, as in 170_893."""
        return f"{self.tiles['column'][index]}_{self.tiles['row'][index]}"

    def task(self, index: int, number: int = 0) -> Task:
        """A tile as what an executor takes."""
        column, row, size = self.tiles["column"][index], self.tiles["row"][index], self.config.tile_m
        bounds = (column * size, row * size, column * size + size, row * size + size)
        digest, buildings = self.tiles["digest"][index], self.tiles["buildings"][index]
        return Task(index, self.key(index), digest, bounds, buildings, number)

    def tasks(self) -> Iterator[Task]:
        """All tiles, in the order of the plan."""
        return map(self.task, range(len(self)))

    def index_of(self, key: str) -> int:
        """Place of a tile; an `InputError` where the plan has none of that name."""
        if key not in self._places:
            raise InputError(
                f"tile {key!r}",
                "is not in the plan",
                "See them: geovision batch status RUN --export tiles.parquet",
            )
        return self._places[key]

    @cached_property
    def _places(self) -> dict[str, int]:
        return {self.key(index): index for index in range(len(self))}

    def digests(self) -> dict[str, str]:
        """Digest by key."""
        return {self.key(index): digest for index, digest in enumerate(self.tiles["digest"])}

    @cached_property
    def id(self) -> str:
        """Hash of what decides bytes: equal plans have the same."""
        return content_hash([self.version, self.job, self.crs, dict(self.head), self.tiles["digest"]])[:16]

    def shard(self, shard: Shard | None) -> range:
        """Tiles of a shard: neighbours, so that they share reading, in parts of about the same work."""
        if shard is None:
            return range(len(self))
        first = last = 0
        done, total = 0.0, sum(self.tiles["buildings"]) + _TILE_COST * len(self)
        for buildings in self.tiles["buildings"]:
            middle = (done + (buildings + _TILE_COST) / 2) / total * shard.of
            first += middle < shard.number - 1
            last += middle < shard.number
            done += buildings + _TILE_COST
        return range(first, last)

    def worker_head(self) -> dict[str, Any]:
        """What a worker gets once, before any tile."""
        return {
            "plan": self.id,
            "version": self.version,
            "job": self.job,
            "crs": self.crs,
            "build": self.config.build.model_dump(mode="json"),
            **self.head,
        }


def content_hash(value: Any) -> str:
    """SHA-256 of plain values, whatever the order of keys.

    >>> content_hash({"a": 1, "b": 2}) == content_hash({"b": 2, "a": 1})
    True
    """
    text = json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def save_plan(path: Path, plan: Plan) -> None:
    """Write a plan; an earlier one is replaced in one step."""
    from geovision.formats.atomic import atomic_write

    plain = {
        "schema": PLAN_SCHEMA,
        "plan": plan.id,
        "version": plan.version,
        "job": plan.job,
        "crs": plan.crs,
        "config": plan.config.model_dump(mode="json", by_alias=True),
        "head": dict(plan.head),
        "sources": [dict(source) for source in plan.sources],
        "estimate": dict(plan.estimate),
        "facts": dict(plan.facts),
        "notes": list(plan.notes),
        "problems": list(plan.problems),
        "tiles": dict(plan.tiles),
    }
    # A line for each key: long columns stay readable for people who look for the rest.
    lines = [f"{json.dumps(name)}: {json.dumps(value, allow_nan=False)}" for name, value in plain.items()]
    with atomic_write(path) as file:
        file.write(("{\n" + ",\n".join(lines) + "\n}\n").encode())


def load_plan(path: Path) -> Plan:
    """Read a plan, and see that it is whole and of this version of the format."""
    thing = f"plan {path}"
    try:
        plain = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(thing, f"cannot be read ({error})", "Plan again") from error
    found = plain.get("schema") if isinstance(plain, dict) else None
    if found != PLAN_SCHEMA:
        raise InputError(thing, f"is no plan of this version ({found!r})", "Plan again with this geovision")
    try:
        plan = Plan(
            version=plain["version"],
            config=BatchConfig.model_validate(plain["config"]),
            job=plain["job"],
            crs=plain["crs"],
            head=plain["head"],
            sources=tuple(plain["sources"]),
            estimate=plain["estimate"],
            tiles={name: plain["tiles"][name] for name in _COLUMNS},
            notes=tuple(plain["notes"]),
            problems=tuple(plain["problems"]),
            facts=plain["facts"],
        )
        whole = plan.id == plain["plan"] and len({len(column) for column in plan.tiles.values()}) == 1
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(thing, f"is damaged ({error})", "Plan again") from error
    if not whole:
        raise InputError(thing, "was changed after it was made", "Change the configuration, and plan again")
    return plan
