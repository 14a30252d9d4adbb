"""Roofs: kind and parameters of every part, drawn from a style.

Everything is drawn per building, or per row for buildings that share walls, from keyed random numbers, so
that a building's roof depends on its plan, its key and the style, and on nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from geovision.model.kinds import KIND_NAMES, RoofKind
from geovision.procedural.frames import Frames, part_frames
from geovision.procedural.plans import Bool, Parts, Role, Shape
from geovision.procedural.rng import F64, Keyed
from geovision.procedural.style import USES, Style

__all__ = ["RoofColumns", "draw_roofs"]

K = RoofKind
RIDGE, AZIMUTH, OFFSET, BREAK, INSET, REAR_EAVE, COUNT, PITCH = range(8)

_ANY = (K.FLAT, K.SKILLION, K.HIPPED, K.GABLED)
_BEARS: dict[Shape, tuple[RoofKind, ...]] = {
    Shape.QUAD: tuple(kind for kind in K if kind not in (K.DOME, K.CONE, K.ONION)),
    Shape.ROUND: (K.FLAT, K.PYRAMIDAL, K.DOME, K.CONE, K.ONION),
    Shape.GENERAL: _ANY,
    Shape.HOLED: _ANY,
}
# What is asked for by name may also be unusual: a square dome, an octagonal hip.
_CAN_BEAR = np.array(
    [[shape == Shape.QUAD or kind in (*_BEARS[shape], *_ANY) for kind in K] for shape in Shape], bool
)
# A gable or a shed seldom rises higher over its walls than this, whatever the width.
_RISE_SHARE = 0.9
_RISE_MIN_M = 0.4


@dataclass
class RoofColumns:
    """Roof columns per part, and what the superstructures need to know of them."""

    kind: npt.NDArray[np.uint8]
    eave: F64
    overhang: F64
    params: F64
    frames: Frames
    levels: npt.NDArray[np.int64]
    """(buildings,)"""


def draw_roofs(parts: Parts, style: Style, seed: int) -> RoofColumns:
    """Kinds, heights and parameters for all parts."""
    buildings = Keyed(seed, parts.keys)
    rows = Keyed(seed, parts.group)
    frames = part_frames(parts)
    frames = frames.turned(_turned(parts, frames, style, buildings))
    kind = _draw_kinds(parts, frames, style, buildings, rows)
    # Teeth follow each other along the hall: their slopes face its short side.
    long_teeth = (kind == K.SAWTOOTH) & (frames.width < frames.length)
    frames = frames.turned(long_teeth & (parts.shape == Shape.QUAD))
    eave, levels = _draw_eaves(parts, style, buildings, rows)
    params = _draw_params(parts, kind, eave, frames, style, buildings, rows)
    _raise_towers(parts, kind, eave, params, frames, style, buildings)
    overhang = _draw_overhang(parts, kind, style, buildings)
    return RoofColumns(kind.astype(np.uint8), eave, overhang, params, frames, levels)


def mm(values: F64) -> F64:
    """Whole millimetres, so that programs are short and comparable."""
    return np.round(values, 3)


def _turned(parts: Parts, frames: Frames, style: Style, buildings: Keyed) -> Bool:
    """Houses with the ridge across the long side, where no street or neighbour decides."""
    turn = buildings.chance("roof/cross_ridge", style.roofs.cross_ridge) & ~parts.attached
    single = parts.plain
    mild = np.maximum(frames.width, frames.length) < 1.6 * np.minimum(frames.width, frames.length)
    free = (parts.shape == Shape.QUAD) & (parts.front < 0)
    return np.asarray((turn & single)[parts.building] & free & mild)


def _draw_kinds(
    parts: Parts, frames: Frames, style: Style, buildings: Keyed, rows: Keyed
) -> npt.NDArray[np.int64]:
    part_of = parts.building
    weights = np.array([style.kind_weights(use) for use in USES])
    table = weights[parts.use.astype(np.int64)][part_of] * _allowed(parts, frames)
    _weigh_added(table, parts, style)
    empty = table.sum(axis=1) <= 0
    table[empty] = _fallback()[parts.shape[empty]]
    # Rows share their draw; a wing mostly takes the kind of the main part, where it can bear it.
    level = np.where(parts.attached, rows.uniform("roof/kind"), buildings.uniform("roof/kind"))[part_of]
    wing = parts.role != Role.MAIN
    own = buildings.uniform("roof/wing_kind")[part_of]
    differs = wing & (buildings.uniform("roof/wing_same")[part_of] >= style.parts.same_kind)
    level = np.where(differs & ~parts.attached[part_of], own, level)
    level = np.where(parts.role == Role.EXTENSION, buildings.uniform("roof/extension")[part_of], level)
    total = np.cumsum(table, axis=1)
    kind = (level[:, None] * total[:, -1:] >= total).sum(axis=1)
    main = parts.part_offsets[:-1]
    follow = wing & ~differs & (parts.role == Role.WING)
    of_main = kind[main[part_of]]
    bearable = _allowed(parts, frames)[np.arange(len(kind)), of_main] > 0
    kind = np.where(follow & bearable, of_main, kind)
    forced = parts.forced[part_of].astype(np.int64)
    possible = _CAN_BEAR[parts.shape, np.maximum(forced, 0)]
    return np.where((forced >= 0) & ~wing & possible, forced, kind)


def _weigh_added(table: F64, parts: Parts, style: Style) -> None:
    """Extensions have roofs of their own, further levels are flat."""
    table[parts.role == Role.EXTENSION] = 0.0
    for name, weight in style.parts.extension_roofs.items():
        table[parts.role == Role.EXTENSION, RoofKind.from_text(name)] = weight
    levels = np.isin(parts.role, (Role.LEVEL, Role.PENTHOUSE))
    table[levels] = 0.0
    table[levels, K.FLAT] = 1.0


def _fallback() -> F64:
    table = np.zeros((len(Shape), len(K)))
    table[:, [K.FLAT, K.GABLED, K.HIPPED]] = (0.2, 0.5, 0.3)
    table[Shape.ROUND] = 0.0
    table[Shape.ROUND, [K.CONE, K.DOME, K.PYRAMIDAL, K.FLAT]] = 0.25
    return table


def _allowed(parts: Parts, frames: Frames) -> F64:
    """1 where a part can bear a kind, else 0: (parts, kinds)."""
    table = np.array([[kind in _BEARS[shape] for kind in K] for shape in Shape], float)[parts.shape]
    quad = parts.shape == Shape.QUAD
    ratio = np.maximum(frames.width, frames.length) / np.maximum(np.minimum(frames.width, frames.length), 0.1)
    small = np.minimum(frames.width, frames.length) < 5.0
    multi = ~parts.plain[parts.building]
    attached = parts.attached[parts.building]
    table[quad & (ratio > 1.5), K.PYRAMIDAL] = 0
    table[quad & (ratio > 1.8), K.CROSS_GABLED] = 0
    needs_room = (K.SAWTOOTH, K.BUTTERFLY, K.MANSARD, K.GAMBREL, K.HALF_HIPPED, K.PLANAR, K.ROUND, K.SALTBOX)
    for kind in needs_room:
        table[quad & small, kind] = 0
    # Explicit planes and barrels are laid in the frame's box, which must be the part.
    for kind in (K.PLANAR, K.CROSS_GABLED, K.SAWTOOTH, K.BUTTERFLY, K.SALTBOX):
        table[quad & (~frames.straight | multi), kind] = 0
    for kind in (K.HIPPED, K.HALF_HIPPED, K.MANSARD, K.PYRAMIDAL, K.CROSS_GABLED, K.PLANAR):
        table[attached & quad, kind] = 0
    table[attached & quad, K.GAMBREL] = 1
    table[attached & ~quad & (parts.shape == Shape.GENERAL), K.SKILLION] = 0
    table[attached & (parts.free_end[parts.building] < 0), K.SIDE_HIPPED] = 0
    table[multi & (parts.role == Role.TOWER), K.GABLED] = 0
    return table


def _draw_eaves(
    parts: Parts, style: Style, buildings: Keyed, rows: Keyed
) -> tuple[F64, npt.NDArray[np.int64]]:
    levels, height = np.ones(len(parts)), np.ones(len(parts))
    for code, name in enumerate(USES):
        use = style.uses[name]
        mine = parts.use == code
        if not mine.any():
            continue
        draws = [source.take(mine) for source in (buildings, rows)]
        pick = [
            (
                np.maximum(np.round(use.levels.sample(draw, "levels")), 1.0),
                use.level_height_m.sample(draw, "level_height"),
                use.plinth_m.sample(draw, "plinth"),
            )
            for draw in draws
        ]
        shared = parts.attached[mine]
        own, row = pick
        known = np.full(len(shared), np.nan) if parts.levels is None else parts.levels[mine]
        levels[mine] = np.where(np.isnan(known), np.where(shared, row[0], own[0]), known)
        level_height, plinth = np.where(shared, row[1], own[1]), np.where(shared, row[2], own[2])
        height[mine] = levels[mine] * level_height + plinth
    drop = style.parts.wing_drop.sample(buildings, "parts/wing_drop")
    keeps = buildings.chance("parts/same_eave", style.parts.same_eave) | parts.attached
    eave = height[parts.building]
    lower = (parts.role == Role.WING) & ~keeps[parts.building]
    eave = np.where(lower, np.maximum(eave * drop[parts.building], 2.2), eave)
    return mm(_added_eaves(eave, parts, style, buildings)), levels.astype(np.int64)


def _added_eaves(eave: F64, parts: Parts, style: Style, buildings: Keyed) -> F64:
    """Extensions are low; other levels a storey or two above or below; penthouses on top."""
    part_of = parts.building
    low = style.parts.extension_eave_m.sample(buildings, "parts/extension_eave")[part_of]
    eave = np.where(parts.role == Role.EXTENSION, np.minimum(low, eave - 0.2), eave)
    step = style.parts.step_m.sample(buildings, "parts/step")[part_of]
    sign = np.where(buildings.chance("parts/step_up", 0.4), 1.0, -1.0)[part_of]
    level = np.where(sign * step + eave < 2.4, eave + step, eave + sign * step)
    eave = np.where(parts.role == Role.LEVEL, level, eave)
    return np.where(parts.role == Role.PENTHOUSE, eave + np.minimum(np.maximum(step, 2.3), 3.4), eave)


def _rise(pitch_deg: F64, run: F64, eave: F64) -> F64:
    rise = np.tan(np.radians(pitch_deg)) * run
    return np.clip(rise, _RISE_MIN_M, np.maximum(_RISE_SHARE * eave, 2.0))


def _draw_params(
    parts: Parts,
    kind: npt.NDArray[np.int64],
    eave: F64,
    frames: Frames,
    style: Style,
    buildings: Keyed,
    rows: Keyed,
) -> F64:
    params = np.full((len(kind), 8), np.nan)
    for code in np.unique(kind):
        mine = np.flatnonzero(kind == code)
        draws = _Draws(parts, mine, buildings, rows)
        filler = _FILL[RoofKind(code)]
        part = _Part(
            eave[mine], frames.width[mine], frames.length[mine], frames.radius[mine], parts, mine, style
        )
        params[mine] = filler(draws, part, RoofKind(code))
        directed = code in _DIRECTED
        params[mine, AZIMUTH] = np.round(frames.azimuth[mine], 4) % 360.0 if directed else np.nan
    for column in (RIDGE, BREAK, INSET, REAR_EAVE):
        params[:, column] = mm(params[:, column])
    return params


class _Draws:
    """Random numbers per part: the row's for buildings in rows, else the building's."""

    def __init__(self, parts: Parts, index: npt.NDArray[np.int64], buildings: Keyed, rows: Keyed) -> None:
        building = parts.building[index]
        self.keyed = Keyed.where(parts.attached[building], rows.take(building), buildings.take(building))

    def __call__(self, style: Style, name: str) -> F64:
        """A knob of [roofs]."""
        dist = getattr(style.roofs, name)
        return np.asarray(dist.sample(self.keyed, f"roof/{name}"))

    def pitch(self, style: Style, kind: RoofKind) -> F64:
        """The pitch for a kind."""
        table = style.roofs.pitch_deg
        dist = table.get(KIND_NAMES[kind], table["default"])
        return np.asarray(dist.sample(self.keyed, "roof/pitch"))


@dataclass
class _Part:
    eave: F64
    width: F64
    length: F64
    radius: F64
    parts: Parts
    index: npt.NDArray[np.int64]
    style: Style

    @property
    def short(self) -> F64:
        return np.minimum(self.width, self.length)

    def blank(self) -> F64:
        return np.full((len(self.eave), 8), np.nan)


def _flat(draw: _Draws, part: _Part, kind: RoofKind) -> F64:
    return part.blank()


def _ridged(draw: _Draws, part: _Part, kind: RoofKind) -> F64:
    """Skillion, pyramidal, cross-gabled, round: a ridge height and nothing else."""
    run = {K.SKILLION: part.width, K.ROUND: part.width / 2}.get(kind, part.short / 2)
    params = part.blank()
    params[:, RIDGE] = part.eave + _rise(draw.pitch(part.style, kind), run, part.eave)
    return params


def _gabled(draw: _Draws, part: _Part, kind: RoofKind) -> F64:
    params = part.blank()
    quad = part.parts.shape[part.index] == Shape.QUAD
    single = part.parts.plain[part.parts.building[part.index]]
    params[:, OFFSET] = np.where(quad & single, np.round(draw(part.style, "ridge_offset"), 3), 0.5)
    params[:, RIDGE] = part.eave + _rise(draw.pitch(part.style, kind), part.width / 2, part.eave)
    return params


def _setback(draw: _Draws, part: _Part) -> F64:
    return np.clip(draw(part.style, "hip_share") * part.width / 2, 0.3, np.maximum(0.42 * part.length, 0.3))


def _half_hipped(draw: _Draws, part: _Part, kind: RoofKind) -> F64:
    params = part.blank()
    rise = _rise(draw.pitch(part.style, kind), part.width / 2, part.eave)
    drop = draw(part.style, "hip_drop")
    params[:, RIDGE] = part.eave + rise
    params[:, BREAK] = part.eave + drop * rise
    params[:, INSET] = np.maximum(_setback(draw, part) * (1 - drop), 0.3)
    return params


def _hipped(draw: _Draws, part: _Part, kind: RoofKind) -> F64:
    """Equal pitches from the skeleton, or, on some quadrilaterals, hips with a setback of their own."""
    params = part.blank()
    pitch = draw.pitch(part.style, kind)
    rise = _rise(pitch, part.radius, part.eave)
    quad = (part.parts.shape[part.index] == Shape.QUAD) & (part.length > 1.15 * part.width)
    own = quad & draw.keyed.chance("roof/own_hips", 0.4)
    params[:, PITCH] = np.where(own, np.nan, np.round(np.degrees(np.arctan(rise / part.radius)), 2))
    params[:, RIDGE] = np.where(own, part.eave + rise, np.nan)
    params[:, INSET] = np.where(own, _setback(draw, part), np.nan)
    return params


def _side_hipped(draw: _Draws, part: _Part, kind: RoofKind) -> F64:
    params = part.blank()
    params[:, RIDGE] = part.eave + _rise(draw.pitch(part.style, kind), part.width / 2, part.eave)
    params[:, INSET] = _setback(draw, part)
    free = part.parts.free_end[part.parts.building[part.index]]
    params[:, COUNT] = np.where(free == 1, 1.0, 0.0)
    return params


def _broken(draw: _Draws, part: _Part, kind: RoofKind) -> F64:
    params = part.blank()
    half = (part.short if kind == K.MANSARD else part.width) / 2
    rise = _rise(draw.pitch(part.style, kind), half, part.eave)
    params[:, RIDGE] = part.eave + rise
    params[:, BREAK] = part.eave + draw(part.style, "break_height") * rise
    params[:, INSET] = draw(part.style, "break_inset") * half
    return params


def _saltbox(draw: _Draws, part: _Part, kind: RoofKind) -> F64:
    params = part.blank()
    offset = draw(part.style, "saltbox_offset")
    params[:, OFFSET] = np.round(offset, 3)
    params[:, RIDGE] = part.eave + _rise(draw.pitch(part.style, kind), offset * part.width, part.eave)
    params[:, REAR_EAVE] = np.maximum(part.eave * (1 - draw(part.style, "saltbox_rear_drop")), 2.0)
    return params


def _butterfly(draw: _Draws, part: _Part, kind: RoofKind) -> F64:
    params = part.blank()
    drop = np.minimum(draw(part.style, "butterfly_drop_m"), np.minimum(0.4 * part.eave, 0.35 * part.width))
    params[:, RIDGE] = part.eave - drop
    params[:, OFFSET] = 0.5
    return params


def _sawtooth(draw: _Draws, part: _Part, kind: RoofKind) -> F64:
    params = part.blank()
    teeth = np.clip(np.round(part.width / draw(part.style, "sawtooth_width_m")), 2, 40)
    params[:, COUNT] = teeth
    params[:, RIDGE] = part.eave + _rise(draw.pitch(part.style, kind), part.width / teeth, part.eave)
    return params


def _curved(draw: _Draws, part: _Part, kind: RoofKind) -> F64:
    params = part.blank()
    dome = np.maximum(draw(part.style, "dome") * part.radius, 0.5)
    spire = np.maximum(draw(part.style, "spire") * 2 * part.radius, 0.5)
    params[:, RIDGE] = part.eave + {K.CONE: spire, K.DOME: dome, K.ONION: 2.2 * dome}[kind]
    if kind == K.ONION:
        params[:, INSET] = draw(part.style, "onion_bulge") * part.radius
    return params


_FILL = {
    K.FLAT: _flat,
    K.SKILLION: _ridged,
    K.GABLED: _gabled,
    K.HALF_HIPPED: _half_hipped,
    K.HIPPED: _hipped,
    K.PYRAMIDAL: _ridged,
    K.MANSARD: _broken,
    K.GAMBREL: _broken,
    K.SALTBOX: _saltbox,
    K.BUTTERFLY: _butterfly,
    K.SAWTOOTH: _sawtooth,
    K.CROSS_GABLED: _ridged,
    K.SIDE_HIPPED: _side_hipped,
    K.ROUND: _ridged,
    K.DOME: _curved,
    K.CONE: _curved,
    K.ONION: _curved,
    K.PLANAR: _flat,
}
_DIRECTED = frozenset(
    (
        *(K.SKILLION, K.GABLED, K.HALF_HIPPED, K.HIPPED, K.GAMBREL, K.SALTBOX, K.BUTTERFLY, K.SAWTOOTH),
        *(K.CROSS_GABLED, K.SIDE_HIPPED, K.ROUND),
    )
)


def _raise_towers(
    parts: Parts,
    kind: npt.NDArray[np.int64],
    eave: F64,
    params: F64,
    frames: Frames,
    style: Style,
    buildings: Keyed,
) -> None:
    """Towers stand over the ridge of their main part, under a spire."""
    towers = np.flatnonzero(parts.role == Role.TOWER)
    if not len(towers):
        return
    building = parts.building[towers]
    main = parts.part_offsets[:-1][building]
    top = np.fmax(params[main, RIDGE], eave[main])
    draws = buildings.take(building)
    eave[towers] = mm(top + 2.0 + 4.0 * draws.uniform("tower/rise"))
    kind[towers] = K.PYRAMIDAL
    params[towers] = np.nan
    params[towers, RIDGE] = mm(
        eave[towers] + style.roofs.spire.sample(draws, "roof/spire") * 2 * frames.radius[towers]
    )


def _draw_overhang(parts: Parts, kind: npt.NDArray[np.int64], style: Style, buildings: Keyed) -> F64:
    has = buildings.chance("roof/overhang_chance", style.roofs.overhang_chance) & ~parts.attached
    size = style.roofs.overhang_m.sample(buildings, "roof/overhang_m")
    under = np.isin(kind, (K.FLAT, K.SAWTOOTH, K.BUTTERFLY, K.PLANAR, K.DOME, K.CONE, K.ONION, K.ROUND))
    part = parts.building
    return np.where(has[part] & ~under & (parts.role != Role.TOWER), mm(size[part]), 0.0)
