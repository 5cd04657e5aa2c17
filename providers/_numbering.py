"""Numbering plans, by country calling code: the metadata of libphonenumber, read when needed."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

import phonenumbers
from phonenumbers import PhoneMetadata, PhoneNumberDesc

MAX_DIGITS = 15  # ITU-T E.164, country code included


@dataclass(frozen=True, slots=True)
class Plan:
    """What a numbering plan says about numbers that need no parse."""

    code: str  # the country calling code
    lengths: frozenset[int]  # digits of a whole number, country code included
    trunk: re.Pattern[str] | None  # what may be dialled before a national number
    assigned: str  # a pattern: what all assigned national numbers match
    costly: re.Pattern[str] | None  # national numbers whose price is shared with whoever has them

    def assigns(self, digits: str) -> bool:
        """Tell whether the whole number ``digits`` may have been assigned to somebody."""
        return re.fullmatch(self.assigned, digits[len(self.code) :]) is not None

    def charges(self, digits: str) -> bool:
        """Tell whether the whole number ``digits`` is a premium-rate or shared-cost number."""
        costly = self.costly
        return costly is not None and costly.fullmatch(digits, len(self.code)) is not None


@functools.cache  # holds at most the 1110 strings of up to three digits
def plan_of(head: str) -> Plan | None:
    """Return the plan of the country code within ``head``, the first three digits of a number."""
    if head.startswith("0"):
        return None
    for code in (head[:1], head[:2], head[:3]):
        region = phonenumbers.region_code_for_country_code(int(code or 0))
        if region != phonenumbers.UNKNOWN_REGION:
            return _plan(code, metadata_of(int(code), region))
    return None


def _plan(code: str, metadata: PhoneMetadata) -> Plan:
    lengths = (len(code) + length for length in lengths_of(metadata.general_desc))
    costly = (_pattern(metadata.premium_rate), _pattern(metadata.shared_cost))
    return Plan(
        code=code,
        lengths=frozenset(length for length in lengths if length <= MAX_DIGITS),
        trunk=compiled(metadata.national_prefix_for_parsing),
        assigned=_pattern(metadata.general_desc),
        costly=compiled("|".join(filter(None, costly))),
    )


def metadata_of(code: int, region: str) -> PhoneMetadata:
    """Return libphonenumber's metadata of a supported region.

    Its first use loads it, in 0.3 to 2 ms; all at start would cost every start 60 ms and 1 MB.
    """
    metadata = PhoneMetadata.metadata_for_region_or_calling_code(code, region)
    if metadata is None:
        raise LookupError(f"no phone metadata for {region} +{code}")
    return metadata


def lengths_of(numbers: PhoneNumberDesc | None) -> tuple[int, ...]:
    """Return the possible lengths of some kind of numbers, country code excluded."""
    return numbers.possible_length if numbers is not None else ()


def compiled(pattern: str | None) -> re.Pattern[str] | None:
    """Return a pattern ready for use, if there is one."""
    return re.compile(pattern) if pattern else None


def _pattern(numbers: PhoneNumberDesc | None) -> str:
    return (numbers and numbers.national_number_pattern) or ""
