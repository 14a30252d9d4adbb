from __future__ import annotations

import json
from pathlib import Path

import pytest

from geovision.cli.main import call

SMALL = ["--area", "90,80", "--layer", "dsm", "--no-preview"]


def test_a_scene_is_written_and_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "scene"
    assert call(["synth", *SMALL, "--set", "dsm.noise_m=0.2", "--json", "-o", str(out)]) == 0
    printed = capsys.readouterr()
    report = json.loads(printed.out)
    assert report["buildings"] > 0
    assert "buildings" in printed.err
    assert set(report["files"]) >= {"dsm.tif", "footprints.gpkg", "programs.parquet", "scene.toml"}
    index = json.loads((out / "index.json").read_text())
    assert index["area"][:2] == [500_000.0, 5_500_000.0]
    assert index["sensors"]["dsm"]["noise_m"] == 0.2
    assert call(["synth", *SMALL, "-q", "-o", str(out)]) == 3
    assert "exists already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--area", "90"], "is not W,H"),
        (["--area", "90,-5"], "above 0"),
        ([*SMALL, "--set", "dsm.noise_m"], "is not KEY=VALUE"),
        ([*SMALL, "--set", "dsm.noise_m=loud"], "is not KEY=VALUE"),
        ([*SMALL, "--layer", "radar"], "radar"),
    ],
)
def test_wrong_usage_ends_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], text: str
) -> None:
    assert call(["synth", *arguments, "-o", str(tmp_path / "scene")]) == 2
    assert text in capsys.readouterr().err


def test_a_wrong_knob_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "scene")
    assert call(["synth", *SMALL, "--set", "lidar.denisty=8", "-o", out]) == 1
    assert "Did you mean 'density'" in capsys.readouterr().err
    assert call(["synth", *SMALL, "--crs", "EPSG:4326", "-o", out]) == 1
    assert "4326" in capsys.readouterr().err
