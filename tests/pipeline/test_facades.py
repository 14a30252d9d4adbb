"""Programs with facades to solids at LoD 3, on the command line and in memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import geovision
from geovision.cli.main import call
from geovision.errors import UsageError
from geovision.mesh import ElementKind, Outcome, Solids, Surroundings, check
from geovision.model import Flat, Gabled, Hipped, Part, Program, ProgramTable, Skillion
from geovision.model.labels import Label, Provenance
from geovision.pipeline.facades import BASE_LOD, dress
from geovision.pipeline.generate import generate
from geovision.procedural.grammar import builtin_facades

STYLES = [name for name in builtin_facades() if not name.startswith("_")]


def house(name: str, style: str | None, x: float = 0.0, **size: float) -> Program:
    w, d, h = size.get("w", 8.0), size.get("d", 10.0), size.get("h", 5.8)
    roof = Flat() if h > 15 else Gabled(ridge_height=h + 3, azimuth_deg=0.0)
    part = Part(shell=[(x, 0), (x + w, 0), (x + w, d), (x, d)], eave_height=h, roof=roof)
    return Program(id=name, parts=[part], facade=None if style is None else {"style": style})


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("size", [{}, {"w": 30.0, "d": 14.0, "h": 28.0}, {"w": 2.5, "d": 2.5, "h": 2.2}])
def test_every_style_is_sound_on_every_size(style: str, size: dict[str, float]) -> None:
    dressed = dress(house("a", style, **size))
    assert dressed.styles == [style]
    assert check(dressed.solids, self_intersection=True).ok
    if size.get("w", 8.0) > 5:
        assert dressed.solids[0].area(Label.WINDOW) > 1
        built = dressed.outcome == Outcome.BUILT
        assert built.mean() > 0.9
        # What was made up is marked so.
        faces = dressed.solids[0]
        made_up = np.isin(faces.face_labels, (Label.WINDOW, Label.DOOR, Label.INSTALLATION))
        assert (faces.face_provenance[made_up] == Provenance.INFERRED).all()


def test_doors_look_to_the_street_and_party_walls_stay_closed() -> None:
    row = [house(str(i), "dutch_terraced", 6.0 * i, w=6.0, d=9.0) for i in range(5)]
    street = [(-50.0, -8.0), (80.0, -8.0)]
    dressed = dress(row, around=Surroundings(streets=[street]))
    walls, elements = dressed.walls, dressed.elements
    on_wall = elements.wall >= 0
    outward = walls.direction[:, ::-1] * (1, -1)
    doors = on_wall & (elements.kind == ElementKind.DOOR) & (dressed.outcome == Outcome.BUILT)
    fronts = np.unique(walls.building[elements.wall[doors & (outward[elements.wall, 1] < -0.9)]])
    assert fronts.tolist() == [0, 1, 2, 3, 4]
    openings = on_wall & (elements.kind <= ElementKind.SHOPFRONT)
    inner = np.abs(outward[elements.wall[openings], 0]) > 0.9
    ends = np.isin(walls.building[elements.wall[openings]], (0, 4))
    assert not (inner & ~ends).any()
    assert check(dressed.solids, self_intersection=True).ok


def test_floors_are_level_and_windows_stay_off_the_edges() -> None:
    dressed = dress(house("a", "mediterranean_apartment", w=18.0, d=12.0, h=14.0))
    walls, elements = dressed.walls, dressed.elements
    front = int(np.flatnonzero(walls.side == 0)[0])
    windows = (elements.wall == front) & (elements.kind == ElementKind.WINDOW)
    heads = np.unique(elements.z1[windows])
    assert 3 <= len(heads) <= 6  # of windows and of balcony doors on three floors
    assert windows.sum() >= 3 * len(heads)
    assert (elements.s0[windows] >= 50).all()
    assert (elements.s1[windows] <= walls.length[front] - 50).all()


def test_walls_above_the_lowest_eave_have_floors_too() -> None:
    """The high side under a shed roof, and a wall that a low annex begins."""
    roof = Skillion(ridge_height=8.6, azimuth_deg=0.0)
    part = Part(shell=[(0, 0), (12, 0), (12, 8), (0, 8)], eave_height=2.6, roof=roof)
    annex = Part(shell=[(0, 0), (4, 0), (4, 8), (0, 8)], eave_height=2.4, roof=Flat())
    main = Part(shell=[(4, 0), (14, 0), (14, 8), (4, 8)], eave_height=8.6, roof=Flat())
    style = {"style": "dutch_terraced"}
    shed = Program(id="shed", parts=[part], facade=style)
    joined = Program(id="joined", parts=[annex, main], facade=style)
    for program in (shed, joined):
        dressed = dress(program)
        walls, elements = dressed.walls, dressed.elements
        tall = (walls.height > 8000) & (walls.length > 9000) & (walls.label == Label.WALL)
        assert tall.any()
        for wall in np.flatnonzero(tall).tolist():
            heads = elements.z1[(elements.wall == wall) & (elements.kind == ElementKind.WINDOW)]
            assert (heads > 6000).any(), program.id


def test_levels_add_to_each_other() -> None:
    program = house("a", "mediterranean_apartment", w=18.0, d=12.0, h=14.0)
    plain = geovision.mesh(program, lod=BASE_LOD)[0]
    areas = {lod: dress(program, lod=lod).solids[0] for lod in ("3.0", "3.1", "3.2")}
    assert areas["3.0"].volume < plain.volume
    assert areas["3.0"].area(Label.INSTALLATION) == 0
    assert areas["3.1"].area(Label.INSTALLATION) > 1
    assert len(areas["3.2"].triangles) > len(areas["3.1"].triangles) > len(areas["3.0"].triangles)
    with pytest.raises(UsageError, match=r"3\.0, 3\.1, 3\.2"):
        dress(program, lod="2.2")


def test_without_a_style_walls_stay_plain() -> None:
    dressed = dress([house("a", None), house("b", "slab_1960s", 20.0)])
    assert dressed.styles == ["", "slab_1960s"]
    plain = geovision.mesh(house("a", None), lod=BASE_LOD)[0]
    assert dressed.solids[0].volume == plain.volume
    assert dress(house("a", None), style="auto").styles == ["suburban_house"]


def test_a_town_of_many_materials_is_one_file(tmp_path: Path) -> None:
    programs = [
        house(f"{style}{k}", style, 40.0 * i + 400.0 * k) for k in range(3) for i, style in enumerate(STYLES)
    ]
    path, out = tmp_path / "programs.json", tmp_path / "town.glb"
    geovision.write_programs(path, programs)
    assert call(["mesh", str(path), "--lod", "3.2", "-q", "-o", str(out)]) == 0
    assert out.read_bytes()[:4] == b"glTF"


def test_a_generated_town_is_sound() -> None:
    town = generate(count=150, seed=5)
    dressed = dress(town, style="auto")
    assert check(dressed.solids, self_intersection=True).ok
    built = np.isin(dressed.outcome, (Outcome.BUILT, Outcome.NOT_AT_LEVEL))
    assert built.mean() > 0.95
    assert isinstance(dressed.solids, Solids)
    assert (dressed.solids.status == 0).all()


def test_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    roof = Hipped(ridge_height=9.0)
    part = Part(shell=[(0, 0), (12, 0), (12, 9), (0, 9)], eave_height=5.8, roof=roof)
    table = ProgramTable.from_programs(
        [Program(id="a", parts=[part], facade={"style": "suburban_house"}), house("b", None, 30.0)]
    )
    programs, out = tmp_path / "programs.json", tmp_path / "street.glb"
    geovision.write_programs(programs, table)
    assert call(["mesh", str(programs), "--lod", "3.2", "-o", str(out)]) == 0
    assert out.read_bytes()[:4] == b"glTF"
    plain = out.stat().st_size
    assert call(["mesh", str(programs), "--lod", "3.2", "--style", "auto", "-o", str(out)]) == 0
    assert out.stat().st_size > plain
    assert call(["mesh", str(programs), "--lod", "3.0", "-o", str(tmp_path / "street.ply")]) == 0
    capsys.readouterr()
    assert call(["mesh", str(programs), "--style", "auto", "-o", str(out)]) == 2
    assert "no style at level 2.2" in capsys.readouterr().err
    assert call(["mesh", str(programs), "--lod", "3.2", "--style", "gothic", "-o", str(out)]) == 2
    assert "gothic" in capsys.readouterr().err
