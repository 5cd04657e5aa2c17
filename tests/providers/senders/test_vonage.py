"""Vonage: what goes out, what each answer means, what an operator is told."""

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
from providers._senders import Ambiguous, Declined, Message, Refused
from providers._senders.vonage import Vonage, VonageConfig
from tests.providers.sending import MESSAGE, NewSender
from tests.servers import gsm, vonage
from tests.servers.tls import Authority

FROM = {"from": "Example"}
ACCOUNT = {"api_key": vonage.API_KEY, "api_secret": vonage.API_SECRET}
BASIC = base64.b64encode(f"{vonage.API_KEY}:{vonage.API_SECRET}".encode()).decode()
SECRETS = (MESSAGE.to, MESSAGE.text, MESSAGE.code, vonage.API_KEY, vonage.API_SECRET, BASIC)
LONG = Message("18005551234", "123456 is your code. " + "x" * 160, "123456")

REFUSED = ("6", "7", "33")
NOT_DECLINED = (*REFUSED, "5")

Make = Callable[..., Vonage]


@pytest.fixture
def vendor() -> Iterator[vonage.Vonage]:
    with vonage.Vonage() as vendor:
        yield vendor


@pytest.fixture
def make(vendor: vonage.Vonage, new_sender: NewSender) -> Make:
    """Make a sender for ``vendor``, with other keys if given."""

    def make(**keys: Any) -> Vonage:
        return new_sender(VonageConfig, **{"base_url": vendor.base_url, **ACCOUNT, **FROM, **keys})

    return make


def sent_form(vendor: vonage.Vonage) -> dict[str, list[str]]:
    return parse_qs(vendor.calls[-1].body.decode(), strict_parsing=True, errors="strict")


# What goes out


async def test_the_request_is_as_the_vendor_documents_it(vendor: vonage.Vonage, make: Make) -> None:
    await make().send(MESSAGE, 5.0)
    (call,) = vendor.calls
    assert (call.method, call.path, call.query) == ("POST", "/sms/json", "")
    assert call.header("Authorization") == f"Basic {BASIC}"
    assert call.header("Content-Type") == "application/x-www-form-urlencoded"
    assert call.body == (b"from=Example&to=18005551234&text=123456+is+your+verification+code.")


async def test_an_accepted_message_has_the_vendors_id(vendor: vonage.Vonage, make: Make) -> None:
    assert await make().send(MESSAGE, 5.0) == "0A00000000000100"
    assert vendor.messages == [(MESSAGE.to, MESSAGE.text)]


async def test_a_text_outside_the_alphabet_goes_as_unicode(
    vendor: vonage.Vonage, make: Make
) -> None:
    await make().send(Message("18005551234", "né 日本 \U0001f511", "1"), 5.0)
    assert vendor.calls[0].body == (
        b"from=Example&to=18005551234&text=n%C3%A9+%E6%97%A5%E6%9C%AC+%F0%9F%94%91&type=unicode"
    )


@pytest.mark.parametrize("text", [*gsm.ALPHABET, gsm.ALPHABET], ids=ascii)
def test_the_alphabet_needs_no_unicode(make: Make, text: str) -> None:
    assert b"type=" not in make().request(Message("1", text, "1")).body


@pytest.mark.parametrize(
    "text", [*"`çÀáα…日\u2019\u2013\u00a0\t\x1b\x00\u2028", "\U0001f511"], ids=ascii
)
async def test_everything_else_arrives_all_the_same(
    vendor: vonage.Vonage, make: Make, text: str
) -> None:
    await make().send(Message("18005551234", f"a{text}b", "1"), 5.0)
    assert vendor.messages == [("18005551234", f"a{text}b")]


@pytest.mark.parametrize(
    ("sender", "sent"),
    [("14155550100", "14155550100"), ("+14155550100", "14155550100"), ("12345", "12345")],
)
async def test_the_sender_may_be_a_number(
    vendor: vonage.Vonage, make: Make, sender: str, sent: str
) -> None:
    await make(**{"from": sender}).send(MESSAGE, 5.0)
    assert sent_form(vendor)["from"] == [sent]


@pytest.mark.parametrize("slash", ["", "/"])
async def test_the_base_url_may_have_a_path(new_sender: NewSender, slash: str) -> None:
    with vonage.Vonage(prefix="/mirror/eu") as vendor:
        keys = {"base_url": vendor.base_url + slash, **ACCOUNT, **FROM}
        sender = new_sender(VonageConfig, **keys)
        await sender.send(MESSAGE, 5.0)
        assert len(vendor.messages) == 1
        assert await sender.check() == []


