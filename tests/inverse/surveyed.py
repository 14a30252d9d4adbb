"""Generated towns, scanned and mapped, whose map lies off the points by a known shift and turn."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import geopandas
import numpy as np
import shapely
from numpy.typing import NDArray

from geovision.model import Evidence, Program
from geovision.model.table import ProgramTable
from geovision.pipeline.synth import SynthScene, synth
from geovision.procedural.survey import outline
from geovision.sources import (
    PointBlock,
    evidence_from_arrays,
    footprints_from_geodataframe,
    prepare_footprints,
)

F64 = NDArray[np.float64]
AREA = (0.0, 0.0, 200.0, 170.0)
RIM_M = 8.0


@dataclass(frozen=True)
class Town:
    """Buildings with their evidence, and how the points truly lie off each outline."""

    truth: dict[str, Program]
    evidence: list[Evidence]
    shift: F64
    """The map's."""
    turn: float
    """Radians by which the map is turned counter-clockwise about the middle of the area."""

    def offset(self, centre: F64) -> F64:
        """[buildings, 2] how far points lie off the outlines at these places of the frames."""
        origin = np.array([item.origin[:2] for item in self.evidence])
        mapped = centre + origin - MIDDLE - self.shift
        return np.asarray(mapped @ _matrix(self.turn) + MIDDLE - centre - origin)


MIDDLE = np.array([AREA[0] + AREA[2] / 2, AREA[1] + AREA[3] / 2])


def _matrix(angle: float) -> F64:
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, -sin], [sin, cos]])


@lru_cache(maxsize=8)
def _scene(style: str, seed: int, density: float) -> tuple[SynthScene, ProgramTable]:
    scene = synth(AREA, style=style, seed=seed, changes={"lidar.density": density})
    return scene, scene.programs


def town(
    style: str,
    seed: int,
    *,
    density: float = 8.0,
    shift: tuple[float, float] = (0.0, 0.0),
    turn: float = 0.0,
    corner_m: float = 0.05,
    owned: NDArray[np.bool_] | None = None,
) -> Town:
    """A town whose map is moved and turned as a whole, so that neighbours go on sharing walls on it."""
    scene, programs = _scene(style, seed, density)
    inner = shapely.box(*AREA[:2], *np.add(AREA[:2], AREA[2:])).buffer(-RIM_M)
    ids, shapes = [], []
    for row, name in enumerate(programs.ids):
        whole = outline(programs, row)
        if whole.geom_type == "Polygon" and inner.contains(whole):
            ids.append(name)
            shapes.append(whole)
    moved = shapely.transform(shapes, lambda xy: _drawn(xy, np.array(shift), turn, corner_m, seed))
    frame = geopandas.GeoDataFrame({"id": ids}, geometry=list(moved), crs="EPSG:28992")
    footprints = prepare_footprints(footprints_from_geodataframe(frame), on_error="record")
    assert scene.points is not None
    points = PointBlock.of(scene.points.xyz, classification=scene.points.classification)
    evidence = list(evidence_from_arrays(footprints, points, owned=owned))
    names = {item.id for item in evidence}
    truth = {program.id: program for program in programs if program.id in names}
    return Town(truth, evidence, np.array(shift), turn)


def _drawn(xy: F64, shift: F64, turn: float, corner_m: float, seed: int) -> F64:
    """Moved, and each corner by an error of its own place, so that corners that meet stay together."""
    steps = np.rint(xy * 100).astype(np.int64)
    places, which = np.unique(steps, axis=0, return_inverse=True)
    errors = [np.random.default_rng([seed, *(place & 0xFFFFFFFF)]).standard_normal(2) for place in places]
    error = corner_m * np.array(errors)[which.reshape(-1)]
    return np.asarray(np.round((xy - MIDDLE) @ _matrix(turn).T + MIDDLE + shift + error, 3))
