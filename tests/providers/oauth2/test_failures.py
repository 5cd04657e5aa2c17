"""What of an identity provider's words gets into a log."""

from __future__ import annotations

import time

import pytest
from structlog.testing import capture_logs

from providers.oauth2.failures import MAX_QUOTED, misconfigured, quoted, remark, unusable

HIDDEN = "\N{HORIZONTAL ELLIPSIS}"


@pytest.mark.parametrize(
    ("written", "line"),
    [
        ("Malformed auth code.", "Malformed auth code."),
        ("AADSTS9002313: Invalid request.", "AADSTS9002313: Invalid request."),
        pytest.param("one\r\ntwo\tthree\x00\x1b[31m", "one two three??[31m", id="one line"),
        pytest.param("\u202eevil\u2028line", "?evil line", id="no tricks of Unicode"),
        pytest.param("a" * 20 + " " + "b" * 30 + " " + "c" * 30, None, id="capped"),
        pytest.param("user ann@example.com is", f"user {HIDDEN} is", id="address"),
        pytest.param("user 'a.b@c.test'.", f"user {HIDDEN}", id="address in quotes"),
        pytest.param("user ann\uff20example.com", f"user {HIDDEN}", id="address, wide"),
        pytest.param("to +44 7700 900123 now", f"to {HIDDEN} now", id="number"),
        pytest.param("to 18005551234", f"to {HIDDEN}", id="number, digits"),
        pytest.param(f"code {'x' * 33} used", f"code {HIDDEN} used", id="secret"),
        pytest.param("code 0123456789abcdef used", f"code {HIDDEN} used", id="short secret"),
        pytest.param("code='PvE4HzEF4XjXRHu-' used", f"{HIDDEN} used", id="secret in quotes"),
        pytest.param("unsupported_response_type", "unsupported_response_type", id="long word"),
        pytest.param(None, "", id="nothing"),
        pytest.param(["a"], "", id="no text"),
    ],
)
def test_o13_line_is_fit_for_a_log(written: object, line: str | None) -> None:
    told = quoted(written)
    assert told == line if line is not None else len(told) == MAX_QUOTED
    assert told.isprintable()


@pytest.mark.parametrize("word", ["x", "x ", "1(", "@", "1 ", "x" * 32 + " "])
def test_o13_what_is_long_costs_little(word: str) -> None:
    started = time.monotonic()
    assert len(quoted(word * (2**20 // len(word)))) <= MAX_QUOTED
    assert time.monotonic() - started < 2


def test_description_is_said_with_its_word() -> None:
    assert remark("invalid_grant", "Bad code") == "invalid_grant (Bad code)"
    assert remark("invalid_grant", None) == remark("invalid_grant", " ") == "invalid_grant"


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        ("invalid_client", "client_secret"),
        ("incorrect_client_credentials", "client_secret"),
        ("unauthorized_client", "authorization code"),
        ("redirect_uri_mismatch", "redirect URI"),
        ("invalid_scope", "scopes"),
        ("anything", "configuration"),
    ],
)
def test_operator_is_told_once_what_to_do(error: str, advice: str) -> None:
    with capture_logs() as logs:
        failure = misconfigured("idp", error, "no\nway")
    (line,) = logs
    assert line["log_level"] == "error"
    assert line["provider"] == "idp"
    assert line["answer"] == f"{error} (no way)"
    assert advice in line["advice"]
    assert (failure.upstream, failure.retry_after) == ("idp", None)
    assert error in str(failure)


def test_answer_of_no_use_is_told_once() -> None:
    with capture_logs() as logs:
        failure = unusable("idp", "no JSON")
    assert [(line["log_level"], line["detail"]) for line in logs] == [("error", "no JSON")]
    assert str(failure) == "idp: no JSON"
