"""Finding buildings: in heights by rules, in images by a network; files, resuming, hints, builds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
import shapely
from numpy.typing import NDArray

from geovision.cli.main import call
from geovision.errors import InputError, UsageError
from geovision.pipeline.build_to import build_to
from geovision.pipeline.detect import DetectProgress, DetectSettings, detect
from geovision.pipeline.detect_to import detect_to
from geovision.pipeline.fit_to import fit_to, fits_path
from geovision.sources import PointBlock, Raster, Scene, open_scene, read_footprints
from geovision.sources.hints import hint_from_frame
from tests.pipeline.house_network import HEIGHT_M, save_house_network
from tests.rasters import RD, write_tif

CELL = 0.25
LEFT, TOP = 85000.0, 446100.0
PLACE = (CELL, 0.0, LEFT, 0.0, -CELL, TOP)
HOUSES = ((10.0, 10.0, 12.0, 8.0), (40.0, 15.0, 9.0, 14.0), (15.0, 40.0, 20.0, 9.0))
"""West and north of the corner from the raster's own, and size, in metres."""


def boxes() -> NDArray[Any]:
    x, y, w, h = np.array(HOUSES).T
    return np.asarray(shapely.box(LEFT + x, TOP - y - h, LEFT + x + w, TOP - y))


def covered(rows: int = 260, columns: int = 300) -> NDArray[np.bool_]:
    out = np.zeros((rows, columns), bool)
    for x, y, w, h in HOUSES:
        out[round(y / CELL) : round((y + h) / CELL), round(x / CELL) : round((x + w) / CELL)] = True
    return out


def heights() -> NDArray[np.float32]:
    """Gabled roofs, 4 m at the eaves."""
    z = np.zeros((260, 300), np.float32)
    for x, y, w, h in HOUSES:
        rows, columns = round(h / CELL), round(w / CELL)
        roof = 4 + 0.5 * (h / 2 - np.abs((np.arange(rows) + 0.5) * CELL - h / 2))
        z[round(y / CELL) :, round(x / CELL) :][:rows, :columns] = roof[:, None]
    return z


def image() -> NDArray[np.uint8]:
    """Red roofs on green ground."""
    roof = covered()
    return np.stack([np.where(roof, 200, 60), np.where(roof, 60, 160), np.full(roof.shape, 50)]).astype(
        np.uint8
    )


def ndsm_scene() -> Scene:
    return open_scene(ndsm=Raster(heights(), PLACE, RD))


def image_scene() -> Scene:
    return open_scene(image=Raster(image(), PLACE, RD, bands=("red", "green", "blue")))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_house_network(tmp_path_factory.mktemp("model"))


def ious(found: NDArray[Any]) -> list[float]:
    """Of each true house with the outline that overlaps it most."""
    out = []
    for house in boxes():
        both = shapely.area(shapely.intersection(found, house))
        best = int(np.argmax(both))
        out.append(float(both[best] / shapely.union(found[best], house).area))
    return out


# In memory


def test_houses_in_heights() -> None:
    found = detect(ndsm_scene())
    assert len(found) == 3
    assert min(ious(found.footprints.polygons())) > 0.9
    assert found.model.startswith("relief@")
    assert not found.inferred_heights
    for row in found.footprints.attributes:
        assert 0.5 < row["confidence"] <= 1
        assert 4 < row["height"] < 8
        assert row["height_from"] == "measured"
        assert row["found_in"] == "ndsm"


def test_houses_in_an_image(model: Path) -> None:
    found = detect(image_scene(), model=model)
    assert len(found) == 3
    assert min(ious(found.footprints.polygons())) > 0.98
    assert found.inferred_heights
    assert found.model.startswith("red@")
    for row in found.footprints.attributes:
        assert row["height"] == pytest.approx(HEIGHT_M, abs=0.1)
        assert row["height_from"] == "inferred"
        assert row["outline"] == "regular"
    frame = found.to_frame()
    assert str(frame.crs) == RD
    assert frame["id"].is_unique


def test_the_same_buildings_have_the_same_names(model: Path) -> None:
    first, second = detect(image_scene(), model=model), detect(image_scene(), model=model)
    assert first.footprints.ids == second.footprints.ids
    np.testing.assert_array_equal(first.footprints.xy, second.footprints.xy)


def test_buildings_between_strips_come_out_once_and_whole() -> None:
    z = np.zeros((2600, 120), np.float32)
    for row in range(20, 2560, 60):
        z[row : row + 40, 30:80] = 5
    scene = open_scene(ndsm=Raster(z, PLACE, RD))
    seen: list[DetectProgress] = []
    found = detect(scene, progress=seen.append)
    assert len(seen) > 2
    assert len(found) == len(range(20, 2560, 60))
    areas = [row["area_m2"] for row in found.footprints.attributes]
    assert min(areas) == pytest.approx(40 * 50 * CELL**2, rel=0.1)
    assert max(areas) == pytest.approx(min(areas), rel=0.02)


