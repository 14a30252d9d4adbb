"""What programs and tags say of facades: styles, variables, edits, colours; and the sheet that is drawn."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from geovision.cli.main import call
from geovision.errors import ProgramError, UsageError
from geovision.mesh.elements import ElementKind
from geovision.mesh.materials import Material
from geovision.mesh.walls import Side
from geovision.model import Program
from geovision.model.labels import Provenance
from geovision.model.table import ProgramTable
from geovision.procedural.grammar import Evaluated, builtin_facades, choose_style, evaluate, load_facade
from geovision.procedural.grammar.sample import SampleHouse, sample_house

WINDOW, DOOR = ElementKind.WINDOW, ElementKind.DOOR


def dressed(
    facade: dict[str, Any] | None = None, seed: int = 0, **house: Any
) -> tuple[SampleHouse, Evaluated]:
    sample = sample_house(facade=facade, **house)
    return sample, evaluate(sample.walls, sample.programs, origin_z=0, seed=seed)


def of(found: Evaluated, kind: ElementKind, wall: int | None = None) -> list[tuple[int, int, int, int]]:
    e = found.elements
    rows = (e.kind == kind) & (True if wall is None else e.wall == wall)
    return list(zip(*(column[rows].tolist() for column in (e.s0, e.s1, e.z0, e.z1)), strict=True))


def test_no_facade_is_plain_walls() -> None:
    _, found = dressed(None)
    assert len(found.elements) == 0
    assert found.styles == [""]


def test_variables_change_the_facade_and_seeds_draw_it_anew() -> None:
    _, usual = dressed({"style": "dutch_terraced"})
    _, wide = dressed({"style": "dutch_terraced", "with": {"window_width": 1.1, "door_colour": "#123456"}})
    upper = [s1 - s0 for s0, s1, z0, _ in of(wide, WINDOW, 0) if z0 > 3000]
    assert upper
    assert set(upper) == {1100}
    doors = wide.elements.kind == DOOR
    assert [0x12, 0x34, 0x56] in wide.elements.colour[doors].tolist()
    assert of(usual, WINDOW, 0) != of(wide, WINDOW, 0)
    looks = {
        dressed({"style": "dutch_terraced", "seed": seed})[1].elements.wall_colour.tobytes()
        for seed in range(12)
    }
    assert len(looks) > 1
    assert (
        dressed({"style": "dutch_terraced"}, seed=3)[1].elements.colour.tobytes()
        == dressed({"style": "dutch_terraced", "seed": 3})[1].elements.colour.tobytes()
    )


def test_one_floor_or_one_bay_can_be_edited() -> None:
    style: dict[str, Any] = {"style": "dutch_terraced"}
    _, usual = dressed(style, height=8.4)
    _, found = dressed(
        {**style, "edit": [{"side": "front", "level": 1, "with": {"window_width": 0.8}},
                           {"side": "front", "level": 2, "bay": 0, "remove": True}]}, height=8.4,
    )  # fmt: skip

    def widths(evaluated: Evaluated, low: int, high: int) -> list[int]:
        return [s1 - s0 for s0, s1, z0, _ in of(evaluated, WINDOW, 0) if low < z0 < high]

    assert widths(found, 2800, 5600) == [800, 800]
    assert widths(usual, 2800, 5600) == [1700, 1700]
    assert len(widths(usual, 5600, 8400)) == 2
    assert len(widths(found, 5600, 8400)) == 1
    assert of(found, WINDOW, 2) == of(usual, WINDOW, 2)


def test_windows_are_cut_from_below_by_the_terrain() -> None:
    """Most of the living room's window is left where the ground comes up to it; a little one goes."""
    house: dict[str, Any] = {"width": 9.0, "height": 6.0}
    _, level = dressed({"style": "dutch_terraced"}, **house)
    sample, found = dressed({"style": "dutch_terraced"}, slope=1.0, **house)
    whole, cut = (sorted(row for row in of(one, WINDOW, 0) if row[2] < 2000) for one in (level, found))
    assert [row[:2] for row in cut] == [row[:2] for row in whole]
    assert [row[3] for row in cut] == [row[3] for row in whole]
    assert any(new[2] > old[2] for new, old in zip(cut, whole, strict=True))
    left, right = sample.walls.ground[0].tolist()
    for s0, s1, z0, _ in cut:
        terrain = left + (right - left) * max(s0 * (right < left), s1 * (right > left)) / 9000
        assert z0 >= terrain + 99
    assert dressed({"style": "dutch_terraced"}, slope=3.0, **house)[1].totals()["below_ground"] > 0


