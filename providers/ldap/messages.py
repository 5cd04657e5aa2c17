"""LDAP messages as bytes (RFC 4511 section 4): the few that a sign-in needs, and no I/O.

ldap3's own connections block, follow referrals and verify nothing unless told otherwise. Its
decoder believes the lengths and numbers that it is given: one message can keep it busy for hours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from providers.ldap.ber import (
    ENUMERATED,
    OCTETS,
    SEQUENCE,
    SET,
    Element,
    NotBer,
    bounds,
    element,
    elements,
    integer,
    members,
    number,
    octets,
)
from providers.ldap.client import PASSWORD_POLICY, Entry, Query
from providers.ldap.filters import encoded

START_TLS: Final = "1.3.6.1.4.1.1466.20037"

BIND_RESPONSE: Final = 0x61
SEARCH_ENTRY: Final = 0x64
SEARCH_DONE: Final = 0x65
SEARCH_REFERENCE: Final = 0x73
EXTENDED_RESPONSE: Final = 0x78

_VERSION: Final = integer(3)
_NEVER_DEREFERENCE: Final = integer(0, ENUMERATED)
_VALUES_TOO: Final = element(0x01, b"\0")  # typesOnly FALSE
_SCOPES: Final = {
    "base": integer(0, ENUMERATED),
    "one": integer(1, ENUMERATED),
    "sub": integer(2, ENUMERATED),
}
_CONTROLS: Final = 0xA0
_TELL_POLICY: Final = element(_CONTROLS, element(SEQUENCE, octets(PASSWORD_POLICY)))


class Response(NamedTuple):
    """One message of the server."""

    id: int
    kind: int  # the tag of the operation
    body: Sequence[Element]
    controls: Sequence[Element]


class Result(NamedTuple):
    """How an operation ended."""

    code: int
    message: str
    controls: Mapping[str, bytes]  # by object identifier


def bind_request(message_id: int, dn: str, password: str) -> bytes:
    """Make a simple bind that asks for the password policy's answer.

    An empty password would not be looked at (section 5.1.2 of RFC 4513): raises ``ValueError``.
    """
    if not dn or not password:
        raise ValueError("nobody is proven by an empty name or password")
    simple = element(0x80, password.encode())
    request = element(0x60, _VERSION, octets(dn), simple)
    return element(SEQUENCE, integer(message_id), request, _TELL_POLICY)


def search_request(message_id: int, query: Query, seconds: int) -> bytes:
    """Make a search that ends after so many seconds. Raises ``BadFilter``."""
    request = element(
        0x63,
        octets(query.base),
        _SCOPES[query.scope],
        _NEVER_DEREFERENCE,
        integer(query.limit),
        integer(seconds),
        _VALUES_TOO,
        encoded(query.filter),
        _attributes(tuple(query.attributes)),
    )
    return element(SEQUENCE, integer(message_id), request)


@lru_cache(maxsize=64)  # they come from the configuration
def _attributes(names: tuple[str, ...]) -> bytes:
    return element(SEQUENCE, *map(octets, names))


def start_tls_request(message_id: int) -> bytes:
    """Make the StartTLS operation (section 4.14)."""
    request = element(0x77, element(0x80, START_TLS.encode()))
    return element(SEQUENCE, integer(message_id), request)


def size(data: bytes | bytearray) -> int | None:
    """Return the size of the message that ``data`` begins with; None: too little is there to tell.

    Raises ``NotBer``.
    """
    if data and data[0] != SEQUENCE:
        raise NotBer("no message")
    inner = bounds(data)
    return None if inner is None else inner[1]


def decode(data: bytes) -> Response:
    """Read one whole message. Raises ``NotBer``."""
    whole = elements(data)
    parts = members(whole[0], SEQUENCE) if len(whole) == 1 else []
    if len(parts) < 2:
        raise NotBer("no message")
    message_id, operation, *more = parts
    controls = [
        control for tag, content in more if tag == _CONTROLS for control in elements(content)
    ]
    kind, content = operation
    return Response(number(message_id), kind, elements(content), controls)


def result(response: Response) -> Result:
    """Read the result that ends an operation. Raises ``NotBer``."""
    if len(response.body) < 3 or response.body[2][0] != OCTETS:
        raise NotBer("no result")
    code = number(response.body[0], ENUMERATED)
    message = response.body[2][1].decode(errors="replace")
    return Result(code, message, dict(map(_control, response.controls)))


def _control(control: Element) -> tuple[str, bytes]:
    parts = members(control, SEQUENCE)
    if not parts:
        raise NotBer("a control without a name")
    tag, value = parts[-1]
    name = parts[0][1].decode("ascii", "replace")
    return name, value if tag == OCTETS and len(parts) > 1 else b""


def entry(response: Response) -> Entry:
    """Read an entry that a search found. Raises ``NotBer``."""
    if len(response.body) != 2:
        raise NotBer("no entry")
    (_, name), attributes = response.body
    try:
        return Entry(name.decode(), dict(map(_attribute, members(attributes, SEQUENCE))))
    except UnicodeDecodeError:
        raise NotBer("a name that is no text") from None


def _attribute(attribute: Element) -> tuple[str, list[bytes]]:
    parts = members(attribute, SEQUENCE)
    if len(parts) != 2:
        raise NotBer("no attribute")
    (_, name), values = parts
    return name.decode("ascii").lower(), [value for _, value in members(values, SET)]
