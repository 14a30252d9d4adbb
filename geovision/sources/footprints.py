"""Building footprints from vector files, as flat arrays in a metric frame."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from geovision.errors import InputError
from geovision.sources.crs import crs_name, is_metric, known_crs
from geovision.sources.footprint_frame import to_metric_frame
from geovision.sources.footprint_set import Footprints, Problem, Repair, polygon_arrays
from geovision.sources.names import check_name
from geovision.sources.remote_files import is_uri, local_copy
from geovision.sources.repair import repair_polygons
from geovision.sources.tile_archives import is_tile_folder
from geovision.sources.vector_files import FORMATS, Box, VectorLimits, Window, first_line, read_vector_file
from geovision.sources.vector_tiles import read_vector_tiles

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

__all__ = [
    "FORMATS",
    "Footprints",
    "Problem",
    "Repair",
    "VectorLimits",
    "footprints_from_geodataframe",
    "known_crs",
    "read_footprints",
    "read_frame",
    "window_finder",
]

_ID_COLUMNS = ("id", "building_id", "identificatie", "osm_id", "gml_id", "fid", "objectid")

_TILED = (".pmtiles", ".mbtiles")


def read_footprints(
    path: str | Path,
    *,
    layer: str | None = None,
    crs: str | None = None,
    target_crs: str | None = None,
    bounds: Box | None = None,
    limits: VectorLimits | None = None,
    allow_network: bool = False,
) -> Footprints:
    """Read building footprints from a vector file or vector tiles, valid and in metres.

    Reads GeoPackage, GeoParquet, GeoJSON, FlatGeobuf and shapefiles, and Mapbox vector tiles in PMTiles,
    MBTiles or a folder of {z}/{x}/{y}.pbf, where pieces that tile borders cut are joined again.

    Each outline is repaired where it has to be, and `repairs` tells what was done; records that cannot serve
    are left out and listed in `problems`. Multi-polygons become one footprint per piece (`id/0`, `id/1` ...).
    What neighbours have to agree on, overlaps and shared walls, is left to `prepare_footprints`.

    Args:
        path: a .gpkg, .geojson, .json, .fgb, .shp, .parquet, .geoparquet, .pmtiles or .mbtiles file, a
            folder of tiles or with one shapefile in it, or the URI of a single file (s3://, https:// ...).
        layer: layer of the file; needed where it has several.
        crs: CRS of a file that states none, for example "EPSG:28992".
        target_crs: projected CRS in metres to return them in. Without it they stay in their own, or where
            that is not in metres (degrees, feet, web map) go to the local UTM zone.
        bounds: west, south, east, north in the CRS of the result; footprints whose boxes lie outside are
            left out. Ids do not depend on it.
        limits: what the file may hold, see `VectorLimits`.
        allow_network: read URIs; without it nothing is fetched.
    """
    check_name(str(path), "footprints")
    limits = limits or VectorLimits()
    notes: list[str] = []
    window = window_finder(crs, target_crs, bounds)
    if is_uri(path):
        with local_copy(str(path), allow_network=allow_network, limit=limits.file_bytes) as copy:
            frame = read_frame(copy, layer, window, limits, notes)
    else:
        frame = read_frame(Path(path), layer, window, limits, notes)
    found = _from_frame(frame, crs, target_crs, str(path), limits, notes, empty_ok=bounds is not None)
    if bounds is None:
        return found
    west, south, east, north = bounds
    boxes = found.boxes()
    inside = (boxes[:, 0] <= east) & (boxes[:, 2] >= west) & (boxes[:, 1] <= north) & (boxes[:, 3] >= south)
    return found.take(np.flatnonzero(inside))


def footprints_from_geodataframe(
    frame: GeoDataFrame,
    *,
    crs: str | None = None,
    target_crs: str | None = None,
    limits: VectorLimits | None = None,
    name: str = "GeoDataFrame",
) -> Footprints:
    """Footprints from a GeoDataFrame; the rules are those of `read_footprints`."""
    return _from_frame(frame, crs, target_crs, name, limits or VectorLimits(), [], empty_ok=False)


def read_frame(
    path: Path, layer: str | None, window: Window | None, limits: VectorLimits, notes: list[str]
) -> GeoDataFrame:
    """The table of a vector file, a folder with a shapefile, or vector tiles; as it is."""
    if is_tile_folder(path) or path.suffix.lower() in _TILED:
        if not path.exists():
            raise InputError(f"footprints {path}", "there is no such file", "Check the path")
        return read_vector_tiles(path, layer=layer, window=window, limits=limits, notes=notes)
    return read_vector_file(_file(path), layer=layer, window=window, limits=limits, notes=notes)


def _file(path: Path) -> Path:
    if path.is_dir():
        found = sorted(item for item in path.iterdir() if item.suffix.lower() == ".shp")
        if len(found) != 1:
            raise InputError(
                f"footprints {path}",
                f"the folder holds no vector tiles and {len(found)} shapefiles",
                "Give the file itself, or a folder of {z}/{x}/{y}.pbf or with one shapefile",
            )
        path = found[0]
    if path.suffix.lower() not in FORMATS:
        raise InputError(
            f"footprints {path}",
            f"the suffix {path.suffix!r} is not known",
            f"Give a file that ends in {', '.join([*FORMATS, *_TILED])}",
        )
    if not path.is_file():
        raise InputError(f"footprints {path}", "there is no such file", "Check the path")
    return path


def window_finder(crs: str | None, target_crs: str | None, bounds: Box | None) -> Window | None:
    """From a file's CRS to `bounds` in it, widened; None where only a whole read can tell."""
    if bounds is None:
        return None
    if not (all(map(math.isfinite, bounds)) and bounds[0] <= bounds[2] and bounds[1] <= bounds[3]):
        raise InputError(f"bounds {bounds}", "are not west, south, east, north", "Give four finite numbers")

    def find(stated: Any) -> Box | None:
        import pyproj

        source = stated or crs
        if source is None or target_crs is None:
            return bounds if source is None or is_metric(known_crs(source)) else None
        way = pyproj.Transformer.from_crs(known_crs(target_crs), known_crs(source), always_xy=True)
        west, south, east, north = way.transform_bounds(*bounds, densify_pts=21)
        margin = 0.01 * max(east - west, north - south)
        box = (west - margin, south - margin, east + margin, north + margin)
        return box if all(map(math.isfinite, box)) and west < east else None

    return find


def _from_frame(
    frame: GeoDataFrame,
    crs: str | None,
    target_crs: str | None,
    name: str,
    limits: VectorLimits,
    notes: list[str],
    *,
    empty_ok: bool,
) -> Footprints:
    if not hasattr(frame, "geometry"):
        raise InputError(
            f"footprints {name}", "the table has no geometry column", "Set one with set_geometry"
        )
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        raise InputError(
            f"footprints {name}", f"two columns are named {str(twice[0])[:80]!r}", "Rename or drop one"
        )
    kinds = sorted({str(kind) for kind in frame.geom_type.dropna().unique()})
    frame, told = to_metric_frame(frame, crs, target_crs, name)
    ids = _ids(frame, name, told)
    found = repair_polygons(frame.geometry.to_numpy(), ids)
    if not len(frame):
        # A tile of a larger area may have no building; that is no mistake.
        told.append("it holds no footprint")
    elif not len(found.polygons) and not empty_ok:
        held = f"it holds {', '.join(kinds)}" if kinds else "its records have no shapes"
        if found.problems:
            held += f"; first problem: {found.problems[0]}"
        raise InputError(
            f"footprints {name}", f"no usable polygons ({held})", "Give a layer of building polygons"
        )
    if found.dropped_z:
        told.append(f"z values of {found.dropped_z} records were left out")
    attributes, clipped = _attributes(frame, ids, limits.attribute_chars, name)
    ring_offsets, vertex_offsets, xy = polygon_arrays(found.polygons)
    return Footprints(
        found.ids,
        ring_offsets,
        vertex_offsets,
        xy,
        crs_name(frame.crs),
        [attributes[row] for row in found.rows],
        found.problems,
        found.repairs + clipped,
        notes=tuple(notes + told),
    )


def _ids(frame: GeoDataFrame, name: str, told: list[str]) -> list[str]:
    """The source's own ids where there is a column of them without gaps and doubles, else row numbers.

    What is wrong with a column that could have been it is added to `told`.
    """
    lower = {str(column).lower(): column for column in frame.columns if column != frame.geometry.name}
    for wanted in _ID_COLUMNS:
        if wanted in lower:
            values = frame[lower[wanted]]
            if not values.notna().all():
                told.append(f"column {lower[wanted]!r} has gaps: its values are not taken for ids")
                continue
            texts = [_id_text(value) for value in _cells(values, wanted, name)]
            double = next((text for text, times in Counter(texts).items() if times > 1), None)
            if double is None:
                return texts
            what = f"column {lower[wanted]!r} has {double[:80]!r} more than once"
            told.append(f"{what}: its values are not taken for ids")
    rows = frame.index if frame.index.is_unique else range(len(frame))
    return [str(value) for value in rows]


def _id_text(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _attributes(
    frame: GeoDataFrame, ids: list[str], limit: int, name: str
) -> tuple[list[dict[str, Any]], list[Repair]]:
    """Plain JSON scalars per row: no empty or infinite cells, dates as text, and no long text."""
    columns = [column for column in frame.columns if column != frame.geometry.name]
    rows: list[dict[str, Any]] = [{} for _ in range(len(frame))]
    clipped: list[Repair] = []
    for column in columns:
        values = frame[column]
        cells = zip(_cells(values, str(column), name), values.isna().tolist(), strict=True)
        for index, (value, missing) in enumerate(cells):
            if missing or (isinstance(value, float) and not math.isfinite(value)):
                continue
            plain = _scalar(value)
            if isinstance(plain, str) and len(plain) > limit:
                what = f"attribute {str(column)[:80]!r} of {len(plain):,} characters was cut to {limit:,}"
                clipped.append(Repair(ids[index], what))
                plain = plain[:limit]
            rows[index][str(column)] = plain
    return rows, clipped


def _cells(values: Any, column: str, name: str) -> list[Any]:
    import pyarrow

    try:
        return list(values.tolist())
    except (pyarrow.ArrowException, ValueError) as error:
        raise InputError(
            f"footprints {name}",
            f"the values of column {column[:80]!r} cannot be decoded ({first_line(error)})",
            "Check that the file is complete, or leave the column out",
        ) from error


def _scalar(value: Any) -> Any:
    return value if isinstance(value, (bool, int, float, str)) else str(value)
