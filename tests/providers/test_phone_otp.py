"""Phone login by itself: its configuration, numbers, texts, budgets and senders."""

from __future__ import annotations

from typing import Any, cast

import pytest

from config import ConfigError, Limit
from providers import (
    Attempt,
    Budget,
    CodeChallenge,
    Context,
    Fields,
    Identity,
    Reason,
    Rejected,
    Unavailable,
    UnknownIdentity,
    load,
)
from providers._senders import Message
from providers.phone_otp import PhoneOtp, PhoneOtpConfig
from tests.config.reading import document, refused
from tests.providers.sending import Recorder

NUMBER = "18005551234"
CODE = "042137"
SENDERS = "senders: [{type: console}]\n"
URL = "url: 'https://a/'"


class Outbox:
    """A sender that keeps what it is to send."""

    name = "outbox"

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.failing = False

    async def send(self, message: Message, within: float) -> None:
        if self.failing:
            raise Unavailable("outbox", "down")
        self.messages.append(message)

    async def close(self) -> None: ...

    async def check(self) -> list[str]:
        return ["outbox: down"] if self.failing else []


@pytest.fixture
def outbox() -> Outbox:
    return Outbox()


def provider(text: str = "", outbox: Outbox | None = None) -> PhoneOtp:
    config = document(SENDERS + text).parse(PhoneOtpConfig)
    made = PhoneOtp("phone", config, Context(Recorder()))
    if outbox is not None:
        made._senders[:] = [cast(Any, outbox)]
    return made


async def begin(phone: PhoneOtp, number: str = NUMBER, **fields: str) -> CodeChallenge:
    typed = cast(Fields, {"phone": number, **fields})
    identity = phone.identify(typed)
    assert identity is not None
    attempt = Attempt("com.example.app", "phone", identity, "192.0.2.1", "r")
    return await phone.begin(attempt, typed)


def test_it_is_the_type_of_its_name() -> None:
    assert load("phone_otp") is PhoneOtp


# Who it is


def test_no_phone_is_not_asked() -> None:
    assert provider().identify({"username": "ann"}) is None


@pytest.mark.parametrize("typed", ["+1 800 555 1234", "001-800-555-1234", " 1 (800) 555.1234 "])
def test_p8_spellings_are_one_identity(typed: str) -> None:
    assert provider().identify({"phone": typed}) == NUMBER


def test_text_that_is_no_number_is_for_the_next_provider() -> None:
    with pytest.raises(UnknownIdentity) as caught:
        provider().identify({"phone": "ann"})
    assert caught.value.reason is Reason.PHONE


@pytest.mark.parametrize(
    "typed", ["12345", "+1800555123", "+999123456789", "1" * 30, "+180055512*4"]
)
def test_impossible_number_is_refused(typed: str) -> None:
    with pytest.raises(Rejected) as caught:
        provider().identify({"phone": typed})
    assert not isinstance(caught.value, UnknownIdentity)
    assert caught.value.reason is Reason.PHONE


@pytest.mark.parametrize(
    ("text", "number", "allowed"),
    [
        ("", "+870773111632", False),
        ("", "+881612345678", False),
        ("", "+19005551234", False),
        ("", NUMBER, True),
        ("deny_prefixes: []", "+19005551234", True),
        ("deny_prefixes: ['+4479']", "+447911123456", False),
        ("deny_prefixes: ['+4479']", "+442079460018", True),
        ("allow_prefixes: ['+44', '+1800']", NUMBER, True),
        ("allow_prefixes: ['+44', '+1800']", "+442079460018", True),
        ("allow_prefixes: ['+44', '+1800']", "+18885551234", False),
        ("allow_prefixes: ['+44']\ndeny_prefixes: ['+4479']", "+447911123456", False),
        ("allow_prefixes: ['+1']", "+447911123456", False),
    ],
)
def test_prefixes(text: str, number: str, allowed: bool) -> None:
    phone = provider(text)
    if allowed:
        assert phone.identify({"phone": number}) == number.removeprefix("+")
        return
    with pytest.raises(Rejected) as caught:
        phone.identify({"phone": number})
    assert caught.value.reason is Reason.PHONE


