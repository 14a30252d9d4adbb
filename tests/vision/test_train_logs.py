"""Logs, event files and pictures of a run."""

from __future__ import annotations

import importlib
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geovision.vision.train.events import EventFile, crc32c
from geovision.vision.train.logs import RunLog, read_log
from geovision.vision.train.plots import png, save_curves
from geovision.vision.train.scene_measure import SceneMeasure
from tests.vision.training import Sample


def test_a_resumed_log_takes_up_where_the_state_is(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    log = RunLog(path)
    for step in (5, 10, 15):
        log.write("train", step, loss=1 / step, bad=float("nan"))
    with path.open("a") as file:
        file.write('{"event": "train", "st')
    assert [line["step"] for line in read_log(path)] == [5, 10, 15]
    assert read_log(path)[0] == {"event": "train", "step": 5, "loss": 0.2, "bad": None}
    RunLog(path, 10).write("train", 15, loss=0.0)
    assert [line["loss"] for line in read_log(path)] == [0.2, 0.1, 0.0]
    RunLog(path)
    assert read_log(path) == []


def test_event_files_are_what_tensorboard_reads(tmp_path: Path) -> None:
    first = EventFile(tmp_path)
    first.scalars(7, {"train/loss": 0.25, "town/iou": 0.75})
    first.picture(7, "samples/town", png(np.zeros((2, 3, 3), np.uint8)), 2, 3)
    EventFile(tmp_path, step=5)
    data = first.path.read_bytes()
    records = []
    while data:
        (size,) = struct.unpack("<Q", data[:8])
        body = data[12 : 12 + size]
        crc = crc32c(body)
        assert struct.unpack("<I", data[12 + size : 16 + size])[0] == (
            ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
        )
        records.append(body)
        data = data[16 + size :]
    assert len(records) == 3
    assert b"brain.Event:2" in records[0]
    assert struct.pack("<f", 0.75) in records[1]
    assert b"town/iou" in records[1]
    assert len(list(tmp_path.iterdir())) == 2


def test_event_files_by_the_reader_itself(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    reader = importlib.import_module("tensorboard.backend.event_processing.event_accumulator")
    first = EventFile(tmp_path)
    for step in (5, 10, 15):
        first.scalars(step, {"loss": 1 / step})
    EventFile(tmp_path, step=10).scalars(15, {"loss": 0.5})
    found = reader.EventAccumulator(str(tmp_path))
    found.Reload()
    assert [(one.step, round(one.value, 3)) for one in found.Scalars("loss")] == [
        (5, 0.2),
        (10, 0.1),
        (15, 0.5),
    ]


def test_png_is_whole(tmp_path: Path) -> None:
    from PIL import Image

    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3)).astype(np.uint8)
    (tmp_path / "a.png").write_bytes(png(pixels))
    assert (np.asarray(Image.open(tmp_path / "a.png")) == pixels).all()
    assert zlib.crc32(b"") == 0


@pytest.mark.parametrize("library", ["matplotlib", "pillow"])
def test_curves_are_drawn_with_what_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    import sys

    if library == "matplotlib":
        pytest.importorskip("matplotlib")
    else:
        monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    log: list[dict[str, Any]] = [
        {"event": "train", "step": step, "loss": 2.0 / step, "dice": 1.0 / step} for step in range(1, 50)
    ]
    log.append({"event": "evaluate", "step": 49, "areas": {"town": {"iou": 0.7, "best_iou": 0.8}}})
    assert save_curves(tmp_path / "losses.png", log)
    assert save_curves(tmp_path / "nothing.png", [])
    assert (tmp_path / "losses.png").stat().st_size > (tmp_path / "nothing.png").stat().st_size
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.setitem(sys.modules, "PIL", None)
    assert not save_curves(tmp_path / "none.png", log)


def test_figures_are_pooled_over_pixels_with_a_label() -> None:
    def sample(true: Any, logit: Any, weight: Any) -> tuple[Sample, dict[str, Any]]:
        shape = (1, 1, len(true))
        on = np.array(true, np.float32).reshape(*shape, 1)
        targets = {
            "building": on,
            "boundary": on * 0,
            "frame": np.tile([1.0, 0.0], (*shape, 1)),
            "height": on * 5,
            "normal": np.tile([0.0, 0.0, 1.0], (*shape, 1)),
            "kind": np.zeros((*shape, 1), np.int32),
        }
        weights = {name: np.array(weight, np.float32).reshape(*shape, 1) for name in targets}
        outputs = {
            **targets,
            "building": np.array(logit, np.float32).reshape(*shape, 1),
            "boundary": on * 0 - 9,
            "frame": np.tile([0.0, 1.0], (*shape, 1)),
            "height": on * 7,
            "kind": np.zeros((*shape, 4)),
        }
        return Sample(on, targets, weights), outputs

    measure = SceneMeasure(0.5)
    measure.add(*sample([1, 1, 0, 0], [3, -3, 3, 9], [1, 1, 1, 0]))
    measure.add(*sample([1, 0], [5, -5], [1, 1]))
    found = measure.result()
    assert found["iou"] == pytest.approx(2 / 4)
    assert found["height_mae_m"] == pytest.approx(2)
    assert found["frame_deg"] == pytest.approx(22.5)
    assert found["kind_right"] == 1
    assert found["best_iou"] == pytest.approx(3 / 4)
    assert "boundary_iou" not in found
