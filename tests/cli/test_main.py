"""The command line as a shell sees it: streams, exit codes, help."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

import geovision
from geovision.cli.main import COMMANDS, call
from tests.test_minimal import house


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    path = tmp_path / "programs.json"
    geovision.write_programs(path, [house("a"), house("b", 20.0)])
    return path


def geovision_process(*args: str, stdin: str | None = None, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "geovision", *args],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, **env},
    )


def test_version_is_data(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["--version"]) == 0
    assert capsys.readouterr().out.split() == ["geovision", geovision.__version__]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call([name, "--help"]) == 0
    out = capsys.readouterr().out
    assert "Examples:" in out
    assert f"geovision {name}" in out


@pytest.mark.parametrize(
    "args",
    [
        ["nothing"],
        ["mesh"],
        ["mesh", "missing.json", "-o", "out.glb"],
        ["generate", "-o", "out"],
        ["generate", "--area", "1,2,3", "-o", "out"],
        ["generate", "--area", "0,0,-5,5", "-o", "out"],
        ["generate", "--area", "0,0,nan,5", "-o", "out"],
        ["completion", "tcsh"],
    ],
    ids=" ".join,
)
def test_wrong_usage_exits_with_2(args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert call(args) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Error:" in captured.err


def test_footprints_do_not_go_with_an_area(programs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["generate", "--footprints", str(programs), "--area", "0,0,9,9", "-o", "out"]) == 2
    assert "does not go with --area" in capsys.readouterr().err


def test_an_unknown_suffix_is_refused_before_any_work(
    programs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(["mesh", str(programs), "-o", "out.dwg"]) == 2
    assert ".glb" in capsys.readouterr().err


def test_a_damaged_program_file_is_an_error_without_traceback(tmp_path: Path) -> None:
    path = tmp_path / "programs.json"
    path.write_text('{"schema": "geovision.program/1", "id"')
    result = geovision_process("mesh", str(path), "-o", str(tmp_path / "out.glb"))
    assert result.returncode == 1
    assert result.stdout == ""
    assert str(path) in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "out.glb").exists()


def lines(*programs: geovision.Program, broken: str) -> str:
    """JSON Lines of good programs and one whose ridge is under its eave."""
    bad = house(broken).to_dict()
    bad["parts"][0]["roof"]["ridge_height"] = 1.0
    return "\n".join(json.dumps(item) for item in [*(program.to_dict() for program in programs), bad])


def test_a_bad_building_is_reported_and_the_others_are_built(tmp_path: Path) -> None:
    out = tmp_path / "out.glb"
    result = geovision_process("mesh", "-", "-o", str(out), stdin=lines(house("a"), broken="b"))
    assert result.returncode == 1
    assert "'b', parts/0/roof/ridge_height = 1.0" in result.stderr
    assert call(["info", str(out)]) == 0


def test_on_error_raise_writes_nothing(tmp_path: Path) -> None:
    out = tmp_path / "out.glb"
    text = lines(house("a"), broken="b")
    result = geovision_process("mesh", "-", "--on-error", "raise", "-o", str(out), stdin=text)
    assert result.returncode == 1
    assert "ridge_height" in result.stderr
    assert not out.exists()


def test_where_nothing_can_be_built_nothing_is_written(tmp_path: Path) -> None:
    out = tmp_path / "out.glb"
    result = geovision_process("mesh", "-", "-o", str(out), stdin=lines(broken="b"))
    assert result.returncode == 1
    assert "no building that can be built" in result.stderr
    assert not out.exists()


@pytest.mark.parametrize("how", ["flag", "environment"])
def test_debug_shows_the_traceback(tmp_path: Path, how: str) -> None:
    path = tmp_path / "programs.json"
    path.write_text("[")
    args = ["mesh", str(path), "-o", str(tmp_path / "out.glb")]
    env = {"GEOVISION_DEBUG": "1"} if how == "environment" else {}
    result = geovision_process(*(["--debug"] if how == "flag" else []), *args, **env)
    assert result.returncode == 1
    assert "Traceback" in result.stderr


@pytest.mark.parametrize("suffix", ["glb", "obj", "ply", "stl"])
def test_mesh_writes_every_format(programs: Path, tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"out.{suffix}"
    assert call(["mesh", str(programs), "-q", "-o", str(out)]) == 0
    assert call(["info", str(out)]) == 0
    assert out.stat().st_size > 200


def test_mesh_takes_streets(programs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import geopandas
    import shapely

    roads = tmp_path / "roads.geojson"
    line = shapely.LineString([(-20, 30), (60, 31)])
    geopandas.GeoDataFrame(geometry=[line], crs="EPSG:28992").to_file(roads)
    dressed = [str(programs), "--lod", "3.1", "--style", "auto", "-o", str(tmp_path / "out.glb")]
    assert call(["mesh", *dressed]) == 0
    assert "no streets were given" in capsys.readouterr().err
    known = ["--streets", str(roads), "--crs", "EPSG:28992"]
    assert call(["mesh", *dressed, *known]) == 0
    assert "no streets" not in capsys.readouterr().err
    assert call(["mesh", *dressed, *known[:2]]) == 2
    assert "--crs" in capsys.readouterr().err
    assert call(["mesh", str(programs), *known, "-o", str(tmp_path / "b.glb")]) == 2


def test_mesh_reads_a_pipe(programs: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.glb"
    result = geovision_process("mesh", "-", "-o", str(out), stdin=programs.read_text())
    assert result.returncode == 0, result.stderr
    assert result.stdout == ""
    assert out.is_file()


def test_levels_of_detail_differ(programs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tops = []
    for lod in ("1.1", "2.2"):
        out = tmp_path / f"{lod}.ply"
        assert call(["mesh", str(programs), "--lod", lod, "-q", "-o", str(out)]) == 0
        capsys.readouterr()
        assert call(["info", "--json", str(out)]) == 0
        tops.append(json.loads(capsys.readouterr().out)[0]["triangles"])
    assert tops[0] == 2 * 12
    assert tops[1] > tops[0]


def test_info_counts_programs(programs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["info", "--json", "--check", str(programs)]) == 0
    (report,) = json.loads(capsys.readouterr().out)
    assert report["buildings"] == report["parts"] == 2
    assert report["roof_kinds"] == {"gabled": 2}
    assert report["bounds"] == [[0.0, 0.0], [32.0, 8.0]]
    assert report["statuses"] == {"OK": 2}


def test_info_finds_the_bounds_of_a_glb(
    programs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.glb"
    assert call(["mesh", str(programs), "-q", "-o", str(out)]) == 0
    capsys.readouterr()
    assert call(["info", "--json", str(out)]) == 0
    (report,) = json.loads(capsys.readouterr().out)
    assert report["buildings"] == 2
    assert report["attributes"] == ["id", "roof_kind"]
    assert report["bounds"] == [[0.0, 0.0, 0.0], [32.0, 8.0, 8.0]]


def test_info_goes_on_after_a_bad_file(
    programs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut = tmp_path / "cut.glb"
    cut.write_bytes(b"glTF\x02\x00\x00\x00")
    assert call(["info", str(cut), str(programs)]) == 1
    captured = capsys.readouterr()
    assert "cut.glb" in captured.err
    assert "gabled 2" in captured.out


def test_doctor_finds_no_fault_here(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["doctor", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["ok"]
    by_name = {check["name"]: check for check in report["checks"]}
    assert by_name["kernel"]["detail"].startswith(geovision.__version__)
    assert by_name["self-test"]["ok"]


def test_doctor_exits_with_3_and_a_remedy_on_a_fault(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from geovision.cli import doctor

    monkeypatch.setitem(doctor.REQUIRED, "no_such_module", "no-such-distribution")
    assert call(["doctor"]) == 3
    out = capsys.readouterr().out
    assert "FAULT" in out
    assert "pip install no-such-distribution" in out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["completion", shell]) == 0
    assert "_GEOVISION_COMPLETE" in capsys.readouterr().out


def test_completion_completes_commands() -> None:
    result = geovision_process(_GEOVISION_COMPLETE="bash_complete", COMP_WORDS="geovision me", COMP_CWORD="1")
    assert "plain,mesh" in result.stdout.split()


def test_the_kernel_says_how_to_build_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from geovision._native import KernelMissing, load_kernel

    monkeypatch.setitem(sys.modules, "geovision._kernel", None)
    with pytest.raises(KernelMissing, match="did you forget to build it") as caught:
        load_kernel()
    assert isinstance(caught.value, ImportError)
    assert caught.value.exit_code == 3
    assert "quickstart.sh" in str(caught.value)


def test_the_manual_names_every_option() -> None:
    from geovision.cli.main import main

    manual = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
    context = click.Context(main)
    for name in COMMANDS:
        assert f"## geovision {name}" in manual
        command = main.get_command(context, name)
        assert command is not None
        for parameter in command.params:
            for flag in parameter.opts if isinstance(parameter, click.Option) else []:
                assert f"`{flag}" in manual or f", `{flag}" in manual, f"{name} {flag}"


@pytest.mark.parametrize("arguments", [["--help"], ["material", "list"], ["style", "list", "--json"]])
def test_stdout_that_is_closed_or_full(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "geovision", *arguments]
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, check=False, text=True)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False, text=True)
    assert done.returncode == 3
    assert done.stderr.splitlines() == [
        "error: stdout: cannot be written (No space left on device). Make room, or send it elsewhere."
    ]
