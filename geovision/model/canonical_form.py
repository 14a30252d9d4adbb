"""One form for programs that describe the same building: compare and count roof kinds on these."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision.model import rings as ring_checks
from geovision.model import roofs
from geovision.model._base import Ring
from geovision.model.program import Part, Program
from geovision.model.superstructures import Box, Chimney, Superstructure

__all__ = ["canonical"]

# Two lengths or heights that the kernel's grid cannot tell apart.
SAME_M = 1e-3
# Half a turn brings these back onto themselves.
_SYMMETRIC = (roofs.Hipped, roofs.HalfHipped, roofs.Gambrel, roofs.CrossGabled, roofs.Round)
_MIRRORED = (roofs.Gabled, roofs.Butterfly)


def canonical(program: Program) -> Program:
    """The canonical form of a program: the same building, with the simplest kind that describes it.

    Azimuths lie in [0, 360), or in [0, 180) where half a turn changes nothing; rings run counter-clockwise
    (holes clockwise) from their lowest x; a roof that is a special case of a simpler kind becomes that kind.

    >>> square = [(0, 0), (6, 0), (6, 6), (0, 6)]
    >>> hipped = Part(shell=square, eave_height=3, roof=roofs.Hipped(ridge_height=5, hip_setback=3))
    >>> canonical(Program(id="a", parts=[hipped])).parts[0].roof.kind
    'pyramidal'
    """
    parts = tuple(_canonical_part(part) for part in program.parts)
    superstructures = tuple(_canonical_super(item) for item in program.superstructures)
    provenance = {path: word for path, word in program.provenance.items() if _kept(path, parts)}
    return program.replace(parts=parts, superstructures=superstructures, provenance=provenance)


def _kept(path: str, parts: tuple[Part, ...]) -> bool:
    """Whether a provenance path still leads somewhere after roofs changed their kind."""
    steps = path.split("/")
    if len(steps) > 3 and steps[0] == "parts" and steps[2] == "roof":
        return steps[3] in type(parts[int(steps[1])].roof).model_fields
    return not (
        len(steps) > 3 and steps[2] == "edge_pitch_deg" and parts[int(steps[1])].edge_pitch_deg is None
    )


def _canonical_part(part: Part) -> Part:
    part = _one_pitch(part)
    for _ in range(8):
        simpler = _simpler_roof(part)
        if simpler is None:
            break
        part = part.replace(roof=simpler)
    part = _unshifted(part)
    return _turn_rings(part.replace(roof=_turned(part.roof)))


def _unshifted(part: Part) -> Part:
    """A level roof cannot tell a shift; to one slope it is another height."""
    if isinstance(part.roof, roofs.Flat) or not any(part.roof_shift):
        return part.replace(roof_shift=(0.0, 0.0))
    if isinstance(part.roof, roofs.Skillion) and part.roof.azimuth_deg is not None:
        return _raised(part, part.roof, part.roof.azimuth_deg)
    return part


def _raised(part: Part, roof: roofs.Skillion, azimuth_deg: float) -> Part:
    azimuth = math.radians(azimuth_deg)
    down = np.array([math.sin(azimuth), math.cos(azimuth)])
    slope = (roof.ridge_height - part.eave_height) / float(np.ptp(np.asarray(part.shell, float) @ down))
    up = slope * float(down @ part.roof_shift)
    if part.eave_height + up <= part.base_height:
        return part
    return part.replace(
        roof_shift=(0.0, 0.0),
        eave_height=part.eave_height + up,
        roof=roof.replace(ridge_height=roof.ridge_height + up),
    )


def _one_pitch(part: Part) -> Part:
    """Edges that all have one pitch say no more than the roof's own pitch would."""
    pitches = set(part.edge_pitch_deg or ())
    if isinstance(part.roof, roofs.Hipped) and len(pitches) == 1:
        (pitch,) = pitches
        if pitch is not None and pitch < 90:
            return part.replace(edge_pitch_deg=None, roof=roofs.Hipped(pitch_deg=pitch))
    return part


def _simpler_roof(part: Part) -> Any:
    """A simpler kind that describes the same roof, or None."""
    roof, eave, box = part.roof, part.eave_height, _rectangle(part)
    simpler: Any = None
    if isinstance(roof, roofs.HalfHipped) and abs(roof.hip_height - eave) <= SAME_M:
        simpler = roofs.Hipped(
            ridge_height=roof.ridge_height, hip_setback=roof.hip_setback, azimuth_deg=roof.azimuth_deg
        )
    elif isinstance(roof, roofs.Saltbox) and abs(roof.rear_eave_height - eave) <= SAME_M and _one_ridge(part):
        simpler = roofs.Gabled(
            ridge_height=roof.ridge_height, azimuth_deg=roof.azimuth_deg, ridge_offset=roof.ridge_offset
        )
    elif isinstance(roof, roofs.Sawtooth) and roof.teeth == 1:
        simpler = roofs.Skillion(ridge_height=roof.ridge_height, azimuth_deg=roof.azimuth_deg)
    elif box is None or part.edge_pitch_deg is not None:
        simpler = None
    elif isinstance(roof, (roofs.Mansard, roofs.Gambrel)):
        simpler = _unbroken(roof, eave, box[0])
    elif isinstance(roof, roofs.Hipped):
        simpler = _simpler_hipped(roof, eave, *box)
    return simpler


