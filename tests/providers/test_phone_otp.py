"""Phone login by itself: who it is, what a message costs, and who sends it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from config import Limit
from providers import (
    Attempt,
    Budget,
    Context,
    Conversion,
    Identity,
    Reason,
    Receipt,
    Rejected,
    Unavailable,
    UnknownIdentity,
    _icons,
    load,
)
from providers._phone_otp_config import PhoneOtpConfig
from providers._senders import Message
from providers.phone_otp import PhoneOtp
from tests.providers.outbox import APP, CODE, NUMBER, Outbox, begin, provider
from tests.providers.sending import Recorder
from tests.servers.sms import SmsVendor


@pytest.fixture
def outbox() -> Outbox:
    return Outbox()


def test_it_is_the_type_of_its_name() -> None:
    assert load("phone_otp") is PhoneOtp


def test_form_asks_for_the_number() -> None:
    assert PhoneOtp.asks == ("phone",)
    assert provider().icon == _icons.PHONE


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
        ("", "+19001234567", False),
        ("", "+6519001234567", False),
        ("", "+4918012345678", False),
        ("", "+447700900123", True),
        ("allow_prefixes: ['+65']", "+6519001234567", False),
        ("deny_prefixes: []", "+19005551234", True),
        ("deny_prefixes: []", "+6519001234567", True),
        ("deny_prefixes: ['+881']", "+6519001234567", True),
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
    await challenge.deliver(CODE, 0)
    text = f"{CODE} for Example, good for 5 minutes"
    assert outbox.messages == [Message(NUMBER, text, CODE)]
    assert (challenge.length, challenge.lifetime, challenge.tries) == (8, 300, 3)
    assert (challenge.resend_after, challenge.code) == (30, None)


async def test_defaults_are_those_of_the_contract(outbox: Outbox) -> None:
    challenge = await begin(provider("", outbox))
    await challenge.deliver(CODE, 0)
    assert outbox.messages[0].text == f"{CODE} is your verification code."
    assert (challenge.length, challenge.lifetime, challenge.tries) == (6, 600, 5)
    assert challenge.resend_after == 60


async def test_cool_down_is_not_longer_than_the_life_of_a_code(outbox: Outbox) -> None:
    challenge = await begin(provider("code: {lifetime: 30s}", outbox))
    assert challenge.resend_after == 30


async def test_who_sent_it_is_told(outbox: Outbox) -> None:
    challenge = await begin(provider("", outbox))
    assert await challenge.deliver(CODE, 0) == Receipt("outbox", "m1")


async def test_a_code_asked_for_again_comes_another_way() -> None:
    first, second = Outbox(), Outbox()
    challenge = await begin(provider("", first, second))
    for turn in range(3):
        await challenge.deliver(CODE, turn)
    assert (len(first.messages), len(second.messages)) == (2, 1)
    assert {*first.messages, *second.messages} == {first.messages[0]}  # the same text each time


async def test_p10_nobody_is_asked_about_a_number_before_its_message(outbox: Outbox) -> None:
    outbox.failing = True  # nor would it matter what they say
    challenge = await begin(provider("", outbox))
    assert (challenge.length, challenge.code, challenge.memo) == (6, None, b"")
    assert outbox.messages == []


@pytest.mark.parametrize(
    "typed",
    [
        "+\u0661\u0668\u0660\u0660\u0665\u0665\u0665\u0661\u0662\u0663\u0664",
        "\uff11\uff18\uff10\uff10-555-1234",
    ],
)
async def test_p14_digits_of_other_scripts_are_the_same_number(outbox: Outbox, typed: str) -> None:
    challenge = await begin(provider("", outbox), typed)
    await challenge.deliver(CODE, 0)
    assert outbox.messages[0].to == NUMBER


async def test_p11_an_outage_tells_neither_number_nor_code(outbox: Outbox) -> None:
    outbox.failing = True
    challenge = await begin(provider("", outbox))
    with pytest.raises(Unavailable) as caught:
        await challenge.deliver(CODE, 0)
    assert str(caught.value) == "senders: outbox: down"


def test_p11_a_refused_number_is_not_repeated() -> None:
    for typed in ("+881612345678", "12345", "ann"):
        with pytest.raises(Rejected) as caught:
            provider().identify({"phone": typed})
        assert typed.lstrip("+") not in str(caught.value)


async def test_resume_vouches_for_the_number_of_the_attempt() -> None:
    attempt = Attempt("app", "App", "phone", NUMBER, "192.0.2.1", "r")
    identity = await provider().resume(attempt, b"", {"phone": "+447911123456", "otp": CODE})
    assert identity == Identity(NUMBER, phone=NUMBER)


# Test numbers

TEST_NUMBER = "test_numbers: {'+18005550100': '246801'}"


@pytest.mark.parametrize("typed", ["+18005550100", "18005550100", "+1 800 555 0100"])
async def test_nothing_is_sent_to_a_test_number(outbox: Outbox, typed: str) -> None:
    challenge = await begin(provider(TEST_NUMBER, outbox), typed)
    assert await challenge.deliver("246801", 0) is None
    assert outbox.messages == []
    assert (challenge.code, challenge.budgets) == ("246801", ())
    assert challenge.tries == 5  # a fixed code can be guessed like any other


async def test_other_numbers_beside_a_test_number(outbox: Outbox) -> None:
    challenge = await begin(provider(TEST_NUMBER, outbox), "18005550101")
    await challenge.deliver(CODE, 0)
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
    assert by_scope["app"] == Budget("app", APP, (Limit(5, day),))


async def test_p9_default_budgets_are_those_of_the_contract(outbox: Outbox) -> None:
    challenge = await begin(provider("", outbox))
    limits = {budget.scope: [str(limit) for limit in budget.limits] for budget in challenge.budgets}
    assert limits == {
        "phone": ["5/hour", "10/day"],
        "ip": ["20/hour"],
        "prefix": ["200/hour"],
        "app": ["5000/day"],
    }


# Whether messages are worth their price

GUARD = "conversion_guard: {min_sends: 7, min_rate: 0.5, pause: 10m}\n"


def test_conversion_is_not_watched_unless_asked_for() -> None:
    assert provider().conversion(NUMBER) is None
    assert provider("conversion_guard: null").conversion(NUMBER) is None


def test_conversion_is_watched_by_range() -> None:
    phone = provider(GUARD)
    assert phone.conversion(NUMBER) == Conversion("1800", 7, 0.5, 600.0)
    assert phone.conversion("18009999999") == phone.conversion(NUMBER)
    assert phone.conversion("447911123456") == Conversion("44791", 7, 0.5, 600.0)


def test_conversion_has_defaults() -> None:
    phone = provider("conversion_guard: {}")
    assert phone.conversion(NUMBER) == Conversion("1800", 30, 0.15, 3600.0)


def test_test_numbers_are_not_watched() -> None:
    phone = provider(GUARD + TEST_NUMBER)
    assert phone.conversion("18005550100") is None
    assert phone.conversion("18005550101") is not None


# Trying it out


async def test_check_asks_every_sender(outbox: Outbox) -> None:
    phone = provider("", outbox)
    assert await phone.check() == []
    outbox.failing = True
    assert await phone.check() == ["outbox: down"]


# With real vendors


async def test_a27_a_vendor_that_is_gone_is_no_matter(sms: SmsVendor) -> None:
    with SmsVendor() as gone:
        gone.stop()
        urls = [vendor.url for vendor in (gone, sms)]
        senders = [
            {"type": "http", "name": name, "url": url, "json": {"to": "+{to}", "text": "{text}"}}
            for name, url in zip(("gone", "here"), urls, strict=True)
        ]
        meter = Recorder()
        config = PhoneOtpConfig.model_validate({"senders": senders})
        phone = PhoneOtp("phone", config, Context(meter))
        challenge = await begin(phone)
        for turn in range(2):
            assert await challenge.deliver(CODE, turn) == Receipt("here", None)
        assert sms.messages == [(f"+{NUMBER}", f"{CODE} is your verification code.")] * 2
        assert meter.messages == [
            ("gone", "unavailable"),
            ("here", "accepted"),
            ("here", "accepted"),
        ]
        assert await phone.check() == ["gone: no connection (ConnectionRefusedError)"]
        await phone.close()


def test_its_module_needs_no_optional_library() -> None:
    code = "import sys, providers.phone_otp; print({'aiosmtplib', 'jinja2'} & {*sys.modules})"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "set()\n"
