"""What a refused certificate says of itself, for the operator (X.509, RFC 5280 section 4.1)."""

from __future__ import annotations

from typing import Final

from providers.ldap.ber import SEQUENCE, SET, Element, elements, members

_VERSION: Final = 0xA0
_UTC_TIME: Final = 0x17
_LONGEST: Final = 100  # characters


def described(certificate: bytes) -> str:
    """Return the subject and the last day of a DER certificate. Raises ``ValueError``."""
    (whole,) = elements(certificate)
    signed, *_ = members(whole, SEQUENCE)
    fields = members(signed, SEQUENCE)
    if fields and fields[0][0] == _VERSION:
        del fields[0]
    _serial, _algorithm, _issuer, validity, subject, *_ = fields
    _begin, end = members(validity, SEQUENCE)
    return f"of {_name(subject)}, valid until {_day(end)}"


def _name(subject: Element) -> str:
    values = [
        value.decode(errors="replace")
        for part in members(subject, SEQUENCE)
        for pair in members(part, SET)
        for _, value in members(pair, SEQUENCE)[1:]
    ]
    text = ", ".join(values) or "nobody"
    return "".join(c if c.isprintable() else "?" for c in text)[:_LONGEST]


def _day(time: Element) -> str:
    tag, content = time
    text = content.decode("ascii")
    if tag == _UTC_TIME:
        text = ("19" if text >= "50" else "20") + text
    if not text[:8].isdigit():
        raise ValueError("no date")
    return f"{text[:4]}-{text[4:6]}-{text[6:8]}"