@pytest.mark.parametrize("typed", ["020 7946 0018", "+44 20 7946 0018", "0044 20 7946 0018"])
def test_default_region_reads_numbers_without_a_country_code(typed: str) -> None:
    assert provider("default_region: GB").identify({"phone": typed}) == "442079460018"


def test_number_without_a_country_code_needs_a_default_region() -> None:
    with pytest.raises(Rejected):
        provider().identify({"phone": "020 7946 0018"})


def test_min_digits_count_the_country_code() -> None:
    short = "+4722334455"  # Norway: ten digits
    assert provider("min_digits: 10").identify({"phone": short}) == "4722334455"
    with pytest.raises(Rejected):
        provider("min_digits: 11").identify({"phone": short})


# What is sent


async def test_message_and_challenge_are_as_configured(outbox: Outbox) -> None:
    phone = provider(
        "code: {length: 8, lifetime: 5m, attempts: 3}\n"
        "resend_after: 30s\n"
        "template: '{code} for {app}, good for {minutes} minutes'",
        outbox,
    )
    challenge = await begin(phone)
    await challenge.deliver(CODE)
    text = f"{CODE} for com.example.app, good for 5 minutes"
    assert outbox.messages == [Message(NUMBER, text, CODE)]
    assert (challenge.length, challenge.lifetime, challenge.tries) == (8, 300, 3)
    assert (challenge.resend_after, challenge.code) == (30, None)


async def test_defaults_are_those_of_the_contract(outbox: Outbox) -> None:
    challenge = await begin(provider("", outbox))
    await challenge.deliver(CODE)
    assert outbox.messages[0].text == f"{CODE} is your verification code."
    assert (challenge.length, challenge.lifetime, challenge.tries) == (6, 600, 5)
    assert challenge.resend_after == 60


async def test_cool_down_is_not_longer_than_the_life_of_a_code(outbox: Outbox) -> None:
    challenge = await begin(provider("code: {lifetime: 30s}", outbox))
    assert challenge.resend_after == 30


async def test_a_message_sent_again_is_the_same(outbox: Outbox) -> None:
    phone = provider("", outbox)
    for _ in range(2):
        await (await begin(phone)).deliver(CODE)
    first, second = outbox.messages
    assert first == second


TEMPLATES = "template: {pt-BR: '{code} BR', de: '{code} DE', en: '{code} EN', fr: '{code} FR'}"


@pytest.mark.parametrize(
    ("lang", "text"),
    [
        ("de", "DE"),
        ("de-AT", "DE"),
        ("DE-at", "DE"),
        ("pt-br", "BR"),
        ("pt", "EN"),
        ("", "EN"),
        (None, "EN"),
        ("xx", "EN"),
        ("{code}", "EN"),
        ("e" * 5000, "EN"),
    ],
)
async def test_a25_language_of_the_text(outbox: Outbox, lang: str | None, text: str) -> None:
    fields = {} if lang is None else {"lang": lang}
    await (await begin(provider(TEMPLATES, outbox), **fields)).deliver(CODE)
    assert outbox.messages[0].text == f"{CODE} {text}"


async def test_a25_without_english_the_first_text_is_the_one_for_others(outbox: Outbox) -> None:
    phone = provider("template: {fr: '{code} FR', de: '{code} DE'}", outbox)
    await (await begin(phone, lang="it")).deliver(CODE)
    assert outbox.messages[0].text == f"{CODE} FR"


async def test_a25_what_is_typed_stays_out_of_the_text(outbox: Outbox) -> None:
    phone = provider("template: 'Hi, {code} {name} {lang} {0}'", outbox)
    await (await begin(phone, name="https://evil.example", lang="{code}")).deliver(CODE)
    assert outbox.messages[0].text == f"Hi, {CODE} {{name}} {{lang}} {{0}}"


async def test_all_senders_failing_is_an_outage(outbox: Outbox) -> None:
    outbox.failing = True
    challenge = await begin(provider("", outbox))
    with pytest.raises(Unavailable):
        await challenge.deliver(CODE)


