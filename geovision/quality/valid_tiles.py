"""Validation of 3D Tiles: files, bounding volumes against every vertex, errors, features, solids."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision.bounded import read_up_to
from geovision.quality.findings import Malformed, ValidationReport
from geovision.quality.gltf import Glb
from geovision.quality.polyhedra import GeometryRules
from geovision.quality.subtree import implicit_tiles
from geovision.quality.valid_meshes import check_glb_meshes
from geovision.sources.names import leads_away

__all__ = ["check_tileset"]

F64 = NDArray[np.float64]
# Metres that a vertex may stand out: earth-centred doubles and float32 contents are good to less.
SLACK = 0.001
_DEEPEST = 64
_MOST_TILES = 1_000_000
_MOST_TIMES = 64
"""Tiles that may show one tileset: more is a tree that doubles at every file."""
_MOST_BYTES = 1 << 32
# glTF's y up to the z up of tiles.
_Z_UP = np.array([[1.0, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1]])


@dataclass
class Tile:
    """One tile of the tree, wherever it was written down."""

    name: str
    volume: dict[str, Any]
    error: float
    contents: list[Path]
    parent: Tile | None
    transform: F64
    """From the tile's frame to earth-centred coordinates."""
    leaf: bool = False

    def lineage(self) -> Iterator[Tile]:
        """This tile and those above it."""
        tile: Tile | None = self
        while tile is not None:
            yield tile
            tile = tile.parent


def check_tileset(path: Path, report: ValidationReport, rules: GeometryRules, progress: Any) -> None:
    """A tileset.json or the folder that holds one; contents are read one by one."""
    report.format = "3D Tiles"
    source = path / "tileset.json" if path.is_dir() else path
    try:
        tiles = list(_tiles(source, report))
    except Malformed as fault:
        report.add(fault.code, "", fault.detail)
        report.invalid = 1
        return
    faulty: set[str] = set()
    for tile in tiles:
        if tile.parent is not None and tile.error > tile.parent.error * (1 + 1e-9):
            detail = f"{tile.error:g} below {tile.parent.error:g}"
            faulty |= {tile.name} if report.add(863, tile.name, detail) else set()
    for number, tile in enumerate(tiles, start=1):
        for content in tile.contents:
            faulty |= _check_content(tile, content, source.parent, report, rules)
        progress(number)
    report.invalid = len(faulty)


