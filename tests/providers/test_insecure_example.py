"""The provider for trials: names and passwords in the configuration."""

from __future__ import annotations

from typing import Any, cast

import pytest

from providers import (
    Attempt,
    Context,
    Fields,
    Identity,
    Reason,
    Rejected,
    UnknownIdentity,
    _icons,
    load,
)
from providers.insecure_example import InsecureExample, InsecureExampleConfig
from tests.config.reading import parse, refused
from tests.providers.sending import Recorder

USERS = "users: {ann: correct horse, bob@example.com: battery, zoë: pässwörd 🔑}"


@pytest.fixture
def provider() -> InsecureExample:
    config = parse(InsecureExampleConfig, USERS)
    return InsecureExample("people", config, Context(Recorder()))


async def log_in(provider: InsecureExample, **fields: str) -> Any:
    typed = cast(Fields, fields)
    identity = provider.identify(typed)
    if identity is None:
        return None
    attempt = Attempt("app", "App", "people", identity, "192.0.2.1", "r")
    return await provider.begin(attempt, typed)


def test_it_is_the_type_of_its_name() -> None:
    assert load("insecure_example") is InsecureExample


def test_form_asks_for_name_and_password(provider: InsecureExample) -> None:
    assert provider.asks == ("username", "password")
    assert provider.icon == _icons.PERSON


@pytest.mark.parametrize(
    ("fields", "subject"),
    [
        ({"username": "ann", "password": "correct horse"}, "ann"),
        ({"username": "ANN", "password": "correct horse"}, "ann"),
        ({"email": "Bob@Example.com", "password": "battery"}, "bob@example.com"),
        ({"phone": "ann", "password": "correct horse"}, "ann"),
        ({"username": "Zoë", "password": "pässwörd 🔑"}, "zoë"),
    ],
)
async def test_right_password(
    provider: InsecureExample, fields: dict[str, str], subject: str
) -> None:
    assert await log_in(provider, **fields) == Identity(subject, username=subject)


@pytest.mark.parametrize(
    "password", ["correct hors", "correct horse ", "Correct horse", " ", "battery", "\u0000", "é"]
)
async def test_wrong_password(provider: InsecureExample, password: str) -> None:
    with pytest.raises(Rejected) as caught:
        await log_in(provider, username="ann", password=password)
    assert not isinstance(caught.value, UnknownIdentity)
    assert caught.value.reason is Reason.LOGIN


@pytest.mark.parametrize("name", ["nobody", "ann ", "*", "users", "__class__"])
async def test_unknown_name_is_for_the_next_provider(provider: InsecureExample, name: str) -> None:
    with pytest.raises(UnknownIdentity):
        await log_in(provider, username=name, password="correct horse")


@pytest.mark.parametrize(
    "fields", [{}, {"username": "ann"}, {"password": "x"}, {"username": "ann", "otp": "123456"}]
)
async def test_without_name_and_password_it_is_not_asked(
    provider: InsecureExample, fields: dict[str, str]
) -> None:
    assert await log_in(provider, **fields) is None


def test_every_start_warns(provider: InsecureExample) -> None:
    (warning,) = provider.warnings()
    assert "passwords stand in the configuration" in warning
    assert "correct horse" not in warning


def test_a_password_is_never_shown(provider: InsecureExample) -> None:
    for shown in (repr(provider.config), str(provider.config), provider.config.model_dump_json()):
        assert "correct horse" not in shown


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{}", "1:1: users: required key is missing"),
        ("users: {}", "1:8: users: must not be empty"),
        ("users: [ann]", "1:8: users: must be a mapping of keys to values"),
        (
            "users:\n  ann: x\n  Bob: y",
            "3:3: users.Bob: must be in lower case: names are compared without it",
        ),
        ("users: {ann: x}\npassword: y", "2:1: password: unknown key"),
    ],
)
def test_refused_configuration(text: str, problem: str) -> None:
    assert refused(InsecureExampleConfig, text) == [problem]


def test_password_out_of_a_list_is_refused() -> None:
    (problem,) = refused(InsecureExampleConfig, "users: {ann: [x]}")
    assert problem.startswith("1:14: users.ann: ")
