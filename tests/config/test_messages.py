from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import AfterValidator, Field, model_validator

from config import Duration, Model, Secret
from tests.config.reading import refused


class Http(Model):
    type: Literal["http"]
    url: str
    token: Secret | None = None
    json_body: Any = Field(default=None, alias="json")
    success: dict[str, int] = Field(default={})


class Smtp(Model):
    type: Literal["smtp"]
    host: str
    port: Annotated[int, Field(gt=0, lt=65_536)] = 25
    smtp: int = 0

    @model_validator(mode="after")
    def _no_telnet(self) -> Smtp:
        if self.port == 23:
            raise ValueError("port and host do not go together")
        return self


Sender = Annotated[Http | Smtp, Field(discriminator="type")]


def _has_code(text: str) -> str:
    if "{code}" not in text:
        raise ValueError("must contain {code}")
    return text


Template = Annotated[str, AfterValidator(_has_code)]


class Config(Model):
    senders: list[Sender] = Field(default=[])
    sender: Sender | None = None
    by_name: dict[str, Sender] = Field(default={})
    template: Template | dict[str, Template] = "{code}"
    password: str | None = None
    level: Literal["low", "high"] = "low"
    region: Annotated[str, Field(min_length=2, max_length=2)] = "GB"
    prefix: Annotated[str, Field(pattern=r"^\+[0-9]+$")] = "+1"
    label: Annotated[str, Field(min_length=1)] = "x"
    wait: Annotated[Duration, Field(gt=1, lt=3_600)] = 60.0
    pair: Annotated[list[int], Field(min_length=2, max_length=3)] = Field(default=[1, 2])
    nothing: None = None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("level: middle", "1:8: level: must be 'low' or 'high'"),
        ("level: 5", "1:8: level: must be 'low' or 'high'"),
        ("region: GBR", "1:9: region: must have at most 2 characters"),
        ("region: G", "1:9: region: must have at least 2 characters"),
        ("label: ''", "1:8: label: must not be empty"),
        ("label:", "1:7: label: must be text"),
        ("label: 2026", "1:8: label: must be text: put it in quotes"),
        ("label: 1.5", "1:8: label: must be text: put it in quotes"),
        ("label: true", "1:8: label: must be text: put it in quotes"),
        ("label: [a]", "1:8: label: must be text"),
        ("prefix: 44", "1:9: prefix: must be text: put it in quotes"),
        ("prefix: '44'", r"1:9: prefix: must match the pattern ^\+[0-9]+$"),
        ("wait: 1s", "1:7: wait: must be more than 1s"),
        ("wait: 1h", "1:7: wait: must be less than 1h"),
        ("pair: [1]", "1:7: pair: must have at least 2 entries"),
        ("pair: [1, 2, 3, 4]", "1:7: pair: must have at most 3 entries"),
        ("nothing: 5", "1:10: nothing: must be null"),
        ("by_name: 5", "1:10: by_name: must be a mapping of keys to values"),
        ("[]", "1:1: must be a mapping of keys to values"),
        ("text", "1:1: must be a mapping of keys to values"),
    ],
)
def test_message_is_in_plain_words(text: str, problem: str) -> None:
    assert refused(Config, text) == [problem]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("sender: {type: http}", "1:9: sender.url: required key is missing"),
        ("sender: {type: smtp, host: 5}", "1:28: sender.host: must be text: put it in quotes"),
        ("sender: {type: smtp, host: a, port: 0}", "1:37: sender.port: must be more than 0"),
        (
            "sender: {type: smtp, host: a, port: 65536}",
            "1:37: sender.port: must be less than 65536",
        ),
        ("senders: [{type: http}]", "1:11: senders.0.url: required key is missing"),
        ("by_name: {http: {type: http}}", "1:17: by_name.http.url: required key is missing"),
        ("by_name: {a: {type: smtp}}", "1:14: by_name.a.host: required key is missing"),
        ("sender: {type: htpt}", "1:16: sender.type: must be one of 'http', 'smtp'"),
        ("sender: {type: 5}", "1:16: sender.type: must be one of 'http', 'smtp'"),
        ("sender: {url: x}", "1:9: sender.type: required key is missing"),
        ("sender: http", "1:9: sender: must be a mapping of keys to values"),
        ("senders: [http]", "1:11: senders.0: must be a mapping of keys to values"),
        (
            "sender: {type: smtp, host: a, port: 23}",
            "1:9: sender: port and host do not go together",
        ),
        ("sender: {type: smtp, host: a, smtp: x}", "1:37: sender.smtp: must be a whole number"),
        ("sender: {type: http, url: a, http: 5}", "1:30: sender.http: unknown key"),
        (
            "sender: {type: http, url: a, success: {a: x}}",
            "1:43: sender.success.a: must be a whole number",
        ),
    ],
)
def test_type_that_tells_models_apart_is_not_in_the_path(text: str, problem: str) -> None:
    assert refused(Config, text) == [problem]


