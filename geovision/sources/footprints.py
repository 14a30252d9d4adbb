"""Building footprints from vector files, as flat arrays in a metric frame."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from geovision.errors import InputError

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

__all__ = [
    "FORMATS",
    "Footprints",
    "Problem",
    "footprints_from_geodataframe",
    "known_crs",
    "read_footprints",
]

# The driver is named on every open, so that a file cannot choose another reader by its content.
FORMATS = {
    ".gpkg": "GPKG",
    ".geojson": "GeoJSON",
    ".json": "GeoJSON",
    ".parquet": "GeoParquet",
    ".geoparquet": "GeoParquet",
}
_MAGIC = {"GPKG": b"SQLite format 3\x00", "GeoJSON": b"{"}
_ID_COLUMNS = ("id", "building_id", "identificatie", "osm_id", "gml_id", "fid", "objectid")
_MIN_AREA_M2 = 0.01


@dataclass(frozen=True)
class Problem:
    """A record that gave no footprint, and why."""

    id: str
    reason: str

    def __str__(self) -> str:
        return f"footprint {self.id!r}: {self.reason}"


@dataclass(frozen=True)
class Footprints:
    """Polygons as CSR arrays; footprint b is rings ring_offsets[b] to ring_offsets[b + 1], shell first.

    Rings are open. Coordinates are metres in `crs`; z values of the source are dropped.
    """

    ids: list[str]
    ring_offsets: npt.NDArray[np.int64]
    vertex_offsets: npt.NDArray[np.int64]
    xy: npt.NDArray[np.float64]
    crs: str | None = None
    attributes: list[dict[str, Any]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.ids)

    def rings(self, index: int) -> list[npt.NDArray[np.float64]]:
        """The rings of one footprint, shell first."""
        first, last = self.ring_offsets[index], self.ring_offsets[index + 1]
        cuts = self.vertex_offsets
        return [self.xy[cuts[ring] : cuts[ring + 1]] for ring in range(first, last)]

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north."""
        low, high = self.xy.min(axis=0), self.xy.max(axis=0)
        return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def read_footprints(path: str | Path, *, layer: str | None = None, crs: str | None = None) -> Footprints:
    """Read building footprints from a GeoPackage, GeoJSON or GeoParquet file.

    Multi-polygons become one footprint per piece (`id/0`, `id/1`, ...). A geographic CRS is put into the
    local UTM zone. Records that cannot serve are left out and listed in `problems`.

    Args:
        path: a .gpkg, .geojson, .json, .parquet or .geoparquet file.
        layer: layer of a GeoPackage; needed where it has several with polygons.
        crs: CRS of a file that states none, for example "EPSG:28992".
    """
    path = Path(path)
    driver = FORMATS.get(path.suffix.lower())
    if driver is None:
        raise InputError(
            f"footprints {path}",
            f"the suffix {path.suffix!r} is not known",
            f"Give a file that ends in {', '.join(FORMATS)}",
        )
    if not path.is_file():
        raise InputError(f"footprints {path}", "there is no such file", "Check the path")
    frame = _read_parquet(path, layer) if driver == "GeoParquet" else _read_ogr(path, driver, layer)
    return footprints_from_geodataframe(frame, crs=crs, name=str(path))


def footprints_from_geodataframe(
    frame: GeoDataFrame, *, crs: str | None = None, name: str = "GeoDataFrame"
) -> Footprints:
    """Footprints from a GeoDataFrame; the rules are those of `read_footprints`."""
    if not hasattr(frame, "geometry"):
        raise InputError(
            f"footprints {name}", "the table has no geometry column", "Set one with set_geometry"
        )
    frame = _in_metres(frame, crs, name)
    ids = _ids(frame)
    problems: list[Problem] = []
    polygons, rows, names = _polygons(frame.geometry.to_numpy(), ids, problems)
    if not polygons:
        kinds = sorted({str(kind) for kind in frame.geom_type.dropna().unique()})
        found = f"it holds {', '.join(kinds)}" if kinds else "it is empty"
        if problems:
            found += f"; first problem: {problems[0]}"
        raise InputError(
            f"footprints {name}", f"no usable polygons ({found})", "Give a layer of building polygons"
        )
    ring_offsets, vertex_offsets, xy = _arrays(polygons)
    attributes = _attributes(frame)
    return Footprints(
        names,
        ring_offsets,
        vertex_offsets,
        xy,
        _crs_name(frame.crs),
        [attributes[row] for row in rows],
        problems,
    )


