from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationInfo, field_validator

from config import ConfigError, Model, parse_text, read
from tests.config.reading import document, refused_text

TEXT = """\
name: x
tls:
  certificate: a
  private_key: "b"
apps:
  one: {share: {text: hi}}
list:
  - first
  - {second: 2}
"""


@pytest.mark.parametrize(
    ("path", "position"),
    [
        ((), (1, 1)),
        (("name",), (1, 7)),
        (("tls",), (3, 3)),
        (("tls", "private_key"), (4, 16)),
        (("apps", "one"), (6, 8)),
        (("apps", "one", "share", "text"), (6, 23)),
        (("list", 0), (8, 5)),
        (("list", 1, "second"), (9, 14)),
    ],
)
def test_position_of_a_value(path: tuple[str | int, ...], position: tuple[int, int]) -> None:
    assert document(TEXT).position(path) == position


@pytest.mark.parametrize(
    ("path", "position"),
    [
        (("absent",), (1, 1)),
        (("absent", "deep", 3), (1, 1)),
        (("tls", "absent"), (3, 3)),
        (("list", 7), (8, 3)),
        (("list", "key"), (8, 3)),
        (("name", "below"), (1, 7)),
        (("name", 0), (1, 7)),
    ],
)
def test_position_of_what_is_absent_is_that_of_the_nearest_parent(
    path: tuple[str | int, ...], position: tuple[int, int]
) -> None:
    assert document(TEXT).position(path) == position


def test_alias_stands_where_it_is_written_and_its_content_where_that_is() -> None:
    read_text = document("one: &x\n  key: 1\ntwo: *x\n")
    assert read_text.position(("two",)) == (3, 6)
    assert read_text.position(("two", "key")) == (2, 8)


def test_problem_has_file_and_position() -> None:
    problem = document(TEXT).problem(("tls", "certificate"), "cannot be used")
    assert str(problem) == "g.yaml:3:16: tls.certificate: cannot be used"


class Inner(Model):
    count: int
    name: str


def test_subtree_is_parsed_with_paths_from_the_root() -> None:
    outer = document("outer:\n  - inner: {count: 3, name: x}\n  - inner: {count: '3'}")
    assert outer.parse(Inner, at=("outer", 0, "inner")) == Inner(count=3, name="x")
    with pytest.raises(ConfigError) as caught:
        outer.parse(Inner, at=("outer", 1, "inner"))
    assert [str(problem) for problem in caught.value.problems] == [
        "g.yaml:3:12: outer.1.inner.name: required key is missing",
        "g.yaml:3:20: outer.1.inner.count: must be a whole number",
    ]


@pytest.mark.parametrize(
    ("at", "position"),
    [
        (("outer", "config"), "1:8"),
        (("outer", 4, "config"), "1:8"),
        (("absent", "config"), "1:1"),
        (("outer", "text", "config"), "1:15"),
    ],
)
def test_absent_subtree_is_an_empty_mapping(at: tuple[str | int, ...], position: str) -> None:
    with pytest.raises(ConfigError) as caught:
        document("outer: {text: x}").parse(Inner, at=at)
    path = ".".join(map(str, at))
    assert [str(problem) for problem in caught.value.problems] == [
        f"g.yaml:{position}: {path}.count: required key is missing",
        f"g.yaml:{position}: {path}.name: required key is missing",
    ]


def test_null_subtree_is_no_mapping() -> None:
    with pytest.raises(ConfigError, match="outer: must be a mapping of keys to values"):
        document("outer:").parse(Inner, at=("outer",))


class Asking(Model):
    value: str

    @field_validator("value")
    @classmethod
    def _check(cls, value: str, info: ValidationInfo) -> str:
        if info.context is None or not info.context.get("allowed"):
            raise ValueError("not allowed here")
        return value


@pytest.mark.parametrize("context", [None, {}, {"allowed": False}])
def test_validators_refuse_by_context(context: dict[str, Any] | None) -> None:
    with pytest.raises(ConfigError, match="value: not allowed here"):
        document("value: x").parse(Asking, context=context)


def test_validators_see_the_context() -> None:
    assert document("value: x").parse(Asking, context={"allowed": True}).value == "x"


def test_error_carries_no_cause_that_holds_values() -> None:
    with pytest.raises(ConfigError) as caught:
        document("count: hunter2\nname: x").parse(Inner)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "g.yaml"
    file.write_bytes(b"\xef\xbb\xbfname: \xc3\xa4\xf0\x9f\x94\x91\r\nb: 2\r\n")
    loaded = read(file)
    assert loaded.data == {"name": "ä🔑", "b": 2}
    assert loaded.position(("name",)) == (1, 7)
    assert loaded.file == str(file)
    assert read(str(file)).data == loaded.data


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("absent.yaml", "No such file or directory"),
        (".", "Is a directory"),
        ("plain/g.yaml", "Not a directory"),
    ],
)
def test_unreadable_file_is_refused(tmp_path: Path, path: str, reason: str) -> None:
    (tmp_path / "plain").touch()
    file = f"{tmp_path}/{path}"
    with pytest.raises(ConfigError) as caught:
        read(file)
    assert str(caught.value) == f"{file}:1:1: cannot read the file: {reason}"


def test_file_that_fails_while_it_is_read_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"mem:1:1: cannot read the file: Input/output error"):
        read("/proc/self/mem")


def test_endless_file_is_refused() -> None:
    with pytest.raises(ConfigError, match="larger than 1 MiB"):
        read("/dev/zero")


@pytest.mark.parametrize(
    ("size", "fits"), [(1 << 20, True), ((1 << 20) + 1, False), (2 << 20, False)]
)
def test_file_size_is_limited(tmp_path: Path, size: int, fits: bool) -> None:
    file = tmp_path / "g.yaml"
    file.write_bytes(b"a: b\n".ljust(size, b"#"))
    if fits:
        assert read(file).data
    else:
        with pytest.raises(ConfigError) as caught:
            read(file)
        assert str(caught.value) == f"{file}:1:1: the file is larger than 1 MiB"


@pytest.mark.parametrize(
    ("content", "position"),
    [
        (b"a: \xff", "1:4"),
        (b"a: b\nc: \xc3\xa4\xc3", "2:5"),
        (b"\xff\xfea\x00:\x00", "1:1"),
        (b"\xef\xbb\xbfa: \xe9", "1:4"),
    ],
    ids=["invalid byte", "cut short", "UTF-16", "Latin-1 after a byte order mark"],
)
def test_text_that_is_not_utf8_is_refused(tmp_path: Path, content: bytes, position: str) -> None:
    file = tmp_path / "g.yaml"
    file.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read(file)
    assert str(caught.value) == f"{file}:{position}: the file is not UTF-8 text here"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: \x00", "1:4: the character U+0000 is not allowed"),
        ("a: b\nc: d\x1b[2J", "2:5: the character U+001B is not allowed"),
        ("a: \ud800", "1:4: the character U+D800 is not allowed"),
        ("\ufffe", "1:1: the character U+FFFE is not allowed"),
    ],
)
def test_control_characters_are_refused(text: str, problem: str) -> None:
    assert refused_text(text) == [problem]


def test_representation_shows_no_values() -> None:
    assert "hunter2" not in repr(parse_text("secret: hunter2", "g.yaml"))


def test_relative_directory_is_that_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "g.yaml").write_text("count: 1\nname: x")
    assert read(os.path.relpath(tmp_path / "g.yaml")).parse(Inner).count == 1
