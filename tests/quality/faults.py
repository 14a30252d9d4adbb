"""Ways to break a CityJSON document, each with the code that must come of it and no other."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

import geovision
from geovision.formats import write_cityjsonseq
from geovision.mesh.solids import Solids
from tests.strategies import case, to_arrays

Document = dict[str, Any]
Face = list[list[int]]
Break = Callable[[Document, Random], bool]


def document(path: Path, seeds: list[int], lod: int = 22) -> Document:
    """Random buildings as one CityJSON document, written by geovision as a sequence."""
    from geovision import _kernel

    arrays = _kernel.compile_solids(to_arrays([case(seed) for seed in seeds]), lod=lod, polygons=True)
    arrays.setdefault("face_provenance", np.zeros(len(arrays["face_label"]), np.uint8))
    write_cityjsonseq(path, Solids(arrays, [f"b{seed}" for seed in seeds]), crs="EPSG:7415")
    return collected(path)


def collected(path: Path) -> Document:
    """The lines of a sequence as one document."""
    header, *features = [json.loads(line) for line in path.read_text().splitlines()]
    for feature in features:
        first = len(header["vertices"])
        header["vertices"] += feature["vertices"]
        for item in feature["CityObjects"].values():
            for geometry in item.get("geometry", []):
                geometry["boundaries"] = shifted(geometry["boundaries"], first)
        header["CityObjects"] |= feature["CityObjects"]
    assert isinstance(header, dict)
    return header


def shifted(boundaries: Any, first: int) -> Any:
    return (
        boundaries + first if isinstance(boundaries, int) else [shifted(item, first) for item in boundaries]
    )


def codes(path: Path, data: Document, **options: Any) -> set[int]:
    """What validation says of a document."""
    path.write_text(json.dumps(data))
    return geovision.validate(path, ignore=[609], **options).codes


def solids(data: Document) -> list[dict[str, Any]]:
    return [
        geometry
        for item in data["CityObjects"].values()
        for geometry in item.get("geometry", [])
        if geometry["type"] == "Solid"
    ]


def any_shell(data: Document, rng: Random) -> list[Face]:
    shell = rng.choice(solids(data))["boundaries"][0]
    assert isinstance(shell, list)
    return shell


def corners(data: Document, ring: list[int]) -> Any:
    return np.array([data["vertices"][i] for i in ring], float)


def area(data: Document, ring: list[int]) -> float:
    p = corners(data, ring)
    return (
        float(np.linalg.norm(sum(np.cross(p[i] - p[0], p[i + 1] - p[0]) for i in range(1, len(p) - 1)))) / 2
    )


def hole(data: Document, rng: Random) -> bool:
    geometry = rng.choice(solids(data))
    row = rng.randrange(len(geometry["boundaries"][0]))
    if len(geometry["boundaries"][0]) <= 4:
        return False
    del geometry["boundaries"][0][row]
    del geometry["semantics"]["values"][0][row]
    return True


def flipped_face(data: Document, rng: Random) -> bool:
    for ring in rng.choice(any_shell(data, rng)):
        ring.reverse()
    return True


def inside_out(data: Document, rng: Random) -> bool:
    for face in any_shell(data, rng):
        for ring in face:
            ring.reverse()
    return True


def doubled_vertex(data: Document, rng: Random) -> bool:
    ring = rng.choice(rng.choice(any_shell(data, rng)))
    at = rng.randrange(len(ring))
    if rng.random() < 0.5:
        ring.insert(at, ring[at])
    else:
        data["vertices"].append(list(data["vertices"][ring[at]]))
        ring.insert(at, len(data["vertices"]) - 1)
    return True


def two_points(data: Document, rng: Random) -> bool:
    ring = rng.choice(rng.choice(any_shell(data, rng)))
    del ring[2:]
    return True


def bow_tie(data: Document, rng: Random) -> bool:
    faces = [face for face in any_shell(data, rng) if len(face) == 1 and len(face[0]) == 4]
    # Large enough that the crossing is more than roundings.
    faces = [face for face in faces if area(data, face[0]) > 1e6]
    if not faces:
        return False
    ring = rng.choice(faces)[0]
    ring[1], ring[2] = ring[2], ring[1]
    return True


def bent(data: Document, rng: Random) -> bool:
    """One corner of a wide polygon leaves its plane by 0.4 m; its neighbours keep theirs."""
    faces = [face for face in any_shell(data, rng) if len(face[0]) == 4 and area(data, face[0]) > 4e6]
    if not faces:
        return False
    ring = rng.choice(faces)[0]
    p = corners(data, ring)
    edges = np.linalg.norm(p - np.roll(p, 1, 0), axis=1)
    normal = np.cross(p[1] - p[0], p[3] - p[0])
    if edges.min() < 1500 or np.linalg.norm(normal) < 1e6:
        return False
    moved = p[0] + 400 * normal / np.linalg.norm(normal)
    data["vertices"].append([round(value) for value in moved])
    ring[0] = len(data["vertices"]) - 1
    return True


def not_finite(data: Document, rng: Random) -> bool:
    ring = rng.choice(rng.choice(any_shell(data, rng)))
    data["vertices"][ring[0]][rng.randrange(3)] = rng.choice((float("nan"), float("inf")))
    return True


def no_crs(data: Document, _: Random) -> bool:
    del data["metadata"]["referenceSystem"]
    return True


def unknown_crs(data: Document, rng: Random) -> bool:
    wrong = ("https://www.opengis.net/def/crs/EPSG/0/99999999", "EPSG:28992", 7415)
    data["metadata"]["referenceSystem"] = rng.choice(wrong)
    return True


def index_too_high(data: Document, rng: Random) -> bool:
    ring = rng.choice(rng.choice(any_shell(data, rng)))
    ring[0] = len(data["vertices"]) + rng.randrange(5)
    return True


def index_negative(data: Document, rng: Random) -> bool:
    rng.choice(rng.choice(any_shell(data, rng)))[0] = -1
    return True


def nested_too_deep(data: Document, rng: Random) -> bool:
    geometry = rng.choice(solids(data))
    geometry["boundaries"] = [geometry["boundaries"]]
    return True


def semantics_index(data: Document, rng: Random) -> bool:
    semantics = rng.choice(solids(data))["semantics"]
    values = semantics["values"][0]
    values[rng.randrange(len(values))] = rng.choice((-1, len(semantics["surfaces"])))
    return True


def semantics_short(data: Document, rng: Random) -> bool:
    rng.choice(solids(data))["semantics"]["values"][0].pop()
    return True


def semantics_type(data: Document, rng: Random) -> bool:
    rng.choice(rng.choice(solids(data))["semantics"]["surfaces"])["type"] = "RoofSurfaces"
    return True


def unknown_geometry(data: Document, rng: Random) -> bool:
    rng.choice(solids(data))["type"] = "Brep"
    return True


def lost_parent(data: Document, rng: Random) -> bool:
    name = rng.choice(list(data["CityObjects"]))
    data["CityObjects"][name]["parents"] = ["nobody"]
    return True


def far_away(data: Document, rng: Random) -> bool:
    ring = rng.choice(rng.choice(any_shell(data, rng)))
    data["vertices"][ring[0]][0] += 3_000_000_000
    return True


def no_transform(data: Document, _: Random) -> bool:
    data["transform"]["scale"] = [0.001, 0, 0.001]
    return True


FAULTS: list[tuple[Break, int]] = [
    (hole, 302),
    (flipped_face, 307),
    (inside_out, 405),
    (doubled_vertex, 102),
    (two_points, 101),
    (bow_tie, 104),
    (bent, 203),
    (not_finite, 811),
    (no_crs, 821),
    (unknown_crs, 822),
    (index_too_high, 803),
    (index_negative, 803),
    (nested_too_deep, 804),
    (semantics_index, 842),
    (semantics_short, 841),
    (semantics_type, 843),
    (unknown_geometry, 805),
    (lost_parent, 806),
    (far_away, 812),
    (no_transform, 802),
]


def broken(data: Document, how: Break, rng: Random) -> Document | None:
    """A copy with one fault; None where the solid that was drawn cannot have it."""
    copied = copy.deepcopy(data)
    return copied if how(copied, rng) else None
