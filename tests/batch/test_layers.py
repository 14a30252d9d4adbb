"""Where values come from: flags over environment over file over default; what is not known is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geovision.batch.config import RunConfig
from geovision.batch.layers import load_config, run_settings
from geovision.cli.main import call
from geovision.errors import UsageError

FILE = 'scene = "scene.toml"\ntile_m = 100\n[run]\nworkers = 3\nerrors = 5\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "county.toml"
    path.write_text(FILE)
    return path


def test_the_order_of_layers(file: Path) -> None:
    environ = {"GEOVISION_BATCH_RUN__WORKERS": "7", "GEOVISION_BATCH_TILE_M": "250", "OTHER": "1"}
    found = load_config(file, flags={"run.workers": 9}, environ=environ)
    rows = {key: (value, origin) for key, value, origin in found.rows()}
    assert rows["run.workers"] == (9, "flag")
    assert rows["tile_m"] == (250.0, "environment GEOVISION_BATCH_TILE_M")
    assert rows["run.errors"] == (5, str(file))
    assert rows["run.crashes"] == (2, "default")
    assert rows["scene"] == (str(file.parent / "scene.toml"), str(file))


LAYERS = st.lists(st.sampled_from(["file", "environment", "flag"]), unique=True)


@given(LAYERS)
def test_the_strongest_layer_wins(layers: list[str]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "c.toml"
        path.write_text('scene = "s.toml"\n' + ("[build]\nplace = 'points'\n" if "file" in layers else ""))
        environ = {"GEOVISION_BATCH_BUILD__PLACE": "footprints"} if "environment" in layers else {}
        flags = {"build.place": "both"} if "flag" in layers else {}
        found = load_config(path, flags=flags, environ=environ)
    strongest = next((name for name in ("flag", "environment", "file") if name in layers), "default")
    value = {"flag": "both", "environment": "footprints", "file": "points", "default": "both"}[strongest]
    assert found.config.build.place == value
    assert found.origins.get("build.place", "default").startswith(
        {"file": str(path)}.get(strongest, strongest)
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('scene = "a"\ntile = 3', "Did you mean 'tile_m'"),
        ('scene = "a"\n[run]\nworker = 3', "Did you mean 'workers'"),
        ('scene = "a"\n[run]\nworkers = "many"', "run.workers"),
        ("tile_m = 3", "scene.*is missing"),
        ('scene = "a"\ntile_m = 0', "tile_m"),
        ('scene = "a"\ntile_m = nan', "tile_m"),
        ('scene = "a"\n[build]\nformats = ["viewer"]', "no format of a tile"),
        ('scene = ""', "empty"),
        ("scene = ", "is no TOML"),
        ('schema = "geovision.batch/9"\nscene = "a"', "schema"),
    ],
)
def test_what_is_wrong_is_named(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=said):
        load_config(path)


def test_a_variable_that_is_no_key(file: Path) -> None:
    with pytest.raises(UsageError, match=r"run.wokers.*Did you mean 'workers'"):
        load_config(file, environ={"GEOVISION_BATCH_RUN__WOKERS": "2"})


def test_a_run_may_go_another_way_than_planned() -> None:
    planned = RunConfig(workers=2, errors=5)
    environ = {"GEOVISION_BATCH_RUN__WORKERS": "4", "GEOVISION_BATCH_TILE_M": "3"}
    found = run_settings(planned, flags={"grace_s": 1}, environ=environ)
    assert found == RunConfig(workers=4, errors=5, grace_s=1)


def test_config_show(file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEOVISION_BATCH_RUN__RECYCLE", "17")
    assert call(["config", "show", str(file), "--set", "run.workers=4", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert rows["run.workers"] == {"value": 4, "from": "flag"}
    assert rows["run.recycle"] == {"value": 17, "from": "environment GEOVISION_BATCH_RUN__RECYCLE"}
    assert call(["config", "show", str(file)]) == 0
    assert any(
        line.split() == ["run.errors", "5", str(file)] for line in capsys.readouterr().out.splitlines()
    )
    assert call(["config", "show", str(file), "--set", "run.worker=4"]) == 2
    assert "Did you mean 'workers'" in capsys.readouterr().err
