"""`scene.toml`: what a scene is made of, checked key by key; and the same as a Python object."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from geovision.bounded import read_toml
from geovision.errors import InputError, UsageError, redacted
from geovision.sources.limits import Limits
from geovision.sources.names import check_name, check_root
from geovision.sources.raster_open import local_path
from geovision.sources.remote_files import is_uri

__all__ = [
    "SCHEMA",
    "Allow",
    "SceneSpec",
    "Source",
    "expand_paths",
    "load_scene_file",
    "make_spec",
    "relative_to",
    "within",
]

SCHEMA = "geovision.scene/1"


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class Source(_Table):
    """Files (or things in memory) of one role, with what they do not say themselves."""

    files: tuple[Any, ...]
    """Paths, globs, folders, URIs; from Python also rasters, point blocks and GeoDataFrames."""
    crs: str | None = None
    """CRS of those that state none."""
    bands: tuple[str, ...] = ()
    """Names of the bands of an image: red, green, blue, nir, or any other."""
    nodata: float | None = None
    """Value that means nothing is there, where the file does not declare it or declares a wrong one."""
    vertical_unit: Literal["", "metre", "foot", "us-foot"] = ""
    """Unit of heights, where the file does not say it or says it wrongly."""
    layer: str | None = None
    """Layer of a vector file."""

    @field_validator("files", mode="before")
    @classmethod
    def _several(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, (list, tuple)) else (value,)


class Allow(_Table):
    """What is off unless asked for."""

    vrt: bool = False
    """VRT files, which can name any other file."""
    network: bool = False
    """URIs: s3://, gs://, az://, http://, https://."""
    untrusted: bool = False
    """The files come from strangers: a process reads them that has limits and no network, or none does."""
    roots: tuple[str, ...] = ()
    """Folders below which all local files must lie, links followed; by default any file may be read."""


