from __future__ import annotations

import base64
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.servers.oidc_clients import (
    APPLE_AUDIENCE,
    ASSERTION,
    Client,
    OAuthError,
    authenticate,
)
from tests.servers.oidc_keys import ABSENT, Key, Unsigned, changed, jwt, read

KEY = Key("ES256")
URIS = ("https://gw.test/callback",)
BASIC = Client("basic", URIS, secret="s")
SPECIAL = Client("a:b c", URIS, secret="50% + ü:")
POST = Client("post", URIS, "client_secret_post", secret="s")
PUBLIC = Client("public", URIS, "none")
SIGNING = Client("signing", URIS, "private_key_jwt", key=KEY)
APPLE = Client("com.example.web", URIS, "apple", key=KEY, team="TEAM123456")
CLIENTS = {each.id: each for each in (BASIC, SPECIAL, POST, PUBLIC, SIGNING, APPLE)}
ISSUER = "https://idp.test"


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


def ask(form: Mapping[str, str], authorization: str | None = None) -> str:
    return authenticate(CLIENTS, authorization, form, {ISSUER}, set()).id


def assertion(
    changes: Mapping[str, Any] | None = None, header: Mapping[str, Any] | None = None, by: Key = KEY
) -> dict[str, str]:
    now = int(time.time())
    claims = {"iss": "signing", "sub": "signing", "aud": ISSUER, "exp": now + 60, "jti": "1"}
    top = changed(KEY.header, header or {})
    return {
        "client_id": "signing",
        "client_assertion_type": ASSERTION,
        "client_assertion": jwt(top, changed(claims, changes or {}), by),
    }


def apple(
    changes: Mapping[str, Any] | None = None, header: Mapping[str, Any] | None = None, by: Key = KEY
) -> dict[str, str]:
    now = int(time.time())
    claims = {"iss": APPLE.team, "sub": APPLE.id, "aud": APPLE_AUDIENCE}
    times = {"iat": now, "exp": now + 86400}
    top = changed(KEY.header, header or {})
    secret = jwt(top, changed({**claims, **times}, changes or {}), by)
    return {"client_id": APPLE.id, "client_secret": secret}


@pytest.mark.parametrize(
    ("client", "form", "authorization"),
    [
        (BASIC, {}, basic("basic:s")),
        (BASIC, {"client_id": "basic"}, basic("basic:s")),
        (SPECIAL, {}, basic("a%3Ab+c:50%25+%2B+%C3%BC%3A")),
        (POST, {"client_id": "post", "client_secret": "s"}, None),
        (PUBLIC, {"client_id": "public"}, None),
    ],
)
def test_each_client_has_its_way(
    client: Client, form: dict[str, str], authorization: str | None
) -> None:
    assert ask(form, authorization) == client.id


@pytest.mark.parametrize(
    ("form", "authorization", "why"),
    [
        ({}, None, "no such client"),
        ({}, basic("other:s"), "no such client"),
        ({}, basic("basic:t"), "secret is wrong"),
        ({}, basic("basic:"), "secret is wrong"),
        ({}, basic("a%3Ab+c:50% + ü:"), "secret is wrong"),  # not form-encoded: + is a blank
        ({}, basic("basic"), "not basic"),
        ({}, "Basic ***", "no base64"),
        ({}, "Bearer YTpi", "not basic"),
        ({"client_id": "basic"}, None, "proves itself by client_secret_basic, this is none"),
        ({"client_id": "basic", "client_secret": "s"}, None, "this is client_secret_post"),
        ({}, basic("post:s"), "this is client_secret_basic"),
        ({}, basic("public:"), "this is client_secret_basic"),
        ({"client_id": "post", "client_secret": "t"}, None, "secret is wrong"),
        ({"client_id": "public", "client_secret": ""}, None, "this is client_secret_post"),
        ({"client_id": "signing"}, None, "this is none"),
        ({"client_id": "post", "client_secret": "s"}, basic("post:s"), "in two ways"),
        ({"client_assertion": "x", "client_assertion_type": "y"}, basic("basic:s"), "type"),
        ({"client_id": "post"}, basic("basic:s"), "another client"),
    ],
)
def test_any_other_way_is_refused(
    form: dict[str, str], authorization: str | None, why: str
) -> None:
    with pytest.raises(OAuthError, match=why):
        ask(form, authorization)


