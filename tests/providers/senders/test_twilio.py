"""Twilio: what goes out, what each answer means, what an operator is told."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from pydantic import ValidationError

from providers import Reply, Unavailable
from providers._senders import Ambiguous, Message, Refused
from providers._senders.twilio import Twilio, TwilioConfig
from tests.providers.sending import MESSAGE, NewSender
from tests.servers import twilio
from tests.servers.tls import Authority

FROM = {"from": "+14155550100"}
SERVICE = {"messaging_service_sid": "MG" + "6" * 32}
ACCOUNT = {"account_sid": twilio.ACCOUNT_SID, "auth_token": twilio.AUTH_TOKEN}
BASIC = base64.b64encode(f"{twilio.ACCOUNT_SID}:{twilio.AUTH_TOKEN}".encode()).decode()
SECRETS = (MESSAGE.to, MESSAGE.text, MESSAGE.code, twilio.ACCOUNT_SID, twilio.AUTH_TOKEN, BASIC)

Make = Callable[..., Twilio]


@pytest.fixture
def vendor() -> Iterator[twilio.Twilio]:
    with twilio.Twilio() as vendor:
        yield vendor


@pytest.fixture
def make(vendor: twilio.Twilio, new_sender: NewSender) -> Make:
    """Make a sender for ``vendor``, with other keys if given."""

    def make(**keys: Any) -> Twilio:
        return new_sender(TwilioConfig, **{"base_url": vendor.base_url, **ACCOUNT, **FROM, **keys})

    return make


def sent_form(vendor: twilio.Twilio) -> dict[str, list[str]]:
    return parse_qs(vendor.calls[-1].body.decode(), strict_parsing=True, errors="strict")


# What goes out


async def test_the_request_is_as_the_vendor_documents_it(vendor: twilio.Twilio, make: Make) -> None:
    await make().send(MESSAGE, 5.0)
    (call,) = vendor.calls
    assert (call.method, call.query) == ("POST", "")
    assert call.path == f"/2010-04-01/Accounts/{twilio.ACCOUNT_SID}/Messages.json"
    assert call.header("Authorization") == f"Basic {BASIC}"
    assert call.header("Content-Type") == "application/x-www-form-urlencoded"
    assert call.body == (
        b"To=%2B18005551234&From=%2B14155550100&Body=123456+is+your+verification+code."
    )


async def test_an_accepted_message_has_the_vendors_id(vendor: twilio.Twilio, make: Make) -> None:
    assert await make().send(MESSAGE, 5.0) == "SM" + "1".zfill(32)
    assert vendor.messages == [(f"+{MESSAGE.to}", MESSAGE.text)]


TEMPLATE = {"content_sid": "HX" + "7" * 32}
WHATSAPP = {"from": "whatsapp:+14155550100"}


@pytest.mark.parametrize(
    ("keys", "form"),
    [
        (
            {"from": None, **SERVICE},
            {"MessagingServiceSid": SERVICE["messaging_service_sid"], "Body": MESSAGE.text},
        ),
        ({"from": "Example"}, {"From": "Example", "Body": MESSAGE.text}),
        (
            WHATSAPP,
            {"To": "whatsapp:+18005551234", "From": WHATSAPP["from"], "Body": MESSAGE.text},
        ),
        (
            {**WHATSAPP, **TEMPLATE},
            {
                "To": "whatsapp:+18005551234",
                "From": WHATSAPP["from"],
                "ContentSid": TEMPLATE["content_sid"],
                "ContentVariables": '{"1":"123456"}',
            },
        ),
    ],
    ids=["service", "name", "whatsapp", "whatsapp-template"],
)
async def test_the_sender_may_be_of_each_kind(
    vendor: twilio.Twilio, make: Make, keys: dict[str, Any], form: dict[str, str]
) -> None:
    await make(**keys).send(MESSAGE, 5.0)
    expected = {"To": "+18005551234", **form}
    assert sent_form(vendor) == {field: [value] for field, value in expected.items()}


@pytest.mark.parametrize("slash", ["", "/"])
async def test_the_base_url_may_have_a_path(new_sender: NewSender, slash: str) -> None:
    with twilio.Twilio(prefix="/mirror/eu") as vendor:
        keys = {"base_url": vendor.base_url + slash, **ACCOUNT, **FROM}
        sender = new_sender(TwilioConfig, **keys)
        await sender.send(MESSAGE, 5.0)
        assert len(vendor.messages) == 1
        assert await sender.check() == []


@pytest.mark.parametrize(
    "text",
    [
        "&To=%2B18885550000&Body=x",
        "1 + 1 = 2 & 100 % ; /:@?#",
        "quotes \" and ' and \\",
        "lines\r\nand\nmore\x00\x1b",
        "né 日本 \U0001f511 \u2028 \u200f",
        "{to} {code} %s",
    ],
)
async def test_p12_hostile_text_arrives_as_it_is(
    vendor: twilio.Twilio, make: Make, text: str
) -> None:
    await make().send(Message("18005551234", text, "1"), 5.0)
    assert vendor.messages == [("+18005551234", text)]
    assert sent_form(vendor).keys() == {"To", "From", "Body"}


async def test_p12_a_hostile_code_stays_in_its_variable(vendor: twilio.Twilio, make: Make) -> None:
    code = '1","2":"&To=%2B1'
    await make(**TEMPLATE).send(Message("18005551234", "", code), 5.0)
    assert sent_form(vendor)["ContentVariables"] == ['{"1":"1\\",\\"2\\":\\"&To=%2B1"}']
    assert vendor.messages[0].to == "+18005551234"


# What answers mean


@pytest.mark.parametrize("code", [21211, 21265, 21266, 21268, 21610, 21614, 21635])
async def test_a_recipient_that_can_never_be_reached_is_refused(
    vendor: twilio.Twilio, make: Make, code: int
) -> None:
    vendor.fail(f"error{code}")
    with pytest.raises(Refused, match=f"error {code}: ") as caught:
        await make().send(MESSAGE, 5.0)
    assert not [secret for secret in SECRETS if secret in str(caught.value)]
    assert vendor.messages == []


@pytest.mark.parametrize(
    "code", [20003, 20500, 21212, 21408, 21602, 21603, 21604, 21606, 21608, 21611, 21612]
)
async def test_every_other_error_is_for_the_next_sender(
    vendor: twilio.Twilio, make: Make, code: int
) -> None:
    vendor.fail(f"error{code}")
    status = twilio.ERRORS[code][0]
    with pytest.raises(Unavailable, match=f"twilio: HTTP status {status}, error {code}") as caught:
        await make().send(MESSAGE, 5.0)
    assert not [secret for secret in SECRETS if secret in str(caught.value)]


@pytest.mark.parametrize(
    "code", [None, True, "21211", [21211], {"21211": 1}, 18005551234, 123456, 21211.0]
)
async def test_what_is_no_error_code_is_not_repeated(make: Make, code: object) -> None:
    with pytest.raises(Unavailable, match=r"^twilio: HTTP status 400, no error code$"):
        make().read(Reply(400, json.dumps({"code": code}).encode()))


async def test_a_throttled_sender_says_for_how_long(vendor: twilio.Twilio, make: Make) -> None:
    vendor.fail("error20429")
    with pytest.raises(Unavailable, match="error 20429") as caught:
        await make().send(MESSAGE, 5.0)
    assert caught.value.retry_after == 7.0


@pytest.mark.parametrize(
    "failure",
    [
        *("html", "empty", "not_utf8", "null", "array", "redirect", "no_sid", "json500"),
        *("http302", "http400", "http401", "http404", "http429", "http500", "http503"),
    ],
)
async def test_an_answer_that_accepts_nothing_is_for_the_next_sender(
    vendor: twilio.Twilio, make: Make, failure: str
) -> None:
    vendor.fail(failure)
    with pytest.raises(Unavailable, match=r"^twilio: HTTP status \d+, no error code$"):
        await make().send(MESSAGE, 5.0)
    assert (len(vendor.calls), vendor.redirected, vendor.messages) == (1, 0, [])


@pytest.mark.parametrize(
    "failure", ["hang", "slow:1", "drip", "cut", "truncated_json", "huge", "deep"]
)
async def test_a27_a_message_whose_answer_is_lost_is_ambiguous(
    vendor: twilio.Twilio, make: Make, failure: str
) -> None:
    vendor.fail(failure)
    with pytest.raises(Ambiguous):
        await make().send(MESSAGE, 0.3)
    assert len(vendor.calls) == 1


async def test_wrong_credentials_are_for_the_next_sender(vendor: twilio.Twilio, make: Make) -> None:
    with pytest.raises(Unavailable, match="HTTP status 401, error 20003"):
        await make(auth_token="other").send(MESSAGE, 5.0)
    assert vendor.messages == []


async def test_a_vendor_that_is_not_there_got_nothing(vendor: twilio.Twilio, make: Make) -> None:
    vendor.stop()
    with pytest.raises(Unavailable, match="no connection"):
        await make().send(MESSAGE, 5.0)


async def test_c16_a_vendor_that_nobody_vouches_for_gets_nothing(
    new_sender: NewSender, tmp_path: Path
) -> None:
    with twilio.Twilio(tls=Authority(tmp_path).server()) as vendor:
        sender = new_sender(TwilioConfig, base_url=vendor.base_url, **ACCOUNT, **FROM)
        with pytest.raises(Unavailable, match="certificate refused"):
            await sender.send(MESSAGE, 5.0)
        assert vendor.calls == []


# Trying it out


async def test_check_reads_the_account_and_sends_nothing(vendor: twilio.Twilio, make: Make) -> None:
    assert await make().check() == []
    (call,) = vendor.calls
    assert (call.method, call.path) == ("GET", f"/2010-04-01/Accounts/{twilio.ACCOUNT_SID}.json")
    assert vendor.messages == []


@pytest.mark.parametrize(
    ("keys", "status", "problem"),
    [
        ({"auth_token": "other"}, "active", "first: the vendor refuses the credentials"),
        ({"account_sid": "ACother"}, "active", "first: answers with HTTP status 404"),
        ({}, "suspended", "first: the account is suspended"),
        ({}, "closed", "first: the account is closed"),
        ({}, twilio.AUTH_TOKEN, "first: the account is not active"),
    ],
    ids=["token", "account", "suspended", "closed", "unknown"],
)
async def test_check_says_what_is_to_be_mended(
    vendor: twilio.Twilio, make: Make, keys: dict[str, str], status: str, problem: str
) -> None:
    vendor.status = status
    (said,) = await make(name="first", **keys).check()
    assert said.startswith(problem)
    assert not [secret for secret in SECRETS if secret in said]


async def test_check_says_that_the_vendor_is_not_there(vendor: twilio.Twilio, make: Make) -> None:
    vendor.stop()
    (said,) = await make(name="first").check()
    assert said.startswith("first: no connection")


# Configuration


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ({}, "give one of from and messaging_service_sid"),
        ({**FROM, **SERVICE}, "give one of from and messaging_service_sid"),
        ({**FROM, "account_sid": "SK" + "5" * 32}, "must be a SID that begins with AC"),
        ({**FROM, "account_sid": "AC5/../SECRET"}, "must be a SID that begins with AC"),
        ({"messaging_service_sid": "ACsecret"}, "must be a SID that begins with MG"),
        ({**FROM, "content_sid": "MGsecret"}, "must be a SID that begins with HX"),
        ({"from": "14155550199"}, "must be a phone number"),
        ({"from": "+0123456789"}, "must be a phone number"),
        ({"from": "whatsapp:14155550100"}, "must be a phone number"),
        ({"from": "Twelve chars"}, "must be a phone number"),
        ({"from": "Exämple"}, "must be a phone number"),
        ({"from": "+14155550100\n"}, "must be a phone number"),
    ],
)
def test_a_configuration_that_cannot_work_is_refused(keys: dict[str, str], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem) as caught:
        TwilioConfig.model_validate({"type": "twilio", **ACCOUNT, **keys})
    assert not [value for value in keys.values() if value in str(caught.value)]


@pytest.mark.parametrize("sender", ["+14155550100", "12345", "Example Co", "whatsapp:+14155550100"])
def test_a_sender_that_can_work_is_taken(sender: str) -> None:
    keys = {"type": "twilio", **ACCOUNT, "from": sender}
    assert TwilioConfig.model_validate(keys).sender == sender


async def test_identifiers_may_come_from_the_environment(
    vendor: twilio.Twilio, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = {**ACCOUNT, **SERVICE, **TEMPLATE}
    for key, value in values.items():
        monkeypatch.setenv(f"TWILIO_{key}", value)
    keys = {key: {"env": f"TWILIO_{key}"} for key in values}
    await make(**{"from": None}, **keys).send(MESSAGE, 5.0)
    assert vendor.count(MESSAGE.to) == 1
