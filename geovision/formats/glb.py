"""GLB: one mesh a file, a feature id per building, one property table with the attributes.

World coordinates are float64 in the solids' CRS, z up. The file holds float32 positions relative to a
whole-metre origin, that origin as the (float64) translation of the mesh's node, and above it a node that
turns z up into glTF's y up. So a reader that applies node transforms gets world coordinates back to better
than a millimetre.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from geovision import _kernel
from geovision.errors import InputError
from geovision.formats.atlas import PhotoSource, make_atlas
from geovision.formats.atomic import atomic_write
from geovision.formats.columns import encode_table
from geovision.formats.gltf_json import gltf_json
from geovision.formats.gltf_parts import make_parts
from geovision.formats.gltf_skin import TEXTURE_M, SkinSettings, make_skin
from geovision.formats.pictures import jpeg
from geovision.mesh.elements import Elements
from geovision.mesh.looks import FaceLooks
from geovision.mesh.walls import Walls
from geovision.model.labels import Label

__all__ = ["Attributes", "SolidsLike", "glb_bytes", "local_origin", "write_glb"]

Attributes = Mapping[str, Sequence[Any] | NDArray[Any]]

# float32 steps are 0.98 mm from here on, so that rounding is half of that on each axis.
MAX_REACH_M = 16_384.0
STEP_EXPONENT = -8
"""Compressed positions are multiples of 2^-8 m, at most 2 mm off on each axis. No edge is shorter than 1 cm,
so none vanishes, as it could with steps of 2^-7."""
MOST_PIXELS = 4096


class SolidsLike(Protocol):
    """What the writers need of a batch of solids; `geovision.mesh.Solids` has it."""

    @property
    def ids(self) -> Sequence[str]:
        """One id a building."""
        ...

    def arrays(self) -> Mapping[str, Any]:
        """The kernel's arrays by the field names of struct Solids."""
        ...


def write_glb(
    path: str | os.PathLike[str],
    solids: SolidsLike,
    *,
    attributes: Attributes | None = None,
    crs: str | None = None,
    origin: Sequence[float] | None = None,
    place: bool = True,
    photo: PhotoSource | None = None,
    looks: FaceLooks | None = None,
    skin: SkinSettings | None = None,
    facades: tuple[SolidsLike, Walls, Elements] | None = None,
    compress: bool = False,
    threads: int = 0,
) -> None:
    """Write solids as one GLB file, atomically. The arguments are those of `glb_bytes`.

    >>> import geovision, pathlib, tempfile
    >>> roof = geovision.Gabled(ridge_height=8.0)
    >>> part = geovision.Part(shell=[(0, 0), (12, 0), (12, 8), (0, 8)], eave_height=5.0, roof=roof)
    >>> solids = geovision.mesh([geovision.Program(id="house", parts=[part])])
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "house.glb"
    >>> write_glb(path, solids, crs="EPSG:28992", attributes={"storeys": [2]})
    >>> path.read_bytes()[:4]
    b'glTF'
    """
    data = glb_bytes(
        solids,
        attributes=attributes,
        crs=crs,
        origin=origin,
        place=place,
        photo=photo,
        looks=looks,
        skin=skin,
        facades=facades,
        compress=compress,
        threads=threads,
    )
    with atomic_write(path) as file:
        file.write(data)


