"""Footprints as a map has them: outlines of what stands there, with a surveyor's errors."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from geovision.mesh.solids import Solids
from geovision.model.kinds import RoofKind, to_osm
from geovision.model.table import ProgramTable
from geovision.procedural.plans import I64, Bool
from geovision.procedural.rng import F64, U64, Keyed, combine, id_keys, name_key
from geovision.procedural.style import Style

__all__ = ["Surveyed", "outline", "survey"]

_NEAR_M = 0.002


@dataclass(frozen=True)
class Surveyed:
    """A map of the buildings."""

    rows: I64
    """The row of the programs that each footprint belongs to; buildings may be missing."""
    polygons: npt.NDArray[np.object_]
    """shapely polygons, on the millimetre."""
    shift: F64
    """(footprints, 2) how far each was moved; add it to what stands there to get to the map."""
    missing_parts: list[tuple[int, ...]]
    """For each footprint the parts of its program that the map does not have."""
    attributes: list[dict[str, Any]]

    def __len__(self) -> int:
        return len(self.rows)


def outline(programs: ProgramTable, row: int, parts: tuple[int, ...] | None = None) -> Any:
    """The polygon round a building, or round some of its parts; corners stay on the millimetre."""
    import shapely

    first, last = programs.part_offsets[row : row + 2].tolist()
    chosen = range(last - first) if parts is None else parts
    pieces = [_part_polygon(programs, first + part) for part in chosen]
    if len(pieces) == 1:
        return pieces[0]
    # A corner that lies on another part's wall, but for rounding, becomes a corner of that wall too.
    corners = shapely.multipoints(shapely.get_coordinates(pieces))
    return shapely.union_all(shapely.snap(pieces, corners, _NEAR_M), grid_size=0.001)


def _part_polygon(programs: ProgramTable, part: int) -> Any:
    import shapely

    cuts = programs.vertex_offsets[programs.ring_offsets[part] : programs.ring_offsets[part + 1] + 1]
    rings = [programs.xy[a:b] for a, b in itertools.pairwise(cuts.tolist())]
    return shapely.Polygon(rings[0], rings[1:])


def survey(programs: ProgramTable, cluster: U64, solids: Solids, style: Style, seed: int) -> Surveyed:
    """Survey buildings with the errors of `style.survey`.

    Errors belong to rows of houses and to corners, not to single houses, so that neighbours still share
    their walls on the map.
    """
    rules, ids = style.survey, programs.ids
    draws = Keyed(seed, id_keys(ids))
    rows = np.flatnonzero(~draws.chance("survey/missing", rules.missing))
    tolerance = float(rules.simplify_m.sample(Keyed(seed, combine(name_key("survey"))), "survey/simplify")[0])
    free = np.unique(cluster, return_inverse=True, return_counts=True)
    alone = (free[2] == 1)[free[1].reshape(-1)]
    shift = _shifts(Keyed(seed, cluster), style)
    polygons, missing = [], []
    for row in rows.tolist():
        whole, gone = _mapped_outline(programs, row, draws, style)
        whole = whole.simplify(tolerance) if alone[row] and tolerance > 0 else whole
        polygons.append(_displaced(whole, shift[row], style, seed))
        missing.append(gone)
    return Surveyed(
        rows,
        np.array(polygons, object),
        shift[rows],
        missing,
        _attributes(programs, rows, solids, draws, style),
    )


def _shifts(draws: Keyed, style: Style) -> F64:
    size = style.survey.shift_m.sample(draws, "survey/shift")
    way = np.stack([draws.normal("survey/east"), draws.normal("survey/north")], axis=1)
    return np.round(size[:, None] * way, 3)


def _mapped_outline(
    programs: ProgramTable, row: int, draws: Keyed, style: Style
) -> tuple[Any, tuple[int, ...]]:
    """The outline without the parts that the map misses, and those parts."""
    count = int(programs.part_offsets[row + 1] - programs.part_offsets[row])
    own = draws.take(np.array([row]))
    gone = tuple(
        part for part in range(1, count) if own.chance(f"survey/part/{part}", style.survey.missing_part)[0]
    )
    if gone:
        left = outline(programs, row, tuple(part for part in range(count) if part not in gone))
        if left.geom_type == "Polygon":
            return left, gone
    return outline(programs, row), ()


def _displaced(polygon: Any, shift: F64, style: Style, seed: int) -> Any:
    """The polygon moved, each corner by an error that depends on where the corner is."""
    import shapely

    xy = shapely.get_coordinates(polygon)
    steps = np.rint(xy * 1000).astype(np.int64)
    draws = Keyed(seed, combine(name_key("survey/corner"), steps[:, 0], steps[:, 1]))
    size = style.survey.vertex_m.sample(draws, "survey/vertex")
    error = size[:, None] * np.stack([draws.normal("survey/east"), draws.normal("survey/north")], axis=1)
    for share in (1.0, 0.25, 0.0):
        moved = shapely.set_coordinates(polygon, np.round(xy + shift + share * error, 3))
        if moved.is_valid:
            return moved.normalize()
    return polygon


def _attributes(
    programs: ProgramTable, rows: I64, solids: Solids, draws: Keyed, style: Style
) -> list[dict[str, Any]]:
    rules = style.survey
    tops = _heights(solids)
    height = tops + draws.normal("survey/height_error") * rules.height_m.sample(draws, "survey/height")
    known: dict[str, Bool] = {
        name: draws.chance(f"survey/{name}", getattr(rules, name))
        for name in ("height_known", "levels_known", "shape_known")
    }
    found = []
    for row in rows.tolist():
        own = programs.attributes[row]
        entry: dict[str, Any] = {"use": own["use"]}
        if known["levels_known"][row] and own["use"] != "annex":
            entry["building:levels"] = own["levels"]
        if known["height_known"][row] and np.isfinite(height[row]):
            entry["height"] = round(max(float(height[row]), 2.0), 1)
        if known["shape_known"][row]:
            entry["roof:shape"] = to_osm(RoofKind(int(programs.roof_kind[programs.part_offsets[row]])))
        found.append(entry)
    return found


def _heights(solids: Solids) -> F64:
    """Height of each solid from its lowest to its highest vertex, NaN where there is none."""
    counts = np.diff(solids.vertex_offsets)
    tops = np.full(len(counts), np.nan)
    full = np.flatnonzero(counts)
    if len(full):
        starts = solids.vertex_offsets[:-1][full]
        z = solids.vertices[:, 2]
        tops[full] = (np.maximum.reduceat(z, starts) - np.minimum.reduceat(z, starts)) * solids.grid
    return tops
