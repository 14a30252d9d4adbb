"""Writes building footprints as GeoPackage, GeoParquet, GeoJSON or FlatGeobuf, the same bytes every time."""

from __future__ import annotations

import io
import itertools
import json
import math
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from geovision.errors import UsageError
from geovision.formats.atomic import atomic_write

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

__all__ = ["FOOTPRINT_FORMATS", "FootprintArrays", "footprint_frame", "write_footprints"]

FOOTPRINT_FORMATS = {
    ".gpkg": "GPKG",
    ".parquet": "GeoParquet",
    ".geoparquet": "GeoParquet",
    ".geojson": "GeoJSON",
    ".json": "GeoJSON",
    ".fgb": "FlatGeobuf",
}
_TIME = "2000-01-01T00:00:00.000Z"
"""What a GeoPackage says of its last change: the hour of writing would make every file a different one."""


class FootprintArrays(Protocol):
    """What `geovision.sources.Footprints` has, and any other owner of such arrays may have."""

    @property
    def ids(self) -> Sequence[str]:
        """One per footprint."""

    @property
    def ring_offsets(self) -> npt.NDArray[np.int64]:
        """Rings of each footprint, shell first."""

    @property
    def vertex_offsets(self) -> npt.NDArray[np.int64]:
        """Vertices of each ring, open."""

    @property
    def xy(self) -> npt.NDArray[np.float64]:
        """[n, 2] metres in `crs`."""

    @property
    def crs(self) -> str | None:
        """Name or WKT of the CRS."""

    @property
    def attributes(self) -> Sequence[Mapping[str, Any]]:
        """One mapping per footprint, or none at all."""


def write_footprints(path: str | Path, footprints: FootprintArrays, *, layer: str = "footprints") -> None:
    """Write footprints in the format of the suffix; ids go to the column `id`, attributes beside it.

    The file appears when it is whole. Its bytes depend on the footprints and on the versions of the
    libraries alone, not on the time of writing. Coordinates are written as they are, in their own CRS.

    >>> import tempfile
    >>> from types import SimpleNamespace
    >>> square = SimpleNamespace(
    ...     ids=["a"], ring_offsets=np.array([0, 1]), vertex_offsets=np.array([0, 4]), crs="EPSG:28992",
    ...     xy=np.array([[0.0, 0.0], [8.0, 0.0], [8.0, 6.0], [0.0, 6.0]]), attributes=[{"levels": 2}])
    >>> target = Path(tempfile.mkdtemp()) / "town.geojson"
    >>> write_footprints(target, square)
    >>> json.loads(target.read_text())["features"][0]["properties"]
    {'id': 'a', 'levels': 2}

    Args:
        path: a .gpkg, .parquet, .geoparquet, .geojson, .json or .fgb file.
        footprints: `geovision.sources.Footprints`, or arrays of the same names.
        layer: name of the layer in formats that have one.
    """
    path = Path(path)
    driver = FOOTPRINT_FORMATS.get(path.suffix.lower())
    if driver is None:
        raise UsageError(
            f"footprints {path}",
            f"the suffix {path.suffix!r} is not known",
            f"End it in {', '.join(FOOTPRINT_FORMATS)}",
        )
    if driver == "GeoJSON":
        content = _geojson(footprints)
    elif driver == "GeoParquet":
        buffer = io.BytesIO()
        footprint_frame(footprints).to_parquet(buffer, compression="zstd")
        content = buffer.getvalue()
    else:
        content = _gdal_bytes(footprint_frame(footprints), driver, layer)
    with atomic_write(path) as file:
        file.write(content)


def footprint_frame(footprints: FootprintArrays) -> GeoDataFrame:
    """The footprints as a GeoDataFrame with a column `id` and one for each attribute."""
    import geopandas

    columns = {name: _column(values) for name, values in _columns(footprints).items()}
    return geopandas.GeoDataFrame(columns, geometry=_polygons(footprints), crs=footprints.crs)


