"""Finding buildings in memory: a scene in, outlines with confidence and height out."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from geovision.errors import GeovisionError, InputError, UsageError
from geovision.vision.polygons import LEVELS, Outlines, OutlineSettings, OutlineStream
from geovision.vision.relief import RELIEF, Relief, relief_card
from geovision.vision.wings import join_wings

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from numpy.typing import NDArray

    from geovision.sources import Bounds, Footprints, Scene
    from geovision.vision.card import ModelCard
    from geovision.vision.infer import Plan, SceneFeed, Strip
    from geovision.vision.infer.feeds import Hint
    from geovision.vision.infer.runtimes import Runner

__all__ = ["DetectProgress", "DetectSettings", "Detected", "Finder", "detect", "find_outlines", "open_finder"]

_MEASURED = ("rgb", "nir", "ndsm")


@dataclass(frozen=True, kw_only=True)
class DetectSettings:
    """What to look with, and what a building is."""

    model: str | os.PathLike[str] | None = None
    """Name or path of a network for scenes; "relief" for the rules on heights that need none. By default the
    network that comes with geovision where there is an image, and the rules where there are heights alone."""
    threshold: float | None = None
    """Probability from which a pixel is building; by default the one that the model was published with."""
    min_area_m2: float = 6.0
    """Smaller buildings are left out."""
    tolerance_m: float = 0.6
    """How far an outline may leave the pixels to be simpler."""
    gsd_m: float | None = None
    """Size of a pixel to work at; by default that of the image or heights, where the model takes it."""
    use: Sequence[str] | None = None
    """Groups of input to use, of rgb, nir, ndsm; by default all that are there."""
    rows: bool = False
    """Part rows of houses whose roofs go on into each other, where measured heights say how: for places that
    have rows. Detached houses with many roofs would be cut up."""
    dihedral: Literal[1, 2, 4, 8] = 1
    """How many mirrored and turned copies are averaged: slower, a little better."""
    threads: int = 0
    """0 for all cores."""


@dataclass(frozen=True)
class DetectProgress:
    """Where the job stands, in rows of pixels."""

    stage: Literal["looking", "outlines"]
    done: int
    total: int
    buildings: int = 0


@dataclass(frozen=True)
class Detected:
    """Outlines that were found, and how."""

    footprints: Footprints
    """With confidence, height, height_high, height_from, area_m2, outline, found_in and found_by."""
    model: str
    """Name and first digits of the hash of what found them."""
    groups: tuple[str, ...]
    """Input groups that were seen."""
    cell_m: float
    threshold: float
    notes: tuple[str, ...] = ()
    """What was assumed or resampled, as sentences."""

    def __len__(self) -> int:
        return len(self.footprints)

    @property
    def inferred_heights(self) -> bool:
        """Whether heights are what a network makes of an image, and not measured."""
        return "ndsm" not in self.groups

    def to_frame(self) -> GeoDataFrame:
        """The outlines as a GeoDataFrame."""
        from geovision.formats.footprints import footprint_frame

        return footprint_frame(self.footprints)


def detect(
    scene: Scene,
    settings: DetectSettings | None = None,
    *,
    bounds: Bounds | None = None,
    hints: Mapping[str, Hint] | None = None,
    progress: Callable[[DetectProgress], None] | None = None,
    each: Callable[[Strip, Finder], None] | None = None,
    **changes: Any,
) -> Detected:
    """Find the buildings of a scene; memory follows its width, and the buildings.

    Args:
        scene: from `open_scene`, with an image, heights or points. Footprints that it has are not looked at;
            give them as a hint where they are old.
        settings: the defaults where they are left out.
        bounds: where to look, in the CRS of the scene; by default all that images and heights cover.
        hints: layers by name, roads, parcels or footprints: see `geovision.sources.hints`.
        progress: called after each strip.
        each: called with each strip of probabilities, from the top.
        changes: fields of `DetectSettings`.
    """
    settings = replace(settings or DetectSettings(), **changes)
    finder = open_finder(scene, settings, bounds=bounds, hints=hints)
    strips = finder.strips(heights=finder.gives_heights)
    return find_outlines(finder, strips, progress=progress, each=each)


@dataclass(frozen=True)
class Finder:
    """A model that is ready to look at a scene."""

    feed: SceneFeed
    card: ModelCard
    runner: Runner
    plan: Plan
    settings: DetectSettings
    key: str
    """Digits that tell this model from others of its name."""
    notes: tuple[str, ...] = field(default=())

    @property
    def scene(self) -> Scene:
        """What is looked at, with the ground that was estimated where none was given."""
        return self.feed.scene

    @property
    def groups(self) -> tuple[str, ...]:
        """Input groups that are seen."""
        return (*self.feed.roles, *self.feed.hints)

    @property
    def threshold(self) -> float:
        """The one that was asked for, or the model's."""
        asked = self.settings.threshold
        return self.card.threshold if asked is None else asked

    @property
    def gives_heights(self) -> bool:
        """Whether the model says how high buildings are where that was not measured."""
        return "ndsm" not in self.feed.roles and "height" in self.card.outputs

    def strips(self, *, heights: bool = False, progress: Any = None) -> Iterator[Strip]:
        """Finished rows of probabilities from top to bottom."""
        from geovision.vision.infer.strips import run_strips

        return run_strips(self.feed, self.runner, self.plan, self.card, heights=heights, progress=progress)


