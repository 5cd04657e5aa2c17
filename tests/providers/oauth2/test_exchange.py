"""A code for tokens: what is sent, and whose failure each answer is."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

import pytest
from structlog.testing import capture_logs

from providers import Rejected, Reply, Unavailable
from providers.oauth2 import exchange
from providers.oauth2.client_auth import Credentials
from providers.oauth2.exchange import Grant, Granted

CODE = "SplxlOBeZQQYbYS6WxSbIA"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"  # RFC 7636 appendix B
RETURN = "https://auth.example.com/callback/idp"
GRANT = Grant(CODE, VERIFIER, RETURN)
PAGE = b"<html>Bad gateway</html>"
FINE = {"token_type": "Bearer", "access_token": "at", "id_token": "a.b.c", "expires_in": 3600}


def reply(answer: Any, status: int = 200, retry_after: float | None = None) -> Reply:
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    return Reply(status, body, retry_after)


# What is sent


def test_o1_form_has_the_code_and_its_verifier() -> None:
    headers, body = exchange.request(GRANT, Credentials({"Authorization": "Basic eA=="}, {}))
    assert parse_qsl(body.decode(), strict_parsing=True) == [
        ("grant_type", "authorization_code"),
        ("code", CODE),
        ("redirect_uri", RETURN),
        ("code_verifier", VERIFIER),
    ]
    assert headers == {
        "Content-Type": "application/x-www-form-urlencoded",
        "Accept": "application/json",
        "Authorization": "Basic eA==",
    }


def test_credentials_may_be_part_of_the_form() -> None:
    _, body = exchange.request(GRANT, Credentials({}, {"client_id": "me", "client_secret": "&=+"}))
    sent = dict(parse_qsl(body.decode(), strict_parsing=True))
    assert (sent["client_id"], sent["client_secret"]) == ("me", "&=+")


def test_a_code_cannot_add_to_the_form() -> None:
    _, body = exchange.request(GRANT._replace(code="x&client_id=other"), Credentials({}, {}))
    assert dict(parse_qsl(body.decode()))["code"] == "x&client_id=other"


@pytest.mark.parametrize("verifier", [VERIFIER, "x" * 43, "~" * 128, "-._~" * 20])
def test_verifier_of_the_standard_is_taken(verifier: str) -> None:
    exchange.check(GRANT._replace(verifier=verifier))


@pytest.mark.parametrize(
    "verifier",
    ["", "x" * 42, "x" * 129, "x" * 42 + "=", "x" * 42 + "+", "x" * 43 + "\n", "\u0661" * 43],
)
def test_o1_a107_other_verifiers_are_refused_here(verifier: str) -> None:
    with pytest.raises(Rejected):
        exchange.check(GRANT._replace(verifier=verifier))


@pytest.mark.parametrize("code", ["", "x" * 4097, "a\nb", "a\0", "\u00e9", "x\x7f"])
def test_what_is_no_code_is_refused_here(code: str) -> None:
    with pytest.raises(Rejected):
        exchange.check(GRANT._replace(code=code))


def test_a_code_may_be_long_and_odd() -> None:
    exchange.check(GRANT._replace(code="0.AX%4/ +" * 300))


# What comes back


@pytest.mark.parametrize(
    ("answer", "granted"),
    [
        (FINE, Granted("a.b.c", "at")),
        pytest.param(
            {"token_type": "bearer", "access_token": "gho_x", "scope": "read:user"},
            Granted(None, "gho_x"),
            id="GitHub",
        ),
        pytest.param({"id_token": "a.b.c"}, Granted("a.b.c", None), id="no access token"),
        pytest.param({**FINE, "error": None}, Granted("a.b.c", "at"), id="no error"),
        pytest.param({**FINE, "token_type": "BEARER"}, Granted("a.b.c", "at"), id="upper case"),
        pytest.param({**FINE, "id_token": ""}, Granted(None, "at"), id="empty"),
    ],
)
def test_what_is_granted(answer: dict[str, Any], granted: Granted) -> None:
    assert exchange.read("idp", reply(answer)) == granted


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ({"error": "invalid_grant"}, 400),
        ({"error": "invalid_grant", "error_description": "Bad code"}, 400),
        ({"error": "invalid_grant"}, 401),
        pytest.param({"error": "bad_verification_code"}, 200, id="GitHub"),
        pytest.param({"error": "unverified_user_email"}, 200, id="GitHub, address"),
    ],
)
def test_o20_bad_code_is_the_persons(answer: dict[str, Any], status: int) -> None:
    with capture_logs() as logs, pytest.raises(Rejected, match=answer["error"]):
        exchange.read("idp", reply(answer, status))
    assert logs == []


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ({"error": "invalid_client"}, 401),
        ({"error": "invalid_client"}, 400),
        pytest.param(b"Unauthorized", 401, id="bare 401"),
        ({"error": "unauthorized_client"}, 400),
        ({"error": "unsupported_grant_type"}, 400),
        ({"error": "invalid_scope"}, 400),
        ({"error": "invalid_request"}, 400),
        ({"error": "redirect_uri_mismatch"}, 400),
        pytest.param({"error": "redirect_uri_mismatch"}, 200, id="GitHub"),
        pytest.param({"error": "incorrect_client_credentials"}, 200, id="GitHub, secret"),
        ({"error": "something_new"}, 400),
        pytest.param({**FINE, "token_type": "DPoP"}, 200, id="no bearer"),
        pytest.param({"access_token": "at"}, 200, id="no type"),
        pytest.param({"access_token": "at", "token_type": 1}, 200, id="type is a number"),
    ],
)
def test_refused_client_is_the_operators(answer: Any, status: int) -> None:
    with capture_logs() as logs, pytest.raises(Unavailable) as caught:
        exchange.read("idp", reply(answer, status))
    assert caught.value.upstream == "idp"
    assert [(line["log_level"], line["provider"]) for line in logs] == [("error", "idp")]


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (PAGE, 200),
        (PAGE, 404),
        (PAGE, 502),
        (b"", 200),
        (b"", 302),
        (b"[]", 200),
        (b"null", 200),
        (FINE, 500),
        (FINE, 201),
        pytest.param({"error": "invalid_grant"}, 500, id="broken server"),
        pytest.param({"error": "invalid_grant"}, 429, id="too fast"),
        ({"error": "server_error"}, 400),
        ({"error": "temporarily_unavailable"}, 400),
        ({"error": "slow_down"}, 400),
        ({"error": ["invalid_grant"]}, 400),
        ({"error": {"code": 190}}, 400),
        ({}, 200),
        ({"token_type": "Bearer"}, 200),
        pytest.param({**FINE, "access_token": 1}, 200, id="number"),
        pytest.param({**FINE, "id_token": {"a": 1}}, 200, id="object"),
        pytest.param({**FINE, "access_token": "a\r\nX: y"}, 200, id="header injection"),
        pytest.param({**FINE, "access_token": "a b"}, 200, id="space"),
        pytest.param({**FINE, "access_token": "\u00e9"}, 200, id="not ASCII"),
        pytest.param(
            b'{"access_token":"a","access_token":"b","token_type":"bearer"}', 200, id="twice"
        ),
    ],
)
def test_a111_answer_that_makes_no_sense_is_an_outage(answer: Any, status: int) -> None:
    with capture_logs() as logs, pytest.raises(Unavailable) as caught:
        exchange.read("idp", reply(answer, status))
    assert caught.value.upstream == "idp"
    assert logs == []


@pytest.mark.parametrize("status", [429, 503])
def test_when_to_come_back_is_handed_on(status: int) -> None:
    with pytest.raises(Unavailable) as caught:
        exchange.read("idp", reply(PAGE, status, 7.0))
    assert caught.value.retry_after == 7.0


@pytest.mark.parametrize("error", ["invalid_grant", "invalid_client", "server_error"])
def test_no_secret_in_any_text(error: str) -> None:
    secret = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
    answer = {
        "error": error,
        "error_description": f"{secret} of ann@example.com\nfake=line",
        "access_token": secret,
    }
    with capture_logs() as logs, pytest.raises((Rejected, Unavailable)) as caught:
        exchange.read("idp", reply(answer, 400))
    for text in (str(caught.value), json.dumps(logs)):
        assert "eyJ" not in text
        assert "ann@" not in text
        assert "\\n" not in text
        assert "\n" not in text
