"""Out to the authorization endpoint and back: values in, values out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from structlog.testing import capture_logs

from providers import Cancelled, Rejected, Trip, Unavailable
from providers.oauth2 import authorization
from providers.oauth2.authorization import Answer

ENDPOINT = "https://login.example.com/authorize"
ISSUER = "https://login.example.com"
TRIP = Trip(
    return_url="https://auth.example.com/callback/idp",
    state="st-ate",
    nonce="n-once",
    verifier="dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",  # RFC 7636 appendix B
)
PORTUGUESE = replace(TRIP, lang="pt-BR")
NOTHING: Mapping[str, str] = {}


def sent(url: str) -> dict[str, str]:
    pairs = parse_qsl(urlsplit(url).query, strict_parsing=True)
    assert len(dict(pairs)) == len(pairs), "a parameter twice"
    return dict(pairs)


def depart(
    endpoint: str = ENDPOINT,
    trip: Trip = TRIP,
    scopes: tuple[str, ...] = ("openid", "email"),
    response_mode: str = "query",
    params: Mapping[str, str] = NOTHING,
) -> str:
    return authorization.url(endpoint, "me & you", trip, scopes, response_mode, params)


# Out


def test_o1_o3_url_has_state_nonce_and_challenge() -> None:
    url = depart()
    assert url.startswith(ENDPOINT + "?")
    assert sent(url) == {
        "response_type": "code",
        "client_id": "me & you",
        "redirect_uri": "https://auth.example.com/callback/idp",
        "scope": "openid email",
        "state": "st-ate",
        "nonce": "n-once",
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "code_challenge_method": "S256",
    }


def test_a107_verifier_stays_here() -> None:
    assert TRIP.verifier not in depart(params={"prompt": "login"})


def test_endpoint_keeps_its_query() -> None:
    url = depart(f"{ENDPOINT}?p=B2C_1_signin")
    assert sent(url)["p"] == "B2C_1_signin"
    assert sent(url)["state"] == "st-ate"


def test_posted_answer_is_asked_for() -> None:
    assert sent(depart(response_mode="form_post"))["response_mode"] == "form_post"


def test_language_is_asked_for() -> None:
    assert sent(depart(trip=PORTUGUESE))["ui_locales"] == "pt-BR"


def test_scopes_may_be_none() -> None:
    assert "scope" not in sent(depart(scopes=()))


def test_fixed_parameters_are_added() -> None:
    fixed = {"prompt": "select_account", "acr_values": "a b&c", "uri": "x", "self": "y"}
    assert sent(depart(params=fixed)) == {**sent(depart()), **fixed}


def test_fixed_language_stands_above_the_persons() -> None:
    assert sent(depart(trip=PORTUGUESE, params={"ui_locales": "de"}))["ui_locales"] == "de"


# Back


def arrive(answer: dict[str, str], *issuers: str) -> Answer:
    return authorization.read("idp", answer, issuers or (ISSUER,))


def test_code_is_returned() -> None:
    assert arrive({"code": "x", "state": "st-ate"}) == Answer("x", names_issuer=False)


def test_o8_own_issuer_is_fine() -> None:
    assert arrive({"code": "x", "iss": ISSUER}) == Answer("x", names_issuer=True)
    assert arrive({"code": "x", "iss": "b"}, "a", "b") == Answer("x", names_issuer=True)


def test_where_nobody_has_a_name_it_is_not_compared() -> None:
    answer = {"code": "x", "iss": "https://github.com/login/oauth"}
    assert authorization.read("idp", answer, ()) == Answer("x", names_issuer=False)


@pytest.mark.parametrize(
    "issuer",
    ["https://evil.example.com", f"{ISSUER}/", ISSUER.upper(), "", f"{ISSUER}:443", f" {ISSUER}"],
)
@pytest.mark.parametrize("answer", [{"code": "x"}, {"error": "access_denied"}])
def test_o8_a103_answer_of_another_issuer_is_refused(answer: dict[str, str], issuer: str) -> None:
    with pytest.raises(Rejected, match="another issuer") as caught:
        arrive({**answer, "iss": issuer})
    assert not isinstance(caught.value, Cancelled)


@pytest.mark.parametrize("answer", [{}, {"code": ""}, {"state": "st-ate"}, {"id_token": "a.b.c"}])
def test_answer_without_a_code_is_refused(answer: dict[str, str]) -> None:
    with pytest.raises(Rejected, match="without a code"):
        arrive(answer)


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        ("access_denied", Cancelled),
        ("user_cancelled_authorize", Cancelled),
        ("login_required", Rejected),
        ("interaction_required", Rejected),
        ("account_selection_required", Rejected),
        ("consent_required", Rejected),
        ("server_error", Unavailable),
        ("temporarily_unavailable", Unavailable),
    ],
)
def test_error_is_the_persons_or_the_upstreams(error: str, failure: type[Exception]) -> None:
    with capture_logs() as logs, pytest.raises(failure, match=error) as caught:
        arrive({"error": error, "code": "x"})
    assert type(caught.value) is failure
    assert logs == []


@pytest.mark.parametrize(
    "error",
    [
        "unauthorized_client",
        "invalid_scope",
        "invalid_request",
        "unsupported_response_type",
        "",
        "x",
    ],
)
def test_error_of_the_configuration_is_the_operators(error: str) -> None:
    with capture_logs() as logs, pytest.raises(Unavailable) as caught:
        arrive({"error": error})
    assert caught.value.upstream == "idp"
    assert [(line["log_level"], line["provider"]) for line in logs] == [("error", "idp")]


@pytest.mark.parametrize(
    "error", ["access_denied", "login_required", "server_error", "invalid_scope", "\n\x1b[31m"]
)
def test_o13_description_is_one_line_without_addresses(error: str) -> None:
    description = "user ann@example.com\r\nfake=line " + "long " * 1000
    with capture_logs() as logs, pytest.raises((Rejected, Unavailable)) as caught:
        arrive({"error": error, "error_description": description})
    for text in (str(caught.value), *(str(line.values()) for line in logs)):
        assert text.isprintable()
        assert "ann@" not in text
        assert len(text) < 400
    assert "fake=line" in str(caught.value)


# Apple's name of a person


@pytest.mark.parametrize(
    ("user", "name"),
    [
        ({"name": {"firstName": "Ann", "lastName": "Lee"}, "email": "x@y.test"}, "Ann Lee"),
        ({"name": {"firstName": " Ann", "lastName": ""}}, "Ann"),
        ({"name": {"firstName": "A\n\x00\u202en", "lastName": "L"}}, "An L"),
        ({"name": {"firstName": "x" * 100, "lastName": "L"}}, "x" * 64),
        ({"name": {"firstName": "", "lastName": " "}}, None),
        ({"name": {"firstName": "Ann"}}, "Ann"),
        ({"name": {"firstName": None, "lastName": "Lee"}}, "Lee"),
        ({"name": {"firstName": ["Ann"], "lastName": 1}}, None),
        ({"name": "Ann"}, None),
        ({"name": None}, None),
        ({}, None),
        ([], None),
        ("Ann", None),
        (None, None),
    ],
)
def test_name_that_a_browser_brings_is_text_to_read(user: Any, name: str | None) -> None:
    assert authorization.told_name(json.dumps(user)) == name


@pytest.mark.parametrize("user", ["", "{", "x", "[" * 100_000, '{"name":' * 10_000])
def test_name_that_is_no_json_is_none(user: str) -> None:
    assert authorization.told_name(user) is None
