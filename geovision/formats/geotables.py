"""Tables with shapes for a GIS: GeoParquet written batch by batch, GeoPackage and FlatGeobuf made from it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from geovision.errors import InputError, OutputError
from geovision.formats.atomic import atomic_path
from geovision.formats.attributes import AttributeType
from geovision.formats.parquet import open_parquet

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

__all__ = ["GeoTableWriter", "open_geotable", "write_flatgeobuf", "write_geopackage"]

GEOMETRY = "geometry"
_ROWS = 16_384
_TIME = "2000-01-01T00:00:00.000Z"
"""GeoPackages hold the time of writing; the same content is to have the same bytes."""


@contextmanager
def open_geotable(
    path: str | os.PathLike[str], columns: Mapping[str, AttributeType], *, crs: str | None = None
) -> Iterator[GeoTableWriter]:
    """A GeoParquet file that takes batch after batch and appears when the block ends without an error.

    Args:
        path: the file to write.
        columns: names and types of the columns beside the geometry; each batch brings the same.
        crs: of the coordinates; a local frame without one.
    """
    schema = _schema(columns)
    with open_parquet(path, schema) as file:
        writer = GeoTableWriter(file, schema, crs=crs)
        yield writer
        writer.finish()


class GeoTableWriter:
    """Writes batches of shapes with their attributes to one open Parquet file."""

    def __init__(self, file: pq.ParquetWriter, schema: pa.Schema, *, crs: str | None) -> None:
        self._schema = schema
        self._writer = file
        self._crs = crs
        self._types: set[str] = set()
        self._box: list[npt.NDArray[np.float64]] = []

    def write(
        self, shapes: npt.NDArray[np.object_], columns: Mapping[str, Sequence[Any] | npt.NDArray[Any]]
    ) -> None:
        """Append a row for every shape."""
        import pyarrow as pa
        import shapely

        if not len(shapes):
            return
        flags = shapely.to_wkb(shapes, output_dimension=3, flavor="iso")
        arrays = [
            _column(pa, columns[field.name], field.type) for field in self._schema if field.name != GEOMETRY
        ]
        self._writer.write_table(pa.table([*arrays, pa.array(flags, pa.binary())], schema=self._schema))
        names = np.array(_NAMES)[shapely.get_type_id(shapes)]
        deep = np.where(shapely.has_z(shapes), " Z", "")
        self._types.update(np.char.add(names, deep).tolist())
        bounds = shapely.bounds(shapes)
        bounds = bounds[np.isfinite(bounds).all(axis=1)]
        if len(bounds):
            self._box.append(np.concatenate([bounds[:, :2].min(axis=0), bounds[:, 2:].max(axis=0)]))

    def finish(self) -> None:
        """Add to the footer what makes the file a GeoParquet."""
        about: dict[str, Any] = {"encoding": "WKB", "geometry_types": sorted(self._types), "crs": None}
        if self._crs is not None:
            from pyproj import CRS

            about["crs"] = CRS.from_user_input(self._crs).to_json_dict()
        if self._box:
            box = np.stack(self._box)
            about["bbox"] = [*box[:, :2].min(axis=0).tolist(), *box[:, 2:].max(axis=0).tolist()]
        geo = {"version": "1.1.0", "primary_column": GEOMETRY, "columns": {GEOMETRY: about}}
        self._writer.add_key_value_metadata({"geo": json.dumps(geo)})


def _schema(columns: Mapping[str, AttributeType]) -> pa.Schema:
    import pyarrow as pa

    kinds = {"bool": pa.bool_(), "int": pa.int64(), "float": pa.float64(), "text": pa.string()}
    if GEOMETRY in columns:
        raise InputError(f"attribute {GEOMETRY!r}", "is the name of the shapes", "Give it another name")
    fields = [pa.field(name, kinds[kind]) for name, kind in columns.items()]
    return pa.schema([*fields, pa.field(GEOMETRY, pa.binary())])


_NAMES = (
    "Point",
    "LineString",
    "LinearRing",
    "Polygon",
    "MultiPoint",
    "MultiLineString",
    "MultiPolygon",
    "GeometryCollection",
)


def _column(pa: Any, values: Sequence[Any] | npt.NDArray[Any], kind: Any) -> Any:
    if isinstance(values, np.ndarray):
        return pa.array(values, kind, from_pandas=True)  # NaN is null
    return pa.array(values, kind)


def write_geopackage(path: str | os.PathLike[str], layers: Mapping[str, Path]) -> None:
    """A GeoPackage with a layer from each GeoParquet file that `open_geotable` wrote, atomically."""
    with atomic_path(path) as temporary:
        for name, source in layers.items():
            _through_gdal(source, temporary, "GPKG", name, append=temporary.exists())
        _check_layers(layers, temporary)


def write_flatgeobuf(path: str | os.PathLike[str], source: Path) -> None:
    """A FlatGeobuf file from a GeoParquet file that `open_geotable` wrote, atomically."""
    with atomic_path(path) as temporary:
        _through_gdal(source, temporary, "FlatGeobuf", Path(path).stem, append=False)
        _check_rows(source, temporary)


def _check_layers(layers: Mapping[str, Path], target: Path) -> None:
    """GDAL leaves the last spatial index out where the disk is full, without a word."""
    import sqlite3
    from contextlib import closing

    import pyarrow.parquet as pq

    for name, source in layers.items():
        rows = pq.read_metadata(source).num_rows
        tables = (f'"{name}"', f'"rtree_{name}_geom"')
        try:
            with closing(sqlite3.connect(target)) as base:
                found = [base.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0] for table in tables]
        except sqlite3.Error as error:
            raise _unwritten("GPKG", target, str(error)) from error
        if found[0] != rows:
            raise _unwritten("GPKG", target, f"{found[0]} of the {rows} rows of {name} are there")


def _check_rows(source: Path, target: Path) -> None:
    """GDAL closes a FlatGeobuf file that did not fit on the disk without a word."""
    import pyarrow.parquet as pq
    import pyogrio

    rows, found = pq.read_metadata(source).num_rows, 0
    try:
        with pyogrio.open_arrow(target, columns=[], use_pyarrow=True) as (_, reader):
            found = sum(len(batch) for batch in reader)
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, OSError, RuntimeError):
        pass  # cut off, as the count says
    if found != rows:
        raise _unwritten("FlatGeobuf", target, f"{found} of its {rows} rows are there")


def _unwritten(driver: str, target: Path, why: str) -> OutputError:
    remedy = "Check that the folder exists, may be written to and has space"
    return OutputError(f"{driver} file {target.name}", f"cannot be written ({why})", remedy)


def _through_gdal(source: Path, target: Path, driver: str, layer: str, *, append: bool) -> None:
    """Batch after batch, so that memory does not follow the file."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    import pyogrio

    file = pq.ParquetFile(source)
    about = json.loads(file.metadata.metadata[b"geo"])["columns"][GEOMETRY]
    kinds = about["geometry_types"]
    stream = pa.RecordBatchReader.from_batches(
        file.schema_arrow.remove_metadata(), file.iter_batches(batch_size=_ROWS)
    )
    # FlatGeobuf's index would put the buildings into another order.
    options = {"SPATIAL_INDEX": "NO"} if driver == "FlatGeobuf" else {}
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": _TIME})
    try:
        pyogrio.write_arrow(
            stream,
            target,
            driver=driver,
            layer=layer,
            geometry_name=GEOMETRY,
            geometry_type=kinds[0] if len(kinds) == 1 else "Unknown",
            crs=None if about["crs"] is None else json.dumps(about["crs"]),
            append=append,
            layer_options=options,
        )
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
        # GDAL tells of a full disk in its own words, not as an OSError.
        raise _unwritten(driver, target, str(error)) from error
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})
