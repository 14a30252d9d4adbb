"""Where things lie on the globe: from a projected CRS to earth-centred coordinates, and to local frames.

A tile's vertices are stored in the tile's own frame (east, north, up at its middle), as float32; the frame is
placed by double matrices. Within a tile the way from the CRS to the frame is smooth, so it is a polynomial
that is fitted to PROJ's answers and checked against more of them.
"""

from __future__ import annotations

import functools
import threading
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision.errors import InputError, UsageError

__all__ = ["Frame", "Globe", "fit_frame"]

Floats = NDArray[np.float64]

_A, _F = 6_378_137.0, 1 / 298.257223563  # WGS 84, which 3D Tiles' coordinates are in
_E2 = _F * (2 - _F)

# Height systems of the whole world, best first, for a CRS that names none.
_WORLD_HEIGHTS = ("EPSG:3855", "EPSG:5773")
_DEGREES = (3, 5, 8)
_SLACK_DEG = 0.5


@dataclass(frozen=True)
class Frame:
    """A local frame: `matrix` takes it to earth-centred coordinates; the rest is the kernel's PackFrame.

    Attributes:
        matrix: (4, 4), rigid: columns are east, north, up and the origin.
        smooth: centre, scale, degree and coefficients of the polynomial from the CRS to this frame, or None
            where the way is not smooth enough and every vertex has to go through PROJ.
    """

    matrix: Floats
    smooth: tuple[list[float], float, int, Floats] | None

    def to_frame(self, ecef: Floats) -> Floats:
        """Earth-centred points (n, 3) in this frame."""
        local: Floats = (ecef - self.matrix[:3, 3]) @ self.matrix[:3, :3]
        return local

    def within(self, root: Floats) -> Floats:
        """Matrix (4, 4) from this frame to that of `root`, a matrix like this one's; rigid, as both are."""
        matrix = np.eye(4)
        matrix[:3, :3] = root[:3, :3].T @ self.matrix[:3, :3]
        matrix[:3, 3] = root[:3, :3].T @ (self.matrix[:3, 3] - root[:3, 3])
        return matrix


