from __future__ import annotations

import unicodedata
from typing import Any

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import PhoneMetadata, PhoneNumber, PhoneNumberType

from providers._phone import MAX_INPUT, ImpossibleNumber, NotANumber, PhoneNumbers

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
anywhere = PhoneNumbers(None)


def digits_of(number: PhoneNumber) -> str:
    return f"{number.country_code}{phonenumbers.national_significant_number(number)}"


def example_of(region: str, kind: int) -> str | None:
    number = phonenumbers.example_number_for_type(region, kind)
    return None if number is None else digits_of(number)


MOBILES = {r: m for r in REGIONS if (m := example_of(r, PhoneNumberType.MOBILE)) is not None}


# --- spellings ------------------------------------------------------------------------------------


def in_script(zero: str, plus: str = "+") -> str:
    return plus + "".join(chr(ord(zero) + int(digit)) for digit in "18885551111")


SPELLINGS = {
    "P8 as the apps send it": "18885551111",
    "P8 with plus": "+18885551111",
    "P8 with spaces, case 14": "+1 888 555 1111",
    "P8 with hyphens, case 14": "1-888-555-1111",
    "P8 with 00, case 14": "001 888 555 1111",
    "P8 a JSON number, case 14": str(18885551111),
    "P8 with brackets and dots": "+1 (888) 555.1111",
    "P8 with slashes": "+1/888/555/1111",
    "P8 with trunk prefix": "+1 1 888 555 1111",
    "P8 as a tel URI": "tel:+1-888-555-1111",
    "P8 plus in brackets": "(+1) 888 555 1111",
    "P8 no-break and thin spaces": "+1\u00a0888\u202f555\u20091111",
    "plus-minus sign": "\u00b118885551111",
    "plus and 00": "+0018885551111",
    "two pluses": "++18885551111",
    "upper-case tel": "TEL:+18885551111",
    "blanks around": " \t18885551111\r\n",
    "many blanks around": " " * 50 + "18885551111" + " " * 50,
    "tab within": "1\t888\t5551111",
    "hyphens of all kinds": "+1\u2010888\u2011555\u201211\u201311\u2014\u2212\u30fc\u2043\u00ad",
    "square and full-width brackets": "+1 [888] \uff08555\uff091111",
    "embedding marks of a copied contact": "\u202a+1 888 555 1111\u202c",
    "isolate marks": "\u2066+1 888 555 1111\u2069",
    "zero-width characters": "\u200b+1\u200c888\u200d555\u200e1111\u200f\ufeff",
    "P14 full-width": in_script("\uff10", plus="\uff0b"),
    "P14 Arabic-Indic": in_script("\u0660"),
    "P14 Persian": in_script("\u06f0"),
    "P14 Devanagari": in_script("\u0966"),
    "P14 Bengali": in_script("\u09e6"),
    "P14 mathematical": in_script("\U0001d7ce"),
    "P14 two scripts": "+1 888 \u0665\u0665\u0665 1111",
    "P14 superscript": "+1888555111\u00b9",
}


@pytest.mark.parametrize("text", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_spellings_of_one_number_are_one(text: str) -> None:
    assert anywhere.canonical(text) == "18885551111"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        pytest.param("18005551234", "18005551234", id="documented, possible but not assigned"),
        pytest.param("+447911123456", "447911123456", id="A13 without trunk zero"),
        pytest.param("+44 0 7911 123456", "447911123456", id="A13 with trunk zero"),
        pytest.param("+44 (0)7911 123456", "447911123456", id="A13 trunk zero in brackets"),
        pytest.param("4407911123456", "447911123456", id="A13 no plus"),
        pytest.param("+49 0151 23456789", "4915123456789", id="A13 Germany"),
        pytest.param("+7 8 912 345 67 89", "79123456789", id="A13 Russia, trunk eight"),
        pytest.param("+36 06 20 123 4567", "36201234567", id="A13 Hungary, trunk 06"),
        pytest.param("+39 06 1234 5678", "390612345678", id="Italian zero belongs to the number"),
        pytest.param(
            "+54 11 15 2345 6789", "5491123456789", id="Argentine mobile, dialled at home"
        ),
        pytest.param("+54 9 11 2345 6789", "5491123456789", id="Argentine mobile, from abroad"),
        pytest.param(
            "+7 800 555 35 35", "78005553535", id="a number that begins like a trunk prefix"
        ),
    ],
)
def test_national_habits_do_not_make_another_number(text: str, number: str) -> None:
    assert anywhere.canonical(text) == number


