from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from scipy.spatial import cKDTree

from geovision.errors import OutputError, UsageError
from geovision.formats import read_programs
from geovision.formats.rasters import BLOCK
from geovision.pipeline import synth_to as job_module
from geovision.pipeline.synth import LAYERS, stream, synth
from geovision.pipeline.synth_draw import LABELS
from geovision.pipeline.synth_to import synth_to
from geovision.sources import open_points, read_footprints

AREA = (155_000.0, 463_000.0, 130.0, 100.0)
SMALL: dict[str, Any] = {"area": AREA, "seed": 5, "changes": {"lidar.density": 3}, "crs": "EPSG:28992"}


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("synth") / "scene"
    summary = synth_to(out, **SMALL, threads=1)
    assert not summary.failed
    assert set(summary.files) == {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    return out


def read(path: Path) -> Any:
    with rasterio.open(path, driver="GTiff") as file:
        return file.read()


def test_everything_is_there_and_agrees(scene: Path) -> None:
    index = json.loads((scene / "index.json").read_text())
    programs, footprints = (
        read_programs(scene / "programs.parquet"),
        read_footprints(scene / "footprints.gpkg"),
    )
    assert index["buildings"] == len(programs) > 5
    assert set(footprints.ids) <= set(programs.ids)
    assert footprints.crs == index["crs"] == "EPSG:28992"
    points = open_points([scene / "points.laz"])
    assert points.count == index["points"] > 30_000
    bounds = np.array(points.bounds)
    assert (bounds[:2] > np.array(AREA[:2]) - 5).all()
    assert (bounds[2:] < np.array(AREA[:2]) + AREA[2:] + 5).all()
    image, dsm, dtm = (read(scene / f"{name}.tif") for name in ("ortho", "dsm", "dtm"))
    assert image.shape == (4, 400, 520)
    assert dsm.shape == dtm.shape == (1, 200, 260)
    assert 20 < image[:3].mean() < 220
    assert image.std() > 20


def test_labels_are_the_truth(scene: Path) -> None:
    programs = read_programs(scene / "programs.parquet")
    labels = {name: read(scene / "labels" / f"{name}.tif") for name in LABELS}
    for name, label in LABELS.items():
        assert labels[name].dtype == label.dtype
        assert labels[name].shape == (3 if name == "normal" else 1, 400, 520)
    building, part, kind = (labels[name][0] for name in ("building", "part", "roof_kind"))
    inside = building >= 0
    assert 0.1 < inside.mean() < 0.6
    assert building.max() < len(programs)
    known = inside & (part >= 0)
    expected = programs.roof_kind[programs.part_offsets[building[known]] + part[known]]
    np.testing.assert_array_equal(kind[known], expected)
    # A building's highest cell is no higher than its program says, seen from the lowest ground.
    height = labels["height"][0]
    for row in np.unique(building[inside]).tolist():
        tops = [programs[row].parts[0].eave_height, *programs.roof_params[:, 0][_parts(programs, row)]]
        tops += programs.super_params[
            programs.super_offsets[row] : programs.super_offsets[row + 1], 6
        ].tolist()
        tops += programs.eave[_parts(programs, row)].tolist()
        planar = (programs.roof_kind[_parts(programs, row)] == 17).any()
        # The upper edge of a shed roof reaches over its ridge by the overhang.
        most = np.nanmax(tops) + 0.05 + programs.overhang[_parts(programs, row)].max()
        assert planar or height[building == row].max() < most
    assert (labels["plane"][0][inside & (labels["class"][0] == 0)] >= 0).all()


def _parts(programs: Any, row: int) -> slice:
    return slice(*programs.part_offsets[row : row + 2].tolist())


def test_heights_agree_with_the_labels(scene: Path) -> None:
    dsm, dtm = read(scene / "dsm.tif")[0], read(scene / "dtm.tif")[0]
    height = read(scene / "labels" / "height.tif")[0]
    seen = read(scene / "labels" / "class.tif")[0]
    fine = height.reshape(200, 2, 260, 2)
    flat = (np.ptp(fine, axis=(1, 3)) < 0.3) & (dsm > -9000)
    flat &= np.isin(seen, (0, 16)).reshape(200, 2, 260, 2).all(axis=(1, 3))
    error = (dsm - dtm - fine.mean(axis=(1, 3)))[flat]
    assert np.abs(np.median(error)) < 0.25
    assert np.quantile(np.abs(error - np.median(error)), 0.7) < 0.3


def test_the_same_bytes_on_any_number_of_threads(scene: Path, tmp_path: Path) -> None:
    synth_to(tmp_path / "again", **SMALL, threads=2)
    for path in sorted(scene.rglob("*")):
        if path.is_file() and path.name != "run.json":
            again = tmp_path / "again" / path.relative_to(scene)
            assert _hash(path) == _hash(again), path.name


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_files_and_memory_tell_the_same(scene: Path) -> None:
    changes = SMALL["changes"]
    memory = synth(AREA, seed=5, changes=changes, layers=("footprints", "image", "labels", "dsm", "points"))
    assert memory.programs == read_programs(scene / "programs.parquet")
    assert memory.image is not None
    assert memory.labels is not None
    np.testing.assert_array_equal(memory.image, read(scene / "ortho.tif"))
    np.testing.assert_array_equal(memory.labels["building"], read(scene / "labels" / "building.tif")[0])
    assert memory.points is not None
    points = open_points([scene / "points.laz"]).read()
    known = memory.points.xyz[memory.points.classification != 7]  # the reader leaves noise out
    assert len(points) == len(known)
    np.testing.assert_allclose(np.sort(points.xyz[:, 2]), np.sort(known[:, 2]), atol=0.0011)


def test_an_earlier_result_is_only_replaced_when_asked(scene: Path) -> None:
    with pytest.raises(OutputError, match="exists"):
        synth_to(scene, **SMALL)


def test_bad_arguments_are_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="layers"):
        synth_to(tmp_path / "a", area=AREA, layers=("images",))
    with pytest.raises(UsageError, match="area"):
        synth_to(tmp_path / "a", area=(0, 0, 10, 10))
    assert not list(tmp_path.iterdir())