def _read_ogr(path: Path, driver: str, layer: str | None) -> GeoDataFrame:
    import pyogrio
    import pyogrio.errors

    # The prefix names the driver: nothing else in GDAL answers to it, whatever the bytes look like.
    source = f"{driver}:{path}"
    try:
        with path.open("rb") as file:
            head = file.read(512).lstrip(b"\xef\xbb\xbf \t\r\n")
    except OSError as error:
        raise InputError(
            f"footprints {path}", f"cannot be opened ({error.strerror})", "Check its permissions"
        ) from error
    if not head.startswith(_MAGIC[driver]):
        raise InputError(
            f"footprints {path}",
            f"the content is not {driver}",
            "Check that the file is what its suffix says",
        )
    try:
        names = [str(item) for item in pyogrio.list_layers(source)[:, 0]]
        if layer is None and len(names) > 1:
            raise InputError(
                f"footprints {path}",
                f"it has {len(names)} layers",
                f"Choose one with layer (--layer): {', '.join(names)}",
            )
        if layer is not None and layer not in names:
            raise InputError(
                f"footprints {path}", f"it has no layer {layer!r}", f"Use one of {', '.join(names)}"
            )
        return pyogrio.read_dataframe(source, layer=layer, fid_as_index=True)
    except (
        pyogrio.errors.DataSourceError,
        pyogrio.errors.DataLayerError,
        ValueError,
        UnicodeDecodeError,
    ) as error:
        raise InputError(
            f"footprints {path}",
            f"it cannot be read as {driver} ({_first_line(error)})",
            "Check that the file is complete",
        ) from error


def _read_parquet(path: Path, layer: str | None) -> GeoDataFrame:
    import geopandas
    import pyarrow

    if layer is not None:
        raise InputError(f"footprints {path}", "a GeoParquet file has no layers", "Leave layer out")
    try:
        return geopandas.read_parquet(path)
    except (pyarrow.ArrowInvalid, OSError, ValueError, KeyError) as error:
        raise InputError(
            f"footprints {path}",
            f"it cannot be read as GeoParquet ({_first_line(error)})",
            "Check that it is complete",
        ) from error


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def known_crs(name: str, *, metric: bool = False) -> Any:
    """The CRS (of pyproj) of that name; with `metric` one in degrees is refused.

    >>> known_crs("EPSG:28992", metric=True).name
    'Amersfoort / RD New'
    """
    import pyproj
    from pyproj.exceptions import CRSError

    try:
        found = pyproj.CRS.from_user_input(name)
    except CRSError as error:
        raise InputError(
            f"crs {name!r}", "is not known to PROJ", "Give it as EPSG:28992 or as WKT"
        ) from error
    if metric and found.is_geographic:
        raise InputError(f"crs {name!r}", "is in degrees, but programs are in metres", "Give a projected CRS")
    return found


def _in_metres(frame: GeoDataFrame, crs: str | None, name: str) -> GeoDataFrame:
    if frame.crs is None:
        if crs is None:
            _refuse_degrees(frame, name)
            return frame
        frame = frame.set_crs(known_crs(crs))
    found = frame.crs
    sound = frame[np.isfinite(frame.geometry.bounds.to_numpy()).all(axis=1)]
    if found.is_geographic:
        return frame.to_crs(sound.estimate_utm_crs()) if len(sound) else frame
    unit = found.axis_info[0].unit_name if found.axis_info else "metre"
    if unit not in ("metre", "meter"):
        # Feet and the like: the same UTM frame as for degrees.
        return frame.to_crs(sound.to_crs(4326).estimate_utm_crs()) if len(sound) else frame
    return frame


