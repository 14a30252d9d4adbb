"""The scene network as a task: tiles in, pixels judged."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from geovision._settings import validated
from geovision.vision.data import Batch, CropRules, TileGroup, TileSource, TileStore
from geovision.vision.inputs import channels_of, validity_of
from geovision.vision.train.config import TrainConfig
from geovision.vision.train.scene_measure import SceneMeasure
from geovision.vision.train.scene_picture import scene_picture
from geovision.vision.train.task import Area, Task

__all__ = ["AreaConfig", "GroupConfig", "Hidden", "SceneData", "scene_task"]

_Share = Annotated[float, Field(ge=0, le=1)]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class GroupConfig(_Table):
    """Tiles of one folder."""

    folder: str
    share: float = Field(default=1.0, gt=0)
    """Of all crops, relative to the other groups."""
    only: tuple[str, ...] = ()
    """Names of the tiles to take; all of them where it is empty."""
    cell_m: tuple[float, float] | None = None
    """Cell sizes of crops; those of [data] where it is left out."""
    on_building: _Share | None = None


class AreaConfig(_Table):
    """Tiles that are only looked at."""

    folder: str
    only: tuple[str, ...] = ()
    cell_m: float | None = None
    """Cell size; the middle of those of [data] where it is left out."""
    batches: int = Field(default=4, ge=1)
    hide: tuple[str, ...] = ()
    """Input groups that the network does not get, such as ndsm."""


class SceneData(_Table):
    """What a scene network learns from: the table [data]."""

    groups: tuple[GroupConfig, ...] = Field(min_length=1)
    validation: dict[str, AreaConfig] = {}
    batch: int = Field(default=8, ge=1)
    crop: int = Field(default=256, ge=32, multiple_of=32)
    """Rows and columns of a crop."""
    cell_m: tuple[float, float] = (0.25, 0.45)
    turned: bool = True
    """By any angle; else by quarter turns only."""
    on_building: _Share = 0.5
    modalities: dict[str, float] | None = None
    """Chances of image, ndsm and both where a tile has both, and of nir and hint."""
    threshold: float = Field(default=0.5, gt=0, lt=1)
    """From which probability on a pixel counts as a building in the evaluation."""


@dataclass(frozen=True)
class Hidden:
    """A source without some input groups."""

    source: TileSource
    groups: tuple[str, ...]

    def batch(self, step: int) -> Batch:
        """The source's batch, with the groups left out."""
        batch = self.source.batch(step)
        for group in self.groups:
            batch.x[..., channels_of(group)] = 0
            batch.x[..., validity_of(group)] = 0
        return batch


def scene_task(config: TrainConfig) -> Task:
    """The task that a configuration describes."""
    from geovision.vision.nets import OUTPUTS, SceneLossConfig, SceneNetConfig, scene_loss, scene_net

    data = validated(SceneData, config.data, "table [data]")
    network = validated(SceneNetConfig, config.network, "table [network]")
    losses = validated(SceneLossConfig, config.loss, "table [loss]")

    def loss(targets: Any, weights: Any, outputs: Any) -> tuple[Any, dict[str, Any]]:
        return scene_loss(targets, weights, outputs, losses)

    return Task(
        build=lambda: scene_net(network),
        source=_source(data, config.seed),
        loss=loss,
        validation={name: _area(area, data) for name, area in data.validation.items()},
        measure=lambda: SceneMeasure(data.threshold),
        picture=scene_picture,
        amount=lambda batch: float(np.prod(batch.x.shape[:3])) / 1e6,
        unit="Mpx",
        card={
            "kind": "scene",
            "network": network.model_dump(mode="json"),
            "outputs": dict(OUTPUTS),
            **_card(data),
        },
    )


def _source(data: SceneData, seed: int) -> TileSource:
    groups = tuple(
        TileGroup(
            one.folder,
            one.share,
            CropRules(
                data.crop,
                one.cell_m or data.cell_m,
                data.turned,
                data.on_building if one.on_building is None else one.on_building,
            ),
            one.only,
        )
        for one in data.groups
    )
    source = TileSource(groups, data.batch, seed)
    return source if data.modalities is None else replace(source, modalities=data.modalities)


def _area(area: AreaConfig, data: SceneData) -> Area:
    cell_m = area.cell_m or float(np.sqrt(np.prod(data.cell_m)))
    rules = CropRules(data.crop, (cell_m, cell_m), turned=False, on_building=0.0)
    source = TileSource((TileGroup(area.folder, 1.0, rules, area.only),), data.batch, seed=0, augmented=False)
    return Area(Hidden(source, area.hide) if area.hide else source, area.batches)


def _card(data: SceneData) -> dict[str, Any]:
    """What the card says of the data."""
    sources = []
    for group in data.groups:
        store = TileStore(group.folder)
        real = "synthetic" not in store.about
        sources.append(
            {
                "name": Path(group.folder).name,
                "kind": "real" if real else "synthetic",
                "sha256": store.digest(),
                "items": len(group.only or store.names),
            }
        )
    gsd_range = (min(data.cell_m), max(data.cell_m))
    return {
        "gsd_m": round(float(np.sqrt(np.prod(gsd_range))), 3),
        "gsd_range_m": gsd_range,
        "data": sources,
    }
