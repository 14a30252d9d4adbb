"""What a part, its roof and what stands on it must agree on: the physical rules of a program."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from geovision.model import rings as ring_checks
from geovision.model import roofs
from geovision.model._base import Refusal
from geovision.model.superstructures import Parapet

if TYPE_CHECKING:
    from geovision.model.program import Part
    from geovision.model.superstructures import Superstructure

QUAD_ROOFS = (roofs.HalfHipped, roofs.SideHipped)
RADIAL_ROOFS = (roofs.Pyramidal, roofs.Dome, roofs.Cone, roofs.Onion)
PITCHED_ROOFS = (roofs.Hipped, roofs.Gabled)
# Faces steeper than 80 degrees are walls.
MAX_SLOPE = math.tan(math.radians(80))

Array = NDArray[np.float64]


def check_part(part: Part) -> None:
    """Raise a Refusal for the first rule that the part breaks."""
    if not part.eave_height > part.base_height:
        raise Refusal(
            "eave_height",
            part.eave_height,
            f"it is not above base_height ({part.base_height:g})",
            f"Give an eave_height above {part.base_height:g}",
        )
    arrays = [np.asarray(ring, dtype=float).reshape(-1, 2) for ring in (part.shell, *part.holes)]
    _check_outline(arrays, prefix="")
    _check_edge_pitch(part)
    _check_shift(part)
    _check_heights(part)
    _check_plan(part, arrays[0])
    if isinstance(part.roof, roofs.Planar):
        for index, face in enumerate(part.roof.faces):
            _check_face(face, index, part.base_height)


def _check_outline(arrays: list[Array], prefix: str) -> None:
    found = ring_checks.check_rings(arrays)
    if found is None:
        return
    name = "shell" if found.ring == 0 else f"holes/{found.ring - 1}"
    ring = arrays[found.ring]
    value: object = ring.tolist() if found.vertex is None else ring[found.vertex].tolist()
    field = f"{prefix}{name}" if found.vertex is None else f"{prefix}{name}/{found.vertex}"
    raise Refusal(field, value, found.problem, found.remedy)


def _check_edge_pitch(part: Part) -> None:
    pitches = part.edge_pitch_deg
    if pitches is None:
        if (
            isinstance(part.roof, roofs.Hipped)
            and part.roof.ridge_height is None
            and part.roof.pitch_deg is None
        ):
            raise Refusal(
                "roof/ridge_height",
                None,
                "a hipped roof has no height",
                "Give ridge_height, pitch_deg or edge_pitch_deg",
            )
        return
    if not isinstance(part.roof, PITCHED_ROOFS):
        raise Refusal(
            "edge_pitch_deg",
            list(pitches),
            f"{part.roof.kind} roofs have no pitch per edge",
            "Leave it out, or make the roof hipped or gabled",
        )
    edges = len(part.shell) + sum(len(hole) for hole in part.holes)
    if len(pitches) != edges:
        raise Refusal(
            "edge_pitch_deg",
            list(pitches),
            f"it has {len(pitches)} entries but shell and holes have {edges} edges",
            f"Give {edges} entries, null for the roof's own pitch",
        )
    for index, pitch in enumerate(pitches):
        if pitch is not None and not 0 < pitch <= 90:
            raise Refusal(
                f"edge_pitch_deg/{index}",
                pitch,
                "a pitch lies above 0 and up to 90",
                "Give 90 for a gable end",
            )
    if all(pitch == 90 for pitch in pitches):
        raise Refusal(
            "edge_pitch_deg",
            list(pitches),
            "every edge is a gable",
            "Give at least one edge a pitch under 90",
        )
    own = None if not isinstance(part.roof, roofs.Hipped) else (part.roof.ridge_height or part.roof.pitch_deg)
    if isinstance(part.roof, roofs.Hipped) and own is None and None in pitches:
        raise Refusal(
            f"edge_pitch_deg/{pitches.index(None)}",
            None,
            "the roof has no pitch of its own for this edge",
            "Give the edge a pitch, or the roof a ridge_height or pitch_deg",
        )


def _check_shift(part: Part) -> None:
    if any(part.roof_shift) and isinstance(part.roof, (roofs.Planar, roofs.Onion)):
        remedy = "Move its faces" if isinstance(part.roof, roofs.Planar) else "Move the part"
        raise Refusal(
            "roof_shift",
            list(part.roof_shift),
            f"{part.roof.kind} roofs stand where they are",
            f"Leave it out. {remedy} instead",
        )


def _check_heights(part: Part) -> None:
    """Heights of the roof against the part's eave and base."""
    roof, eave, base = part.roof, part.eave_height, part.base_height
    ridge = getattr(roof, "ridge_height", None)
    if ridge is not None and not ridge > eave:
        raise Refusal(
            "roof/ridge_height",
            ridge,
            f"the ridge is not above the eave ({eave:g})",
            f"Give a ridge_height above {eave:g}, or a flat roof",
        )
    for name in ("break_height", "hip_height"):
        height = getattr(roof, name, None)
        low_enough = height is None or (height > eave if name == "break_height" else height >= eave)
        if not low_enough:
            raise Refusal(
                f"roof/{name}",
                height,
                f"it is under the eave ({eave:g})",
                f"Give a {name} between {eave:g} and {ridge:g}",
            )
    if isinstance(roof, roofs.Butterfly) and not base < roof.valley_height < eave:
        raise Refusal(
            "roof/valley_height",
            roof.valley_height,
            f"the valley is not between the base ({base:g}) and the eave ({eave:g})",
            f"Give a valley_height between {base:g} and {eave:g}",
        )
    if isinstance(roof, roofs.Saltbox) and not roof.rear_eave_height > base:
        raise Refusal(
            "roof/rear_eave_height",
            roof.rear_eave_height,
            f"it is not above base_height ({base:g})",
            f"Give a rear_eave_height between {base:g} and {roof.ridge_height:g}",
        )


