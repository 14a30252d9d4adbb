"""Batches without footprints: buildings are found first, kept with the run, and are those of a build."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from geovision.batch import merge, plan
from geovision.batch.config import BatchConfig
from geovision.batch.run_folder import RunFolder
from geovision.pipeline.build_to import build_to
from geovision.pipeline.detect import DetectSettings
from geovision.sources import open_scene
from tests.batch.test_build import do, leave_volatile
from tests.pipeline.house_network import save_house_network
from tests.pipeline.test_detect import PLACE, heights, image
from tests.rasters import write_tif

FORMATS = ["cityjsonseq", "parquet"]


def compared(folder: Path, sources: dict[str, str], model: str | None = None) -> None:
    settings = DetectSettings(model=model)
    detect = {} if model is None else {"model": model}
    plain = {"scene": sources, "publish": {"formats": FORMATS}, "detect": detect, "run": {"wait_s": 0.0}}
    made = plan(BatchConfig.model_validate(plain), folder / "run")
    assert sum(made.tiles["buildings"]) >= 3
    do(folder / "run")
    merge(folder / "run")
    given: dict[str, Any] = dict(sources)
    build_to(open_scene(**given), folder / "town", formats=FORMATS, find=settings)
    assert leave_volatile(folder / "run" / "merged") == leave_volatile(folder / "town")
    assert not [path for path in RunFolder(folder / "run").inputs.iterdir() if path.name.startswith(".")]


def test_found_in_heights(tmp_path: Path) -> None:
    place = write_tif(tmp_path / "ndsm.tif", heights(), PLACE)
    compared(tmp_path, {"ndsm": str(place)})


def test_found_in_heights_whose_ground_is_estimated(tmp_path: Path) -> None:
    place = write_tif(tmp_path / "dsm.tif", heights() + 12.5, PLACE)
    compared(tmp_path, {"dsm": str(place)})
    assert (tmp_path / "run" / "inputs" / "ground.tif").is_file()


@pytest.mark.slow
def test_found_in_an_image_with_heights_that_are_inferred(tmp_path: Path) -> None:
    model = save_house_network(tmp_path)
    place = write_tif(tmp_path / "image.tif", image(), PLACE)
    compared(tmp_path, {"image": str(place)}, model=str(model))
    assert (tmp_path / "run" / "inputs" / "sigma.tif").is_file()
