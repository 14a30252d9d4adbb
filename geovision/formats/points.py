"""LiDAR points to LAS 1.4 or LAZ: the same points give the same bytes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geovision.errors import InputError, UsageError
from geovision.formats.atomic import atomic_write

__all__ = ["PointWriter", "points_writer", "write_points"]

# A header must carry a date, and equal points must give equal files.
_DATE = date(2000, 1, 1)
_FORMATS = {0: 6, 3: 7, 4: 8}
_BATCH = 1_000_000


def write_points(path: str | Path, xyz: ArrayLike, *, crs: str | None = None, **columns: ArrayLike) -> None:
    """Write points to a .las or .laz file, whole or not at all.

    Args:
        path: ends in .las or .laz; the latter is compressed.
        xyz: [n, 3] metres.
        crs: of the coordinates, for example "EPSG:28992"; a compound one says what the heights are.
        columns: as in `PointWriter.write`.

    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "roof.laz"
    >>> write_points(target, [[85000.0, 446000.0, 7.5]], classification=[6], crs="EPSG:28992")
    >>> target.read_bytes()[:4]
    b'LASF'
    """
    points = _coordinates(xyz)
    colour = columns.get("colour")
    bands = 0 if colour is None else int(np.atleast_2d(np.asarray(colour)).shape[1])
    origin = np.floor(points.min(axis=0)) if len(points) else np.zeros(3)
    with points_writer(path, origin=origin, crs=crs, bands=bands) as writer:
        for first in range(0, len(points), _BATCH):
            batch = slice(first, first + _BATCH)
            part = {name: np.asarray(values)[batch] for name, values in columns.items()}
            writer.write(points[batch], **part)


@contextlib.contextmanager
def points_writer(
    path: str | Path,
    *,
    origin: ArrayLike,
    crs: str | None = None,
    bands: int = 0,
    scale_m: float = 0.001,
) -> Iterator[PointWriter]:
    """A writer for points that come batch by batch; the file appears when the block ends without an error.

    Args:
        path: ends in .las or .laz.
        origin: [3] a place near the points; they may lie up to 2,147 km from it at a scale of 1 mm.
        crs: of the coordinates.
        bands: of colour: 0, 3 (red, green, blue) or 4 (and near infrared).
        scale_m: coordinates are rounded to this.
    """
    import laspy

    target = Path(path)
    if target.suffix.lower() not in (".las", ".laz"):
        raise UsageError(str(target), f"the suffix {target.suffix!r} is not known", "End it in .las or .laz")
    if bands not in _FORMATS:
        raise UsageError(f"points {target}", f"{bands} colour bands", "Give 0, 3 or 4")
    header = laspy.LasHeader(version="1.4", point_format=_FORMATS[bands])
    header.offsets = np.asarray(origin, np.float64)
    header.scales = np.full(3, scale_m)
    header.creation_date = _DATE
    header.system_identifier = header.generating_software = "geovision"
    if crs is not None:
        _add_crs(header, crs, target)
    compress = target.suffix.lower() == ".laz"
    with atomic_write(target) as file:
        las = laspy.LasWriter(
            file,
            header,
            do_compress=compress,
            laz_backend=laspy.LazBackend.Lazrs if compress else None,
            closefd=False,
        )
        yield PointWriter(las, str(target), bands)
        las.close()


def _add_crs(header: Any, crs: str, target: Path) -> None:
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    try:
        header.add_crs(CRS.from_user_input(crs))
    except CRSError as error:
        raise InputError(
            f"points {target}", f"the CRS {crs!r} is not known to PROJ", "Give it as EPSG:28992 or as WKT"
        ) from error


def _coordinates(xyz: ArrayLike) -> NDArray[np.float64]:
    points = np.asarray(xyz, np.float64)
    if points.ndim != 2 or points.shape[1] != 3:
        raise InputError("points", f"have shape {points.shape}", "Give an array [n, 3]")
    return points


class PointWriter:
    """Writes batches of points to an open file; made by `points_writer`."""

    def __init__(self, las: Any, name: str, bands: int) -> None:
        self._las = las
        self._name = name
        self._bands = bands

    def write(
        self,
        xyz: ArrayLike,
        *,
        classification: ArrayLike | None = None,
        return_number: ArrayLike | None = None,
        number_of_returns: ArrayLike | None = None,
        intensity: ArrayLike | None = None,
        source_id: ArrayLike | None = None,
        colour: ArrayLike | None = None,
        gps_time: ArrayLike | None = None,
    ) -> None:
        """Append points.

        Args:
            xyz: [n, 3] metres.
            classification: [n] ASPRS classes; left out, 0.
            return_number: [n] from 1; left out, 1.
            number_of_returns: [n]; left out, 1.
            intensity: [n] 0 to 65535.
            source_id: [n] flight line.
            colour: [n, bands] 0 to 65535.
            gps_time: [n] seconds.
        """
        import laspy

        points = _coordinates(xyz)
        header = self._las.header
        raw = np.round((points - header.offsets) / header.scales)
        if not (np.abs(raw) < 2**31 - 1).all():
            raise InputError(
                f"points {self._name}",
                "a coordinate is not finite, or too far from the origin for the scale",
                "Drop points that are not finite; give an origin near the points",
            )
        record = laspy.ScaleAwarePointRecord.zeros(len(points), header=header)
        record.X, record.Y, record.Z = raw.astype(np.int32).T
        record.return_number[:] = 1
        record.number_of_returns[:] = 1
        given = {
            "classification": classification,
            "return_number": return_number,
            "number_of_returns": number_of_returns,
            "intensity": intensity,
            "point_source_id": source_id,
            "gps_time": gps_time,
        }
        for name, values in given.items():
            if values is not None:
                record[name] = self._column(name, values, len(points))
        if self._bands or colour is not None:
            self._colour(record, colour, len(points))
        self._las.write_points(record)

    def _column(self, name: str, values: ArrayLike, count: int) -> NDArray[Any]:
        column = np.asarray(values)
        if column.shape != (count,):
            raise InputError(
                f"points {self._name}",
                f"{name} has shape {column.shape} but there are {count} points",
                "Give one value per point",
            )
        return column

    def _colour(self, record: Any, colour: ArrayLike | None, count: int) -> None:
        values = np.zeros((count, self._bands), np.uint16) if colour is None else np.asarray(colour)
        if values.shape != (count, self._bands):
            raise InputError(
                f"points {self._name}",
                f"colour has shape {values.shape}, expected ({count}, {self._bands})",
                "Give the bands that the writer was opened with",
            )
        for band, name in enumerate(("red", "green", "blue", "nir")[: self._bands]):
            record[name] = values[:, band]
