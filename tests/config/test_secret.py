from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import SecretStr

from config import Document, Model, Secret, parse_text
from tests.config.reading import parse, refused


class Keyed(Model):
    token: Secret


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for secret files that only their owner can read."""
    (tmp_path / "token").write_text("from a file\n")
    (tmp_path / "token").chmod(0o600)
    return tmp_path


def in_folder(folder: Path, text: str) -> Document:
    return parse_text(text, str(folder / "g.yaml"))


@pytest.mark.parametrize("text", ["hunter2", "'a: b # {env: X}'", '"0123"', "0123", "no"])
def test_secret_is_text(text: str) -> None:
    token = parse(Keyed, f"token: {text}").token
    assert type(token) is SecretStr
    assert token.get_secret_value() == text.strip("'\"")
    assert repr(Keyed(token=token)) == "Keyed(token=SecretStr('**********'))"


def test_secret_is_an_environment_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GW_TOKEN", " from: the environment\n")
    token = parse(Keyed, "token: {env: GW_TOKEN}").token
    assert token.get_secret_value() == " from: the environment\n"


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("GW_UNSET", "environment variable GW_UNSET is not set"),
        ("GW_EMPTY", "environment variable GW_EMPTY is empty"),
        ("GW_BYTES", "environment variable GW_BYTES is not UTF-8 text"),
        ("'GW TOKEN'", "env must be the name of an environment variable"),
        ("''", "env must be the name of an environment variable"),
        ('"GW_TOKEN\\n"', "env must be the name of an environment variable"),
        ("$GW_TOKEN", "env must be the name of an environment variable"),
        ("'a=b'", "env must be the name of an environment variable"),
        ('"A\\0"', "env must be the name of an environment variable"),
    ],
)
def test_environment_variable_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, problem: str
) -> None:
    monkeypatch.setenv("GW_EMPTY", "")
    monkeypatch.setenv("GW_BYTES", os.fsdecode(b"\xff"))
    assert refused(Keyed, f"token: {{env: {name}}}") == [f"1:8: token: {problem}"]


@pytest.mark.parametrize(
    ("content", "secret"),
    [
        (b"word", "word"),
        (b"word\n", "word"),
        (b"word\r\n", "word"),
        (b"word\n\n", "word\n"),
        (b" word \n", " word "),
        (b"two\nlines\n", "two\nlines"),
        ("schlüssel\n".encode(), "schlüssel"),
        (b"w" * 65_536, "w" * 65_536),
    ],
    ids=lambda value: str(value[:12]),
)
def test_one_line_break_at_the_end_of_a_file_is_stripped_a155(
    folder: Path, content: bytes, secret: str
) -> None:
    (folder / "token").write_bytes(content)
    token = in_folder(folder, f"token: {{file: '{folder}/token'}}").parse(Keyed).token
    assert token.get_secret_value() == secret


def test_relative_file_is_beside_the_configuration(folder: Path) -> None:
    token = in_folder(folder, "token: {file: token}").parse(Keyed).token
    assert token.get_secret_value() == "from a file"


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("absent", "secret file absent cannot be read: No such file or directory"),
        ("token/x", "secret file token/x cannot be read: Not a directory"),
        (".", "secret file . is not a regular file"),
        ("/dev/zero", "secret file /dev/zero is not a regular file"),
        ("pipe", "secret file pipe is not a regular file"),
        ("/proc/self/mem", "secret file /proc/self/mem cannot be read: Input/output error"),
        ("empty", "secret file empty is empty"),
        ("newline", "secret file newline is empty"),
        ("bytes", "secret file bytes is not UTF-8 text"),
        ("long", "secret file long is larger than 64 KiB"),
        ("''", "must be the path of a file"),
        ('"a\\0b"', "must be the path of a file"),
        ('"a\\nb"', "must be the path of a file"),
    ],
)
def test_secret_file_refused_a155(folder: Path, name: str, problem: str) -> None:
    (folder / "empty").touch()
    (folder / "newline").write_text("\n")
    (folder / "bytes").write_bytes(b"\xff")
    (folder / "long").write_bytes(b"w" * 65_537)
    os.mkfifo(folder / "pipe")
    read = in_folder(folder, f"token: {{file: {name}}}")
    with pytest.raises(Exception, match="token") as caught:
        read.parse(Keyed)
    assert str(caught.value) == f"{folder}/g.yaml:1:8: token: {problem}"


@pytest.mark.parametrize(
    ("mode", "warned"), [(0o600, False), (0o640, False), (0o644, True), (0o604, True)]
)
def test_file_that_everybody_can_read_is_a_warning_a155(
    folder: Path, mode: int, warned: bool
) -> None:
    (folder / "token").chmod(mode)
    read = in_folder(folder, "token: {file: token}")
    read.parse(Keyed)
    read.parse(Keyed)
    warning = "secret file token can be read by every user of this machine"
    assert read.warnings == ([warning] if warned else [])


FORMS = "must be text, {env: NAME} or {file: PATH}"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("12345678", "must be text: put it in quotes"),
        ("1.5", "must be text: put it in quotes"),
        ("true", "must be text: put it in quotes"),
        ("''", "must not be empty"),
        ("null", FORMS),
        ("", FORMS),
        ("[hunter2]", FORMS),
        ("{}", FORMS),
        ("{evn: GW_TOKEN}", FORMS),
        ("{env: 5}", FORMS),
        ("{file: [x]}", FORMS),
        ("{env: GW_TOKEN, file: token}", FORMS),
        ("{env: GW_TOKEN, default: x}", FORMS),
    ],
)
def test_other_forms_are_refused(text: str, problem: str) -> None:
    (found,) = refused(Keyed, f"token: {text}")
    assert found.split(": ", 1)[1] == f"token: {problem}"


def test_schema_has_the_three_forms() -> None:
    forms = Keyed.model_json_schema()["properties"]["token"]["anyOf"]
    assert [form["type"] for form in forms] == ["string", "object", "object"]
    assert [form.get("required") for form in forms] == [None, ["env"], ["file"]]