def test_a_higher_threshold_and_area_find_less(model: Path) -> None:
    scene = image_scene()
    assert not len(detect(scene, model=model, threshold=0.99))
    assert len(detect(scene, model=model, min_area_m2=120)) == 2


def test_a_surface_alone_is_enough_and_the_guess_is_said() -> None:
    slope = 10 + 0.03 * np.arange(300, dtype=np.float32)
    found = detect(open_scene(dsm=Raster(heights() + slope, PLACE, RD)))
    assert len(found) == 3
    assert any("no ground was given" in note for note in found.notes)


def test_rows_are_parted_where_that_is_asked_for() -> None:
    houses = 5
    z = np.zeros((100, 40 + houses * 24), np.float32)
    for number in range(houses):
        left = 20 + 24 * number
        z[30:70, left : left + 24] = 6.0
        z[34:48, left : left + 24] = 9.0 if number % 2 else 6.0
    scene = open_scene(ndsm=Raster(z, (0.25, 0.0, LEFT, 0.0, -0.25, TOP), RD))
    whole, parted = (detect(scene, model="relief", rows=rows).footprints for rows in (False, True))
    lengths = [max(np.ptp(shapely.get_coordinates(one), axis=0)) for one in parted.polygons()]
    # Dormers are as high as storeys, but begin behind the eaves: the row hangs together in front of them.
    assert len(whole) < houses <= len(parted)
    assert shapely.area(parted.polygons()).sum() == pytest.approx(shapely.area(whole.polygons()).sum())
    assert max(lengths) < 13


def test_rows_without_measured_heights_say_why_they_stay(model: Path) -> None:
    found = detect(image_scene(), model=model, rows=True)
    assert any("rows of houses were left whole" in note for note in found.notes)
    plain = detect(image_scene(), model=model)
    assert not any("rows" in note for note in plain.notes)


@pytest.mark.parametrize(("density", "cell"), [(16.0, 0.25), (8.0, 0.35), (1.0, 0.5), (60.0, 0.25)])
def test_points_are_looked_at_as_finely_as_they_lie(density: float, cell: float) -> None:
    rng = np.random.default_rng(5)
    xy = rng.uniform(0, 40, (round(1600 * density), 2))
    roof = (np.abs(xy - 20) < (8, 5)).all(axis=1)
    xyz = np.column_stack([xy + np.array([LEFT, TOP]), np.where(roof, 7.0, 1.0)])
    points = PointBlock.of(xyz, np.where(roof, 6, 2))
    found = detect(open_scene(points=points, crs="EPSG:28992"), model="relief")
    assert found.cell_m == pytest.approx(cell)
    assert len(found) == 1
    assert found.footprints.polygons()[0].area == pytest.approx(160, rel=0.15)


def test_hints_reach_a_network_and_not_the_rules(model: Path) -> None:
    table = geopandas.GeoDataFrame(geometry=list(boxes()), crs=RD)
    hints = {"footprints": hint_from_frame(table, "footprints", target_crs=RD)}
    found = detect(image_scene(), model=model, hints=hints)
    assert found.footprints.attributes[0]["found_in"] == "rgb+footprints"
    assert any("hints were left out" in note for note in detect(ndsm_scene(), hints=hints).notes)


def test_refusals(model: Path) -> None:
    dtm = open_scene(dtm=Raster(heights(), PLACE, RD))
    with pytest.raises(InputError, match="nothing in which buildings can be found"):
        detect(dtm)
    with pytest.raises(InputError, match="looks at heights"):
        detect(image_scene(), model="relief")
    coarse = Raster(
        image()[:, ::10, ::10], (10.0, 0, LEFT, 0, -10.0, TOP), RD, bands=("red", "green", "blue")
    )
    with pytest.raises(InputError, match="10 m"):
        detect(open_scene(image=coarse), model=model)
    odd = Raster(image(), PLACE, RD, bands=("nir", "swir", "blue"))
    with pytest.raises(InputError):
        detect(open_scene(image=odd), model=model, use=("rgb",))
    with pytest.raises(UsageError, match="'foo': is not known"):
        detect(ndsm_scene(), use=("ndsm", "foo"))


# Files


