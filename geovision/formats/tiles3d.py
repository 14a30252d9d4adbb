"""3D Tiles 1.1: a quadtree of GLBs on the globe, coarse blocks that are replaced by the finest solids.

Programs come in batches of any order and size; they are kept on disk while they wait, so memory follows the
largest tile and a few dozen bytes a building. The result depends on the programs alone: not on the batches,
their order or the threads.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from geovision.errors import OutputError, UsageError
from geovision.formats.atlas import PhotoSource
from geovision.formats.atomic import atomic_write
from geovision.formats.glb import Attributes
from geovision.formats.gltf_skin import SkinSettings
from geovision.formats.tiles3d_build import MATERIALS, Built, TileBuilder
from geovision.formats.tiles3d_content import Dresser
from geovision.formats.tiles3d_json import empty_tileset, explicit_tilesets, implicit_tileset, subtrees
from geovision.formats.tiles3d_place import Globe
from geovision.formats.tiles3d_schema import MAX_TEXT, TileSchema, plain_values
from geovision.formats.tiles3d_spool import Batch, Spool, objects
from geovision.mesh.compile import LODS
from geovision.model.kinds import KIND_NAMES, RoofKind
from geovision.model.table import ProgramTable

__all__ = ["TilesetSummary", "write_3dtiles"]


@dataclass(frozen=True)
class TilesetSummary:
    """What `write_3dtiles` wrote.

    Attributes:
        buildings: shown in the finest tiles.
        failed: buildings that are not, and why.
        tiles: files with content.
        levels: of the quadtree.
        height: how heights became ellipsoidal; also in the tileset's extras.
        warnings: what a person should know.
    """

    tileset: Path
    buildings: int
    failed: tuple[str, ...]
    tiles: int
    levels: int
    height: dict[str, Any]
    warnings: tuple[str, ...]


def write_3dtiles(
    folder: str | os.PathLike[str],
    batches: Iterable[ProgramTable | tuple[ProgramTable, Attributes]],
    *,
    crs: Any,
    geoid: float | None = None,
    tiling: Literal["explicit", "implicit"] = "explicit",
    compression: Literal["meshopt", "none"] = "meshopt",
    lods: tuple[str, str] = ("1.1", "2.2"),
    per_tile: int = 2000,
    floor: Callable[[NDArray[np.float64]], NDArray[np.float64]] | None = None,
    photo: PhotoSource | None = None,
    dresser: Dresser | None = None,
    texture_size: int = 256,
    threads: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> TilesetSummary:
    """Write programs as a 3D Tiles 1.1 tileset: `folder`/tileset.json and content/LEVEL/X/Y.glb.

    Every tile holds one property table with the attributes of its buildings, their id and the kind of their
    first part's roof. Leaves show the finer level of detail; the tiles above show the coarser one of their
    largest buildings, and are replaced where that would be seen. tileset.json is written last.

    Args:
        folder: a new or empty folder.
        batches: programs, in any order and any sizes; beside them, where wanted, more columns of
            attributes, one value a building.
        crs: projected CRS of the programs in metres, alone or with a height system ("EPSG:28992+5709").
        geoid: height of the geoid above the WGS 84 ellipsoid, in metres, for all heights. By default PROJ's
            grid is used where it has one; where it has none heights are taken as ellipsoidal, and a warning
            says so.
        tiling: "explicit" lists every tile; "implicit" has subtrees of a quadtree.
        compression: "meshopt" is EXT_meshopt_compression with positions to 2 mm an axis; "none" is float32,
            exact to a tenth of a millimetre in leaves.
        lods: levels of detail of coarse and fine tiles.
        per_tile: most buildings of a leaf.
        floor: of boxes (n, 4; west, south, east, north) the height down to which walls go, NaN for their own
            ground; such as `Terrain.lowest`. Called by several threads.
        photo: orthophoto in the CRS, for roofs; used by several threads. Leaves should then have fewer
            buildings: an atlas has 2048 pixels a side.
        dresser: what buildings look like: materials by rule at all levels, and below the leaves a level with
            facades. Not with implicit tiling, whose leaves have nothing below. With `photo` roofs show that.
        texture_size: pixels of a side of a material's pictures, which lie in `folder`/materials.
        threads: 0 for all cores.
        progress: called with buildings written and in all.

    Raises:
        InputError: the CRS is not one in metres, or attributes do not fit.
        OutputError: the folder is not empty or cannot be written.

    >>> import geovision, tempfile
    >>> part = geovision.Part(shell=[(155000, 463000), (155008, 463000), (155008, 463005), (155000, 463005)],
    ...                       eave_height=3.0, roof=geovision.Gabled(ridge_height=5.0))
    >>> table = geovision.ProgramTable.from_programs([geovision.Program(id="a", parts=[part])])
    >>> summary = write_3dtiles(Path(tempfile.mkdtemp()) / "tiles", [table], crs="EPSG:28992", geoid=43.1)
    >>> summary.buildings, summary.tiles
    (1, 2)
    """
    _check(tiling, compression, lods, per_tile)
    if dresser is not None and tiling == "implicit":
        raise UsageError("facades in 3D Tiles", "do not go with implicit tiling", "Use explicit tiling")
    globe = Globe(crs, geoid)
    target = Path(folder)
    with _output(target) as waiting:
        read = _read(batches, Spool(waiting, whole=dresser is not None))
        built = TileBuilder(
            folder=target,
            globe=globe,
            schema=read.schema,
            lods=lods,
            compress=compression == "meshopt",
            most=per_tile,
            workers=threads or os.cpu_count() or 1,
            progress=progress,
            floor=floor,
            photo=photo,
            dresser=dresser,
            skin=None if dresser is None else SkinSettings(size=texture_size, uri=f"../../../{MATERIALS}/"),
        ).build(read.spool)
        extras = {
            "crs": globe.name,
            "height": globe.height,
            "lods": list(lods),
            "buildings": built.buildings,
        }
        for name, data in _lists(built, tiling, extras):
            path = target / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(path) as file:
                file.write(data)
    return TilesetSummary(
        tileset=target / "tileset.json",
        buildings=built.buildings,
        failed=tuple(built.failed),
        tiles=sum(tile.content for tile in built.tiles),
        levels=built.levels,
        height=globe.height,
        warnings=tuple(_warnings(read, built, globe)),
    )


def _check(tiling: str, compression: str, lods: tuple[str, str], per_tile: int) -> None:
    for name, value, known in (
        ("tiling", tiling, ("explicit", "implicit")),
        ("compression", compression, ("meshopt", "none")),
        ("lods[0]", lods[0], LODS),
        ("lods[1]", lods[1], LODS),
    ):
        if value not in known:
            raise UsageError(f"{name} = {value!r}", "is not known", f"Use one of {', '.join(known)}")
    if per_tile < 1:
        raise UsageError(f"per_tile = {per_tile}", "leaves tiles empty", "Give a number above 0")


@contextlib.contextmanager
def _output(folder: Path) -> Iterator[Path]:
    """The folder for programs that wait; after an error nothing is left of what was written."""
    remedy = "Check that the folder may be written to and has space"
    made = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise OutputError(f"output {folder}", "is not empty", "Give a new or an empty folder")
        spool = folder / f".{secrets.token_hex(6)}.tmp"
        spool.mkdir()
    except OSError as error:
        raise OutputError(f"output {folder}", f"cannot be made ({error.strerror})", remedy) from error
    try:
        yield spool
    except BaseException as error:
        for path in folder.iterdir():
            shutil.rmtree(path, ignore_errors=True)
        if made:
            shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, OSError):
            raise OutputError(f"output {folder}", f"cannot be written ({error})", remedy) from error
        raise
    finally:
        shutil.rmtree(spool, ignore_errors=True)


@dataclass
class _Read:
    """All programs on disk, and what their attributes are."""

    spool: Spool
    schema: TileSchema = field(default_factory=TileSchema)
    same_ids: int = 0
    cut: Counter[str] = field(default_factory=Counter)


def _read(batches: Iterable[ProgramTable | tuple[ProgramTable, Attributes]], spool: Spool) -> _Read:
    read = _Read(spool)
    for batch in batches:
        table, more = batch if isinstance(batch, tuple) else (batch, {})
        if not len(table):
            continue
        columns: dict[str, list[Any]] = {}
        for name, values in {**table.attribute_columns(), **more, **_own_columns(table)}.items():
            columns[name], cut = plain_values(name, values, len(table))
            if cut:
                read.cut[name] += cut
        read.schema.add(columns, len(table))
        spool.add(Batch(table, {name: objects(values) for name, values in columns.items()}))
    spool.finish()
    hashes = np.sort(spool.hashes)
    read.same_ids = int(np.count_nonzero(hashes[1:] == hashes[:-1]))
    read.schema.unique_ids = not read.same_ids
    return read


def _own_columns(table: ProgramTable) -> dict[str, list[Any]]:
    """The id, and the kind of the first part's roof; attributes of these names give way."""
    kinds = np.full(len(table), -1)
    some = np.diff(table.part_offsets) > 0
    kinds[some] = table.roof_kind[table.part_offsets[:-1][some]]
    names = {int(kind): KIND_NAMES[kind] for kind in RoofKind}
    return {"id": table.ids, "roof_kind": [names.get(kind) for kind in kinds.tolist()]}