def _one_ridge(part: Part) -> bool:
    """Whether a gabled roof here has one ridge, not one per wing."""
    shell = np.asarray(part.shell, dtype=float)
    return getattr(part.roof, "azimuth_deg", None) is not None or (
        not part.holes and len(ring_checks.corners(shell)) <= 4
    )


def _unbroken(roof: roofs.Mansard | roofs.Gambrel, eave: float, width: float) -> Any:
    """Hipped or gabled where the two slopes of each side lie in one plane."""
    if isinstance(roof, roofs.Gambrel) and roof.azimuth_deg is not None:
        return None
    straight = eave + (roof.ridge_height - eave) * roof.break_inset / (width / 2)
    if abs(straight - roof.break_height) > SAME_M:
        return None
    return (roofs.Hipped if isinstance(roof, roofs.Mansard) else roofs.Gabled)(ridge_height=roof.ridge_height)


def _simpler_hipped(roof: roofs.Hipped, eave: float, short: float, long: float) -> Any:
    if roof.pitch_deg is not None:
        return roofs.Hipped(ridge_height=eave + math.tan(math.radians(roof.pitch_deg)) * short / 2)
    square = long - short <= SAME_M
    if roof.hip_setback is None:
        # One pitch on every side: on a square the ridge shrinks to a point.
        return roofs.Pyramidal(ridge_height=roof.ridge_height) if square else None
    if roof.azimuth_deg is not None and not square:
        return None
    if abs(2 * roof.hip_setback - long) <= SAME_M:
        return roofs.Pyramidal(ridge_height=roof.ridge_height)
    if abs(2 * roof.hip_setback - short) <= SAME_M:
        return roofs.Hipped(ridge_height=roof.ridge_height)
    return None


def _rectangle(part: Part) -> tuple[float, float] | None:
    """Short and long side where the part is a plain rectangle."""
    if part.holes or len(part.shell) != 4:
        return None
    ring = np.asarray(part.shell, dtype=float)
    sides = np.hypot(*(np.roll(ring, -1, axis=0) - ring).T)
    diagonals = np.hypot(*(ring[2:] - ring[:2]).T)
    if max(abs(sides[0] - sides[2]), abs(sides[1] - sides[3]), abs(diagonals[0] - diagonals[1])) > SAME_M:
        return None
    return float(min(sides[0], sides[1])), float(max(sides[0], sides[1]))


def _wrap(azimuth: float, turn: float) -> float:
    wrapped = math.fmod(azimuth, turn)
    wrapped = wrapped + turn if wrapped < 0 else wrapped
    # -1e-20 + 360 rounds to 360.
    return 0.0 if wrapped >= turn else wrapped + 0.0


def _turned(roof: Any) -> Any:
    """The roof with its azimuth in range."""
    azimuth = getattr(roof, "azimuth_deg", None)
    if azimuth is None:
        return roof
    turned = _wrap(azimuth, 360.0)
    if isinstance(roof, _SYMMETRIC):
        return roof.replace(azimuth_deg=_wrap(turned, 180.0))
    if isinstance(roof, _MIRRORED) and turned >= 180:
        return roof.replace(azimuth_deg=turned - 180, ridge_offset=1 - roof.ridge_offset)
    return roof.replace(azimuth_deg=turned)


def _canonical_super(item: Superstructure) -> Superstructure:
    azimuth = getattr(item, "azimuth_deg", None)
    if azimuth is None:
        return item
    # Chimneys and boxes have no front: half a turn changes nothing.
    return item.replace(azimuth_deg=_wrap(azimuth, 180.0 if isinstance(item, (Chimney, Box)) else 360.0))


def _turn_rings(part: Part) -> Part:
    """Rings in one direction from one start, with the edge pitches following their edges."""
    if "azimuth_deg" in type(part.roof).model_fields and getattr(part.roof, "azimuth_deg", None) is None:
        # Which of two equal sides is the long one may hang on the order of the vertices.
        return part
    pitches = list(part.edge_pitch_deg or [])
    rings: list[tuple[Ring, list[float | None]]] = []
    first = 0
    for number, ring in enumerate((part.shell, *part.holes)):
        rings.append(_turn_ring(ring, pitches[first : first + len(ring)], clockwise=number > 0))
        first += len(ring)
    holes = sorted(rings[1:], key=lambda pair: pair[0])
    return part.replace(
        shell=rings[0][0],
        holes=tuple(hole for hole, _ in holes),
        edge_pitch_deg=[pitch for _, own in (rings[0], *holes) for pitch in own] if pitches else None,
    )


def _turn_ring(ring: Ring, pitches: list[float | None], clockwise: bool) -> tuple[Ring, list[float | None]]:
    array: NDArray[np.float64] = np.asarray(ring, dtype=float)
    points, own = list(ring), list(pitches)
    if (ring_checks.signed_area(array) < 0) != clockwise:
        points.reverse()
        # Edge i ran from vertex i to the next; backwards it starts at that next one.
        own = own[-2::-1] + own[-1:]
    start = points.index(min(points))
    return tuple(points[start:] + points[:start]), own[start:] + own[:start]
