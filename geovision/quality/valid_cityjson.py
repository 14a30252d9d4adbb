"""Validation of CityJSON and CityJSONSeq, ours and others'."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision.bounded import read_bytes, read_lines
from geovision.quality.cityjson_geometry import GeometryReader
from geovision.quality.findings import Malformed, ValidationReport
from geovision.quality.polyhedra import GeometryRules, PrimitiveBatch

__all__ = ["check_cityjson", "check_cityjsonseq"]

VERSIONS = ("1.0", "1.1", "2.0")
# Where a file has no transform its floats are put on this grid, finer than any tolerance here.
FLOAT_GRID = 0.0001
_BUILT = ("", "Part", "Installation", "ConstructiveElement", "Room", "Furniture")
FARTHEST = 1e18
_MOST_BYTES = 1 << 32
TYPES = frozenset(
    {
        *(f"{thing}{part}" for thing in ("Bridge", "Building", "Tunnel") for part in _BUILT),
        *("BuildingStorey", "BuildingUnit", "TunnelHollowSpace", "OtherConstruction", "CityFurniture"),
        *("CityObjectGroup", "GenericCityObject", "LandUse", "PlantCover", "SolitaryVegetationObject"),
        *("TINRelief", "TransportSquare", "Railway", "Road", "Waterway", "WaterBody"),
    }
)
_CRS = re.compile(r"(?:https?://www\.opengis\.net/def/crs/|urn:ogc:def:crs:)([^/:]+)[/:][^/:]*[/:](.+)")

Progress = Callable[[int], None]


class _Checker:
    """One file: what is seen once (header), and what comes feature by feature."""

    def __init__(self, report: ValidationReport, rules: GeometryRules) -> None:
        self.report = report
        self._rules = rules
        self._batch: PrimitiveBatch | None = None
        self._scale = np.ones(3)
        self._translate = np.zeros(3)
        self._whole = True
        self.not_finite: set[int] = set()
        self._reader: GeometryReader | None = None
        # Of the objects in the batch; of all there are only hashes of ids.
        self._bad: set[str] = set()
        self._seen: set[int] = set()
        self._groups = 0

    def add(self, code: int, name: str = "", detail: str = "") -> None:
        if self.report.add(code, name, detail) and name:
            self._bad.add(name)

    def header(self, data: dict[str, Any]) -> None:
        """Version, transform, CRS, templates."""
        if str(data.get("version")) not in VERSIONS:
            self.add(805, "", f"version {data.get('version')!r}; known are {', '.join(VERSIONS)}")
        self._set_transform(data)
        metadata = data.get("metadata", {})
        if not isinstance(metadata, dict):
            self.add(802, "", "metadata is no object")
            metadata = {}
        self._check_crs(metadata.get("referenceSystem"))
        grid = float(self._scale.min())
        self._batch = PrimitiveBatch(self._rules, self.report, grid)
        self._batch.origin = self._translate
        self._reader = GeometryReader(self._batch, self.add)

    def _set_transform(self, data: dict[str, Any]) -> None:
        transform = data.get("transform")
        if transform is None:
            self._scale = np.full(3, FLOAT_GRID)
            if str(data.get("version")) != "1.0":
                self.add(802, "", "transform is missing")
            self._whole = False
            return
        self._whole = True
        try:
            scale = np.array([float(value) for value in transform["scale"]])
            translate = np.array([float(value) for value in transform["translate"]])
            if scale.shape != (3,) or translate.shape != (3,) or not (scale > 0).all():
                raise ValueError
        except (KeyError, TypeError, ValueError):
            self.add(802, "", "transform needs three scales above 0 and three translations")
            scale, translate = np.full(3, 0.001), np.zeros(3)
        if not (np.isfinite(scale).all() and np.isfinite(translate).all()):
            self.add(811, "", "transform")
            scale, translate = np.full(3, 0.001), np.zeros(3)
        self._scale, self._translate = scale, translate

    def _check_crs(self, system: Any) -> None:
        if system is None:
            self.add(821, "", "metadata has no referenceSystem")
            return
        from pyproj import CRS
        from pyproj.exceptions import CRSError

        found = _CRS.fullmatch(system) if isinstance(system, str) else None
        try:
            if found is None:
                raise CRSError("no URL of a CRS")
            CRS.from_authority(found.group(1), found.group(2))
        except CRSError:
            self.add(822, "", f"referenceSystem {system!r}")

    def steps(self, vertices: Any, name: str) -> NDArray[np.int64]:
        """Vertices as whole steps of the grid, counted from the translation."""
        self.not_finite = set()
        try:
            values = np.array(vertices, dtype=np.float64 if not self._whole else None)
        except (TypeError, ValueError):
            values = np.zeros(0)
        if values.size == 0 and vertices == []:
            return np.zeros((0, 3), np.int64)
        if values.ndim != 2 or values.shape[1] != 3 or values.dtype.kind not in "iuf":
            self.add(802, name, "vertices are no list of three numbers each")
            return np.zeros((0, 3), np.int64)
        if values.dtype.kind == "f":
            sound = np.isfinite(values).all(axis=1)
            # Named where they are used; a place that nothing uses harms nobody.
            self.not_finite = set(np.flatnonzero(~sound).tolist())
            if self._whole and sound.all():
                self.add(802, name, "vertices are no integers although there is a transform")
            values = np.where(sound[:, None], values, 0.0)
        grid = float(self._scale.min())
        if self._whole and (self._scale == grid).all() and values.dtype.kind in "iu":
            return values.astype(np.int64)
        steps = np.rint(values * (self._scale / grid if self._whole else 1.0 / grid))
        # What is clipped is out of all proportion, and will be found to be.
        return np.clip(steps, -FARTHEST, FARTHEST).astype(np.int64)

    def objects(self, objects: Any, vertices: Any, owner: str, count: bool = True) -> None:
        """The city objects of a file or of a feature, with their vertices."""
        if not isinstance(objects, dict):
            self.add(802, owner, "CityObjects is no object")
            return
        assert self._batch is not None
        assert self._reader is not None
        first = self._batch.add_vertices(self.steps(vertices, owner))
        self._reader.begin(first, len(vertices) if isinstance(vertices, list) else 0, self.not_finite)
        for name, item in objects.items():
            self._new_id(name)
            if not isinstance(item, dict):
                self.add(802, name, "is no object")
                continue
            self.report.objects += 1
            self._object(name, item, objects)
        self._read_geometries(objects)

    def _new_id(self, name: str) -> None:
        key = hash(name)
        if key in self._seen:
            self.add(831, name)
        self._seen.add(key)

    def _object(self, name: str, item: dict[str, Any], objects: dict[str, Any]) -> None:
        kind = item.get("type")
        if not isinstance(kind, str):
            self.add(802, name, "type is missing")
        elif kind not in TYPES and not kind.startswith("+"):
            self.add(805, name, f"type {kind!r}")
        for key, back in (("children", "parents"), ("parents", "children")):
            others = item.get(key, [])
            if not isinstance(others, list):
                self.add(802, name, f"{key} is no list")
                continue
            for other in others:
                there = objects.get(other) if isinstance(other, str) else None
                if not isinstance(there, dict):
                    self.add(806, name, f"{key} names {other!r}, which is not here")
                elif name not in (there.get(back) or []):
                    self.add(806, name, f"{key} names {other!r}, whose {back} do not name it")
        geometries = item.get("geometry", [])
        if not isinstance(geometries, list):
            self.add(802, name, "geometry is no list")
        elif not geometries and not item.get("children"):
            self.add(609, name)

    def _read_geometries(self, objects: dict[str, Any]) -> None:
        """Hands on every geometry; those of parts of one building stand beside each other, to be compared."""
        assert self._reader is not None
        place = {name: row for row, name in enumerate(objects)}
        entries: list[tuple[int, str, int, str, Any]] = []
        for name, item in objects.items():
            geometries = item.get("geometry", []) if isinstance(item, dict) else []
            parents = item.get("parents") if isinstance(item, dict) else None
            family, is_part = place[name], False
            if isinstance(parents, list) and parents and isinstance(parents[0], str):
                is_part = item.get("type") == "BuildingPart"
                family = place.get(parents[0], family)
            for geometry in geometries if isinstance(geometries, list) else []:
                lod = str(geometry.get("lod")) if is_part and isinstance(geometry, dict) else ""
                entries.append((family, lod, place[name], name, geometry))
        entries.sort(key=lambda entry: entry[:3])
        before: tuple[int, str] | None = None
        for family, lod, _, name, geometry in entries:
            if (family, lod) != before:
                before = family, lod
                self._groups += 1
            try:
                self._reader.geometry(name, geometry, self._groups if lod else -1)
            except Malformed as fault:
                self.add(fault.code, name, fault.detail)

    def flush(self, *, force: bool = False) -> None:
        """Judge the batch where it is full."""
        if self._batch is not None and (force or self._batch.full):
            self._bad |= self._batch.flush()
            self.report.invalid += len(self._bad)
            self._bad = set()


class _Decoder:
    """JSON with an eye for what `json` lets pass: NaN, and keys that come twice."""

    def __init__(self) -> None:
        self.not_finite = False
        self.twice: list[str] = []
        self._decode = json.JSONDecoder(object_pairs_hook=self._pairs, parse_constant=self._constant).decode

    def _pairs(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            names = [name for name, _ in pairs]
            self.twice += sorted({name for name in names if names.count(name) > 1})
        return found

    def _constant(self, text: str) -> float:
        self.not_finite = True
        return float(text.replace("Infinity", "inf"))

    def __call__(self, text: str) -> Any:
        return self._decode(text)

    def report_to(self, checker: _Checker, name: str) -> None:
        """Say what was seen since the last time."""
        if self.not_finite:
            checker.add(811, name, "NaN or Infinity, which JSON does not have")
        for key in self.twice:
            checker.add(831, name or key, f"key {key!r} comes twice in one object")
        self.not_finite, self.twice = False, []


def check_cityjson(path: Path, report: ValidationReport, rules: GeometryRules, progress: Progress) -> None:
    """One CityJSON document. It is held whole, as its vertices belong to all objects."""
    report.format = "CityJSON"
    checker, decode = _Checker(report, rules), _Decoder()
    try:
        text = read_bytes(path, _MOST_BYTES, str(path), "Give it as CityJSONSeq, a line a feature")
        data = decode(text.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        checker.add(901, "", f"no JSON: {error}")
        return
    if not isinstance(data, dict) or data.get("type") != "CityJSON":
        checker.add(901, "", "its type is not CityJSON")
        return
    decode.report_to(checker, "")
    checker.header(data)
    for key in ("CityObjects", "vertices"):
        if key not in data:
            checker.add(802, "", f"{key} is missing")
    vertices = data.get("vertices", [])
    checker.objects(data.get("CityObjects", {}), vertices, "")
    _check_extent(checker, data, vertices)
    checker.flush(force=True)
    progress(path.stat().st_size)


def _check_extent(checker: _Checker, data: dict[str, Any], vertices: Any) -> None:
    metadata = data.get("metadata")
    extent = metadata.get("geographicalExtent") if isinstance(metadata, dict) else None
    if extent is None:
        return
    steps = checker.steps(vertices, "")
    try:
        box = np.array(extent, np.float64).reshape(2, 3)
    except (TypeError, ValueError):
        checker.add(802, "", "geographicalExtent is no list of six numbers")
        return
    if not len(steps):
        return
    scale = float(checker._scale.min())
    low, high = (checker._translate + edge * scale for edge in (steps.min(axis=0), steps.max(axis=0)))
    # Extents are often rounded to millimetres or less.
    if (low < box[0] - 0.01).any() or (high > box[1] + 0.01).any():
        checker.add(813, "", "vertices lie outside of metadata's geographicalExtent")


def check_cityjsonseq(path: Path, report: ValidationReport, rules: GeometryRules, progress: Progress) -> None:
    """A header line and a feature a line; memory follows the longest line."""
    report.format = "CityJSONSeq"
    checker, decode = _Checker(report, rules), _Decoder()
    with path.open("rb") as file:
        lines = _lines(read_lines(file, str(path)), progress)
        first = next(lines, None)
        try:
            header = decode(first[1]) if first else None
        except (ValueError, RecursionError):
            header = None
        if not isinstance(header, dict) or header.get("type") != "CityJSON":
            checker.add(901, "", "the first line is no CityJSON header")
            return
        decode.report_to(checker, "")
        checker.header(header)
        checker.objects(header.get("CityObjects", {}), header.get("vertices", []), "")
        for number, line in lines:
            _check_line(checker, decode, number, line)
            checker.flush()
    checker.flush(force=True)


def _lines(file: Iterator[bytes], progress: Progress) -> Iterator[tuple[int, str]]:
    done = 0
    for number, line in enumerate(file, start=1):
        done += len(line)
        if number % 256 == 0:
            progress(done)
        if line.strip():
            yield number, line.decode("utf-8-sig", errors="replace")
    progress(done)


def _check_line(checker: _Checker, decode: _Decoder, number: int, line: str) -> None:
    try:
        feature = decode(line)
    except (ValueError, RecursionError) as error:
        checker.add(901, f"line {number}", f"no JSON: {error}")
        return
    if not isinstance(feature, dict) or feature.get("type") != "CityJSONFeature":
        checker.add(802, f"line {number}", "is no CityJSONFeature")
        return
    name = feature.get("id")
    if not isinstance(name, str):
        checker.add(802, f"line {number}", "id is missing")
        name = f"line {number}"
    decode.report_to(checker, name)
    objects = feature.get("CityObjects")
    if isinstance(objects, dict) and name not in objects:
        checker.add(806, name, "CityObjects has no object of the feature's id")
    if "vertices" not in feature:
        checker.add(802, name, "vertices are missing")
    checker.objects(objects, feature.get("vertices", []), name)
