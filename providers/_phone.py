"""Phone numbers: however they are typed, one canonical form, E.164 digits without the plus.

A number passes when its length is possible in its country's numbering plan, assigned or not: plans
change faster than the metadata. Sources: ITU-T E.164, RFC 3966, the metadata of libphonenumber.
"""

from __future__ import annotations

import re
import unicodedata

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberType, ValidationResult

from providers._numbering import MAX_DIGITS, compiled, lengths_of, metadata_of, plan_of

MAX_INPUT = 40  # characters; no spelling of 15 digits needs more

_MOBILE = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)
_PLUS = "+\u00b1"  # the messenger's first backend took a plus-minus sign for a plus
_SEPARATORS = frozenset("./\\~\u00b7\u02d7\u2043\u2212\u30fb\u30fc")
_SEPARATOR_CATEGORIES = frozenset({"Pd", "Ps", "Pe", "Cf"})  # dashes, brackets, marks
_DIAL_MARKS = "*#,;"  # service codes, pauses: on every phone's keypad, in nobody's number
_EXTENSION = re.compile(
    r"(?:[^a-z\d]*\d)+[^a-z\d]*(?:;[a-z-]+=.*|(?:x|ext|extension)[.:]?\s*\d+)", re.IGNORECASE
)


class NotANumber(ValueError):
    """Has no digits, or letters or symbols: it may be some other login name."""


class ImpossibleNumber(ValueError):
    """Meant as a phone number, but of no country's length, or of an unknown country code."""


class PhoneNumbers:
    """Reads phone numbers for people of one default region, or of none.

    ``default_region`` (ISO 3166-1 alpha-2, upper case; ``ValueError`` when there is no such
    region) reads numbers without a country code. ``min_digits`` counts the country code too.
    """

    def __init__(self, default_region: str | None, min_digits: int = 9) -> None:
        self._home = None if default_region is None else _Home(default_region)
        self._min_digits = min_digits

    def canonical(self, text: str) -> str:
        """Return the number as ``min_digits`` to 15 ASCII digits, country code first.

        Raises ``NotANumber`` or ``ImpossibleNumber``. A result, read again with a plus, is itself.
        """
        digits, international = _read(text)
        if international or self._home is None:
            number = _international(digits)
        else:
            number = self._home.canonical(digits)
        if number is None:
            raise ImpossibleNumber("no country has a number like this")
        if len(number) < self._min_digits:
            raise ImpossibleNumber(f"fewer than {self._min_digits} digits")
        return number


def _read(text: str) -> tuple[str, bool]:
    """Return the digits of ``text``, and whether they start with a country code for sure."""
    digits = text.removeprefix("+")
    if len(digits) <= MAX_INPUT and digits.isascii() and digits.isdigit():
        international = len(digits) < len(text)
    else:
        digits, international = _unformat(text)
    if digits.startswith("00"):
        return digits[2:], True
    return digits, international


def _unformat(text: str) -> tuple[str, bool]:
    """Do the same for a number in any spelling, reading no more than ``MAX_INPUT`` characters."""
    text = text.strip()
    too_long = len(text) > MAX_INPUT
    text = unicodedata.normalize("NFKC", text[:MAX_INPUT])
    if text[:4].lower() == "tel:":  # RFC 3966
        text = text[4:]
    if _EXTENSION.fullmatch(text):
        raise ImpossibleNumber("has an extension")
    digits: list[str] = []
    international = misplaced = False
    for character in text:
        if character.isdecimal():
            digits.append(str(unicodedata.decimal(character)))
        elif character in _PLUS and not digits:
            international = True
        elif character in _PLUS or character in _DIAL_MARKS:
            misplaced = True
        elif not _separates(character):
            raise NotANumber("has letters or symbols")
    if not digits:
        raise NotANumber("has no digits")
    if too_long or misplaced:
        raise ImpossibleNumber("too long, or not digits alone")
    return "".join(digits), international