def _refuse_degrees(frame: GeoDataFrame, name: str) -> None:
    bounds = [float(value) for value in frame.total_bounds]
    if (
        all(math.isfinite(value) for value in bounds)
        and max(map(abs, bounds)) <= 360
        and bounds[2] - bounds[0] < 3
    ):
        raise InputError(
            f"footprints {name}",
            f"no CRS is stated and coordinates up to {max(map(abs, bounds)):.1f} look like degrees",
            "State the CRS with crs (--crs EPSG:4326), or give metres",
        )


def _ids(frame: GeoDataFrame) -> list[str]:
    """The source's own ids where there is a column of them without gaps and doubles, else row numbers."""
    lower = {str(column).lower(): column for column in frame.columns if column != frame.geometry.name}
    for wanted in _ID_COLUMNS:
        if wanted in lower:
            values = frame[lower[wanted]]
            if values.notna().all() and values.is_unique:
                return [_id_text(value) for value in values.tolist()]
    rows = frame.index if frame.index.is_unique else range(len(frame))
    return [str(value) for value in rows]


def _id_text(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _polygons(
    geometries: npt.NDArray[np.object_], ids: Sequence[str], problems: list[Problem]
) -> tuple[list[Any], list[int], list[str]]:
    import shapely

    geometries = shapely.force_2d(geometries)
    polygons: list[Any] = []
    rows: list[int] = []
    names: list[str] = []
    for row, (geometry, name) in enumerate(zip(geometries, ids, strict=True)):
        if geometry is None or geometry.is_empty:
            problems.append(Problem(name, "it has no geometry. Drop it, or draw its outline."))
            continue
        if geometry.geom_type not in ("Polygon", "MultiPolygon"):
            problems.append(
                Problem(name, f"it is a {geometry.geom_type}, not a polygon. Drop it, or give its outline.")
            )
            continue
        pieces = [geometry] if geometry.geom_type == "Polygon" else list(geometry.geoms)
        for number, piece in enumerate(pieces):
            own = name if len(pieces) == 1 else f"{name}/{number}"
            if not np.isfinite(shapely.get_coordinates(piece)).all():
                problems.append(Problem(own, "a coordinate is NaN or infinite. Mend it."))
            elif not piece.is_valid:
                reason = shapely.is_valid_reason(piece)
                problems.append(
                    Problem(
                        own, f"it is not valid: {reason}. Repair it, for example with shapely.make_valid."
                    )
                )
            elif piece.area < _MIN_AREA_M2:
                problems.append(
                    Problem(
                        own, f"its area is {piece.area:.4f} m2; at least {_MIN_AREA_M2} is needed. Drop it."
                    )
                )
            else:
                polygons.append(piece)
                rows.append(row)
                names.append(own)
    return polygons, rows, names


def _arrays(
    polygons: list[Any],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    import shapely

    array = np.array(polygons, dtype=object)
    rings, owner = shapely.get_rings(array, return_index=True)
    coords, ring_of = shapely.get_coordinates(rings, return_index=True)
    # Rings come closed; the last vertex of each is the first again.
    last = np.append(np.diff(ring_of) != 0, True)
    sizes = np.bincount(ring_of, minlength=len(rings)) - 1
    ring_counts = np.bincount(owner, minlength=len(array))
    return (
        np.concatenate(([0], np.cumsum(ring_counts))).astype(np.int64),
        np.concatenate(([0], np.cumsum(sizes))).astype(np.int64),
        np.ascontiguousarray(coords[~last]),
    )


def _attributes(frame: GeoDataFrame) -> list[dict[str, Any]]:
    """Plain JSON scalars per row; empty cells are left out, dates become text."""
    columns = [column for column in frame.columns if column != frame.geometry.name]
    rows: list[dict[str, Any]] = [{} for _ in range(len(frame))]
    for column in columns:
        values = frame[column]
        for row, value, missing in zip(rows, values.tolist(), values.isna().tolist(), strict=True):
            if not np.any(missing):
                row[str(column)] = _scalar(value)
    return rows


def _scalar(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if isinstance(value, (bool, int, float, str)) else str(value)


def _crs_name(crs: Any) -> str | None:
    if crs is None:
        return None
    authority = crs.to_authority()
    return ":".join(authority) if authority else str(crs.to_wkt())
