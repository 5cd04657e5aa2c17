"""The text of a message: its language, what is filled in, and the lines that phones read."""

from __future__ import annotations

import pytest

from providers._phone_otp_config import PhoneOtpConfig
from tests.config.reading import refused
from tests.providers.outbox import APP, CODE, SENDERS, Outbox, begin, provider

HASH = "FA+9qCX9VSu"


async def text_for(config: str, app: str = APP, **fields: str) -> str:
    outbox = Outbox()
    challenge = await begin(provider(config, outbox), app=app, **fields)
    await challenge.deliver(CODE, 0)
    (message,) = outbox.messages
    return message.text


# The language

TEMPLATES = "template: {pt-BR: '{code} BR', de: '{code} DE', en: '{code} EN', fr: '{code} FR'}"


@pytest.mark.parametrize(
    ("lang", "text"),
    [("de", "DE"), ("de-AT", "DE"), ("pt_BR", "BR"), ("pt", "EN"), ("xx", "EN"), (None, "EN")],
)
async def test_a25_the_language_is_one_of_the_configured(lang: str | None, text: str) -> None:
    fields = {} if lang is None else {"lang": lang}
    assert await text_for(TEMPLATES, **fields) == f"{CODE} {text}"


@pytest.mark.parametrize(
    "typed", ["{code}", "https://evil.example\n", "de\nhttps://evil.example", "en" * 4000, "\x00"]
)
async def test_a25_what_is_typed_stays_out_of_the_text(typed: str) -> None:
    assert await text_for(TEMPLATES, name=typed, lang=typed, username=typed) == f"{CODE} EN"
    template = "template: 'Hi, {code} {name} {lang} {0}'"
    assert await text_for(template, name=typed, lang=typed) == f"Hi, {CODE} {{name}} {{lang}} {{0}}"


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{app}: {code}, {minutes} min", "Example: 042137, 10 min"),
        ("{code} {code} {app}", "042137 042137 Example"),
        ("{code} {Code} {phone} {{app}}", "042137 {Code} {phone} {Example}"),
        ("{code} 100 % ${app}", "042137 100 % $Example"),
    ],
)
async def test_what_is_filled_in(template: str, text: str) -> None:
    assert await text_for(f"template: '{template}'") == text


# Lines that phones and browsers read

LONG = "x" * 120  # makes the longest message with a code and the hash of an app


@pytest.mark.parametrize(
    ("config", "text"),
    [
        pytest.param("", "042137 it is", id="none"),
        pytest.param(f"app_hash: {HASH}", f"042137 it is\n\n{HASH}", id="SMS Retriever"),
        pytest.param(
            "domain: example.com", "042137 it is\n\n@example.com #042137", id="WebOTP and iOS"
        ),
        pytest.param(
            f"app_hash: {HASH}\ndomain: login.example.com",
            f"042137 it is\n\n{HASH}\n@login.example.com #042137",
            id="both, the domain last",
        ),
        pytest.param(
            f"app_hash: {{{APP}: {HASH}}}\ndomain: {{{APP}: example.com}}",
            f"042137 it is\n\n{HASH}\n@example.com #042137",
            id="those of the app",
        ),
        pytest.param(
            f"app_hash: {{com.example.other: {HASH}}}\ndomain: {{'*': example.com}}",
            "042137 it is",
            id="only those of other apps",
        ),
        pytest.param("app_hash: {}\ndomain: null", "042137 it is", id="nothing in them"),
    ],
)
async def test_last_lines(config: str, text: str) -> None:
    sent = await text_for("template: '{code} it is'\n" + config)
    assert sent.encode() == text.encode()


async def test_each_app_has_its_own_last_lines() -> None:
    config = f"app_hash: {{a: {HASH}, '*': 00000000000}}\ndomain: {{b: b.example.com}}"
    assert (await text_for(config, app="a")).endswith(f".\n\n{HASH}")
    assert (await text_for(config, app="b")).endswith(".\n\n@b.example.com #042137")
    assert (await text_for(config, app="c")).endswith("code.")
    assert (await text_for(config, app="*")).endswith(".\n\n00000000000")


