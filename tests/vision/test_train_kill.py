"""kill -9 at random moments, again and again: the run ends with the weights of one that was left alone."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

from geovision.vision.train.logs import read_log

ROOT = Path(__file__).resolve().parents[2]

CODE = """
import pathlib, sys, time
from geovision.vision.train.loop import train
from tests.vision.training import config, task
folder, pause = pathlib.Path(sys.argv[1]), float(sys.argv[2])
resume = (folder / "state.npz").is_file()
run = config(60, log_every=1, save_every=3, evaluate_every=20)
found = train(task(), run, folder, resume=resume, progress=lambda state: time.sleep(pause))
print(found.weights_sha256)
"""


def start(folder: Path, pause: float) -> subprocess.Popen[str]:
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-W", "ignore", "-c", CODE, str(folder), str(pause)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def last_step(folder: Path) -> int:
    return max((line["step"] for line in read_log(folder / "log.jsonl")), default=0)


def test_a_killed_run_ends_as_one_that_was_left_alone(tmp_path: Path) -> None:
    whole = start(tmp_path / "whole", 0)
    chance, folder = random.Random(7), tmp_path / "killed"
    for kill in range(4):
        process = start(folder, 0.05)
        # Past the point of the last kill, by a random number of steps and a random part of one.
        beyond = 4 + 12 * kill + chance.randrange(6)
        while last_step(folder) < beyond:
            assert process.poll() is None
            time.sleep(0.01)
        time.sleep(0.1 * chance.random())
        process.kill()
        process.communicate()
        assert process.returncode == -9
    found, _ = start(folder, 0).communicate()
    expected, _ = whole.communicate()
    assert found.strip() == expected.strip() != ""
    lines = [line for line in read_log(folder / "log.jsonl") if line["event"] == "train"]
    assert [line["step"] for line in lines] == list(range(1, 61))
    other = [line for line in read_log(tmp_path / "whole" / "log.jsonl") if line["event"] == "train"]
    assert [line["loss"] for line in lines] == [line["loss"] for line in other]
