"""Number ranges: where messages cost too much, and where they are counted together."""

from __future__ import annotations

import random
import re
from typing import Any

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phonenumbers import PhoneMetadata, PhoneNumber, PhoneNumberType

from providers._phone import ImpossibleNumber, PhoneNumbers
from providers._phone_ranges import DENIED_PREFIXES, beginnings, is_costly, prefix_of

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
COSTLY = (PhoneNumberType.PREMIUM_RATE, PhoneNumberType.SHARED_COST)


def digits_of(number: PhoneNumber) -> str:
    return f"{number.country_code}{phonenumbers.national_significant_number(number)}"


def example_of(region: str, kind: int) -> str | None:
    number = phonenumbers.example_number_for_type(region, kind)
    return None if number is None else digits_of(number)


# --- where messages are counted -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "prefix"),
    [
        pytest.param("18005551234", "1800", id="one-digit country code"),
        pytest.param("447911123456", "44791", id="two-digit country code"),
        pytest.param("35799123456", "357991", id="three-digit country code"),
        pytest.param("390612345678", "39061", id="Italian zero"),
    ],
)
def test_prefix_is_country_code_and_three_digits(number: str, prefix: str) -> None:
    assert prefix_of(number) == prefix


@pytest.mark.parametrize("number", ["999123456", "0123456789", ""])
def test_prefix_of_an_unknown_country_is_refused(number: str) -> None:
    with pytest.raises(ImpossibleNumber, match="unknown country code"):
        prefix_of(number)


@pytest.mark.parametrize(
    ("prefixes", "expected"),
    [
        pytest.param(["+44"], True, id="country"),
        pytest.param(["+1", "+4479"], True, id="range, second of two"),
        pytest.param(["+447911123456"], True, id="whole number"),
        pytest.param(["+1"], False, id="other country"),
        pytest.param(["+4479111234567"], False, id="longer than the number"),
        pytest.param(["+7911"], False, id="not at its start"),
        pytest.param([], False, id="none"),
    ],
)
def test_prefixes_match_from_the_start(prefixes: list[str], expected: bool) -> None:
    assert "447911123456".startswith(beginnings(prefixes)) is expected


# --- what costs too much --------------------------------------------------------------------------


def refused(number: str) -> bool:
    """Tell what the default configuration does."""
    return number.startswith(beginnings(DENIED_PREFIXES)) or is_costly(number)


ORDINARY = (
    *(PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE, PhoneNumberType.FIXED_LINE_OR_MOBILE),
    *(PhoneNumberType.VOIP, PhoneNumberType.PERSONAL_NUMBER, PhoneNumberType.TOLL_FREE),
    *(PhoneNumberType.PAGER, PhoneNumberType.UAN, PhoneNumberType.VOICEMAIL),
)


def test_no_ordinary_number_of_any_region_is_refused() -> None:
    ordinary = {n for r in REGIONS for k in ORDINARY if (n := example_of(r, k)) is not None}
    assert len(ordinary) > 600
    assert [number for number in ordinary if refused(number)] == []


@pytest.mark.parametrize(
    "number",
    ["18005551234", "18885551234", "12015550123", "448001234567", "390612345678", "4915123456789"],
)
def test_toll_free_and_unassigned_numbers_pass(number: str) -> None:
    assert PhoneNumbers(None).canonical(number) == number
    assert not refused(number)


@pytest.mark.parametrize(
    "number",
    [
        pytest.param("19001234567", id="North America, not assigned yet"),
        pytest.param("12469761234", id="Barbados alone"),
        pytest.param("13459761234", id="Cayman Islands alone"),
        pytest.param("449800007754", id="Guernsey alone"),
        pytest.param("449001234567", id="United Kingdom"),
        pytest.param("6519001234567", id="Singapore"),
        pytest.param("380900212345", id="Ukraine"),
        pytest.param("4918012345678", id="Germany, shared cost"),
        pytest.param("979123456789", id="international premium rate"),
        pytest.param("881612345678", id="satellite"),
        pytest.param("8835100123456", id="international network"),
    ],
)
def test_costly_numbers_are_refused(number: str) -> None:
    assert refused(number)


@pytest.mark.parametrize("region", REGIONS)
def test_every_costly_number_of_a_region_is_refused_and_no_other(region: str) -> None:
    code = phonenumbers.country_code_for_region(region)
    draw = random.Random(region)
    seen = set()
    for kind in PhoneNumberType.values():
        example = phonenumbers.example_number_for_type(region, kind)
        national = phonenumbers.national_significant_number(example) if example else ""
        for kept in range(max(1, len(national) - 5), len(national) + 1):
            for _ in range(40):
                tail = "".join(draw.choices("0123456789", k=len(national) - kept))
                number = phonenumbers.parse(f"+{code}{national[:kept]}{tail}")
                meant = phonenumbers.number_type(number)
                seen.add(meant)
                if meant in COSTLY:
                    assert refused(digits_of(number)), number
                elif meant in ORDINARY:
                    assert not refused(digits_of(number)), number
    assert seen & {*ORDINARY}


SHARED_CODES = [
    region
    for region in REGIONS
    if phonenumbers.region_code_for_country_code(phonenumbers.country_code_for_region(region))
    != region
]


@pytest.mark.parametrize("region", SHARED_CODES)
@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_what_is_costly_in_one_region_of_several_is_refused(
    region: str, data: st.DataObject
) -> None:
    metadata: Any = PhoneMetadata.metadata_for_region(region)
    for numbers in (metadata.premium_rate, metadata.shared_cost):
        if numbers is not None and numbers.national_number_pattern:
            pattern = re.compile(numbers.national_number_pattern)
            national = data.draw(st.from_regex(pattern, fullmatch=True, alphabet="0123456789"))
            assert refused(f"{metadata.country_code}{national}")


@pytest.mark.parametrize("number", ["999123456", "0123456789", ""])
def test_a_number_of_no_plan_is_not_costly(number: str) -> None:
    assert not is_costly(number)


NETWORKS = ("+870", "+881", "+882", "+883")  # costly as a whole, whatever the kind of line


@pytest.mark.parametrize("prefix", [p for p in DENIED_PREFIXES if p not in NETWORKS])
def test_denied_ranges_hold_nothing_but_costly_numbers(prefix: str) -> None:
    code = prefix_of(prefix[1:].ljust(6, "0"))[:-3]
    region = phonenumbers.region_code_for_country_code(int(code))
    metadata: Any = PhoneMetadata.metadata_for_region_or_calling_code(int(code), region)
    draw = random.Random(prefix)
    kinds = set()
    for length in metadata.general_desc.possible_length:
        free = len(code) + length - len(prefix[1:])
        for _ in range(500 if free > 0 else 0):
            number = phonenumbers.parse(prefix + "".join(draw.choices("0123456789", k=free)))
            if digits_of(number).startswith(prefix[1:]):
                kinds.add(phonenumbers.number_type(number))
    kinds.discard(PhoneNumberType.UNKNOWN)
    assert kinds
    assert kinds <= {*COSTLY}


def test_denied_networks_belong_to_no_country() -> None:
    for network in NETWORKS:
        assert network in DENIED_PREFIXES
        assert phonenumbers.region_code_for_country_code(int(network)) == "001"