@pytest.mark.parametrize("suffix", [".gpkg", ".geojson", ".parquet"])
def test_outlines_are_written_and_read_back(tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"found{suffix}"
    summary = detect_to(ndsm_scene(), out)
    again = read_footprints(out)
    assert summary.buildings == len(again) == 3
    assert again.attributes[0]["found_by"] == summary.model
    assert min(ious(again.polygons())) > 0.9
    assert [path.name for path in tmp_path.iterdir()] == [out.name]


def test_files_and_memory_agree(model: Path, tmp_path: Path) -> None:
    detect_to(image_scene(), tmp_path / "a.geojson", DetectSettings(model=model))
    plain = detect(image_scene(), model=model).footprints
    table = json.loads((tmp_path / "a.geojson").read_text())
    assert [feature["properties"]["id"] for feature in table["features"]] == plain.ids
    assert [feature["properties"]["height"] for feature in table["features"]] == [
        row["height"] for row in plain.attributes
    ]


def test_a_run_that_was_stopped_goes_on(model: Path, tmp_path: Path) -> None:
    path = write_tif(tmp_path / "ortho.tif", np.tile(image(), (1, 10, 1)), PLACE)
    settings = DetectSettings(model=model)

    def stop(state: DetectProgress) -> None:
        if state.done > 1000:
            raise KeyboardInterrupt

    out = tmp_path / "found.geojson"
    with pytest.raises(KeyboardInterrupt):
        detect_to(open_scene(image=path), out, settings, progress=stop)
    assert not out.exists()
    rows: list[int] = []

    def note(state: DetectProgress) -> None:
        if state.stage == "looking":
            rows.append(state.done)

    detect_to(open_scene(image=path), out, settings, progress=note)
    whole = tmp_path / "whole.geojson"
    every: list[int] = []

    def count(state: DetectProgress) -> None:
        if state.stage == "looking":
            every.append(state.done)

    detect_to(open_scene(image=path), whole, settings, progress=count)
    assert len(rows) < len(every)
    assert out.read_bytes() == whole.read_bytes()


def test_suffixes_are_checked_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="suffix"):
        detect_to(ndsm_scene(), tmp_path / "found.txt")
    with pytest.raises(UsageError, match="picture"):
        detect_to(ndsm_scene(), tmp_path / "found.gpkg", preview=tmp_path / "found.jpg")


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_tif(tmp_path / "ndsm.tif", heights(), PLACE)
    out, picture, raster = (tmp_path / name for name in ("found.gpkg", "found.png", "found.tif"))
    options = ["--preview", str(picture), "--probabilities", str(raster), "--json"]
    assert call(["detect", "--ndsm", str(path), "-o", str(out), *options]) == 0
    text = capsys.readouterr()
    facts = json.loads(text.out)
    assert facts["buildings"] == 3
    assert set(facts["files"]) == {str(out), str(picture), str(raster)}
    assert "3 buildings" in text.err
    assert picture.read_bytes()[:4] == b"\x89PNG"
    assert call(["detect", "--ndsm", str(path), "-o", str(tmp_path / "found.txt")]) == 2
    assert call(["detect", "--dtm", str(path), "-o", str(out)]) == 1


# Fits and builds without outlines


def test_a_fit_finds_its_buildings_first(tmp_path: Path) -> None:
    from geovision.formats.programs import read_programs

    out = tmp_path / "programs.parquet"
    summary = fit_to(ndsm_scene(), out)
    assert summary.buildings == 3
    assert any("were found by relief" in note for note in summary.notes)
    programs = read_programs(out)
    assert {program.parts[0].roof.kind for program in programs} == {"gabled"}
    assert {program.provenance["default"] for program in programs} == {"observed"}


def test_a_build_finds_its_buildings_first(tmp_path: Path) -> None:
    summary = build_to(ndsm_scene(), tmp_path / "town", formats=("cityjsonseq",))
    assert summary.buildings == 3
    assert summary.found_by is not None
    assert len(read_footprints(tmp_path / "town" / "footprints.gpkg")) == 3
    facts = json.loads((tmp_path / "town" / "index.json").read_text())
    assert facts["found_by"] == summary.found_by


def test_roofs_from_an_image_alone_are_inferred(model: Path, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    from geovision.formats.programs import read_programs

    out = tmp_path / "programs.parquet"
    summary = fit_to(image_scene(), out, find=DetectSettings(model=model))
    assert summary.buildings == 3
    assert any("inferred them from the image" in note for note in summary.notes)
    for program in read_programs(out):
        assert set(program.provenance.values()) == {"inferred"}
        assert program.parts[0].eave_height == pytest.approx(HEIGHT_M, abs=0.3)
    notes = pq.read_table(fits_path(out)).column("notes").to_pylist()
    assert all("inferred" in str(note) for note in notes)


def test_outlines_that_are_given_are_not_looked_for(model: Path, tmp_path: Path) -> None:
    table = geopandas.GeoDataFrame({"id": ["a"]}, geometry=[boxes()[0]], crs=RD)
    scene = open_scene(ndsm=Raster(heights(), PLACE, RD), footprints=table)
    summary = build_to(scene, tmp_path / "town", formats=("cityjsonseq",))
    assert summary.buildings == 1
    assert summary.found_by is None
    assert not (tmp_path / "town" / "footprints.gpkg").exists()
