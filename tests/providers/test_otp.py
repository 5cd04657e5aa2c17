"""What providers of one-time codes share."""

from __future__ import annotations

import pytest

from providers._otp import CodeConfig, choose, compose
from tests.config.reading import parse

TEXTS = {"pt-BR": "BR", "de": "DE", "zh-Hant": "Hant", "en": "EN", "fr": "FR"}


@pytest.mark.parametrize(
    ("lang", "text"),
    [
        ("de", "DE"),
        ("de-AT", "DE"),
        ("de_AT", "DE"),
        ("DE-at", "DE"),
        ("pt-br", "BR"),
        ("pt_BR", "BR"),
        ("pt-BR-x-mine", "BR"),
        ("zh-Hant-TW", "Hant"),
        ("zh-Hans-CN", "EN"),
        ("pt", "EN"),
        ("", "EN"),
        (None, "EN"),
        ("-", "EN"),
        ("-de", "EN"),
        ("xx", "EN"),
        ("deu", "EN"),
        ("{code}", "EN"),
        ("e" * 5000, "EN"),
        ("a-" * 5000, "EN"),
        ("de" + "-x" * 5000, "DE"),
    ],
)
def test_a25_language_of_a_text(lang: str | None, text: str) -> None:
    assert choose(TEXTS, lang) == text


def test_without_english_the_first_text_is_the_one_for_others() -> None:
    assert choose({"fr": "FR", "de": "DE"}, "it") == "FR"


def test_one_text_is_for_everybody() -> None:
    assert choose("text", "de") == "text"


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{app}: {code}, {minutes}", "{code} & Co: 1, 5"),
        ("{code}{code}", "11"),
        ("{0} {name} {Code} {{code}} $code %s", "{0} {name} {Code} {1} $code %s"),
    ],
)
def test_placeholders_are_filled_once(template: str, text: str) -> None:
    assert compose(template, code="1", app="{code} & Co", minutes=5) == text


@pytest.mark.parametrize(
    ("lifetime", "minutes"),
    [("10m", 10), ("5m", 5), ("90s", 2), ("89s", 1), ("60s", 1), ("30s", 1), ("5s", 1)],
)
def test_people_are_told_whole_minutes_and_never_none(lifetime: str, minutes: int) -> None:
    assert parse(CodeConfig, f"lifetime: {lifetime}").minutes == minutes
