"""The alphabet of text messages: what becomes of a text that is not sent as Unicode.

3GPP TS 23.038: tables 6.2.1 (16 characters a line, without the escape) and 6.2.1.1.
"""

from __future__ import annotations

BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅå"
    "Δ_ΦΓΛΩΠΨΣΘΞÆæßÉ"
    " !\"#¤%&'()*+,-./"
    "0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNO"
    "PQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmno"
    "pqrstuvwxyzäöñüà"
)
EXTENSION = "\f^{}\\[~]|€"  # each takes two places
ALPHABET = BASIC + EXTENSION


def plain(text: str) -> str:
    """Return what arrives."""
    return "".join(character if character in ALPHABET else "?" for character in text)


def parts(text: str, *, unicode: bool) -> int:
    """Return of how many messages a text is made: 140 octets each, 134 if there are several."""
    whole, split = (70, 67) if unicode else (160, 153)
    places = len(text.encode("utf-16-le")) // 2 if unicode else len(text) + _doubled(text)
    return 1 if places <= whole else -(-places // split)


def _doubled(text: str) -> int:
    return sum(character in EXTENSION for character in text)
