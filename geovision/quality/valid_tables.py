"""Validation of tables with shapes: GeoParquet, GeoPackage, FlatGeobuf, GeoJSON."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from geovision.errors import InputError
from geovision.quality.findings import ValidationReport
from geovision.quality.polyhedra import GeometryRules
from geovision.sources.sqlite_file import open_sqlite
from geovision.sources.vector_files import FORMATS, VectorLimits, read_vector_file

__all__ = ["TABLE_SUFFIXES", "check_table"]

TABLE_SUFFIXES = (".gpkg", ".fgb", ".geojson", ".parquet", ".geoparquet")


def check_table(path: Path, report: ValidationReport, rules: GeometryRules, progress: Any) -> None:
    """Every layer: shapes valid and finite, a CRS, ids that differ, numbers finite."""
    report.format = FORMATS[path.suffix.lower()]
    try:
        for layer in _layers(path):
            frame = read_vector_file(path, layer=layer, window=None, limits=VectorLimits(), notes=[])
            _check_frame(frame, report, layer or "")
    except InputError as error:
        report.add(901, "", error.problem)
        report.invalid += 1
    progress(path.stat().st_size)


def _layers(path: Path) -> list[str | None]:
    if path.suffix.lower() != ".gpkg":
        return [None]
    try:
        with closing(open_sqlite(path)) as database:
            rows = database.execute("SELECT table_name FROM gpkg_contents WHERE data_type = 'features'")
            names = sorted(str(name) for (name,) in rows)
    except sqlite3.Error as error:
        raise InputError(str(path), f"is no GeoPackage ({error})", "Write it again") from None
    return list(names) or [None]


def _check_frame(frame: Any, report: ValidationReport, layer: str) -> None:
    count = len(frame)
    report.objects += count
    names = [str(value) for value in frame["id"]] if "id" in frame.columns else []
    rows: set[int] = set()

    def add(code: int, row: int, detail: str = "", place: tuple[float, float, float] | None = None) -> None:
        name = names[row] if names else f"row {row}"
        if report.add(code, name, detail, place, layer):
            rows.add(row)

    if frame.crs is None:
        report.add(821, "", "", file=layer)
    shapes = np.asarray(frame.geometry.values, dtype=object)
    missing = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    for row in np.flatnonzero(missing).tolist():
        add(872, row)
    report.primitives += count - int(missing.sum())
    finite = np.ones(count, bool)
    deep = bool(shapely.has_z(shapes).any())
    coordinates, owner = shapely.get_coordinates(shapes, include_z=deep, return_index=True)
    finite[owner[~np.isfinite(coordinates).all(axis=1)]] = False
    for row in np.flatnonzero(~finite).tolist():
        add(811, row, "a coordinate")
    for row in np.flatnonzero(~shapely.is_valid(shapes) & ~missing & finite).tolist():
        add(871, row, str(shapely.is_valid_reason(shapes[row])))
    seen: set[str] = set()
    for row, name in enumerate(names):
        if name in seen:
            add(831, row)
        seen.add(name)
    for column in frame.columns:
        values = frame[column]
        if column != frame.geometry.name and getattr(values.dtype, "kind", "") == "f":
            for row in np.flatnonzero(np.isinf(values.to_numpy())).tolist():
                add(811, row, f"column {column!r}")
    report.invalid += len(rows)