def open_finder(
    scene: Scene,
    settings: DetectSettings,
    *,
    bounds: Bounds | None = None,
    hints: Mapping[str, Hint] | None = None,
) -> Finder:
    """Choose the model, and lay the grid that it looks at."""
    from geovision.sources.extend import with_ground
    from geovision.vision.infer import make_plan, scene_feed
    from geovision.vision.infer.plan import start
    from geovision.vision.inputs import GROUPS

    for name in settings.use or ():
        if name not in GROUPS:
            raise UsageError(f"input group {name!r}", "is not known", f"Use some of {', '.join(GROUPS)}")
    before = len(scene.notes)
    scene = with_ground(scene)
    told = scene.notes[before:]
    model, why = _model(scene, settings)
    if model == RELIEF:
        if hints:
            why = (*why, "the rules on heights look at no vector layers: hints were left out")
        return _by_rules(scene, settings, bounds, (*told, *why))
    plan = make_plan(model, runtime=_runtime(), dihedral=settings.dihedral, threads=settings.threads)
    card, runner = start(plan, model)
    feed = scene_feed(scene, card, bounds=bounds, gsd_m=settings.gsd_m, use=settings.use, hints=hints)
    return Finder(feed, card, runner, plan, settings, plan.network_sha256[:8], (*told, *why, *feed.notes))


def _runtime() -> tuple[str, str]:
    """By what the CPU can, not by measuring: a run that goes on must find the runtime that it began with."""
    from geovision.vision.infer.runtimes import available

    fast = ("openvino", "bfloat16")
    return fast if fast in available() else ("onnxruntime", "float32")


def _model(scene: Scene, settings: DetectSettings) -> tuple[str | os.PathLike[str], tuple[str, ...]]:
    """Which model looks, and what is to be said of the choice."""
    from geovision.vision.store import default_model

    if settings.model is not None:
        return settings.model, ()
    sees = "image" in scene.layers and (settings.use is None or "rgb" in settings.use)
    if sees:
        try:
            return default_model("scene"), ()
        except GeovisionError:
            if not scene.can_read("ndsm"):
                raise
            return RELIEF, (
                "no network comes with this geovision: buildings were found in the heights alone",
            )
    if not scene.can_read("ndsm"):
        have = ", ".join(scene.roles) or "nothing"
        raise InputError(
            "scene",
            f"has nothing in which buildings can be found (it has {have})",
            "Give an image, heights (dsm, best with dtm; or ndsm) or points",
        )
    return RELIEF, ()


def _by_rules(
    scene: Scene, settings: DetectSettings, bounds: Bounds | None, notes: tuple[str, ...]
) -> Finder:
    from geovision.vision.infer import Plan, scene_feed

    if not scene.can_read("ndsm"):
        have = ", ".join(scene.roles) or "nothing"
        raise InputError(
            f"model {RELIEF}",
            f"looks at heights above the ground, and the scene has {have}",
            "Give points, ndsm, or dsm and dtm; or name a network with model=... (--model)",
        )
    card = relief_card()
    feed = scene_feed(scene, card, bounds=bounds, gsd_m=settings.gsd_m, use=("ndsm",))
    rules = Relief(feed.grid.cell_m)
    key = hashlib.sha256(repr(rules.rules).encode()).hexdigest()
    # No runtime is chosen, because none is needed.
    plan = Plan.model_construct(
        model=RELIEF,
        network_sha256=key,
        runtime="rules",  # type: ignore[arg-type]  # no worker ever opens one of that name
        runtime_version="",
        precision="float32",
        window=(1024, 2048),
        halo=rules.reach,
        feather=0,
        dihedral=1,
    )
    return Finder(feed, card, rules, plan, settings, key[:8], (*notes, *feed.notes))