@pytest.mark.parametrize(
    "text",
    [
        "&to=18885550000&text=x",
        "&type=binary&body=00#y",
        "1 + 1 = 2 & 100 % ; /:@?#",
        "quotes \" and ' and \\",
        "lines\r\nand\nmore\x00\x1b",
        "né 日本 \U0001f511 \u2028 \u200f",
        "{to} {code} %s",
    ],
)
async def test_p12_hostile_text_arrives_as_it_is(
    vendor: vonage.Vonage, make: Make, text: str
) -> None:
    await make().send(Message("18005551234", text, "1"), 5.0)
    assert vendor.messages == [("18005551234", text)]
    assert sent_form(vendor).keys() - {"type"} == {"from", "to", "text"}


# What answers mean


@pytest.mark.parametrize("status", REFUSED)
@pytest.mark.parametrize("message", [MESSAGE, LONG], ids=["short", "long"])
async def test_a_recipient_that_can_never_be_reached_is_refused(
    vendor: vonage.Vonage, make: Make, status: str, message: Message
) -> None:
    vendor.fail(f"status{status}")
    with pytest.raises(Refused, match=f"^message status {status}: ") as caught:
        await make().send(message, 5.0)
    assert not [secret for secret in SECRETS if secret in str(caught.value)]
    assert vendor.messages == []


@pytest.mark.parametrize("status", [s for s in vonage.STATUSES if s not in NOT_DECLINED])
@pytest.mark.parametrize("message", [MESSAGE, LONG], ids=["short", "long"])
async def test_every_other_status_is_for_the_next_sender(
    vendor: vonage.Vonage, make: Make, status: str, message: Message
) -> None:
    vendor.fail(f"status{status}")
    with pytest.raises(Declined) as caught:
        await make().send(message, 5.0)
    assert str(caught.value) == f"vonage: HTTP status 200, message status {status}"


async def test_a_fault_of_the_platform_is_none_of_the_message(
    vendor: vonage.Vonage, make: Make
) -> None:
    vendor.fail("status5")
    with pytest.raises(Unavailable) as caught:
        await make().send(MESSAGE, 5.0)
    assert caught.type is Unavailable
    assert str(caught.value) == "vonage: message status 5"


@pytest.mark.parametrize(("failure", "wait"), [("throttled", 7.0), ("status1", None)])
async def test_a_throttled_sender_says_for_how_long_if_it_knows(
    vendor: vonage.Vonage, make: Make, failure: str, wait: float | None
) -> None:
    vendor.fail(failure)
    with pytest.raises(Declined, match=r"message status 1$") as caught:
        await make().send(MESSAGE, 5.0)
    assert caught.value.retry_after == wait


async def test_a_message_that_left_in_part_may_have_arrived(
    vendor: vonage.Vonage, make: Make
) -> None:
    vendor.fail("last_part")
    with pytest.raises(Ambiguous):
        await make().send(LONG, 5.0)
    with pytest.raises(Declined):  # which has one part
        await make().send(MESSAGE, 5.0)


async def test_a_long_message_has_the_id_of_its_first_part(
    vendor: vonage.Vonage, make: Make
) -> None:
    assert await make().send(LONG, 5.0) == "0A00000000000100"
    assert vendor.messages == [(LONG.to, LONG.text)]


async def test_an_accepted_message_may_have_no_id(vendor: vonage.Vonage, make: Make) -> None:
    vendor.fail("no_id")
    assert await make().send(MESSAGE, 5.0) is None
    assert make().read(Reply(200, b'{"messages":[{"status":"0","message-id":7}]}')) is None


@pytest.mark.parametrize(
    "failure",
    [
        *("no_messages", "html", "empty", "not_utf8", "null", "array", "redirect", "json302"),
        *("json400", "json401", "json500", "http400", "http401", "http404", "http429", "http500"),
        "http503",
    ],
)
async def test_an_answer_that_accepts_nothing_is_for_the_next_sender(
    vendor: vonage.Vonage, make: Make, failure: str
) -> None:
    vendor.fail(failure)
    with pytest.raises(Unavailable, match=r"^vonage: HTTP status \d+, no message status$"):
        await make().send(MESSAGE, 5.0)
    assert (len(vendor.calls), vendor.redirected, vendor.messages) == (1, 0, [])


SENSELESS_PARTS: list[Any] = [
    *(None, "0", [], {}, {"status": None}, {"status": 0}, {"status": ["0"]}, {"status": "0\n"}),
    *({"status": MESSAGE.to}, {"status": f"0 {MESSAGE.text}"}, {"status": "\u0660"}),
]


