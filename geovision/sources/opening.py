"""`open_scene`: from files, folders or things in memory to a `Scene`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pyproj import CRS

from geovision.confine import NotConfined, is_confined
from geovision.errors import InputError, UsageError, redacted
from geovision.sources.crs import check_place, crs_name, horizontal, known_crs, local_utm, metric_problem
from geovision.sources.footprints import (
    Footprints,
    VectorLimits,
    footprints_from_geodataframe,
    read_footprints,
)
from geovision.sources.grid import Bounds, overlaps
from geovision.sources.limits import Limits
from geovision.sources.names import check_name, check_root
from geovision.sources.point_block import PointBlock
from geovision.sources.point_crs import frame_of
from geovision.sources.prepare import prepare_footprints
from geovision.sources.raster_images import image_pieces
from geovision.sources.raster_info import Raster, Sheet, SheetInfo
from geovision.sources.raster_open import RASTER_SUFFIXES, HandlePool, open_sheet
from geovision.sources.raster_tiles import mbtiles_kind, open_pyramid
from geovision.sources.raster_values import heights_of
from geovision.sources.rasters import Piece, RasterLayer
from geovision.sources.remote_files import is_uri
from geovision.sources.roles import POINT_SUFFIXES, RASTER_ROLES, VECTOR_SUFFIXES, recognise_rasters
from geovision.sources.scene import Scene
from geovision.sources.scene_file import SceneSpec, Source, expand_paths, load_scene_file, make_spec, within
from geovision.sources.scene_points import PointLayer, PointSet, open_point_set
from geovision.sources.tile_archives import is_tile_folder

__all__ = ["open_scene", "open_spec"]

_PYRAMID_SUFFIX = ".mbtiles"
_RASTERS = RASTER_SUFFIXES | {_PYRAMID_SUFFIX}


def open_scene(
    *sources: Any,
    image: Any = None,
    dsm: Any = None,
    dtm: Any = None,
    ndsm: Any = None,
    points: Any = None,
    footprints: Any = None,
    streets: Any = None,
    layer: str | None = None,
    crs: str | None = None,
    target_crs: str | None = None,
    limits: Limits | Mapping[str, int] | None = None,
    allow_vrt: bool = False,
    allow_network: bool = False,
    roots: Sequence[str | os.PathLike[str]] = (),
    cache_mb: int = 128,
    threads: int = 0,
) -> Scene:
    """Open sources as one scene. Headers are read and checked; pixels and points only by window.

    Args:
        sources: a scene.toml; or files and folders whose roles are recognised from what is in them.
        image: orthophotos: a path, glob, folder, folder of map tiles, .mbtiles, `Raster`, a list of these, or
            a `Source` that says more about them.
        dsm: heights of surfaces, in the same forms.
        dtm: heights of the bare ground.
        ndsm: heights above the ground.
        points: LAS, LAZ or COPC files.
        footprints: a vector file or a GeoDataFrame.
        streets: lines that doors open to, for facades: vector files or GeoDataFrames.
        layer: layer of the vector file.
        crs: CRS of sources that state none.
        target_crs: CRS of the scene, projected and in metres; by default chosen from the sources.
        limits: upper bounds on what files may hold.
        allow_vrt: read VRT files, which name other files.
        allow_network: read URIs such as s3:// and https://.
        roots: folders below which all files must lie, links followed; by default any file may be read.
        cache_mb: memory for decoded blocks.
        threads: of the resampling; 0 takes all cores. Results do not depend on it.
    """
    roles = zip(SceneSpec.ROLES, (image, dsm, dtm, ndsm, points, footprints, streets), strict=True)
    given = {name: _source(value) for name, value in roles if value is not None}
    if isinstance(limits, Limits):
        limits = {name: value for name, value in vars(limits).items() if value != getattr(Limits(), name)}
    common = {
        "crs": crs,
        "target_crs": target_crs,
        "layer": layer,
        "limits": dict(limits or {}),
        "allow": {
            "vrt": allow_vrt,
            "network": allow_network,
            "roots": tuple(os.fspath(root) for root in roots),
        },
        "cache_mb": cache_mb,
    }
    if (
        len(sources) == 1
        and isinstance(sources[0], (str, os.PathLike))
        and Path(sources[0]).suffix == ".toml"
    ):
        spec = _over(load_scene_file(os.fspath(sources[0])), given, common)
        with within(os.fspath(sources[0])):
            return open_spec(spec, threads=threads)
    return open_spec(make_spec({"sources": sources, **given, **common}, "scene"), threads=threads)


def _source(value: Any) -> Source:
    if isinstance(value, Source):
        return value
    return Source(files=tuple(value) if isinstance(value, (list, tuple)) else (value,))


def _over(spec: SceneSpec, given: dict[str, Source], common: dict[str, Any]) -> SceneSpec:
    """What is said in the call goes over what is said in the file."""
    changes: dict[str, Any] = dict(given)
    for name in ("crs", "target_crs", "layer"):
        if common[name] is not None:
            changes[name] = common[name]
    changes["limits"] = {**spec.limits, **common["limits"]}
    allow = {name: value or getattr(spec.allow, name) for name, value in common["allow"].items()}
    changes["allow"] = spec.allow.model_copy(update=allow)
    return spec.model_copy(update=changes)


@dataclass
class _Opened:
    """Sheets by role while a scene is being opened."""

    spec: SceneSpec
    limits: Limits
    pool: HandlePool
    sheets: dict[str, list[Sheet]] = field(default_factory=dict)
    footprints: Source | None = None
    points: Source | None = None
    notes: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)

    def sheet(self, item: Any) -> Sheet:
        if isinstance(item, Raster):
            return item.sheet()
        if not isinstance(item, (str, os.PathLike)):
            raise UsageError(
                f"source {type(item).__name__}",
                "is no raster",
                "Give a path, or a Raster with its transform and CRS",
            )
        path = os.fspath(item)
        if Path(path).is_dir() or Path(path).suffix.lower() == _PYRAMID_SUFFIX:
            return open_pyramid(path, self.limits)
        allow = self.spec.allow
        return open_sheet(path, self.pool, self.limits, allow_vrt=allow.vrt, allow_network=allow.network)


def open_spec(spec: SceneSpec, threads: int = 0) -> Scene:
    """Open a described scene; workers re-open one from `scene.spec`."""
    if spec.allow.untrusted and not is_confined():
        raise NotConfined(
            "scene",
            "its files are not trusted, and this process has no limits",
            "Call geovision.confine.confine() first, in a process of its own; the command does so by itself",
        )
    opened = _Opened(spec, Limits.of(spec.limits), HandlePool(cache_mb=spec.cache_mb))
    for role in RASTER_ROLES:
        source = spec.role(role)
        if source is not None:
            paths = expand_paths(source.files, _RASTERS, role, spec.allow.roots)
            opened.limits.check("files", len(paths), role)
            opened.sheets[role] = [opened.sheet(path) for path in paths]
    opened.footprints, opened.points = spec.footprints, spec.points
    if spec.crs is not None:
        known_crs(spec.crs)  # a slip is one where every source states its own, too
    _recognise(opened)
    if not opened.sheets and opened.footprints is None and opened.points is None:
        raise UsageError(
            "scene", "has no sources", "Give at least one: image, dsm, dtm, ndsm, points or footprints"
        )
    placed = {
        role: [_placed(sheet, role, opened) for sheet in sheets] for role, sheets in opened.sheets.items()
    }
    points = _open_points(opened)
    crs = _scene_crs(_candidates(placed, points, opened), opened)
    layers = {
        role: _layer(role, placed[role], crs, opened, threads) for role in RASTER_ROLES if role in placed
    }
    scene = Scene(
        spec=spec,
        crs=crs,
        layers=layers,
        limits=opened.limits,
        notes=(),
        unused=tuple(map(redacted, opened.unused)),
        threads=threads,
        points=None if points is None else PointLayer(points, crs),
        _footprints=_read_footprints(opened, crs),
    )
    scene.notes = tuple(dict.fromkeys(map(redacted, opened.notes)))
    _check_overlap(scene)
    return scene


def _recognise(opened: _Opened) -> None:
    """Sort the sources that came without a role."""
    suffixes = _RASTERS | POINT_SUFFIXES | VECTOR_SUFFIXES
    rasters: list[Sheet] = []
    vectors: list[Any] = []
    points: list[Any] = []
    for item in expand_paths(opened.spec.sources, suffixes, "source", opened.spec.allow.roots):
        suffix = Path(item).suffix.lower() if isinstance(item, (str, os.PathLike)) else ""
        if hasattr(item, "geometry") or suffix in VECTOR_SUFFIXES or _holds_vector_tiles(item, suffix):
            vectors.append(item)
        elif suffix in POINT_SUFFIXES:
            points.append(item)
        else:
            rasters.append(opened.sheet(item))
    taken = {role for role in RASTER_ROLES if role in opened.sheets}
    found = recognise_rasters(rasters, taken)
    opened.sheets |= found.sheets
    opened.notes += found.notes
    opened.unused += found.unused
    if points and opened.points is None:
        opened.points = Source(files=tuple(points))
    if vectors and opened.footprints is None:
        opened.footprints = Source(files=(vectors[0],))
        opened.notes.append(f"{_label(vectors[0])} is taken for footprints")
        vectors = vectors[1:]
    opened.unused += [f"{_label(item)}: footprints come from one file" for item in vectors]
    if points and opened.points is not None and opened.spec.points is not None:
        opened.unused += [f"{_label(item)}: points were named" for item in points]


def _holds_vector_tiles(item: Any, suffix: str) -> bool:
    if suffix == _PYRAMID_SUFFIX:
        return mbtiles_kind(Path(item)) == "pbf"
    return isinstance(item, (str, os.PathLike)) and is_tile_folder(Path(item))


def _label(item: Any) -> str:
    return os.fspath(item) if isinstance(item, (str, os.PathLike)) else type(item).__name__


@dataclass(frozen=True)
class _Placed:
    sheet: Sheet
    crs: CRS


def _placed(sheet: Sheet, role: str, opened: _Opened) -> _Placed:
    """The sheet with a CRS: its own, or the one that was given for those that state none."""
    info = sheet.info
    opened.notes += [f"{info.name}: {note}" for note in info.notes]
    if info.crs is not None:
        _check_place(info, info.crs, opened)
        return _Placed(sheet, info.crs)
    source = opened.spec.role(role)
    asked = (source.crs if source else None) or opened.spec.crs
    if asked is None:
        raise InputError(
            f"raster {info.name}",
            f"states no CRS (its coordinates run over {info.bounds})",
            "Say which with crs=... (--crs EPSG:28992)",
        )
    crs = known_crs(asked)
    _check_place(info, crs, opened)
    opened.notes.append(f"{info.name} states no CRS: {asked} was given for it")
    return _Placed(sheet, crs)


def _check_place(info: SheetInfo, crs: CRS, opened: _Opened) -> None:
    told: list[str] = []
    check_place(horizontal(crs), info.bounds, None, f"raster {info.name}", told)
    opened.notes += [f"{info.name}: {text}" for text in told]


def _open_points(opened: _Opened) -> PointSet | None:
    source = opened.points
    if source is None:
        return None
    paths = expand_paths(source.files, POINT_SUFFIXES, "points", opened.spec.allow.roots)
    opened.limits.check("files", len(paths), "points")
    asked = source.crs or opened.spec.crs
    network = opened.spec.allow.network
    found = open_point_set(paths, asked, opened.limits, allow_network=network)
    if found.bounds is not None:
        told: list[str] = []
        check_place(horizontal(found.crs), found.bounds, None, f"points {found.name}", told)
        opened.notes += [f"{found.name}: {text}" for text in told]
    if not found.count:
        opened.notes.append(f"{found.name} holds no point")
    if not isinstance(found.source, PointBlock):
        opened.notes += found.source.notes
        silent = [file.name for file in found.source.files if frame_of(file.header).crs is None]
        opened.notes += [f"{name} states no CRS: {asked} was given for it" for name in silent]
    return found


# Whose CRS a scene takes: what would lose by resampling first, what is carried over without loss last.
_CRS_ORDER = ("dsm", "points", "ndsm", "dtm", "image", "footprints")


def _candidates(
    placed: dict[str, list[_Placed]], points: PointSet | None, opened: _Opened
) -> dict[str, tuple[CRS, Bounds]]:
    """CRS and extent of the first source of each role."""
    found = {role: (items[0].crs, items[0].sheet.info.bounds) for role, items in placed.items()}
    if points is not None and points.bounds is not None:
        found["points"] = (points.crs, points.bounds)
    if not found and opened.footprints is not None:
        # Read once more below, in the CRS that is chosen: `read_footprints` says which it would take.
        own = _load_footprints(opened, None)
        if not len(own):
            raise InputError(
                f"footprints {_label(opened.footprints.files[0])}", "hold no building", "Give others"
            )
        if own.crs is None:
            raise InputError("footprints", "state no CRS", "Say which with crs=... (--crs EPSG:28992)")
        found["footprints"] = (known_crs(own.crs), Bounds(*own.bounds))
    return {role: found[role] for role in _CRS_ORDER if role in found}


def _scene_crs(candidates: dict[str, tuple[CRS, Bounds]], opened: _Opened) -> CRS:
    """The one that was asked for; else that of the first source that is projected, in metres and true to
    scale there; else the local UTM zone.
    """
    asked = opened.spec.target_crs
    if asked is not None:
        crs = horizontal(known_crs(asked))
        problem = metric_problem(crs)
        if problem:
            raise InputError(
                f"target CRS {asked}", problem, "Give a projected CRS in metres, such as the local UTM zone"
            )
        return crs
    refused: list[str] = []
    for role, (own, bounds) in candidates.items():
        crs = horizontal(own)
        problem = metric_problem(crs, ((bounds.west + bounds.east) / 2, (bounds.south + bounds.north) / 2))
        if problem is None:
            return crs
        refused.append(f"{crs_name(crs)} of the {role}: {problem}")
    if not candidates:
        raise InputError(
            "scene", "holds nothing: its points are empty", "Give other points, rasters or footprints"
        )
    own, bounds = next(iter(candidates.values()))
    crs = local_utm(*check_place(horizontal(own), bounds, None, "scene", []))
    opened.notes.append(
        f"the scene is in {crs_name(crs)}, the local UTM zone ({'; '.join(dict.fromkeys(refused))})"
    )
    return crs


def _layer(role: str, placed: list[_Placed], crs: CRS, opened: _Opened, threads: int) -> RasterLayer:
    source = opened.spec.role(role) or Source(files=())
    if role == "image":
        images = [(item.sheet, item.crs) for item in placed]
        pieces, bands, notes = image_pieces(images, source.bands, source.nodata)
        opened.notes += notes
    else:
        bands = (role,)
        pieces = []
        for item in placed:
            info = replace(item.sheet.info, crs=item.crs)
            heights, told = heights_of(info, nodata=source.nodata, vertical_unit=source.vertical_unit)
            opened.notes += [f"{info.name}: {note}" for note in told]
            pieces.append(Piece(item.sheet, item.crs, heights))
    for item in placed:
        if not item.sheet.info.north_up:
            opened.notes.append(f"{item.sheet.info.name} is rotated or runs south-up: it is resampled")
    return RasterLayer(role, pieces, bands, crs, threads=threads)


def _read_footprints(opened: _Opened, crs: CRS) -> Footprints | None:
    """Outlines in the CRS of the scene, mended, with the walls that neighbours share noded once."""
    if opened.footprints is None:
        return None
    found = _load_footprints(opened, crs_name(crs))
    opened.notes += [f"{_label(opened.footprints.files[0])}: {note}" for note in found.notes]
    return prepare_footprints(found)


def _load_footprints(opened: _Opened, target: str | None) -> Footprints:
    source = opened.footprints
    if source is None or len(source.files) != 1:
        raise UsageError("footprints", "are not one file or table", "Give one")
    (item,) = source.files
    roots = opened.spec.allow.roots
    limits = VectorLimits(features=opened.limits.features, vertices=opened.limits.vertices)
    asked, layer = source.crs or opened.spec.crs, source.layer or opened.spec.layer
    if not isinstance(item, (str, os.PathLike)):
        return footprints_from_geodataframe(item, crs=asked, target_crs=target, limits=limits)
    check_name(os.fspath(item), "footprints")
    if not is_uri(os.fspath(item)):
        check_root(os.fspath(item), roots, f"footprints {item}")
    # A folder may be a pyramid of vector tiles, or hold a shapefile: the reader knows.
    whole = Path(item).is_dir() or is_uri(os.fspath(item))
    paths = [os.fspath(item)] if whole else expand_paths((item,), VECTOR_SUFFIXES, "footprints", roots)
    if len(paths) != 1:
        raise InputError(
            f"footprints {item}",
            f"stands for {len(paths)} files ({', '.join(map(str, paths))})",
            "Name one of them",
        )
    return read_footprints(
        paths[0],
        layer=layer,
        crs=asked,
        target_crs=target,
        limits=limits,
        allow_network=opened.spec.allow.network,
    )


def _check_overlap(scene: Scene) -> None:
    """Sources that share no ground are a mistake; which two is said, and what would mend it."""
    extents = scene.extents
    roles = list(extents)
    for i, a in enumerate(roles):
        for b in roles[i + 1 :]:
            if not overlaps(extents[a], extents[b]):
                raise InputError(
                    f"{_named(scene, a)} and {_named(scene, b)}",
                    f"do not overlap: in {crs_name(scene.crs)} the {a} covers {extents[a]} "
                    f"and the {b} {extents[b]}",
                    _disjoint_remedy(extents[a], extents[b]),
                )


def _named(scene: Scene, role: str) -> str:
    """A role with the first of its files."""
    if role in scene.layers:
        return f"{role} {scene.layers[role].pieces[0].sheet.info.name}"
    return f"points {scene.points.points.name}" if role == "points" and scene.points else role


def _disjoint_remedy(a: Bounds, b: Bounds) -> str:
    turned = Bounds(b.south, b.west, b.north, b.east)
    if overlaps(a, turned):
        return "The axes of one of them look swapped (y before x): write it anew with x first"
    return "Give sources of one place, or mend the CRS of the one that is wrong (crs=..., --crs)"