@pytest.mark.parametrize("header", [{}, {"kid": ABSENT}], ids=["kid", "no-kid"])
def test_a_client_can_sign(header: dict[str, Any]) -> None:
    assert ask(assertion(header=header)) == SIGNING.id


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"iss": "basic"}, "not the client's"),
        ({"sub": ABSENT}, "another client"),
        ({"aud": "https://other.test"}, "somebody else"),
        ({"aud": ABSENT}, "somebody else"),
        ({"exp": 1}, "expired"),
        ({"exp": ABSENT}, "expired"),
        ({"exp": 1 << 40}, "too long"),
        ({"nbf": 1 << 40}, "from the future"),
        ({"iat": 1 << 40}, "from the future"),
        ({"jti": ABSENT}, "cannot be told"),
    ],
)
def test_the_claims_of_an_assertion_are_looked_at(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(OAuthError, match=why):
        ask(assertion(changes))


@pytest.mark.parametrize(
    ("header", "why"), [({"alg": "RS256"}, "header is not"), ({"kid": "other"}, "header is not")]
)
def test_the_header_of_an_assertion_is_looked_at(header: dict[str, Any], why: str) -> None:
    with pytest.raises(OAuthError, match=why):
        ask(assertion(header=header))


@pytest.mark.parametrize(
    ("form", "why"),
    [
        ({"client_assertion_type": "x"}, "type"),
        ({"client_assertion": "x"}, "none"),
        ({"client_id": "basic"}, "another client"),
        ({"client_secret": "s"}, "in two ways"),
    ],
)
def test_an_assertion_must_come_as_one(form: dict[str, str], why: str) -> None:
    with pytest.raises(OAuthError, match=why):
        ask(assertion() | form)


@pytest.mark.parametrize("form", [assertion, apple])
def test_the_key_of_another_is_refused(form: Callable[..., dict[str, str]]) -> None:
    with pytest.raises(OAuthError, match="signature is wrong"):
        ask(form(by=Key("ES256")))


def test_an_unsigned_assertion_is_refused() -> None:
    form = assertion()
    _, claims = read(form["client_assertion"])
    form["client_assertion"] = jwt({"alg": "none"}, claims, Unsigned())
    with pytest.raises(OAuthError, match="signature is wrong"):
        ask(form)


def test_an_assertion_is_good_once() -> None:
    seen: set[str] = set()
    form = assertion()
    assert authenticate(CLIENTS, None, form, {ISSUER}, seen) == SIGNING
    with pytest.raises(OAuthError, match="shown before"):
        authenticate(CLIENTS, None, form, {ISSUER}, seen)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"iss": APPLE.id}, "not the client's"),
        ({"sub": APPLE.team}, "not the client's"),
        ({"aud": ISSUER}, "not for Apple"),
        ({"iat": ABSENT}, "since when"),
        ({"exp": 1}, "expired"),
        ({"exp": 1 << 40}, "too long"),
    ],
)
def test_the_claims_of_apples_secret_are_looked_at(changes: dict[str, Any], why: str) -> None:
    assert ask(apple()) == APPLE.id
    with pytest.raises(OAuthError, match=why):
        ask(apple(changes))


@pytest.mark.parametrize(
    ("header", "why"),
    [
        ({"kid": ABSENT}, "which key"),
        ({"kid": "other"}, "header is not"),
        ({"alg": "HS256"}, "header is not"),
    ],
)
def test_the_header_of_apples_secret_is_looked_at(header: dict[str, Any], why: str) -> None:
    with pytest.raises(OAuthError, match=why):
        ask(apple(header=header))


def test_apple_takes_no_plain_secret() -> None:
    with pytest.raises(OAuthError, match="none"):
        ask({"client_id": APPLE.id, "client_secret": "s"})