def test_doors_follow_the_terrain_and_get_steps() -> None:
    sample, found = dressed({"style": "dutch_terraced"}, slope=1.0, width=6)
    (door,) = of(found, DOOR, 0)
    ground = np.interp(door[:2], [0, 6000], [0, 1000])
    assert ground.max() <= door[2] <= ground.max() + 51
    for s0, s1, z0, _ in of(found, WINDOW, 0):
        assert z0 > np.interp([s0, s1], [0, 6000], [0, 1000]).max()
    assert sample.walls.side[0] == Side.FRONT


def test_party_walls_have_nothing() -> None:
    _, found = dressed({"style": "dutch_terraced"}, row=True, gable=2)
    assert set(found.elements.wall.tolist()) == {0, 2}


def test_what_a_paint_picks_is_each_buildings_own(tmp_path: Path) -> None:
    path = tmp_path / "own.facade"
    path.write_text(
        'facade 1 "t"\nlet wall_colour = pick { 3: #102030  1: #405060 }\n'
        "paint wall material brick colour wall_colour\n"
        "paint roof material tiles colour pick { 3: #102030  1: #405060 }\nrule wall { nothing }\n"
    )
    grammar = load_facade(path)
    walls, roofs = [], []
    for number in range(200):
        house = sample_house(facade={"style": grammar.name}, identity=f"h{number}")
        found = evaluate(house.walls, house.programs, origin_z=0, styles={grammar.name: grammar})
        walls.append(found.elements.wall_colour[0, 0] == 0x10)
        roofs.append(found.elements.roof_colour[0, 0] == 0x10)
    assert 0.6 < np.mean(roofs) < 0.9
    assert 0.5 < np.mean(np.equal(walls, roofs)) < 0.8  # one is not drawn with the other


def test_tags_go_before_the_style() -> None:
    tags = {
        "building:colour": "Dark Red",
        "roof:colour": "#333",
        "building:material": "wood",
        "roof:material": "slate",
    }
    _, found = dressed({"style": "suburban_house"}, attributes=tags)
    e = found.elements
    assert e.wall_colour.tolist() == [[0x74, 0x2A, 0x20]]
    assert e.roof_colour.tolist() == [[0x33, 0x33, 0x33]]
    assert (e.wall_material[0], e.roof_material[0]) == (Material.WOOD, Material.SLATE)
    assert e.wall_provenance.tolist() == [Provenance.GIVEN]
    assert set(e.provenance.tolist()) == {Provenance.INFERRED}


def test_colours_that_were_seen_are_observed() -> None:
    sample = sample_house(facade={"style": "shed"}, attributes={"roof:colour": "#203040"})
    programs = sample.programs
    seen = {"default": "given", "attributes/roof:colour": "observed", "facade": "given"}
    records = {name: programs.records(name) for name in ("ids", "part_ids", "attributes", "facade")}
    known = ProgramTable(programs.columns(), {**records, "provenance": [seen]})
    elements = evaluate(sample.walls, known, origin_z=0).elements
    assert elements.roof_provenance.tolist() == [Provenance.OBSERVED]
    assert elements.wall_provenance.tolist() == [Provenance.INFERRED]
    assert set(elements.provenance.tolist()) == {Provenance.GIVEN}


BAD_TAGS = {
    "building:levels": ("0", "many", -3, 1e9),
    "building:colour": ("bunt", "#12345", 7),
    "building:material": ("ectoplasm",),
    "start_date": ("long ago",),
}


@pytest.mark.parametrize(
    ("key", "value"), [(key, value) for key, values in BAD_TAGS.items() for value in values]
)
def test_tags_that_say_nothing_are_noted(key: str, value: object) -> None:
    _, found = dressed({"style": "suburban_house"}, attributes={key: value})
    (note,) = found.notes
    assert note.field == key
    assert key in str(note)
    assert len(found.elements) > 0


