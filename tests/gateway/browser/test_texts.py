"""The texts of all languages, and which of them a browser gets."""

from __future__ import annotations

import re
import time
from string import Formatter

import orjson
import pytest

from gateway.browser.pages import FOLDER as TEMPLATES
from gateway.browser.texts import FOLDER, LANGUAGES, choose, texts

ENGLISH = texts("en").by_key
# Some languages need no other word.
SAME = {"seconds", "minutes", "hours", "otp", "password", "error_prefix"}


def placeholders(text: str) -> list[str]:
    return sorted(name for _, name, _, _ in Formatter().parse(text) if name is not None)


def test_there_is_one_file_for_each_language() -> None:
    assert {file.name for file in FOLDER.iterdir()} == {f"{lang}.json" for lang in LANGUAGES}
    assert len(LANGUAGES) == 12


@pytest.mark.parametrize("lang", LANGUAGES)
def test_texts_are_complete_and_have_the_same_placeholders(lang: str) -> None:
    raw = (FOLDER / f"{lang}.json").read_bytes()
    translated = orjson.loads(raw)
    keys = re.findall(r'^  "(\w+)":', raw.decode(), re.MULTILINE)
    assert keys == list(ENGLISH), "the same keys, each once, in the same order"
    for key, text in translated.items():
        assert placeholders(text) == placeholders(ENGLISH[key]), key
        assert text.strip() == text != "", key
        assert not re.search("[<>&]", text), f"{key}: markup is for templates"
        assert text.count("  ") == 0, key


@pytest.mark.parametrize("lang", [lang for lang in LANGUAGES if lang != "en"])
def test_texts_are_translated(lang: str) -> None:
    same = {key for key, text in texts(lang).by_key.items() if text == ENGLISH[key]}
    assert same <= SAME


def test_every_text_is_used() -> None:
    used = "".join(file.read_text() for file in TEMPLATES.iterdir())
    used += "".join(file.read_text() for file in FOLDER.parent.glob("*.py"))
    composed = re.compile("problem_|error_bad|error_ratelimit|error_unavailable|change_")
    fields = {"phone", "email", "username", "password"}
    unused = {
        key
        for key in ENGLISH
        if f'"{key}"' not in used and f"by_key.{key}" not in used and not composed.match(key)
    }
    assert unused <= fields


@pytest.mark.parametrize(
    ("asked", "header", "chosen"),
    [
        ("", "", "en"),
        ("de", "", "de"),
        ("de-AT", "fr", "de"),
        ("de_AT", "fr", "de"),
        ("DE", "", "de"),
        ("zh-Hant-TW", "", "zh"),
        ("xx", "fr", "fr"),
        ("xx", "yy", "en"),
        ("", "fr", "fr"),
        ("", "fr-CA, en;q=0.5", "fr"),
        ("", "en;q=0.5, fr-CA", "fr"),
        ("", "en;q=0.5,it;q=0.501", "it"),
        ("", "xx, ja;q=0.1", "ja"),
        ("", "en-GB;q=0.2, hi ; q=0.3", "hi"),
        ("", "pt-BR;Q=1.000", "pt"),
        ("", "tr;q=0, ru;q=0.001", "ru"),
        ("", "tr;q=0", "en"),
        ("", "*", "en"),
        ("", "de;q=2, fr;q=0.5", "fr"),
        ("", "de;q=x, fr;q=0.5", "fr"),
        ("", "de;;q=1", "en"),
        ("", "ar,de", "ar"),
        ("", "," * 2000 + "de", "en"),
        ("d e", "", "en"),
        ("../de", "", "en"),
        ("en\x00", "de", "de"),
        ("", "\u0661", "en"),
    ],
)
def test_language_is_what_was_asked_for_or_the_dearest_that_there_is(
    asked: str, header: str, chosen: str
) -> None:
    assert choose(asked, header) == chosen


@pytest.mark.parametrize(
    "header",
    [
        "a" * 100_000,
        "," * 100_000,
        "a-" * 50_000,
        "de;q=" + "0" * 100_000,
        " " * 100_000,
        "aa-" * 9999,
    ],
)
def test_hostile_headers_cost_nothing(header: str) -> None:
    started = time.perf_counter()
    for _ in range(20):
        assert choose(header, header) == "en"
    assert time.perf_counter() - started < 1


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0, "1 s"),
        (0.2, "1 s"),
        (59.1, "60 s"),
        (119.5, "120 s"),
        (120, "2 min"),
        (601, "11 min"),
        (7200, "2 h"),
        (80_000, "23 h"),
    ],
)
def test_time_is_rounded_up(seconds: float, told: str) -> None:
    assert texts("en").duration(seconds) == told


def test_names_cannot_turn_the_text_around_them() -> None:
    assert texts("en")("back", app="\u05d0\u05d1") == "Back to \u2068\u05d0\u05d1\u2069"


def test_placeholders_in_a_name_are_not_filled() -> None:
    assert texts("en")("back", app="{app.x}") == "Back to \u2068{app.x}\u2069"