class Globe:
    """The way from a projected CRS to the WGS 84 ellipsoid. May be used by several threads.

    Args:
        crs: projected CRS of the coordinates, alone or with a height system ("EPSG:28992+5709").
        geoid: height of the geoid above the ellipsoid in metres, added to all heights. By default it is
            PROJ's, by the CRS's height system or a world model, where PROJ has the grid; else heights are
            taken as ellipsoidal, and `height` says so.
    """

    def __init__(self, crs: Any, geoid: float | None = None) -> None:
        self.crs = _projected(crs)
        parts = self.crs.sub_crs_list
        self._plan = parts[0] if self.crs.is_compound else self.crs
        self._geoid = 0.0 if geoid is None else float(geoid)
        self._with_heights = self._height_crs() if geoid is None else None
        if not np.isfinite(self._geoid):
            raise UsageError(f"geoid = {geoid}", "is no height", "Give metres above the ellipsoid")
        self.height = self._describe(geoid)
        self._local = threading.local()

    def geodetic(self, xyz: Floats) -> tuple[Floats, Floats, Floats]:
        """Longitude and latitude in radians, and ellipsoidal height, of points (n, 3); NaN where lost."""
        x, y, z = np.ascontiguousarray(xyz.T)
        # Without a height system PROJ lets heights through; they matter to shifts between ellipsoids.
        lon, lat, height = self._transformer().transform(x, y, z + self._geoid)
        lost = ~np.isfinite(lon + lat + height)
        lon[lost], lat[lost], height[lost] = np.nan, np.nan, np.nan
        return np.radians(lon), np.radians(lat), height

    def ecef(self, xyz: Floats) -> Floats:
        """Earth-centred coordinates (n, 3) of points in the CRS."""
        return _earth_centred(*self.geodetic(xyz))

    def east_north_up(self, xyz: Floats) -> Floats:
        """(4, 4) matrix from the frame at one point of the CRS to earth-centred coordinates."""
        (lon,), (lat,), (height,) = self.geodetic(xyz[None])
        origin = _earth_centred(lon, lat, height)
        if not np.isfinite(origin).all():
            raise InputError(
                f"coordinates {xyz[0]:,.0f}, {xyz[1]:,.0f}",
                f"lie where {self.name} has no place on the globe",
                "Give the CRS that the coordinates are in",
            )
        sin_lon, cos_lon, sin_lat, cos_lat = np.sin(lon), np.cos(lon), np.sin(lat), np.cos(lat)
        matrix = np.eye(4)
        matrix[:3, 0] = -sin_lon, cos_lon, 0.0
        matrix[:3, 1] = -sin_lat * cos_lon, -sin_lat * sin_lon, cos_lat
        matrix[:3, 2] = cos_lat * cos_lon, cos_lat * sin_lon, sin_lat
        matrix[:3, 3] = origin
        return matrix

    def is_outside(self, ecef: Floats) -> bool:
        """Whether one earth-centred point is beyond the area that the CRS is for, and some slack."""
        area = self._plan.area_of_use
        if area is None:
            return False
        lon = np.degrees(np.arctan2(ecef[1], ecef[0]))
        lat = np.degrees(np.arctan2(ecef[2], (1 - _E2) * np.hypot(ecef[0], ecef[1])))
        width = (area.east - area.west) % 360 or 360.0
        # Areas over the antimeridian end west of where they begin.
        beyond = (lon - area.west + _SLACK_DEG) % 360 > width + 2 * _SLACK_DEG
        south, north = area.south - _SLACK_DEG, area.north + _SLACK_DEG
        return bool((beyond and width + 2 * _SLACK_DEG < 360) or not south <= lat <= north)

    @functools.cached_property
    def name(self) -> str:
        """`EPSG:28992` where the CRS has a code, else its WKT."""
        authority = self.crs.to_authority()
        if authority is None and self.crs.is_compound:
            codes = [part.to_authority() for part in self.crs.sub_crs_list]
            if all(codes) and len({code[0] for code in codes}) == 1:
                return f"{codes[0][0]}:{'+'.join(code[1] for code in codes)}"
        return ":".join(authority) if authority else str(self.crs.to_wkt())

    def _height_crs(self) -> Any:
        """The CRS with heights that PROJ can turn into ellipsoidal ones, or None."""
        from pyproj import CRS
        from pyproj.crs import CompoundCRS
        from pyproj.exceptions import CRSError

        if self.crs.is_compound:
            found = [self.crs]
        else:
            try:
                found = [CompoundCRS("with heights", [self._plan, CRS(code)]) for code in _WORLD_HEIGHTS]
            except CRSError:
                found = []
        return next((crs for crs in found if _has_grids(crs)), None)

    def _transformer(self) -> Any:
        # PROJ's objects must not be used by two threads at once.
        if not hasattr(self._local, "transformer"):
            from pyproj import Transformer

            source = self._with_heights or self._plan
            self._local.transformer = Transformer.from_crs(source, "EPSG:4979", always_xy=True)
        return self._local.transformer

    def _describe(self, given: float | None) -> dict[str, Any]:
        system = self.crs.sub_crs_list[1].name if self.crs.is_compound else "not stated"
        words: dict[str, Any] = {"reference": "WGS 84 ellipsoid", "source": system}
        if given is not None:
            return {**words, "conversion": "offset", "geoid_m": self._geoid}
        if self._with_heights is not None:
            model = self._with_heights.sub_crs_list[1].name
            return {**words, "conversion": "PROJ grid", "geoid": model}
        return {**words, "conversion": "none", "geoid_m": 0.0}


def _earth_centred(lon: Floats, lat: Floats, height: Floats) -> Floats:
    around = _A / np.sqrt(1 - _E2 * np.sin(lat) ** 2)
    flat = (around + height) * np.cos(lat)
    up = (around * (1 - _E2) + height) * np.sin(lat)
    return np.stack([flat * np.cos(lon), flat * np.sin(lon), up], axis=-1)


