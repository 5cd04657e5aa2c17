"""What is in force: the preset, with the configuration above it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, get_args

import pytest

from providers.oauth2.presets import CONSUMERS, PROFILES, Profile, resolve
from providers.oauth2.settings import OAuth2Config, Preset
from tests.config.reading import parse
from tests.providers.oauth2.written import APPLE_KEY, CLIENT, JWT_AUTH, P256, key_text

SECRET = "client_secret: secret\n"
GENERIC = CLIENT + "issuer: https://login.example.com/x\n"
ENTRA = "https://login.microsoftonline.com"
ONE = "11111111-2222-3333-4444-555555555555"
TWO = "66666666-7777-8888-9999-000000000000"


def profile(text: str) -> Profile:
    return resolve(parse(OAuth2Config, text))


def test_every_preset_has_a_profile() -> None:
    assert set(PROFILES) == set(get_args(Preset))


def test_without_a_preset_it_is_as_in_the_book() -> None:
    found = profile(GENERIC + SECRET)
    issuer = "https://login.example.com/x"
    assert (found.issuer, found.announced, found.issuers) == (issuer, issuer, {issuer: None})
    assert (found.client_auth, found.response_mode) == ("basic", "query")
    assert found.scopes == ("openid", "profile", "email")
    assert found.audiences == {"gateway"}
    assert found.subject == ("sub",)
    assert found.claims == {
        "username": "preferred_username",
        "email": "email",
        "phone": "phone_number",
        "name": "name",
    }
    assert found.email_verified == ("email_verified", (True, "true"))
    assert not found.require
    assert not found.tells_name
    assert not found.id_token_claims
    assert found.needs_discovery


def test_google() -> None:
    found = profile(CLIENT + SECRET + "preset: google")
    assert found.issuer == found.announced == "https://accounts.google.com"
    assert found.issuers == {"https://accounts.google.com": None, "accounts.google.com": None}
    assert found.claims["username"] is None
    assert found.claims["email"] == "email"
    assert found.client_auth == "basic"


def test_apple() -> None:
    found = profile(APPLE_KEY)
    assert found.issuer == "https://appleid.apple.com"
    assert found.issuers == {"https://appleid.apple.com": None}
    assert found.scopes == ("openid", "name", "email")
    assert (found.response_mode, found.client_auth) == ("form_post", "apple")
    assert found.tells_name
    assert found.claims == {"username": None, "email": "email", "phone": None, "name": None}


@pytest.mark.parametrize(
    ("scopes", "mode"),
    [
        ("[openid]", "query"),
        ("[]", "query"),
        ("[name]", "form_post"),
        ("[email]", "form_post"),
        ("[openid, name, email]", "form_post"),
    ],
)
def test_apple_tells_name_and_address_to_a_form_only(scopes: str, mode: str) -> None:
    assert profile(f"{APPLE_KEY}scopes: {scopes}").response_mode == mode


def test_apples_secret_may_be_signed_elsewhere_or_not_needed() -> None:
    assert profile(CLIENT + SECRET + "preset: apple").client_auth == "post"
    assert profile(CLIENT + "preset: apple").client_auth == "none"  # ID tokens from apps alone
    assert profile(APPLE_KEY + "client_auth: basic").client_auth == "apple"


def test_github_is_plain_oauth() -> None:
    found = profile(CLIENT + SECRET + "preset: github")
    assert (found.issuer, found.announced, found.issuers) == (None, None, {})
    assert found.authorization_endpoint == "https://github.com/login/oauth/authorize"
    assert found.token_endpoint == "https://github.com/login/oauth/access_token"
    assert found.userinfo_endpoint == "https://api.github.com/user"
    assert found.emails_endpoint == "https://api.github.com/user/emails"
    assert found.scopes == ("read:user", "user:email")
    assert found.subject == ("id",)
    assert found.claims["username"] == "login"
    assert not found.needs_discovery


def test_keycloak() -> None:
    found = profile(CLIENT + "preset: keycloak\nissuer: https://sso.example.com/realms/x")
    assert found.issuers == {"https://sso.example.com/realms/x": None}
    assert found.id_token_claims == {"typ": "ID"}
    assert found.claims["username"] == "preferred_username"


# Microsoft


@pytest.mark.parametrize(
    ("text", "issuer", "announced", "tenants"),
    [
        pytest.param(f"tenants: [{ONE}]", ONE, ONE, [ONE], id="one tenant"),
        pytest.param(f"issuer: {ENTRA}/{ONE}/v2.0", ONE, ONE, [ONE], id="one, by its issuer"),
        pytest.param(
            f"issuer: {ENTRA}/{ONE}/v2.0\ntenants: [{ONE}]", ONE, ONE, [ONE], id="one, said twice"
        ),
        pytest.param(
            f"tenants: [{ONE}, {TWO}]", "organizations", "{tenantid}", [ONE, TWO], id="several"
        ),
        pytest.param(
            f"issuer: {ENTRA}/common/v2.0\ntenants: [{ONE}, {CONSUMERS}]",
            "common",
            "{tenantid}",
            [ONE, CONSUMERS],
            id="and personal accounts",
        ),
        pytest.param(
            # Guests are people of the tenant if it is asked itself; here they are not.
            f"issuer: {ENTRA}/organizations/v2.0\ntenants: [{ONE}]",
            "organizations",
            "{tenantid}",
            [ONE],
            id="one, but without its guests",
        ),
        pytest.param(
            f"issuer: {ENTRA}/consumers/v2.0", CONSUMERS, CONSUMERS, [CONSUMERS], id="consumers"
        ),
        pytest.param(
            f"issuer: {ENTRA}/consumers/v2.0\ntenants: [{CONSUMERS}]",
            CONSUMERS,
            CONSUMERS,
            [CONSUMERS],
            id="consumers, said twice",
        ),
    ],
)
def test_o19_each_tenant_of_microsoft_is_an_issuer(
    text: str, issuer: str, announced: str, tenants: list[str]
) -> None:
    found = profile(f"{CLIENT}preset: microsoft\n{text}\n")
    assert found.issuer == f"{ENTRA}/{issuer}/v2.0"
    assert found.announced == f"{ENTRA}/{announced}/v2.0"
    assert found.issuers == {f"{ENTRA}/{tenant}/v2.0": tenant for tenant in tenants}


def test_national_clouds_of_microsoft() -> None:
    found = profile(
        f"{CLIENT}preset: microsoft\nissuer: https://login.microsoftonline.us/{ONE}/v2.0"
    )
    assert found.issuers == {f"https://login.microsoftonline.us/{ONE}/v2.0": ONE}


def test_people_of_microsoft_are_people_of_a_tenant() -> None:
    text = f"{CLIENT}preset: microsoft\ntenants: [{ONE}]\n"
    assert profile(text).subject == ("tid", "oid")
    assert profile(text + "claims: {subject: sub}").subject == ("tid", "sub")
    assert profile(text).email_verified[0] == "xms_edov"


# The configuration stands above the preset


COMPLETE: Mapping[str, str] = {
    "google": CLIENT + "preset: google\n",
    "apple": APPLE_KEY,
    "microsoft": f"{CLIENT}preset: microsoft\n",
    "github": CLIENT + "preset: github\n",
    "keycloak": CLIENT + "preset: keycloak\n",
}
OWN: Mapping[str, Any] = {
    "authorization_endpoint": "https://sso.example.com/a",
    "token_endpoint": "https://sso.example.com/t",
    "userinfo_endpoint": "https://sso.example.com/u",
    "emails_endpoint": "https://sso.example.com/e",
    "jwks_uri": "https://sso.example.com/k",
    "scopes": ["openid", "own"],
    "response_mode": "form_post",
}


@pytest.mark.parametrize("preset", PROFILES)
def test_own_keys_come_before_those_of_the_preset(preset: str) -> None:
    issuer = f"https://sso.example.com/{ONE}/v2.0"
    keys = "".join(f"{key}: {json.dumps(value)}\n" for key, value in OWN.items())
    claims = "claims: {subject: number, username: login, name: null}\n"
    audiences = "audiences: [ios, android]\n"
    found = profile(f"{COMPLETE[preset]}issuer: {issuer}\n{keys}{claims}{audiences}")
    assert {key: getattr(found, key) for key in OWN} == {**OWN, "scopes": ("openid", "own")}
    assert list(found.issuers) == [issuer]
    assert found.issuer == found.announced == issuer
    assert found.subject[-1] == "number"
    assert found.claims == {**PROFILES[preset].claims, "username": "login", "name": None}
    assert found.audiences == {"gateway", "ios", "android"}
    assert not found.needs_discovery


@pytest.mark.parametrize("preset", ["google", "github"])
def test_a_default_that_is_written_out_is_the_operators(preset: str) -> None:
    text = f"{CLIENT}{SECRET}preset: {preset}\n"
    assert profile(text + "scopes: [openid, profile, email]").scopes == (
        "openid",
        "profile",
        "email",
    )
    assert profile(text + "client_auth: basic").client_auth == "basic"
    written = profile(text + "claims: {subject: sub, username: preferred_username}")
    assert written.subject == ("sub",)
    assert written.claims["username"] == "preferred_username"


@pytest.mark.parametrize(
    ("text", "method"),
    [
        ("", "none"),
        (SECRET, "basic"),
        (SECRET + "client_auth: post", "post"),
        (SECRET + "client_auth: none", "none"),
        ("client_auth: none", "none"),
        (JWT_AUTH + key_text(P256), "private_key_jwt"),
    ],
)
def test_how_the_client_proves_itself(text: str, method: str) -> None:
    assert profile(GENERIC + text).client_auth == method


@pytest.mark.parametrize("missing", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
def test_what_is_not_said_is_discovered(missing: str) -> None:
    keys = "".join(f"{k}: {json.dumps(v)}\n" for k, v in OWN.items() if k != missing)
    found = profile(GENERIC + keys)
    assert found.needs_discovery
    assert getattr(found, missing) is None


def test_required_values_are_several() -> None:
    found = profile(GENERIC + "require: {hd: example.com, n: 1, ok: true, groups: [a, b, 2]}")
    assert found.require == {
        "hd": ("example.com",),
        "n": (1,),
        "ok": (True,),
        "groups": ("a", "b", 2),
    }
