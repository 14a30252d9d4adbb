"""Buildings that nothing shows the roof of: a block with the height that is known, stated or usual."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision.inverse.roof_points import may_be_roof, offsets_of
from geovision.model.evidence import Evidence
from geovision.model.fit import Fit, FitStatus
from geovision.model.kinds import RoofKind
from geovision.model.table import ProgramTable

__all__ = ["block_height", "block_programs", "common_level", "plain_attributes", "stated_height"]

USUAL_HEIGHT_M = 6.0
LEVEL_M = 3.0
LEAST_M = 1.5
"""Of a block that few points tell of."""
LEAST_POOR_M = 0.3
"""Of one at the level that many share: a slab is a building too."""
MOST_M = 900.0
LEVEL_BAND_M = 0.4
"""Points this close in height lie on one level."""

_HEIGHTS = ("height", "building:height", "building_height", "measuredheight", "hoogte", "bldg_height", "h")
_LEVELS = ("building:levels", "levels", "storeys", "stories", "num_floors", "storeysaboveground")


def block_programs(evidence: Sequence[Evidence], *, poor: bool = False) -> tuple[ProgramTable, list[Fit]]:
    """A flat block for every building, and why it is one.

    With `poor` there are points that no roof explains: the block is as high as the level that most of them
    share.

    >>> square = np.array([[0.0, 0.0], [8.0, 0.0], [8.0, 6.0], [0.0, 6.0]])
    >>> here = Evidence("a", np.zeros(3), (square,), attributes={"building:levels": 2})
    >>> table, (fit,) = block_programs([here])
    >>> table[0].parts[0].eave_height, fit.status.name
    (6.0, 'HEIGHT_FROM_ATTRIBUTE')
    """
    found = [block_height(item, poor=poor) for item in evidence]
    table = _table(evidence, [height for height, _ in found], [status for _, status in found])
    fits = [
        Fit(
            item.id,
            kind="flat",
            status=status,
            points=int(may_be_roof(item).sum()),
            evidence=item.digest(),
            notes=item.notes,
        )
        for item, (_, status) in zip(evidence, found, strict=True)
    ]
    return table, fits


def block_height(evidence: Evidence, *, poor: bool = False) -> tuple[float, FitStatus]:
    """Height over the ground, and where it comes from: points, an attribute, or a usual one."""
    xy = evidence.points[may_be_roof(evidence)]
    if len(xy):
        from shapely import Polygon, contains_xy

        inside = contains_xy(Polygon(evidence.rings[0], evidence.rings[1:]), xy[:, 0], xy[:, 1])
        if inside.sum() >= 3:
            z = xy[inside, 2] - evidence.ground_z
            height = common_level(z) if poor else float(np.median(z))
            if height > (LEAST_POOR_M if poor else LEAST_M):
                return min(height, MOST_M), FitStatus.POOR if poor else FitStatus.FEW_POINTS
    stated = stated_height(evidence.attributes)
    if stated is not None:
        return stated, FitStatus.HEIGHT_FROM_ATTRIBUTE
    return USUAL_HEIGHT_M, FitStatus.HEIGHT_ASSUMED


def common_level(z: NDArray[np.float64]) -> float:
    """The height that most points share, the lower of equals: a roof under leaves, rather than the leaves.

    >>> round(common_level(np.array([3.0, 3.1, 3.05, 4.0, 5.2, 6.1, 7.3])), 2)
    3.05
    """
    z = np.sort(z)
    ends = np.searchsorted(z, z + LEVEL_BAND_M, side="right")
    first = int(np.argmax(ends - np.arange(len(z))))
    return float(np.median(z[first : ends[first]]))


def stated_height(attributes: Mapping[str, Any]) -> float | None:
    """What attributes say of a building's height, in metres; storeys count where no height is stated.

    >>> [stated_height(known) for known in ({"HEIGHT": "7,5 m"}, {"building:levels": 3}, {"use": "barn"})]
    [7.5, 9.0, None]
    """
    lower = {str(name).lower(): value for name, value in attributes.items()}
    for names, metres in ((_HEIGHTS, 1.0), (_LEVELS, LEVEL_M)):
        for name in names:
            value = _number(lower.get(name))
            if value is not None and LEAST_M <= value * metres <= MOST_M:
                return value * metres
    return None


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, str):
        found = re.fullmatch(r"\s*(\d+(?:[.,]\d+)?)\s*(m|ft|'|feet)?\s*", value)
        if found is None:
            return None
        feet = found[2] in ("ft", "'", "feet")
        return float(found[1].replace(",", ".")) * (0.3048 if feet else 1.0)
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _table(
    evidence: Sequence[Evidence], heights: Sequence[float], statuses: Sequence[FitStatus]
) -> ProgramTable:
    rings = [(item, ring) for item in evidence for ring in item.rings]
    known = {True: "observed", False: "inferred"}
    return ProgramTable.from_arrays(
        ids=[item.id for item in evidence],
        ground_z=np.array([item.ground_z + item.origin[2] for item in evidence]).round(3),
        part_offsets=np.arange(len(evidence) + 1),
        roof_kind=np.full(len(evidence), int(RoofKind.FLAT), np.uint8),
        eave=np.array(heights, float).round(3),
        roof_params=np.full((len(evidence), 8), np.nan),
        ring_offsets=offsets_of([len(item.rings) for item in evidence]),
        vertex_offsets=offsets_of([len(ring) for _, ring in rings]),
        xy=np.concatenate([ring + item.origin[:2] for item, ring in rings]).round(3)
        if rings
        else np.zeros((0, 2)),
        attributes=[plain_attributes(item.attributes) for item in evidence],
        provenance=[
            {
                "default": "given",
                "parts/0/eave_height": known[s in (FitStatus.FEW_POINTS, FitStatus.POOR)],
                "parts/0/roof": "inferred",
            }
            for s in statuses
        ],
    )


def plain_attributes(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes as a program takes them: text, finite numbers, truth values, null."""
    return {str(name): _plain(value) for name, value in attributes.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, (str, int, float, bool)) else str(value)
