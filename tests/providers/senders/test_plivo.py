"""Plivo: what goes out, what each answer means, what an operator is told."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from providers import Reply, Unavailable
from providers._senders import Ambiguous, Message, Refused
from providers._senders.plivo import Plivo, PlivoConfig
from tests.providers.sending import MESSAGE, NewSender
from tests.servers import plivo
from tests.servers.tls import Authority

SRC = {"src": plivo.Plivo.SRC}
POWERPACK = {"powerpack_uuid": "8a3cd0e8-5d3f-4f6a-9d2c-0242ac110004"}
ACCOUNT = {"auth_id": plivo.AUTH_ID, "auth_token": plivo.AUTH_TOKEN}
BASIC = base64.b64encode(f"{plivo.AUTH_ID}:{plivo.AUTH_TOKEN}".encode()).decode()
SECRETS = (MESSAGE.to, MESSAGE.text, MESSAGE.code, plivo.AUTH_ID, plivo.AUTH_TOKEN, BASIC)

Make = Callable[..., Plivo]


@pytest.fixture
def vendor() -> Iterator[plivo.Plivo]:
    with plivo.Plivo() as vendor:
        yield vendor


@pytest.fixture
def make(vendor: plivo.Plivo, new_sender: NewSender) -> Make:
    """Make a sender for ``vendor``, with other keys if given."""

    def make(**keys: Any) -> Plivo:
        return new_sender(PlivoConfig, **{"base_url": vendor.base_url, **ACCOUNT, **SRC, **keys})

    return make


# What goes out


async def test_the_request_is_as_the_vendor_documents_it(vendor: plivo.Plivo, make: Make) -> None:
    await make().send(MESSAGE, 5.0)
    (call,) = vendor.calls
    assert (call.method, call.query) == ("POST", "")
    assert call.path == f"/v1/Account/{plivo.AUTH_ID}/Message/"
    assert call.header("Authorization") == f"Basic {BASIC}"
    assert call.header("Content-Type") == "application/json"
    assert call.body == (
        b'{"dst":"18005551234","text":"123456 is your verification code.","src":"14155550100"}'
    )


async def test_an_accepted_message_has_the_vendors_id(vendor: plivo.Plivo, make: Make) -> None:
    assert await make().send(MESSAGE, 5.0) == "00000000-0000-0000-0000-000000000001"
    assert vendor.messages == [(MESSAGE.to, MESSAGE.text)]


@pytest.mark.parametrize(
    ("keys", "fields"),
    [({"src": None, **POWERPACK}, POWERPACK), ({"src": "Example"}, {"src": "Example"})],
    ids=["powerpack", "name"],
)
async def test_the_sender_may_be_of_each_kind(
    vendor: plivo.Plivo, make: Make, keys: dict[str, Any], fields: dict[str, str]
) -> None:
    await make(**keys).send(MESSAGE, 5.0)
    assert vendor.calls[0].json == {"dst": MESSAGE.to, "text": MESSAGE.text, **fields}


@pytest.mark.parametrize("slash", ["", "/"])
async def test_the_base_url_may_have_a_path(new_sender: NewSender, slash: str) -> None:
    with plivo.Plivo(prefix="/mirror/eu") as vendor:
        sender = new_sender(PlivoConfig, base_url=vendor.base_url + slash, **ACCOUNT, **SRC)
        await sender.send(MESSAGE, 5.0)
        assert len(vendor.messages) == 1
        assert await sender.check() == []


@pytest.mark.parametrize(
    "text",
    [
        '","dst":"18885550000","text":"x',
        "1 + 1 = 2 & 100 % ; /:@?#<",
        "quotes \" and ' and \\ and \\u0022",
        "lines\r\nand\nmore\x00\x1b",
        "né 日本 \U0001f511 \u2028 \u200f",
        "{to} {code} %s",
    ],
)
async def test_p12_hostile_text_arrives_as_it_is(
    vendor: plivo.Plivo, make: Make, text: str
) -> None:
    await make().send(Message("18005551234", text, "1"), 5.0)
    assert vendor.messages == [("18005551234", text)]
    assert vendor.calls[0].json.keys() == {"src", "dst", "text"}


# What answers mean


@pytest.mark.parametrize("failure", ["bad_number", "no_sms"])
async def test_a_recipient_that_can_never_be_reached_is_refused(
    vendor: plivo.Plivo, make: Make, failure: str
) -> None:
    vendor.fail(failure)
    with pytest.raises(Refused) as caught:
        await make().send(MESSAGE, 5.0)
    assert not [secret for secret in SECRETS if secret in str(caught.value)]
    assert vendor.messages == []


@pytest.mark.parametrize("src", [plivo.Plivo.SRC, f"+{plivo.Plivo.SRC}"])
async def test_a_bad_number_of_the_operators_is_for_the_next_sender(
    vendor: plivo.Plivo, make: Make, src: str
) -> None:
    vendor.fail("bad_src")
    with pytest.raises(Unavailable, match="HTTP status 400"):
        await make(src=src).send(MESSAGE, 5.0)


@pytest.mark.parametrize(
    "failure",
    [
        *("bad_parameter", "barred_country", "throttled", "outage", "no_uuid", "html", "empty"),
        *("not_utf8", "null", "array", "redirect", "http302", "http400", "http401", "http404"),
        *("http429", "http500", "http503", "json400", "json500"),
    ],
)
async def test_an_answer_that_accepts_nothing_is_for_the_next_sender(
    vendor: plivo.Plivo, make: Make, failure: str
) -> None:
    vendor.fail(failure)
    with pytest.raises(Unavailable, match=r"^plivo: HTTP status \d+, not about") as caught:
        await make().send(MESSAGE, 5.0)
    assert not [secret for secret in SECRETS if secret in str(caught.value)]
    assert (len(vendor.calls), vendor.redirected, vendor.messages) == (1, 0, [])


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (500, "18005551234 is not a valid phone number"),
        (400, "src 18005551234 is not a valid phone number"),
        (400, "18005551234 is not a valid phone number for this account"),
        (400, ["18005551234 is not a valid phone number"]),
        (400, 18005551234),
    ],
)
async def test_a_refusal_has_the_documented_form(make: Make, status: int, error: object) -> None:
    with pytest.raises(Unavailable, match=f"^plivo: HTTP status {status}, not about"):
        make().read(Reply(status, json.dumps({"error": error}).encode()))


async def test_a_throttled_sender_says_for_how_long(vendor: plivo.Plivo, make: Make) -> None:
    vendor.fail("throttled")
    with pytest.raises(Unavailable, match="HTTP status 429") as caught:
        await make().send(MESSAGE, 5.0)
    assert caught.value.retry_after == 7.0


@pytest.mark.parametrize(
    "failure", ["hang", "slow:1", "drip", "cut", "truncated_json", "huge", "deep"]
)
async def test_a27_a_message_whose_answer_is_lost_is_ambiguous(
    vendor: plivo.Plivo, make: Make, failure: str
) -> None:
    vendor.fail(failure)
    with pytest.raises(Ambiguous):
        await make().send(MESSAGE, 0.3)
    assert len(vendor.calls) == 1


async def test_wrong_credentials_are_for_the_next_sender(vendor: plivo.Plivo, make: Make) -> None:
    with pytest.raises(Unavailable, match="HTTP status 401"):
        await make(auth_token="other").send(MESSAGE, 5.0)
    assert vendor.messages == []


async def test_a_vendor_that_is_not_there_got_nothing(vendor: plivo.Plivo, make: Make) -> None:
    vendor.stop()
    with pytest.raises(Unavailable, match="no connection"):
        await make().send(MESSAGE, 5.0)


async def test_c16_a_vendor_that_nobody_vouches_for_gets_nothing(
    new_sender: NewSender, tmp_path: Path
) -> None:
    with plivo.Plivo(tls=Authority(tmp_path).server()) as vendor:
        sender = new_sender(PlivoConfig, base_url=vendor.base_url, **ACCOUNT, **SRC)
        with pytest.raises(Unavailable, match="certificate refused"):
            await sender.send(MESSAGE, 5.0)
        assert vendor.calls == []


# Trying it out


async def test_check_reads_the_account_and_sends_nothing(vendor: plivo.Plivo, make: Make) -> None:
    assert await make().check() == []
    (call,) = vendor.calls
    assert (call.method, call.path) == ("GET", f"/v1/Account/{plivo.AUTH_ID}/")
    assert vendor.messages == []


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ({"auth_token": "other"}, "first: the vendor refuses the credentials"),
        ({"auth_id": "MAOTHER"}, "first: answers with HTTP status 404"),
    ],
    ids=["token", "account"],
)
async def test_check_says_what_is_to_be_mended(
    vendor: plivo.Plivo, make: Make, keys: dict[str, str], problem: str
) -> None:
    (said,) = await make(name="first", **keys).check()
    assert said.startswith(problem)
    assert not [secret for secret in SECRETS if secret in said]


async def test_check_says_that_the_vendor_is_not_there(vendor: plivo.Plivo, make: Make) -> None:
    vendor.stop()
    (said,) = await make(name="first").check()
    assert said.startswith("first: no connection")


# Configuration


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ({}, "give one of src and powerpack_uuid"),
        ({**SRC, **POWERPACK}, "give one of src and powerpack_uuid"),
        ({**SRC, "auth_id": "XX555555555555555555"}, "must be an Auth ID"),
        ({**SRC, "auth_id": "MA5/../SECRET"}, "must be an Auth ID"),
        ({"powerpack_uuid": "not-a-powerpack"}, "must be a UUID"),
        ({"src": "whatsapp:+14155550199"}, "must be a phone number"),
        ({"src": "Twelve chars"}, "must be a phone number"),
        ({"src": "Exämple"}, "must be a phone number"),
        ({"src": "14155550199<14155550198"}, "must be a phone number"),
    ],
)
def test_a_configuration_that_cannot_work_is_refused(keys: dict[str, str], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem) as caught:
        PlivoConfig.model_validate({"type": "plivo", **ACCOUNT, **keys})
    assert not [value for value in keys.values() if value in str(caught.value)]


@pytest.mark.parametrize("src", ["14155550100", "+14155550100", "12345", "Example2"])
def test_a_sender_that_can_work_is_taken(src: str) -> None:
    assert PlivoConfig.model_validate({"type": "plivo", **ACCOUNT, "src": src}).src == src


async def test_identifiers_may_come_from_the_environment(
    vendor: plivo.Plivo, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = {**ACCOUNT, **POWERPACK}
    for key, value in values.items():
        monkeypatch.setenv(f"PLIVO_{key}", value)
    keys = {key: {"env": f"PLIVO_{key}"} for key in values}
    await make(src=None, **keys).send(MESSAGE, 5.0)
    assert vendor.count(MESSAGE.to) == 1