def test_half_storeys_are_understood() -> None:
    _, found = dressed({"style": "suburban_house"}, attributes={"building:levels": "2.5", "roof:levels": "0"})
    assert found.notes == []


def test_what_a_style_does_not_know_is_noted() -> None:
    _, found = dressed({"style": "nowhere"})
    assert "no such style; plain walls" in str(found.notes[0])
    _, found = dressed(
        {"style": "shed", "with": {"wnidow": 1}, "colour": 3, "edit": [{"part": "tower", "remove": True}]}
    )
    assert [note.field for note in found.notes] == [
        "facade/with/wnidow",
        "facade/edit/0/part",
        "facade/colour",
    ]
    _, found = dressed({"style": "/etc/passwd"})
    assert found.styles == [""]
    _, found = dressed({"edit": [{"level": -1}]})
    assert "is no facade" in found.notes[0].problem
    sample = sample_house()
    with pytest.raises(UsageError, match="does not exist"):
        evaluate(sample.walls, sample.programs, origin_z=0, style="nowhere")


def test_a_rule_file_can_be_the_style_of_a_batch(tmp_path: Path) -> None:
    rules = tmp_path / "mine.facade"
    rules.write_text('facade 1 "Mine"\nrule wall { place 1 by 1.2 up 1 : window }\n')
    facades: list[dict[str, Any] | None] = [None, {}, {"seed": 3}, {"style": "shed"}, {"style": str(rules)}]
    for facade in facades:
        sample = sample_house(facade=facade)
        found = evaluate(sample.walls, sample.programs, origin_z=0, style=str(rules))
        # A program is what strangers write: it names styles, never files.
        named = (facade or {}).get("style")
        assert found.styles == [{None: "mine", "shed": "shed", str(rules): ""}[named]]
        assert bool(found.notes) == (named == str(rules))


@pytest.mark.parametrize("seed", [2**63 - 1, 2**63, 2**64 - 1, 10**30])
def test_any_seed_is_one(seed: int) -> None:
    _, found = dressed({"style": "dutch_terraced"}, seed=seed)
    _, same = dressed({"style": "dutch_terraced"}, seed=seed % 2**64)
    assert len(found.elements) > 0
    assert found.elements.colour.tobytes() == same.elements.colour.tobytes()


