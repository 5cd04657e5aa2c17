"""What every vendor's sender does alike."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from providers import Context, NotSent, Unavailable
from providers._connection import Reply
from providers._senders import Ambiguous, Declined, Message
from providers._senders._vendor import Request, Vendor, basic_auth, json_object
from tests.providers.sending import MESSAGE, Recorder
from tests.servers.sms import SmsVendor

JSON = {"Content-Type": "application/json"}


class Plain(Vendor):
    """Speaks what the stand-in speaks; ``provable`` if its credentials can be proven."""

    provable = True

    def request(self, message: Message) -> Request:
        body = f'{{"to": "{message.to}", "text": "{message.text}"}}'
        return Request("POST", f"{self.base}/messages", JSON, body.encode())

    def read(self, reply: Reply) -> str | None:
        if reply.status != 202:
            raise self.unavailable(reply, "no success")
        return str(json_object(reply.body)["id"])

    def probe(self) -> Request | None:
        return Request("GET", f"{self.base}/messages?to=x&text=y", {}) if self.provable else None


@pytest.fixture
async def vendor(sms: SmsVendor) -> AsyncIterator[Plain]:
    vendor = Plain("vendor", sms.url.removesuffix(sms.path), Context(Recorder()))
    yield vendor
    await vendor.close()


async def test_the_id_comes_back(vendor: Plain) -> None:
    assert [await vendor.send(MESSAGE, 5.0) for _ in range(2)] == ["m1", "m2"]


@pytest.mark.parametrize("path", ["", "/", "/proxy", "/proxy/a%20b/"])
def test_a_base_url_may_have_a_path(path: str) -> None:
    vendor = Plain("vendor", f"https://sms.example.com{path}", Context(Recorder()))
    assert vendor.request(MESSAGE).target == f"{path.rstrip('/')}/messages"


@pytest.mark.parametrize(
    ("failure", "kind", "text"),
    [
        ("http401", Declined, "vendor: HTTP status 401, no success"),
        ("http429", Declined, "vendor: HTTP status 429, no success"),
        ("html", Declined, "vendor: HTTP status 200, no success"),
        ("http500", Unavailable, "vendor: HTTP status 500, no success"),
        ("http503", Unavailable, "vendor: HTTP status 503, no success"),
        ("cut", Ambiguous, ""),
        ("hang", Ambiguous, ""),
    ],
)
async def test_whether_it_answered_and_whether_the_message_may_be_out(
    sms: SmsVendor, vendor: Plain, failure: str, kind: type[Exception], text: str
) -> None:
    sms.fail(failure)
    with pytest.raises(kind) as caught:
        await vendor.send(MESSAGE, 0.3)
    assert caught.type is kind
    assert str(caught.value) == text


async def test_what_reached_nobody_is_not_ambiguous(sms: SmsVendor, vendor: Plain) -> None:
    sms.stop()
    with pytest.raises(NotSent):
        await vendor.send(MESSAGE, 5.0)


@pytest.mark.parametrize(
    ("failure", "problems"),
    [
        (None, []),
        ("http401", ["vendor: the vendor refuses the credentials"]),
        ("http403", ["vendor: the vendor refuses the credentials"]),
        (
            "http500",
            ["vendor: answers with HTTP status 500 to a call that proves the credentials"],
        ),
        (
            "redirect",
            ["vendor: answers with HTTP status 307 to a call that proves the credentials"],
        ),
        ("cut", ["vendor: connection closed before the answer was complete"]),
    ],
)
async def test_check_proves_the_credentials(
    sms: SmsVendor, vendor: Plain, failure: str | None, problems: list[str]
) -> None:
    if failure is not None:
        sms.fail(failure)
    assert await vendor.check() == problems
    assert [call.method for call in sms.calls] == ["GET"]


async def test_without_a_proof_check_reaches_the_vendor(sms: SmsVendor, vendor: Plain) -> None:
    vendor.provable = False
    assert await vendor.check() == []  # though it says 404
    assert [call.path for call in sms.calls] == ["/"]


async def test_check_tells_of_a_vendor_that_is_not_there(sms: SmsVendor, vendor: Plain) -> None:
    sms.stop()
    assert await vendor.check() == ["vendor: no connection (ConnectionRefusedError)"]


@pytest.mark.parametrize(
    ("body", "document"),
    [
        (b'{"a": 1}', {"a": 1}),
        (b"", {}),
        (b"null", {}),
        (b"[{}]", {}),
        (b"<html>", {}),
        (b"\xff", {}),
        (b'{"a":' * 1000 + b"1" + b"}" * 1000, None),
        (b"[" * 30_000, {}),
    ],
    ids=["object", "empty", "null", "list", "html", "not_utf8", "deep", "deeper"],
)
def test_an_answer_that_is_no_json_object_is_an_empty_one(
    body: bytes, document: dict[str, object] | None
) -> None:
    found = json_object(body)
    assert document is None or found == document


def test_basic_auth_is_that_of_the_rfc() -> None:
    assert basic_auth("Aladdin", "open sesame") == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
    assert basic_auth("test", "123£") == "Basic dGVzdDoxMjPCow=="
