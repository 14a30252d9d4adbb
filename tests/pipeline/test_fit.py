"""Fitting from files and in memory: the same programs, whatever the way."""

from __future__ import annotations

from pathlib import Path

import geopandas
import numpy as np
import pyarrow.parquet as pq
import pytest

import geovision
from geovision.errors import UsageError
from geovision.model import Program
from geovision.model.fit import FitStatus, FitTable
from geovision.pipeline.fit_to import FitProgress, fit_to, fits_path
from tests.inverse.scan import kinds_of
from tests.inverse.village import write_village

COUNT = 60


@pytest.fixture(scope="module")
def village(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Program]]:
    folder = tmp_path_factory.mktemp("village")
    return folder, write_village(folder, COUNT)


def scene_of(folder: Path) -> geovision.Scene:
    return geovision.open_scene(points=folder / "points.laz", footprints=folder / "houses.gpkg")


def test_files_in_files_out(village: tuple[Path, list[Program]], tmp_path: Path) -> None:
    folder, truth = village
    steps: list[FitProgress] = []
    out, models = tmp_path / "town.parquet", tmp_path / "town.city.jsonl"
    summary = fit_to(scene_of(folder), out, models=models, progress=steps.append)
    programs = geovision.read_programs(out)
    fits = FitTable.from_arrow(pq.read_table(fits_path(out)))
    assert sorted(programs.ids) == sorted(program.id for program in truth)
    assert [fit.id for fit in fits] == programs.ids
    assert summary.buildings == len(truth) == steps[-1].done == steps[-1].total
    assert not summary.problems
    assert len(models.read_text().splitlines()) == len(truth) + 1
    assert fits.of(truth[0].id).status is FitStatus.HEIGHT_FROM_ATTRIBUTE
    found = {program.id: kinds_of(program) for program in programs}
    right = {
        many: [found[p.id] == kinds_of(p) for p in truth[1:] if (len(p.parts) > 1) == many]
        for many in (False, True)
    }
    assert np.mean(right[False]) > 0.88
    assert np.mean(right[True]) > 0.7


def test_threads_and_ways_change_nothing(village: tuple[Path, list[Program]], tmp_path: Path) -> None:
    folder, _ = village
    for threads in (1, 2):
        fit_to(
            scene_of(folder),
            tmp_path / f"{threads}.parquet",
            models=tmp_path / f"{threads}.city.jsonl",
            threads=threads,
        )
    for name in ("parquet", "fits.parquet", "city.jsonl"):
        assert (tmp_path / f"1.{name}").read_bytes() == (tmp_path / f"2.{name}").read_bytes()
    scene = scene_of(folder)
    frame = geopandas.read_file(folder / "houses.gpkg")
    memory = geovision.fit(scene.points.read(scene.bounds), frame)  # type: ignore[union-attr]
    from_files = {program.id: program for program in geovision.read_programs(tmp_path / "1.parquet")}
    assert {program.id: program for program in memory.programs} == from_files


def test_bad_names_are_refused(village: tuple[Path, list[Program]], tmp_path: Path) -> None:
    scene = scene_of(village[0])
    with pytest.raises(UsageError, match="no Parquet file"):
        fit_to(scene, tmp_path / "out.json")
    with pytest.raises(UsageError, match="no CityJSONSeq file"):
        fit_to(scene, tmp_path / "out.parquet", models=tmp_path / "out.obj")
    with pytest.raises(UsageError, match="no footprints"):
        geovision.fit(np.zeros((4, 3)))
    assert not list(tmp_path.iterdir())


def test_an_error_leaves_no_file(village: tuple[Path, list[Program]], tmp_path: Path) -> None:
    def stop(_: FitProgress) -> None:
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fit_to(scene_of(village[0]), tmp_path / "out.parquet", progress=stop)
    assert not list(tmp_path.iterdir())
