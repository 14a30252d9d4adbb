"""What tests of builds share: a village as files, the scene of it, and all that a folder holds."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pytest

import geovision
from tests.inverse.village import write_village

__all__ = ["content", "make_village", "scene_of"]


def make_village(factory: pytest.TempPathFactory, count: int) -> Path:
    """A folder with points and footprints of so many buildings."""
    folder = factory.mktemp("village")
    write_village(folder, count)
    return folder


def scene_of(folder: Path) -> geovision.Scene:
    """The scene of such a folder."""
    return geovision.open_scene(points=folder / "points.laz", footprints=folder / "houses.gpkg")


def content(folder: Path, *, leave: Collection[str] = ()) -> dict[str, bytes]:
    """The bytes of every file below a folder, but for those of these names."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in leave
    }
