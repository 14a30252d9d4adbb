"""`TileStore`: tiles in a folder, one file of plain arrays each, made once and read many times."""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from geovision.bounded import parse_json, read_bytes
from geovision.errors import InputError, short
from geovision.formats.atomic import atomic_write
from geovision.vision.data.tile import Tile
from geovision.vision.plain_arrays import read_plain_arrays

__all__ = ["TileStore"]

_FORMAT = 1
_INDEX = "tiles.json"
_INDEX_BYTES = 256 << 20
_NAME = re.compile(r"[^/\0]{1,200}")


class TileStore:
    """A folder of tiles. A tile's number is its place in the list; files are read when they are needed.

    >>> import tempfile
    >>> from geovision.vision.data.tile import tile_of_rasters
    >>> tile = tile_of_rasters(np.full((8, 8), -1, np.int32), 0.5)
    >>> store = TileStore.fill(tempfile.mkdtemp(), {"what": "nothing"}, ["a"], lambda name: tile)
    >>> len(store), store[0].cell_m, store.about["what"]
    (1, 0.5, 'nothing')
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        path = self.folder / _INDEX
        if not path.is_file():
            fix = "Make it with scripts/train_small.sh, or name the folder that it made"
            raise InputError(str(path), "is not there: this is no finished folder of tiles", fix)
        index = _read_index(path)
        self.about: dict[str, Any] = index["about"]
        """What the tiles were made from."""
        self.names: list[str] = index["names"]
        self.hashes: list[str] = index["sha256"]
        self.sizes: list[tuple[int, int]] = [(rows, columns) for rows, columns in index["sizes"]]
        """Rows and columns of each tile."""

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, number: int) -> Tile:
        return _read(self.folder / f"{self.names[number]}.npz")

    def __iter__(self) -> Iterator[Tile]:
        return (self[number] for number in range(len(self)))

    def digest(self) -> str:
        """SHA-256 over all tiles."""
        return hashlib.sha256("".join(self.hashes).encode()).hexdigest()

    @classmethod
    def fill(
        cls,
        folder: str | Path,
        about: dict[str, Any],
        names: Iterable[str],
        make: Callable[[str], Tile],
        progress: Callable[[int], None] = lambda done: None,
        workers: int = 0,
    ) -> TileStore:
        """Make every tile that is not there yet, then the index; a run that was cut off goes on.

        What `about` says decides the tiles: with another `about` the folder is refused. With `workers`, so
        many processes make them side by side, which have to be able to import `make`.
        """
        place = Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        _same_plan(place, about)
        index: dict[str, Any] = {"format": _FORMAT, "about": about, "names": list(names)}
        hashes, sizes = [], []
        paths = [place / f"{name}.npz" for name in index["names"]]
        for number, path in enumerate(_made(paths, make, workers)):
            hashes.append(hashlib.sha256(path.read_bytes()).hexdigest())
            sizes.append(_read(path).ids.shape)
            progress(number + 1)
        _write_json(place / _INDEX, index | {"sha256": hashes, "sizes": sizes})
        return cls(place)


def _made(paths: Sequence[Path], make: Callable[[str], Tile], workers: int) -> Iterator[Path]:
    """The files of tiles in their order, each once it is there."""
    if not workers:
        yield from (_make(path, make) for path in paths)
        return
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        yield from pool.map(_make, paths, repeat(make))


def _make(path: Path, make: Callable[[str], Tile]) -> Path:
    if not path.is_file():
        _write(path, make(path.stem))
    return path


def _read_index(path: Path) -> dict[str, Any]:
    """The index of a folder, whose lists are as long as each other; names lead nowhere else."""
    remedy = "Make the tiles anew"
    index = parse_json(read_bytes(path, _INDEX_BYTES, str(path), remedy), str(path), remedy)
    if not isinstance(index, dict) or index.get("format") != _FORMAT:
        found = index.get("format") if isinstance(index, dict) else None
        problem = f"has format {short(found)}; this version reads {_FORMAT}"
        raise InputError(str(path), problem, remedy)
    names, hashes, sizes = (index.get(key) for key in ("names", "sha256", "sizes"))
    sound = (
        isinstance(index.get("about"), dict)
        and isinstance(names, list)
        and isinstance(hashes, list)
        and isinstance(sizes, list)
        and len(names) == len(hashes) == len(sizes)
        and all(isinstance(name, str) and _NAME.fullmatch(name) for name in names)
        and all(isinstance(text, str) for text in hashes)
        and all(isinstance(pair, list) and list(map(type, pair)) == [int, int] for pair in sizes)
    )
    if not sound:
        raise InputError(str(path), "does not list tiles with their hashes and sizes", remedy)
    return index


def _same_plan(folder: Path, about: dict[str, Any]) -> None:
    path, plan = folder / "plan.json", json.loads(json.dumps(about))
    if path.is_file():
        if json.loads(path.read_text(encoding="utf-8")) != plan:
            problem = "holds tiles that were made from something else"
            raise InputError(str(folder), problem, "Name an empty folder, or delete this one")
        return
    _write_json(path, plan)


def _write_json(path: Path, value: dict[str, Any]) -> None:
    with atomic_write(path) as file:
        file.write(json.dumps(value, indent=1).encode())


def _write(path: Path, tile: Tile) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, cell_m=np.float64(tile.cell_m), allow_pickle=False, **_packed(tile))
    with atomic_write(path) as file:
        file.write(buffer.getvalue())


def _packed(tile: Tile) -> dict[str, Any]:
    arrays = tile.arrays()
    # Half precision keeps 1 cm up to 16 m and 3 cm up to 64 m, below what any sensor gives.
    halves = {name: arrays[name].astype(np.float16) for name in ("ndsm", "height") if name in arrays}
    return arrays | halves


def _read(path: Path) -> Tile:
    remedy = "Delete it and make the tiles anew"
    arrays = read_plain_arrays(path, "tile", remedy)
    try:
        cell_m = float(arrays.pop("cell_m"))
        for name in ("ndsm", "height"):
            if name in arrays:
                arrays[name] = arrays[name].astype(np.float32)
        return Tile(cell_m, **arrays)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(str(path), f"is no tile: {error}", remedy) from error