def test_patches_do_not_depend_on_where_the_stream_begins() -> None:
    patches = stream(size=48, cell_m=0.5, seed=2)
    first, second = next(patches), next(patches)
    again = next(stream(size=48, cell_m=0.5, seed=2, start=1))
    np.testing.assert_array_equal(second.image, again.image)
    np.testing.assert_array_equal(second.dsm, again.dsm)
    for name, layer in second.labels.items():
        np.testing.assert_array_equal(layer, again.labels[name], err_msg=name)
    assert first.sensors != second.sensors
    assert not np.array_equal(first.image, second.image)


def test_windows_leave_no_seams(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    area = (155_000.0, 463_000.0, 150.0, 140.0)
    whole = synth(area, seed=7, changes=SMALL["changes"], layers=LAYERS)
    monkeypatch.setattr(job_module, "_WINDOW_CELLS", BLOCK)
    monkeypatch.setattr(job_module, "_WINDOW_M", 64.0)
    out = tmp_path / "scene"
    synth_to(out, **SMALL | {"area": area, "seed": 7}, preview=False)
    assert whole.labels is not None
    for name, layer in whole.labels.items():
        np.testing.assert_array_equal(np.squeeze(read(out / "labels" / f"{name}.tif")), layer, err_msg=name)
    np.testing.assert_array_equal(read(out / "ortho.tif"), whole.image)
    assert whole.dsm is not None
    assert whole.dtm is not None
    dsm = read(out / "dsm.tif")[0]
    np.testing.assert_allclose(np.where(dsm < -9000, np.nan, dsm), whole.dsm, atol=0.011)
    np.testing.assert_array_equal(read(out / "dtm.tif")[0], whole.dtm)
    assert whole.points is not None
    points = open_points([out / "points.laz"]).read()
    known = whole.points.xyz[whole.points.classification != 7]
    assert len(points) == len(known)
    origin = np.array([*area[:2], 0.0])
    for one, other in ((points.xyz, known), (known, points.xyz)):
        distance = cKDTree(one - origin).query(other - origin)[0]
        # Windows have origins of their own: a pulse that meets the edge of a kerb may fall to either side.
        assert (distance > 0.002).mean() < 1e-4
        assert distance.max() < 0.3
