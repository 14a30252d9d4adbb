"""Random valid programs for property tests."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import strategies as st

from geovision.model import Program
from geovision.model.kinds import KIND_NAMES

Json = dict[str, Any]

SQUARE = [[0.0, 0.0], [10.0, 0.0], [10.0, 6.0], [0.0, 6.0]]


def building(**part: Any) -> Json:
    """A plain gabled house as JSON, with some fields of its only part changed."""
    fields = {"shell": SQUARE, "eave_height": 5.0, "roof": {"kind": "gabled", "ridge_height": 8.0}, **part}
    return {"id": "NL.1", "parts": [fields]}


def one_of_each_kind() -> dict[str, Json]:
    """A valid roof of every kind over SQUARE with its eave at 5 m."""
    plain = {"ridge_height": 8.0}
    extra: dict[str, Json] = {
        "flat": {},
        "half-hipped": {**plain, "hip_height": 6.5, "hip_setback": 1.5},
        "mansard": {**plain, "break_height": 7.0, "break_inset": 1.0},
        "gambrel": {**plain, "break_height": 7.0, "break_inset": 1.0},
        "saltbox": {**plain, "ridge_offset": 0.4, "rear_eave_height": 3.0},
        "butterfly": {"valley_height": 4.0},
        "sawtooth": {**plain, "teeth": 3},
        "side_hipped": {**plain, "hip_setback": 2.0, "hip_end": 1},
        "onion": {**plain, "bulge": 0.4},
        "planar": {"faces": [{"shell": SQUARE, "slope_x": 0.1, "slope_y": 0.0, "height": 5.0}]},
    }
    return {name: {"kind": name, **extra.get(name, plain)} for name in KIND_NAMES.values()}


def number(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high, allow_nan=False)


@st.composite
def rectangles(draw: st.DrawFn) -> list[list[float]]:
    """Rectangles of 2 to 40 m, turned, anywhere on a national grid, in either direction."""
    width, length = draw(number(2, 20)), draw(number(2, 40))
    turn, x, y = draw(number(0, 7)), draw(number(-1e6, 1e7)), draw(number(-1e6, 1e7))
    cos, sin = math.cos(turn), math.sin(turn)
    corners = [(0.0, 0.0), (length, 0.0), (length, width), (0.0, width)]
    ring = [[x + cos * u - sin * v, y + sin * u + cos * v] for u, v in corners]
    return ring[::-1] if draw(st.booleans()) else ring


@st.composite
def parts(draw: st.DrawFn) -> Json:
    """A part with any roof, its numbers drawn."""
    shell, eave, rise = draw(rectangles()), draw(number(2.5, 60)), draw(number(0.01, 12))
    kind = draw(st.sampled_from(list(KIND_NAMES.values())))
    roof = {**one_of_each_kind()[kind]}
    if "ridge_height" in roof:
        roof["ridge_height"] = eave + rise
    if kind in {"mansard", "gambrel"}:
        roof |= {"break_height": eave + 0.5 * rise, "break_inset": draw(number(0.01, 0.9))}
    elif kind == "half-hipped":
        roof |= {"hip_height": eave + 0.5 * rise, "hip_setback": draw(number(0.01, 0.9))}
    elif kind == "saltbox":
        roof["rear_eave_height"] = draw(number(0.1, eave))
    elif kind == "butterfly":
        roof["valley_height"] = draw(number(0.1, 0.9)) * eave
    elif kind == "side_hipped":
        roof["hip_setback"] = draw(number(0.01, 1.9))
    elif kind == "planar":
        faces = st.fixed_dictionaries(
            {"slope_x": number(-0.001, 0.001), "slope_y": number(-0.001, 0.001), "height": number(3, 9)}
        )
        roof["faces"] = [{"shell": shell, **draw(faces)} for _ in range(draw(st.integers(1, 3)))]
    elif kind == "hipped" and draw(st.booleans()):
        roof = {"kind": "hipped", "pitch_deg": draw(number(1, 89))}
    part: Json = {"shell": shell, "eave_height": eave, "roof": roof}
    if kind in {"hipped", "gabled"} and draw(st.booleans()):
        pitches = st.one_of(st.none(), number(1, 89), st.just(90.0))
        part["edge_pitch_deg"] = [draw(pitches), draw(pitches), draw(pitches), 45.0]
    if kind in {"gabled", "skillion", "round", "sawtooth"} and draw(st.booleans()):
        roof["azimuth_deg"] = draw(number(-720, 720))
    if draw(st.booleans()):
        part |= {"overhang": draw(number(0, 2)), "base_height": draw(number(-1, 0))}
    if kind not in {"planar", "onion"} and draw(st.booleans()):
        part["roof_shift"] = [draw(number(-2, 2)), draw(number(-2, 2))]
    return part


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
)


@st.composite
def superstructures(draw: st.DrawFn, part: int, eave: float) -> Json:
    kind = draw(st.sampled_from(["dormer_gable", "dormer_shed", "dormer_flat", "chimney", "box", "parapet"]))
    low, rise = eave + draw(number(0.1, 2)), draw(number(0.1, 3))
    if kind == "parapet":
        return {"kind": kind, "part": part, "thickness": draw(number(0.05, 0.5)), "top_height": low}
    heights = {
        "dormer_gable": {"eave_height": low, "ridge_height": low + rise},
        "dormer_shed": {"eave_height": low, "back_height": low + rise},
        "dormer_flat": {"eave_height": low},
    }.get(kind, {"top_height": low})
    place = {name: draw(number(-1e7, 1e7)) for name in ("x", "y")}
    sizes = {name: draw(number(0.1, 9)) for name in ("width", "depth")}
    return {"kind": kind, "part": part, **place, "azimuth_deg": draw(number(-400, 400)), **sizes, **heights}


@st.composite
def programs(draw: st.DrawFn) -> Program:
    """Any valid program of one to three parts."""
    own = draw(st.lists(parts(), min_size=1, max_size=3))
    supers = [
        draw(superstructures(index, part["eave_height"]))
        for index, part in enumerate(own)
        if draw(st.booleans())
    ]
    provenance = {"default": draw(st.sampled_from(["observed", "inferred", "given"]))}
    if draw(st.booleans()):
        provenance["parts/0/eave_height"] = "observed"
    return Program.from_dict(
        {
            "id": draw(st.text(min_size=1, max_size=12)),
            "ground_z": draw(number(-400, 9000)),
            "attributes": draw(st.dictionaries(st.text(max_size=5), scalars, max_size=3)),
            "parts": own,
            "superstructures": supers,
            "facade": draw(st.none() | st.just({"style": "brick", "floors": [1, 2.5]})),
            "provenance": provenance,
        }
    )