def _polygons(footprints: FootprintArrays) -> npt.NDArray[np.object_]:
    import shapely

    if not len(footprints.ids):
        return np.zeros(0, object)
    ring_of = np.repeat(np.arange(len(footprints.vertex_offsets) - 1), np.diff(footprints.vertex_offsets))
    owner = np.repeat(np.arange(len(footprints.ids)), np.diff(footprints.ring_offsets))
    rings = shapely.linearrings(footprints.xy, indices=ring_of)
    return np.asarray(shapely.polygons(rings, indices=owner), dtype=object)


def _columns(footprints: FootprintArrays) -> dict[str, list[Any]]:
    """Values by column, None where a footprint has none; names differ by more than case, as SQL wants it."""
    names: dict[str, str] = {}
    taken = {"id", "fid", "geometry", "geom"}
    for row in footprints.attributes:
        for key in row:
            if key in names or key == "id":
                continue
            name, number = str(key), 2
            while name.lower() in taken:
                name, number = f"{key}_{number}", number + 1
            taken.add(name.lower())
            names[key] = name
    columns: dict[str, list[Any]] = {"id": list(footprints.ids)}
    for key, name in names.items():
        columns[name] = [_plain(row.get(key)) for row in footprints.attributes]
    return columns


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple, dict)):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def _column(values: list[Any]) -> Any:
    """One type for the whole column: whole numbers stay whole, mixed ones become text."""
    import pandas

    kinds = {type(value) for value in values if value is not None}
    if kinds == {bool}:
        return pandas.array(values, dtype="boolean")
    if kinds == {int} and all(abs(value) < 2**63 for value in values if value is not None):
        return pandas.array(values, dtype="Int64")
    if kinds and kinds <= {int, float}:
        return np.array([np.nan if value is None else float(value) for value in values])
    texts = [
        None if value is None else value if isinstance(value, str) else json.dumps(value) for value in values
    ]
    return np.array(texts, dtype=object)


def _gdal_bytes(frame: GeoDataFrame, driver: str, layer: str) -> bytes:
    import pyogrio

    buffer = io.BytesIO()
    # FlatGeobuf's index would put the footprints into another order.
    options = {"SPATIAL_INDEX": "NO"} if driver == "FlatGeobuf" else {}
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": _TIME})
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "'crs' was not provided")  # local frames have none
            pyogrio.write_dataframe(
                frame, buffer, driver=driver, layer=layer, geometry_type="Polygon", layer_options=options
            )
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})
    return buffer.getvalue()


def _geojson(footprints: FootprintArrays) -> bytes:
    """A feature a line, numbers in the shortest form that reads back as the same."""
    columns = _columns(footprints)
    head: dict[str, Any] = {"type": "FeatureCollection"}
    if footprints.crs is not None:
        head["crs"] = {"type": "name", "properties": {"name": _crs_urn(footprints.crs)}}
    lines = []
    for index in range(len(footprints.ids)):
        properties = {name: values[index] for name, values in columns.items() if values[index] is not None}
        first, last = footprints.ring_offsets[index : index + 2]
        cuts = footprints.vertex_offsets[first : last + 1]
        rings = [footprints.xy[a:b].tolist() for a, b in itertools.pairwise(cuts)]
        geometry = {"type": "Polygon", "coordinates": [[*ring, ring[0]] for ring in rings]}
        feature = {"type": "Feature", "properties": properties, "geometry": geometry}
        lines.append(json.dumps(feature, ensure_ascii=False, allow_nan=False))
    start = json.dumps(head, ensure_ascii=False)[:-1]
    return (start + ', "features": [\n' + ",\n".join(lines) + "\n]}\n").encode()


def _crs_urn(crs: str) -> str:
    authority, _, code = crs.partition(":")
    return f"urn:ogc:def:crs:{authority}::{code}" if code.isdigit() else crs
