"""What stands on roofs: dormers, chimneys, parapets and boxes, each inside the slope that carries it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from geovision.model.kinds import RoofKind, SuperKind
from geovision.procedural.plans import I64, Bool, Parts, Role, Shape, to_grid
from geovision.procedural.rng import F64, Keyed
from geovision.procedural.roofs import BREAK, INSET, OFFSET, REAR_EAVE, RIDGE, RoofColumns, mm
from geovision.procedural.style import DORMERS, USES, Style

__all__ = ["Supers", "draw_supers"]

K = RoofKind
_HOUSES = [USES.index(name) for name in ("terraced", "semi", "detached", "perimeter")]
_DORMER_ROOFS = (K.GABLED, K.HALF_HIPPED, K.HIPPED, K.SALTBOX, K.MANSARD, K.GAMBREL, K.SIDE_HIPPED)
_CHIMNEY_ROOFS = (*_DORMER_ROOFS, K.SKILLION, K.PYRAMIDAL, K.CROSS_GABLED)
_MAX_DORMERS = 4
_SIDE_M = 0.6
"""Free strip beside a dormer, towards the part's end and the next dormer."""
_RIDGE_M = 0.65
"""Free strip under the ridge: dormers end before it, and chimneys stand on it."""
_BURIED_M = 0.1
"""How far a dormer's body runs on under the main roof, so that its back never shows."""


@dataclass
class Supers:
    """Superstructures, sorted by building."""

    building: I64
    kind: npt.NDArray[np.uint8]
    part: npt.NDArray[np.int32]
    params: F64


@dataclass
class _Slope:
    """One side of a pitched roof as seen from its eave, for some parts."""

    index: I64
    origin: F64
    along: F64
    inward: F64
    azimuth: F64
    eave: F64
    rise: F64
    """Metres up per metre in, at the eave."""
    run: F64
    """Plan distance up to the ridge, or to the break."""
    top: F64
    length: F64
    hip: F64
    """How much shorter the slope gets at each end, per metre in."""


def draw_supers(parts: Parts, roofs: RoofColumns, style: Style, seed: int) -> Supers:
    """All superstructures."""
    draws = Keyed(seed, parts.keys)
    found = [
        *_dormers(parts, roofs, style, seed, draws),
        _chimneys(parts, roofs, style, draws),
        _parapets(parts, roofs, style, draws),
        _boxes(parts, roofs, style, draws),
    ]
    part = np.concatenate([item[0] for item in found]).astype(np.int64)
    kind = np.concatenate([item[1] for item in found])
    params = np.concatenate([item[2] for item in found])
    order = np.argsort(part, kind="stable")
    part = part[order]
    building = parts.building[part]
    return Supers(
        building,
        kind[order].astype(np.uint8),
        (part - parts.part_offsets[:-1][building]).astype(np.int32),
        params[order],
    )


Found = tuple[I64, npt.NDArray[np.int64], F64]


def _dormers(parts: Parts, roofs: RoofColumns, style: Style, seed: int, draws: Keyed) -> list[Found]:
    building = parts.building
    fit = (
        np.isin(roofs.kind, _DORMER_ROOFS)
        & roofs.frames.straight
        & (parts.shape == Shape.QUAD)
        & (parts.role == Role.MAIN)
        & parts.plain[building]
        & np.isin(parts.use, _HOUSES)[building]
    )
    found: list[Found] = []
    for side in ("front", "rear"):
        has = draws.chance(f"dormer/{side}", style.superstructures.dormer)[building]
        index = np.flatnonzero(fit & has)
        slope = _slope(parts, roofs, index, side)
        found += _dormers_on(slope, parts, style, Keyed(seed, parts.keys[building[index]]), side)
    return found