async def test_resume_vouches_for_the_number_of_the_attempt() -> None:
    attempt = Attempt("app", "phone", NUMBER, "192.0.2.1", "r")
    identity = await provider().resume(attempt, b"", {"phone": "+447911123456", "otp": CODE})
    assert identity == Identity(NUMBER, phone=NUMBER)


# Test numbers

TEST_NUMBER = "test_numbers: {'+18005550100': '246801'}"


@pytest.mark.parametrize("typed", ["+18005550100", "18005550100", "+1 800 555 0100"])
async def test_nothing_is_sent_to_a_test_number(outbox: Outbox, typed: str) -> None:
    challenge = await begin(provider(TEST_NUMBER, outbox), typed)
    await challenge.deliver("246801")
    assert outbox.messages == []
    assert (challenge.code, challenge.budgets) == ("246801", ())
    assert challenge.tries == 5  # a fixed code can be guessed like any other


async def test_other_numbers_beside_a_test_number(outbox: Outbox) -> None:
    challenge = await begin(provider(TEST_NUMBER, outbox), "18005550101")
    await challenge.deliver(CODE)
    assert (challenge.code, len(outbox.messages)) == (None, 1)


def test_every_start_warns_of_test_numbers() -> None:
    assert provider().warnings() == []
    (warning,) = provider(TEST_NUMBER).warnings()
    assert "1 test number(s)" in warning
    assert "246801" not in warning


def test_test_number_that_is_shorter_than_others_may_be() -> None:
    """It starts; the number is refused as any other."""
    phone = provider("min_digits: 12\n" + TEST_NUMBER)
    with pytest.raises(Rejected):
        phone.identify({"phone": "+18005550100"})


# Budgets


async def test_p9_what_a_message_costs(outbox: Outbox) -> None:
    text = (
        "limits: {per_phone: [2/hour, 3/day], per_ip: [4/hour], per_prefix: [], per_app: [5/day]}"
    )
    challenge = await begin(provider(text, outbox))
    hour, day = 3600, 86_400
    by_scope = {budget.scope: budget for budget in challenge.budgets}
    assert by_scope["phone"] == Budget("phone", NUMBER, (Limit(2, hour), Limit(3, day)))
    assert by_scope["ip"] == Budget("ip", "192.0.2.1", (Limit(4, hour),))
    assert by_scope["prefix"] == Budget("prefix", "1800", ())
    assert by_scope["app"] == Budget("app", "com.example.app", (Limit(5, day),))


async def test_p9_default_budgets_are_those_of_the_contract(outbox: Outbox) -> None:
    challenge = await begin(provider("", outbox))
    limits = {budget.scope: [str(limit) for limit in budget.limits] for budget in challenge.budgets}
    assert limits == {
        "phone": ["5/hour", "10/day"],
        "ip": ["20/hour"],
        "prefix": ["200/hour"],
        "app": ["5000/day"],
    }


# Trying it out


async def test_check_asks_every_sender(outbox: Outbox) -> None:
    phone = provider("", outbox)
    assert await phone.check() == []
    outbox.failing = True
    assert await phone.check() == ["outbox: down"]


