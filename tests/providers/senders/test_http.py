"""The sender for any vendor: what goes out, and what each answer means."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator
from typing import Any

import pytest

from providers import Reason, Rejected, Unavailable
from providers import _senders as senders
from providers._senders import Ambiguous, Message, deliver
from providers._senders.http import Http
from tests.providers.sending import MESSAGE, NewSender, Recorder
from tests.servers.sms import SmsVendor

SUCCESS = {"status": [202], "json": {"status": "accepted"}}
JSON = {"json": {"to": "{to}", "text": "{text}"}}
REFUSED = {"status": [400], "json": {"code": "invalid_number"}}


@pytest.fixture
def next_vendor() -> Iterator[SmsVendor]:
    with SmsVendor() as vendor:
        yield vendor


# What goes out

XML = {"Content-Type": "text/xml; charset=utf-8"}
KINDS: dict[str, dict[str, Any]] = {
    "json": JSON,
    "form": {"form": {"to": "{to}", "text": "{text}"}},
    "query": {"method": "GET", "url": "?to={to}&text={text}"},
    "json_body": {
        "headers": {"Content-Type": "Application/JSON"},
        "body": '{"to": "{to}", "text": "{text}"}',
    },
    "form_body": {
        "headers": {"content-type": "application/x-www-form-urlencoded"},
        "body": "to={to}&text={text}",
    },
    "xml_body": {"headers": XML, "body": "<sms><to>{to}</to><text>{text}</text></sms>"},
}
TEXTS = [
    'quotes " and \' and \\ and \\" and \\u0022',
    '","to":"18885550000',
    "&to=18885550000&text=x#y?z",
    "100 % + 5%20 = ;/:@",
    "</text><to>18885550000</to><!-- & &amp; ]]> <?x?>",
    "{to} {code} {text} {{code}} {0} %s $to",
    "lines\nand\ttabs and  spaces",
    "né 日本 \U0001f511 \u2028 \u200f",
    "x" * 3000,
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
async def test_p12_hostile_text_arrives_as_it_is(
    sms: SmsVendor, new_sender: NewSender, kind: str, text: str
) -> None:
    keys = KINDS[kind]
    sender = new_sender(success=SUCCESS, **{**keys, "url": sms.url + keys.get("url", "")})
    await sender.send(Message("18005551234", text, "123456"), 5.0)
    assert sms.messages == [("18005551234", text)]


@pytest.mark.parametrize("kind", ["json", "form", "json_body"])
@pytest.mark.parametrize("text", ["\r\n", "\x00\x01\x1b\x7f"], ids=["line_ends", "controls"])
async def test_p12_controls_arrive_where_they_can_be_written(
    sms: SmsVendor, new_sender: NewSender, kind: str, text: str
) -> None:
    sender = new_sender(url=sms.url, success=SUCCESS, **KINDS[kind])
    await sender.send(Message("18005551234", f"a{text}b", "123456"), 5.0)
    assert sms.messages == [("18005551234", f"a{text}b")]


async def test_p12_white_space_in_an_xml_attribute_arrives(
    sms: SmsVendor, new_sender: NewSender
) -> None:
    sender = new_sender(url=sms.url, headers=XML, body='<sms text="{text}"/>')
    with pytest.raises(Unavailable):  # this vendor reads elements only
        await sender.send(Message("1", 'a\r\n\t"b"<', "2"), 5.0)
    assert sms.calls[0].body == b'<sms text="a&#13;&#10;&#9;&quot;b&quot;&lt;"/>'


async def test_p12_placeholders_are_filled_at_any_depth_and_once(
    sms: SmsVendor, new_sender: NewSender
) -> None:
    document = {"list": [{"deep": "+{to}: {text}"}, 7, None, True], "code": "{code}", "to": "x"}
    sender = new_sender(url=sms.url, json=document)
    with pytest.raises(Unavailable):  # no such message for this vendor
        await sender.send(Message("18005551234", "{code} {to}", "123456"), 5.0)
    assert sms.calls[0].json == {
        "list": [{"deep": "+18005551234: {code} {to}"}, 7, None, True],
        "code": "123456",
        "to": "x",
    }


async def test_p12_values_cannot_leave_their_place_in_the_url(
    sms: SmsVendor, new_sender: NewSender
) -> None:
    sender = new_sender(method="GET", url=sms.url + "/{to}/x?text={text}")
    with pytest.raises(Unavailable):
        await sender.send(Message("../../admin?a=b#", "a b&c=d", "1"), 5.0)
    (call,) = sms.calls
    assert call.path.startswith("/messages/")
    assert call.query == "text=a%20b%26c%3Dd"


@pytest.mark.parametrize(
    ("keys", "header", "value"),
    [
        ({"bearer": "t0ken"}, "Authorization", "Bearer t0ken"),
        (
            {"basic_auth": {"username": "usér", "password": "p:w"}},
            "Authorization",
            "Basic dXPDqXI6cDp3",
        ),
        ({"headers": {"X-Api-Key": "k3y"}}, "X-Api-Key", "k3y"),
    ],
    ids=["bearer", "basic", "header"],
)
async def test_p12_credentials_come_from_the_configuration(
    sms: SmsVendor, new_sender: NewSender, keys: dict[str, Any], header: str, value: str
) -> None:
    sender = new_sender(url=sms.url, **JSON, **keys)
    await sender.send(MESSAGE, 5.0)
    assert sms.calls[0].header(header) == value


# What answers mean


@pytest.fixture
def chain(sms: SmsVendor, next_vendor: SmsVendor, new_sender: NewSender) -> list[Http]:
    """Two senders, the first for ``sms``."""
    return [
        new_sender(name=name, url=vendor.url, success=SUCCESS, bearer="credential", **JSON)
        for name, vendor in (("first", sms), ("second", next_vendor))
    ]


async def test_an_accepted_message_is_sent_once(
    sms: SmsVendor, next_vendor: SmsVendor, chain: list[Http], meter: Recorder
) -> None:
    await deliver(chain, MESSAGE, meter)
    assert (len(sms.messages), len(next_vendor.calls)) == (1, 0)
    assert meter.messages == [("first", "accepted")]


FAILURES = [
    *("http401", "http429", "http500", "http404", "http503", "http302", "bad_number", "rejected"),
    *("html", "empty", "not_utf8", "null", "array", "redirect", "json200", "json500"),
]


@pytest.mark.parametrize("failure", FAILURES)
async def test_an_answer_that_is_no_success_is_for_the_next_sender(
    sms: SmsVendor, next_vendor: SmsVendor, chain: list[Http], meter: Recorder, failure: str
) -> None:
    sms.fail(failure)
    await deliver(chain, MESSAGE, meter)
    assert (len(sms.messages), len(next_vendor.messages)) == (0, 1)
    assert (len(sms.calls), sms.redirected) == (1, 0)  # nor is anything tried twice
    assert meter.messages == [("first", "unavailable"), ("second", "accepted")]


async def test_first_sender_dead_second_gets_it_once(
    sms: SmsVendor, next_vendor: SmsVendor, chain: list[Http], meter: Recorder
) -> None:
    sms.stop()
    await deliver(chain, MESSAGE, meter)
    assert (len(sms.messages), len(next_vendor.messages)) == (0, 1)
    assert meter.messages == [("first", "unavailable"), ("second", "accepted")]


@pytest.mark.parametrize("failure", ["cut", "truncated_json", "huge", "deep", "hang", "drip"])
async def test_a_message_that_may_have_gone_out_counts_as_sent(
    sms: SmsVendor,
    next_vendor: SmsVendor,
    chain: list[Http],
    meter: Recorder,
    failure: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(senders, "DEADLINE", 0.5)
    sms.fail(failure)
    await deliver(chain, MESSAGE, meter)
    assert (len(sms.calls), len(next_vendor.calls)) == (1, 0)
    assert meter.messages == [("first", "ambiguous")]


async def test_a_number_that_can_never_be_reached_is_the_persons_failure(
    sms: SmsVendor, next_vendor: SmsVendor, new_sender: NewSender, meter: Recorder
) -> None:
    sms.fail("bad_number")
    first = new_sender(url=sms.url, success=SUCCESS, refused=REFUSED, **JSON)
    second = new_sender(url=next_vendor.url, **JSON)
    with pytest.raises(Rejected) as caught:
        await deliver([first, second], MESSAGE, meter)
    assert caught.value.reason is Reason.PHONE
    assert next_vendor.calls == []
    assert meter.messages == [("http", "refused")]


@pytest.mark.parametrize("failure", ["http400", "json400", "http401", "rejected", "http500"])
async def test_another_refusal_than_the_configured_one_is_the_vendors(
    sms: SmsVendor, new_sender: NewSender, failure: str
) -> None:
    sms.fail(failure)
    sender = new_sender(url=sms.url, success=SUCCESS, refused=REFUSED, **JSON)
    with pytest.raises(Unavailable):
        await sender.send(MESSAGE, 5.0)


async def test_all_senders_failing_is_an_outage_that_repeats_nothing(
    sms: SmsVendor, next_vendor: SmsVendor, chain: list[Http], meter: Recorder
) -> None:
    sms.fail("http500")  # repeats the message in its answer
    next_vendor.stop()
    with pytest.raises(Unavailable) as caught:
        await deliver(chain, MESSAGE, meter)
    said = str(caught.value)
    assert "first: answered with HTTP status 500" in said
    assert "second: no connection" in said
    for secret in (MESSAGE.code, MESSAGE.to, MESSAGE.text, "credential"):
        assert secret not in said


@pytest.mark.parametrize(
    ("success", "failure", "accepted"),
    [
        ({}, None, True),
        ({}, "json200", True),
        ({}, "html", True),  # any 2xx, if nothing more is asked for
        ({}, "http302", False),
        ({"status": [200]}, None, False),
        ({"json": {"id": "m1", "to": ["x", "18005551234"]}}, None, True),
        ({"json": {"id": ["m2", "m3"]}}, None, False),
        ({"json": {"id.deeper": "m1"}}, None, False),
        ({"json": {"0.status": "accepted"}}, "array", True),
        ({"json": {"1.status": "accepted"}}, "array", False),
        ({"json": {"status": "accepted"}}, "array", False),
        ({"json": {"status": "accepted"}}, "html", False),
    ],
)
async def test_success_is_what_the_configuration_says(
    sms: SmsVendor,
    new_sender: NewSender,
    success: dict[str, Any],
    failure: str | None,
    accepted: bool,
) -> None:
    if failure is not None:
        sms.fail(failure)
    sending = new_sender(url=sms.url, success=success, **JSON).send(MESSAGE, 5.0)
    with contextlib.nullcontext() if accepted else pytest.raises(Unavailable):
        await sending


# Time


async def test_a27_a_time_out_is_ambiguous(sms: SmsVendor, new_sender: NewSender) -> None:
    sms.fail("hang")
    with pytest.raises(Ambiguous):
        await new_sender(url=sms.url, **JSON).send(MESSAGE, 0.2)


class Unconnected:
    """A sender that waits in vain for a connection, as long as it may."""

    name = "unconnected"

    async def send(self, message: Message, within: float) -> None:
        await asyncio.sleep(min(within, 0.2))
        raise Unavailable(self.name, "no connection")

    async def close(self) -> None: ...

    async def check(self) -> list[str]:
        return []


async def test_a27_one_deadline_over_all_senders(
    sms: SmsVendor, new_sender: NewSender, meter: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(senders, "DEADLINE", 0.3)
    started = time.monotonic()
    with pytest.raises(Unavailable):
        await deliver(
            [Unconnected(), Unconnected(), new_sender(url=sms.url, **JSON)], MESSAGE, meter
        )
    assert 0.25 < time.monotonic() - started < 1.0
    assert sms.calls == []
    assert meter.messages == [("unconnected", "unavailable")] * 2


# Trying it out


async def test_check_reaches_the_vendor_without_a_message(
    sms: SmsVendor, new_sender: NewSender
) -> None:
    keys = {"name": "vendor", "url": f"{sms.url}?key=credential", **JSON}
    assert await new_sender(**keys).check() == []
    assert sms.messages == []
    assert "credential" not in sms.calls[0].path + sms.calls[0].query
    sms.stop()
    (problem,) = await new_sender(**keys).check()
    assert problem.startswith("vendor: no connection")
    assert "credential" not in problem
