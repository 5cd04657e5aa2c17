"""The Basic Encoding Rules as far as LDAP uses them (RFC 4511 section 5.1): definite lengths only.

Reading is strict and one level deep: nothing is believed that reaches beyond the element it is in,
and nothing is unpacked that nobody asked for. Whatever bytes come, the work is linear in them.
"""

from __future__ import annotations

from typing import Final, TypeAlias

INTEGER: Final = 0x02
OCTETS: Final = 0x04
ENUMERATED: Final = 0x0A
SEQUENCE: Final = 0x30
SET: Final = 0x31

_MAX_NUMBER: Final = 4  # bytes; LDAP's numbers end at 2^31 - 1


class NotBer(ValueError):
    """Bytes that are no BER, or not what LDAP makes of it."""


Element: TypeAlias = tuple[int, bytes]  # tag, content


def element(tag: int, *parts: bytes) -> bytes:
    """Encode an element out of its encoded parts, or out of plain bytes."""
    content = b"".join(parts)
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(size))) + size + content


def integer(value: int, tag: int = INTEGER) -> bytes:
    """Encode a number that is not negative."""
    return element(tag, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def octets(value: bytes | str) -> bytes:
    """Encode an OCTET STRING; text is UTF-8."""
    return element(OCTETS, value.encode() if isinstance(value, str) else value)


def bounds(data: bytes | bytearray, at: int = 0) -> tuple[int, int] | None:
    """Return where the content of the element at ``at`` begins and ends.

    None if too little of it is there to tell. Raises ``NotBer``.
    """
    if len(data) < at + 2:
        return None
    if data[at] & 0x1F == 0x1F:
        raise NotBer("a tag of more than one byte")
    start, length = at + 2, data[at + 1]
    if length >= 0x80:
        count = length & 0x7F
        if not 1 <= count <= 4:
            raise NotBer("a length of no bytes, or of more than four")
        if len(data) < start + count:
            return None
        length = int.from_bytes(data[start : start + count], "big")
        start += count
    return start, start + length


def elements(data: bytes) -> list[Element]:
    """Read the elements that ``data`` consists of. Raises ``NotBer``."""
    found: list[Element] = []
    at, end = 0, len(data)
    while at < end:
        tag, start = data[at], at + 2
        if start <= end and (length := data[at + 1]) < 0x80 and tag & 0x1F != 0x1F:
            stop = start + length  # what ``bounds`` says, too, of nearly all there is
        else:
            start, stop = bounds(data, at) or (end, end + 1)
        if stop > end:
            raise NotBer("an element that is cut off")
        found.append((tag, data[start:stop]))
        at = stop
    return found


def members(item: Element, tag: int) -> list[Element]:
    """Read the elements within ``item``, which has to have ``tag``. Raises ``NotBer``."""
    if item[0] != tag:
        raise NotBer("another element than expected")
    return elements(item[1])


def number(item: Element, tag: int = INTEGER) -> int:
    """Read a number. Raises ``NotBer``."""
    found, content = item
    if found != tag or not 1 <= len(content) <= _MAX_NUMBER:
        raise NotBer("no number, or one that is too long")
    return int.from_bytes(content, "big", signed=True)