def test_key_named_as_the_type_does_not_lead_astray() -> None:
    assert refused(Config, "sender: {type: http, http: {url: x}}") == [
        "1:9: sender.url: required key is missing",
        "1:22: sender.http: unknown key",
    ]


OR_A_MAPPING = ", or must be a mapping of keys to values"


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("template: x", [f"1:11: template: must contain {{code}}{OR_A_MAPPING}"]),
        ("template: 5", [f"1:11: template: must be text: put it in quotes{OR_A_MAPPING}"]),
        ("template: {de: 5}", ["1:16: template.de: must be text: put it in quotes"]),
        (
            "template: {de: x, en: '{code}', fr: y}",
            ["1:16: template.de: must contain {code}", "1:37: template.fr: must contain {code}"],
        ),
    ],
)
def test_value_of_several_forms_gives_one_problem_per_place(text: str, problems: list[str]) -> None:
    assert refused(Config, text) == problems


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("pasword: x", '1:1: pasword: unknown key; did you mean "password"?'),
        ("PASSWORD_: x", "1:1: PASSWORD_: unknown key"),
        ("zzz: x", "1:1: zzz: unknown key"),
        (
            "sender: {type: http, url: a, tokne: x}",
            '1:30: sender.tokne: unknown key; did you mean "token"?',
        ),
        (
            "sender: {type: http, url: a, jsn: x}",
            '1:30: sender.jsn: unknown key; did you mean "json"?',
        ),
        (
            "by_name:\n  a: {type: smtp, host: b, prot: 5}",
            '2:28: by_name.a.prot: unknown key; did you mean "port"?',
        ),
    ],
)
def test_unknown_key_stands_at_itself_with_a_suggestion_c20(text: str, problem: str) -> None:
    assert refused(Config, text) == [problem]


def test_suggestion_for_content_of_an_alias_is_from_the_right_model() -> None:
    text = "by_name:\n  a: &x {type: http, url: b, tokne: c}\n  b: *x"
    assert refused(Config, text) == [
        '2:30: by_name.a.tokne: unknown key; did you mean "token"?',
        '2:30: by_name.b.tokne: unknown key; did you mean "token"?',
    ]


def test_very_long_key_costs_nothing() -> None:
    (problem,) = refused(Config, f"? {'password' * 100_000}\n: x")
    assert len(problem) < 200


def _gives_away(text: str) -> str:
    raise ValueError(f"cannot use {text}")


def _gives_a_part_away(values: dict[str, Any]) -> dict[str, Any]:
    raise ValueError(f"cannot use {values['deep'][0]}")


def _fails_inside(text: str) -> int:
    return int(text)


def _says_it_in_lines(text: str) -> str:
    raise ValueError("must be other,\n\tin one line")


class Careless(Model):
    whole: Annotated[str, AfterValidator(_gives_away)] = ""
    part: Annotated[dict[str, Any], AfterValidator(_gives_a_part_away)] = Field(default={})
    inner: Annotated[str, AfterValidator(_fails_inside)] = ""
    lines: Annotated[str, AfterValidator(_says_it_in_lines)] = ""


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("whole: hunter2", "1:8: whole: is not valid"),
        ("part: {deep: [hunter2]}", "1:7: part: is not valid"),
        ("inner: hunter2", "1:8: inner: is not valid"),
        ("lines: hunter2", "1:8: lines: must be other, in one line"),
    ],
)
def test_message_of_a_validator_that_holds_the_value_is_not_shown(text: str, problem: str) -> None:
    assert refused(Careless, text) == [problem]


class Unusual(Model):
    multiple: Annotated[int, Field(multiple_of=5)] = 5
    raw: bytes = b""


@pytest.mark.parametrize("text", ["multiple: 7", "raw: hunter2"])
def test_error_without_words_of_ours_is_still_told(text: str) -> None:
    (problem,) = refused(Unusual, text)
    assert problem.endswith(": is not valid")