@pytest.mark.parametrize(
    ("region", "text", "number"),
    [
        pytest.param("GB", "07911 123456", "447911123456", id="national with trunk zero"),
        pytest.param("GB", "7911 123456", "447911123456", id="national without trunk zero"),
        pytest.param("GB", "447911123456", "447911123456", id="country code without plus"),
        pytest.param("GB", "4407911123456", "447911123456", id="A13 at home"),
        pytest.param("GB", "+18005551234", "18005551234", id="plus is international"),
        pytest.param("GB", "0018005551234", "18005551234", id="00 is international"),
        pytest.param("GB", "020 7946 0000", "442079460000", id="landline with trunk zero"),
        pytest.param("US", "(202) 555-0123", "12025550123", id="North America, ten digits"),
        pytest.param("US", "1 202 555 0123", "12025550123", id="North America, eleven digits"),
        pytest.param("US", "800 555 1234", "18005551234", id="possible at home only"),
        pytest.param("US", "011 44 7911 123456", "447911123456", id="the region's own way abroad"),
        pytest.param("DE", "0151 23456789", "4915123456789", id="Germany, national"),
        pytest.param("DE", "151 23456789", "4915123456789", id="Germany, no trunk zero"),
        pytest.param("DE", "4915123456789", "4915123456789", id="Germany, not Leer (0491)"),
        pytest.param(
            "DE", "18005551234", "18005551234", id="documented number, not 0180 in Germany"
        ),
        pytest.param("CN", "13812345678", "8613812345678", id="China, no trunk, not +1 381"),
        pytest.param("RU", "8 912 345-67-89", "79123456789", id="Russia, trunk eight"),
        pytest.param("IT", "312 345 6789", "393123456789", id="Italy"),
        pytest.param("BR", "0 15 11 96123 4567", "5511961234567", id="Brazil, with a carrier"),
    ],
)
def test_default_region_reads_numbers_without_a_country_code(
    region: str, text: str, number: str
) -> None:
    assert PhoneNumbers(region).canonical(text) == number


@pytest.mark.parametrize("region", MOBILES)
def test_apps_number_of_each_region_is_itself_at_home_and_anywhere(region: str) -> None:
    number = MOBILES[region]
    for numbers in (PhoneNumbers(None, min_digits=7), PhoneNumbers(region, min_digits=7)):
        assert numbers.canonical(number) == number
        assert numbers.canonical(f"+{number}") == number
    # Colombia's zero stands before landlines only; before a mobile number it is refused.
    metadata: Any = PhoneMetadata.metadata_for_region(region)
    trunk = (metadata.national_prefix or "") * (region != "CO")
    national = phonenumbers.national_significant_number(phonenumbers.parse(f"+{number}"))
    assert PhoneNumbers(region, min_digits=7).canonical(trunk + national) == number


