"""Codes that go out only to whom a directory approves of: what each of the two providers does."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, cast

import pytest

from providers import (
    Attempt,
    Errand,
    Fields,
    Identity,
    Provider,
    Reason,
    Rejected,
    Unavailable,
    UnknownIdentity,
    _approval,
)
from providers._email_otp_config import EmailOtpConfig
from providers._phone_otp_config import PhoneOtpConfig
from tests.config.reading import parse
from tests.providers.approving import (
    CODE,
    EMAIL,
    NUMBER,
    OTHER_EMAIL,
    OTHER_NUMBER,
    People,
    ann,
    email_otp,
    phone_otp,
)
from tests.providers.outbox import Outbox

Make = Callable[..., Provider[Any]]
BOTH = pytest.mark.parametrize(
    ("make", "field", "value"),
    [
        pytest.param(phone_otp, "phone", NUMBER, id="phone"),
        pytest.param(email_otp, "email", EMAIL, id="email"),
    ],
)


@pytest.fixture
def outbox() -> Outbox:
    return Outbox()


@pytest.fixture
def people() -> People:
    return People(**{NUMBER: ann(), EMAIL: ann()})


def attempt(identity: str) -> Attempt:
    return Attempt("com.example.app", "Example", "codes", identity, "192.0.2.1", "r")


async def deliver(provider: Provider[Any], field: str, typed: str, turn: int = 0) -> Errand:
    """Deliver ``CODE`` to whom ``typed`` belongs, up to the answer."""
    fields = cast(Fields, {field: typed})
    identity = provider.identify(fields)
    assert identity is not None
    challenge = await provider.begin(attempt(identity), fields)
    assert not isinstance(challenge, Identity)
    errand = await challenge.deliver(CODE, turn)
    assert isinstance(errand, Errand)
    return errand


# Who is asked, and when


@BOTH
async def test_message_waits_for_the_errand(
    people: People, outbox: Outbox, make: Make, field: str, value: str
) -> None:
    provider = make(people, outbox)
    errand = await deliver(provider, field, value.upper())
    assert people.asked == [(field, value)]
    assert outbox.messages == []
    receipt = await errand.run()
    assert receipt == ("outbox", "m1")
    (message,) = outbox.messages
    assert (message.to, message.code) == (value, CODE)


@BOTH
async def test_a19_for_nobody_there_is_an_errand_that_sends_nothing(
    people: People, outbox: Outbox, make: Make, field: str, value: str
) -> None:
    people.members.clear()
    errand = await deliver(make(people, outbox), field, value)
    assert people.asked == [(field, value)]
    assert await errand.run() is None
    assert outbox.messages == []


@BOTH
async def test_nobody_is_looked_up_before_a_message_is_allowed(
    people: People, outbox: Outbox, make: Make, field: str, value: str
) -> None:
    provider = make(people, outbox)
    challenge = await provider.begin(attempt(value), cast(Fields, {field: value}))
    assert not isinstance(challenge, Identity)
    assert people.asked == []
    people.members.clear()
    unknown = await provider.begin(attempt(value), cast(Fields, {field: value}))
    assert not isinstance(unknown, Identity)
    assert challenge.budgets == unknown.budgets != ()


@BOTH
async def test_each_delivery_of_a_code_is_looked_up_anew(
    people: People, outbox: Outbox, make: Make, field: str, value: str
) -> None:
    provider = make(people, outbox)
    await (await deliver(provider, field, value)).run()
    people.members.clear()
    assert await (await deliver(provider, field, value, turn=1)).run() is None
    people.members[value] = ann()
    await (await deliver(provider, field, value, turn=2)).run()
    assert len(outbox.messages) == 2


@BOTH
async def test_directory_that_is_down_is_an_outage(
    people: People, outbox: Outbox, make: Make, field: str, value: str
) -> None:
    provider = make(people, outbox)
    people.failure = Unavailable("people", "down", 2.0)
    with pytest.raises(Unavailable) as caught:
        await deliver(provider, field, value)
    assert caught.value.retry_after == 2.0
    with pytest.raises(Unavailable):
        await provider.resume(attempt(value), b"", {})


@BOTH
async def test_directory_that_hangs_is_left(
    people: People,
    outbox: Outbox,
    make: Make,
    field: str,
    value: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_approval, "DEADLINE", 0.01)
    provider = make(people, outbox)
    people.hanging = True
    with pytest.raises(Unavailable, match="no answer within"):
        await deliver(provider, field, value)
    with pytest.raises(Unavailable, match="no answer within"):
        await provider.resume(attempt(value), b"", {})


@BOTH
@pytest.mark.parametrize("failure", [Rejected("disabled"), UnknownIdentity("no such entry")])
async def test_c4_directory_that_refuses_in_other_words_tells_no_more(
    people: People, outbox: Outbox, make: Make, field: str, value: str, failure: Exception
) -> None:
    provider = make(people, outbox)
    people.failure = failure
    assert await (await deliver(provider, field, value)).run() is None
    with pytest.raises(Rejected) as caught:
        await provider.resume(attempt(value), b"", {})
    assert caught.value.reason is Reason.CODE
    assert not isinstance(caught.value, UnknownIdentity)


# Where messages go


@pytest.mark.parametrize(
    ("held", "to"),
    [
        (NUMBER, NUMBER),
        (OTHER_NUMBER, OTHER_NUMBER),
        (f"+{OTHER_NUMBER}", OTHER_NUMBER),
    ],
)
async def test_texts_go_to_the_number_that_the_directory_holds(
    people: People, outbox: Outbox, held: str, to: str
) -> None:
    people.members[NUMBER] = ann(phone=held)
    provider = phone_otp(people, outbox)
    await (await deliver(provider, "phone", "+1 800 555-1234")).run()
    assert [message.to for message in outbox.messages] == [to]
    assert (await provider.resume(attempt(NUMBER), b"", {})).phone == to


@pytest.mark.parametrize(
    ("held", "to"),
    [
        (EMAIL, EMAIL),
        (OTHER_EMAIL, OTHER_EMAIL),
        (" Anna@B\u00fccher.Example ", "anna@xn--bcher-kva.example"),
    ],
)
async def test_mails_go_to_the_address_that_the_directory_holds(
    people: People, outbox: Outbox, held: str, to: str
) -> None:
    people.members[EMAIL] = ann(email=held)
    provider = email_otp(people, outbox)
    await (await deliver(provider, "email", "Ann@Example.com")).run()
    assert [message.to for message in outbox.messages] == [to]
    identity = await provider.resume(attempt(EMAIL), b"", {})
    assert identity.email == to
    assert identity.claims == {"email_sha256": hashlib.sha256(to.encode()).hexdigest()}


@pytest.mark.parametrize(
    ("make", "field", "value", "held", "text"),
    [
        (phone_otp, "phone", NUMBER, None, ""),
        (phone_otp, "phone", NUMBER, "", ""),
        (phone_otp, "phone", NUMBER, "ext. 12", ""),
        (phone_otp, "phone", NUMBER, "+19005551234", ""),
        (phone_otp, "phone", NUMBER, "+447700900123", "allow_prefixes: ['+1']"),
        (email_otp, "email", EMAIL, None, ""),
        (email_otp, "email", EMAIL, "Ann", ""),
        (email_otp, "email", EMAIL, "a@x.example\r\nRCPT TO:<b@x.example>", ""),
        (email_otp, "email", EMAIL, "ann@bad.example", "deny_domains: [bad.example]"),
    ],
)
async def test_who_cannot_be_reached_is_nobody_and_the_operator_is_told(
    people: People, outbox: Outbox, make: Make, field: str, value: str, held: Any, text: str
) -> None:
    people.members[value] = ann(**{field: held})
    provider = make(people, outbox, text)
    errand = await deliver(provider, field, value)
    with pytest.raises(Rejected, match="the directory has") as caught:
        await errand.run()
    assert outbox.messages == []
    assert not held or held not in str(caught.value)
    with pytest.raises(Rejected) as caught:
        await provider.resume(attempt(value), b"", {})
    assert caught.value.reason is Reason.CODE


async def test_mails_may_go_to_another_domain_than_people_may_type(
    people: People, outbox: Outbox
) -> None:
    people.members[EMAIL] = ann(email=OTHER_EMAIL)
    provider = email_otp(people, outbox, "allow_domains: [example.com]")
    await (await deliver(provider, "email", EMAIL)).run()
    assert outbox.messages[0].to == OTHER_EMAIL


@BOTH
async def test_failure_of_the_senders_is_the_errands(
    people: People, outbox: Outbox, make: Make, field: str, value: str
) -> None:
    outbox.failing = True
    errand = await deliver(make(people, outbox), field, value)
    with pytest.raises(Unavailable):
        await errand.run()


# Who signs in


async def test_identity_of_a_phone_login_is_the_directorys(people: People, outbox: Outbox) -> None:
    people.members[NUMBER] = ann(claims={"department": "x"})
    identity = await phone_otp(people, outbox).resume(attempt(NUMBER), b"", {"name": "Mallory"})
    assert identity == ann(claims={"department": "x"})


async def test_identity_of_an_email_login_is_the_directorys(people: People, outbox: Outbox) -> None:
    people.members[EMAIL] = ann(claims={"department": "x"})
    identity = await email_otp(people, outbox).resume(attempt(EMAIL), b"", {"name": "Mallory"})
    digest = hashlib.sha256(EMAIL.encode()).hexdigest()
    assert identity == ann(claims={"department": "x", "email_sha256": digest})


@BOTH
async def test_who_is_not_approved_any_more_has_a_wrong_code(
    people: People, outbox: Outbox, make: Make, field: str, value: str
) -> None:
    provider = make(people, outbox)
    await provider.resume(attempt(value), b"", {})
    people.members.clear()
    with pytest.raises(Rejected) as caught:
        await provider.resume(attempt(value), b"", {})
    assert caught.value.reason is Reason.CODE
    assert value not in str(caught.value)


# Test numbers


async def test_test_number_needs_no_directory(outbox: Outbox) -> None:
    people = People()
    people.failure = Unavailable("people", "down")
    provider = phone_otp(people, outbox, f"test_numbers: {{'+{NUMBER}': '{CODE}'}}")
    challenge = await provider.begin(attempt(NUMBER), {"phone": NUMBER})
    assert await challenge.deliver(CODE, 0) is None
    assert await provider.resume(attempt(NUMBER), b"", {}) == Identity(NUMBER, phone=NUMBER)
    assert people.asked == []


# Without a directory


@pytest.mark.parametrize("config", [PhoneOtpConfig, EmailOtpConfig])
@pytest.mark.parametrize("text", ["", "directory: null\n"])
def test_no_directory_is_asked_by_default(config: Any, text: str) -> None:
    assert parse(config, f"{text}senders: [{{type: console}}]").directory is None
