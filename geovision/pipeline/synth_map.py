"""The map that comes with a synthetic scene, as footprints."""

from __future__ import annotations

import numpy as np

from geovision.mesh.solids import Solids
from geovision.procedural.survey import survey
from geovision.procedural.world import Content, World
from geovision.sources.footprints import Footprints

__all__ = ["joined_footprints", "surveyed_footprints"]


def surveyed_footprints(content: Content, solids: Solids, world: World, crs: str | None) -> Footprints:
    """The map of buildings, with the errors of the world's style."""
    found = survey(content.programs, content.cluster, solids, world.style, world.seed)
    rings = [
        [np.array(ring.coords)[:-1] for ring in (polygon.exterior, *polygon.interiors)]
        for polygon in found.polygons
    ]
    flat = [ring for polygon in rings for ring in polygon]
    ids = content.programs.ids
    return Footprints(
        ids=[ids[row] for row in found.rows.tolist()],
        ring_offsets=_offsets([len(polygon) for polygon in rings]),
        vertex_offsets=_offsets([len(ring) for ring in flat]),
        xy=np.concatenate(flat) if flat else np.zeros((0, 2)),
        crs=crs,
        attributes=found.attributes,
    )


def joined_footprints(maps: list[Footprints], crs: str | None) -> Footprints:
    """The sheets of a map as one."""
    return Footprints(
        ids=[name for sheet in maps for name in sheet.ids],
        ring_offsets=_offsets([n for sheet in maps for n in np.diff(sheet.ring_offsets).tolist()]),
        vertex_offsets=_offsets([n for sheet in maps for n in np.diff(sheet.vertex_offsets).tolist()]),
        xy=np.concatenate([np.zeros((0, 2)), *(sheet.xy for sheet in maps)]),
        crs=crs,
        attributes=[entry for sheet in maps for entry in sheet.attributes],
    )


def _offsets(sizes: list[int]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.concatenate(([0], np.cumsum(sizes))).astype(np.int64)