@pytest.mark.parametrize(
    "body",
    [
        *(b"[" * 30_000, b'{"messages":' * 2_000, b'{"messages":{"status":"0"}}'),
        b'{"messages":"0"}',
        *(json.dumps({"messages": [part]}).encode() for part in SENSELESS_PARTS),
    ],
    ids=range(4 + len(SENSELESS_PARTS)),
)
def test_an_answer_that_makes_no_sense_accepts_nothing(make: Make, body: bytes) -> None:
    with pytest.raises(Declined) as caught:
        make().read(Reply(200, body))
    assert str(caught.value) == "vonage: HTTP status 200, no message status"


@pytest.mark.parametrize(
    "failure", ["hang", "slow:1", "drip", "cut", "truncated_json", "huge", "deep"]
)
async def test_a27_a_message_whose_answer_is_lost_is_ambiguous(
    vendor: vonage.Vonage, make: Make, failure: str
) -> None:
    vendor.fail(failure)
    with pytest.raises(Ambiguous):
        await make().send(MESSAGE, 0.3)
    assert len(vendor.calls) == 1


async def test_wrong_credentials_are_for_the_next_sender(vendor: vonage.Vonage, make: Make) -> None:
    with pytest.raises(Declined, match="HTTP status 401"):
        await make(api_secret="other").send(MESSAGE, 5.0)
    assert vendor.messages == []


async def test_a_vendor_that_is_not_there_got_nothing(vendor: vonage.Vonage, make: Make) -> None:
    vendor.stop()
    with pytest.raises(Unavailable, match="no connection"):
        await make().send(MESSAGE, 5.0)


async def test_c16_a_vendor_that_nobody_vouches_for_gets_nothing(
    new_sender: NewSender, tmp_path: Path
) -> None:
    with vonage.Vonage(tls=Authority(tmp_path).server()) as vendor:
        sender = new_sender(VonageConfig, **{"base_url": vendor.base_url, **ACCOUNT, **FROM})
        with pytest.raises(Unavailable, match="certificate refused"):
            await sender.send(MESSAGE, 5.0)
        assert vendor.calls == []


# Trying it out


async def test_check_reads_the_balance_and_sends_nothing(vendor: vonage.Vonage, make: Make) -> None:
    assert await make().check() == []
    (call,) = vendor.calls
    assert (call.method, call.path, call.query) == ("GET", "/account/get-balance", "")
    assert call.header("Authorization") == f"Basic {BASIC}"
    assert vendor.messages == []


@pytest.mark.parametrize("keys", [{"api_key": "other123"}, {"api_secret": "other"}])
async def test_check_says_what_is_to_be_mended(make: Make, keys: dict[str, str]) -> None:
    said = await make(name="first", **keys).check()
    assert said == ["first: the vendor refuses the credentials"]


async def test_check_says_that_the_vendor_is_not_there(vendor: vonage.Vonage, make: Make) -> None:
    vendor.stop()
    (said,) = await make(name="first").check()
    assert said.startswith("first: no connection")


# Configuration


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ({"api_key": "abcd:1234"}, "must be an API key"),
        ({"api_key": "abcd1234 "}, "must be an API key"),
        ({"api_key": "abcd1234\r\nX: y"}, "must be an API key"),
        ({"from": "TwelveOfThem"}, "must be a phone number"),
        ({"from": "Two words"}, "must be a phone number"),
        ({"from": "Exämple"}, "must be a phone number"),
        ({"from": "+1 415 555 0199"}, "must be a phone number"),
        ({"from": "+Example"}, "must be a phone number"),
        ({"from": "Example\n"}, "must be a phone number"),
    ],
)
def test_a_configuration_that_cannot_work_is_refused(keys: dict[str, str], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem) as caught:
        VonageConfig.model_validate({"type": "vonage", **ACCOUNT, **FROM, **keys})
    assert not [value for value in keys.values() if value in str(caught.value)]


@pytest.mark.parametrize("missing", ["api_key", "api_secret", "from"])
def test_every_key_without_a_default_is_needed(missing: str) -> None:
    keys = {"type": "vonage", **ACCOUNT, **FROM}
    del keys[missing]
    with pytest.raises(ValidationError, match="Field required"):
        VonageConfig.model_validate(keys)


async def test_identifiers_may_come_from_the_environment(
    vendor: vonage.Vonage, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, value in ACCOUNT.items():
        monkeypatch.setenv(f"VONAGE_{key}", value)
    await make(**{key: {"env": f"VONAGE_{key}"} for key in ACCOUNT}).send(MESSAGE, 5.0)
    assert vendor.count(MESSAGE.to) == 1
