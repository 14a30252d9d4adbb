"""Rule files: what they compile to, and what is said where they are wrong."""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geovision.errors import GeovisionError, UsageError
from geovision.mesh.elements import ElementKind
from geovision.procedural.grammar import DROPPED, RuleError, builtin_facades, compile_text, load_facade
from geovision.procedural.grammar.vocabulary import (
    COMPONENTS,
    DESIGN_KEYS,
    ELEMENTS,
    FUNCTIONS,
    KEYWORDS,
    PROPS,
    Attribute,
    Code,
    Node,
)

ROOT = Path(__file__).resolve().parents[2]

# Text, place and words of the error.
WRONG = {
    "no version": ("rule wall {}", (1, 1), "Begin it with: facade 1"),
    "newer": ("facade 7\nrule wall {}", (1, 8), "reads up to 1"),
    "no start": ("facade 1 rule Bay { window }", (1, 1), "rule wall"),
    "unknown rule": ("facade 1\nrule Bay { }\nrule wall { Bya }", (3, 13), "'Bay'"),
    "unknown element": ("facade 1\nrule wall { windwo }", (2, 13), "'window'"),
    "unknown attribute": ("facade 1\nrule wall { if hieght > 3 { window } }", (2, 16), "'height'"),
    "unknown function": ("facade 1\nrule wall { if mni(1, 2) { window } }", (2, 16), "'min'"),
    "arguments": ("facade 1\nrule B(a) {}\nrule wall { B }", (3, 13), "takes 1 values (a), got 0"),
    "negative size": ("facade 1\nrule wall { split x { 1: window -0.5: door } }", (2, 33), "below 0"),
    "negative inset": ("facade 1\nrule wall { inset 2 - 3 : window }", (2, 21), "below 0"),
    "negative depth": ("facade 1\nrule wall { window depth -1 }", (2, 26), "below 0"),
    "endless": ("facade 1\nrule wall { A }\nrule A { inset 1cm : B }\nrule B { A }", (4, 10), "A calls B"),
    "two repeats": ("facade 1\nrule wall { split x { repeat 1: window repeat 2: door } }", (2, 40), "two"),
    "twice": ("facade 1\nrule wall {}\nrule wall {}", (3, 6), "a second rule"),
    "wall in variable": ("facade 1\nlet a = width * 2\nrule wall {}", (2, 9), "belongs to a wall"),
    "scope in floors": ("facade 1\nfloors { w: floor }\nrule wall {}", (2, 10), "a place on a wall"),
    "later variable": ("facade 1\nlet a = b\nlet b = 1\nrule wall {}", (2, 9), "'b' is no variable"),
    "attribute's name": ("facade 1\nlet width = 3\nrule wall {}", (2, 5), "is an attribute"),
    "material's name": ("facade 1\nlet brick = 3\nrule wall {}", (2, 5), "name of a material"),
    "keyword": ("facade 1\nlet split = 3\nrule wall {}", (2, 5), "word of the language"),
    "colour": ("facade 1\nlet a = #12345\nrule wall {}", (2, 9), "no colour"),
    "unit": ("facade 1\nlet a = 3ft\nrule wall {}", (2, 9), "no unit"),
    "quote": ('facade 1\nlet a = "x\nrule wall {}', (2, 9), "closing quote"),
    "character": ("facade 1\nrule wall { § }", (2, 13), "no meaning"),
    "design": ("facade 1\nrule wall { window design fine }", (2, 27), "no design"),
    "design value": ("facade 1\ndesign a { across 0 }\nrule wall {}", (2, 12), "from 1 to 12"),
    "component": ("facade 1\nrule wall { components { frnt : window } }", (2, 26), "'front'"),
    "unfinished": ("facade 1\nrule wall { split x {", (2, 22), "the end of the file"),
    "import": ('facade 1\nimport "nowhere"\nrule wall {}', (2, 1), "no file"),
    "import path": ('facade 1\nimport "../../etc"\nrule wall {}', (2, 1), "no plain name"),
    "own import": ('facade 1\nimport "t"\nrule wall {}', (2, 1), "t.facade imports t.facade"),
    "depth and out": ("facade 1\nrule wall { window depth 1 out 1 }", (2, 28), "both"),
}


