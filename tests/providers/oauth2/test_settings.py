"""The configuration of an identity provider: what is refused, and what is filled in."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa

from providers.oauth2.settings import OAuth2Config
from tests.config.reading import parse, refused
from tests.providers.oauth2.written import (
    APPLE,
    APPLE_KEY,
    CLIENT,
    JWT_AUTH,
    P256,
    P384,
    P521,
    PUBLIC,
    RSA,
    key_text,
    pem,
)
from tests.servers.tls import Authority

GOOD = CLIENT + "issuer: https://login.example.com\n"
SECRET = "client_secret: s3cret-of-the-client\n"
PLAIN = (
    CLIENT
    + "authorization_endpoint: https://git.example.com/authorize\n"
    + "token_endpoint: https://git.example.com/token\n"
    + "userinfo_endpoint: https://git.example.com/user\n"
)
TENANT = "11111111-2222-3333-4444-555555555555"
OTHER_TENANT = "66666666-7777-8888-9999-000000000000"
MICROSOFT = CLIENT + "preset: microsoft\n"
ENTRA = "https://login.microsoftonline.com"


def test_client_id_is_needed() -> None:
    (found,) = refused(OAuth2Config, "issuer: https://login.example.com")
    assert found == "1:1: client_id: required key is missing"
    (found,) = refused(OAuth2Config, "issuer: https://login.example.com\nclient_id: ''")
    assert found == "2:12: client_id: must not be empty"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("preset: facebook", "3:9: preset: must be 'google',"),
        ("client_secret: ''", "3:16: client_secret: must not be empty"),
        ("client_auth: tls", "3:14: client_auth: must be 'basic',"),
        ("client_auth: basic", "1:1: client_auth: basic needs client_secret"),
        ("client_auth: post", "1:1: client_auth: post needs client_secret"),
        (JWT_AUTH, "1:1: client_auth: private_key_jwt needs private_key"),
        (JWT_AUTH + SECRET, "1:1: client_auth: private_key_jwt needs private_key"),
        ("key_id: ''", "3:9: key_id: must not be empty"),
        ("audiences: gateway", "3:12: audiences: must be a list"),
        ("audiences: ['']", "3:13: audiences.0: must not be empty"),
        ("scopes: openid profile", "3:9: scopes: must be a list"),
        ("scopes: [openid profile]", "3:10: scopes.0: must be one scope, without spaces"),
        ("scopes: [openid, '']", "3:18: scopes.1: must be one scope"),
        ("scopes: [openid, 'a\"b']", "3:18: scopes.1: must be one scope"),
        ("scopes: [openid, 'a\\b']", "3:18: scopes.1: must be one scope"),
        ("scopes: [profile]", "1:1: scopes must hold openid"),
        ("scopes: []", "1:1: scopes must hold openid"),
        ("algorithms: []", "3:13: algorithms: must not be empty"),
        *(
            (f"algorithms: [RS256, {alg}]", "3:21: algorithms.1: must be 'RS256',")
            for alg in ("none", "None", "HS256", "HS384", "HS512", "rs256", "ES256K", "RS1")
        ),
        ("claims: {mail: mail}", "3:10: claims.mail: unknown key"),
        ("claims: {username: ''}", "3:20: claims.username: must not be empty"),
        ("claims: {subject: null}", "3:19: claims.subject: must be text"),
        *(
            (f"claims: {{{claims}}}", "3:9: claims: subject must be a claim that never changes")
            for claims in (
                "subject: email",
                "subject: phone_number",
                "subject: email, email: null",
                "subject: phone_number, phone: null",
                "subject: mail, email: mail",
                "subject: msisdn, phone: msisdn",
            )
        ),
        ("require: {hd: null}", "3:10: require: values must be text"),
        ("require: {hd: ''}", "3:10: require: values must be text"),
        ("require: {hd: []}", "3:10: require: values must be text"),
        ("require: {hd: 1.5}", "3:10: require: values must be text"),
        ("require: {hd: [a, null]}", "3:10: require: values must be text"),
        ("require: {hd: [[a]]}", "3:10: require: values must be text"),
        ("require: {hd: {a: b}}", "3:10: require: values must be text"),
        ("require: {'': a}", "3:11: require"),
        ("response_mode: fragment", "3:16: response_mode: must be 'query' or 'form_post'"),
        ("authorization_params: {max_age: 3}", "3:33: authorization_params.max_age: must be text"),
        *(
            (
                f"authorization_params: {{prompt: login, {name}: a-value}}",
                f"3:23: authorization_params: must not set {name}: that is the gateway's",
            )
            for name in (
                "state",
                "nonce",
                "client_id",
                "client_secret",
                "redirect_uri",
                "response_type",
                "code_challenge",
                "code_challenge_method",
                "response_mode",
                "scope",
                "request",
                "request_uri",
            )
        ),
        (
            "authorization_params: {state: x, nonce: y}",
            "3:23: authorization_params: must not set nonce, state",
        ),
        ("require_nonce: 'yes'", "3:16: require_nonce: must be true or false"),
        ("max_token_age: 0s", "3:16: max_token_age: must be a duration"),
        ("clock_skew: 61s", "3:13: clock_skew: must be at most 1m"),
        ("timeout: 21s", "3:10: timeout: must be at most 20s"),
        ("ca_file: nowhere.pem", "3:10: ca_file: cannot read the file"),
        ("ca_file: junk.pem", "3:10: ca_file: cannot be used as PEM"),
        ("clientid: x", '3:1: clientid: unknown key; did you mean "client_id"?'),
    ],
)
def test_refused_configuration(
    text: str, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("junk.pem").write_text("junk")
    (found,) = refused(OAuth2Config, GOOD + text)
    assert problem in found
    assert "a-value" not in found
    assert "s3cret" not in found


# Where the identity provider is


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (CLIENT, "needs issuer, or authorization_endpoint and token_endpoint"),
        (CLIENT + "preset: keycloak", "preset: keycloak needs issuer, the URL of the realm"),
        (
            PLAIN + "jwks_uri: https://git.example.com/keys",
            "jwks_uri needs issuer",
        ),
        *(
            (
                "".join(line for line in PLAIN.splitlines(True) if not line.startswith(missing)),
                problem,
            )
            for missing, problem in (
                ("authorization_endpoint", "authorization_endpoint and token_endpoint"),
                ("token_endpoint", "authorization_endpoint and token_endpoint"),
                ("userinfo_endpoint", "userinfo_endpoint: what tells who signs in?"),
            )
        ),
    ],
)
def test_identity_provider_must_be_known(text: str, problem: str) -> None:
    (found,) = refused(OAuth2Config, text)
    assert found.startswith("1:1: ")
    assert problem in found


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        PLAIN,
        PLAIN + "scopes: []",
        PLAIN + SECRET + "claims: {subject: id, username: login}",
        CLIENT + "preset: google",
        CLIENT + "preset: github",
        CLIENT + "preset: keycloak\nissuer: https://sso.example.com/realms/x",
        GOOD + "jwks_uri: https://login.example.com/keys",
        GOOD + SECRET + "client_auth: post",
        GOOD + "client_auth: none",
        GOOD + "algorithms: [RS384, RS512, PS384, PS512, ES384, EdDSA]",
        GOOD + "claims: {username: null, email: null, phone: null, name: null}",
        GOOD + "require: {hd: example.com, n: 1, b: true, l: [a, 1, false]}",
        GOOD + "authorization_params: {prompt: select_account, acr_values: mfa}",
        GOOD + "clock_skew: 60s\ntimeout: 20s",
        GOOD + "scopes: [openid, 'https://example.com/scope', 'a:b/c.d_e']",
    ],
)
def test_accepted_configuration(text: str) -> None:
    parse(OAuth2Config, text)


# Microsoft


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (MICROSOFT, "needs tenants, the ids of the directories"),
        (MICROSOFT + "tenants: []", "needs tenants"),
        *(
            (f"{MICROSOFT}issuer: {ENTRA}/{word}/v2.0", "needs tenants")
            for word in ("common", "organizations")
        ),
        *(
            (f"{MICROSOFT}tenants: ['{tenant}']", "tenants.0: must be the id of a tenant")
            for tenant in (
                "",
                "common",
                "contoso.onmicrosoft.com",
                TENANT.replace("-", ""),
                f"{TENANT}0",
            )
        ),
        (
            f"{MICROSOFT}tenants: [aaaaaaaa-2222-3333-4444-55555555555F]",
            "tenants.0: must be the id of a tenant",
        ),
        *(
            (f"{MICROSOFT}tenants: [{TENANT}]\nissuer: {issuer}", "issuer must be https://login.mi")
            for issuer in (
                f"{ENTRA}/{TENANT}",
                f"{ENTRA}/{TENANT}/v2.0/",
                f"{ENTRA}/{TENANT}/v1.0",
                f"{ENTRA}/contoso.com/v2.0",
                f"{ENTRA}/v2.0",
                f"https://sts.windows.net/{TENANT}/",
            )
        ),
        (
            f"{MICROSOFT}tenants: [{OTHER_TENANT}]\nissuer: {ENTRA}/{TENANT}/v2.0",
            "tenants: the issuer is one tenant alone",
        ),
        (
            f"{MICROSOFT}tenants: [{TENANT}, {OTHER_TENANT}]\nissuer: {ENTRA}/{TENANT}/v2.0",
            "tenants: the issuer is one tenant alone",
        ),
        (
            f"{MICROSOFT}tenants: [{TENANT}]\nissuer: {ENTRA}/consumers/v2.0",
            "tenants: the issuer is one tenant alone",
        ),
        (f"{GOOD}tenants: [{TENANT}]", "tenants are for preset: microsoft"),
        (f"{CLIENT}preset: google\ntenants: [{TENANT}]", "tenants are for preset: microsoft"),
    ],
)
def test_whose_people_sign_in_by_microsoft_must_be_said(text: str, problem: str) -> None:
    (found,) = refused(OAuth2Config, text)
    assert problem in found
    assert TENANT not in found


# Keys


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ("junk", "must be a private key in PEM"),
        (PUBLIC, "must be a private key in PEM"),
        (P256[:100], "must be a private key in PEM"),
        (pem(ec.generate_private_key(ec.SECP256R1()), "word"), "must not be encrypted"),
        (pem(rsa.generate_private_key(65537, 1024)), "must have at least 2048 bits"),
        (pem(ed25519.Ed25519PrivateKey.generate()), "must be an RSA key, or one of the curves"),
        (pem(ec.generate_private_key(ec.SECP256K1())), "must be an RSA key, or one of the curves"),
        (pem(dsa.generate_private_key(2048)), "must be an RSA key, or one of the curves"),
    ],
    ids=["junk", "public", "cut", "encrypted", "short", "Ed25519", "secp256k1", "DSA"],
)
def test_private_key_must_be_one_that_signs(key: str, problem: str) -> None:
    (found,) = refused(OAuth2Config, GOOD + JWT_AUTH + key_text(key))
    assert found.startswith(f"4:14: private_key: {problem}")


@pytest.mark.parametrize("key", [RSA, P256, P384, P521], ids=["RSA", "P-256", "P-384", "P-521"])
def test_private_key_signs_for_the_client(key: str) -> None:
    parse(OAuth2Config, GOOD + JWT_AUTH + key_text(key))
    (found,) = refused(OAuth2Config, GOOD + key_text(key))
    assert "private_key is for client_auth: private_key_jwt" in found


@pytest.mark.parametrize("key", [RSA, P384, P521], ids=["RSA", "P-384", "P-521"])
def test_key_of_apple_is_of_one_curve(key: str) -> None:
    (found,) = refused(OAuth2Config, f"{APPLE}team_id: T\nkey_id: K\n{key_text(key)}")
    assert "private_key: must be the key that Apple gave: one of the curve P-256" in found


@pytest.mark.parametrize("missing", ["team_id", "key_id", "private_key"])
def test_what_apple_needs_goes_together(missing: str) -> None:
    parse(OAuth2Config, APPLE_KEY)
    text = "".join(line for line in APPLE_KEY.splitlines(True) if not line.startswith(missing))
    (found,) = refused(OAuth2Config, text)
    assert found == "1:1: team_id, key_id and private_key go together"


def test_team_is_for_apple() -> None:
    (found,) = refused(OAuth2Config, GOOD + "team_id: T")
    assert found == "1:1: team_id is for preset: apple"


def test_secrets_are_not_shown() -> None:
    config = parse(OAuth2Config, GOOD + SECRET + JWT_AUTH + key_text(P256))
    shown = repr(config) + str(config) + str(config.model_dump())
    assert "s3cret" not in shown
    assert "PRIVATE" not in shown
    (found,) = refused(OAuth2Config, GOOD + "preset: s3cret")
    assert "s3cret" not in found


# Defaults


def test_defaults_are_those_of_the_contract() -> None:
    config = parse(OAuth2Config, GOOD + SECRET)
    assert config.algorithms == ["RS256", "ES256", "PS256"]
    assert config.scopes == ["openid", "profile", "email"]
    assert config.client_auth == "basic"
    assert config.claims.model_dump() == {
        "subject": "sub",
        "username": "preferred_username",
        "email": "email",
        "phone": "phone_number",
        "name": "name",
    }
    assert config.require == {}
    assert config.preset is None
    assert config.allow_private_network is False
    assert (config.clock_skew, config.timeout, config.max_token_age) == (30.0, 10.0, 600.0)
    assert config.profile.audiences == {"gateway"}


def test_schema_tells_the_defaults() -> None:
    properties = OAuth2Config.model_json_schema()["properties"]
    assert properties["algorithms"]["default"] == ["RS256", "ES256", "PS256"]
    assert properties["scopes"]["default"] == ["openid", "profile", "email"]
    assert properties["client_auth"]["default"] == "basic"
    assert properties["timeout"]["default"] == "10s"


def test_authority_is_read(tmp_path: Path) -> None:
    ca_file = Authority(tmp_path).ca_file
    assert parse(OAuth2Config, f"{GOOD}ca_file: {ca_file}").ca_file == ca_file
