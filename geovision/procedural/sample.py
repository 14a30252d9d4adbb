"""From parts to a table of programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from geovision.model.kinds import RoofKind
from geovision.model.table import ProgramTable
from geovision.procedural.details import draw_supers
from geovision.procedural.plans import Parts, to_grid
from geovision.procedural.rng import F64, Keyed
from geovision.procedural.roofs import RoofColumns, draw_roofs, mm
from geovision.procedural.style import USES, Style

__all__ = ["sample_table"]


def sample_table(
    parts: Parts,
    style: Style,
    seed: int,
    ids: Sequence[str],
    *,
    attributes: Sequence[Mapping[str, Any]] | None = None,
    shell_given: bool = False,
) -> ProgramTable:
    """Draw roofs and superstructures onto parts; `use` and `levels` are added to the attributes."""
    roofs = draw_roofs(parts, style, seed)
    supers = draw_supers(parts, roofs, style, seed)
    count = len(parts)
    use = [USES[code] for code in parts.use]
    levels = roofs.levels.tolist()
    added = [{"use": u, "levels": n} for u, n in zip(use, levels, strict=True)]
    if attributes is not None:
        added = [{**new, **dict(old)} for new, old in zip(added, attributes, strict=True)]
    provenance = {"default": "inferred"}
    sources = [provenance] * count
    if shell_given:
        kinds = {n: _given(n) for n in range(int(np.diff(parts.part_offsets).max(initial=0)) + 1)}
        sources = [kinds[n] for n in np.diff(parts.part_offsets).tolist()]
    return ProgramTable.from_arrays(
        ids=list(ids),
        attributes=added,
        provenance=sources,
        ground_z=np.zeros(count),
        part_offsets=parts.part_offsets,
        roof_kind=roofs.kind,
        eave=roofs.eave,
        base=np.zeros(len(roofs.eave)),
        overhang=roofs.overhang,
        roof_params=roofs.params,
        ring_offsets=parts.ring_offsets,
        vertex_offsets=parts.vertex_offsets,
        xy=parts.xy,
        super_offsets=np.searchsorted(supers.building, np.arange(count + 1)),
        super_kind=supers.kind,
        super_part=supers.part,
        super_params=supers.params,
        **_planar_faces(parts, roofs, style, seed),
    )


def _given(part_count: int) -> dict[str, str]:
    return {"default": "inferred", **{f"parts/{n}/shell": "given" for n in range(part_count)}}


def _planar_faces(parts: Parts, roofs: RoofColumns, style: Style, seed: int) -> dict[str, Any]:
    """Planar parts get a clerestory: two sheds that fall away from a step, which no named kind is."""
    planar = roofs.kind == RoofKind.PLANAR
    index = np.flatnonzero(planar)
    frames = roofs.frames
    draws = Keyed(seed, parts.keys[parts.building[index]])
    along, inward = frames.along[index], frames.inward[index]
    ring = parts.corners(index)
    nearest = np.argmin(np.hypot(*np.moveaxis(ring - frames.origin[index][:, None], 2, 0)), axis=1)
    ring = ring[np.arange(len(index))[:, None], (nearest[:, None] + np.arange(4)) % 4]
    share = 0.4 + 0.2 * draws.uniform("planar/split")[:, None]
    right = to_grid(ring[:, 1] + (ring[:, 2] - ring[:, 1]) * share)
    left = to_grid(ring[:, 0] + (ring[:, 3] - ring[:, 0]) * share)
    pitch = style.roofs.pitch_deg.get("planar", style.roofs.pitch_deg["default"]).sample(draws, "roof/pitch")
    slope = np.tan(np.radians(pitch))
    eave = roofs.eave[index]
    step = 0.6 + 0.8 * draws.uniform("planar/step")
    width = frames.width[index]
    rear = mm(eave + slope * width * share[:, 0] - slope * width * (1 - share[:, 0]) + step)
    rear = np.maximum(rear, 2.0)
    front_face = np.stack([ring[:, 0], ring[:, 1], right, left], axis=1)
    rear_face = np.stack([ring[:, 2], ring[:, 3], left, right], axis=1)
    xy = np.stack([front_face, rear_face], axis=1).reshape(-1, 2)
    plane: F64 = np.empty((len(index), 2, 3))
    plane[:, 0, :2], plane[:, 1, :2] = inward * slope[:, None], -inward * slope[:, None]
    plane[:, 0, 2], plane[:, 1, 2] = eave, rear
    faces = 2 * len(index)
    del along
    return {
        "face_offsets": np.concatenate(([0], np.cumsum(2 * planar))),
        "face_ring_offsets": np.arange(faces + 1),
        "face_vertex_offsets": np.arange(faces + 1) * 4,
        "face_xy": xy,
        "face_plane": plane.reshape(-1, 3),
    }