BOX: dict[str, Any] = {
    "id": "a",
    "parts": [{"shell": [[0, 0], [4, 0], [4, 4]], "eave_height": 3.0, "roof": {"kind": "flat"}}],
}
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "style": ({"style": 3}, "facade/style"),
    "seed": ({"seed": -1}, "facade/seed"),
    "with": ({"with": {"a": [1]}}, "facade/with"),
    "edit": ({"edit": [{"side": "top"}]}, "facade/edit/0/side"),
    "edit key": ({"edit": [{"sied": "front"}]}, "facade/edit/0/sied"),
    "level": ({"edit": [{"level": 1.5}]}, "facade/edit/0/level"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_programs_refuse_what_is_no_facade(name: str) -> None:
    facade, field = REFUSED[name]
    with pytest.raises(ProgramError) as caught:
        Program.from_dict({**BOX, "facade": facade})
    assert caught.value.field.startswith(field)
    assert caught.value.remedy


def test_old_facades_are_read_and_kept() -> None:
    old = {"style": "brick", "floors": [1, 2.5]}
    program = Program.from_dict({**BOX, "facade": old})
    assert json.loads(program.to_json())["facade"] == old


@pytest.mark.parametrize(("tags", "size", "style"), [
    ({"building": "garages"}, (3, 40, False), "shed"),
    ({"building": "terrace"}, (6, 60, False), "dutch_terraced"),
    ({"building": "house"}, (6, 90, True), "dutch_terraced"),
    ({"building": "house"}, (6, 90, False), "suburban_house"),
    ({"building": "apartments"}, (15, 400, True), "mediterranean_apartment"),
    ({"building": "apartments", "start_date": "1971"}, (15, 400, False), "slab_1960s"),
    ({"building": "office"}, (40, 900, False), "glass_office"),
    ({"building": "warehouse"}, (9, 3000, False), "warehouse"),
    ({"building": "church"}, (15, 500, False), "church"),
    ({"shop": "bakery"}, (6, 80, True), "dutch_terraced"),
    ({"building": "yes"}, (3, 12, False), "shed"),
    ({}, (7, 2000, False), "warehouse"),
    ({}, (60, 900, False), "slab_1960s"),
])  # fmt: skip
def test_styles_follow_tags_and_sizes(
    tags: dict[str, Any], size: tuple[float, float, bool], style: str
) -> None:
    height, area, attached = size
    assert choose_style(tags, height=height, area=area, attached=attached) == style
    assert style in {"", *builtin_facades()}


def test_the_command_draws_checks_and_shows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sheet = tmp_path / "sheet.png"
    assert (
        call(
            ["style", "render", "dutch_terraced", "--levels", "3", "--seed", "1", "-o", str(sheet), "--json"]
        )
        == 0
    )
    report = json.loads(capsys.readouterr().out)
    assert report["elements"]["window"] > 5
    with Image.open(sheet) as picture:
        pixels = np.asarray(picture)
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 20
    assert call(["style", "list", "--json"]) == 0
    assert {item["name"] for item in json.loads(capsys.readouterr().out)} == set(builtin_facades())
    assert call(["style", "show", "shed", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["variables"]
    bad = tmp_path / "bad.facade"
    bad.write_text("facade 1\nrule wall { windwo }\n")
    assert call(["style", "check", str(bad), "shed", "--json"]) == 1
    first, second = json.loads(capsys.readouterr().out)
    assert (first["line"], first["column"], first["ok"], second["ok"]) == (2, 13, False, True)
    assert call(["style", "render", "shed", "-o", str(tmp_path / "x.jpg")]) == 2
    assert call(["style", "render", "nowhere", "-o", str(sheet)]) == 2


@pytest.mark.parametrize("use", ["church", "chapel", "mosque", "temple"])
def test_churches_have_a_portal_and_tall_windows(use: str) -> None:
    tags = {"building": use}
    for seed in range(6):
        _, found = dressed({"seed": seed}, width=24.0, depth=11.0, height=8.5, gable=7.0, attributes=tags)
        assert found.styles == ["church"]
        assert of(found, DOOR)
        tall = [z1 - z0 for s0, s1, z0, z1 in of(found, WINDOW) if z1 - z0 > 2 * (s1 - s0)]
        assert max(tall) > 2500
        assert found.totals().keys() <= {"outside", "overlap"}
    buttresses = of(found, ElementKind.PILASTER)
    assert bool(buttresses) == (use in ("church", "chapel"))


def test_facets_of_round_walls_have_one_light_or_none() -> None:
    for width, lights in ((0.6, 0), (0.95, 4), (1.8, 4)):
        _, found = dressed({"style": "church"}, width=width, depth=width, height=7.0)
        assert len(of(found, WINDOW)) in (lights, lights - 1)


def test_what_has_nothing_to_open_stays_plain() -> None:
    for tag in ("silo", "storage_tank", "greenhouse", "water_tower"):
        assert choose_style({"building": tag}, height=12, area=80) == ""
    worship = {"building": "yes", "amenity": "place_of_worship"}
    assert choose_style(worship, height=9, area=300) == "church"


def test_variables_of_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def draw(*options: str) -> bytes:
        sheet = tmp_path / "sheet.png"
        sheet.unlink(missing_ok=True)
        assert call(["style", "render", "dutch_terraced", "-q", *options, "-o", str(sheet)]) == 0
        return sheet.read_bytes()

    left, right = draw("--with", "door_right=0"), draw("--with", "door_right=1")
    assert left != right
    assert draw("--with", "door_right=false") == left
    assert draw("--with", "door_right=true") == right
    capsys.readouterr()
    for options, told in (
        (("--with", "storey=nan"), "no finite value"),
        (("--with", "strorey=3"), "Did you mean 'storey'?"),
        (("--gable", "nan"), "no finite number"),
        (("--slope", "nan"), "no finite number"),
    ):
        assert call(["style", "render", "dutch_terraced", *options, "-o", str(tmp_path / "no.png")]) == 2
        assert told in capsys.readouterr().err
    assert not (tmp_path / "no.png").exists()
