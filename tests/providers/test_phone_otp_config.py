"""The configuration of phone login."""

from __future__ import annotations

import pytest

from config import ConfigError
from providers._phone_otp_config import PhoneOtpConfig
from tests.config.reading import document, refused
from tests.providers.outbox import SENDERS

# Refused configurations


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{}", "1:1: senders: required key is missing"),
        ("senders: []", "1:10: senders: must not be empty"),
        ("senders: [{}]", "1:11: senders.0.type: required key is missing"),
        (
            "senders:\n  - type: pigeon",
            "2:11: senders.0.type: must be one of 'console', 'http', 'messagebird',",
        ),
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
        *(
            (
                SENDERS + f"conversion_guard: {{{key}: {value}}}",
                f"conversion_guard.{key}: {problem}",
            )
            for key, value, problem in (
                ("min_sends", 0, "must be at least 1"),
                ("min_sends", 1.5, "must be a whole number"),
                ("min_rate", 0, "must be more than 0"),
                ("min_rate", 1.01, "must be at most 1"),
                ("min_rate", "15%", "must be a number"),
                ("pause", 60, "must be a duration such as"),
                ("paus", "60s", 'unknown key; did you mean "pause"?'),
            )
        ),
        (SENDERS + "conversion_guard: true", "conversion_guard: must be a mapping"),
        (SENDERS + "deny_prefixes: null", "2:16: deny_prefixes: must be a list"),
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
    assert problem in found


def test_codes_are_not_printed_in_production() -> None:
    with pytest.raises(ConfigError) as caught:
        document(SENDERS).parse(PhoneOtpConfig, context={"production": True})
    (problem,) = caught.value.problems
    assert (problem.line, problem.column, problem.path) == (1, 11, ("senders", 0))


@pytest.mark.parametrize(
    ("text", "denies"),
    [("", True), ("deny_prefixes: []", False), ("deny_prefixes: ['+1900']", False)],
)
def test_a_list_of_ones_own_replaces_all_that_is_denied(text: str, denies: bool) -> None:
    config = document(SENDERS + text).parse(PhoneOtpConfig)
    assert config.denies_costly is denies
    assert ("+881" in config.deny_prefixes) is denies