def find_outlines(
    finder: Finder,
    strips: Iterable[Strip],
    *,
    progress: Callable[[DetectProgress], None] | None = None,
    each: Callable[[Strip, Finder], None] | None = None,
) -> Detected:
    """Outlines of the buildings in strips of probabilities.

    Args:
        finder: what made them.
        strips: from top to bottom.
        progress: called after each.
        each: called with each.
    """
    settings, feed = finder.settings, finder.feed
    place = feed.grid.bounds(feed.cut)
    measured = "ndsm" in feed.roles
    stream = OutlineStream(
        feed.grid.cell_m,
        place.west,
        place.north,
        feed.columns,
        OutlineSettings(
            threshold=finder.threshold,
            min_area_m2=settings.min_area_m2,
            tolerance_m=max(settings.tolerance_m, 1.2 * feed.grid.cell_m),
            # What a network thinks of heights has no sharper edges than what it thinks of buildings.
            reach_m=1.0 if measured else 0.0,
            threads=settings.threads,
        ),
    )
    parts: list[Outlines] = []
    for strip in strips:
        if each is not None:
            each(strip, finder)
        framed = "frame" in finder.card.outputs or not finder.card.outputs
        parts.append(
            stream.add(
                strip.pixels[0],
                boundary=strip.pixels[1],
                frame=strip.pixels[2:4] if framed else None,
                height=_heights(finder, strip) if measured or strip.heights is not None else None,
            )
        )
        if progress is not None:
            progress(DetectProgress("outlines", strip.row + strip.rows, feed.rows, sum(map(len, parts))))
    parts.append(stream.finish())
    found = join_wings(Outlines.concatenate(parts))
    if settings.rows and measured:
        from geovision.vision.rows import part_rows

        found = part_rows(found, partial(_heights_at, finder), min_area_m2=settings.min_area_m2)
    elif settings.rows:
        note = "rows of houses were left whole: they are parted by measured heights, and there are none"
        finder = replace(finder, notes=(*finder.notes, note))
    return _detected(finder, found)


def _heights_at(finder: Finder, xy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Metres above the ground at places, from the raster that was looked at; NaN where unknown."""
    from geovision.sources import Bounds, HeightGrid

    cell, flat = finder.feed.grid.cell_m, xy.reshape(-1, 2)
    low, high = flat.min(axis=0) - cell, flat.max(axis=0) + cell
    window = finder.scene.window("ndsm", Bounds(*low.tolist(), *high.tolist()), cell)
    grid = HeightGrid(window.data[0], window.bounds.west, window.bounds.north, window.cell_m)
    return grid.at(flat).reshape(xy.shape[:-1])


def _heights(finder: Finder, strip: Strip) -> NDArray[np.float32]:
    """[rows, columns] metres above the ground, NaN where unknown."""
    from geovision.sources.raster_info import Cut

    feed = finder.feed
    if "ndsm" in feed.roles:
        cut = Cut(feed.cut.column, feed.cut.row + strip.row, feed.columns, strip.rows)
        return np.asarray(feed.scene.read_cut("ndsm", feed.grid, cut).data[0], np.float32)
    assert strip.heights is not None
    heights = strip.heights[0]
    return heights if strip.valid is None else np.where(strip.valid, heights, np.float32(np.nan))


def _detected(finder: Finder, found: Outlines) -> Detected:
    from geovision.sources import Footprints
    from geovision.sources.crs import crs_name

    name = f"{finder.card.name}@{finder.key}"
    seen = tuple(group for group in finder.groups if group in _MEASURED)
    rows = [_row(found, index, finder, name, "+".join(finder.groups)) for index in range(len(found))]
    footprints = Footprints(
        _ids(found),
        found.polygon_offsets,
        found.ring_offsets,
        np.ascontiguousarray(found.xy),
        crs_name(finder.scene.crs),
        rows,
    )
    return Detected(
        footprints, name, seen, finder.feed.grid.cell_m, finder.threshold, tuple(dict.fromkeys(finder.notes))
    )


def _row(found: Outlines, index: int, finder: Finder, name: str, groups: str) -> dict[str, Any]:
    row: dict[str, Any] = {
        "confidence": round(float(found.confidence[index]), 3),
        "area_m2": round(float(found.area_m2[index]), 2),
    }
    height, high = float(found.height_m[index]), float(found.height_high_m[index])
    if np.isfinite(height):
        row["height"] = round(height, 2)
        row["height_high"] = round(high, 2)
        row["height_from"] = "measured" if "ndsm" in finder.feed.roles else "inferred"
    level = LEVELS[int(found.level[index])]
    return row | {"outline": level, "found_in": groups, "found_by": name}


def _ids(found: Outlines) -> list[str]:
    """Named after a place inside, to the decimetre: the same building has the same name in every run."""
    import shapely

    if not len(found):
        return []
    places = shapely.get_coordinates(shapely.point_on_surface(found.polygons()))
    taken: dict[str, int] = {}
    out = []
    for x, y in places.tolist():
        name = f"{x:.1f}_{y:.1f}"
        taken[name] = taken.get(name, 0) + 1
        out.append(name if taken[name] == 1 else f"{name}_{taken[name]}")
    return out
