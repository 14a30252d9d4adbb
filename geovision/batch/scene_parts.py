"""A scene as a plan holds it: sources by name, what was measured over all of it, tiles and their inputs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision.errors import InputError
from geovision.sources import Bounds, Footprints, Scene, Source, TileKey
from geovision.sources.crs import known_crs
from geovision.sources.grid import TileGrid, overlaps, widened
from geovision.sources.opening import open_spec
from geovision.sources.points import PointFiles
from geovision.sources.roles import RASTER_ROLES, VECTOR_SUFFIXES
from geovision.sources.scene import WholeScene
from geovision.sources.scene_file import expand_paths
from geovision.sources.smear import Smear
from geovision.sources.waves import Waves

__all__ = [
    "SourcePiece",
    "TileInput",
    "open_part",
    "plain_spec",
    "scene_facts",
    "source_pieces",
    "tile_inputs",
]

_OPTIONS = ("crs", "bands", "nodata", "vertical_unit", "layer")
_DECIDE = ("dsm", "dtm", "ndsm", "points")
"""Roles that evidence is made of; pictures are for publishing."""


@dataclass(frozen=True)
class SourcePiece:
    """One file of a scene."""

    role: str
    name: str
    bounds: Bounds | None
    """In the CRS of the scene; None for one that concerns no place: footprints, streets."""
    points: int = 0
    """By its header."""


@dataclass(frozen=True)
class TileInput:
    """What a tile is made from."""

    key: TileKey
    owned: int
    """Footprints that it owns."""
    footprints: Footprints
    """Those, and all that reach into what is read."""
    pieces: tuple[int, ...]
    """Places of the source pieces that decide its bytes, in the order in which they are read."""
    area: Bounds
    """That is read."""


def plain_spec(scene: Scene) -> dict[str, Any]:
    """How workers open the scene: every file by its whole name, without the footprints."""
    spec = scene.spec
    plain: dict[str, Any] = {
        "target_crs": scene.crs.to_string(),
        "crs": spec.crs,
        "allow": spec.allow.model_dump(),
        "limits": dict(spec.limits),
        "cache_mb": spec.cache_mb,
    }
    for role in ("image", "dsm", "dtm", "ndsm", "points", "streets"):
        files = _files(scene, role)
        if files:
            given = spec.role(role) or Source(files=())
            plain[role] = {"files": files} | {
                name: getattr(given, name) for name in _OPTIONS if getattr(given, name) not in (None, "", ())
            }
    return plain


def _files(scene: Scene, role: str) -> list[str]:
    if role in scene.layers:
        return [_name(piece.sheet.info.name) for piece in scene.layers[role].pieces]
    if role == "points" and scene.points is not None:
        source = scene.points.points.source
        if not isinstance(source, PointFiles):
            raise InputError("points", "are in memory", "Write them to a file: workers open it themselves")
        return [_name(file.name) for file in source.files]
    if role == "streets" and scene.spec.streets is not None:
        roots = scene.spec.allow.roots
        return [
            _name(os.fspath(name))
            for name in expand_paths(scene.spec.streets.files, VECTOR_SUFFIXES, role, roots)
        ]
    return []


def _name(name: str) -> str:
    if "://" in name:
        return name
    if not Path(name).exists():
        raise InputError(f"source {name}", "is no file", "Write it to one: workers open it themselves")
    return os.path.abspath(name)  # noqa: PTH100  # links stay what they are


def source_pieces(scene: Scene, footprints: list[str]) -> list[SourcePiece]:
    """Every file of a scene.

    Args:
        scene: opened.
        footprints: names of their files.
    """
    found = []
    for role in RASTER_ROLES:
        if role in scene.layers:
            layer = scene.layers[role]
            # By blocks, as bounds are; the order in a block is that of the files.
            names = [piece.sheet.info.name for block in layer.blocks for piece in block.pieces]
            found += [
                SourcePiece(role, _name(name), box)
                for name, box in zip(names, layer.piece_bounds(), strict=True)
            ]
    if scene.points is not None and isinstance(scene.points.points.source, PointFiles):
        for file in scene.points.points.source.files:
            own = file.bounds
            box = None if own is None else scene.points.carried(own)
            found.append(SourcePiece("points", _name(file.name), box, file.count))
    found += [SourcePiece("streets", name, None) for name in _files(scene, "streets")]
    return found + [SourcePiece("footprints", name, None) for name in footprints]


def scene_facts(scene: Scene) -> dict[str, Any]:
    """What of the whole scene decides the bytes of a tile, beside the files that it touches."""
    return {
        "whole": {"smear": asdict(scene.whole.smear), "waves": asdict(scene.whole.waves)},
        "cells": {role: scene.cell_m(role) for role in ("dsm", "dtm", "ndsm") if role in scene.layers},
        "grid": [scene.grid(1.0).left, scene.grid(1.0).top],
        "classes": [] if scene.points is None else sorted(scene.points.classes),
    }


def open_part(spec: Mapping[str, Any], crs: str, whole: Mapping[str, Any], *, threads: int = 1) -> Scene:
    """The scene of `plain_spec`, with what was measured over all of it; its footprints come tile by tile."""
    from geovision.sources.scene_file import make_spec

    known = WholeScene(Smear(**whole["smear"]), Waves(**whole["waves"]))
    described = make_spec({name: value for name, value in spec.items() if value is not None}, "scene")
    if not any(described.role(role) for role in ("image", *_DECIDE)):
        scene = Scene(described, known_crs(crs), {})
    else:
        scene = open_spec(described, threads=threads)
    none = Footprints([], np.zeros(1, np.int64), np.zeros(1, np.int64), np.zeros((0, 2)), crs)
    return scene.part(none, known)


def tile_inputs(scene: Scene, size_m: float, pieces: list[SourcePiece]) -> Iterator[TileInput]:
    """What each tile that owns a footprint is made from, from south to north, in a row from west to east."""
    import shapely

    footprints = scene.footprints
    if not len(footprints):
        return
    grid, reach = TileGrid(size_m), scene.reach_m()
    keys = grid.keys_of(scene.places)
    order = np.lexsort((np.arange(len(keys)), keys[:, 0], keys[:, 1]))
    cuts = np.flatnonzero((np.diff(keys[order], axis=0) != 0).any(axis=1)) + 1
    boxes = footprints.boxes()
    tree = shapely.STRtree(shapely.box(*boxes.T))
    deciding = [number for number, piece in enumerate(pieces) if piece.role in _DECIDE and piece.bounds]
    places = shapely.STRtree([shapely.box(*_bounds_of(pieces[number])) for number in deciding])
    for owned in np.split(order, cuts):
        low, high = boxes[owned, :2].min(axis=0), boxes[owned, 2:].max(axis=0)
        area = widened(Bounds(*low.tolist(), *high.tolist()), reach)
        box = shapely.box(*area)
        near = np.sort(tree.query(box))
        near = near[_inside(boxes[near], area)]
        # Some formats round the bounds that they state.
        touched = np.sort(places.query(shapely.box(*widened(area, 1.0))))
        yield TileInput(
            TileKey(*keys[owned[0]].tolist()),
            len(owned),
            footprints.take(near),
            tuple(deciding[number] for number in touched.tolist()),
            area,
        )


def _bounds_of(piece: SourcePiece) -> Bounds:
    assert piece.bounds is not None
    return piece.bounds


def _inside(boxes: NDArray[np.float64], area: Bounds) -> NDArray[np.bool_]:
    """As `Scene.evidence` has it."""
    return np.array([overlaps(Bounds(*box), area) for box in boxes.tolist()], bool)
