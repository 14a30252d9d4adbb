"""From footprints and measurements to `Evidence`: which points say something about which building."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision.errors import InputError
from geovision.model.evidence import Evidence, ImagePatch, PointKind, PointSource
from geovision.sources.footprint_set import Footprints
from geovision.sources.ground import (
    GROUND_REACH_M,
    OutlineGround,
    Terrain,
    filter_ground,
    filter_reach_m,
    outline_ground,
)
from geovision.sources.height_grid import HeightGrid
from geovision.sources.measured import Measured, measure
from geovision.sources.point_block import PointBlock
from geovision.sources.raster_faults import RasterFaults
from geovision.sources.smear import Smear, coarser, measure_smear
from geovision.sources.waves import Waves, ground_errors, waves_of

__all__ = ["evidence_from_arrays", "ground_of", "reach_m"]

F64 = NDArray[np.float64]

MARGIN_M = 2.0
_BUILDING_CLASS = 6
_GROUND_CLASSES = frozenset({2, 8, 11})


def reach_m(
    classes: Collection[int] = (), *, dtm: bool = False, cell_m: float = 0.0, margin_m: float = MARGIN_M
) -> float:
    """How far past the outlines to read, so that a building comes out the same whatever is read with it.

    With a DTM or ground classes that is the distance in which ground is looked for; the ground filter that is
    used without them looks farther. Footprints of neighbours are needed as far.

    Args:
        classes: that the whole set of points has: `PointFiles.classes`.
        dtm: whether there is a DTM.
        cell_m: of the DSM, where there is one.
        margin_m: as for `evidence_from_arrays`.

    >>> reach_m({1, 2, 6}), reach_m({0}), reach_m(cell_m=0.5)
    (24.0, 67.0, 67.0)
    """
    cell = max(1.0, cell_m)
    known = dtm or _GROUND_CLASSES & set(classes)
    return margin_m + GROUND_REACH_M + (2.0 * cell if known else filter_reach_m(cell))


def evidence_from_arrays(
    footprints: Footprints,
    points: PointBlock | None = None,
    *,
    dsm: HeightGrid | None = None,
    dtm: HeightGrid | None = None,
    smear: Smear | None = None,
    waves: Waves | None = None,
    image: ImagePatch | None = None,
    margin_m: float = MARGIN_M,
    owned: NDArray[np.bool_] | None = None,
    threads: int = 0,
) -> Iterator[Evidence]:
    """The evidence of every footprint, one after the other, in their order.

    Everything is in one metric CRS and reaches `reach_m` past the outlines. Ground comes from the DTM, else
    from ground classes, else from `filter_ground`. Cells of the DSM come along where there are no points,
    without the smear of the raster and at the height of the DTM's datum.

    Args:
        footprints: outlines, as `prepare_footprints` returns them, neighbours included: a point inside
            another's outline is not this building's.
        points: LiDAR.
        dsm: heights of surfaces.
        dtm: heights of the bare ground.
        smear: how far the DSM smears walls; measured on all that is given, if left out.
        waves: what cells of the DSM err by together; measured on all that is given, if left out.
        image: an orthophoto in the frame of the footprints, cut for every building.
        margin_m: points up to this far outside an outline come along.
        owned: which footprints are wanted; the others only claim their points. All, if left out.
        threads: 0 for all cores. The result does not depend on it, nor on the order of the points.
    """
    from geovision import _kernel

    wanted = np.ones(len(footprints), bool) if owned is None else np.asarray(owned, bool)
    if len(wanted) != len(footprints):
        raise InputError(
            "owned", f"has {len(wanted)} values but there are {len(footprints)} footprints", "Give one each"
        )
    if dsm is not None:
        if waves is None and dtm is not None:
            waves = waves_of([ground_errors(footprints, dsm, dtm)], dsm.cell_m)
        fine = dsm.cell_m
        dsm, smear = coarser(dsm, smear or measure_smear(footprints, dsm))
        waves = (waves or Waves()).of_means(round(dsm.cell_m / fine))
    measured = measure(points, dsm)
    found = _kernel.gather_points(
        footprints.ring_offsets,
        footprints.vertex_offsets,
        footprints.xy,
        measured.xyz,
        measured.kind,
        measured.source,
        wanted.astype(np.uint8),
        margin_m,
        threads,
    )
    terrain = Terrain(_ground_points(measured, found, dtm), dtm, threads)
    kinds = _judged(measured, found, terrain)
    ground = outline_ground(footprints, terrain)
    faults = (
        None
        if dsm is None
        else RasterFaults(footprints, wanted, dsm, dtm, smear or Smear(), waves or Waves(), threads)
    )
    for building in np.flatnonzero(wanted):
        evidence = _evidence(footprints, int(building), measured, {**found, "kind": kinds}, ground)
        if faults is not None:
            evidence = faults.mended(evidence, int(building))
        yield evidence if image is None else replace(evidence, image=_cut(image, evidence, margin_m))


def ground_of(points: PointBlock) -> F64:
    """Points [n, 3] that show the ground: of ground classes where the set has them, else by the filter."""
    measured = measure(points, None)
    return _ground_points(measured, {"claimed": np.zeros(len(points), np.uint8)}, None)


def _ground_points(measured: Measured, found: Mapping[str, NDArray[Any]], dtm: HeightGrid | None) -> F64:
    """What shows the ground: classes where the set has them, else what the filter finds beside buildings."""
    if dtm is not None or measured.classes & _GROUND_CLASSES:
        shown: F64 = measured.xyz[measured.kind == PointKind.GROUND]
        return shown
    # An earlier echo has something below it.
    open_ground = (found["claimed"] == 0) & (measured.echo < _EARLIER)
    candidates: F64 = measured.xyz[open_ground]
    return np.asarray(candidates[filter_ground(candidates, cell_m=max(1.0, measured.cell_m))])


_EARLIER = 3


def _judged(measured: Measured, found: Mapping[str, NDArray[Any]], terrain: Terrain) -> NDArray[np.uint8]:
    """Kinds of the gathered measurements; those without a class are judged by what is round them."""
    from geovision import _kernel

    kind, index = found["kind"], found["index"]
    unknown = np.flatnonzero(kind == PointKind.UNKNOWN)
    if not len(unknown):
        return kind
    xyz = measured.xyz[index]
    above = np.full(len(kind), np.nan, np.float32)
    above[unknown] = xyz[unknown, 2] - terrain.heights_of_many(xyz[unknown, :2])
    building = np.repeat(np.arange(len(found["origin"])), np.diff(found["offsets"]))
    xyz[:, :2] -= found["origin"][building]
    return _kernel.judge_points(
        found["offsets"],
        xyz,
        kind,
        above,
        found["distance"],
        found["rival"],
        measured.echo[index],
        measured.tolerance[index],
        _BUILDING_CLASS in measured.classes,
        terrain.threads,
    )


def _evidence(
    footprints: Footprints,
    building: int,
    measured: Measured,
    found: Mapping[str, NDArray[Any]],
    ground: OutlineGround,
) -> Evidence:
    origin = np.array([*found["origin"][building], 0.0])
    first, last = found["offsets"][building : building + 2]
    index = found["index"][first:last]
    points = measured.xyz.take(index, axis=0)
    points -= origin
    source = measured.source[index]
    known = bool(np.isfinite(ground.base[building]))
    rings = range(footprints.ring_offsets[building], footprints.ring_offsets[building + 1])
    cuts = footprints.vertex_offsets
    neighbours, edges = _neighbours(footprints, building)
    return Evidence(
        footprints.ids[building],
        origin,
        tuple(footprints.xy[cuts[ring] : cuts[ring + 1]] - origin[:2] for ring in rings),
        ground_z=float(ground.base[building]) if known else _guessed_base(points),
        ground_known=known,
        ring_ground=tuple(ground.vertex_z[cuts[ring] : cuts[ring + 1]] for ring in rings) if known else (),
        points=points,
        point_sigma=measured.sigma[index],
        point_kind=found["kind"][first:last].copy(),
        point_source=source,
        cell_m=measured.cell_m if (source == PointSource.CELL).any() else 0.0,
        neighbours=tuple(footprints.ids[other] for other in neighbours),
        edge_neighbour=edges,
        attributes=dict(footprints.attributes[building]) if footprints.attributes else {},
        crs=footprints.crs,
        notes=() if known else ("no ground was found round the building; its base is a guess",),
    )


def _neighbours(footprints: Footprints, building: int) -> tuple[list[int], NDArray[np.int32]]:
    """Footprints that share an edge, by their ids, and for each edge which of them it is."""
    first, last = footprints.vertex_offsets[footprints.ring_offsets[[building, building + 1]]]
    edges = footprints.edge_neighbour[first:last]
    if (edges < 0).all():
        return [], edges.copy()
    # By id and not by place in the layer: the same in every tile.
    others = sorted(footprints.neighbours(building), key=footprints.ids.__getitem__)
    place = {other: number for number, other in enumerate(others)} | {-1: -1}
    return others, np.array([place[int(edge)] for edge in edges], np.int32)


def _guessed_base(points: F64) -> float:
    """Without ground, the lowest that was measured, but for a few strays."""
    return float(np.quantile(points[:, 2], 0.02, method="lower")) if len(points) else 0.0


def _cut(image: ImagePatch, evidence: Evidence, margin_m: float) -> ImagePatch | None:
    """Whole pixels over the outline and its margin; None where the image does not reach."""
    xy = evidence.rings[0] + evidence.origin[:2]
    (west, south), (east, north) = xy.min(axis=0) - margin_m, xy.max(axis=0) + margin_m
    height, width = image.pixels.shape[1:]
    edges = np.round(
        np.array([west - image.left, image.top - north, east - image.left, image.top - south]) / image.cell_m,
        6,
    )
    first_c, first_r = np.maximum(np.floor(edges[:2]).astype(int), 0).tolist()
    last_c, last_r = np.minimum(np.ceil(edges[2:]).astype(int), (width, height)).tolist()
    if first_c >= last_c or first_r >= last_r:
        return None
    return replace(
        image,
        pixels=image.pixels[:, first_r:last_r, first_c:last_c].copy(),
        left=round(image.left + first_c * image.cell_m - float(evidence.origin[0]), 6),
        top=round(image.top - first_r * image.cell_m - float(evidence.origin[1]), 6),
    )