def _separates(character: str) -> bool:
    """Tell whether ``character`` is only written between digits, or is not seen at all."""
    return (
        character in _SEPARATORS
        or character.isspace()
        or unicodedata.category(character) in _SEPARATOR_CATEGORIES
    )


def _is_plain(digits: str) -> bool:
    """Tell, without a parse, whether ``digits`` are surely a canonical number; False is no answer.

    A parse changes a number only by what its plan dials before national numbers, so a number of
    possible length that does not begin with such a prefix is canonical.
    """
    plan = plan_of(digits[:3])
    if plan is None or len(digits) not in plan.lengths:
        return False
    start = len(plan.code)
    if _begins(plan.trunk, digits, start):
        return False
    return digits[start] != "0" or plan.assigns(digits)


def _begins(prefix: re.Pattern[str] | None, digits: str, start: int = 0) -> bool:
    """Tell whether ``prefix`` takes at least one digit from ``start`` on; some can take none."""
    match = prefix.match(digits, start) if prefix is not None else None
    return match is not None and match.end() > start


def _international(digits: str) -> str | None:
    """Return the canonical number of ``digits`` that begin with a country code, or None."""
    return digits if _is_plain(digits) else _e164(_parse(f"+{digits}"))


def _parse(text: str, region: str | None = None) -> PhoneNumber | None:
    """Return what libphonenumber makes of ``text``, or None when it is of no possible length."""
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    # Not is_possible_number: that passes a number without its area code.
    reason = phonenumbers.is_possible_number_with_reason(number)
    return number if reason == ValidationResult.IS_POSSIBLE else None


def _digits_of(number: PhoneNumber) -> str:
    return f"{number.country_code}{phonenumbers.national_significant_number(number)}"


def _e164(number: PhoneNumber | None) -> str | None:
    """Return the digits of a possible number, or None when they are not its canonical form.

    A number may begin with a zero or with its country's trunk prefix (+39 06..., +7 800...), but
    only where such numbers are assigned: of +48 0 512... and +48 512... one may pass, or one person
    would count as two. Nor may a second reading take away more than the first.
    """
    if number is None:
        return None
    digits = _digits_of(number)
    if _is_plain(digits):
        return digits
    plan = plan_of(digits[:3])
    if plan is None or len(digits) > MAX_DIGITS or not plan.assigns(digits):
        return None
    return digits if _parse(f"+{digits}") == number else None


class _Home:
    """The default region: reads digits that may or may not begin with a country code."""

    def __init__(self, region: str) -> None:
        code = phonenumbers.country_code_for_region(region)
        if code == 0:
            raise ValueError(f"{region!r} is no region; expected ISO 3166-1 alpha-2, such as GB")
        metadata = metadata_of(code, region)
        self._region = region
        self._code = str(code)
        self._longest = max(lengths_of(metadata.general_desc))
        self._mobile_lengths = {
            length
            for sibling in phonenumbers.region_codes_for_country_code(code)
            for length in lengths_of(metadata_of(code, sibling).mobile)
        }
        self._trunk = compiled(metadata.national_prefix_for_parsing)
        self._abroad = compiled(metadata.international_prefix)

    def canonical(self, digits: str) -> str | None:
        """Return the canonical number of ``digits``, or None.

        A valid national mobile number is national. All else is international if it can be, since
        the messenger's apps send country code and digits without a plus; if not, national. (Were
        landlines national too, an app's 4915123456789 would in Germany be one in Leer, 0491.)
        """
        if _is_plain(digits) and not self._may_be_national(digits):
            return digits
        number = _parse(digits, self._region)
        if number is not None and phonenumbers.number_type(number) in _MOBILE:
            return _e164(number)
        return _international(digits) or _e164(number)

    def _may_be_national(self, digits: str) -> bool:
        """Tell whether canonical ``digits`` might also be another, national mobile number."""
        if _begins(self._abroad, digits):
            return True
        if len(digits) > self._longest and digits.startswith(self._code):
            return False  # too long for a national number: at home, too, a country code is read
        return len(digits) in self._mobile_lengths or _begins(self._trunk, digits)
