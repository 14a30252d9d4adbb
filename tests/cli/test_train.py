"""``geovision train``: from tiles and a configuration to a model, and out again in good order."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from geovision.cli.main import call
from geovision.vision.store import load_arrays, load_card
from geovision.vision.train.logs import read_log
from tests.vision.tiles import write_config


def test_a_model_comes_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config, run = write_config(tmp_path), tmp_path / "run"
    assert call(["train", str(config), "-o", str(run), "--set", "run.workers=0", "--json"]) == 0
    printed = capsys.readouterr()
    report = json.loads(printed.out)
    assert report["step"] == 4
    assert 0 <= report["figures"]["unseen"]["iou"] < 1
    assert "waited for data" in printed.err
    card = load_card(run / "model")
    assert (card.name, card.kind, card.gsd_range_m) == ("houses", "scene", (0.25, 0.45))
    assert {metric.metric for metric in card.metrics} >= {"iou", "boundary_iou", "frame_deg"}
    assert card.data[0].kind == "real"
    assert sum(values.size for values in load_arrays(run / "model").values()) == card.parameters
    assert [line["step"] for line in read_log(run / "log.jsonl") if line["event"] == "train"] == [1, 2, 3, 4]
    for name in ("losses.png", "samples_unseen.png"):
        assert (run / name).read_bytes()[:4] == b"\x89PNG"
    assert call(["train", str(config), "-o", str(run), "-q"]) == 2
    assert "--resume" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ("optimiser.rats=1", "Did you mean 'rate'"),
        ("data.bach=3", "Did you mean 'batch'"),
        ("network.size='huge'", "network"),
        ("data.crop=60", "multiple of 32"),
        ("task='sky'", "Use one of scene"),
    ],
)
def test_a_wrong_key_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: str, text: str
) -> None:
    config = write_config(tmp_path)
    assert call(["train", str(config), "-o", str(tmp_path / "run"), "--set", change]) in (1, 2)
    assert text in capsys.readouterr().err


def test_sigterm_saves_and_ends_with_75(tmp_path: Path) -> None:
    config, run = write_config(tmp_path), tmp_path / "run"
    command = [sys.executable, "-m", "geovision", "train", str(config), "-o", str(run), "--steps", "1000"]
    process = subprocess.Popen(
        [*command, "--set", "run.save_every=1000"], stderr=subprocess.PIPE, text=True, env=dict(os.environ)
    )
    while not any(line["event"] == "train" for line in read_log(run / "log.jsonl")):
        assert process.poll() is None
        time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 75
    assert "Add --resume" in errors
    assert (run / "state.npz").is_file()