def _slope(parts: Parts, roofs: RoofColumns, index: I64, side: str) -> _Slope:
    frames, params, kind = roofs.frames, roofs.params[index], roofs.kind[index]
    width, length = frames.width[index], frames.length[index]
    along, inward = frames.along[index], frames.inward[index]
    origin, azimuth = frames.origin[index], frames.azimuth[index]
    eave, ridge = roofs.eave[index], params[:, RIDGE]
    offset = np.where(np.isnan(params[:, OFFSET]), 0.5, params[:, OFFSET])
    # A hipped roof by pitch has no ridge height of its own.
    skeleton = (kind == K.HIPPED) & np.isnan(ridge)
    short = np.minimum(width, length)
    ridge = np.where(skeleton, eave + np.tan(np.radians(params[:, 7])) * short / 2, ridge)
    run = offset * width
    if side == "rear":
        origin = origin + along * length[:, None] + inward * width[:, None]
        along, inward, azimuth = -along, -inward, (azimuth + 180.0) % 360.0
        run = (1 - offset) * width
        eave = np.where(kind == K.SALTBOX, params[:, REAR_EAVE], eave)
    broken = np.isin(kind, (K.MANSARD, K.GAMBREL))
    top = np.where(broken, params[:, BREAK], ridge)
    run = np.where(broken, params[:, INSET], np.where(skeleton, short / 2, run))
    setback = np.where(np.isin(kind, (K.HIPPED, K.HALF_HIPPED, K.SIDE_HIPPED)), params[:, INSET], 0.0)
    hip = np.where(skeleton | (kind == K.MANSARD), 1.0, setback / run)
    return _Slope(index, origin, along, inward, azimuth, eave, (top - eave) / run, run, top, length, hip)


def _dormers_on(slope: _Slope, parts: Parts, style: Style, draws: Keyed, side: str) -> list[Found]:
    knobs = style.superstructures
    name = f"dormer/{side}/"
    kind = draws.pick(name + "kind", np.array([knobs.dormer_kinds.get(item, 0.0) for item in DORMERS]))
    width = knobs.dormer_width_m.sample(draws, name + "width")
    height = knobs.dormer_height_m.sample(draws, name + "height")
    broken = slope.rise > 1.2
    front = 0.25 + 0.6 * draws.uniform(name + "front") * np.minimum(slope.run / 3, 1.0)
    front = np.where(broken, np.minimum(front, 0.2 * slope.run), front)
    sill = slope.eave + slope.rise * front
    room = slope.top - sill
    height = np.minimum(height, np.where(broken, 0.8, 0.6) * room)
    # The roof of the dormer climbs at `own`, the main one at `rise`: they meet `reach` behind the front.
    own = np.where(kind == SuperKind.DORMER_SHED, 0.3 * slope.rise, 0.0)
    peak = np.where(kind == SuperKind.DORMER_GABLE, 0.5 * width * np.tan(np.radians(32.0)), 0.0)
    peak = np.minimum(peak, 0.5 * height)
    reach = (height + peak) / (slope.rise - own)
    depth = reach + _BURIED_M
    eave = sill + height
    top = eave + np.where(kind == SuperKind.DORMER_SHED, own * depth, peak)
    free = np.where(broken, 0.05, _RIDGE_M)
    fits = (height > 0.5) & (front + depth < slope.run - free) & (top < slope.top - 0.05)
    margin = slope.hip * (front + depth) + _SIDE_M
    space = slope.length - 2 * margin
    wanted = np.round(knobs.dormers.sample(draws, name + "count"))
    count = np.minimum(wanted, np.floor((space + _SIDE_M) / (width + _SIDE_M)))
    count = np.where(fits, np.clip(count, 0, _MAX_DORMERS), 0).astype(np.int64)
    found: list[Found] = []
    for number in range(int(count.max(initial=0))):
        here = np.flatnonzero(count > number)
        x = (margin + space * (number + 0.5) / np.maximum(count, 1))[here]
        place = slope.origin[here] + slope.along[here] * x[:, None] + slope.inward[here] * front[here, None]
        params = _params(place, slope.azimuth[here], width[here], depth[here], top[here], eave[here])
        params[kind[here] == SuperKind.DORMER_FLAT, 6] = np.nan
        found.append((slope.index[here], kind[here], params))
    return found


def _params(place: F64, azimuth: F64, width: F64, depth: F64, top: F64, eave: F64 | float = np.nan) -> F64:
    params = np.empty((len(place), 7))
    params[:, :2] = to_grid(place)
    params[:, 2] = np.round(azimuth, 4) % 360.0
    for column, value in ((3, width), (4, depth), (5, np.broadcast_to(eave, len(place))), (6, top)):
        params[:, column] = mm(np.asarray(value, np.float64))
    return params


