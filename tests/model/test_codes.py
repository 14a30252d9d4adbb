"""Labels and kinds: the numbers of the C++ header, and tables that leave nothing out."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields
from enum import IntEnum
from pathlib import Path

import pytest

from geovision.errors import GeometryError, InputError
from geovision.mesh.elements import ElementKind, Elements
from geovision.mesh.walls import Side, Walls
from geovision.model import kinds, labels
from geovision.model.kinds import RoofKind, SuperKind
from geovision.model.labels import Label, Provenance, Status, StatusFlag

HEADERS = Path(__file__).parents[2] / "cpp" / "include" / "geovision"
HEADER = HEADERS / "types.hpp"


def header_enum(name: str, header: str = "types.hpp") -> dict[str, int]:
    text = (HEADERS / header).read_text(encoding="utf-8")
    found = re.search(rf"enum(?: class)? {name} *:[^{{]*{{(.*?)}};", text, re.DOTALL)
    assert found is not None
    body = re.sub(r"//.*", "", found[1])
    return {key: int(value) for key, value in re.findall(r"(\w+) = (\d+)", body)}


@pytest.mark.parametrize(
    ("name", "enum"),
    [
        ("Status", Status),
        ("Label", Label),
        ("Provenance", Provenance),
        ("RoofKind", RoofKind),
        ("SuperKind", SuperKind),
    ],
)
def test_codes_are_those_of_the_header(name: str, enum: type[IntEnum]) -> None:
    assert {member.name.lower(): member.value for member in enum} == header_enum(name)


@pytest.mark.parametrize(
    ("name", "header", "enum"), [("ElementKind", "elements.hpp", ElementKind), ("Side", "walls.hpp", Side)]
)
def test_codes_of_facades_are_those_of_their_headers(name: str, header: str, enum: type[IntEnum]) -> None:
    assert {member.name.lower(): member.value for member in enum} == header_enum(name, header)


def test_columns_of_facades_are_those_of_their_headers() -> None:
    for header, columns in (("walls.hpp", Walls), ("elements.hpp", Elements)):
        text = (HEADERS / header).read_text(encoding="utf-8")
        declared = re.findall(r"Column<[\w:]+> ([\w, ]+);", text)
        names = [name.strip() for line in declared for name in line.split(",")]
        assert [field.name for field in fields(columns)] == names


def test_flags_are_those_of_the_header() -> None:
    text = HEADER.read_text(encoding="utf-8")
    bits = {name: 1 << int(bit) for name, bit in re.findall(r"uint32_t (\w+) = 1u << (\d+)", text)}
    assert {flag.name.lower(): flag.value for flag in StatusFlag if flag.name} == bits


def test_slots_are_those_of_the_header() -> None:
    from geovision.model import roofs, superstructures

    roof = header_enum("RoofSlot")
    names = ["ridge", "azimuth", "offset", "break", "inset", "rear_eave", "count", "pitch"]
    assert [roof[f"slot_{name}"] for name in names] == list(range(roofs.ROOF_SLOTS))
    supers = header_enum("SuperSlot")
    places = ["x", "y", "azimuth", "width", "depth", "eave", "top"]
    assert [supers[f"super_{name}"] for name in places] == list(range(superstructures.SUPER_SLOTS))


def test_every_status_has_a_problem_and_a_remedy() -> None:
    assert set(labels.STATUS_TEXT) == set(Status)
    for status, text in labels.STATUS_TEXT.items():
        assert text.problem
        assert bool(text.remedy) == (status is not Status.OK)
        assert labels.STATUS_REMEDY[status] == text.remedy
    assert set(labels.FLAG_TEXT) == set(StatusFlag)


def test_a_status_becomes_an_error() -> None:
    error = labels.status_error("NL.1", 2)
    assert isinstance(error, GeometryError)
    assert error.status == Status.SELF_CROSSING
    assert "NL.1" in str(error)


VOCABULARIES: list[tuple[Callable[[RoofKind], str | None], Callable[[str], RoofKind]]] = [
    (kinds.to_osm, kinds.from_osm),
    (kinds.to_citygml, kinds.from_citygml),
    (kinds.to_overture, kinds.from_overture),
    (kinds.to_ifc, kinds.from_ifc),
]


@pytest.mark.parametrize(("to", "back"), VOCABULARIES, ids=["osm", "citygml", "overture", "ifc"])
@pytest.mark.parametrize("kind", RoofKind, ids=lambda kind: kind.name)
def test_every_kind_has_a_word_that_reads_back(
    to: Callable[[RoofKind], str | None], back: Callable[[str], RoofKind], kind: RoofKind
) -> None:
    word = to(kind)
    if word in {None, "USERDEFINED"}:
        return
    assert word is not None
    # What shares a word with another kind reads back as one that has the same word.
    assert to(back(word)) == word


def test_osm_tells_every_kind_apart() -> None:
    assert [kinds.from_osm(kinds.to_osm(kind)) for kind in RoofKind] == list(RoofKind)
    assert [kinds.from_osm(kind.text) for kind in RoofKind] == list(RoofKind)
    assert [RoofKind.from_text(kind.text) for kind in RoofKind] == list(RoofKind)
    assert [SuperKind.from_text(kind.text) for kind in SuperKind] == list(SuperKind)


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("gabled_row", "GABLED"),
        ("hip", "HIPPED"),
        ("shed", "SKILLION"),
        ("lean_to", "SKILLION"),
        ("double_saltbox", "GAMBREL"),
        ("quadruple_saltbox", "MANSARD"),
        ("half_hipped", "HALF_HIPPED"),
        (" Half-Hipped ", "HALF_HIPPED"),
        ("cross-gabled", "CROSS_GABLED"),
        ("crosspitched", "CROSS_GABLED"),
        ("pyramid", "PYRAMIDAL"),
        ("gabled_height_moved", "SALTBOX"),
    ],
)
def test_osm_synonyms(word: str, kind: str) -> None:
    assert kinds.from_osm(word).name == kind


OVERTURE = """dome flat gabled gambrel half_hipped hipped mansard onion pyramidal round saltbox sawtooth
    skillion spherical"""
IFC = """FLAT_ROOF SHED_ROOF GABLE_ROOF HIP_ROOF HIPPED_GABLE_ROOF GAMBREL_ROOF MANSARD_ROOF BARREL_ROOF
    RAINBOW_ROOF BUTTERFLY_ROOF PAVILION_ROOF DOME_ROOF FREEFORM"""


def test_foreign_lists_are_read_completely() -> None:
    assert all(kinds.from_overture(word) in RoofKind for word in OVERTURE.split())
    assert all(kinds.from_ifc(word) in RoofKind for word in IFC.split())
    assert all(kinds.from_citygml(code) in RoofKind for code in range(1000, 1131, 10))
    alkis = [1000, 2100, 2200, 3100, 3200, 3300, 3400, 3500, 3600, 3700, 3800, 3900, 4000, 5000]
    assert all(kinds.from_citygml(str(code)) in RoofKind for code in alkis)


def test_words_that_we_write_are_in_the_foreign_lists() -> None:
    assert {kinds.to_overture(kind) for kind in RoofKind} - {None} <= set(OVERTURE.split())
    assert {kinds.to_ifc(kind) for kind in RoofKind} <= {*IFC.split(), "USERDEFINED"}
    assert {kinds.to_citygml(kind) for kind in RoofKind} <= {str(code) for code in range(1000, 1131, 10)}


@pytest.mark.parametrize("back", [kinds.from_osm, kinds.from_citygml, kinds.from_overture, kinds.from_ifc])
def test_an_unknown_word_is_an_error_or_none(back: Callable[..., RoofKind | None]) -> None:
    assert back("thatched", unknown="none") is None
    with pytest.raises(InputError, match=r"'thatched'.*Use one of"):
        back("thatched")
    with pytest.raises(InputError, match="Use one of"):
        RoofKind.from_text("gable")
