from __future__ import annotations

import importlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.ldap import messages
from providers.ldap.ber import NotBer
from providers.ldap.client import PASSWORD_POLICY, BadFilter, Entry, Query, Scope
from tests.servers.ldap_fake import BIND_RESPONSE, entry, message, reference, result, tlv


def decoded(data: bytes) -> Any:
    """Read a request by pyasn1 and the schema of RFC 4511."""
    rfc4511 = importlib.import_module("ldap3.protocol.rfc4511")
    decoder = importlib.import_module("pyasn1.codec.ber.decoder")
    whole, rest = decoder.decode(data, asn1Spec=rfc4511.LDAPMessage())
    assert rest == b""
    return whole


TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@given(st.integers(1, 2**31 - 1), TEXT, TEXT)
def test_a_bind_holds_name_and_password_as_they_are(
    message_id: int, dn: str, password: str
) -> None:
    whole = decoded(messages.bind_request(message_id, dn, password))
    assert int(whole["messageID"]) == message_id
    request = whole["protocolOp"]["bindRequest"]
    assert int(request["version"]) == 3
    assert bytes(request["name"]) == dn.encode()
    assert bytes(request["authentication"]["simple"]) == password.encode()
    (control,) = whole["controls"]
    assert (str(control["controlType"]), bool(control["criticality"])) == (PASSWORD_POLICY, False)


@pytest.mark.parametrize(("dn", "password"), [("uid=ann", ""), ("", "secret"), ("", "")])
def test_nobody_is_bound_without_name_or_password_l1(dn: str, password: str) -> None:
    with pytest.raises(ValueError, match="nobody is proven"):
        messages.bind_request(1, dn, password)


@pytest.mark.parametrize(("scope", "number"), [("base", 0), ("one", 1), ("sub", 2)])
def test_a_search_holds_what_was_asked(scope: Scope, number: int) -> None:
    query = Query("dc=example,dc=test", scope, "(uid=ann)", ("mail", "uid"), limit=300)
    request = decoded(messages.search_request(7, query, 5))["protocolOp"]["searchRequest"]
    assert bytes(request["baseObject"]) == b"dc=example,dc=test"
    assert (int(request["scope"]), int(request["derefAliases"])) == (number, 0)
    assert (int(request["sizeLimit"]), int(request["timeLimit"])) == (300, 5)
    assert not request["typesOnly"]
    assert bytes(request["filter"]["equalityMatch"]["assertionValue"]) == b"ann"
    assert [str(name) for name in request["attributes"]] == ["mail", "uid"]


def test_a_search_needs_a_filter() -> None:
    with pytest.raises(BadFilter):
        messages.search_request(1, Query("", "base", "uid=ann", ()), 5)


def test_the_start_of_tls_is_asked_for() -> None:
    request = decoded(messages.start_tls_request(2))["protocolOp"]["extendedReq"]
    assert str(request["requestName"]) == "1.3.6.1.4.1.1466.20037"


# -- what comes back

CONTROL = tlv(0x30, tlv(0x04, PASSWORD_POLICY.encode()), tlv(0x04, b"\x30\0"))


def test_a_result_is_read() -> None:
    response = messages.decode(message(5, result(BIND_RESPONSE, 49, "no"), tlv(0xA0, CONTROL)))
    assert (response.id, response.kind) == (5, messages.BIND_RESPONSE)
    assert messages.result(response) == (49, "no", {PASSWORD_POLICY: b"\x30\0"})


@pytest.mark.parametrize(
    ("control", "value"),
    [
        (tlv(0x30, tlv(0x04, b"1.2")), b""),
        (tlv(0x30, tlv(0x04, b"1.2"), tlv(0x01, b"\xff")), b""),
        (tlv(0x30, tlv(0x04, b"1.2"), tlv(0x01, b"\xff"), tlv(0x04, b"v")), b"v"),
    ],
)
def test_controls_are_read_with_and_without_value(control: bytes, value: bytes) -> None:
    response = messages.decode(message(5, result(BIND_RESPONSE), tlv(0xA0, control)))
    assert messages.result(response).controls == {"1.2": value}


def test_what_later_versions_add_to_a_message_is_ignored() -> None:
    response = messages.decode(message(5, result(BIND_RESPONSE), tlv(0xAA, b"what")))
    assert messages.result(response) == (0, "", {})