def _chimneys(parts: Parts, roofs: RoofColumns, style: Style, draws: Keyed) -> Found:
    knobs, building, frames = style.superstructures, parts.building, roofs.frames
    fit: Bool = (
        np.isin(roofs.kind, _CHIMNEY_ROOFS)
        & frames.straight
        & (parts.shape == Shape.QUAD)
        & (parts.role == Role.MAIN)
        & np.isin(parts.use, _HOUSES)[building]
        & draws.chance("chimney", knobs.chimney)[building]
        & (np.minimum(frames.width, frames.length) > 3.5)
    )
    index = np.flatnonzero(fit)
    mine = draws.take(building[index])
    size = knobs.chimney_size_m.sample(mine, "chimney/size")
    deep = size * (0.8 + 0.5 * mine.uniform("chimney/depth"))
    kind, params = roofs.kind[index], roofs.params[index]
    width, length, eave = frames.width[index], frames.length[index], roofs.eave[index]
    offset = np.where(np.isnan(params[:, OFFSET]), 0.5, params[:, OFFSET])
    # On the ridge where there is one over the whole length, near one end; else close to the middle.
    hipped = np.isin(kind, (K.HIPPED, K.HALF_HIPPED, K.MANSARD, K.PYRAMIDAL, K.SIDE_HIPPED))
    end = size / 2 + 0.4 + 0.25 * mine.uniform("chimney/along") * length
    x = np.where(hipped, length * (0.45 + 0.1 * mine.uniform("chimney/along")), np.minimum(end, length / 2))
    x = np.where(mine.chance("chimney/end", 0.5), x, length - x)
    y = np.clip(offset * width, deep / 2 + 0.4, width - deep / 2 - 0.4)
    place = frames.origin[index] + frames.along[index] * x[:, None] + frames.inward[index] * y[:, None]
    pitch_rise = np.tan(np.radians(params[:, 7])) * np.minimum(width, length) / 2
    ridge = np.where(np.isnan(params[:, RIDGE]), eave + pitch_rise, params[:, RIDGE])
    top = ridge + knobs.chimney_height_m.sample(mine, "chimney/height")
    values = _params(place, frames.azimuth[index], size, deep, top)
    return index, np.full(len(index), int(SuperKind.CHIMNEY)), values


def _parapets(parts: Parts, roofs: RoofColumns, style: Style, draws: Keyed) -> Found:
    knobs, building = style.superstructures, parts.building
    has = (
        draws.chance("parapet", knobs.parapet)[building]
        & (roofs.kind == K.FLAT)
        & (roofs.frames.radius > 2.0)
    )
    index = np.flatnonzero(has)
    mine = draws.take(building[index])
    params = np.full((len(index), 7), np.nan)
    params[:, 3] = mm(knobs.parapet_thickness_m.sample(mine, "parapet/thickness"))
    params[:, 6] = mm(roofs.eave[index] + knobs.parapet_height_m.sample(mine, "parapet/height"))
    return index, np.full(len(index), int(SuperKind.PARAPET)), params


def _boxes(parts: Parts, roofs: RoofColumns, style: Style, draws: Keyed) -> Found:
    knobs, building, frames = style.superstructures, parts.building, roofs.frames
    short = np.minimum(frames.width, frames.length)
    has = draws.chance("box", knobs.box)[building] & (roofs.kind == K.FLAT) & frames.straight & (short > 8.0)
    index = np.flatnonzero(has & parts.plain[building] & (parts.role == Role.MAIN))
    mine = draws.take(building[index])
    width = np.minimum(knobs.box_size_m.sample(mine, "box/width"), 0.4 * short[index])
    depth = np.minimum(knobs.box_size_m.sample(mine, "box/depth"), 0.4 * short[index])
    shift = 0.35 + 0.3 * np.stack([mine.uniform("box/x"), mine.uniform("box/y")], axis=1)
    place = (
        frames.origin[index]
        + frames.along[index] * (frames.length[index] * shift[:, 0])[:, None]
        + frames.inward[index] * (frames.width[index] * shift[:, 1])[:, None]
    )
    top = roofs.eave[index] + knobs.box_height_m.sample(mine, "box/height")
    return (
        index,
        np.full(len(index), int(SuperKind.BOX)),
        _params(place, frames.azimuth[index], width, depth, top),
    )