def _check_plan(part: Part, shell: Array) -> None:
    """Plan distances of the roof against the footprint."""
    roof = part.roof
    if part.holes and isinstance(roof, (*QUAD_ROOFS, *RADIAL_ROOFS)):
        raise Refusal(
            "holes",
            f"{len(part.holes)} rings",
            f"{roof.kind} roofs have no courtyards",
            "Split the part, or use flat, hipped or gabled",
        )
    if isinstance(roof, QUAD_ROOFS) or (isinstance(roof, roofs.Hipped) and roof.hip_setback is not None):
        _check_setback(part, roof, ring_checks.corners(shell))
    if isinstance(roof, (roofs.Mansard, roofs.Gambrel)):
        width = _width_across(roof, shell)
        if 2 * roof.break_inset >= width:
            raise Refusal(
                "roof/break_inset",
                roof.break_inset,
                f"two breaks are wider than the roof ({width:.3f} m)",
                f"Give a break_inset under {width / 2:.3f}",
            )
    if isinstance(roof, roofs.Onion) and roof.bulge > ring_checks.reach(shell):
        most = ring_checks.reach(shell)
        raise Refusal(
            "roof/bulge",
            roof.bulge,
            "it is wider than the part itself",
            f"Give a bulge of at most {most:.3f}",
        )


def _check_setback(
    part: Part, roof: roofs.Hipped | roofs.HalfHipped | roofs.SideHipped, corners: Array
) -> None:
    setback = roof.hip_setback
    if setback is None:
        return
    quad_only = isinstance(roof, QUAD_ROOFS)
    if len(corners) != 4 or part.holes or not ring_checks.is_convex(corners):
        found = "this one is not convex" if len(corners) == 4 else f"this one has {len(corners)}"
        found = "a hole is there" if part.holes else found
        raise Refusal(
            "roof/kind" if quad_only else "roof/hip_setback",
            roof.kind if quad_only else setback,
            f"it needs a convex part with 4 corners and no holes; {found}",
            "Split the part into quadrilaterals, or use a hipped roof without hip_setback",
        )
    length = ring_checks.ridge_length(corners, roof.azimuth_deg)
    hips = 1 if isinstance(roof, roofs.SideHipped) else 2
    if hips * setback > length + ring_checks.GRID_M:
        raise Refusal(
            "roof/hip_setback",
            setback,
            f"{'the hip is' if hips == 1 else 'two hips are'} longer than the roof ({length:.3f} m)",
            f"Give a hip_setback of at most {length / hips:.3f}",
        )


def _width_across(roof: roofs.Mansard | roofs.Gambrel, shell: Array) -> float:
    """A width that the roof cannot exceed between two opposite eaves."""
    if isinstance(roof, roofs.Gambrel):
        if roof.azimuth_deg is not None:
            return ring_checks.span(shell, roof.azimuth_deg)
        return ring_checks.narrowest(shell)
    return float(np.ptp(shell, axis=0).min())


def _check_face(face: roofs.Face, index: int, base: float) -> None:
    prefix = f"roof/faces/{index}/"
    arrays = [np.asarray(ring, dtype=float).reshape(-1, 2) for ring in (face.shell, *face.holes)]
    _check_outline(arrays, prefix)
    slope = math.hypot(face.slope_x, face.slope_y)
    if slope > MAX_SLOPE:
        raise Refusal(
            f"{prefix}slope_x",
            face.slope_x,
            f"the face is steeper than 80 degrees ({math.degrees(math.atan(slope)):.1f})",
            "Make it a wall: a step between two faces",
        )
    shell = arrays[0]
    heights = face.height + (shell - shell[0]) @ np.array([face.slope_x, face.slope_y])
    if heights.min() <= base:
        vertex = int(np.argmin(heights))
        raise Refusal(
            f"{prefix}height",
            face.height,
            f"the face dips to {heights[vertex]:.3f} at vertex {vertex}, not above base_height ({base:g})",
            "Raise the face, or flatten its slope",
        )


def check_superstructure(item: Superstructure, parts: tuple[Part, ...]) -> None:
    """Raise a Refusal for the first rule that a superstructure breaks; fields are its own."""
    if item.part >= len(parts):
        raise Refusal(
            "part",
            item.part,
            f"the building has {len(parts)} parts",
            f"Give an index from 0 to {len(parts) - 1}",
        )
    part = parts[item.part]
    lowest = _lowest_roof(part)
    name = next(
        name for name in ("ridge_height", "back_height", "top_height", "eave_height") if hasattr(item, name)
    )
    top = float(getattr(item, name))
    if not top > lowest:
        raise Refusal(
            name,
            top,
            f"it does not rise above the roof of part {item.part} ({lowest:g})",
            f"Give a height above {lowest:g}",
        )
    if isinstance(item, Parapet):
        width = float(np.ptp(np.asarray(part.shell, dtype=float), axis=0).min())
        if 2 * item.thickness >= width:
            raise Refusal(
                "thickness",
                item.thickness,
                f"it fills the part ({width:.3f} m wide)",
                f"Give less than {width / 2:.3f}",
            )


def _lowest_roof(part: Part) -> float:
    """A height that no point of the part's roof lies under."""
    roof = part.roof
    if isinstance(roof, roofs.Butterfly):
        return roof.valley_height
    if isinstance(roof, roofs.Saltbox):
        return min(part.eave_height, roof.rear_eave_height)
    if isinstance(roof, roofs.Planar):
        return part.base_height
    return part.eave_height
