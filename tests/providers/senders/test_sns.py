"""Amazon SNS: what goes out, what each answer means, what an operator is told."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest

from providers import Context, Unavailable
from providers._senders import Ambiguous, Declined, Message, Refused
from providers._senders.sns import Sns, SnsConfig
from tests.providers.sending import MESSAGE, NewSender, Recorder
from tests.servers import sns
from tests.servers.tls import Authority

ACCOUNT = {
    "region": sns.REGION,
    "aws_access_key_id": sns.ACCESS_KEY_ID,
    "aws_secret_access_key": sns.SECRET_ACCESS_KEY,
}
SECRETS = (
    *(MESSAGE.to, MESSAGE.text, MESSAGE.code),
    *(sns.ACCESS_KEY_ID, sns.SECRET_ACCESS_KEY, sns.SESSION_TOKEN),
)
TRANSACTIONAL = {"AWS.SNS.SMS.SMSType": "Transactional"}
ADVICE = "look at the credentials and at this machine's clock"

Make = Callable[..., Sns]


@pytest.fixture
def vendor() -> Iterator[sns.Sns]:
    with sns.Sns() as vendor:
        yield vendor


@pytest.fixture
def make(vendor: sns.Sns, new_sender: NewSender) -> Make:
    """Make a sender for ``vendor``, with other keys if given."""

    def make(**keys: Any) -> Sns:
        return new_sender(SnsConfig, **{"base_url": vendor.base_url, **ACCOUNT, **keys})

    return make


def sent_form(vendor: sns.Sns) -> dict[str, str]:
    body = vendor.calls[-1].body.decode()
    return {k: v for k, (v,) in parse_qs(body, strict_parsing=True, errors="strict").items()}


def form_of(message: Message, attributes: dict[str, str]) -> dict[str, str]:
    form = {"Action": "Publish", "Version": "2010-03-31"}
    form |= {"PhoneNumber": f"+{message.to}", "Message": message.text}
    for number, (name, value) in enumerate(attributes.items(), 1):
        entry = f"MessageAttributes.entry.{number}"
        form |= {f"{entry}.Name": name, f"{entry}.Value.DataType": "String"}
        form |= {f"{entry}.Value.StringValue": value}
    return form


# What goes out


async def test_the_request_is_as_the_vendor_documents_it(vendor: sns.Sns, make: Make) -> None:
    await make().send(MESSAGE, 5.0)
    (call,) = vendor.calls
    assert (call.method, call.path, call.query) == ("POST", "/", "")
    assert call.header("Content-Type") == "application/x-www-form-urlencoded; charset=utf-8"
    assert call.body == urlencode(form_of(MESSAGE, TRANSACTIONAL)).encode()
    assert b"&PhoneNumber=%2B18005551234&Message=123456+is+your+verification+code.&" in call.body


async def test_the_signature_covers_all_that_could_be_changed(vendor: sns.Sns, make: Make) -> None:
    await make().send(MESSAGE, 5.0)
    (call,) = vendor.calls
    date = (call.header("X-Amz-Date") or "")[:8]
    scope = f"{date}/{sns.REGION}/sns/aws4_request"
    assert re.fullmatch(
        rf"AWS4-HMAC-SHA256 Credential={sns.ACCESS_KEY_ID}/{scope}, "
        r"SignedHeaders=content-type;host;x-amz-date, Signature=[0-9a-f]{64}",
        call.header("Authorization") or "",
    )
    assert [name for name, _ in call.headers].count("Host") == 1


async def test_an_accepted_message_has_the_vendors_id(vendor: sns.Sns, make: Make) -> None:
    assert await make().send(MESSAGE, 5.0) == "00000000-0000-0000-0000-000000000001"
    assert vendor.messages == [(f"+{MESSAGE.to}", MESSAGE.text)]


@pytest.mark.parametrize(
    ("keys", "attributes"),
    [
        ({"sender_id": "Example"}, {"AWS.SNS.SMS.SenderID": "Example"}),
        (
            {"origination_number": "+14155550100"},
            {"AWS.MM.SMS.OriginationNumber": "+14155550100"},
        ),
        (
            {"sender_id": "Example", "origination_number": "12345"},
            {"AWS.SNS.SMS.SenderID": "Example", "AWS.MM.SMS.OriginationNumber": "12345"},
        ),
    ],
    ids=["name", "number", "both"],
)
async def test_the_sender_may_be_of_each_kind(
    vendor: sns.Sns, make: Make, keys: dict[str, str], attributes: dict[str, str]
) -> None:
    await make(**keys).send(MESSAGE, 5.0)
    assert sent_form(vendor) == form_of(MESSAGE, TRANSACTIONAL | attributes)


async def test_temporary_credentials_send_their_token_signed(new_sender: NewSender) -> None:
    with sns.Sns(session_token=sns.SESSION_TOKEN) as vendor:
        keys = {**ACCOUNT, "aws_session_token": sns.SESSION_TOKEN}
        sender = new_sender(SnsConfig, base_url=vendor.base_url, **keys)
        await sender.send(MESSAGE, 5.0)
        assert len(vendor.messages) == 1
        header = vendor.calls[0].header("Authorization") or ""
        assert "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token," in header
        assert await sender.check() == []


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("prefix", ["/mirror", "/a b/c"])
async def test_the_base_url_may_have_a_path(new_sender: NewSender, prefix: str, slash: str) -> None:
    with sns.Sns(prefix=prefix) as vendor:
        sender = new_sender(SnsConfig, base_url=vendor.base_url + slash, **ACCOUNT)
        await sender.send(MESSAGE, 5.0)
        assert len(vendor.messages) == 1
        assert await sender.check() == []


@pytest.mark.parametrize(
    "text",
    [
        "&PhoneNumber=%2B18885550000&Message=x",
        "1 + 1 = 2 & 100 % ; /:@?#",
        "quotes \" and ' and \\",
        "<Message>]]>&amp;</Message>",
        "lines\r\nand\nmore\x00\x1b",
        "né 日本 \U0001f511 \u2028 \u200f",
        "{to} {code} %s",
    ],
)
async def test_p12_hostile_text_arrives_as_it_is(vendor: sns.Sns, make: Make, text: str) -> None:
    message = Message("18005551234", text, "1")
    await make().send(message, 5.0)
    assert vendor.messages == [("+18005551234", text)]
    assert sent_form(vendor) == form_of(message, TRANSACTIONAL)


# What answers mean


@pytest.mark.parametrize(
    ("failure", "code"), [("bad_number", "InvalidParameter"), ("opted_out", "OptedOut")]
)
async def test_a_recipient_that_can_never_be_reached_is_refused(
    vendor: sns.Sns, make: Make, failure: str, code: str
) -> None:
    vendor.fail(failure)
    with pytest.raises(Refused, match=f"^{code}: not a number that can be sent to$"):
        await make().send(MESSAGE, 5.0)
    assert vendor.messages == []


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        ("bad_message", "400, InvalidParameter"),
        ("throttled", "400, Throttling"),
        ("throttled429", "429, Throttled"),
        ("no_action", "400, InvalidAction"),
        ("forbidden", "403, AuthorizationError: the credentials lack a permission"),
        ("expired", f"403, ExpiredToken: {ADVICE}"),
        ("key_gone", "403, KMSAccessDenied"),
        ("number_as_code", "400, no error code"),
        ("entities", "200, no error code"),
        ("local_file", "200, no error code"),
        ("no_id", "200, no error code"),
        *((name, "200, no error code") for name in ("html", "empty", "null", "array", "not_utf8")),
        ("redirect", "307, no error code"),
        *((f"http{s}", f"{s}, no error code") for s in (302, 400, 401, 403, 404, 429)),
        ("json400", "400, no error code"),
    ],
)
async def test_an_answer_that_accepts_nothing_is_for_the_next_sender(
    vendor: sns.Sns, make: Make, failure: str, said: str
) -> None:
    vendor.fail(failure)
    with pytest.raises(Declined) as caught:
        await make().send(MESSAGE, 5.0)
    assert str(caught.value) == f"sns: HTTP status {said}"
    assert (len(vendor.calls), vendor.redirected, vendor.messages) == (1, 0, [])


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        ("fault", "500, InternalError"),
        ("outage", "503, ServiceUnavailable"),
        ("fault_of_number", "500, InvalidParameter"),
        ("http500", "500, no error code"),
        ("json503", "503, no error code"),
    ],
)
async def test_a_fault_of_the_vendors_is_for_the_next_sender_and_counts_against_it(
    vendor: sns.Sns, make: Make, failure: str, said: str
) -> None:
    vendor.fail(failure)
    with pytest.raises(Unavailable) as caught:
        await make().send(MESSAGE, 5.0)
    assert not isinstance(caught.value, Declined)
    assert str(caught.value) == f"sns: HTTP status {said}"
    assert vendor.messages == []


@pytest.mark.parametrize("failure", sns.ERRORS)
async def test_p11_no_error_repeats_the_message(vendor: sns.Sns, make: Make, failure: str) -> None:
    vendor.fail(failure)
    with pytest.raises((Refused, Unavailable)) as caught:
        await make().send(MESSAGE, 5.0)
    assert not [secret for secret in SECRETS if secret in repr(caught.value)]


@pytest.mark.parametrize(("failure", "wait"), [("throttled429", 7.0), ("throttled", None)])
async def test_a_throttled_sender_says_for_how_long_if_it_was_told(
    vendor: sns.Sns, make: Make, failure: str, wait: float | None
) -> None:
    vendor.fail(failure)
    with pytest.raises(Unavailable) as caught:
        await make().send(MESSAGE, 5.0)
    assert caught.value.retry_after == wait


@pytest.mark.parametrize(
    "failure", ["hang", "slow:1", "drip", "cut", "truncated_json", "huge", "deep"]
)
async def test_a27_a_message_whose_answer_is_lost_is_ambiguous(
    vendor: sns.Sns, make: Make, failure: str
) -> None:
    vendor.fail(failure)
    with pytest.raises(Ambiguous):
        await make().send(MESSAGE, 0.3)
    assert len(vendor.calls) == 1


@pytest.mark.parametrize(
    ("keys", "code"),
    [
        ({"aws_secret_access_key": "other"}, "SignatureDoesNotMatch"),
        ({"aws_access_key_id": "AKIAOTHEROTHEROTHER5"}, "InvalidClientTokenId"),
        ({"aws_session_token": "other"}, "InvalidClientTokenId"),
        ({"region": "us-east-1"}, "SignatureDoesNotMatch"),
    ],
    ids=["secret", "key", "token", "region"],
)
async def test_wrong_credentials_are_for_the_next_sender(
    vendor: sns.Sns, make: Make, keys: dict[str, str], code: str
) -> None:
    with pytest.raises(Declined, match=f"^sns: HTTP status 403, {code}: {ADVICE}$"):
        await make(**keys).send(MESSAGE, 5.0)
    assert vendor.messages == []


@pytest.mark.parametrize("minutes", [-20, 20])
async def test_a_wrong_clock_is_named_as_what_may_be_wrong(
    vendor: sns.Sns, meter: Recorder, minutes: int
) -> None:
    config = SnsConfig.model_validate({"type": "sns", "base_url": vendor.base_url, **ACCOUNT})
    off = timedelta(minutes=minutes)
    sender = Sns(config, Context(meter), now=lambda: datetime.now(UTC) + off)
    with pytest.raises(Declined, match="and at this machine's clock"):
        await sender.send(MESSAGE, 5.0)
    assert vendor.messages == []
    assert "and at this machine's clock" in (await sender.check())[0]
    await sender.close()


async def test_a_vendor_that_is_not_there_got_nothing(vendor: sns.Sns, make: Make) -> None:
    vendor.stop()
    with pytest.raises(Unavailable, match="no connection"):
        await make().send(MESSAGE, 5.0)


async def test_c16_a_vendor_that_nobody_vouches_for_gets_nothing(
    new_sender: NewSender, tmp_path: Path
) -> None:
    with sns.Sns(tls=Authority(tmp_path).server()) as vendor:
        sender = new_sender(SnsConfig, base_url=vendor.base_url, **ACCOUNT)
        with pytest.raises(Unavailable, match="certificate refused"):
            await sender.send(MESSAGE, 5.0)
        assert vendor.calls == []


# Trying it out


async def test_check_reads_a_setting_and_sends_nothing(vendor: sns.Sns, make: Make) -> None:
    assert await make().check() == []
    assert sent_form(vendor) == {
        "Action": "GetSMSAttributes",
        "Version": "2010-03-31",
        "attributes.member.1": "DefaultSMSType",
    }
    assert (len(vendor.calls), vendor.messages) == (1, [])


@pytest.mark.parametrize(
    ("keys", "failure", "said"),
    [
        ({"aws_secret_access_key": "other"}, None, f"403, SignatureDoesNotMatch: {ADVICE}"),
        ({"aws_access_key_id": "A" * 20}, None, f"403, InvalidClientTokenId: {ADVICE}"),
        ({}, "expired", f"403, ExpiredToken: {ADVICE}"),
        ({}, "forbidden", "403, AuthorizationError: the credentials lack a permission"),
        ({}, "no_action", "400, InvalidAction"),
        ({}, "outage", "503, ServiceUnavailable"),
        ({}, "html", "200, no error code"),
        ({}, "json500", "500, no error code"),
        ({}, "redirect", "307, no error code"),
    ],
)
async def test_check_says_what_is_to_be_mended(
    vendor: sns.Sns, make: Make, keys: dict[str, str], failure: str | None, said: str
) -> None:
    if failure:
        vendor.fail(failure)
    problems = await make(name="first", **keys).check()
    assert problems == [f"first: answers GetSMSAttributes with HTTP status {said}"]
    assert (len(vendor.calls), vendor.redirected) == (1, 0)


async def test_check_says_that_the_vendor_is_not_there(vendor: sns.Sns, make: Make) -> None:
    vendor.stop()
    (said,) = await make(name="first").check()
    assert said.startswith("first: no connection")


async def test_credentials_may_come_from_the_environment(
    vendor: sns.Sns, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = ["aws_access_key_id", "aws_secret_access_key"]
    for key in keys:
        monkeypatch.setenv(key.upper(), ACCOUNT[key])
    await make(**{key: {"env": key.upper()} for key in keys}).send(MESSAGE, 5.0)
    assert vendor.count(MESSAGE.to) == 1
