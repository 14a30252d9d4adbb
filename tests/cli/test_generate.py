"""`geovision generate` as a shell sees it; what it generates is tested in tests/pipeline."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import geopandas
import pytest
import shapely

import geovision
from geovision.cli.main import call

AREA = ["generate", "--area", "0,0,200,150", "--no-preview", "-q"]


def files(folder: Path) -> dict[str, bytes]:
    """Everything but run.json, which holds the time and the machine."""
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {name: data for name, data in found.items() if name != "run.json"}


def test_same_seed_same_bytes_on_any_number_of_threads(tmp_path: Path) -> None:
    for threads in ("1", "2"):
        assert call([*AREA, "--seed", "3", "--threads", threads, "-o", str(tmp_path / threads)]) == 0
    assert call([*AREA, "--seed", "4", "-o", str(tmp_path / "other")]) == 0
    assert files(tmp_path / "1") == files(tmp_path / "2")
    assert files(tmp_path / "1") != files(tmp_path / "other")


def test_the_summary_agrees_with_the_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "city"
    assert call([*AREA, "--format", "glb", "--format", "ply", "--json", "-o", str(out)]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    summary = json.loads(captured.out)
    assert sorted(summary["files"]) == sorted([*files(out), "run.json"])
    tiles = sorted(str(path) for path in (out / "tiles").glob("*.glb"))
    assert call(["info", "--json", *tiles, str(out / "programs.parquet")]) == 0
    *meshes, programs = json.loads(capsys.readouterr().out)
    assert sum(mesh["buildings"] for mesh in meshes) == programs["buildings"] == summary["buildings"]
    assert sum(mesh["triangles"] for mesh in meshes) == summary["triangles"]


def test_an_existing_folder_is_only_replaced_on_request(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "city"
    assert call([*AREA, "-o", str(out)]) == 0
    before = files(out)
    assert call([*AREA, "--seed", "9", "-o", str(out)]) == 3
    assert "--overwrite" in capsys.readouterr().err
    assert files(out) == before
    assert call([*AREA, "--seed", "9", "--overwrite", "-o", str(out)]) == 0
    assert files(out) != before


def test_a_layer_is_chosen_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, out = tmp_path / "plans.gpkg", tmp_path / "city"
    for layer, width in (("one", 8), ("two", 9)):
        frame = geopandas.GeoDataFrame(geometry=[shapely.box(0, 0, width, 8)], crs="EPSG:28992")
        frame.to_file(path, driver="GPKG", layer=layer)
    command = ["generate", "--footprints", str(path), "--no-preview", "-q", "-o", str(out)]
    assert call(command) == 1
    assert "--layer): one, two" in capsys.readouterr().err
    assert call([*command, "--layer", "two"]) == 0
    assert geovision.read_programs(out / "programs.parquet").xy[:, 0].max() == 9
    assert call([*AREA, "--layer", "two", "-o", str(tmp_path / "other")]) == 2


def test_what_fails_is_named_even_when_quiet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, out = tmp_path / "plans.gpkg", tmp_path / "city"
    house, bowtie = shapely.box(20, 0, 28, 8), shapely.Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])
    geopandas.GeoDataFrame(geometry=[house, bowtie, house], crs="EPSG:28992").to_file(path, driver="GPKG")
    assert call(["generate", "--footprints", str(path), "--no-preview", "-q", "-o", str(out)]) == 1
    assert "second drawing of '1'" in capsys.readouterr().err


def test_footprints_are_mended_and_that_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, out = tmp_path / "plans.gpkg", tmp_path / "city"
    house, bowtie = shapely.box(20, 0, 28, 8), shapely.Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])
    geopandas.GeoDataFrame(geometry=[house, bowtie], crs="EPSG:28992").to_file(path, driver="GPKG")
    assert call(["generate", "--footprints", str(path), "--no-preview", "-o", str(out)]) == 0
    assert "1 repair" in capsys.readouterr().err
    assert "crossed itself" in json.loads((out / "index.json").read_text())["repairs"][0]


@pytest.mark.parametrize("crs", ["nonsense", "EPSG:4326"])
def test_a_crs_that_cannot_be_is_refused(
    tmp_path: Path, crs: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call([*AREA, "--crs", crs, "-o", str(tmp_path / "city")]) == 1
    assert f"crs '{crs}'" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_ctrl_c_leaves_nothing_behind(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "geovision", "generate", "--count", "5000000", "--no-preview"]
    command += ["-o", str(tmp_path / "city")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            deadline = time.monotonic() + 60
            while not list(tmp_path.glob(".city*/tiles/*")):
                assert process.poll() is None
                assert time.monotonic() < deadline, "no tile after a minute"
                time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == 130
    assert "interrupted" in err
    assert list(tmp_path.iterdir()) == []
