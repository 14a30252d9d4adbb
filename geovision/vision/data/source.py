"""`TileSource`: batch number n of an endless stream of crops, from several groups of tiles.

A batch depends on the source's arguments and its number alone, so a run that was cut off goes on with the
batches it would have seen, and workers can share the numbers out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision.errors import UsageError
from geovision.vision.data.augment import change_heights, change_image, old_footprints, rough_trees
from geovision.vision.data.batch import Batch
from geovision.vision.data.crops import Crop, CropRules, cut
from geovision.vision.data.outline_labels import boundary_of
from geovision.vision.data.store import TileStore
from geovision.vision.data.tile import NO_KIND, Tile
from geovision.vision.inputs import stack

__all__ = ["TileGroup", "TileSource", "dressed"]


_ROUGH = 0.75
"""Share of synthetic crops whose trees are rough."""
_OPEN_GROUND = np.float32(0.05)
"""How much open ground counts for the kind of roof, which is asked for on buildings."""


@dataclass(frozen=True)
class TileGroup:
    """Tiles of one folder, and how they are cut."""

    folder: str
    share: float = 1.0
    """Of all crops, relative to the other groups."""
    rules: CropRules = field(default_factory=CropRules)
    only: tuple[str, ...] = ()
    """Names of the tiles to take; all of them where it is empty."""


@dataclass(frozen=True)
class TileSource:
    """Batches of crops by their number."""

    groups: tuple[TileGroup, ...]
    batch_size: int = 8
    seed: int = 0
    augmented: bool = True
    """False for validation: measurements as they are, all that a tile has."""
    modalities: Mapping[str, float] = field(
        default_factory=lambda: {"image": 0.4, "ndsm": 0.3, "both": 0.3, "nir": 0.3, "hint": 0.1}
    )
    """Chance that a crop shows its image alone, its heights alone, or both, where its tile has both; and
    the chances of near infrared and of each vector hint."""

    def __post_init__(self) -> None:
        sizes = {group.rules.size for group in self.groups}
        if len(sizes) != 1:
            problem = f"have crops of {sorted(sizes)} cells"
            raise UsageError("groups of tiles", problem, "Give all of them one size")

    def batch(self, step: int) -> Batch:
        """Batch number `step`."""
        rng = np.random.default_rng((self.seed, step))
        shares = np.array([group.share for group in self.groups])
        picked = rng.choice(len(self.groups), self.batch_size, p=shares / shares.sum())
        return _stacked([self._one(self.groups[number], rng) for number in picked.tolist()])

    def _one(self, group: TileGroup, rng: np.random.Generator) -> dict[str, Any]:
        numbers, chances = _areas(group)
        tile = _tile(group.folder, int(rng.choice(numbers, p=chances)))
        crop = cut(tile, group.rules, rng)
        return dressed(crop, rng, self.modalities if self.augmented else None)


def dressed(
    crop: Crop, rng: np.random.Generator, modalities: Mapping[str, float] | None = None
) -> dict[str, Any]:
    """Input, targets and weights of one crop; changed at random where chances of `modalities` are given."""
    layers = crop.layers
    groups, valid = _measured(layers)
    if modalities is not None:
        _change(groups, crop, rng, modalities)
    return {"x": stack(groups, valid), **_labels(layers, crop.cell_m)}


def _measured(layers: Mapping[str, NDArray[Any]]) -> tuple[dict[str, Any], dict[str, Any]]:
    groups: dict[str, Any] = {}
    valid: dict[str, Any] = {}
    if "image" in layers:
        groups["rgb"] = layers["image"][:3]
        if len(layers["image"]) > 3:
            groups["nir"] = layers["image"][3]
        if "image_valid" in layers:
            valid = {"rgb": layers["image_valid"], "nir": layers["image_valid"]}
    if "ndsm" in layers:
        groups["ndsm"] = layers["ndsm"]
    return groups, valid


def _change(
    groups: dict[str, Any], crop: Crop, rng: np.random.Generator, chances: Mapping[str, float]
) -> None:
    if {"rgb", "ndsm"} <= set(groups):
        weights = np.array([chances.get(name, 0.0) for name in ("image", "ndsm", "both")])
        shown = ("image", "ndsm", "both")[int(rng.choice(3, p=weights / weights.sum()))]
        for name in {"image": ("ndsm",), "ndsm": ("rgb", "nir"), "both": ()}[shown]:
            groups.pop(name, None)
    if "nir" in groups and rng.random() >= chances.get("nir", 0.0):
        del groups["nir"]
    if "rgb" in groups:
        near = [groups["nir"][None]] if "nir" in groups else []
        changed = change_image(np.concatenate([groups["rgb"], *near]), rng)
        groups["rgb"] = changed[:3]
        if near:
            groups["nir"] = changed[3]
    if "ndsm" in groups:
        ndsm = groups["ndsm"]
        if "height" in crop.layers and rng.random() < _ROUGH:
            ndsm = rough_trees(ndsm, crop.layers["height"], rng)
        groups["ndsm"] = change_heights(ndsm, crop.cell_m, rng)
    hint = chances.get("hint", 0.0)
    if rng.random() < hint:
        groups["footprints"] = old_footprints(crop.layers["ids"], rng)
    for name in ("roads", "parcels"):
        if name in crop.layers and rng.random() < hint:
            groups[name] = crop.layers[name].astype(np.float32)


def _labels(layers: Mapping[str, NDArray[Any]], cell_m: float) -> dict[str, Any]:
    ids = layers["ids"]
    on = ids >= 0
    known = layers["known"].astype(np.float32)
    boundary = boundary_of(ids, cell_m)
    frame = layers["frame"]
    targets: dict[str, Any] = {
        "building": on.astype(np.float32)[..., None],
        "boundary": boundary.astype(np.float32)[..., None],
        "frame": frame.transpose(1, 2, 0),
    }
    strength = np.minimum(np.linalg.norm(frame, axis=0), 1).astype(np.float32)
    weights: dict[str, Any] = {"building": known, "boundary": known, "frame": known * strength}
    blank = np.zeros(ids.shape, np.float32)
    height = layers.get("height", blank)
    finite = np.isfinite(height)
    targets["height"] = np.where(finite, height, 0).astype(np.float32)[..., None]
    weights["height"] = known * finite if "height" in layers else blank
    targets["normal"] = layers.get("normal", np.zeros((3, *ids.shape), np.float32)).transpose(1, 2, 0)
    weights["normal"] = known * on if "normal" in layers else blank
    targets["kind"] = layers.get("kind", np.full(ids.shape, NO_KIND)).astype(np.int32)[..., None]
    weights["kind"] = known * np.where(on, 1, _OPEN_GROUND) if "kind" in layers else blank
    return {"targets": targets, "weights": {name: value[..., None] for name, value in weights.items()}}


def _stacked(samples: Sequence[dict[str, Any]]) -> Batch:
    def joined(kind: str) -> dict[str, Any]:
        return {name: np.stack([sample[kind][name] for sample in samples]) for name in samples[0][kind]}

    x = np.stack([sample["x"] for sample in samples])
    return Batch(x, joined("targets"), joined("weights"))


@lru_cache(maxsize=64)
def _store(folder: str) -> TileStore:
    return TileStore(folder)


@lru_cache(maxsize=64)
def _areas(group: TileGroup) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Numbers of the group's tiles, and the chance of each: large tiles have more to show."""
    store = _store(group.folder)
    missing = sorted(set(group.only) - set(store.names))
    if missing:
        problem = f"names {missing[0]!r}, which is not there"
        raise UsageError(f"tiles of {group.folder}", problem, f"Choose from {', '.join(store.names[:20])}")
    numbers = [number for number, name in enumerate(store.names) if not group.only or name in group.only]
    areas = np.array([np.prod(store.sizes[number]) for number in numbers], np.float64)
    return np.array(numbers), areas / areas.sum()


@lru_cache(maxsize=64)
def _tile(folder: str, number: int) -> Tile:
    """Read from the disk once while it is in use: a few large tiles are cut again and again."""
    return _store(folder)[number]