def glb_bytes(
    solids: SolidsLike,
    *,
    attributes: Attributes | None = None,
    crs: str | None = None,
    origin: Sequence[float] | None = None,
    place: bool = True,
    photo: PhotoSource | None = None,
    looks: FaceLooks | None = None,
    skin: SkinSettings | None = None,
    facades: tuple[SolidsLike, Walls, Elements] | None = None,
    compress: bool = False,
    threads: int = 0,
) -> bytes:
    """Solids as the bytes of a GLB file. The same input gives the same bytes on any number of threads.

    Args:
        solids: the buildings; feature id i is building i, and so is row i of the property table.
        attributes: columns of the property table beside the building's id, one value a building.
        crs: the CRS of the solids' coordinates, e.g. "EPSG:28992"; kept in the file's extras.
        origin: world point that positions are relative to; by default a whole metre amid the buildings.
        place: put the origin into the node's translation. False leaves the mesh at the origin, for
            formats that place it themselves; the extras hold the origin either way.
        photo: orthophoto in the solids' CRS, for roofs: an atlas of at most 4096 pixels a side.
        looks: finish and colour of every face: materials that repeat at true scale instead of a plain colour
            a label. Together with `photo` roofs that it shows have the photo, and all else its material.
        skin: how these are written.
        facades: as instances of small meshes before the walls: the solids whose walls were found (these, or
            these before they had foundations), the walls, and what is on them.
        compress: with EXT_meshopt_compression, positions to 2 mm an axis.
        threads: 0 for all cores.

    Raises:
        InputError: an attribute or looks do not fit, or the buildings lie too far apart for one origin.
    """
    arrays = solids.arrays()
    anchor = local_origin(arrays) if origin is None else [float(c) for c in origin]
    count = len(solids.ids)
    columns = encode_table({"id": list(solids.ids), **(attributes or {})}, count) if count else {}
    if columns:
        columns["id"].schema.update(semantic="ID", required=True)
    atlas = None if photo is None else make_atlas(arrays, photo, MOST_PIXELS)
    picture = b"" if atlas is None else jpeg(atlas.pixels)
    if atlas is not None:
        arrays = {**arrays, "uv": atlas.uv}
    dress = None
    if looks is not None:
        on_roofs = None if atlas is None else atlas.on_roofs(arrays)
        dress = make_skin(arrays["face_label"], looks, skin or SkinSettings(), on_roofs)
    if dress is not None:
        arrays = {**arrays, **dress.arrays}
    buffers = [buffer for column in columns.values() for buffer in column.buffers.values()]
    exponent = STEP_EXPONENT if compress else None
    parts = None
    if facades is not None:
        base, walls, elements = facades
        parts = make_parts(base.arrays(), walls, elements, origin=anchor, compress=exponent, threads=threads)
        buffers += parts.buffers

    extras: dict[str, Any] = {"origin": anchor} if crs is None else {"crs": crs, "origin": anchor}
    node = {"translation": anchor} if place else {}

    def header(layout: dict[str, Any]) -> str:
        for group in layout["groups"]:
            _check_reach(group)
        return gltf_json(layout, columns, count, node, extras, photo=len(picture), skin=dress, parts=parts)

    if dress is not None:
        buffers += dress.buffers
    if picture:
        buffers.append(picture)
    return _kernel.pack_glb(
        dict(arrays),
        tuple(anchor),
        tuple(range(len(Label))),
        buffers,
        header,
        threads,
        compress=exponent,
        metre_groups=() if dress is None else dress.metre_groups,
        texture_m=TEXTURE_M,
        photo_groups=() if dress is None else dress.photo_groups,
    )


def local_origin(arrays: Mapping[str, Any]) -> list[float]:
    """A whole-metre point amid the buildings' own origins.

    >>> local_origin({"origin": np.array([[155000.0, 463000.0, 3.0], [155101.0, 463000.0, 4.0]])})
    [155050.0, 463000.0, 3.0]
    """
    origins = np.asarray(arrays["origin"], np.float64).reshape(-1, 3)
    if not len(origins):
        return [0.0, 0.0, 0.0]
    middle: list[float] = np.floor((origins.min(axis=0) + origins.max(axis=0)) / 2).tolist()
    return middle


def _check_reach(group: dict[str, Any]) -> None:
    reach = max(map(abs, group["min"] + group["max"]))
    if reach > MAX_REACH_M:
        raise InputError(
            "GLB",
            f"a building lies {reach:,.0f} m from the file's origin; beyond {MAX_REACH_M:,.0f} m float32 "
            "positions are no longer good to a millimetre",
            "Write the area as several tiles",
        )
