"""Vector files to tables, by the driver that their name promises and no other."""

from __future__ import annotations

import contextlib
import sqlite3
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from geovision.confine import reading
from geovision.errors import InputError
from geovision.sources.sqlite_file import open_sqlite

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

__all__ = ["FORMATS", "Box", "VectorLimits", "Window", "first_line", "read_vector_file"]

FORMATS = {
    ".gpkg": "GPKG",
    ".geojson": "GeoJSON",
    ".json": "GeoJSON",
    ".fgb": "FlatGeobuf",
    ".shp": "ESRI Shapefile",
    ".parquet": "GeoParquet",
    ".geoparquet": "GeoParquet",
}
# What a file begins with. A file with this beginning is opened by the driver it stands for: GeoPackage and
# GeoJSON through GDAL's prefix for the driver, the others because no other driver knows the beginning.
_MAGIC = {
    "GPKG": b"SQLite format 3\x00",
    "GeoJSON": b"{",
    "FlatGeobuf": b"fgb\x03fgb",
    "ESRI Shapefile": b"\x00\x00\x27\x0a",
    "GeoParquet": b"PAR1",
}
_PREFIXED = ("GPKG", "GeoJSON")

Box = tuple[float, float, float, float]
Window = Callable[[Any], Box | None]
"""From the CRS that a file states to the box that is wanted of it; None for all."""


@dataclass(frozen=True)
class VectorLimits:
    """What a vector file may hold; checked before it is read as far as its header tells."""

    features: int = 20_000_000
    vertices: int = 400_000_000
    file_bytes: int = 16 * 2**30
    attribute_chars: int = 10_000
    """Longer text is cut, with a record."""


def read_vector_file(
    path: Path, *, layer: str | None, window: Window | None, limits: VectorLimits, notes: list[str]
) -> GeoDataFrame:
    """The table of a file; `window` may leave out what lies elsewhere."""
    driver = FORMATS[path.suffix.lower()]
    reading(f"footprints {path}")
    _check_head(path, driver, limits)
    if driver == "GeoParquet":
        return _read_parquet(path, layer, window, limits)
    if driver == "ESRI Shapefile":
        with _whole_shapefile(path, notes) as whole:
            return _read_ogr(whole, path, driver, layer, window, limits, notes)
    return _read_ogr(path, path, driver, layer, window, limits, notes)


def _check_head(path: Path, driver: str, limits: VectorLimits) -> None:
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(512)
    except OSError as error:
        raise InputError(
            f"footprints {path}", f"cannot be opened ({error.strerror})", "Check its permissions"
        ) from error
    if driver == "GeoJSON":
        head = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if not head.startswith(_MAGIC[driver]):
        what = "it is empty" if not size else f"the content is not {driver}"
        raise InputError(f"footprints {path}", what, "Check that the file is what its suffix says")
    _check_limit(path, "bytes", size, "file_bytes", limits.file_bytes)


def _check_limit(path: Path, what: str, found: int, name: str, limit: int) -> None:
    if found > limit:
        raise InputError(
            f"footprints {path}",
            f"it has {found:,} {what}; at most {limit:,} are read",
            f"Raise limits.{name}, or give a smaller file",
        )


def _read_ogr(
    opened: Path,
    path: Path,
    driver: str,
    layer: str | None,
    window: Window | None,
    limits: VectorLimits,
    notes: list[str],
) -> GeoDataFrame:
    import pyogrio

    if driver == "GPKG":
        _check_are_tables(path)
    source = f"{driver}:{opened.absolute()}" if driver in _PREFIXED else str(opened.absolute())
    with _gdal_errors(path, driver, notes):
        layer = _choose_layer(path, [str(item) for item in pyogrio.list_layers(source)[:, 0]], layer)
        facts = pyogrio.read_info(source, layer=layer)
        if facts["driver"] != driver:
            raise InputError(
                f"footprints {path}", f"it is {facts['driver']}, not {driver}", "Give it its own suffix"
            )
        _check_limit(path, "features", int(facts["features"]), "features", limits.features)
        box = None if window is None else window(facts["crs"])
        frame = pyogrio.read_dataframe(source, layer=layer, fid_as_index=True, bbox=box, on_invalid="ignore")
    _restore_integers(frame, facts)
    if not hasattr(frame, "geometry"):
        raise InputError(
            f"footprints {path}", f"layer {layer!r} has no geometry", "Give a layer of building polygons"
        )
    if driver == "GeoJSON":
        _forget_default_crs(frame)
    _check_vertices(path, frame, limits)
    return frame


def _check_are_tables(path: Path) -> None:
    """A view, or a table worked out when it is read, would run a stranger's SQL as soon as GDAL looks."""
    query = (
        "select name, type, sql from sqlite_master where lower(name) in "
        "(select lower(table_name) from gpkg_contents) limit 10000"
    )
    try:
        with contextlib.closing(open_sqlite(path)) as base:
            contents = base.execute("select type from sqlite_master where name = 'gpkg_contents'").fetchall()
            found = (
                base.execute(query).fetchall() if contents == [("table",)] else [("gpkg_contents", "", "")]
            )
    except (sqlite3.Error, UnicodeDecodeError) as error:  # a schema that is no text
        raise InputError(
            f"footprints {path}", f"it cannot be read as GPKG ({error})", "Check that the file is complete"
        ) from error
    for name, kind, sql in found:
        if kind != "table" or str(sql).lower().split()[:2] != ["create", "table"]:
            raise InputError(
                f"footprints {path}",
                f"layer {name!r} is no table but worked out by SQL in the file, which is not run",
                "Write it as a table of a new file with ogr2ogr",
            )


