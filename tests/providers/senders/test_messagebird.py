"""MessageBird: what goes out, what each answer means, what an operator is told."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from providers import Reply, Unavailable
from providers._senders import Ambiguous, Declined, Message, Refused
from providers._senders.http import Http, HttpConfig
from providers._senders.messagebird import MessageBird, MessageBirdConfig
from tests import pages
from tests.providers.sending import MESSAGE, NewSender
from tests.servers import messagebird
from tests.servers.sms import SmsVendor
from tests.servers.tls import Authority

ACCOUNT = {"access_key": messagebird.ACCESS_KEY, "originator": "Example"}

Make = Callable[..., MessageBird]


@pytest.fixture
def vendor() -> Iterator[messagebird.MessageBird]:
    with messagebird.MessageBird() as vendor:
        yield vendor


@pytest.fixture
def make(vendor: messagebird.MessageBird, new_sender: NewSender) -> Make:
    """Make a sender for ``vendor``, with other keys if given."""

    def make(**keys: Any) -> MessageBird:
        return new_sender(MessageBirdConfig, **{"base_url": vendor.base_url, **ACCOUNT, **keys})

    return make


# What goes out


async def test_the_request_is_as_the_vendor_documents_it(
    vendor: messagebird.MessageBird, make: Make
) -> None:
    await make().send(MESSAGE, 5.0)
    (call,) = vendor.calls
    assert (call.method, call.path, call.query) == ("POST", "/messages", "")
    assert call.header("Authorization") == f"AccessKey {messagebird.ACCESS_KEY}"
    assert call.header("Accept") == "application/json"
    assert call.header("Content-Type") == "application/json"
    assert call.body == (
        b'{"originator":"Example","recipients":["18005551234"],'
        b'"body":"123456 is your verification code.","datacoding":"auto"}'
    )


async def test_an_accepted_message_has_the_vendors_id(
    vendor: messagebird.MessageBird, make: Make
) -> None:
    assert await make().send(MESSAGE, 5.0) == "1".zfill(32)
    assert vendor.messages == [(MESSAGE.to, MESSAGE.text)]


@pytest.mark.parametrize("slash", ["", "/"])
async def test_the_base_url_may_have_a_path(new_sender: NewSender, slash: str) -> None:
    with messagebird.MessageBird(prefix="/mirror/eu") as vendor:
        sender = new_sender(MessageBirdConfig, base_url=vendor.base_url + slash, **ACCOUNT)
        await sender.send(MESSAGE, 5.0)
        assert len(vendor.messages) == 1
        assert await sender.check() == []


@pytest.mark.parametrize(
    "text",
    [
        '","recipients":["18885550000"],"body":"x',
        "1 + 1 = 2 & 100 % ; /:@?#<",
        "quotes \" and ' and \\ and \\u0022",
        "lines\r\nand\nmore\x00\x1b",
        "né 日本 \U0001f511 \u2028 \u200f",
        "{to} {code} %s",
    ],
)
async def test_p12_hostile_text_arrives_as_it_is(
    vendor: messagebird.MessageBird, make: Make, text: str
) -> None:
    await make().send(Message("18005551234", text, "1"), 5.0)
    assert vendor.messages == [("18005551234", text)]
    assert vendor.calls[0].json.keys() == {"originator", "recipients", "body", "datacoding"}


async def test_a_text_is_utf8_on_the_wire(vendor: messagebird.MessageBird, make: Make) -> None:
    await make().send(Message("18005551234", "né 日本 \U0001f511", "1"), 5.0)
    assert '"body":"né 日本 \U0001f511"'.encode() in vendor.calls[0].body


# What answers mean


@pytest.mark.parametrize("failure", ["bad_number", "bad_numbers"])
async def test_a_recipient_that_can_never_be_reached_is_refused(
    vendor: messagebird.MessageBird, make: Make, failure: str
) -> None:
    vendor.fail(failure)
    with pytest.raises(Refused) as caught:
        await make().send(MESSAGE, 5.0)
    assert str(caught.value) == "not a number that can be sent to"
    assert vendor.messages == []


@pytest.mark.parametrize(
    ("failure", "kind", "text"),
    [
        ("trial", Declined, "HTTP status 422, error 9"),
        ("bad_originator", Declined, "HTTP status 422, error 10"),
        ("both", Declined, "HTTP status 422, error 10"),
        ("wrong_key", Declined, "HTTP status 401, error 2"),
        ("not_allowed", Declined, "HTTP status 401, error 2"),
        ("no_balance", Declined, "HTTP status 402, error 25"),
        ("throttled", Declined, "HTTP status 429, error 1"),
        ("outage", Unavailable, "HTTP status 500, error 99"),
    ],
)
async def test_what_is_not_about_the_recipient_alone_is_for_the_next_sender(
    vendor: messagebird.MessageBird,
    make: Make,
    failure: str,
    kind: type[Unavailable],
    text: str,
) -> None:
    vendor.fail(failure)
    with pytest.raises(kind) as caught:
        await make().send(MESSAGE, 5.0)
    assert (caught.type, str(caught.value)) == (kind, f"messagebird: {text}")
    assert vendor.messages == []


@pytest.mark.parametrize(("failure", "wait"), [("throttled", 7.0), ("http429", None)])
async def test_a_throttled_sender_says_for_how_long_if_it_knows(
    vendor: messagebird.MessageBird, make: Make, failure: str, wait: float | None
) -> None:
    vendor.fail(failure)
    with pytest.raises(Declined, match="HTTP status 429") as caught:
        await make().send(MESSAGE, 5.0)
    assert caught.value.retry_after == wait


@pytest.mark.parametrize(
    "failure",
    [
        *("no_id", "html", "empty", "not_utf8", "null", "array", "redirect", "json302", "json400"),
        *("json422", "json500", "http400", "http401", "http404", "http422", "http500", "http503"),
    ],
)
async def test_an_answer_that_accepts_nothing_is_for_the_next_sender(
    vendor: messagebird.MessageBird, make: Make, failure: str
) -> None:
    vendor.fail(failure)
    with pytest.raises(Unavailable, match=r"^messagebird: HTTP status \d+, no error code$"):
        await make().send(MESSAGE, 5.0)
    assert (len(vendor.calls), vendor.redirected, vendor.messages) == (1, 0, [])


RECIPIENT = {"code": 9, "parameter": "recipient"}


@pytest.mark.parametrize(
    "errors",
    [
        *(None, [], {}, "9", [None], [[]], [{}], [RECIPIENT, None], RECIPIENT, [[RECIPIENT]]),
        [{**RECIPIENT, "code": "9"}],
        [{**RECIPIENT, "code": int(MESSAGE.to)}],
        [{**RECIPIENT, "code": -9}],
        [{"code": MESSAGE.text, "parameter": [MESSAGE.to]}],
    ],
    ids=range(14),
)
def test_errors_that_make_no_sense_are_for_the_next_sender(make: Make, errors: Any) -> None:
    with pytest.raises(Declined) as caught:
        make().read(Reply(422, json.dumps({"errors": errors}).encode()))
    assert str(caught.value) == "messagebird: HTTP status 422, no error code"


@pytest.mark.parametrize("status", [200, 400, 401, 500])
def test_a_recipient_is_refused_by_one_status_only(make: Make, status: int) -> None:
    body = json.dumps({"errors": [RECIPIENT]}).encode()
    with pytest.raises(Refused):
        make().read(Reply(422, body))
    with pytest.raises(Unavailable):
        make().read(Reply(status, body))


@pytest.mark.parametrize("body", [b"[" * 30_000, b'{"errors":' * 2_000, b'{"id":12345}'])
def test_an_answer_that_makes_no_sense_accepts_nothing(make: Make, body: bytes) -> None:
    with pytest.raises(Declined, match="HTTP status 201, no error code"):
        make().read(Reply(201, body))


@pytest.mark.parametrize(
    "failure", ["hang", "slow:1", "drip", "cut", "truncated_json", "huge", "deep"]
)
async def test_a27_a_message_whose_answer_is_lost_is_ambiguous(
    vendor: messagebird.MessageBird, make: Make, failure: str
) -> None:
    vendor.fail(failure)
    with pytest.raises(Ambiguous):
        await make().send(MESSAGE, 0.3)
    assert len(vendor.calls) == 1


async def test_a_wrong_key_is_for_the_next_sender(
    vendor: messagebird.MessageBird, make: Make
) -> None:
    with pytest.raises(Declined, match="HTTP status 401, error 2"):
        await make(access_key="other").send(MESSAGE, 5.0)
    assert vendor.messages == []


async def test_a_vendor_that_is_not_there_got_nothing(
    vendor: messagebird.MessageBird, make: Make
) -> None:
    vendor.stop()
    with pytest.raises(Unavailable, match="no connection"):
        await make().send(MESSAGE, 5.0)


async def test_c16_a_vendor_that_nobody_vouches_for_gets_nothing(
    new_sender: NewSender, tmp_path: Path
) -> None:
    with messagebird.MessageBird(tls=Authority(tmp_path).server()) as vendor:
        sender = new_sender(MessageBirdConfig, base_url=vendor.base_url, **ACCOUNT)
        with pytest.raises(Unavailable, match="certificate refused"):
            await sender.send(MESSAGE, 5.0)
        assert vendor.calls == []


# Trying it out


async def test_check_reads_the_balance_and_sends_nothing(
    vendor: messagebird.MessageBird, make: Make
) -> None:
    assert await make().check() == []
    (call,) = vendor.calls
    assert (call.method, call.path, call.query) == ("GET", "/balance", "")
    assert call.header("Authorization") == f"AccessKey {messagebird.ACCESS_KEY}"
    assert vendor.messages == []


@pytest.mark.parametrize(
    ("payment", "amount", "problems"),
    [
        ("prepaid", 0.01, []),
        ("prepaid", 0.0, ["first: the balance is empty"]),
        ("prepaid", -2.5, ["first: the balance is empty"]),
        ("postpaid", 0.0, []),
    ],
)
async def test_check_tells_of_an_empty_balance(
    vendor: messagebird.MessageBird, make: Make, payment: str, amount: float, problems: list[str]
) -> None:
    vendor.payment, vendor.amount = payment, amount
    assert await make(name="first").check() == problems


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b"{}", b'{"payment":"prepaid","amount":"0"}']
)
def test_what_is_no_balance_is_not_empty(make: Make, body: bytes) -> None:
    assert make().refusal(Reply(200, body)) is None


async def test_check_tells_of_a_key_with_which_nothing_is_sent(new_sender: NewSender) -> None:
    key = "test_4kT01Lq2mXc8Zs7Wd5Ye3"
    with messagebird.MessageBird(access_key=key) as vendor:
        keys = {"base_url": vendor.base_url, **ACCOUNT, "access_key": key}
        sender = new_sender(MessageBirdConfig, **keys)
        said = await sender.check()
    assert said == ["messagebird: the access key is for tests: nothing is sent with it"]


@pytest.mark.parametrize("key", ["other", "test_other"])
async def test_check_says_what_is_to_be_mended(make: Make, key: str) -> None:
    said = await make(name="first", access_key=key).check()
    assert said == ["first: the vendor refuses the credentials"]


async def test_check_says_that_the_vendor_is_not_there(
    vendor: messagebird.MessageBird, make: Make
) -> None:
    vendor.stop()
    (said,) = await make(name="first").check()
    assert said.startswith("first: no connection")


# Configuration


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ({"access_key": "AccessKey 4kT01Lq2"}, "must be an access key"),
        ({"access_key": "4kT01Lq2\r\nX: y"}, "must be an access key"),
        ({"access_key": "4kT01Lqé"}, "must be an access key"),
        ({"access_key": "bk_us1_4kT01Lq2"}, "is a key of the later Bird platform"),
        ({"access_key": "bm_eu1_4kT01Lq2"}, "is a key of the later Bird platform"),
        ({"originator": "Twelve chars"}, "must be a phone number"),
        ({"originator": " Example"}, "must be a phone number"),
        ({"originator": "Exämple"}, "must be a phone number"),
        ({"originator": "+1 415 555 0199"}, "must be a phone number"),
        ({"originator": "Example\n"}, "must be a phone number"),
    ],
)
def test_a_configuration_that_cannot_work_is_refused(keys: dict[str, str], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem) as caught:
        MessageBirdConfig.model_validate({"type": "messagebird", **ACCOUNT, **keys})
    assert not [value for value in keys.values() if value in str(caught.value)]


@pytest.mark.parametrize("missing", ["access_key", "originator"])
def test_every_key_without_a_default_is_needed(missing: str) -> None:
    keys = {"type": "messagebird", **ACCOUNT}
    del keys[missing]
    with pytest.raises(ValidationError, match="Field required"):
        MessageBirdConfig.model_validate(keys)


@pytest.mark.parametrize("originator", ["+14155550100", "14155550100", "12345", "Example Co"])
def test_a_sender_that_can_work_is_taken(originator: str) -> None:
    keys = {"type": "messagebird", **ACCOUNT, "originator": originator}
    assert MessageBirdConfig.model_validate(keys).originator == originator


async def test_the_key_may_come_from_the_environment(
    vendor: messagebird.MessageBird, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MESSAGEBIRD_KEY", messagebird.ACCESS_KEY)
    await make(access_key={"env": "MESSAGEBIRD_KEY"}).send(MESSAGE, 5.0)
    assert vendor.count(MESSAGE.to) == 1


# The later Bird platform, which the page sends to by the sender for any vendor


@pytest.fixture
def bird(sms: SmsVendor, new_sender: NewSender, monkeypatch: pytest.MonkeyPatch) -> Http:
    """The sender of the page, to a vendor with the same fields."""
    page = (pages.ROOT / "docs/senders/messagebird.md").read_text()
    (block,) = pages.yaml_blocks(pages.section(page, "Accounts at bird.com"))
    (keys,) = yaml.safe_load(block)["senders"]
    assert keys.pop("type") == "http"
    assert keys["url"] == "https://us1.platform.bird.com/v1/sms/messages"
    monkeypatch.setenv("BIRD_API_KEY", "bk_us1_4kT01Lq2")
    return new_sender(HttpConfig, **{**keys, "url": sms.url})


async def test_bird_gets_what_it_documents(sms: SmsVendor, bird: Http) -> None:
    assert await bird.send(MESSAGE, 5.0) == "m1"
    (call,) = sms.calls
    assert call.header("Authorization") == "Bearer bk_us1_4kT01Lq2"
    assert call.body == (
        b'{"from":"Example","to":"+18005551234","text":"123456 is your verification code.",'
        b'"category":"authentication"}'
    )


@pytest.mark.parametrize(
    ("status", "name", "kind"),
    [
        (422, "SMSInvalidRecipient", Refused),
        (422, "SMSSenderNotConfigured", Declined),
        (401, "Unauthorized", Declined),
    ],
)
def test_bird_refuses_a_number_by_name(
    bird: Http, status: int, name: str, kind: type[Exception]
) -> None:
    with pytest.raises(kind):
        bird.read(Reply(status, json.dumps({"error": {"name": name}}).encode()))