# Refused configurations


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{}", "1:1: senders: required key is missing"),
        ("senders: []", "1:10: senders: must not be empty"),
        ("senders: [{}]", "1:11: senders.0.type: required key is missing"),
        ("senders:\n  - type: pigeon", "2:11: senders.0.type: must be one of 'console', 'http'"),
        (SENDERS + "code: {length: 5}", "2:16: code.length: must be at least 6"),
        (SENDERS + "code: {length: 11}", "2:16: code.length: must be at most 10"),
        (SENDERS + "code: {lifetime: 11m}", "2:18: code.lifetime: at most 10m"),
        (SENDERS + "code: {attempts: 0}", "2:18: code.attempts: must be at least 1"),
        (SENDERS + "code: {attempts: 11}", "2:18: code.attempts: must be at most 10"),
        (SENDERS + "min_digits: 4", "2:13: min_digits: must be at least 5"),
        (SENDERS + "min_digits: 16", "2:13: min_digits: must be at most 15"),
        (SENDERS + "template: Hello", "2:11: template: must contain {code}"),
        (SENDERS + "template: {en: Hello}", "2:16: template.en: must contain {code}"),
        (SENDERS + "template: {}", "2:11: template: "),
        (SENDERS + "default_region: XX", "2:17: default_region: "),
        (SENDERS + "default_region: gb", "2:17: default_region: "),
        (SENDERS + "allow_prefixes: ['44']", "2:18: allow_prefixes.0: must match the pattern"),
        (SENDERS + "deny_prefixes: ['+0']", "2:17: deny_prefixes.0: must match the pattern"),
        (SENDERS + "limits: {per_phone: 5/hour}", "2:21: limits.per_phone: must be a list"),
        (SENDERS + "limits: {per_ip: [many]}", "2:19: limits.per_ip.0: must be a limit such as"),
        (SENDERS + "limits: {per_phon: []}", '2:10: limits.per_phon: unknown key; did you mean "'),
        (SENDERS + "resend_after: 60", "2:15: resend_after: must be a duration such as"),
        (SENDERS + "sender: {}", '2:1: sender: unknown key; did you mean "senders"?'),
        (
            SENDERS + "test_numbers: {'+18005550100': 246801}",
            "2:32: test_numbers.+18005550100: must be text: put it in quotes",
        ),
        (
            SENDERS + "test_numbers: {'+18005550100': '12345'}",
            "2:32: test_numbers.+18005550100: must match the pattern",
        ),
        *(
            (
                SENDERS + f"test_numbers: {{'{number}': '246801'}}",
                f"2:16: test_numbers.{number}: must be a possible number in E.164",
            )
            for number in ("+1800", "18005550100", "+1 800 555 0100", "+4407911123456", "ann")
        ),
    ],
)
def test_refused_configuration(text: str, problem: str) -> None:
    (found,) = refused(PhoneOtpConfig, text)
    assert found.startswith(problem)


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ("", "senders.0.url: required key is missing"),
        ("url: ftp://sms.example.com/", "senders.0.url: must be a URL such as"),
        ("url: 'https://{to}.example.com/'", "senders.0.url: must be a URL such as"),
        ("url: 'https://a.{to}.example.com/'", "senders.0.url: must be a URL such as"),
        ("url: 'https://u:p@sms.example.com/'", "senders.0.url: must not hold a user name"),
        ("url: 'http://sms.example.com/'", "senders.0.url: must be https"),
        (f"{URL}, json: {{}}, form: {{}}", "senders.0: give one of json, form and body"),
        (f"{URL}, body: x, form: {{}}", "senders.0: give one of json, form and body"),
        (
            f"{URL}, bearer: t, basic_auth: {{username: u, password: p}}",
            "senders.0: give one of basic_auth and bearer",
        ),
        (f"{URL}, method: DELETE", "senders.0.method: must be 'GET', 'POST' or 'PUT'"),
        (f"{URL}, success: {{status: [99]}}", "senders.0.success.status.0: must be at least 100"),
        (f"{URL}, succes: {{}}", 'senders.0.succes: unknown key; did you mean "success"?'),
        (f"{URL}, headers: {{A b: x}}", "senders.0.headers.A b: is no name of an HTTP header"),
        (f'{URL}, headers: {{A: "x\\ny"}}', "senders.0.headers.A: must be one line of"),
        (f'{URL}, bearer: "x\\r\\ny"', "senders.0.bearer: must be one line of"),
    ],
)
def test_refused_http_sender(keys: str, problem: str) -> None:
    (found,) = refused(PhoneOtpConfig, f"senders: [{{type: http, {keys}}}]")
    assert problem in found


def test_codes_are_not_printed_in_production() -> None:
    with pytest.raises(ConfigError) as caught:
        document(SENDERS).parse(PhoneOtpConfig, context={"production": True})
    (problem,) = caught.value.problems
    assert (problem.line, problem.column, problem.path) == (1, 11, ("senders", 0))
