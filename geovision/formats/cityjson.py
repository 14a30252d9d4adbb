"""CityJSONSeq: solids as CityJSON 2.0 features, one building a line.

The file's transform is the kernel's own grid (1 mm) from a whole-metre point, so that no coordinate is
rounded a second time. A building of one solid is a Building, of several a Building with BuildingParts; every
roof facet is a semantic surface of its own. At LoD 3 panes and leaves are Window and Door, and each thing
that stands out of a wall is a BuildingInstallation.
"""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO

import numpy as np

from geovision import _kernel
from geovision._version import __version__
from geovision.errors import InputError
from geovision.formats.atomic import atomic_write
from geovision.formats.glb import Attributes, SolidsLike, local_origin

__all__ = [
    "CityJSONSeqWriter",
    "cityjson_from_seq",
    "open_cityjsonseq",
    "reference_system",
    "write_cityjsonseq",
]

# Without the search for circles, which attributes cannot have: they were JSON, or came from our own tables.
_compact = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), allow_nan=False, check_circular=False
).encode
_AS_THEY_ARE = {str, int, bool, dict, list, type(None)}
# Buildings whose text is held in memory at a time.
BLOCK = 16_384


def write_cityjsonseq(
    path: str | os.PathLike[str],
    solids: SolidsLike,
    *,
    attributes: Attributes | None = None,
    crs: str | None = None,
    lod: str = "2.2",
    threads: int = 0,
) -> None:
    """Write solids as one .city.jsonl file, atomically.

    Args:
        path: the file to write.
        solids: the buildings, made with ``polygons=True``. One without faces becomes a Building without
            geometry, so that no id is lost.
        attributes: columns of attributes, one value a building.
        crs: CRS of the coordinates; its authority's code goes into the metadata.
        lod: level of detail that the geometry is labelled with.
        threads: 0 for all cores; the bytes do not depend on it.

    >>> import geovision, pathlib, tempfile
    >>> part = geovision.Part(shell=[(0, 0), (8, 0), (8, 5), (0, 5)], eave_height=3.0,
    ...                       roof=geovision.Gabled(ridge_height=5.0))
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "house.city.jsonl"
    >>> write_cityjsonseq(path, geovision.mesh(geovision.Program(id="a", parts=[part])), crs="EPSG:7415")
    >>> [json.loads(line)["type"] for line in path.read_text().splitlines()]
    ['CityJSON', 'CityJSONFeature']
    """
    with open_cityjsonseq(path, crs=crs, lod=lod, threads=threads) as writer:
        writer.write(solids, attributes)


@contextmanager
def open_cityjsonseq(
    path: str | os.PathLike[str], *, crs: str | None = None, lod: str = "2.2", threads: int = 0
) -> Iterator[CityJSONSeqWriter]:
    """A writer that takes batch after batch; the file appears when the block ends without an error."""
    with atomic_write(path) as file:
        writer = CityJSONSeqWriter(file, crs=crs, lod=lod, threads=threads)
        yield writer
        writer.close()


def cityjson_from_seq(source: str | os.PathLike[str], target: str | os.PathLike[str]) -> None:
    """One CityJSON document, atomically, from a CityJSONSeq file; memory does not follow the file.

    Features keep their order and their vertices, so that nothing is rounded and nothing lost.
    """
    with (
        Path(source).open(encoding="utf-8") as lines,
        atomic_write(target) as file,
        TemporaryFile() as vertices,
    ):
        header = json.loads(lines.readline())
        members = {name: value for name, value in header.items() if name not in ("CityObjects", "vertices")}
        file.write(_compact(members)[:-1].encode() + b',"CityObjects":{')
        count, comma, taken = 0, b"", set[str]()
        for line in lines:
            feature = json.loads(line)
            for name, item in _with_free_names(feature["CityObjects"], taken):
                for geometry in item.get("geometry", ()):
                    geometry["boundaries"] = _moved(geometry["boundaries"], count)
                file.write(comma + f"{_compact(name)}:{_compact(item)}".encode())
                comma = b",\n"
            if feature["vertices"]:
                vertices.write((b"," if count else b"") + _compact(feature["vertices"])[1:-1].encode())
                count += len(feature["vertices"])
        file.write(b'},"vertices":[')
        vertices.seek(0)
        shutil.copyfileobj(vertices, file)
        file.write(b"]}\n")