# --- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("   ", id="blank"),
        pytest.param("+", id="plus alone"),
        pytest.param("()-", id="punctuation alone"),
        pytest.param("\u202a\u202c", id="invisible marks alone"),
        pytest.param("*#", id="keypad marks alone"),
        pytest.param("tel:", id="scheme alone"),
        pytest.param("jdoe", id="login name"),
        pytest.param("jdoe1985", id="login name with digits"),
        pytest.param("user18005551234", id="login name around a number"),
        pytest.param("18005551234@example.com", id="email address"),
        pytest.param("1800_5551234", id="underscore"),
        pytest.param("1 800 FLOWERS", id="vanity letters"),
        pytest.param("+1 800 555 1234 home", id="a word behind"),
        pytest.param("+1 800 555 123\u0410", id="Cyrillic letter"),
        pytest.param("<img src=x onerror=1>", id="case 38 markup"),
        pytest.param("1800555\x001234", id="NUL"),
        pytest.param("\ud8001800555123", id="lone surrogate"),
        pytest.param("1\ufe0f\u20e38005551234", id="keycap emoji"),
        pytest.param("\u00bd8005551234", id="a fraction"),
        pytest.param("x" * 5000, id="long letters"),
        pytest.param("1x" * 2500, id="long digits and letters"),
        pytest.param(" " * 5000, id="long blank"),
    ],
)
@pytest.mark.parametrize("region", [None, "DE"])
def test_other_login_names_are_not_numbers(region: str | None, text: str) -> None:
    with pytest.raises(NotANumber):
        PhoneNumbers(region).canonical(text)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("12345678", id="case 15 eight digits"),
        pytest.param("+1 555 1234", id="no area code"),
        pytest.param("+44 7946 0000", id="local length only"),
        pytest.param("1800555123", id="one digit short"),
        pytest.param("180055512345", id="one digit long"),
        pytest.param("+999 123 456 789", id="unknown country code"),
        pytest.param("07911123456", id="national, no default region"),
        pytest.param("0", id="zero"),
        pytest.param("00", id="international prefix alone"),
        pytest.param("000447911123456", id="three zeros"),
        pytest.param("+358 00 40 1234567", id="two trunk zeros, another number at each reading"),
        pytest.param("+57 0 321 1234567", id="a zero in front that is no trunk zero"),
        pytest.param("+375 8 811 460 62 31", id="a trunk prefix behind a trunk prefix"),
        pytest.param("+48 0 512 345 678", id="a zero where no number has one"),
        pytest.param("1+8005551234", id="plus within"),
        pytest.param("18005551234;ext=12", id="extension, RFC 3966"),
        pytest.param("tel:+1-800-555-1234;phone-context=+1", id="other parameter, RFC 3966"),
        pytest.param("18005551234x12", id="extension x"),
        pytest.param("+1 800 555 1234 ext. 12", id="extension in words"),
        pytest.param("18005551234,,12", id="pauses"),
        pytest.param("*31#18005551234", id="service code"),
        pytest.param("6212345678901234567", id="longer than E.164"),
        pytest.param("+6212345678901234", id="possible by its plan, longer than E.164"),
        pytest.param("9" * 5000, id="long digits"),
        pytest.param("+" + "9" * 5000, id="plus and long digits"),
        pytest.param("+1 800 555 1234" + " -" * 20, id="long separators"),
    ],
)
def test_impossible_numbers_are_refused(text: str) -> None:
    with pytest.raises(ImpossibleNumber):
        anywhere.canonical(text)


def test_min_digits_counts_the_country_code() -> None:
    assert PhoneNumbers(None, min_digits=8).canonical("+4512345678") == "4512345678"
    assert PhoneNumbers(None, min_digits=7).canonical("+290 51234") == "29051234"
    with pytest.raises(ImpossibleNumber, match="fewer than 9 digits"):
        anywhere.canonical("+290 51234")
    with pytest.raises(ImpossibleNumber, match="fewer than 12 digits"):
        PhoneNumbers(None, min_digits=12).canonical("18005551234")


@pytest.mark.parametrize("region", ["UK", "gb", "", "001", "EU"])
def test_unknown_default_region_is_refused(region: str) -> None:
    with pytest.raises(ValueError, match="is no region"):
        PhoneNumbers(region)


@pytest.mark.parametrize(
    "unit", ["9", "+", " ", "-", "x", "\u202a", "\ufdfa", "1-", "1x", "\u0663"]
)
@pytest.mark.parametrize("region", [None, "US"])
def test_long_input_is_refused_after_a_bounded_look(
    unit: str, region: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = PhoneNumbers(region)
    looked_at: list[int] = []

    def normalize(form: Any, text: str) -> str:
        looked_at.append(len(text))
        return unicodedata_normalize(form, text)

    def parse(*_: object) -> None:
        raise AssertionError("parsed")

    unicodedata_normalize = unicodedata.normalize
    monkeypatch.setattr(unicodedata, "normalize", normalize)
    monkeypatch.setattr(phonenumbers, "parse", parse)
    with pytest.raises((NotANumber, ImpossibleNumber)):
        numbers.canonical(unit * 100_000)
    assert looked_at
    assert max(looked_at) <= MAX_INPUT


ZEROS = [chr(c) for c in range(0x110000) if unicodedata.decimal(chr(c), None) == 0]


@given(
    region=st.sampled_from(sorted(r for r in MOBILES if len(MOBILES[r]) >= 9)),
    zero=st.sampled_from(ZEROS),
    marks=st.lists(st.sampled_from(" -./()[]\u00a0\u2011\u200e\u202c\u2060"), min_size=16),
)
def test_digits_of_any_script_and_any_separators_make_no_difference(
    region: str, zero: str, marks: list[str]
) -> None:
    number = MOBILES[region]
    spelled = "+" + "".join(
        mark + chr(ord(zero) + int(digit)) for digit, mark in zip(number, marks, strict=False)
    )
    assert anywhere.canonical(spelled) == number
