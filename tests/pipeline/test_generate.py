from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from geovision.errors import OutputError, UsageError
from geovision.formats import read_programs
from geovision.model.kinds import RoofKind
from geovision.pipeline.generate import generate
from geovision.pipeline.generate_to import Progress, generate_to
from geovision.sources import read_footprints
from geovision.sources.footprints import Footprints, footprints_from_geodataframe

SAMPLE = Path(__file__).parents[2] / "sample_data" / "footprints.geojson"


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "run.json"
    }


def test_sample_footprints_get_every_roof_kind() -> None:
    table = generate(footprints=SAMPLE, seed=1)
    assert len(table) == len(read_footprints(SAMPLE)) > 250
    assert set(np.unique(table.roof_kind)) == set(RoofKind)


def test_files_arrays_and_frames_give_the_same_programs() -> None:
    import geopandas

    plans = read_footprints(SAMPLE)
    one = generate(footprints=plans, seed=3)
    frame = geopandas.read_file(SAMPLE)
    two = generate(footprints=frame, seed=3)
    three = generate(footprints=str(SAMPLE), seed=3)
    assert one.ids == two.ids == three.ids
    for name, column in one.kernel_arrays().items():
        np.testing.assert_array_equal(column, two.kernel_arrays()[name])
        np.testing.assert_array_equal(column, three.kernel_arrays()[name])
    assert len(footprints_from_geodataframe(frame)) == len(plans)


def test_no_footprints_no_programs() -> None:
    none = np.zeros(1, np.int64)
    assert len(generate(footprints=Footprints([], none, none, np.zeros((0, 2))))) == 0


def test_all_that_is_written(tmp_path: Path) -> None:
    seen: list[Progress] = []
    out = tmp_path / "deep" / "city"
    summary = generate_to(out, footprints=SAMPLE, seed=1, threads=2, progress=seen.append)
    assert summary.failures == 0
    assert summary.crs == "EPSG:28992"
    assert set(summary.files) == {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    index = json.loads((out / "index.json").read_text())
    assert index["buildings"] == summary.buildings == len(generate(footprints=SAMPLE, seed=1))
    assert sum(tile["buildings"] for tile in index["tiles"]) == index["buildings"]
    assert all((out / name).stat().st_size > 1000 for tile in index["tiles"] for name in tile["files"])
    assert (out / "preview.png").read_bytes().startswith(b"\x89PNG")
    programs = read_programs(out / "programs.parquet")
    assert len(programs) == summary.buildings
    assert seen[-1].stage == "publish"
    assert seen[-1].buildings_done == summary.buildings
    assert [path.name for path in out.parent.iterdir()] == ["city"]


@pytest.mark.parametrize("programs", ["parquet", "jsonl"])
def test_same_bytes_on_any_number_of_threads(tmp_path: Path, programs: str) -> None:
    folders = []
    for threads in (1, 3):
        out = tmp_path / str(threads)
        # Four tiles, the last one cut off by the count.
        generate_to(
            out,
            area=(10, 20, 960, 960),
            count=2_000,
            style="dutch_town",
            seed=9,
            threads=threads,
            programs=programs,  # type: ignore[arg-type]
            lod="1.2",
        )
        folders.append(digests(out))
    assert folders[0] == folders[1]
    assert len([name for name in folders[0] if name.endswith(".glb")]) > 1


def test_other_formats_and_no_extras(tmp_path: Path) -> None:
    out = tmp_path / "city"
    summary = generate_to(
        out, count=25, formats=("obj", "ply", "stl"), programs="none", preview=False, lod="2.3"
    )
    suffixes = {Path(name).suffix for name in summary.files}
    assert {".obj", ".ply", ".stl", ".json"} <= suffixes
    assert not suffixes & {".png", ".parquet", ".glb"}


def test_an_earlier_result_is_only_replaced_on_request(tmp_path: Path) -> None:
    out = tmp_path / "city"
    generate_to(out, count=5, seed=1, preview=False)
    before = digests(out)
    with pytest.raises(OutputError, match="overwrite"):
        generate_to(out, count=5, seed=2, preview=False)
    assert digests(out) == before
    generate_to(out, count=5, seed=2, preview=False, overwrite=True)
    assert digests(out) != before
    foreign = tmp_path / "mine"
    foreign.mkdir()
    (foreign / "thesis.txt").write_text("all of it")
    with pytest.raises(OutputError, match="no earlier result"):
        generate_to(foreign, count=5, overwrite=True)
    assert (foreign / "thesis.txt").exists()
    with pytest.raises(OutputError, match="is a file"):
        generate_to(foreign / "thesis.txt", count=5)


def test_a_failed_run_leaves_nothing(tmp_path: Path) -> None:
    def stop(progress: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate_to(tmp_path / "city", count=50, progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_arguments_that_do_not_go_together(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="area"):
        generate()
    with pytest.raises(UsageError, match="footprints"):
        generate(footprints=SAMPLE, count=3)
    with pytest.raises(UsageError, match="dwg"):
        generate_to(tmp_path / "x", count=3, formats=("dwg",))
    with pytest.raises(UsageError, match="csv"):
        generate_to(tmp_path / "x", count=3, programs="csv")  # type: ignore[arg-type]
