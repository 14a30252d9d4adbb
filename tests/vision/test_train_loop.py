"""The loop: it learns, repeats itself exactly, and goes on after any end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from geovision.errors import Cancelled, GeovisionError, InputError, UsageError
from geovision.vision.train.logs import read_log
from geovision.vision.train.loop import TrainProgress, train
from geovision.vision.train.state import load_state
from tests.vision.training import config, task


def test_it_learns_and_says_so(tmp_path: Path) -> None:
    seen: list[TrainProgress] = []
    found = train(task(), config(60), tmp_path, progress=seen.append)
    assert found.step == 60
    assert found.figures["discs"]["iou"] > 0.8
    assert [state.step for state in seen] == list(range(1, 61))
    lines = read_log(tmp_path / "log.jsonl")
    losses = [line["loss"] for line in lines if line["event"] == "train"]
    assert losses[-1] < 0.5 * losses[0]
    assert all(
        line["loss"] == pytest.approx(2 * line["building"], rel=1e-4) for line in lines if "loss" in line
    )
    assert lines[-1]["weights_sha256"] == found.weights_sha256
    assert [line["step"] for line in lines if line["event"] == "evaluate"] == [15, 30, 45, 60]


def test_stopped_and_resumed_is_the_same_as_in_one_go(tmp_path: Path) -> None:
    whole = train(task(), config(), tmp_path / "whole")
    stops = iter([False] * 6 + [True])
    with pytest.raises(Cancelled, match="after step 7"):
        train(task(), config(), tmp_path / "parts", stop=lambda: next(stops))
    assert load_state(tmp_path / "parts" / "state.npz").step == 7
    with pytest.raises(UsageError, match="--resume"):
        train(task(), config(), tmp_path / "parts")
    with pytest.raises(InputError, match="another configuration"):
        train(task(), config(31), tmp_path / "parts", resume=True)
    resumed = train(task(), config(), tmp_path / "parts", resume=True)
    assert resumed.weights_sha256 == whole.weights_sha256
    assert resumed.figures == whole.figures
    steps = [line["step"] for line in read_log(tmp_path / "parts" / "log.jsonl") if line["event"] == "train"]
    assert steps == [5, 10, 15, 20, 25, 30]


@pytest.mark.parametrize(
    "feeding", [{"workers": 0}, {"workers": 3, "ahead": 7}, {"workers": 2, "processes": True}]
)
def test_the_way_of_feeding_changes_nothing(tmp_path: Path, feeding: dict[str, int]) -> None:
    plain = train(task(), config(10), tmp_path / "plain")
    assert train(task(), config(10, **feeding), tmp_path / "fed").weights_sha256 == plain.weights_sha256


def test_nan_stops_with_the_step_named_and_the_last_good_state_kept(tmp_path: Path) -> None:
    with pytest.raises(GeovisionError, match="the loss of step 11 is not a number"):
        train(task(bad=10), config(), tmp_path)
    state = load_state(tmp_path / "state.npz")
    assert state.step == 8
    assert all(np.isfinite(values).all() for values in state.arrays.values())
    assert read_log(tmp_path / "log.jsonl")[-1]["event"] == "diverged"


def test_it_starts_from_other_weights(tmp_path: Path) -> None:
    first = train(task(), config(60), tmp_path / "first")
    again = train(task(), config(1, log_every=1), tmp_path / "again", init=first.weights)
    assert again.loss < 0.3
    assert again.figures["discs"]["iou"] > 0.7
    with pytest.raises(InputError, match="no array that fits"):
        train(task(), config(1), tmp_path / "none", init={"other": np.zeros(3, np.float32)})
