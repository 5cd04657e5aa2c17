"""The configuration of email login: what it needs and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from config import ConfigError
from providers._email_otp_config import EmailOtpConfig
from providers._mail_templates import HTML
from tests.config.reading import document, refused

SENDERS = "senders: [{type: console}]\n"
SMTP = "{type: smtp, host: mail.example.com}"
NO_FROM = 'senders: one of them needs the key "from": who the mails are from'
HTTP = "type: http, url: 'https://mail.example.com/"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{}", "1:1: senders: required key is missing"),
        ("senders: []", "1:10: senders: must not be empty"),
        ("senders: [{}]", "1:11: senders.0.type: required key is missing"),
        (
            "senders:\n  - type: pigeon",
            "2:11: senders.0.type: must be one of 'console', 'http', 'smtp'",
        ),
        ("senders: [{type: twilio}]", "1:18: senders.0.type: must be one of"),
        (SENDERS + "code: {lifetime: 11m}", "2:18: code.lifetime: at most 10m"),
        (SENDERS + "resend_after: 60", "2:15: resend_after: must be a duration such as"),
        (SENDERS + "limits: {per_email: 5/hour}", "2:21: limits.per_email: must be a list"),
        (SENDERS + "limits: {per_phone: []}", "2:10: limits.per_phone: unknown key"),
        (SENDERS + "allow_domains: example.com", "2:16: allow_domains: must be a list"),
        (SENDERS + "allow_domains: [a.example, com]", "2:28: allow_domains.1: must be a domain"),
        (SENDERS + "deny_domains: ['@a.example']", "2:16: deny_domains.0: must be a domain"),
        (SENDERS + "from: Example", "2:7: from: must be one address"),
        (SENDERS + "from: 'a@b.example, c@d.example'", "2:7: from: must be one address"),
        (SENDERS + 'from: "A\\r\\nBcc: c@d.example <a@b.example>"', "2:7: from: must be one line"),
        (SENDERS + "sender: a@b.example", '2:1: sender: unknown key; did you mean "senders"?'),
        (SENDERS + "subject: ''", "2:10: subject: must not be empty"),
        (SENDERS + "text: Hello", "2:7: text: must contain {{ code }}"),
        (SENDERS + "html: Hello", "2:7: html: must contain {{ code }}"),
        (SENDERS + "text: null", "2:7: text: must be text"),
        (SENDERS + "template: '{code}'", "2:1: template: unknown key"),
        (SENDERS + "test_numbers: {}", "2:1: test_numbers: unknown key"),
        (f"senders: [{SMTP}]", f"1:10: {NO_FROM}"),
        (f"senders: [{{type: console}}, {SMTP}]", f"1:10: {NO_FROM}"),
        (f"senders: [{SMTP}]\nfrom: null", f"1:10: {NO_FROM}"),
        (f"senders: [{SMTP}]\nfrom: Example", "2:7: from: must be one address"),
        (f"senders: [{{{HTTP}', json: {{m: [{{f: '{{from}}'}}]}}}}]", f"1:10: {NO_FROM}"),
        (f"senders: [{{{HTTP}', form: {{f: '{{from}}'}}}}]", f"1:10: {NO_FROM}"),
        (f"senders: [{{{HTTP}{{from}}'}}]", f"1:10: {NO_FROM}"),
    ],
)
def test_refused_configuration(text: str, problem: str) -> None:
    (found,) = refused(EmailOtpConfig, text)
    assert found.startswith(problem)


@pytest.mark.parametrize(
    "text",
    [
        f"senders: [{SMTP}]\nfrom: no-reply@example.com",
        f"senders: [{SMTP}]\nfrom: '\"Example, Inc.\" <no-reply@example.com>'",
        f"senders: [{{{HTTP}', form: {{t: '{{to}}'}}}}]",
        SENDERS,
    ],
)
def test_who_mails_are_from_is_asked_where_a_sender_needs_it(text: str) -> None:
    document(text).parse(EmailOtpConfig)


LANGUAGES = ["{en: '{{ code }}', de: '{{ code }}'}", "{de: '{{ code }}'}", "'{{ code }}'"]


@pytest.mark.parametrize("html", [*LANGUAGES, "null"])
@pytest.mark.parametrize("text", LANGUAGES)
@pytest.mark.parametrize("subject", LANGUAGES)
def test_nobody_gets_a_mail_in_two_languages(subject: str, text: str, html: str) -> None:
    parts = f"subject: {subject}\ntext: {text}\nhtml: {html}"
    by_language = {part for part in (subject, text, html) if part.startswith("{")}
    if len(by_language) < 2:
        document(SENDERS + parts).parse(EmailOtpConfig)
        return
    problems = refused(EmailOtpConfig, SENDERS + parts)
    assert all("must be in the same languages as" in problem for problem in problems)


def test_codes_are_not_printed_in_production() -> None:
    with pytest.raises(ConfigError) as caught:
        document(SENDERS).parse(EmailOtpConfig, context={"production": True})
    (problem,) = caught.value.problems
    assert (problem.line, problem.column, problem.path) == (1, 11, ("senders", 0))


def test_schema_shows_the_defaults() -> None:
    properties: dict[str, Any] = EmailOtpConfig.model_json_schema()["properties"]
    assert properties["html"]["default"] == HTML
    assert "from" in properties
