"""`geovision fit` as a shell sees it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
from PIL import Image

import geovision
from geovision.cli.main import call
from geovision.formats.points import write_points
from geovision.pipeline import fit_to
from geovision.pipeline.fit import iter_fit
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
    assert "note:" not in found.err
    assert models.is_file()


def test_place(village: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "town.parquet"
    assert call(["fit", *flags(village), "--place", "points", "-o", str(out)]) == 0
    assert len(geovision.read_programs(out)) == 12
    assert call(["fit", *flags(village), "--place", "walls", "-o", str(out)]) == 2
    assert "'walls' is not one of 'both', 'footprints', 'points'" in capsys.readouterr().err


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
    assert call(["fit", *flags(village), "--kinds", "flat,dutch", "-o", out]) == 2
    assert "roof kind 'dutch'" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_buildings_are_found_where_no_footprints_are_given(
    village: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "x.parquet"
    assert call(["fit", "--points", str(village / "points.laz"), "-o", str(out)]) == 0
    assert "no footprints were given" in capsys.readouterr().err
    assert out.is_file()


def test_what_is_wrong_with_sources_is_said(
    village: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    houses, points = geopandas.read_file(village / "houses.gpkg"), village / "points.laz"
    doubled, empty, none = tmp_path / "doubled.gpkg", tmp_path / "empty.gpkg", tmp_path / "none.laz"
    houses.assign(id=["a", "a", *houses["id"][2:]]).to_file(doubled)
    houses.iloc[:0].to_file(empty)
    write_points(none, np.zeros((0, 3)), classification=np.zeros(0, np.uint8), crs="EPSG:28992")
    out = str(tmp_path / "x.parquet")
    for flags_, said in (
        (["--points", str(points), "--footprints", str(doubled)], "column 'id' has 'a' more than once"),
        (["--points", str(points), "--footprints", str(empty)], "0 buildings, "),
        (["--points", str(none), "--footprints", str(village / "houses.gpkg")], "none.laz holds no point"),
        (["--footprints", str(village / "houses.gpkg")], "neither points nor heights were given"),
    ):
        assert call(["fit", *flags_, "-o", out]) == 0
        assert said in capsys.readouterr().err
    assert geovision.read_programs(out).ids == houses["id"].tolist()


def test_nothing_is_left_half_written(
    village: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "town.parquet"
    folder.mkdir()
    assert call(["fit", *flags(village), "-o", str(folder)]) == 3
    assert "is a folder" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["town.parquet"]
    folder.rmdir()
    assert call(["fit", *flags(village), "-o", str(tmp_path / "nowhere" / "town.parquet")]) == 3
    assert "Check that the folder exists" in capsys.readouterr().err

    def stopped(*args: Any, **kwargs: Any) -> Any:
        yield from iter_fit(*args, **kwargs)
        raise KeyboardInterrupt

    monkeypatch.setattr(fit_to, "iter_fit", stopped)
    out, models = tmp_path / "town.parquet", tmp_path / "town.city.jsonl"
    out.write_text("an earlier result")
    assert call(["fit", *flags(village), "-o", str(out), "--models", str(models)]) == 130
    assert [path.name for path in tmp_path.iterdir()] == ["town.parquet"]
    assert out.read_text() == "an earlier result"
