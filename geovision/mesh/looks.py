"""What the faces of solids look like: a finish and a colour for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision.errors import InputError
from geovision.mesh.materials import Material
from geovision.mesh.scene_parts import FLAT_DEG, Paint, paint_slots
from geovision.mesh.solids import Solids
from geovision.mesh.textures import finish_of
from geovision.model.labels import Label

__all__ = ["NO_FINISH", "FaceLooks", "face_looks"]

NO_FINISH = 255
"""Of faces that have a colour and no texture."""

_BARE = (Label.GROUND, Label.UNDERSIDE)

U8 = NDArray[np.uint8]


@dataclass(frozen=True)
class FaceLooks:
    """Finish and colour of every face of a batch of solids.

    Attributes:
        finish: [faces] `Finish`, or `NO_FINISH`.
        colour: [faces, 3] sRGB.
    """

    finish: U8
    colour: U8

    @classmethod
    def of_materials(cls, material: NDArray[Any], colour: NDArray[Any]) -> FaceLooks:
        """From a `Material` a face: each laid as it mostly is."""
        return cls(_FINISH_OF[np.asarray(material, np.uint8)], np.asarray(colour, np.uint8))


def _finishes() -> U8:
    table = np.full(256, NO_FINISH, np.uint8)
    for material in Material:
        finish = finish_of(material)
        if finish is not None:
            table[material] = finish
    return table


_FINISH_OF = _finishes()


def face_looks(
    solids: Solids, *, roof: Paint, flat: Paint, wall: Paint, trim: Paint | None = None
) -> FaceLooks:
    """Looks by building: of steep roofs, of level ones, of walls, of chimneys and parapets.

    Args:
        solids: the buildings.
        roof: roofs steeper than 8 degrees.
        flat: roofs that are not.
        wall: everything upright; what looks down has its colour and no texture.
        trim: chimneys and parapets; the walls' paint where it is None.

    >>> from geovision.mesh import Finish, Material, mesh
    >>> from geovision.model import Gabled, Part, Program
    >>> part = Part(shell=[(0, 0), (9, 0), (9, 6), (0, 6)], eave_height=3.0, roof=Gabled(ridge_height=6.0))
    >>> solids = mesh([Program(id="a", parts=[part])])
    >>> red, white = Paint(Material.TILES, (150, 80, 60)), Paint(Material.PLASTER, (220, 215, 200))
    >>> looks = face_looks(solids, roof=red, flat=red, wall=white)
    >>> sorted({Finish(code).name for code in looks.finish if code != NO_FINISH})
    ['PANTILES', 'PLASTER']
    """
    buildings = len(solids)
    building = np.repeat(np.arange(buildings), np.diff(solids.face_offsets))
    paints = [roof, flat, wall, wall if trim is None else trim]
    try:
        materials = [np.broadcast_to(np.asarray(paint.material, np.uint8), buildings) for paint in paints]
        colours = [np.broadcast_to(np.asarray(paint.colour, np.uint8), (buildings, 3)) for paint in paints]
    except ValueError as error:
        raise InputError(
            f"paint for {buildings} buildings",
            f"does not fit ({error})",
            "Give one row a building, or one for all",
        ) from None
    slot = paint_slots(solids.face_label, _is_level(solids))
    material = np.where(
        np.isin(solids.face_label, _BARE), Material.PLAIN, np.stack(materials)[slot, building]
    )
    return FaceLooks.of_materials(material, np.stack(colours)[slot, building])


def _is_level(solids: Solids) -> NDArray[np.bool_]:
    """Of every face, by the normal of its polygon."""
    owner = np.repeat(np.arange(len(solids)), np.diff(solids.triangle_offsets))
    corners = solids.triangles + solids.vertex_offsets[owner][:, None]
    a, b, c = (solids.vertices[corners[:, k]].astype(np.float64) for k in range(3))
    normal = np.cross(b - a, c - a)
    face = solids.triangle_face + solids.face_offsets[owner]
    total = np.stack([np.bincount(face, normal[:, k], len(solids.face_label)) for k in range(3)], axis=1)
    return np.asarray(total[:, 2] > np.cos(np.deg2rad(FLAT_DEG)) * np.linalg.norm(total, axis=1))
