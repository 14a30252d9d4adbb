"""Paths and driveways from houses to their street."""

from __future__ import annotations

import numpy as np

from geovision.model.table import ProgramTable
from geovision.procedural.rng import F64, Keyed, combine, id_keys, name_key
from geovision.procedural.site import Site
from geovision.procedural.yards import Ground, Yards

__all__ = ["lay_paths"]

_REACH_M = 14.0
_STEP_M = 0.5
_WIDTHS_M = {"terraced": 1.1, "semi": 2.6, "detached": 3.0}


def lay_paths(programs: ProgramTable, site: Site, seed: int) -> Yards:
    """One for each house whose first wall looks at a street that is near and not built up."""
    use = np.array([entry["use"] for entry in programs.attributes])
    rows = np.flatnonzero(np.isin(use, list(_WIDTHS_M)))
    first = programs.vertex_offsets[programs.ring_offsets[programs.part_offsets[rows]]]
    a, b = programs.xy[first], programs.xy[first + 1]
    length = np.sqrt(((b - a) ** 2).sum(axis=1))
    along = (b - a) / length[:, None]
    out = np.stack([along[:, 1], -along[:, 0]], axis=1)
    keys = combine(name_key("path"), id_keys([programs.ids[row] for row in rows.tolist()]))
    draws = Keyed(seed, keys)
    width = np.minimum([_WIDTHS_M[name] for name in use[rows]], 0.8 * length)
    middle = a + along * (width / 2 + (length - width) * draws.uniform("place"))[:, None]
    reach = _to_street(middle, out, site)
    good = np.flatnonzero(reach > 1.0)
    side = along[good] * width[good, None] / 2
    near, far = middle[good], middle[good] + out[good] * reach[good, None]
    ring = np.stack([far - side, far + side, near + side, near - side], axis=1)
    return Yards(ring, np.full(len(good), int(Ground.TERRACE), np.uint8), keys[good])


def _to_street(start: F64, way: F64, site: Site) -> F64:
    """Distance to the pavement, 0 where something is built on the way or no street is near."""
    found = np.zeros(len(start))
    barred = np.zeros(len(start), bool)
    for step in np.arange(_STEP_M, _REACH_M, _STEP_M).tolist():
        ground, clear = site.look_up(start + way * step)
        barred |= (clear <= 0) & (step > 2 * _STEP_M)
        paved = np.isin(ground, (Ground.PAVEMENT, Ground.STREET))
        found = np.where(paved & ~barred & (found == 0), step, found)
    return found