def test_an_entry_is_read() -> None:
    whole = entry("uid=müller,dc=x", uid=[b"m\xc3\xbcller"], objectGUID=[b"\0\xff" * 8], none=[])
    assert messages.entry(messages.decode(message(5, whole))) == Entry(
        "uid=müller,dc=x", {"uid": [b"m\xc3\xbcller"], "objectguid": [b"\0\xff" * 8], "none": []}
    )


def test_a_reference_is_told_from_an_entry() -> None:
    response = messages.decode(message(5, reference("ldap://elsewhere")))
    assert response.kind == messages.SEARCH_REFERENCE


@pytest.mark.parametrize(
    "data",
    [
        tlv(0x30),
        tlv(0x31, tlv(2, b"\1"), result(BIND_RESPONSE)),
        tlv(0x30, tlv(2, b"\1")),
        tlv(0x30, tlv(4, b"\1"), result(BIND_RESPONSE)),
        tlv(0x30, tlv(2, b"\1" * 100_000), result(BIND_RESPONSE)),
        message(1, tlv(BIND_RESPONSE, b"\x0a")),
        message(1, tlv(BIND_RESPONSE)),
        message(1, tlv(BIND_RESPONSE, tlv(0x0A, b"\0"), tlv(4))),
        message(1, tlv(BIND_RESPONSE, tlv(0x02, b"\0"), tlv(4), tlv(4))),
        message(1, tlv(BIND_RESPONSE, tlv(0x0A), tlv(4), tlv(4))),
        message(1, tlv(BIND_RESPONSE, tlv(0x0A, b"\0"), tlv(4), tlv(2))),
        message(1, result(BIND_RESPONSE), tlv(0xA0, b"\x30\x80")),
        message(1, result(BIND_RESPONSE), tlv(0xA0, tlv(0x30))),
        message(1, result(BIND_RESPONSE), tlv(0xA0, tlv(0x31))),
    ],
)
def test_what_is_no_result_is_refused(data: bytes) -> None:
    with pytest.raises(NotBer):
        messages.result(messages.decode(data))


@pytest.mark.parametrize(
    "body",
    [
        [],
        [tlv(4, b"uid=a")],
        [tlv(4, b"uid=\xff"), tlv(0x30)],
        [tlv(4, b"uid=a"), tlv(0x31)],
        [tlv(4, b"uid=a"), tlv(0x30, tlv(0x30))],
        [tlv(4, b"uid=a"), tlv(0x30, tlv(0x30, tlv(4, b"uid")))],
        [tlv(4, b"uid=a"), tlv(0x30, tlv(0x30, tlv(4, b"\xff"), tlv(0x31)))],
        [tlv(4, b"uid=a"), tlv(0x30, tlv(0x30, tlv(4, b"uid"), tlv(0x30)))],
        [tlv(4, b"uid=a"), tlv(0x30), tlv(0x30)],
    ],
)
def test_what_is_no_entry_is_refused(body: list[bytes]) -> None:
    with pytest.raises(NotBer):
        messages.entry(messages.decode(message(1, tlv(0x64, *body))))


@given(st.binary(), st.sampled_from(list(range(0x60, 0x7A))))
def test_whatever_comes_is_read_or_refused(data: bytes, kind: int) -> None:
    for whole in (data, tlv(0x30, data), message(1, tlv(kind, data)), message(1, data)):
        try:
            response = messages.decode(whole)
            messages.result(response)
        except NotBer:
            pass


# -- where a message ends


def test_the_size_of_a_message_is_known_as_early_as_can_be() -> None:
    data = message(1, result(BIND_RESPONSE))
    assert [messages.size(data[:count]) for count in range(6)] == [None] * 6
    assert messages.size(data[:6]) == len(data)
    assert messages.size(data + b"more") == len(data)
    assert messages.size(b"\x30\x05\x02") == 7
    assert messages.size(b"\x30\x84\xff\xff\xff\xff") == 2**32 + 5


@pytest.mark.parametrize("data", [b"H", b"HTTP/1.1", b"\x16\x03\x01", b"\x30\x80", b"\x30\x85"])
def test_what_begins_no_message_is_refused_at_once(data: bytes) -> None:
    with pytest.raises(NotBer):
        messages.size(data)
