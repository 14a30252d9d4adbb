"""The one file to run if only one is run: program in, solid out, file written, command line alive."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import geovision
from geovision.cli.main import call


def house(identifier: str = "house", x: float = 0.0) -> geovision.Program:
    """12 m x 8 m, eaves at 5 m, ridge at 8 m."""
    roof = geovision.Gabled(ridge_height=8.0)
    shell = [(x, 0.0), (x + 12.0, 0.0), (x + 12.0, 8.0), (x, 8.0)]
    return geovision.Program(id=identifier, parts=[geovision.Part(shell=shell, eave_height=5.0, roof=roof)])


def test_a_gabled_house_has_the_volume_of_the_formula() -> None:
    solids = geovision.mesh(house())
    assert len(solids) == 1
    # Below the eaves, and half of the box above them.
    assert solids[0].volume == pytest.approx(12 * 8 * 5 + 12 * 8 * 3 / 2, abs=1e-9)


def test_a_solid_is_closed_and_oriented() -> None:
    mesh = geovision.mesh(house())[0].to_trimesh()
    assert mesh.is_volume
    assert mesh.bounds.tolist() == [[0, 0, 0], [12, 8, 8]]


def test_a_program_survives_json(tmp_path: Path) -> None:
    path = tmp_path / "programs.json"
    geovision.write_programs(path, [house("a"), house("b", 20.0)])
    table = geovision.read_programs(path)
    assert [table[0], table[1]] == [house("a"), house("b", 20.0)]


def test_from_program_file_to_glb_by_command(tmp_path: Path) -> None:
    programs, glb = tmp_path / "programs.json", tmp_path / "out.glb"
    geovision.write_programs(programs, [house("a"), house("b", 20.0)])
    assert call(["mesh", str(programs), "-o", str(glb)]) == 0
    assert glb.read_bytes()[:4] == b"glTF"


def test_a_program_that_cannot_be_is_refused_by_name() -> None:
    good = house().parts[0]
    with pytest.raises(geovision.GeovisionError, match=r"house.*ridge_height") as caught:
        geovision.Program(
            id="house", parts=[{**good.model_dump(), "roof": geovision.Gabled(ridge_height=4.0)}]
        )
    assert caught.value.exit_code == 1


def test_far_from_the_origin_nothing_is_lost() -> None:
    near = geovision.mesh(house())[0]
    far = geovision.mesh(house(x=700_000.0))[0]
    assert far.volume == near.volume
    np.testing.assert_array_equal(far.vertices - [700_000.0, 0.0, 0.0], near.vertices)
