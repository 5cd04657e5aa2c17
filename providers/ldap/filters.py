"""Search filters as bytes (RFC 4511 section 4.5.1.7), out of their text (RFC 4515).

Nearly all of them are comparisons of plain values, which are read in one pass; ldap3 reads all
others. Its encoder took three quarters of the processor time of a search, its parser half the rest.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from typing import Any, Final

from providers.ldap.ber import element, octets
from providers.ldap.client import BadFilter

with warnings.catch_warnings():
    # It asks pyasn1 for names that pyasn1 0.7 drops; the dependency excludes that version.
    warnings.simplefilter("ignore", DeprecationWarning)
    from ldap3.core.exceptions import LDAPException
    from ldap3.operation import search as ldap3_search

# In the stubs it has no types; the nodes of its tree have none either.
_parse: Callable[..., Any] = ldap3_search.parse_filter

_SETS: Final = {ldap3_search.AND: 0xA0, ldap3_search.OR: 0xA1, ldap3_search.NOT: 0xA2}
_COMPARISONS: Final = {
    ldap3_search.MATCH_EQUAL: 0xA3,
    ldap3_search.MATCH_GREATER_OR_EQUAL: 0xA5,
    ldap3_search.MATCH_LESS_OR_EQUAL: 0xA6,
    ldap3_search.MATCH_APPROX: 0xA8,
}
_SUBSTRINGS: Final = 0xA4
_PRESENT: Final = 0x87
_EXTENSIBLE: Final = 0xA9
_ESCAPE: Final = re.compile(rb"\\([0-9A-Fa-f]{2})?")

_OPERATORS: Final = {"&": 0xA0, "|": 0xA1, "!": 0xA2}
_EQUAL: Final = 0xA3
_TOKEN: Final = re.compile(  # the beginning of a set, a comparison, the end of a set
    r"\(([&|!])|\(([A-Za-z][A-Za-z0-9-]*)=((?:[\w.@-]|\\[0-9a-f]{2})+)\)|\)", re.ASCII
)


def encoded(text: str) -> bytes:
    """Encode a filter whose values are escaped. Raises ``BadFilter``."""
    return _of_comparisons(text) or _by_ldap3(text)


def _of_comparisons(text: str) -> bytes | None:
    """Encode a filter of comparisons of plain values, and sets of them; None if it is another."""
    sets: list[tuple[int, list[bytes]]] = [(0, [])]
    at = 0
    while token := _TOKEN.match(text, at):
        at = token.end()
        operator, attribute, value = token.groups()
        if attribute:
            match = element(_EQUAL, octets(attribute), octets(_value(value.encode())))
            sets[-1][1].append(match)
        elif operator:
            sets.append((_OPERATORS[operator], []))
        else:
            tag, members = sets.pop()
            if not sets or not members or (tag == _OPERATORS["!"] and len(members) > 1):
                return None
            sets[-1][1].append(element(tag, *members))
    whole = sets[0][1]
    return whole[0] if at == len(text) and len(sets) == 1 == len(whole) else None


def _by_ldap3(text: str) -> bytes:
    try:
        root = _parse(text, None, False, False, None, False)  # no schema, values as they are
        return _encoded(root.elements[0])
    # AttributeError: some malformed filters make the parser stumble.
    except (LDAPException, AttributeError, UnicodeEncodeError) as error:
        raise BadFilter(f"no search filter ({type(error).__name__})") from None


def _encoded(node: Any) -> bytes:
    if node.tag in _SETS:
        return element(_SETS[node.tag], *map(_encoded, node.elements))
    match = node.assertion
    attribute = octets(match["attr"] or "")
    if node.tag in _COMPARISONS:
        return element(_COMPARISONS[node.tag], attribute, octets(_value(match["value"])))
    if node.tag == ldap3_search.MATCH_PRESENT:
        return element(_PRESENT, match["attr"].encode())
    if node.tag == ldap3_search.MATCH_SUBSTRING:
        return element(_SUBSTRINGS, attribute, element(0x30, *_substrings(match)))
    return element(_EXTENSIBLE, *_extensible(match))


def _substrings(match: Any) -> list[bytes]:
    parts = [(0x80, match["initial"])] if "initial" in match else []
    parts += [(0x81, part) for part in match.get("any", ())]
    parts += [(0x82, match["final"])] if "final" in match else []
    return [element(tag, _value(part)) for tag, part in parts]


def _extensible(match: Any) -> list[bytes]:
    rule, attribute = match["matchingRule"], match["attr"]
    return [
        *([element(0x81, rule.encode())] if rule else []),
        *([element(0x82, attribute.encode())] if attribute else []),
        element(0x83, _value(match["value"])),
        *([element(0x84, b"\xff")] if match["dnAttributes"] else []),
    ]


def _value(escaped: bytes) -> bytes:
    return _ESCAPE.sub(_byte, escaped)


def _byte(escape: re.Match[bytes]) -> bytes:
    if escape[1] is None:
        raise BadFilter("a backslash without two hexadecimal digits")
    return bytes.fromhex(escape[1].decode())
