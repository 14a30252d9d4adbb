"""Every reader of the package: what it is fed with, how that is broken, and what is done with it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import geovision
from geovision.sources import open_points, open_scene, read_footprints
from tests.fuzz import seeds
from tests.fuzz.mutations import Mutation, fields, generic, glb, gzipped, json_text, tiff, toml_text
from tests.fuzz.seeds import BOX, RD, Files
from tests.fuzz.sqlite import sqlite_file


@dataclass(frozen=True)
class Reader:
    """One reader. `mutate` breaks one of the files, chosen by chance."""

    seeds: Callable[[Path], Iterator[Files]]
    run: Callable[[Path], Any]
    mutations: Mapping[str, tuple[Mutation, ...]]
    """By suffix; "" stands for all others."""

    def mutate(self, rng: Random, files: Files) -> Files:
        """The files with one of them broken."""
        # The first is the one that is opened: break it more often.
        name = next(iter(files)) if rng.random() < 0.6 else rng.choice(list(files))
        suffix = Path(name).suffix
        if rng.random() < 0.01:
            return {**files, name: rng.choice((b"", b"\0", b"{}", b"[]", rng.randbytes(64)))}
        return {**files, name: rng.choice(self.mutations.get(suffix, self.mutations[""]))(rng, files[name])}


def _raster(path: Path) -> None:
    scene = open_scene(dsm=path, crs=RD, allow_vrt=True)
    _look(scene, "dsm")


def _image(path: Path) -> None:
    _look(open_scene(image=path, crs=RD), "image")


def _look(scene: Any, role: str) -> None:
    scene.report()
    west, south, east, north = scene.bounds
    cell = max(scene.cell_m(role), 1e-9)
    box = (west, max(south, north - 64 * cell), min(east, west + 64 * cell), north)
    scene.window(role, box)
    scene.window(role, box, 2 * cell)


def _points(path: Path) -> None:
    found = open_points(path, crs=RD)
    found.read(BOX)
    found.read()
    _ = found.bounds, found.classes


def _footprints(path: Path) -> None:
    found = read_footprints(path, crs=RD)
    if len(found):
        west, south, _, _ = found.bounds
        read_footprints(path, crs=RD, bounds=(west, south, west + 9, south + 9))
    open_scene(footprints=path, crs=RD)


def _table(path: Path) -> None:
    _footprints(path)
    geovision.validate(path, threads=1)


def _tiles(path: Path) -> None:
    place = path
    while place.name != "tiles" and place.suffix not in (".pmtiles", ".mbtiles"):
        place = place.parent
    read_footprints(place)


def _image_tiles(path: Path) -> None:
    place = path if path.suffix == ".mbtiles" else path.parents[2]
    _look(open_scene(image=place), "image")


def _programs(path: Path) -> None:
    failures: list[Any] = []
    table = geovision.read_programs(path, on_error="record", failures=failures)
    geovision.mesh(table, on_error="record", threads=1)
    geovision.validate(path, threads=1)
    geovision.read_programs(path)


def _validate(path: Path) -> None:
    geovision.validate(path, threads=1).to_dict()


def _city(path: Path) -> None:
    _validate(path)
    geovision.read_programs(path)


def _mesh(path: Path) -> None:
    from geovision.formats.describe import describe_mesh

    _validate(path)
    describe_mesh(path)


def _tileset(path: Path) -> None:
    _validate(path.parent)


def _weights(path: Path) -> None:
    from geovision.vision.store import verify

    verify(path.with_suffix(""))


def _arrays(path: Path) -> None:
    from geovision.vision.data.store import TileStore
    from geovision.vision.train.state import load_state

    if path.name == "state.npz":
        load_state(path)
        return
    store = TileStore(path.parent)
    for number in range(min(len(store), 2)):
        _ = store[number].boundary
    store.digest()


def _scene(path: Path) -> None:
    scene = open_scene(path)
    scene.report()
    for evidence in scene.evidence():
        _ = evidence.points


def _settings(path: Path) -> None:
    from geovision.batch import load_config as load_batch
    from geovision.procedural.style import load_style
    from geovision.vision.data.real import read_places
    from geovision.vision.train.config import load_config

    kind = path.name.split("_")[0]
    known: dict[str, Callable[[Path], Any]] = {
        "style": load_style,
        "train": load_config,
        "places.toml": read_places,
        "batch.toml": load_batch,
    }
    known[kind](path)


def _facade(path: Path) -> None:
    from geovision.procedural.grammar import load_facade

    load_facade(path)


def _report(path: Path) -> None:
    from geovision.quality.report import report

    report(path.parent, threads=1)


_LAS = fields(
    *((24, "B"), (25, "B"), (94, "<H"), (96, "<I"), (100, "<I"), (104, "B"), (105, "<H"), (107, "<I")),
    *((131, "<d"), (139, "<d"), (155, "<d"), (179, "<d"), (187, "<d"), (235, "<Q"), (243, "<I"), (247, "<Q")),
)
_OF_RECORDS = ((18, "<H"), (20, "<H"), (54, "<H"), (56, "<H"), (66, "<I"), (86, "<H"), (90, "<H"))
_VLR = fields(*((base + at, kind) for base in (227, 375) for at, kind in _OF_RECORDS))
_COPC = fields(*((429 + 8 * k, "<d") for k in range(5)), (469, "<Q"), (477, "<Q"))
_PMTILES = fields(*((8 + 8 * k, "<Q") for k in range(11)), *((96 + k, "B") for k in range(6)))
_SHAPE = fields(
    *((24, ">I"), (28, "<I"), (32, "<I"), (36, "<d"), (100, ">I"), (104, ">I"), (108, "<I"), (144, "<I")),
    *((148, "<I"), (152, "<I"), (4, "<I"), (8, "<H"), (10, "<H")),
)
_PLAIN: tuple[Mutation, ...] = (generic,)


def tail(rng: Random, data: bytes) -> bytes:
    """The last part of a file, where Parquet and archives have their tables."""
    at = max(0, len(data) - rng.choice((64, 300, 3000)))
    return data[:at] + generic(rng, data[at:])


_PARQUET: tuple[Mutation, ...] = (generic, tail, tail)
_JSON = {"": (json_text,), ".parquet": _PARQUET}
_TIFF = {"": (generic,), ".tif": (tiff, tiff, generic)}

READERS: dict[str, Reader] = {
    "raster": Reader(seeds.rasters, _raster, _TIFF),
    "image": Reader(seeds.images, _image, _TIFF),
    "vrt": Reader(seeds.vrts, _raster, _TIFF),
    "points": Reader(seeds.points, _points, {"": (_LAS, _VLR, generic), ".laz": (_LAS, _VLR, generic, tail)}),
    "copc": Reader(seeds.copc, _points, {"": (_LAS, _VLR, _COPC, tail, generic)}),
    "gpkg": Reader(seeds.packages, _table, {"": (sqlite_file,)}),
    "table": Reader(seeds.tables, _table, {"": _PLAIN, ".geojson": (json_text,)}),
    "parquet": Reader(seeds.parquet, _table, {"": _PARQUET}),
    "shapefile": Reader(seeds.shapefiles, _footprints, {"": (generic, _SHAPE)}),
    "vector_tiles": Reader(seeds.vector_tiles, _tiles, {
        "": (generic, generic, gzipped), ".pmtiles": (_PMTILES, generic), ".mbtiles": (sqlite_file,),
        ".json": (json_text,)}),
    "image_tiles": Reader(seeds.image_tiles, _image_tiles, {"": _PLAIN, ".mbtiles": (sqlite_file,)}),
    "programs": Reader(seeds.programs, _programs, _JSON),
    "program_table": Reader(seeds.program_tables, _programs, {"": _PARQUET}),
    "cityjson": Reader(seeds.cityjson, _city, _JSON),
    "mesh": Reader(seeds.meshes, _mesh, {"": _PLAIN}),
    "glb": Reader(seeds.glbs, _mesh, {"": (glb,)}),
    "tileset": Reader(seeds.tilesets, _tileset, {"": _PLAIN, ".glb": (glb,), ".json": (json_text,)}),
    "weights": Reader(seeds.weights, _weights, {"": (generic, tail), ".json": (json_text,)}),
    "arrays": Reader(seeds.arrays, _arrays, {"": (generic, tail), ".json": (json_text,)}),
    "scene": Reader(seeds.scenes, _scene, {
        "": _PLAIN, ".toml": (toml_text,), ".gpkg": (sqlite_file,), ".tif": (tiff, generic)}),
    "settings": Reader(seeds.settings, _settings, {"": (toml_text,)}),
    "facade": Reader(seeds.facades, _facade, {"": (generic,)}),
    "report": Reader(seeds.runs, _report, _JSON),
}  # fmt: skip


@contextlib.contextmanager
def placed(files: Files, folder: Path) -> Iterator[Path]:
    """The files in a folder, which is emptied behind them; the path of the first."""
    import shutil

    try:
        for name, data in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        yield folder / next(iter(files))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
