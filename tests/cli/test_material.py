from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from geovision.cli.main import call
from geovision.mesh.textures import FINISH_NAMES, linear


def test_all_are_listed_and_can_be_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["material", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in listed] == list(FINISH_NAMES)
    path = tmp_path / "one.png"
    for one in listed:
        assert (
            call(
                ["material", "render", one["name"], "--size", "32", "--metres", "0.6", "-q", "-o", str(path)]
            )
            == 0
        )
        with Image.open(path) as picture:
            mean = linear(np.asarray(picture)).mean(axis=(0, 1))
        wanted = linear(np.array(list(bytes.fromhex(one["colour"][1:])), np.uint8))
        assert np.abs(mean - wanted).max() < 0.01


def test_maps_and_formats(tmp_path: Path) -> None:
    path = tmp_path / "wall.webp"
    arguments = ["brick_english", "--size", "64", "--metres", "1", "--colour", "120,80,60", "--maps"]
    assert call(["material", "render", *arguments, "-o", str(path)]) == 0
    assert {one.name for one in tmp_path.iterdir()} == {"wall.webp", "wall_normal.webp", "wall_orm.webp"}
    for one in tmp_path.iterdir():
        with Image.open(one) as picture:
            assert picture.size == (64, 64)
    sheet = tmp_path / "sheet.png"
    assert call(["material", "sheet", "--size", "40", "--metres", "0.5", "-o", str(sheet)]) == 0
    with Image.open(sheet) as picture:
        assert picture.width > 4 * 2 * 40


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["cheese", "-o", "a.png"], "is none of"),
        (["slate", "-o", "a.tga"], "no known suffix"),
        (["slate", "--colour", "red", "-o", "a.png"], "#rrggbb"),
        (["slate", "--colour", "1,2,300", "-o", "a.png"], "#rrggbb"),
        (["slate", "--size", "2", "-o", "a.png"], "--size"),
        (["slate", "--metres", "0", "-o", "a.png"], "--metres"),
    ],
)
def test_wrong_usage_ends_with_2(arguments: list[str], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["material", "render", *arguments]) == 2
    assert text in capsys.readouterr().err
