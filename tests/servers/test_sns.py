from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from urllib.parse import quote, urlencode
from xml.etree import ElementTree

import pytest

from tests.servers import sigv4
from tests.servers.gateway import Reply, post
from tests.servers.http_fake import Call
from tests.servers.sns import (
    ACCESS_KEY_ID,
    ERRORS,
    REGION,
    SECRET_ACCESS_KEY,
    SESSION_TOKEN,
    Sns,
)

SMS = {
    "Action": "Publish",
    "Version": "2010-03-31",
    "PhoneNumber": "+18005551234",
    "Message": "042137 & more <ü>",
}


@pytest.fixture
def vendor() -> Iterator[Sns]:
    with Sns() as vendor:
        yield vendor


def send(
    vendor: Sns,
    fields: Mapping[str, str],
    *,
    key: str = ACCESS_KEY_ID,
    secret: str = SECRET_ACCESS_KEY,
    token: str | None = None,
) -> Reply:
    body = urlencode(fields)
    now = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    headers = {"Host": f"127.0.0.1:{vendor.port}", "X-Amz-Date": now}
    if token:
        headers["X-Amz-Security-Token"] = token
    names = tuple(sorted(name.lower() for name in headers))
    scope = f"{now[:8]}/{REGION}/sns/aws4_request"
    call = Call(0.0, "POST", vendor.path, "", tuple(headers.items()), body.encode())
    wanted = sigv4.signature(call, sigv4.Authorization(key, scope, names, ""), secret)
    headers["Authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={key}/{scope}, "
        f"SignedHeaders={';'.join(names)}, Signature={wanted}"
    )
    return post(vendor.url, body, headers, quote(vendor.path))


def text(reply: Reply, element: str) -> str | None:
    (found,) = ElementTree.fromstring(reply.body).iter(
        f"{{http://sns.amazonaws.com/doc/2010-03-31/}}{element}"
    )
    return found.text


def test_a_message_leaves(vendor: Sns) -> None:
    reply = send(vendor, SMS)
    assert (reply.status, reply.header("Content-Type")) == (200, "text/xml")
    assert text(reply, "MessageId") == "00000000-0000-0000-0000-000000000001"
    assert vendor.messages == [("+18005551234", SMS["Message"])]
    assert vendor.code_for("18005551234") == "042137"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"PhoneNumber": "18005551234"}, "InvalidParameter"),
        ({"PhoneNumber": ""}, "InvalidParameter"),
        ({"Message": ""}, "InvalidParameter"),
        ({"Action": "Subscribe"}, "InvalidAction"),
        ({"Version": ""}, "InvalidAction"),
    ],
)
def test_a_form_that_does_not_fit_is_refused(
    vendor: Sns, change: dict[str, str], code: str
) -> None:
    reply = send(vendor, {**SMS, **change})
    assert (reply.status, text(reply, "Code"), vendor.messages) == (400, code, [])


@pytest.mark.parametrize("action", ["Publish", "GetSMSAttributes"])
@pytest.mark.parametrize(
    ("keys", "code"),
    [
        ({"key": "AKIAOTHEROTHEROTHER5"}, "InvalidClientTokenId"),
        ({"secret": "other"}, "SignatureDoesNotMatch"),
        ({"token": "other"}, "InvalidClientTokenId"),
    ],
    ids=["key", "secret", "token"],
)
def test_the_credentials_are_asked_for_everywhere(
    vendor: Sns, action: str, keys: dict[str, str], code: str
) -> None:
    reply = send(vendor, {**SMS, "Action": action}, **keys)
    assert (reply.status, text(reply, "Code"), vendor.messages) == (403, code, [])


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 403, "MissingAuthenticationToken"),
        ({"Authorization": "Basic YTpi"}, 400, "IncompleteSignature"),
    ],
)
def test_an_unsigned_request_is_refused(
    vendor: Sns, headers: dict[str, str], status: int, code: str
) -> None:
    reply = post(vendor.url, urlencode(SMS), headers)
    assert (reply.status, text(reply, "Code"), vendor.messages) == (status, code, [])


def test_temporary_credentials_need_their_token() -> None:
    with Sns(session_token=SESSION_TOKEN) as vendor:
        assert text(send(vendor, SMS), "Code") == "InvalidClientTokenId"
        assert send(vendor, SMS, token=SESSION_TOKEN).status == 200


def test_the_settings_of_the_account_can_be_read(vendor: Sns) -> None:
    fields = {**SMS, "Action": "GetSMSAttributes", "attributes.member.1": "DefaultSMSType"}
    reply = send(vendor, fields)
    assert (text(reply, "key"), text(reply, "value")) == ("DefaultSMSType", "Transactional")
    assert vendor.messages == []


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_is_as_aws_sends_it(vendor: Sns, name: str) -> None:
    vendor.fail(name)
    reply = send(vendor, SMS)
    status, code, words = ERRORS[name]
    to = SMS["PhoneNumber"]
    assert (reply.status, text(reply, "Code")) == (status, code.format(to=to))
    assert text(reply, "Message") == words.format(to=to, text=SMS["Message"])
    assert reply.header("Retry-After") == ("7" if status == 429 else None)
    assert (len(vendor.calls), vendor.messages) == (1, [])


@pytest.mark.parametrize(("name", "value"), [("entities", b"&e9;"), ("local_file", b"&file;")])
def test_hostile_xml_is_xml(vendor: Sns, name: str, value: bytes) -> None:
    vendor.fail(name)
    reply = send(vendor, SMS)
    assert reply.status == 200
    assert b"<!ENTITY" in reply.body
    assert b"<MessageId>" + value in reply.body


def test_the_region_may_be_below_a_prefix() -> None:
    with Sns(prefix="/mirror/a b") as vendor:
        assert vendor.base_url.endswith(f":{vendor.port}/mirror/a%20b")
        assert send(vendor, SMS).status == 200
