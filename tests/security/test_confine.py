"""Files that crash, hang or bloat their reader end a child, and the file is named."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from affine import Affine

from geovision.cli.main import call
from geovision.confine import Confinement, NotConfined, is_confined
from geovision.errors import InputError, UsageError
from geovision.sources import open_scene
from tests.rasters import write_tif

PLACE = Affine(1, 0, 85000, 0, -1, 446100)


@pytest.fixture
def raster(tmp_path: Path) -> Path:
    return write_tif(tmp_path / "dsm.tif", np.full((64, 64), 5, np.float32), PLACE)


def confined(code: str, limits: str = "") -> subprocess.CompletedProcess[str]:
    text = f"from geovision.confine import Confinement, confine\nconfine(Confinement({limits}))\n{code}"
    return subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, timeout=120, check=False
    )


def test_a_confined_process_has_no_network() -> None:
    for kind in ("AF_INET", "AF_INET6", "AF_UNIX"):
        done = confined(f"import socket\nsocket.socket(socket.{kind})")
        assert "PermissionError" in done.stderr
    threads = "import socket, threading\nt = threading.Thread(target=socket.socket)\nt.start()\nt.join()"
    assert "PermissionError" in confined(threads).stderr
    assert (
        "PermissionError"
        in confined(
            "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'import socket; socket.socket()'])"
        ).stderr
    )
    assert confined("print(sum(range(10)))").stdout == "45\n"


def test_a_confined_process_has_limits(tmp_path: Path) -> None:
    assert "MemoryError" in confined("bytearray(3 << 30)", "memory_gb=2").stderr
    assert confined("while True: pass", "cpu_s=1").returncode < 0
    done = confined(f"open({str(tmp_path / 'a')!r}, 'wb').write(bytes(3 << 20))", "file_gb=0.001")
    assert done.returncode != 0
    assert (tmp_path / "a").stat().st_size <= 1.1e6
    for value in (float("nan"), float("inf"), -1.0):
        with pytest.raises(UsageError, match="cpu_s"):
            Confinement(cpu_s=value)


def test_a_scene_that_is_not_trusted_is_not_opened_without_limits(
    raster: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    spec = raster.with_name("scene.toml")
    spec.write_text('dsm = "dsm.tif"\n[allow]\nuntrusted = true\n')
    with pytest.raises(NotConfined, match="are not trusted"):
        open_scene(spec)
    assert call(["scene", "info", str(spec), "--json"]) == 0  # the command gives itself limits
    assert '"pixels": 4096' in capfd.readouterr().out
    assert not is_confined()


def test_children_of_a_confined_process_are_confined(raster: Path) -> None:
    spec = raster.with_name("scene.toml")
    spec.write_text('dsm = "dsm.tif"\n[allow]\nuntrusted = true\n')
    child = f"from geovision.sources import open_scene; print(open_scene({str(spec)!r}).bounds.width)"
    done = confined(
        f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {child!r}])", "memory_gb=16"
    )
    assert done.stdout == "64.0\n", done.stderr


def test_the_command_says_what_ended_its_child(
    raster: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # A reader that dies, hangs or bloats, as a hole in a library would make it.
    for code, told in (
        ("import os; os.kill(os.getpid(), 11)", "was ended by SIGSEGV"),
        ("while True: pass", "took over 1 s of processor time"),
        ("import os; os.abort()", "was ended by SIGABRT"),
        ("bytearray(64 << 30)", "not enough memory"),
    ):
        (tmp_path / "sitecustomize.py").write_text(
            "import builtins\n"
            "def trap():\n"
            f"    {code}\n"
            "import sys\n"
            "class Finder:\n"
            "    def find_spec(self, name, path=None, target=None):\n"
            "        if name == 'rasterio': trap()\n"
            "sys.meta_path.insert(0, Finder())\n"
        )
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        options = ["--untrusted", "--max-cpu-s", "1"] if "while" in code else ["--untrusted"]
        assert call([*options, "scene", "info", "--dsm", str(raster)]) in (1, 3)
        heard = capfd.readouterr()
        assert told in heard.err
        assert not heard.out
        assert "memory" in told or f"raster {raster}" in heard.err


def test_errors_and_results_are_those_of_the_command(raster: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert call(["--untrusted", "scene", "info", "--dsm", str(raster)]) == 0
    free = capfd.readouterr()
    assert call(["scene", "info", "--dsm", str(raster)]) == 0
    assert free.out == capfd.readouterr().out
    assert call(["--untrusted", "scene", "info", "--dsm", str(raster.with_name("no.tif"))]) == 1
    assert "no.tif" in capfd.readouterr().err
    assert call(["--untrusted", "--max-memory-gb", "-1", "scene", "info"]) == 2
    with pytest.raises(InputError):
        open_scene(dsm=raster.with_name("no.tif"))
