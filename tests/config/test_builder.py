from __future__ import annotations

import re
import time
from textwrap import dedent

import pytest
import yaml

from config import builder
from tests.config.reading import document, refused_text


@pytest.fixture(params=["libyaml", "pure Python"])
def _parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a test with both parsers: where libyaml is missing the pure one takes over."""
    if request.param == "pure Python":
        monkeypatch.setattr(builder, "_LOADER", yaml.SafeLoader)
    else:
        assert builder._LOADER is yaml.CSafeLoader


pytestmark = pytest.mark.usefixtures("_parser")


def test_values_become_plain_python() -> None:
    text = """\
        text: plain
        quoted: "no"
        single: '12'
        block: |
          two
          lines
        folded: >-
          one
          line
        nothing:
        number: 12
        flow: {list: [1, true, ~], empty: {}}
        items:
          - name: a
          - [b]
    """
    assert document(dedent(text)).data == {
        "text": "plain",
        "quoted": "no",
        "single": "12",
        "block": "two\nlines\n",
        "folded": "one line",
        "nothing": None,
        "number": 12,
        "flow": {"list": [1, True, None], "empty": {}},
        "items": [{"name": "a"}, ["b"]],
    }


def test_alias_repeats_its_anchor() -> None:
    text = """\
        one: &keys {a: &value x, b: [1]}
        two: *keys
        three: *value
    """
    data = document(dedent(text)).data
    assert data["two"] == data["one"] == {"a": "x", "b": [1]}
    assert data["three"] == "x"
    assert data["two"] is not data["one"]


def test_last_anchor_of_a_name_counts() -> None:
    assert document("a: &x 1\nb: &x 2\nc: *x").data["c"] == 2


@pytest.mark.parametrize(
    "text",
    ["[" * 40_000, "{a: " * 40_000, "- " * 40_000 + "x", "? " * 40_000, "a: [" * 40_000],
    ids=["flow lists", "flow mappings", "block lists", "block keys", "mixed"],
)
def test_deep_nesting_is_refused(text: str) -> None:
    (problem,) = refused_text(text)
    assert problem.endswith("nested more than 32 levels deep")


@pytest.mark.parametrize("depth", [31, 32, 33])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ("{a: ", "}"), ("- ", "")])
def test_nesting_is_allowed_to_a_depth(opening: str, closing: str, depth: int) -> None:
    text = opening * depth + "x" + closing * depth
    if depth <= builder.MAX_DEPTH:
        assert document(text).data
    else:
        (problem,) = refused_text(text)
        assert problem.endswith("nested more than 32 levels deep")


@pytest.mark.parametrize("depth", [15, 16])
def test_depth_counts_through_aliases(depth: int) -> None:
    text = f"- &x {'[' * depth}{']' * depth}\n- {'[' * depth} *x {']' * depth}"
    if 1 + depth + depth <= builder.MAX_DEPTH:
        assert document(text).data
    else:
        (problem,) = refused_text(text)
        assert problem.endswith("nested more than 32 levels deep")


def test_alias_bomb_is_refused_at_once() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 7)]
    started = time.monotonic()
    (problem,) = refused_text("\n".join(lines))
    assert problem.endswith("more than 50000 values")
    assert time.monotonic() - started < 1


def test_values_of_aliases_count() -> None:
    row = f"[{', '.join('x' * 1000)}]"
    text = f"one: &row {row}\nmore: [{', '.join(['*row'] * 49)}]"
    (problem,) = refused_text(text)
    assert problem == "2:296: more.48: more than 50000 values"


@pytest.mark.parametrize("count", [64, 65])
def test_aliases_are_counted(count: int) -> None:
    text = f"a: &x 1\nb: [{', '.join(['*x'] * count)}]"
    if count <= builder.MAX_ALIASES:
        assert document(text).data["b"] == [1] * count
    else:
        assert refused_text(text) == ["2:261: b.64: more than 64 aliases"]


def test_plain_values_are_counted() -> None:
    (problem,) = refused_text("- x\n" * 50_001)
    assert problem == "50000:3: 49999: more than 50000 values"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\nb: 2\na: 3", "3:1: a: duplicate key, first given in line 1"),
        ("a: 1\n'a': 3", "2:1: a: duplicate key, first given in line 1"),
        ("l:\n  - {k: 1, k: 2}", "2:12: l.0.k: duplicate key, first given in line 2"),
        (
            "a: &x {b: 1}\nc:\n  <<: *x",
            "3:3: c: merge keys (<<) are not supported: write the keys out",
        ),
        ("1: a", "1:1: a key must be text: put it in quotes"),
        ("a: {true: b}", "1:5: a: a key must be text: put it in quotes"),
        ("? [a]\n: b", "1:3: a key must be text: put it in quotes"),
        ("? {a: 1}\n: b", "1:3: a key must be text: put it in quotes"),
        ("~: a", "1:1: a key must be text: put it in quotes"),
        ("a: *x", "1:4: a: an alias needs its anchor complete before it"),
        ("a: &x [*x]", "1:8: a.0: an alias needs its anchor complete before it"),
        ("a: &x {b: {c: *x}}", "1:15: a.b.c: an alias needs its anchor complete before it"),
        ("a: !!str 5", "1:4: a: tags are not supported: put text that starts with ! in quotes"),
        ("a: !x {b: 1}", "1:4: a: tags are not supported: put text that starts with ! in quotes"),
        ("a: [! b]", "1:5: a.0: tags are not supported: put text that starts with ! in quotes"),
        ("a: 1\n---\nb: 2", "2:1: only one YAML document is allowed in the file"),
        ("", "1:1: the file is empty"),
        ("# comment\n", "1:1: the file is empty"),
        ("---\n...\n", "1:1: the file is empty"),
        ("~", "1:1: the file is empty"),
    ],
)
def test_yaml_outside_the_subset_is_refused(text: str, problem: str) -> None:
    assert refused_text(text) == [problem]


def test_quoted_merge_key_and_quoted_number_are_keys() -> None:
    assert document('"<<": 1\n"+18005550100": 2').data == {"<<": 1, "+18005550100": 2}


def test_all_problems_are_told_at_once() -> None:
    text = "a: 1\na: {b: 1, b: 2}\n3: x\nc: !t x\nd: [1"
    *ours, syntax = refused_text(text)
    assert ours == [
        "2:1: a: duplicate key, first given in line 1",
        "2:11: b: duplicate key, first given in line 2",
        "3:1: a key must be text: put it in quotes",
        "4:4: c: tags are not supported: put text that starts with ! in quotes",
    ]
    assert "not valid YAML" in syntax


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: [1, 2\n", 2),
        ("a: b: c", 1),
        ("a: 'open", 1),
        ("a: @b", 1),
        ("a: `b", 1),
        ("a:\n  b: 1\n c: 2", 3),
        ("%YAML 3.0\n---\na: b", 1),
        ('a: "\\q"', 1),
        ("- a\nb: c", 2),
    ],
)
def test_bad_syntax_is_refused_in_its_line(text: str, line: int) -> None:
    (problem,) = refused_text(text)
    assert re.fullmatch(rf"{line}:[0-9]+: not valid YAML.*", problem)


@pytest.mark.parametrize("text", ["\ta: b", "a:\n\tb: c", "a:\n  b: c\n\td: e"])
def test_tab_indent_is_named(text: str) -> None:
    (problem,) = refused_text(text)
    assert problem.endswith("a tab cannot indent or separate here, use spaces")
