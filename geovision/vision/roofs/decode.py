"""From what the network says to proposed programs, each with the probability that its kinds are right."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision.errors import ProgramError
from geovision.model import roofs
from geovision.model.evidence import Evidence, Proposal
from geovision.model.kinds import RoofKind
from geovision.model.program import Part, Program
from geovision.vision.roofs.cutting import cut_outline
from geovision.vision.roofs.frames import Frames
from geovision.vision.roofs.targets import PARTS, SIZES

__all__ = ["DecodeOptions", "Said", "proposals_of", "said_of"]

F64 = NDArray[np.float64]

_LEAST_EAVE_M = 0.5
_LEAST_RISE_M = 0.1
_WALL_M = 1.0
_SQUARE_DEG = 12.0
_FACING = (RoofKind.SKILLION, RoofKind.SALTBOX, RoofKind.SIDE_HIPPED, RoofKind.SAWTOOTH)
_AXES = (RoofKind.GABLED, RoofKind.HALF_HIPPED, RoofKind.GAMBREL, RoofKind.BUTTERFLY, RoofKind.ROUND)


@dataclass(frozen=True)
class DecodeOptions:
    """How many proposals come out."""

    most: int = 5
    """Of a building."""
    least: float = 0.02
    """Confidence below which nothing is proposed."""
    temperature: float = 1.0
    """Logits are divided by it, so that a confidence is the share that is right."""


@dataclass(frozen=True)
class Said:
    """What the network says of one building, as probabilities and metres."""

    count: F64
    """[PARTS] probability of one part, two, and so on."""
    present: F64
    """[PARTS] probability that a part is there."""
    kind: F64
    """[PARTS, kinds]"""
    box: F64
    """[PARTS, 4] in the frame."""
    direction: F64
    """[PARTS, 4]"""
    eave: F64
    """[PARTS] metres above the ground."""
    ridge: F64
    third: F64
    """[PARTS] share of the height or the width, by kind."""
    fourth: F64
    """[PARTS] metres: a setback, or how far a rear eave lies below the other."""
    sigma: F64
    """[PARTS, SIZES] of eave, ridge (metres), third and fourth (metres)."""


def said_of(
    outputs: Mapping[str, NDArray[Any]], frames: Frames, level: F64, row: int, temperature: float = 1.0
) -> Said:
    """What the outputs of a batch say of one of its buildings."""
    scale = float(frames.scale[row])
    sizes = outputs["sizes"][row].astype(np.float64)
    value, sigma = sizes[:, :SIZES], np.exp(np.clip(sizes[:, SIZES:], -6, 4))
    unit = np.array([scale, scale, 1.0, scale])
    heights = value[:, :2] * scale + level[row]
    return Said(
        _softmax(outputs["count"][row] / temperature),
        1 / (1 + np.exp(-np.clip(outputs["present"][row, :, 0], -30, 30).astype(np.float64))),
        _softmax(outputs["kind"][row] / temperature),
        outputs["box"][row].astype(np.float64),
        outputs["direction"][row].astype(np.float64),
        heights[:, 0],
        heights[:, 1],
        value[:, 2],
        value[:, 3] * scale,
        sigma * unit,
    )


def proposals_of(
    evidence: Evidence, said: Said, frames: Frames, row: int, options: DecodeOptions | None = None
) -> tuple[Proposal, ...]:
    """The likeliest programs, best first; their confidences sum to at most 1."""
    options = options or DecodeOptions()
    found: list[tuple[float, tuple[int, ...], tuple[int, ...]]] = []
    order = np.argsort(-said.present, kind="stable")
    for number in range(PARTS):
        parts = tuple(order[: number + 1].tolist())
        found += [(said.count[number] * p, parts, kinds) for p, kinds in _kinds_of(said, parts)]
    found = [item for item in sorted(found, key=lambda item: -item[0]) if item[0] >= options.least]
    pieces: dict[tuple[int, ...], list[F64] | None] = {}
    out: list[Proposal] = []
    for confidence, parts, kinds in found:
        if len(out) == options.most:
            break
        if parts not in pieces:
            pieces[parts] = _pieces(evidence, said, frames, row, parts)
        try:
            program = _program(evidence, said, frames, row, parts, kinds, pieces[parts])
        except ProgramError:
            # Some kinds cannot stand on some outlines; what they are likely goes to the rest.
            continue
        if program is not None:
            out.append(Proposal(program, float(min(max(confidence, 0.0), 1.0))))
    return tuple(out)


def _softmax(logits: NDArray[Any]) -> F64:
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True))


def _kinds_of(said: Said, parts: tuple[int, ...]) -> list[tuple[float, tuple[int, ...]]]:
    """The likeliest kinds of these parts together."""
    each = 5 if len(parts) == 1 else 3
    likely = [np.argsort(-said.kind[part], kind="stable")[:each].tolist() for part in parts]
    return [
        (float(np.prod([said.kind[part, kind] for part, kind in zip(parts, kinds, strict=True)])), kinds)
        for kinds in itertools.product(*likely)
    ]


def _pieces(
    evidence: Evidence, said: Said, frames: Frames, row: int, parts: tuple[int, ...]
) -> list[F64] | None:
    """Shells of the parts in the local frame of the evidence; None where the outline cannot be cut so."""
    if len(parts) == 1:
        return [evidence.rings[0]]
    if len(evidence.rings) > 1:
        return None
    shell = evidence.rings[0]
    here = np.full(len(shell), row)
    found = cut_outline(frames.into(shell, here), said.box[list(parts)], float(frames.scale[row]))
    if found is None:
        return None
    back = [
        frames.back(piece * frames.scale[row], np.full(len(piece), row)) + frames.centre[row]
        for piece in found
    ]
    # Corners of the outline come back as the numbers that they were.
    return [_same_corners(piece.round(3), shell) for piece in back]


def _same_corners(piece: F64, shell: F64) -> F64:
    away = np.abs(piece[:, None] - shell[None]).max(axis=2)
    nearest = away.argmin(axis=1)
    close = away[np.arange(len(piece)), nearest] < 0.002
    return np.where(close[:, None], shell[nearest], piece)


def _program(
    evidence: Evidence,
    said: Said,
    frames: Frames,
    row: int,
    parts: tuple[int, ...],
    kinds: tuple[int, ...],
    pieces: list[F64] | None,
) -> Program | None:
    if pieces is None:
        return None
    east_north = evidence.origin[:2]
    made = []
    for part, code, shell in zip(parts, kinds, pieces, strict=True):
        kind = RoofKind(code)
        if kind is RoofKind.PLANAR:
            return None
        eave = max(float(said.eave[part]), _LEAST_EAVE_M)
        roof = _roof(kind, said, part, eave, frames, row, shell)
        holes = evidence.rings[1:] if len(parts) == 1 else ()
        made.append(
            Part(
                shell=[tuple(corner) for corner in (shell + east_north).round(3).tolist()],
                holes=[[tuple(corner) for corner in (hole + east_north).round(3).tolist()] for hole in holes],
                eave_height=round(eave, 3),
                roof=roof,
            )
        )
    ground = round(float(evidence.ground_z + evidence.origin[2]), 3)
    return Program(id=evidence.id, ground_z=ground, parts=made, provenance={"default": "inferred"})


def _roof(kind: RoofKind, said: Said, part: int, eave: float, frames: Frames, row: int, shell: F64) -> Any:
    """A roof of a kind with the values that the network says, kept where such a roof can be."""
    cls = roofs.ROOF_CLASSES[kind]
    ridge = max(float(said.ridge[part]), eave + _LEAST_RISE_M)
    share = float(np.clip(said.third[part], 0.05, 0.95))
    half = float(said.box[part, 2:].min() * frames.scale[row])
    setback = float(np.clip(said.fourth[part], 0.05 * half, 0.95 * half))
    values: dict[str, Any] = {"ridge_height": round(ridge, 3)}
    names = cls.slots
    if kind in _FACING or kind in _AXES:
        values["azimuth_deg"] = _azimuth(kind, said, part, frames, row, shell)
    if "hip_setback" in names and kind is not RoofKind.HIPPED:
        values["hip_setback"] = round(setback, 3)
    if "hip_height" in names:
        values["hip_height"] = round(eave + share * (ridge - eave), 3)
    if "break_height" in names:
        values |= {"break_height": round(eave + share * (ridge - eave), 3), "break_inset": round(setback, 3)}
    if kind is RoofKind.SALTBOX:
        rear = float(np.clip(eave + said.fourth[part], 0.3, ridge - 0.05))
        values |= {"rear_eave_height": round(rear, 3), "ridge_offset": round(share, 3)}
    if kind is RoofKind.BUTTERFLY:
        values["valley_height"] = round(max(0.1, min(float(said.ridge[part]), eave - _LEAST_RISE_M)), 3)
        del values["ridge_height"]
    if "teeth" in names:
        values["teeth"] = int(np.clip(round(8 * float(said.third[part])), 2, 32))
    if "bulge" in names:
        values["bulge"] = round(float(np.clip(said.fourth[part], 0.05, half)), 3)
    return cls(**({} if kind is RoofKind.FLAT else values))


def _azimuth(kind: RoofKind, said: Said, part: int, frames: Frames, row: int, shell: F64) -> float:
    """Compass direction downhill, square to a wall of the part where it nearly is."""
    cos, sin, cos2, sin2 = said.direction[part]
    angle = np.arctan2(sin2, cos2) / 2 if kind in _AXES else np.arctan2(sin, cos)
    if kind is RoofKind.SIDE_HIPPED:
        # The hip lies to the left of who looks out along the azimuth.
        angle -= np.pi / 2
    east, north = frames.back(np.array([[np.cos(angle), np.sin(angle)]]), np.array([row]))[0]
    azimuth = float(np.degrees(np.arctan2(east, north)))
    wall = np.roll(shell, -1, axis=0) - shell
    normals = np.degrees(np.arctan2(wall[:, 1], -wall[:, 0]))[np.hypot(*wall.T) > _WALL_M]
    away = (normals[:, None] + [0.0, 180.0] - azimuth + 180) % 360 - 180
    if away.size and np.abs(away).min() < _SQUARE_DEG:
        azimuth += float(away.ravel()[np.abs(away).argmin()])
    return round(azimuth % 360, 6) % 360
