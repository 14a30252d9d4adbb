"""LiDAR points from LAS, LAZ and COPC files, read by window with bounded memory."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from geovision.errors import InputError, UsageError
from geovision.sources.crs import crs_name
from geovision.sources.grid import Bounds, union
from geovision.sources.limits import Limits
from geovision.sources.names import check_name
from geovision.sources.point_block import PointBlock
from geovision.sources.point_file import SUFFIXES, ChunkCache, PointFile, Wanted
from geovision.sources.remote_files import check_uri, is_uri

__all__ = ["PointFiles", "open_points"]

_FLAGS = {"synthetic": 1, "withheld": 4, "overlap": 8}
_NOISE = (7, 18)
_CACHE_BYTES = 256 << 20


@dataclass(frozen=True)
class PointFiles:
    """Points of one or many files in one CRS. Picklable: workers open the files again by themselves."""

    files: tuple[PointFile, ...]
    crs: str | None
    """Horizontal CRS; None where no file states one and none was given."""
    notes: tuple[str, ...] = ()
    """What was assumed, as sentences."""
    limits: Limits = field(default_factory=Limits)

    @property
    def count(self) -> int:
        """Points that the headers promise, unwanted ones included."""
        return sum(file.count for file in self.files)

    @property
    def bounds(self) -> Bounds | None:
        """West, south, east, north of all files together; None where there are no points."""
        found = [bounds for file in self.files if (bounds := file.bounds) is not None]
        whole = found[0] if found else None
        for bounds in found[1:]:
            whole = bounds if whole is None else union(whole, bounds)
        return whole

    @cached_property
    def classes(self) -> frozenset[int]:
        """Classes that occur in a fixed sample: the first, middle and last chunk of every file."""
        return frozenset[int]().union(*(file.classes() for file in self.files))

    def read(self, bounds: Sequence[float] | None = None, *, spacing_m: float | None = None) -> PointBlock:
        """The points of a window: west, south, east, north, the last two not included.

        Only chunks that meet the window are decoded. `spacing_m` asks a COPC file for no more than one point
        in about that distance; other files give all of theirs.
        """
        window = None if bounds is None else _window(bounds)
        blocks: list[PointBlock] = []
        total = 0
        for file in self.files:
            if window is not None and not file.meets(window):
                continue
            for block in file.blocks(window, spacing_m):
                total += len(block)
                self.limits.check("window_points", total, f"window of points {file.name}")
                blocks.append(block)
        return replace(PointBlock.join(blocks), classes=self.classes)

    def chunks(self) -> Iterator[PointBlock]:
        """All points, one chunk at a time: memory stays that of a chunk."""
        for file in self.files:
            yield from file.blocks()


def open_points(
    paths: str | Path | Iterable[str | Path],
    *,
    crs: str | None = None,
    drop: Collection[str] = ("withheld", "noise"),
    limits: Limits | None = None,
    allow_network: bool = False,
) -> PointFiles:
    """Open LAS, LAZ or COPC files; folders stand for the files in them.

    Headers are read and checked now, points when they are asked for. Heights come in metres whatever the
    file's vertical unit.

    Args:
        paths: one file, a folder, a URI, or many of these.
        crs: CRS of files that state none, for example "EPSG:28992".
        drop: points to leave out: "withheld", "noise" (classes 7 and 18), "synthetic", "overlap".
        limits: upper bounds on what files may hold.
        allow_network: read URIs such as s3:// and https://; without it nothing is fetched.
    """
    unknown = set(drop) - {*_FLAGS, "noise"}
    if unknown:
        raise UsageError(
            f"drop {sorted(unknown)}", "is not known", f"Use some of {', '.join(sorted([*_FLAGS, 'noise']))}"
        )
    limits = limits or Limits()
    wanted = Wanted(sum(_FLAGS.get(name, 0) for name in drop), _NOISE if "noise" in drop else ())
    cache = ChunkCache(_CACHE_BYTES)
    names = _expand(paths, allow_network)
    limits.check("files", len(names), "points")
    files = tuple(PointFile(name, crs, wanted, cache, limits) for name in names)
    notes = tuple(note for file in files for note in file.notes)
    return PointFiles(files, _common_crs(files), notes, limits)


def _window(bounds: Sequence[float]) -> Bounds:
    values = [float(value) for value in bounds]
    if len(values) == 4 and np.isfinite(values).all():
        window = Bounds(*values)
        if window.width >= 0 and window.height >= 0:
            return window
    raise UsageError(f"bounds {tuple(bounds)}", "are no window", "Give west, south, east, north")


def _expand(paths: str | Path | Iterable[str | Path], allow_network: bool) -> list[str]:
    given = [paths] if isinstance(paths, (str, Path)) else list(paths)
    if not given:
        raise UsageError("points", "no file was given", "Name a .las or .laz file, or a folder of them")
    found: list[str] = []
    for item in map(str, given):
        check_name(item, "points")
        if is_uri(item):
            check_uri(item, f"points {item}", allow_network=allow_network)
            found.append(item)
        elif Path(item).is_dir():
            inside = sorted(path for path in Path(item).iterdir() if path.suffix.lower() in SUFFIXES)
            if not inside:
                raise InputError(f"points {item}", "the folder holds no .las or .laz file", "Check the path")
            found += map(str, inside)
        else:
            found.append(item)
    return found


def _common_crs(files: Sequence[PointFile]) -> str | None:
    first = files[0]
    for file in files[1:]:
        if file.frame.crs != first.frame.crs:
            names = [crs_name(item.frame.crs) or "no CRS" for item in (file, first)]
            raise InputError(
                f"points {file.name}",
                f"is in {names[0]}, but {first.name} is in {names[1]}",
                "Open files of one CRS together, or give the CRS of those that state none (--crs)",
            )
    return crs_name(first.frame.crs)