def _with_free_names(objects: dict[str, Any], taken: set[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The objects of a feature; what has the name of another feature's (a part, say) gets one of its own."""
    names = {}
    for name in objects:
        free, number = name, 1
        while free in taken:
            number += 1
            free = f"{name}~{number}"
        taken.add(free)
        names[name] = free
    for name, item in objects.items():
        for kin in ("children", "parents"):
            if kin in item:
                item[kin] = [names[other] for other in item[kin]]
        yield names[name], item


def _moved(boundaries: Any, by: int) -> Any:
    if boundaries and isinstance(boundaries[0], int):
        return [index + by for index in boundaries]
    return [_moved(item, by) for item in boundaries]


class CityJSONSeqWriter:
    """Writes batches of solids to one open binary file. The first batch sets the transform of all."""

    def __init__(self, file: BinaryIO, *, crs: str | None = None, lod: str = "2.2", threads: int = 0) -> None:
        self._file = file
        self._system = reference_system(crs)
        self._lod = lod
        self._threads = threads
        self._anchor: list[float] | None = None
        self._grid = 0.001

    def write(self, solids: SolidsLike, attributes: Attributes | None = None) -> None:
        """Append a line for every building."""
        arrays = solids.arrays()
        if self._anchor is None:
            self._begin(local_origin(arrays), float(arrays["grid"]))
        if float(arrays["grid"]) != self._grid:
            raise InputError("solids", "have another grid than those before", "Mesh all with one grid")
        assert self._anchor is not None
        names = [json.dumps(str(name), ensure_ascii=False) for name in solids.ids]
        texts = _attribute_texts(attributes or {}, len(names))
        for first in range(0, len(names), BLOCK):
            rows = slice(first, first + BLOCK)
            whole = len(names) <= BLOCK
            piece = arrays if whole else _rows(arrays, first, min(first + BLOCK, len(names)))
            self._file.write(
                _kernel.city_features(
                    dict(piece), names[rows], texts[rows], self._anchor, self._lod, self._threads
                )
            )

    def close(self) -> None:
        """Write the header where no batch came; the file stays open, it is its owner's."""
        if self._anchor is None:
            self._begin([0.0, 0.0, 0.0], self._grid)

    def _begin(self, anchor: list[float], grid: float) -> None:
        self._anchor, self._grid = anchor, grid
        metadata: dict[str, Any] = {"title": f"geovision {__version__}"}
        if self._system is not None:
            metadata["referenceSystem"] = self._system
        header = {
            "type": "CityJSON",
            "version": "2.0",
            "transform": {"scale": [grid] * 3, "translate": anchor},
            "metadata": metadata,
            "CityObjects": {},
            "vertices": [],
        }
        self._file.write(json.dumps(header, separators=(",", ":")).encode() + b"\n")


def reference_system(crs: str | None) -> str | None:
    """The OGC URL of a CRS that has a code; None where it has none, as CityJSON knows no other form.

    >>> reference_system("EPSG:28992")
    'https://www.opengis.net/def/crs/EPSG/0/28992'
    >>> reference_system("EPSG:28992+5709")
    'https://www.opengis.net/def/crs/EPSG/0/7415'
    """
    if crs is None:
        return None
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    try:
        known = CRS.from_user_input(crs)
    except CRSError:
        raise InputError(f"CRS {crs!r}", "is not known", "Give a code such as EPSG:28992") from None
    found = known.to_authority()
    if found is None and known.is_compound:
        found = known.sub_crs_list[0].to_authority()
    if found is None:
        return None
    return f"https://www.opengis.net/def/crs/{found[0]}/0/{found[1]}"


def _attribute_texts(attributes: Attributes, count: int) -> list[str]:
    columns = {name: _plain_column(values) for name, values in attributes.items()}
    for name, values in columns.items():
        if len(values) != count:
            raise InputError(
                f"attribute {name!r}", f"has {len(values)} values for {count} buildings", "Give one each"
            )
    if not columns:
        return ["{}"] * count
    names = list(columns)
    return [
        _compact({name: value for name, value in zip(names, row, strict=True) if value is not None})
        for row in zip(*columns.values(), strict=True)
    ]


def _plain_column(values: Any) -> list[Any]:
    column = values.tolist() if isinstance(values, np.ndarray) else list(values)
    return column if _AS_THEY_ARE.issuperset(map(type, column)) else [_plain(value) for value in column]


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    # JSON has no NaN; a number that is not known is no number.
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _rows(arrays: Any, first: int, last: int) -> dict[str, Any]:
    """The arrays of some of the buildings, with offsets from 0; what is not ragged stays a view."""

    def offsets(name: str, begin: int, end: int) -> tuple[Any, int, int]:
        cut = np.asarray(arrays[name])[begin : end + 1]
        return cut - cut[0], int(cut[0]), int(cut[-1])

    piece: dict[str, Any] = {"grid": arrays["grid"], "origin": arrays["origin"][first:last]}
    piece["vertex_offsets"], begin, end = offsets("vertex_offsets", first, last)
    piece["vertices"] = arrays["vertices"][begin:end]
    piece["face_offsets"], begin, end = offsets("face_offsets", first, last)
    for name in ("face_label", "face_part", "face_surface", "face_provenance", "face_solid"):
        piece[name] = arrays[name][begin:end]
    piece["face_ring_offsets"], begin, end = offsets("face_ring_offsets", begin, end)
    piece["ring_offsets"], begin, end = offsets("ring_offsets", begin, end)
    piece["ring_vertices"] = arrays["ring_vertices"][begin:end]
    return piece
