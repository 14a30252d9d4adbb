"""`geovision fit` as a shell sees it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

import geovision
from geovision.cli.main import call
from tests.inverse.village import write_village


@pytest.fixture(scope="module")
def village(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("village")
    write_village(folder, 12)
    return folder


def flags(village: Path) -> list[str]:
    return ["--points", str(village / "points.laz"), "--footprints", str(village / "houses.gpkg")]


def test_fit(village: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, models = tmp_path / "town.parquet", tmp_path / "town.city.jsonl"
    assert call(["fit", *flags(village), "-o", str(out), "--models", str(models), "--json"]) == 0
    found = capsys.readouterr()
    report = json.loads(found.out)
    assert report["buildings"] == len(geovision.read_programs(out))
    assert report["status"]["height_from_attribute"] == 1
    assert "buildings (" in found.err
    assert models.is_file()


def test_place(village: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "town.parquet"
    assert call(["fit", *flags(village), "--place", "points", "-o", str(out)]) == 0
    assert len(geovision.read_programs(out)) == 12
    assert call(["fit", *flags(village), "--place", "walls", "-o", str(out)]) == 2
    assert "'walls' is not one of 'footprints', 'points'" in capsys.readouterr().err


def test_explain(village: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scene = geovision.open_scene(points=village / "points.laz", footprints=village / "houses.gpkg")
    out = tmp_path / "why.png"
    for name in scene.footprints.ids[:3]:
        assert call(["fit", *flags(village), "--explain", name, "-o", str(out)]) == 0
        with Image.open(out) as picture:
            assert picture.size == (1500, 1000)
    assert call(["fit", *flags(village), "--explain", "nobody", "-o", str(out)]) == 1
    assert "has no footprint here" in capsys.readouterr().err
    assert call(["fit", *flags(village), "--explain", name, "-o", str(tmp_path / "x.parquet")]) == 2


def test_usage(village: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["fit", *flags(village), "-o", str(tmp_path / "x.obj")]) == 2
    assert "ends in .parquet" in capsys.readouterr().err
    out = str(tmp_path / "x.parquet")
    assert call(["fit", *flags(village), "--kinds", "flat,dutch", "-o", out]) == 1
    assert "roof kind 'dutch'" in capsys.readouterr().err
    assert call(["fit", "--points", str(village / "points.laz"), "-o", out]) == 1
    assert "has no footprints" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
