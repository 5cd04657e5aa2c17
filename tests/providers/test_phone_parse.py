from __future__ import annotations

import functools
import random
import re
from typing import Any

import phonenumbers
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from phonenumbers import PhoneMetadata, PhoneNumber, PhoneNumberType, ValidationResult

from providers._phone import ImpossibleNumber, NotANumber, PhoneNumbers
from providers._phone_ranges import prefix_of

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
CODES = sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)
MOBILE = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)
reader = functools.cache(PhoneNumbers)


def digits_of(number: PhoneNumber) -> str:
    return f"{number.country_code}{phonenumbers.national_significant_number(number)}"


# --- the quick way is the full parse --------------------------------------------------------------


def parsed(text: str, region: str | None = None) -> PhoneNumber | None:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    reason = phonenumbers.is_possible_number_with_reason(number)
    return number if reason == ValidationResult.IS_POSSIBLE else None


def settled(number: PhoneNumber | None) -> str | None:
    if number is None or len(digits_of(number)) > 15:
        return None
    code = number.country_code or 0
    region = phonenumbers.region_code_for_country_code(code)
    metadata: Any = PhoneMetadata.metadata_for_region_or_calling_code(code, region)
    national = phonenumbers.national_significant_number(number)
    trunk = re.match(f"(?:{metadata.national_prefix_for_parsing or '0'})|0", national)
    assigned = re.fullmatch(metadata.general_desc.national_number_pattern, national)
    if trunk is not None and trunk.end() > 0 and not assigned:
        return None
    return digits_of(number) if parsed(f"+{digits_of(number)}") == number else None


def by_full_parse(text: str, region: str | None) -> str | None:
    digits = text.removeprefix("+")
    international = text.startswith(("+", "00"))
    digits = digits.removeprefix("00")
    if international or region is None:
        return settled(parsed(f"+{digits}"))
    national = parsed(digits, region)
    if national is not None and phonenumbers.number_type(national) in MOBILE:
        return settled(national)
    return settled(parsed(f"+{digits}")) or settled(national)


def quickly(text: str, region: str | None) -> str | None:
    try:
        return reader(region, 1).canonical(text)
    except ImpossibleNumber:
        return None


PREFIXES = ("", "+", "00")
TRUNKS = ("", "0", "00", "1", "8", "80", "06", "90", "015", "11")


@st.composite
def typed_digits(draw: st.DrawFn) -> str:
    code = draw(st.sampled_from(CODES))
    region = phonenumbers.region_code_for_country_code(code)
    metadata: Any = PhoneMetadata.metadata_for_region_or_calling_code(code, region)
    length = draw(st.sampled_from(metadata.general_desc.possible_length) | st.integers(0, 18))
    national = "".join(
        draw(st.lists(st.sampled_from("0123456789"), min_size=length, max_size=length))
    )
    head = draw(st.sampled_from((str(code), str(code), str(code), "")))
    return draw(st.sampled_from(PREFIXES)) + head + draw(st.sampled_from(TRUNKS)) + national


@settings(max_examples=2000, deadline=None)
@given(text=typed_digits(), region=st.sampled_from([None, None, *REGIONS]))
@example(text="44007911123456", region="GB")
@example(text="541115234567890", region="AR")
@example(text="4915123456789", region="DE")
@example(text="994298211234", region="FI")  # 994 is Azerbaijan, and a way abroad from Finland
@example(text="95181234", region="BQ")  # mobile numbers of its neighbour are longer
def test_quick_reading_equals_the_full_parse(text: str, region: str | None) -> None:
    if text.removeprefix("+"):
        assert quickly(text, region) == by_full_parse(text, region)


@pytest.mark.parametrize("code", CODES)
def test_quick_reading_equals_the_full_parse_for_each_country_code(code: int) -> None:
    draw = random.Random(code)
    region = phonenumbers.region_code_for_country_code(code)
    metadata: Any = PhoneMetadata.metadata_for_region_or_calling_code(code, region)
    homes = [None, *(r for r in phonenumbers.region_codes_for_country_code(code) if r != "001")]
    for length in metadata.general_desc.possible_length:
        for _ in range(10):
            national = "".join(draw.choices("0123456789", k=length))
            for trunk in ("", draw.choice(TRUNKS)):
                for text in (f"{code}{trunk}{national}", trunk + national):
                    home = draw.choice(homes)
                    assert quickly(text, home) == by_full_parse(text, home), (text, home)


@pytest.mark.parametrize("region", REGIONS)
def test_quick_reading_equals_the_full_parse_for_example_numbers(region: str) -> None:
    code = phonenumbers.country_code_for_region(region)
    for kind in PhoneNumberType.values():
        number = phonenumbers.example_number_for_type(region, kind)
        if number is None:
            continue
        national = phonenumbers.national_significant_number(number)
        for trunk in TRUNKS:
            for head in (f"+{code}", f"00{code}", f"{code}", ""):
                for home in (None, region):
                    text = head + trunk + national
                    assert quickly(text, home) == by_full_parse(text, home), (text, home)


@pytest.mark.parametrize(
    ("region", "text"),
    [
        (None, "18005551234"),
        (None, "+390612345678"),
        (None, "00447911123456"),
        ("US", "18005551234"),
        ("GB", "447911123456"),
        ("DE", "4915123456789"),
    ],
)
def test_the_apps_spelling_needs_no_full_parse(
    region: str | None, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def parse(*_: object) -> None:
        raise AssertionError("parsed")

    monkeypatch.setattr(phonenumbers, "parse", parse)
    assert reader(region).canonical(text) == text.removeprefix("+").removeprefix("00")


@pytest.mark.parametrize("region", REGIONS)
def test_lines_that_may_be_mobile_have_mobile_lengths(region: str) -> None:
    # The quick way at home asks for the mobile lengths alone.
    metadata: Any = PhoneMetadata.metadata_for_region(region)
    if metadata.same_mobile_and_fixed_line_pattern:
        assert set(metadata.fixed_line.possible_length) <= set(metadata.mobile.possible_length)


# --- properties -----------------------------------------------------------------------------------


@settings(max_examples=1000, deadline=None)
@given(text=typed_digits(), region=st.sampled_from([None, "US", "DE", "GB", "AR", "IT"]))
def test_canonical_is_9_to_15_digits_and_its_own_canonical_form(
    text: str, region: str | None
) -> None:
    try:
        number = reader(region).canonical(text)
    except (NotANumber, ImpossibleNumber):
        return
    assert re.fullmatch(r"[1-9][0-9]{8,14}", number)
    assert reader(region).canonical(f"+{number}") == number
    assert reader(region).canonical(f"00{number}") == number
    assert reader(None).canonical(number) == number
    assert re.fullmatch(r"[1-9][0-9]{3,5}", prefix_of(number))


@settings(max_examples=1000, deadline=None)
@given(
    text=st.text(max_size=60) | st.text("0123456789+-() .x;ext=٣\u202a\ufdfa", max_size=60),
    region=st.sampled_from([None, "US", "AR"]),
)
def test_any_text_is_a_number_or_refused(text: str, region: str | None) -> None:
    try:
        number = reader(region).canonical(text)
    except (NotANumber, ImpossibleNumber):
        return
    assert re.fullmatch(r"[1-9][0-9]{8,14}", number)
