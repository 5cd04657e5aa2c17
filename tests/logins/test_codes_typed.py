"""What is sent as a code, and what may be typed for it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.logins.configuration import ATTEMPTS, TEXTS, WORDED
from tests.logins.site import Site, words, wrong

Numbers = Callable[[int], list[str]]
TEXT = re.compile(r"([0-9]{6}) is your verification code\.")


def test_p1_codes_are_random_digits_and_zeros_in_front_count(site: Site, numbers: Numbers) -> None:
    # Of 300 uniform codes none begins with a zero once in 10**13 times; that a digit is missing at
    # some position is rarer.
    people = numbers(300)
    assert set(words(site.at_once([{"phone": number} for number in people]))) == {"OK"}
    texts = {message.to: message.text for message in site.sms.messages}
    found = {number: TEXT.fullmatch(texts[number]) for number in people}
    codes = {number: match[1] for number, match in found.items() if match}
    assert codes.keys() == set(people)
    for position in range(6):
        assert {code[position] for code in codes.values()} == set("0123456789")
    assert len(set(codes.values())) > 290
    number = next(number for number, code in codes.items() if code.startswith("0"))
    assert site.login(phone=number, otp=codes[number].lstrip("0"))["error"] == "BADOTP"
    assert site.login(phone=number, otp=codes[number])["result"] == "OK"


@pytest.mark.parametrize(
    ("otp", "error"),
    [
        (True, "BADREQUEST"),
        (["CODE"], "BADREQUEST"),
        ({"$ne": ""}, "BADREQUEST"),
        ({"otp": "CODE"}, "BADREQUEST"),
        (1e5, "BADREQUEST"),
        (-1, "BADREQUEST"),
        (0, "BADOTP"),
        (10**30, "BADOTP"),
    ],
    ids=repr,
)
def test_a21_codes_of_other_types(site: Site, number: str, otp: Any, error: str) -> None:
    code = site.code_for(number)
    typed = [code] if otp == ["CODE"] else {"otp": code} if otp == {"otp": "CODE"} else otp
    tries = 2 * ATTEMPTS if error == "BADREQUEST" else 1
    assert words(site.login(phone=number, otp=typed) for _ in range(tries)) == [error] * tries
    assert site.useradds(number) == []
    assert site.login(phone=number, otp=code)["result"] == "OK"


def test_a21_null_is_no_code(site: Site, number: str) -> None:
    code = site.code_for(number)
    assert site.login(phone=number, otp=None)["challenge"]["kind"] == "code"
    assert site.login(phone=number, otp=code)["result"] == "OK"
    assert site.sms.count(number) == 1


def test_a21_number_is_a_code(site: Site, numbers: Numbers) -> None:
    codes = {number: site.code_for(number) for number in numbers(10)}
    number, code = next((n, c) for n, c in codes.items() if not c.startswith("0"))
    assert site.login(phone=number, otp=int(code))["result"] == "OK"


@pytest.mark.parametrize(
    "typed",
    [
        *("{0:.3}", "{0:.5}", "{0}0", "0{0}", "{0}{0}", "x{0}", "{0}%", "{0}*"),
        *("%", "*", "______", "......", "{0:.5}?", "[0-9]+", "\u00b2{0}", "{0}\u0000", "{0},{0}"),
        *("' OR '1'='1", "{0}" + "1" * 8000),
    ],
)
def test_a23_nothing_but_the_whole_code(site: Site, number: str, typed: str) -> None:
    code = site.code_for(number)
    assert site.login(phone=number, otp=typed.format(code))["error"] == "BADOTP"
    assert site.useradds(number) == []
    assert site.login(phone=number, otp=code)["result"] == "OK"


@pytest.mark.parametrize(
    "spell",
    [
        lambda code: f" {code}\t",
        lambda code: f"{code[:3]} {code[3:]}",
        lambda code: f"{code[:3]}-{code[3:]}",
        lambda code: code.translate({48 + i: 0x0660 + i for i in range(10)}),
        lambda code: code.translate({48 + i: 0xFF10 + i for i in range(10)}),
        lambda code: f"\u200e{code}\u200f",
    ],
    ids=["a23_spaces_around", "space", "hyphen", "arabic_indic", "full_width", "marks"],
)
def test_p14_spellings_of_the_code(site: Site, number: str, spell: Callable[[str], str]) -> None:
    code = site.code_for(number)
    assert site.login(phone=number, otp=spell(wrong(code)[0]))["error"] == "BADOTP"
    assert site.login(phone=number, otp=spell(code))["result"] == "OK"


INJECTED = "https://evil.example/\r\nCall 1900 {code} {to}\u2028"


@pytest.mark.parametrize("field", ["name", "lang", "dt", "device", "email", "username", "user"])
def test_a25_nothing_that_a_client_sends_gets_into_the_message(
    site: Site, number: str, field: str
) -> None:
    code = site.code_for(number, appid=WORDED, **{field: INJECTED})
    assert site.sms.messages[-1].text == TEXTS["en"].format(code=code)
    assert site.sms.calls[-1].json.keys() == {"to", "text"}


@pytest.mark.parametrize(
    ("lang", "text"), [("de", "de"), ("de-AT", "de"), ("DE", "de"), ("fr", "en"), ("{code}", "en")]
)
def test_a25_language_is_one_of_the_list(site: Site, number: str, lang: str, text: str) -> None:
    code = site.code_for(number, appid=WORDED, lang=lang)
    assert site.sms.messages[-1].text == TEXTS[text].format(code=code)
