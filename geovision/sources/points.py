"""LiDAR points from LAS, LAZ and COPC files, read by window with bounded memory."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from geovision.errors import InputError, UsageError
from geovision.sources.point_block import PointBlock
from geovision.sources.point_file import SUFFIXES, ChunkCache, PointFile, Wanted

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

    @property
    def count(self) -> int:
        """Points that the headers promise, unwanted ones included."""
        return sum(file.count for file in self.files)

    @property
    def bounds(self) -> tuple[float, float, float, float] | None:
        """West, south, east, north of all files together; None where there are no points."""
        found = [file.bounds for file in self.files if file.count]
        if not found:
            return None
        west, south, east, north = np.array(found).T
        return float(west.min()), float(south.min()), float(east.max()), float(north.max())

    @cached_property
    def classes(self) -> frozenset[int]:
        """Classes that occur. The first use reads every file once (of COPC files, only the top)."""
        found = sum((file.index.classes for file in self.files), np.zeros(256, np.int64))
        return frozenset(int(code) for code in np.flatnonzero(found))

    def read(self, bounds: Sequence[float] | None = None, *, spacing_m: float | None = None) -> PointBlock:
        """The points of a window: west, south, east, north, the last two not included.

        Only chunks that meet the window are decoded. `spacing_m` asks a COPC file for no more than one point
        in about that distance; other files give all of theirs.
        """
        window = _window(bounds)
        blocks = [block for file in self._meeting(window) for block in file.blocks(window, spacing_m)]
        return replace(PointBlock.join(blocks), classes=self.classes)

    def chunks(self) -> Iterator[PointBlock]:
        """All points, one chunk at a time: memory stays that of a chunk."""
        for file in self.files:
            yield from file.blocks()

    def _meeting(self, window: tuple[float, float, float, float] | None) -> list[PointFile]:
        if window is None:
            return list(self.files)
        west, south, east, north = window
        return [
            file
            for file in self.files
            if file.bounds[0] < east
            and file.bounds[2] >= west
            and file.bounds[1] < north
            and file.bounds[3] >= south
        ]


def open_points(
    paths: str | Path | Iterable[str | Path],
    *,
    crs: str | None = None,
    drop: Collection[str] = ("withheld", "noise"),
) -> PointFiles:
    """Open LAS, LAZ or COPC files; folders stand for the files in them.

    Headers are read and checked now, points when they are asked for. Heights come in metres whatever the
    file's vertical unit.

    Args:
        paths: one file, a folder, or many of both.
        crs: CRS of files that state none, for example "EPSG:28992".
        drop: points to leave out: "withheld", "noise" (classes 7 and 18), "synthetic", "overlap".
    """
    unknown = set(drop) - {*_FLAGS, "noise"}
    if unknown:
        raise UsageError(
            f"drop {sorted(unknown)}", "is not known", f"Use some of {', '.join(sorted([*_FLAGS, 'noise']))}"
        )
    wanted = Wanted(sum(_FLAGS.get(name, 0) for name in drop), _NOISE if "noise" in drop else ())
    cache = ChunkCache(_CACHE_BYTES)
    files = tuple(PointFile(path, crs, wanted, cache) for path in _expand(paths))
    return PointFiles(files, _common_crs(files), tuple(note for file in files for note in file.notes))


def _window(bounds: Sequence[float] | None) -> tuple[float, float, float, float] | None:
    if bounds is None:
        return None
    west, south, east, north = (float(value) for value in bounds)
    if not (np.isfinite([west, south, east, north]).all() and west <= east and south <= north):
        raise UsageError(f"bounds {tuple(bounds)}", "are no window", "Give west, south, east, north")
    return west, south, east, north


def _expand(paths: str | Path | Iterable[str | Path]) -> list[Path]:
    given = [paths] if isinstance(paths, (str, Path)) else list(paths)
    if not given:
        raise UsageError("points", "no file was given", "Name a .las or .laz file, or a folder of them")
    found: list[Path] = []
    for item in map(Path, given):
        if item.is_dir():
            inside = sorted(path for path in item.iterdir() if path.suffix.lower() in SUFFIXES)
            if not inside:
                raise InputError(f"points {item}", "the folder holds no .las or .laz file", "Check the path")
            found += inside
        else:
            found.append(item)
    return found


def _common_crs(files: Sequence[PointFile]) -> str | None:
    stated = {file.frame.crs: file for file in files}
    if len(stated) > 1:
        (first, a), (second, b) = list(stated.items())[:2]
        names = [crs.name if crs is not None else "no CRS" for crs in (first, second)]
        raise InputError(
            f"points {b.name}",
            f"is in {names[1]}, but {a.name} is in {names[0]}",
            "Open files of one CRS together, or give the CRS of those that state none (--crs)",
        )
    crs = next(iter(stated))
    if crs is None:
        return None
    authority = crs.to_authority(min_confidence=70)
    return ":".join(authority) if authority else str(crs.to_wkt())