class SceneSpec(_Table):
    """A scene before it is opened. Where its sources are files it is small, and a worker can open it."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, arbitrary_types_allowed=True
    )

    ROLES: ClassVar[tuple[str, ...]] = ("image", "dsm", "dtm", "ndsm", "points", "footprints", "streets")
    schema_: Literal["geovision.scene/1"] = Field("geovision.scene/1", alias="schema")
    crs: str | None = None
    """CRS of every source that states none."""
    target_crs: str | None = None
    """CRS of the scene; by default chosen by rule (docs/scenes.md)."""
    layer: str | None = None
    """Layer of the footprints, where they are not a table of their own."""
    sources: tuple[Any, ...] = ()
    """Files and folders whose role is to be recognised."""
    image: Source | None = None
    dsm: Source | None = None
    dtm: Source | None = None
    ndsm: Source | None = None
    points: Source | None = None
    footprints: Source | None = None
    streets: Source | None = None
    """Lines that doors open to; for facades."""
    allow: Allow = Allow()
    limits: dict[str, int] = {}
    cache_mb: int = Field(128, ge=1, le=1 << 20)
    """Memory for decoded blocks of raster files."""

    @field_validator(*ROLES, mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        """`dsm = "dsm.tif"` is short for a table with files."""
        if value is None or isinstance(value, (Source, dict)):
            return value
        return {"files": value}

    @field_validator("sources", mode="before")
    @classmethod
    def _several(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, (list, tuple)) else (value,)

    @field_validator("limits")
    @classmethod
    def _known(cls, value: dict[str, int]) -> dict[str, int]:
        Limits.of(value)
        return value

    @model_validator(mode="after")
    def _options_that_apply(self) -> SceneSpec:
        """An option that a role would not heed is refused, not ignored."""
        for role in self.ROLES:
            source = self.role(role)
            for option in ("bands", "nodata", "vertical_unit", "layer"):
                given = source is not None and getattr(source, option) not in (None, "", ())
                if given and role not in _APPLIES[option]:
                    raise ValueError(
                        f"{option} does not apply to {role}; it goes with {', '.join(_APPLIES[option])}"
                    )
        return self

    def role(self, name: str) -> Source | None:
        """The source of a role."""
        found: Source | None = getattr(self, name)
        return found

    def local_files(self) -> list[str]:
        """Paths, globs and folders of all roles, as they were given."""
        sources = (getattr(self, name) for name in type(self).model_fields)
        names = [name for source in sources if isinstance(source, Source) for name in source.files]
        paths = [os.fspath(name) for name in names if isinstance(name, str | os.PathLike)]
        return [path for path in paths if not is_uri(path)]


_APPLIES = {
    "bands": ("image",),
    "nodata": ("image", "dsm", "dtm", "ndsm"),
    "vertical_unit": ("dsm", "dtm", "ndsm"),
    "layer": ("footprints", "streets"),
}


def load_scene_file(path: str | Path) -> SceneSpec:
    """Read a scene.toml; paths in it are relative to its folder."""
    path = Path(path)
    with within(path):
        spec = make_spec(read_toml(path, f"scene {path}"), f"scene {path}")
    return relative_to(spec, path.parent)


@contextmanager
def within(path: str | Path) -> Iterator[None]:
    """Errors of what a scene.toml says name it: a CRS or a limit knows only its own name."""
    thing = f"scene {path}"
    try:
        yield
    except (InputError, UsageError) as error:
        if error.thing.startswith(redacted(thing)):
            raise
        raise type(error)(f"{thing}, {error.thing}", error.problem, error.remedy) from error


def make_spec(data: dict[str, Any], thing: str) -> SceneSpec:
    """A checked description; an error names the key and the nearest one that exists."""
    try:
        return SceneSpec.model_validate(data)
    except ValidationError as error:
        found = error.errors()
        # A key that is misspelt is also missing: what was typed says more.
        first = next((item for item in found if item["type"] == "extra_forbidden"), found[0])
        steps = [str(step) for step in first["loc"]]
        problem, remedy = first["msg"].removeprefix("Value error, "), "See docs/scenes.md for the keys"
        if first["type"] == "extra_forbidden":
            table: type[BaseModel] = (
                SceneSpec if len(steps) == 1 else Allow if steps[0] == "allow" else Source
            )
            names = [field.alias or name for name, field in table.model_fields.items()]
            close = difflib.get_close_matches(steps[-1], names, 1)
            problem = "is not a known key"
            remedy = (
                f"Did you mean {close[0]!r}? Else remove it" if close else f"Use one of {', '.join(names)}"
            )
        where = f"{thing}, key {'.'.join(steps)!r}" if steps else thing
        raise InputError(where, problem, remedy) from error


def relative_to(spec: SceneSpec, folder: Path) -> SceneSpec:
    """The description with paths taken from a folder, where they are not whole."""

    def place(item: Any) -> Any:
        return item if not isinstance(item, str) or is_uri(item) else str(folder / Path(item).expanduser())

    roots = tuple(map(place, spec.allow.roots))
    changes: dict[str, Any] = {
        "sources": tuple(map(place, spec.sources)),
        "allow": spec.allow.model_copy(update={"roots": roots}),
    }
    for name in spec.ROLES:
        source = spec.role(name)
        if source is not None:
            changes[name] = source.model_copy(update={"files": tuple(map(place, source.files))})
    return spec.model_copy(update=changes)


def expand_paths(
    values: Sequence[Any], suffixes: frozenset[str], role: str, roots: Sequence[str] = ()
) -> list[Any]:
    """Globs and folders put in full, in the order of their names; what is not text stays as it is.

    A folder stands for the files in it that end in one of `suffixes`, or for itself where it is a pyramid
    of image tiles. Paths have to lie below one of the roots, where there are some.
    """
    found = _expanded(values, suffixes, role)
    for value in found:
        if isinstance(value, str) and not is_uri(value):
            check_root(value, roots, f"{role} {value}")
    return found


def _expanded(values: Sequence[Any], suffixes: frozenset[str], role: str) -> list[Any]:
    found: list[Any] = []
    for value in values:
        if not isinstance(value, (str, Path)):
            found.append(value)
            continue
        text = local_path(value)
        check_name(text, role)
        if is_uri(text):
            found.append(text)
        elif Path(text).is_dir():
            found += _folder(Path(text), suffixes, role)
        elif Path(text).exists() or not _MAGIC.search(text):
            found.append(text)
        else:
            matches = _matches(text)
            if not matches:
                raise InputError(f"{role} {text}", "no file has such a name", "Check the pattern")
            found += matches
    return found


_MAGIC = re.compile(r"[*?\[]")


def _matches(pattern: str) -> list[str]:
    """Paths that fit a glob, `**` included, in order."""
    path = Path(pattern)
    fixed = next(i for i, part in enumerate(path.parts) if _MAGIC.search(part))
    return sorted(map(str, Path(*path.parts[:fixed]).glob(str(Path(*path.parts[fixed:])))))


def _folder(folder: Path, suffixes: frozenset[str], role: str) -> list[str]:
    from geovision.sources.raster_tiles import is_pyramid
    from geovision.sources.tile_archives import is_tile_folder

    if is_pyramid(folder) or is_tile_folder(folder):
        return [str(folder)]
    inside = sorted(folder.iterdir())
    files = [str(item) for item in inside if item.is_file() and item.suffix.lower() in suffixes]
    pyramids = [str(item) for item in inside if item.is_dir() and is_pyramid(item)]
    if not files and not pyramids:
        raise InputError(
            f"{role} {folder}",
            f"the folder holds no file that ends in {', '.join(sorted(suffixes))}",
            "Check the path",
        )
    return files + pyramids