def _lists(built: Built, tiling: str, extras: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
    """The files that list the tiles, tileset.json last: where it is, everything is."""
    if built.root.box is None:
        yield "tileset.json", empty_tileset(extras)
        return
    transform = built.matrix.T.reshape(-1).tolist()
    if tiling == "implicit":
        yield from subtrees(built.root)
        yield (
            "tileset.json",
            implicit_tileset(built.root, built.levels, built.square, transform, built.error, extras),
        )
    else:
        yield from reversed(list(explicit_tilesets(built.root, transform, built.error, extras)))


def _warnings(read: _Read, built: Built, globe: Globe) -> Iterator[str]:
    if built.root.box is None:
        yield "there are no buildings; the tileset is empty"
    elif globe.is_outside(built.matrix[:3, 3]):
        yield f"the buildings lie outside the area that {globe.name} is for; check that it is their CRS"
    if built.root.box is not None and globe.height["conversion"] == "none":
        yield (
            "heights are taken as above the ellipsoid: no geoid was given and PROJ has no grid for them; "
            "buildings may stand tens of metres too low or too high"
        )
    if read.same_ids:
        yield f"{read.same_ids} buildings have the id of another; ids are kept as they are"
    for name, count in sorted(read.cut.items()):
        yield f"attribute {name!r}: {count} texts were cut to {MAX_TEXT} characters"