def _bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        data = read_up_to(file, _MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise Malformed(901, f"{path.name} has over {_MOST_BYTES:,} bytes")
    return data


def _json(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(_bytes(path))
    except OSError:
        raise Malformed(861, f"{path.name} is not there or cannot be read") from None
    except (ValueError, RecursionError) as error:
        raise Malformed(901, f"{path.name} is no JSON: {error}") from None
    if not isinstance(data, dict) or not isinstance(data.get("root"), dict):
        raise Malformed(802, f"{path.name} has no root")
    return data


def _tiles(path: Path, report: ValidationReport) -> Iterator[Tile]:
    data = _json(path)
    version = data.get("asset", {}).get("version") if isinstance(data.get("asset"), dict) else None
    if version not in ("1.0", "1.1"):
        report.add(805, "", f"asset.version {version!r}")
    error, below = data.get("geometricError"), data["root"].get("geometricError")
    if not isinstance(error, (int, float)):
        report.add(802, "", "geometricError is missing")
    elif isinstance(below, (int, float)) and error < below:
        report.add(863, "", "the tileset's geometricError is below the root's")
    schema = data.get("schema", {})
    tree = _walk(path, data["root"], None, np.eye(4), report, "root", schema, (path.resolve(),), Counter())
    for number, tile in enumerate(tree):
        if number >= _MOST_TILES:
            raise Malformed(806, f"there are over {_MOST_TILES:,} tiles")
        yield tile


def _walk(
    path: Path,
    node: dict[str, Any],
    parent: Tile | None,
    above: F64,
    report: ValidationReport,
    name: str,
    schema: dict[str, Any],
    files: tuple[Path, ...],
    times: Counter[Path],
    depth: int = 0,
) -> Iterator[Tile]:
    """`files` are the tilesets on the way here, the first one that was opened; `times` counts all."""
    if depth > _DEEPEST:
        raise Malformed(806, f"{name}: tiles go deeper than {_DEEPEST} levels")
    try:
        local = np.array(node.get("transform", np.eye(4).T.reshape(-1)), np.float64).reshape(4, 4).T
        error = float(node["geometricError"])
        volume = node["boundingVolume"]
    except (KeyError, TypeError, ValueError, OverflowError) as problem:
        raise Malformed(802, f"{name}: {type(problem).__name__} {problem}") from None
    if not isinstance(volume, dict):
        raise Malformed(802, f"{name}: boundingVolume is no object")
    if not np.isfinite([error, *local.reshape(-1)]).all() or error < 0:
        raise Malformed(811, f"{name}: geometricError {error}")
    at = above @ local
    if "implicitTiling" in node:
        yield from _implicit(path, node, parent, at, schema)
        return
    given = node.get("contents") or ([node["content"]] if "content" in node else [])
    contents = [path.parent / str(item.get("uri")) for item in _objects(given, f"{name}: contents")]
    inner = [item for item in contents if item.suffix.lower() == ".json"]
    children = _objects(node.get("children") or [], f"{name}: children")
    tile = Tile(name, volume, error, [item for item in contents if item not in inner], parent, at)
    tile.leaf = not children and not inner
    yield tile
    for item in inner:
        if leads_away(item, files[0].parent):
            raise Malformed(861, f"{item.name} lies outside of the tileset's folder")
        if item.resolve() in files:
            raise Malformed(806, f"{item.name} is a part of itself")
        times[item] += 1
        if times[item] > _MOST_TIMES:
            raise Malformed(806, f"{item.name} is a part of over {_MOST_TIMES} tiles")
        data = _json(item)
        through = (*files, item.resolve())
        yield from _walk(item, data["root"], tile, at, report, item.name, schema, through, times, depth + 1)
    for number, child in enumerate(children):
        yield from _walk(path, child, tile, at, report, f"{name}/{number}", schema, files, times, depth + 1)


def _objects(value: Any, what: str) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise Malformed(802, f"{what} are no list of objects")
    return value


def _implicit(
    path: Path,
    node: dict[str, Any],
    parent: Tile | None,
    at: F64,
    schema: dict[str, Any],
) -> Iterator[Tile]:
    known: dict[tuple[int, int, int], Tile] = {}
    parents: set[tuple[int, int, int]] = set()
    for place, volume, error, uri in implicit_tiles(path.parent, node, schema):
        level, x, y = place
        above = known.get((level - 1, x // 2, y // 2), parent)
        contents = [] if uri is None else [path.parent / uri]
        known[place] = Tile(f"{level}/{x}/{y}", volume, error, contents, above, at)
        parents.add((level - 1, x // 2, y // 2))
    for place, tile in known.items():
        tile.leaf = place not in parents
        yield tile


def _check_content(
    tile: Tile, content: Path, folder: Path, report: ValidationReport, rules: GeometryRules
) -> set[str]:
    file = str(content.relative_to(folder)) if content.is_relative_to(folder) else str(content)
    bad: set[str] = set()

    def add(code: int, detail: str, place: tuple[float, float, float] | None = None) -> None:
        if report.add(code, tile.name, detail, place, file):
            bad.add(tile.name)

    try:
        if leads_away(content, folder):
            raise Malformed(861, "lies outside of the tileset's folder")
        glb = Glb(_bytes(content))
        rows = glb.table_rows or 0
        if tile.leaf:
            report.objects += rows
        points, used = _points(glb)
        if used is not None and rows and len(used) != rows:
            add(865, f"{rows} rows of the table, {len(used)} features with triangles")
        for above in tile.lineage():
            off, row = _farthest_out(points, tile, above)
            if off > SLACK:
                code, what = (862, "the tile's volume") if above is tile else (864, f"that of {above.name}")
                x, y, z = points[row].tolist()
                add(code, f"a vertex is {off:.3f} m out of {what}", (x, y, z))
        bad |= {tile.name} if check_glb_meshes(glb, report, rules, file) else set()
    except OSError:
        add(861, "is not there or cannot be read")
    except Malformed as fault:
        add(fault.code, fault.detail)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        add(802, f"{type(error).__name__}: {error}")
    return bad


def _points(glb: Glb) -> tuple[F64, set[int] | None]:
    """All vertices in the tile's frame, and the features that have triangles."""
    points, features = [np.zeros((0, 3))], None
    for mesh in glb.meshes():
        matrix = _Z_UP @ mesh.matrix
        points.append(mesh.positions @ matrix[:3, :3].T + matrix[:3, 3])
        if mesh.features is not None:
            found = set(np.unique(mesh.features[mesh.triangles]).tolist())
            features = found if features is None else features | found
    return np.concatenate(points), features


def _farthest_out(points: F64, tile: Tile, above: Tile) -> tuple[float, int]:
    """Metres by which the worst point stands out of a volume, and which it is."""
    if not len(points):
        return 0.0, 0
    if "region" in above.volume:
        off = _out_of_region(
            points @ tile.transform[:3, :3].T + tile.transform[:3, 3], above.volume["region"]
        )
    else:
        if above.transform is not tile.transform and not np.array_equal(above.transform, tile.transform):
            step = np.linalg.solve(above.transform, tile.transform)
            points = points @ step[:3, :3].T + step[:3, 3]
        if "sphere" in above.volume:
            x, y, z, radius = map(float, above.volume["sphere"])
            off = np.linalg.norm(points - (x, y, z), axis=1) - radius
        elif "box" in above.volume:
            box = np.array(above.volume["box"], np.float64)
            axes = box[3:].reshape(3, 3)
            half = np.linalg.norm(axes, axis=1)
            unit = axes / np.where(half > 0, half, 1.0)[:, None]
            off = (np.abs((points - box[:3]) @ unit.T) - half).max(axis=1)
        else:
            raise Malformed(805, f"{above.name}: a bounding volume of no known kind")
    row = int(np.argmax(off))
    return float(off[row]), row


def _out_of_region(points: F64, region: Any) -> F64:
    from pyproj import Transformer

    west, south, east, north, low, high = (float(value) for value in region)
    to_degrees = Transformer.from_crs("EPSG:4978", "EPSG:4979", always_xy=True)
    lon, lat, height = to_degrees.transform(points[:, 0], points[:, 1], points[:, 2])
    lon, lat = np.radians(lon), np.radians(lat)
    radius = 6_378_137.0
    # Modulo a turn: a region whose west is east of its east goes over the antimeridian.
    past, width = (lon - west) % (2 * np.pi), (east - west) % (2 * np.pi)
    across = np.where(past <= width, 0.0, np.minimum(past - width, 2 * np.pi - past)) * radius * np.cos(lat)
    along = np.maximum(south - lat, lat - north) * radius
    out: F64 = np.max([across, along, low - height, height - high], axis=0)
    return out