def _restore_integers(frame: GeoDataFrame, facts: dict[str, Any]) -> None:
    """Whole numbers that became floats because some rows have none."""
    for name, kind in zip(facts["fields"], facts["dtypes"], strict=True):
        if str(kind).startswith("int") and frame[name].dtype.kind == "f" and abs(frame[name]).max() < 2**53:
            frame[name] = frame[name].round().astype("Int64")


def _forget_default_crs(frame: GeoDataFrame) -> None:
    """GDAL takes a GeoJSON file that states no CRS for degrees; numbers that cannot be degrees say no."""
    bounds = frame.total_bounds
    if frame.crs is not None and frame.crs.is_geographic and (abs(bounds) > 720).any():
        frame.set_crs(None, allow_override=True, inplace=True)


def _choose_layer(path: Path, names: list[str], layer: str | None) -> str:
    if layer is not None and layer not in names:
        raise InputError(f"footprints {path}", f"it has no layer {layer!r}", f"Use one of {', '.join(names)}")
    if not names:
        raise InputError(f"footprints {path}", "it has no layer", "Give a layer of building polygons")
    if layer is None and len(names) > 1:
        raise InputError(
            f"footprints {path}",
            f"it has {len(names)} layers",
            f"Choose one with layer (--layer): {', '.join(names)}",
        )
    return names[0] if layer is None else layer


def _check_vertices(path: Path, frame: GeoDataFrame, limits: VectorLimits) -> None:
    import shapely

    _check_limit(path, "features", len(frame), "features", limits.features)
    vertices = int(shapely.get_num_coordinates(frame.geometry.to_numpy()).sum())
    _check_limit(path, "vertices", vertices, "vertices", limits.vertices)


@contextlib.contextmanager
def _gdal_errors(path: Path, driver: str, notes: list[str]) -> Iterator[None]:
    """GDAL's warnings become notes, and its errors one of ours."""
    import pyogrio.errors
    import shapely

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            yield
        except (
            pyogrio.errors.DataSourceError,
            pyogrio.errors.DataLayerError,
            pyogrio.errors.FeatureError,
            pyogrio.errors.FieldError,
            pyogrio.errors.GeometryError,
            pyogrio.errors.CRSError,
            shapely.errors.ShapelyError,
            ValueError,
            OverflowError,
            MemoryError,
            UnboundLocalError,  # what pyogrio makes of a CRS that GDAL cannot read
        ) as error:
            raise InputError(
                f"footprints {path}",
                f"it cannot be read as {driver} ({first_line(error)})",
                "Check that the file is complete",
            ) from error
    told = dict.fromkeys(str(item.message) for item in caught if issubclass(item.category, RuntimeWarning))
    notes += [f"GDAL says: {text[:200]}" for text in list(told)[:5]]


def first_line(error: BaseException) -> str:
    """The first line of an error of another library, short."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def _read_parquet(path: Path, layer: str | None, window: Window | None, limits: VectorLimits) -> GeoDataFrame:
    import geopandas
    import pyarrow
    import pyarrow.parquet
    import shapely

    if layer is not None:
        raise InputError(f"footprints {path}", "a GeoParquet file has no layers", "Leave layer out")
    try:
        facts = pyarrow.parquet.read_metadata(path)
        _check_limit(path, "features", facts.num_rows, "features", limits.features)
        size = sum(facts.row_group(index).total_byte_size for index in range(facts.num_row_groups))
        _check_limit(path, "bytes when unpacked", size, "file_bytes", limits.file_bytes)
        with np.errstate(invalid="ignore"):  # NaN coordinates are told of one by one later
            frame = geopandas.read_parquet(path)
    except (
        pyarrow.ArrowException,
        shapely.errors.ShapelyError,
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        MemoryError,
    ) as error:
        raise InputError(
            f"footprints {path}",
            f"it cannot be read as GeoParquet ({first_line(error)})",
            "Check that it is complete",
        ) from error
    _check_vertices(path, frame, limits)
    box = None if window is None else window(frame.crs)
    return frame if box is None else frame[shapely.intersects(frame.geometry.to_numpy(), shapely.box(*box))]


@contextlib.contextmanager
def _whole_shapefile(path: Path, notes: list[str]) -> Iterator[Path]:
    """A shapefile whose companions are there; a missing index is rebuilt beside a link, never in place."""
    beside = sorted(path.parent.glob(f"{_glob_safe(path.stem)}.*"))
    companions = {item.suffix.lower(): item for item in beside}
    for item in beside:
        if item.is_symlink() and item.resolve().parent != path.resolve().parent:
            raise InputError(
                f"footprints {path}", f"{item.name} links to another folder", "Put the files into one folder"
            )
    for suffix, loss in ((".dbf", "its attributes are lost"), (".prj", "it states no CRS")):
        if suffix not in companions:
            notes.append(f"{path.name} has no {suffix} beside it: {loss}")
    if ".shx" in companions:
        yield path
        return
    import pyogrio

    notes.append(f"{path.name} has no .shx beside it: the index was rebuilt")
    with tempfile.TemporaryDirectory() as folder:
        for suffix in (".shp", ".dbf", ".prj", ".cpg"):
            if suffix in companions:
                (Path(folder) / f"{path.stem}{suffix}").symlink_to(companions[suffix].resolve())
        pyogrio.set_gdal_config_options({"SHAPE_RESTORE_SHX": True})
        try:
            yield Path(folder) / f"{path.stem}.shp"
        finally:
            pyogrio.set_gdal_config_options({"SHAPE_RESTORE_SHX": None})


def _glob_safe(text: str) -> str:
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in text)
