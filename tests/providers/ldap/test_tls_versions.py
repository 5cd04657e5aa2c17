"""Nothing below TLS 1.2 is offered to a directory (L6; RFC 8996)."""

from __future__ import annotations

from typing import Final

import pytest

from tests.providers.ldap.asking import Asking, secure, starting
from tests.servers.ldap_fake import EXTENDED, LdapFake, Talk
from tests.servers.tls import Authority

HEAD: Final = 5 + 4  # bytes of a record's head, and of a handshake message's (RFC 8446 section 4)
SUPPORTED_VERSIONS: Final = 43
TLS_1_2, TLS_1_3 = 0x0303, 0x0304


def offered(hello: bytes) -> set[int]:
    """Return the versions that a ClientHello offers (RFC 8446 section 4.1.2)."""
    at = HEAD + 2 + 32  # legacy_version and random
    for size in (1, 2, 1):  # session id, cipher suites, compression methods
        at += size + int.from_bytes(hello[at : at + size], "big")
    at += 2
    while at < len(hello):
        kind, length = int.from_bytes(hello[at : at + 2], "big"), hello[at + 2 : at + 4]
        at += 4
        if kind == SUPPORTED_VERSIONS:
            found = hello[at + 1 : at + 1 + hello[at]]
            return {int.from_bytes(found[i : i + 2], "big") for i in range(0, len(found), 2)}
        at += int.from_bytes(length, "big")
    return {int.from_bytes(hello[HEAD : HEAD + 2], "big")}


@pytest.mark.parametrize("verified", [True, False], ids=["verified", "not verified"])
@pytest.mark.parametrize("how", [secure, starting], ids=["ldaps", "StartTLS"])
def test_l6_no_old_version_of_tls_is_offered(
    asking: Asking, authority: Authority, how: object, verified: bool
) -> None:
    hellos = []

    async def listen(talk: Talk) -> None:
        if how is starting:
            request = await talk.request()
            assert request.tag == EXTENDED
            await talk.send(request.answer())
        before = len(talk.received)
        await talk.silence()
        hellos.append(talk.received[before:])

    reach = starting if how is starting else secure
    with LdapFake(listen) as fake:
        asking.fails(reach(fake.port, authority if verified else None), within=0.5)
    (hello,) = (found for found in hellos if found)
    versions = {version for version in offered(hello) if version & 0x0F0F != 0x0A0A}  # GREASE
    assert TLS_1_2 in versions or TLS_1_3 in versions
    assert min(versions) >= TLS_1_2
