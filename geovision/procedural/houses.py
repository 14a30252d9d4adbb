"""Free-standing buildings: plans drawn into the boxes of parcels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from geovision.model.kinds import RoofKind
from geovision.procedural.lots import LOTS_PER_BLOCK, Parcels
from geovision.procedural.plans import Batch, Bool, Role, Shape
from geovision.procedural.rng import F64, Keyed, combine, name_key
from geovision.procedural.split import split_batch
from geovision.procedural.steps import step_batch
from geovision.procedural.style import PLAN_SHAPES, USES, Style

__all__ = ["build_annexes", "build_churches", "build_free", "build_halls"]

_ROUND_KINDS = (RoofKind.CONE, RoofKind.DOME, RoofKind.ONION)
_MAX_ROUND_M = 7.0
_WING_ROOM_M = 8.5
"""Letters need a box of this size, so that no wing is a corridor."""


def build_free(
    parcels: Parcels,
    style: Style,
    seed: int,
    *,
    showcase: bool,
    use: str = "detached",
    round_use: str = "tower",
) -> list[Batch]:
    """Detached houses of all plan shapes; the first ones of the first tile show one roof kind each."""
    draws = Keyed(seed, parcels.keys)
    weights = np.array([style.plans.shapes.get(name, 0.0) for name in PLAN_SHAPES])
    shape = draws.pick("plan/shape", weights)
    small = np.minimum(parcels.width, parcels.depth) < _WING_ROOM_M
    letters = np.isin(shape, [PLAN_SHAPES.index(name) for name in "ltuh"])
    shape[small & letters] = PLAN_SHAPES.index("rectangle")
    forced = np.full(len(parcels), -1, np.int16)
    if showcase:
        _force(parcels, shape, forced)
    batches: list[Batch] = []
    for code, name in enumerate(PLAN_SHAPES):
        mine = np.flatnonzero(shape == code)
        if not len(mine):
            continue
        some, draw = parcels.take(mine), draws.take(mine)
        its_use = round_use if name == "round" else use
        if name == "round":
            batches += _round_plans(some, draw, style, forced[mine], its_use)
            continue
        unit = _UNITS[name](draw)
        batch = _batch(some, some.place(unit), its_use, forced[mine])
        if len(name) == 1:
            batches += split_batch(batch, name, draw, style.parts.split)
        else:
            batches += step_batch(batch, style, seed) if use != "detached" else [batch]
    return batches


def _force(parcels: Parcels, shape: npt.NDArray[np.int64], forced: npt.NDArray[np.int16]) -> None:
    """The first parcels that have room get one roof kind each, on a plan that can bear it."""
    roomy = np.lexsort((parcels.order, np.minimum(parcels.width, parcels.depth) < 7.0))
    first = np.sort(roomy[: len(RoofKind)])
    kinds = np.array(list(RoofKind))[: len(first)]
    forced[first] = kinds
    round_plan = PLAN_SHAPES.index("round")
    shape[first] = np.where(np.isin(kinds, _ROUND_KINDS), round_plan, PLAN_SHAPES.index("rectangle"))


def _batch(
    parcels: Parcels,
    ring: F64,
    use: str,
    forced: npt.NDArray[np.int16] | int = -1,
    shape: Shape = Shape.QUAD,
    name: str = "house",
) -> Batch:
    return Batch(
        rings=[[ring]],
        shapes=(shape,),
        use=np.full(len(parcels), USES.index(use), np.int8),
        keys=combine(parcels.keys, name_key(name)),
        group=combine(parcels.keys, name_key(name)),
        order=parcels.order,
        forced=forced,
    )


def _rectangle(draw: Keyed) -> F64:
    """The box, or a part of it: not every house fills its parcel."""
    w, d = 1.0 - 0.25 * draw.uniform("plan/w"), 1.0 - 0.25 * draw.uniform("plan/d")
    zero = np.zeros_like(w)
    return np.stack([np.stack([zero, w, w, zero], axis=1), np.stack([zero, zero, d, d], axis=1)], axis=2)


def _quad(draw: Keyed) -> F64:
    """Four corners, none quite square."""
    unit = np.tile(np.array([[0.0, 0], [1, 0], [1, 1], [0, 1]]), (len(draw), 1, 1))
    toward = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]])
    for corner in range(1, 4):
        unit[:, corner, 0] += toward[corner, 0] * 0.18 * draw.uniform(f"plan/x{corner}")
        unit[:, corner, 1] += toward[corner, 1] * 0.18 * draw.uniform(f"plan/y{corner}")
    return unit


def _letter(draw: Keyed, x: list[F64 | float], y: list[F64 | float]) -> F64:
    """A letter from its corner columns; half of them mirrored left to right, half front to back."""
    ones = np.ones(len(draw))
    unit = np.stack(
        [np.stack([v * ones for v in x], axis=1), np.stack([v * ones for v in y], axis=1)], axis=2
    )
    for axis, name in ((0, "plan/mirror"), (1, "plan/flip")):
        flip = draw.chance(name, 0.5)
        unit[flip, :, axis] = 1.0 - unit[flip, :, axis]
    # A ring mirrored once runs clockwise: reversed, and turned so that its corners keep their numbers.
    once = draw.chance("plan/mirror", 0.5) ^ draw.chance("plan/flip", 0.5)
    size = unit.shape[1]
    if size == 6:
        unit[once] = unit[once][:, [0, 5, 4, 3, 2, 1]]
    elif size == 8:
        unit[once] = unit[once][:, [1, 0, 7, 6, 5, 4, 3, 2]]
    else:
        unit[once] = unit[once][:, [5, 4, 3, 2, 1, 0, 11, 10, 9, 8, 7, 6]]
    return unit


def _between(draw: Keyed, name: str, low: float, high: float) -> F64:
    return low + (high - low) * draw.uniform(name)


def _l(draw: Keyed) -> F64:
    a, c = _between(draw, "plan/a", 0.40, 0.62), _between(draw, "plan/c", 0.40, 0.62)
    return _letter(draw, [0, 1, 1, a, a, 0], [0, 0, c, c, 1, 1])


def _t(draw: Keyed) -> F64:
    w, c = _between(draw, "plan/a", 0.36, 0.5), _between(draw, "plan/c", 0.45, 0.65)
    a = _between(draw, "plan/b", 0.1, 0.9) * (1 - w)
    return _letter(draw, [0, 1, 1, a + w, a + w, a, a, 0], [0, 0, c, c, 1, 1, c, c])


def _u(draw: Keyed) -> F64:
    a, c = _between(draw, "plan/a", 0.28, 0.36), _between(draw, "plan/c", 0.38, 0.55)
    b = 1 - _between(draw, "plan/b", 0.28, 0.36)
    return _letter(draw, [0, 1, 1, b, b, a, a, 0], [0, 0, 1, 1, c, c, 1, 1])


def _h(draw: Keyed) -> F64:
    a, b = _between(draw, "plan/a", 0.28, 0.36), 1 - _between(draw, "plan/b", 0.28, 0.36)
    c, e = _between(draw, "plan/c", 0.2, 0.3), 1 - _between(draw, "plan/e", 0.2, 0.3)
    return _letter(draw, [0, a, a, b, b, 1, 1, b, b, a, a, 0], [0, 0, c, c, 0, 0, 1, 1, e, e, 1, 1])


_UNITS: dict[str, Callable[[Keyed], F64]] = {
    "rectangle": _rectangle,
    "quad": _quad,
    "l": _l,
    "t": _t,
    "u": _u,
    "h": _h,
}


def _round_plans(
    parcels: Parcels, draw: Keyed, style: Style, forced: npt.NDArray[np.int16], use: str
) -> list[Batch]:
    sides = np.clip(np.round(style.plans.round_sides.sample(draw, "plan/sides")), 6, 64).astype(np.int64)
    size = np.minimum(parcels.width, parcels.depth) * _between(draw, "plan/size", 0.75, 1.0)
    radius = np.minimum(size / 2, _MAX_ROUND_M)
    batches = []
    for count in np.unique(sides):
        mine = np.flatnonzero(sides == count)
        some = parcels.take(mine)
        angle = 2 * np.pi * (np.arange(count) + 0.5) / count
        x = (some.x + some.width / 2)[:, None] + radius[mine, None] * np.cos(angle)
        y = (some.y + radius[mine])[:, None] + radius[mine, None] * np.sin(angle)
        batches.append(_batch(some, some.strips.world(x, y), use, forced[mine], Shape.ROUND))
    return batches


def build_annexes(parcels: Parcels, style: Style, seed: int) -> list[Batch]:
    """Sheds and garages behind houses, where there is room."""
    draws = Keyed(seed, parcels.keys)
    width = np.minimum(_between(draws, "annex/w", 2.6, 5.0), 0.5 * parcels.width)
    depth = _between(draws, "annex/d", 3.0, 6.5)
    room = parcels.back - 1.6
    has = draws.chance("annex", style.plans.annex) & (room > 2.6) & (width > 2.4)
    some = parcels.take(has)
    width, depth = width[has], np.minimum(depth[has], room[has])
    right = draws.chance("annex/side", 0.5)[has]
    x = np.where(right, some.x + some.width - width, some.x)
    y = some.y + some.depth + 1.0
    ring = some.strips.world(
        np.stack([x, x + width, x + width, x], axis=1), np.stack([y, y, y + depth, y + depth], axis=1)
    )
    batch = _batch(some, ring, "annex", name="annex")
    batch.order = batch.order + LOTS_PER_BLOCK // 2
    return [batch]


def build_halls(parcels: Parcels, style: Style, seed: int) -> list[Batch]:
    """Industrial halls: rectangles, a few Ls."""
    draws = Keyed(seed, parcels.keys)
    bent = draws.chance("hall/l", 0.15)
    batches = []
    for name, mine in (("rectangle", np.flatnonzero(~bent)), ("l", np.flatnonzero(bent))):
        some, draw = parcels.take(mine), draws.take(mine)
        batch = _batch(some, some.place(_UNITS[name](draw)), "hall")
        if name == "l":
            batches += split_batch(batch, name, draw, style.parts.split)
        else:
            batches += step_batch(batch, style, seed)
    return batches


def build_churches(parcels: Parcels, style: Style, seed: int) -> list[Batch]:
    """A nave with a tower at its end; the other civic parcels get houses and round towers."""
    draws = Keyed(seed, parcels.keys)
    church: Bool = draws.chance("church", 0.35) & (parcels.width > 17.0) & (parcels.depth > 9.0)
    some, draw = parcels.take(church), draws.take(church)
    tower = _between(draw, "church/tower", 4.5, 6.5)
    nave = np.minimum(some.depth, 0.7 * (some.width - tower))
    nave = np.clip(nave, tower + 1.0, 13.0)
    x1, x2 = some.x + tower, some.x + some.width
    y1, y2 = some.y, some.y + nave
    mid = some.y + nave / 2
    hall = some.strips.world(np.stack([x1, x2, x2, x1], axis=1), np.stack([y1, y1, y2, y2], axis=1))
    low, high = mid - tower / 2, mid + tower / 2
    spire = some.strips.world(
        np.stack([some.x, x1, x1, some.x], axis=1), np.stack([low, low, high, high], axis=1)
    )
    batch = _batch(some, hall, "church")
    batch.rings = [[hall], [spire]]
    batch.shapes, batch.roles, batch.front = (Shape.QUAD, Shape.QUAD), (Role.MAIN, Role.TOWER), (0, -1)
    others = parcels.take(~church)
    round_or_free = build_free(others, _civic(style), seed, showcase=False, use="perimeter")
    return [batch, *round_or_free]


def _civic(style: Style) -> Style:
    shapes = {"round": 0.5, "u": 0.2, "h": 0.15, "rectangle": 0.15}
    return style.model_copy(update={"plans": style.plans.model_copy(update={"shapes": shapes})})