@pytest.mark.parametrize("name", WRONG)
def test_errors_name_the_place_and_the_remedy(name: str) -> None:
    text, (line, column), words = WRONG[name]
    with pytest.raises(RuleError) as caught:
        compile_text(text, "t.facade")
    error = caught.value
    assert (error.file, error.line, error.column) == ("t.facade", line, column)
    shown = str(error).split("\n")
    assert shown[0].startswith(f"t.facade:{line}:{column}: ")
    assert words in shown[0]
    assert error.remedy
    # The caret stands below the place.
    assert shown[1].split("| ", 1)[1] == text.split("\n")[line - 1]
    assert shown[2].index("^") - shown[2].index("|") - 2 == column - 1
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_deep_nesting_and_long_values_are_errors_and_no_crash() -> None:
    for text in ("{" * 5000, "if 1 : " * 5000 + "window", "split x { 1 : " * 5000):
        with pytest.raises(RuleError):
            compile_text(f"facade 1 rule wall {{ {text}")
    for value in ("(" * 5000, "-" * 5000 + "1", "not " * 5000 + "1", "1" + "+(1" * 60):
        with pytest.raises(RuleError):
            compile_text(f"facade 1 let a = {value} rule wall {{}}")
    with pytest.raises(RuleError, match="over 32"):
        compile_text("facade 1 rule wall { choose { " + "1: window " * 33 + "} }")
    long = compile_text("facade 1 rule wall { " + "window " * 500 + "}")
    assert (long.arrays.nodes[:, 0] == Node.EMIT).sum() == 500


def test_imports(tmp_path: Path) -> None:
    (tmp_path / "a.facade").write_text('facade 1 import "b" rule wall { B(wide) }\nlet wide = 3')
    (tmp_path / "b.facade").write_text(
        "facade 1 let wide = 2\nlet half = wide / 2 // metres\nrule B(x) { window }"
    )
    grammar = load_facade(tmp_path / "a.facade")
    assert grammar.files == ("b.facade", "a.facade")
    assert grammar.defaults == {"wide": "3", "half": "wide / 2"}
    (tmp_path / "b.facade").write_text('facade 1 import "a" rule B(x) { window }')
    with pytest.raises(RuleError, match=r"b.facade:1:10: the imports run in a circle: a.facade imports b.f"):
        load_facade(tmp_path / "a.facade")


def test_styles_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Did you mean 'dutch_terraced'"):
        load_facade("dutch_terrace")
    with pytest.raises(GeovisionError, match="cannot be read"):
        load_facade(tmp_path / "none.facade")
    (tmp_path / "bad.facade").write_bytes(b"\xff\xfe")
    with pytest.raises(GeovisionError, match="UTF-8"):
        load_facade(tmp_path / "bad.facade")


@pytest.mark.parametrize("name", builtin_facades())
def test_our_styles_compile_and_say_what_they_are(name: str) -> None:
    grammar = load_facade(name)
    assert grammar.title
    assert grammar.variables
    assert grammar.digest() == load_facade(name).digest()


WORDS = (
    *("rule", "wall", "{", "}", "split", "x", "z", "~", "'", ":", "1", "window", "repeat", "if", "else", "("),
    *(")", "let", "a", "=", "choose", "components", "front", "|", "floors", "place", "by", "up", "pick", ","),
    *("-", "not"),
)


@given(st.text(max_size=60) | st.lists(st.sampled_from(WORDS)).map(" ".join))
def test_any_text_compiles_or_is_a_rule_error(text: str) -> None:
    try:
        compile_text(f"facade 1 {text} rule wall {{ window }}")
    except RuleError as error:
        shown = str(error)
        assert "^" in shown


def test_the_kernel_has_the_same_codes() -> None:
    header = (ROOT / "cpp/include/geovision/facade.hpp").read_text()

    def codes(name: str) -> list[int]:
        body = header.split(f"enum class {name} ")[1].split("{", 1)[1].split("};")[0]
        return [int(line.split("=")[1].split(",")[0]) for line in body.split("\n") if "=" in line]

    assert codes("FacadeNode") == [int(item) for item in Node]
    assert codes("FacadeCode") == [int(item) for item in Code]
    assert codes("FacadeAttribute") == [int(item) for item in Attribute]
    assert [name.upper() for name in ELEMENTS] == [item.name for item in ElementKind]
    assert len(np.unique([int(item) for item in Attribute])) == len(Attribute)


MANUAL = (ROOT / "docs/facades.md").read_text(encoding="utf-8")


def test_the_manual_shows_rules_that_compile_and_the_errors_that_come() -> None:
    (example,) = re.findall(r"```\n(facade 1.*?)```", MANUAL, re.DOTALL)
    compile_text(example, "mine.facade")
    (shown,) = re.findall(r"```\n(mine\.facade:.*?)\n```", MANUAL, re.DOTALL)
    with pytest.raises(RuleError) as caught:
        compile_text(example.replace("~1 : Bay", "~1 : Bya"), "mine.facade")
    assert str(caught.value) == shown


def test_the_manual_names_every_word() -> None:
    words = {
        *ELEMENTS,
        *DROPPED,
        *builtin_facades(),
        *FUNCTIONS,
        *DESIGN_KEYS,
        *PROPS,
        *KEYWORDS,
        *COMPONENTS,
    }
    words |= {item.name.lower() for item in Attribute}
    named = set(re.findall(r"[a-z_0-9]+", MANUAL))
    assert words - named == {"true", "false"} - named
