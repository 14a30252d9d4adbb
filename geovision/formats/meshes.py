"""OBJ with materials, PLY and STL, for tools that read nothing better.

All three are read as float32 by most programs, which at national-grid coordinates would be steps of
centimetres. So positions are relative to a whole-metre origin that the file's header states: a comment in
OBJ and PLY, the 80-byte header in binary STL. `origin=(0, 0, 0)` keeps world coordinates: exact in OBJ, which
is text, and rounded to float32 in PLY and STL.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision._version import __version__
from geovision.errors import UsageError
from geovision.formats.atomic import atomic_write
from geovision.formats.glb import SolidsLike, local_origin, write_glb
from geovision.formats.materials import LABEL_COLOURS, material_name
from geovision.model.labels import Label

__all__ = ["TriangleSoup", "triangle_soup", "write_mesh"]


@dataclass(frozen=True)
class TriangleSoup:
    """All buildings as one indexed mesh; vertices are shared within a building and never between two."""

    vertices: NDArray[np.float64]  # (V, 3), relative to the origin
    triangles: NDArray[np.int64]  # (T, 3)
    labels: NDArray[np.uint8]  # (T,)
    buildings: NDArray[np.int64]  # (T,)
    origin: tuple[float, float, float]


def write_mesh(
    path: str | os.PathLike[str],
    solids: SolidsLike,
    *,
    crs: str | None = None,
    origin: Sequence[float] | None = None,
) -> None:
    """Write solids as .glb, .obj (with a .mtl beside it), .ply or .stl, by the suffix. Each file is atomic.

    Args:
        path: the file to write.
        solids: the buildings.
        crs: the CRS of the solids' coordinates; stated in the header.
        origin: world point that positions are relative to; by default a whole metre amid the buildings.
    """
    target = Path(path)
    suffix = target.suffix.lower()
    if suffix == ".glb":
        write_glb(target, solids, crs=crs, origin=origin)
        return
    writers = {".obj": _write_obj, ".ply": _write_ply, ".stl": _write_stl}
    if suffix not in writers:
        raise UsageError(
            str(target), f"has no known mesh suffix ({suffix or 'none'})", "Use .glb, .obj, .ply or .stl"
        )
    soup = triangle_soup(solids, origin)
    writers[suffix](target, soup, solids.ids, _place_text(soup.origin, crs))


def triangle_soup(solids: SolidsLike, origin: Sequence[float] | None = None) -> TriangleSoup:
    """The buildings of `solids` as one mesh, relative to `origin`."""
    arrays = solids.arrays()
    x, y, z = local_origin(arrays) if origin is None else [float(c) for c in origin]
    vertex_offsets = np.asarray(arrays["vertex_offsets"], np.int64)
    triangle_counts = np.diff(arrays["triangle_offsets"])
    # Origins and the anchor are whole metres, so this difference is exact before the grid is added.
    shift = np.asarray(arrays["origin"], np.float64).reshape(-1, 3) - (x, y, z)
    vertices = np.repeat(shift, np.diff(vertex_offsets), axis=0)
    vertices += float(arrays.get("grid", 0.001)) * np.asarray(arrays["vertices"]).reshape(-1, 3)
    first_vertex = np.repeat(vertex_offsets[:-1], triangle_counts)
    first_face = np.repeat(np.asarray(arrays["face_offsets"], np.int64)[:-1], triangle_counts)
    return TriangleSoup(
        vertices,
        np.asarray(arrays["triangles"]).reshape(-1, 3) + first_vertex[:, None],
        np.asarray(arrays["face_label"], np.uint8)[first_face + np.asarray(arrays["triangle_face"])],
        np.repeat(np.arange(len(triangle_counts)), triangle_counts),
        (x, y, z),
    )


def _place_text(origin: Sequence[float], crs: str | None) -> str:
    x, y, z = (f"{c:.3f}".rstrip("0").rstrip(".") for c in origin)
    # Line breaks in a header would become lines of the file.
    return f"origin {x} {y} {z}" + (f" crs {' '.join(crs.split())}" if crs else "")


def _write_obj(path: Path, soup: TriangleSoup, ids: Sequence[str], place: str) -> None:
    # Written here and not through trimesh, which would split a building's vertices by material (its solid
    # would no longer be closed) and has no objects, so that building ids would be lost.
    library = path.with_suffix(".mtl")
    with atomic_write(library) as file:
        file.write("".join(_mtl_lines(np.unique(soup.labels).tolist())).encode())
    with atomic_write(path) as file:
        file.write(f"# geovision {__version__}, metres, z up, {place}\nmtllib {library.name}\n".encode())
        for row in range(0, len(soup.vertices), 65536):
            block = soup.vertices[row : row + 65536].tolist()
            file.write("".join([f"v {x:.4f} {y:.4f} {z:.4f}\n" for x, y, z in block]).encode())
        for text in _obj_faces(soup, ids):
            file.write(text.encode())


def _obj_faces(soup: TriangleSoup, ids: Sequence[str]) -> Iterator[str]:
    # A building's triangles label by label, so that each material is named once.
    if not len(soup.triangles):
        return
    order = np.lexsort((soup.labels, soup.buildings))
    keys = np.stack([soup.buildings[order], soup.labels[order]], axis=1)
    starts = np.flatnonzero(np.any(np.diff(keys, axis=0, prepend=-1) != 0, axis=1)).tolist()
    building = -1
    for begin, end in zip(starts, [*starts[1:], len(order)], strict=True):
        if int(keys[begin, 0]) != building:
            building = int(keys[begin, 0])
            yield _object_line(ids[building])
        corners = (soup.triangles[order[begin:end]] + 1).tolist()
        faces = "".join([f"f {a} {b} {c}\n" for a, b, c in corners])
        yield f"usemtl {material_name(int(keys[begin, 1]))}\n{faces}"


def _object_line(building_id: str) -> str:
    # Names end at white space.
    return f"o {re.sub(r'[^ -~]|[ ]', '_', building_id)}\n"


def _mtl_lines(labels: Sequence[int]) -> Iterator[str]:
    for label in labels:
        r, g, b = (f"{channel / 255:.3f}" for channel in LABEL_COLOURS[Label(label)])
        yield f"newmtl {material_name(label)}\nKd {r} {g} {b}\nKs 0 0 0\nillum 1\n\n"


def _trimesh_of(soup: TriangleSoup) -> Any:
    import trimesh

    return trimesh.Trimesh(soup.vertices, soup.triangles, process=False, validate=False)


def _write_ply(path: Path, soup: TriangleSoup, ids: Sequence[str], place: str) -> None:
    from trimesh.exchange.ply import export_ply

    mesh = _trimesh_of(soup)
    palette = np.array([(*LABEL_COLOURS[label], 255) for label in Label], np.uint8)
    if len(soup.triangles):  # trimesh cannot colour a mesh without faces
        mesh.visual.face_colors = palette[soup.labels]
        mesh.face_attributes["label"] = soup.labels
        mesh.face_attributes["building"] = soup.buildings.astype(np.int32)
    data: bytes = export_ply(mesh, vertex_normal=False)
    # trimesh has no way to pass comments; the first two lines are "ply" and "format ...".
    magic, form, rest = data.split(b"\n", 2)
    comment = f"comment geovision {__version__}, metres, z up, {place}".encode("ascii", "replace")
    with atomic_write(path) as file:
        file.write(b"\n".join([magic, form, comment, rest]))


def _write_stl(path: Path, soup: TriangleSoup, ids: Sequence[str], place: str) -> None:
    from trimesh.exchange.stl import export_stl

    data: bytes = export_stl(_trimesh_of(soup))
    # The header must not begin with "solid": that is how readers know the text form.
    header = f"geovision {__version__} {place}".encode("ascii", "replace")[:80].ljust(80)
    with atomic_write(path) as file:
        file.write(header)
        file.write(data[80:])