@pytest.mark.parametrize("length", [6, 10])
async def test_the_longest_message_that_android_reads_loads(length: int) -> None:
    long = LONG[length - 6 :]
    config = f"code: {{length: {length}}}\napp_hash: {HASH}\ntemplate: '{{code}} {long}'"
    code = "0" * length
    phone = provider(config, outbox := Outbox())
    await (await begin(phone)).deliver(code, 0)
    assert len(outbox.messages[0].text.encode()) == 140
    (problem,) = refused(PhoneOtpConfig, SENDERS + config.replace("x'", "xy'"))
    assert problem == (
        "1:1: template makes a message of 141 bytes with its last lines; "
        "with app_hash at most 140, or Android does not look into it"
    )


@pytest.mark.parametrize(
    ("config", "size"),
    [
        (f"app_hash: {HASH}\ntemplate: '{{code}} {LONG}{{minutes}}'", 142),
        (f"app_hash: {HASH}\ntemplate: '{{code}} {'ü' * 61}'", 142),
        (f"app_hash: {HASH}\ntemplate: {{en: '{{code}}', de: '{{code}} {LONG}x'}}", 141),
        (f"app_hash: {HASH}\ndomain: example.com\ntemplate: '{{code}} {'x' * 103}'", 144),
        (f"app_hash: {{a: {HASH}}}\ndomain: {{a: example.com}}\ntemplate: '{{code}} {LONG}'", 161),
        (f"app_hash: {HASH}\ndomain: {{a: example.com}}\ntemplate: '{{code}} {LONG}'", 161),
    ],
    ids=["minutes", "bytes", "any_language", "domain", "of_one_app", "domain_of_one_app"],
)
def test_a_message_that_android_would_not_read_is_refused(config: str, size: int) -> None:
    (problem,) = refused(PhoneOtpConfig, SENDERS + config)
    assert f"a message of {size} bytes" in problem
    assert "xxx" not in problem


@pytest.mark.parametrize(
    "config",
    [
        f"template: '{{code}} {LONG}xxx'\ndomain: example.com",
        f"template: '{{code}} {LONG}'\napp_hash: {{a: {HASH}}}\ndomain: {{b: example.com}}",
        f"template: '{{code}} {LONG}xxx'\napp_hash: {{}}",
    ],
    ids=["no_hash", "domain_of_another_app", "hash_of_no_app"],
)
def test_other_messages_may_be_longer(config: str) -> None:
    provider(config)


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        *(
            (f"app_hash: {wrong}", "2:11: app_hash: must match the pattern ^[A-Za-z0-9+/]{11}$")
            for wrong in ("FA+9qCX9VS", "FA+9qCX9VSu=", "FA-9qCX9VSu", '"FA+9qCX9VS\\n"')
        ),
        ("app_hash: {a: short}", "2:15: app_hash.a: must match the pattern"),
        ("app_hash: [x]", "2:11: app_hash: must be text, or must be a mapping"),
        *(
            (f"domain: {wrong}", "2:9: domain: must be a domain in lower case, such as example.com")
            for wrong in (
                *("localhost", "Example.com", "'https://example.com'", "example.com/", "a b.com"),
                *("'example.com:443'", "example.com.", "-a.com", "a.-b", "a..com", "'@a.com'"),
                *("bücher.example", '"a.com\\n"', "a." * 130 + "com", "a" * 64 + ".com"),
            )
        ),
        ("domain: {a: localhost}", "2:13: domain.a: must be a domain"),
    ],
)
def test_refused_last_lines(config: str, problem: str) -> None:
    (found,) = refused(PhoneOtpConfig, SENDERS + config)
    assert found.startswith(problem)
