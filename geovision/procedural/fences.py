"""Fences and hedges between the gardens of houses in rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from geovision.model.table import ProgramTable
from geovision.procedural.plans import I64, Bool
from geovision.procedural.rng import F64, U64, Keyed, combine, id_keys, name_key
from geovision.procedural.roofs import mm
from geovision.procedural.site import Site
from geovision.procedural.style import Style

__all__ = ["Fences", "put_fences"]

_STEP_M = 1.0
_GAP_M = 1.5
"""Beyond this from the house, a fence ends where the next building is near."""


@dataclass(frozen=True)
class Fences:
    """Straight fences as columns."""

    start: F64
    """(fences, 3)"""
    end: F64
    """(fences, 3)"""
    height: F64
    thickness: F64
    hedge: Bool
    key: U64

    def __len__(self) -> int:
        return len(self.height)

    def take(self, index: I64 | Bool) -> Fences:
        """Some of the fences."""
        return Fences(*(getattr(self, name)[index] for name in self.__dataclass_fields__))

    @staticmethod
    def concat(several: list[Fences]) -> Fences:
        """All fences of several tiles, in order."""
        names = Fences.__dataclass_fields__
        return Fences(*(np.concatenate([getattr(some, name) for some in several]) for name in names))


def put_fences(programs: ProgramTable, site: Site, style: Style, seed: int) -> Fences:
    """From the rear corners of houses in rows into the gardens; the ends' heights are still 0."""
    use = np.array([entry["use"] for entry in programs.attributes])
    rows = np.flatnonzero(np.isin(use, ("terraced", "semi")))
    # The plan of a house in a row begins at the street: corners 2 and 3 are the rear ones.
    first = programs.vertex_offsets[programs.ring_offsets[programs.part_offsets[rows]]]
    front, rear = programs.xy[first], programs.xy[first + 3]
    way = rear - front
    way = way / np.sqrt((way**2).sum(axis=1))[:, None]
    keys = combine(name_key("fence"), id_keys([programs.ids[row] for row in rows.tolist()]))
    draws = Keyed(seed, keys)
    wished = style.fences.length_m.sample(draws, "fence/length")
    length = _free(rear, way, wished, site)
    has = draws.chance("fence", style.fences.share) & (length > 2.0)
    rear, way, length, keys, draws = rear[has], way[has], length[has], keys[has], draws.take(has)
    hedge = draws.chance("fence/hedge", style.fences.hedge)
    thickness: npt.NDArray[np.float64] = np.where(hedge, 0.7, 0.08)
    flat = np.zeros((len(rear), 1))
    return Fences(
        np.hstack([rear, flat]),
        np.hstack([mm(rear + way * length[:, None]), flat]),
        mm(style.fences.height_m.sample(draws, "fence/height")),
        thickness,
        hedge,
        keys,
    )


def _free(start: F64, way: F64, wished: F64, site: Site) -> F64:
    """How far each fence gets before another building is in its way."""
    steps = np.arange(_GAP_M, float(wished.max(initial=_GAP_M)) + _STEP_M, _STEP_M)
    length = wished.copy()
    for step in steps[::-1].tolist():
        _, clear = site.look_up(start + way * step)
        # Next to the own house the nearest wall is its own; later it is somebody else's.
        near = clear < min(0.8, step - 1.0)
        length = np.where(near, np.minimum(length, step - 1.0), length)
    return length
