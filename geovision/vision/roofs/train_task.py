"""The roof network as a task of the loop: generated buildings, its loss, and what judges it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from geovision._settings import validated
from geovision.vision.roofs.augment import Sensor
from geovision.vision.roofs.batches import RoofSource
from geovision.vision.roofs.towns import Buildings, load_buildings, make_town, save_buildings
from geovision.vision.train.config import TrainConfig
from geovision.vision.train.task import Area, Batch, Task

__all__ = ["RoofData", "RoofMeasure", "roof_task", "towns"]

Count = Annotated[int, Field(ge=1)]


class RoofData(BaseModel):
    """Which buildings are made, and how they are drawn."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    folder: str = "roof_towns"
    """Where made towns are kept; it may be deleted at any time."""
    towns: Count = 640
    town: Count = 60
    """Buildings of a town."""
    styles: tuple[str, ...] = ("mixed", "dutch_town", "suburb", "mixed")
    """Of the towns, in turn; every other round of them has outlines as a surveyor drew them."""
    seed: int = Field(default=700_000, ge=0)
    """Of the first town."""
    batch: Count = 64
    flatness: float = Field(default=0.35, ge=0, le=1)
    """0 draws buildings as they come, 1 each kind as often as any other."""
    check_towns: Count = 8
    check_styles: tuple[str, ...] = ("mixed", "block_city")
    """Each an area to judge by, of towns that are not trained on."""
    check_seed: int = Field(default=900_000, ge=0)


def towns(data: RoofData, style: str | None = None) -> Buildings:
    """The buildings to train on, or to judge by where a style is named; made where they are not there yet."""
    folder = Path(data.folder)
    folder.mkdir(parents=True, exist_ok=True)
    number = data.towns if style is None else data.check_towns
    found = []
    for town in range(number):
        name = data.styles[town % len(data.styles)] if style is None else style
        surveyed = bool(town // len(data.styles) % 2 if style is None else town % 2)
        seed = (data.seed if style is None else data.check_seed) + town
        path = folder / f"{name}_{seed}_{data.town}{'_surveyed' * surveyed}.npz"
        if not path.exists():
            save_buildings(path, make_town(name, seed, data.town, surveyed=surveyed))
        found.append(load_buildings(path))
    return Buildings.concat(found)


class RoofMeasure:
    """Shares of buildings whose number and kinds of parts are the likeliest that the network says."""

    def __init__(self) -> None:
        self._right: dict[str, list[NDArray[np.bool_]]] = {"one": [], "more": [], "count": []}

    def add(self, batch: Batch, outputs: Mapping[str, NDArray[np.float32]]) -> None:
        """Count a batch."""
        count = batch.targets["count"]
        order = np.argsort(-outputs["present"][..., 0], axis=1, kind="stable")
        said = np.take_along_axis(outputs["kind"].argmax(axis=2), order, axis=1)
        number = outputs["count"].argmax(axis=1)
        there = np.arange(said.shape[1]) <= count[:, None]
        mine = np.sort(np.where(np.arange(said.shape[1]) <= number[:, None], said, -1), axis=1)
        true = np.sort(np.where(there, batch.targets["kind"], -1), axis=1)
        right = (mine == true).all(axis=1)
        self._right["one"].append(right[count == 0])
        self._right["more"].append(right[count > 0])
        self._right["count"].append(number == count)

    def result(self) -> dict[str, float]:
        """The shares."""
        whole = {name: np.concatenate(found) for name, found in self._right.items()}
        return {
            f"kinds {name}" if name != "count" else name: float(x.mean())
            for name, x in whole.items()
            if len(x)
        }


def roof_task(config: TrainConfig) -> Task:
    """The task of a configuration whose task is "roof"."""
    from geovision.vision.nets.roof_losses import roof_loss
    from geovision.vision.nets.roof_net import RoofNetConfig, roof_net

    data = validated(RoofData, config.data, "table data")
    network = RoofNetConfig(**config.network)
    sensor = Sensor()
    source = RoofSource(towns(data), data.batch, config.seed, sensor, data.flatness)
    areas = {
        style: Area(RoofSource(towns(data, style), 4 * data.batch, data.check_seed, sensor, 0.0), 4)
        for style in data.check_styles
    }
    made = json.dumps([data.model_dump(exclude={"folder"}), asdict(sensor)], sort_keys=True)
    card = {
        "kind": "roof",
        "network": network.to_dict(),
        "data": (
            {
                "name": "generated towns",
                "kind": "synthetic",
                "sha256": hashlib.sha256(made.encode()).hexdigest(),
                "items": len(source.buildings),
            },
        ),
    }
    return Task(
        build=lambda: roof_net(network),
        source=source,
        loss=roof_loss,
        validation=areas,
        measure=RoofMeasure,
        unit="buildings",
        card=card,
    )