def _projected(crs: Any) -> Any:
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    if crs is None:
        raise UsageError(
            "crs", "is not given, but 3D Tiles stand on the globe", 'Give one, such as crs="EPSG:28992"'
        )
    try:
        found = CRS.from_user_input(crs)
    except CRSError:
        raise InputError(f"CRS {crs!r}", "is not known", "Give a code such as EPSG:28992") from None
    plan = found.sub_crs_list[0] if found.is_compound else found
    remedy = "Give the projected CRS in metres that the solids are in"
    if not plan.is_projected:
        raise InputError(f"CRS {crs!r}", "is not projected, but solids are in metres", remedy)
    for axis in found.axis_info:
        if axis.unit_conversion_factor != 1.0:
            raise InputError(f"CRS {crs!r}", f"counts in {axis.unit_name}, but solids are in metres", remedy)
    return found


def _has_grids(crs: Any) -> bool:
    from pyproj.transformer import TransformerGroup

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a better way lacks its grid
        group = TransformerGroup(crs, "EPSG:4979", always_xy=True, allow_ballpark=False)
    return bool(group.transformers)


def fit_frame(globe: Globe, low: Floats, high: Floats, tolerance: float = 2e-5) -> Frame:
    """The frame in the middle of a box of the CRS; its polynomial is good to `tolerance` metres in the box.

    The origin stands at the height of the box's floor.
    """
    middle = np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]])
    frame = Frame(globe.east_north_up(middle), None)
    half = (high[:2] - low[:2]) / 2
    scale = max(float(half.max()), 1.0)
    rise = max(float(high[2] - low[2]), 1.0)
    checks = _grid(np.linspace(-1, 1, 6))
    # Places beyond the edge of a box that is long and narrow are none that anything stands on.
    checks = checks[(np.abs(checks) * scale <= half + 1e-6).all(axis=1)]
    checks = np.vstack([checks, [[0.0, 0.0], half / scale]])
    levels = (0.0, 0.5 * rise, rise)
    for degree in _DEGREES:
        nodes, solve = _solver(degree)
        # All of them at once: a call to PROJ costs as much as a hundred points.
        samples = [(nodes, 0.0), (nodes, rise), *((checks, level) for level in levels)]
        points = np.concatenate(
            [np.column_stack([middle[:2] + scale * uv, np.full(len(uv), low[2] + z)]) for uv, z in samples]
        )
        local = np.split(frame.to_frame(globe.ecef(points)), np.cumsum([len(uv) for uv, _ in samples])[:-1])
        floor, top, truth = local[0], local[1], local[2:]
        if not np.isfinite(np.concatenate(truth)).all():
            raise InputError(
                "coordinates", f"lie beyond where {globe.name} is defined", "Give the CRS that they are in"
            )
        if not np.isfinite(np.concatenate([floor, top])).all():
            continue
        coefficients = np.hstack([solve @ floor, solve @ ((top - floor) / rise)])
        terms = _terms(checks, degree) @ coefficients
        gaps = [terms[:, :3] + z * terms[:, 3:] - there for z, there in zip(levels, truth, strict=True)]
        if np.abs(gaps).max() <= tolerance:
            return Frame(frame.matrix, (middle.tolist(), scale, degree, coefficients))
    return frame


def _grid(steps: Floats) -> Floats:
    return np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)


def _terms(uv: Floats, degree: int) -> Floats:
    u, v = uv[:, 0], uv[:, 1]
    return np.stack([u**i * v**j for i in range(degree + 1) for j in range(degree + 1 - i)], axis=1)


@functools.lru_cache(maxsize=8)
def _solver(degree: int) -> tuple[Floats, Floats]:
    """Chebyshev's places of a square, and the matrix from values there to coefficients."""
    count = degree + 2
    nodes = _grid(np.cos(np.pi * (np.arange(count) + 0.5) / count))
    solve = np.linalg.pinv(_terms(nodes, degree)).astype(np.float64)
    return nodes, solve
