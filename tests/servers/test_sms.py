import base64
import json
import threading
from collections.abc import Callable, Iterator
from urllib.parse import urlencode

import pytest

from tests.servers.gateway import post
from tests.servers.sms import SmsVendor

TEXT = 'Grüße & <b>: 042137 is your "code", until 12:30'
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def vendor() -> Iterator[SmsVendor]:
    with SmsVendor() as vendor:
        yield vendor


def send(vendor: SmsVendor, to: str = "18005551234", text: str = TEXT) -> int:
    return post(vendor.url, {"to": to, "text": text}, path=vendor.path).status


def test_json_form_xml_and_query_say_the_same(vendor: SmsVendor) -> None:
    fields = {"to": "+18005551234", "text": TEXT}
    xml = '<sms><to>+18005551234</to><text>Grüße &amp; &lt;b&gt;: 042137 is your "code", '
    xml += "until 12:30</text></sms>"
    replies = [
        post(vendor.url, fields, path=vendor.path),
        post(vendor.url, urlencode(fields), FORM, path=vendor.path),
        post(vendor.url, xml, {"Content-Type": "text/xml; charset=utf-8"}, path=vendor.path),
        post(vendor.url, path=f"{vendor.path}?{urlencode(fields)}", method="GET"),
    ]
    assert [reply.status for reply in replies] == [202] * 4
    assert vendor.messages == [("+18005551234", TEXT)] * 4
    assert replies[0].json == {"status": "accepted", "id": "m1", "to": "+18005551234"}


def test_the_fields_may_have_other_names() -> None:
    with SmsVendor(to_field="msisdn", text_field="body") as vendor:
        assert post(vendor.url, {"msisdn": "1", "body": "b"}, path=vendor.path).status == 202
        assert post(vendor.url, {"to": "1", "text": "b"}, path=vendor.path).status == 400
        assert vendor.messages == [("1", "b")]


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"to":"1"}', b'{"to":1,"text":"x"}', b'{"to":"","text":"x"}']
)
def test_an_unreadable_message_is_refused(vendor: SmsVendor, body: bytes) -> None:
    reply = post(vendor.url, body, {"Content-Type": "application/json"}, path=vendor.path)
    assert (reply.status, reply.json["code"]) == (400, "missing_field")
    assert vendor.messages == []


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/xml", "text/plain"])
def test_a_body_that_is_not_what_its_type_says_is_refused(vendor: SmsVendor, kind: str) -> None:
    reply = post(
        vendor.url, json.dumps({"to": "1", "text": "x"}), {"Content-Type": kind}, "/messages"
    )
    assert (reply.status, vendor.messages) == (400, [])


def test_a_form_that_is_no_text_is_refused(vendor: SmsVendor) -> None:
    assert post(vendor.url, b"to=1&text=%FF", FORM, path=vendor.path).status == 400


@pytest.mark.parametrize(
    ("make", "authorization"),
    [
        (
            lambda: SmsVendor(basic=("me", "s:cret")),
            "Basic " + base64.b64encode(b"me:s:cret").decode(),
        ),
        (lambda: SmsVendor(bearer="key-1"), "Bearer key-1"),
    ],
    ids=["basic", "bearer"],
)
def test_credentials_are_asked_for(make: Callable[[], SmsVendor], authorization: str) -> None:
    body = {"to": "1", "text": "b"}
    with make() as vendor:
        for value, status in ("", 401), (authorization + "x", 401), (authorization, 202):
            headers = {"Authorization": value}
            assert post(vendor.url, body, headers, path=vendor.path).status == status
        assert vendor.count("1") == 1


def test_the_code_is_the_first_run_of_four_to_ten_digits(vendor: SmsVendor) -> None:
    send(vendor, text="Call 12345678901 or 911: 0042 and not 5678")
    assert vendor.code_for("18005551234") == "0042"


def test_the_code_is_that_of_the_last_message_to_that_number(vendor: SmsVendor) -> None:
    send(vendor, "1", "code 1111")
    send(vendor, "+1", "code 2222")
    send(vendor, "2", "code 3333")
    assert (vendor.count("1"), vendor.count("+1"), vendor.count("3")) == (2, 2, 0)
    assert (vendor.code_for("1"), vendor.code_for("2")) == ("2222", "3333")


def test_the_code_is_waited_for(vendor: SmsVendor) -> None:
    send(vendor, text="code 1111")
    later = threading.Timer(0.1, send, (vendor,), {"text": "code 2222"})
    later.start()
    assert vendor.code_for("18005551234", at_least=2) == "2222"
    later.join()


def test_a_code_that_does_not_come_is_an_error(vendor: SmsVendor) -> None:
    with pytest.raises(TimeoutError, match="no message 1 to 18005551234"):
        vendor.code_for("18005551234", timeout=0.1)
    send(vendor, text="hello")
    with pytest.raises(LookupError, match="no code in 'hello'"):
        vendor.code_for("18005551234")


@pytest.mark.parametrize(
    ("mode", "status", "code"),
    [
        ("bad_number", 400, "invalid_number"),
        ("http401", 401, "unauthorized"),
        ("http429", 429, "too_many_requests"),
        ("http500", 500, "internal_error"),
    ],
)
def test_a_refusal_repeats_the_request_as_vendors_do(
    vendor: SmsVendor, mode: str, status: int, code: str
) -> None:
    vendor.fail(mode)
    reply = post(vendor.url, {"to": "1", "text": TEXT}, path=vendor.path)
    assert (reply.status, reply.header("Retry-After")) == (status, "30" if status == 429 else None)
    assert reply.json == {"status": "error", "code": code, "request": {"to": "1", "text": TEXT}}
    assert (len(vendor.calls), vendor.messages) == (1, [])


def test_a_rejection_may_come_with_status_200(vendor: SmsVendor) -> None:
    vendor.fail("rejected")
    reply = post(vendor.url, {"to": "1", "text": "b"}, path=vendor.path)
    assert (reply.status, reply.json, vendor.messages) == (200, {"status": "rejected"}, [])


def test_a_message_whose_answer_is_lost_has_left(vendor: SmsVendor) -> None:
    vendor.fail("cut", times=1)
    with pytest.raises(ConnectionResetError):
        send(vendor)
    assert vendor.code_for("18005551234") == "042137"
