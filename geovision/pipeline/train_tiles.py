"""Folders of training tiles: from the synthetic stream, and from real places."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from geovision.pipeline.synth import stream
from geovision.vision.data.store import TileStore
from geovision.vision.data.tile import Tile, tile_of_patch

__all__ = ["real_tiles", "synthetic_tiles"]


def synthetic_tiles(
    folder: str | Path,
    count: int,
    *,
    style: str = "mixed",
    seed: int = 0,
    size: int = 384,
    cell_m: float = 0.3,
    changes: Mapping[str, Any] | None = None,
    threads: int = 0,
    workers: int = 0,
    progress: Callable[[int], None] = lambda done: None,
) -> TileStore:
    """Tiles of made-up places, each from a scene of its own; a run that was cut off goes on.

    Args:
        folder: to make them in.
        count: how many.
        style: as for `stream`, and so are the next four.
        seed: another seed, other places.
        size: rows and columns of a tile.
        cell_m: cell size.
        changes: knobs of the style to change.
        threads: 0 for all cores.
        workers: processes that make tiles side by side; 0 makes them here.
        progress: called with the number of tiles that are there.
    """
    about = {"style": style, "seed": seed, "size": size, "cell_m": cell_m, "changes": dict(changes or {})}

    make = functools.partial(
        _synthetic, style=style, seed=seed, size=size, cell_m=cell_m, changes=changes, threads=threads
    )
    names = [f"{number:06d}" for number in range(count)]
    return TileStore.fill(folder, {"synthetic": about}, names, make, progress, workers)


def _synthetic(name: str, *, cell_m: float, **options: Any) -> Tile:
    patch = next(stream(cell_m=cell_m, start=int(name), **options))
    return tile_of_patch(cell_m, patch.image, patch.dsm, patch.dtm, patch.labels, patch.roads)


def real_tiles(
    folder: str | Path, places: Sequence[Any], *, progress: Callable[[int], None] = lambda done: None
) -> TileStore:
    """Tiles of real places (`geovision.vision.data.real.Place`), one each."""
    by_name = {place.name: place for place in places}
    about = {"places": {p.name: {"cell_m": p.cell_m, "part": list(p.part)} for p in places}}
    return TileStore.fill(folder, about, list(by_name), lambda name: by_name[name].tile(), progress)
