"""Which client the gateway is: each way as its standard has it."""

from __future__ import annotations

import base64
import time
from typing import Any, Literal

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from providers.oauth2 import client_auth

ISSUER = "https://login.example.com"


def pem_of(key: Any) -> str:
    encoded: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return encoded.decode()


EC = pem_of(ec.generate_private_key(ec.SECP256R1()))
RSA = pem_of(rsa.generate_private_key(65537, 2048))


def read(token: str, pem: str, kind: Literal["RSA", "EC"]) -> tuple[dict[str, Any], dict[str, Any]]:
    key = RSAKey.import_key(pem) if kind == "RSA" else ECKey.import_key(pem)
    algorithms = ["RS256", "ES256", "ES384", "ES512"]
    read = jwt.decode(token, key, algorithms=algorithms)
    return dict(read.header), dict(read.claims)


# A shared secret


@pytest.mark.parametrize(
    ("client_id", "secret", "pair"),
    [
        ("s6BhdRkqt3", "7Fjfp0ZBr1KtDRbnfVdmIw", b"s6BhdRkqt3:7Fjfp0ZBr1KtDRbnfVdmIw"),
        pytest.param("a:b", "c:d", b"a%3Ab:c%3Ad", id="the colon divides"),
        pytest.param("a b", "p+w/=&%", b"a+b:p%2Bw%2F%3D%26%25", id="what forms encode"),
        pytest.param("ä", "\U0001f511", b"%C3%A4:%F0%9F%94%91", id="not ASCII"),
        pytest.param("a-b._~", "*", b"a-b._~:%2A", id="unreserved"),
    ],
)
def test_basic_is_form_encoded_first(client_id: str, secret: str, pair: bytes) -> None:
    headers, form = client_auth.basic(client_id, secret)(ISSUER)
    assert headers == {"Authorization": "Basic " + base64.b64encode(pair).decode()}
    assert form == {}


def test_post_puts_both_into_the_form() -> None:
    credentials = client_auth.post("me", "p+w &")(ISSUER)
    assert credentials == ({}, {"client_id": "me", "client_secret": "p+w &"})


def test_public_client_says_only_who_it_is() -> None:
    assert client_auth.public("me")(ISSUER) == ({}, {"client_id": "me"})


# A key


def test_private_key_jwt_is_an_assertion_for_the_issuer() -> None:
    headers, form = client_auth.private_key_jwt("me", EC, "key-1")(ISSUER)
    assert headers == {}
    assert form["client_id"] == "me"
    assert form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    header, claims = read(form["client_assertion"], EC, "EC")
    assert header == {"alg": "ES256", "typ": "JWT", "kid": "key-1"}
    assert (claims["iss"], claims["sub"], claims["aud"]) == ("me", "me", ISSUER)
    assert abs(claims["iat"] - time.time()) < 30
    assert claims["exp"] - claims["iat"] == client_auth.LIFETIME <= 300
    assert {*form} == {"client_id", "client_assertion_type", "client_assertion"}


def test_each_assertion_is_another_one() -> None:
    authenticate = client_auth.private_key_jwt("me", EC, None)
    ids = set()
    for _ in range(3):
        header, claims = read(authenticate(ISSUER).form["client_assertion"], EC, "EC")
        assert "kid" not in header
        ids.add(claims["jti"])
    assert len(ids) == 3


@pytest.mark.parametrize(
    ("pem", "kind", "algorithm"),
    [
        (RSA, "RSA", "RS256"),
        (EC, "EC", "ES256"),
        (pem_of(ec.generate_private_key(ec.SECP384R1())), "EC", "ES384"),
        (pem_of(ec.generate_private_key(ec.SECP521R1())), "EC", "ES512"),
    ],
    ids=["RSA", "P-256", "P-384", "P-521"],
)
def test_the_key_decides_on_the_algorithm(
    pem: str, kind: Literal["RSA", "EC"], algorithm: str
) -> None:
    form = client_auth.private_key_jwt("me", pem, None)(ISSUER).form
    header, _ = read(form["client_assertion"], pem, kind)
    assert header["alg"] == algorithm


@pytest.mark.parametrize(
    "pem",
    [
        "",
        "secret",
        pem_of(ed25519.Ed25519PrivateKey.generate()),
        pem_of(dsa.generate_private_key(2048)),
        pem_of(ec.generate_private_key(ec.SECP256K1())),
    ],
    ids=["empty", "no PEM", "Ed25519", "DSA", "another curve"],
)
def test_what_is_no_key_to_sign_with_is_refused_at_once(pem: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        client_auth.private_key_jwt("me", pem, None)
    assert not pem or pem not in str(caught.value)


def test_apples_secret_is_signed_by_the_team() -> None:
    headers, form = client_auth.apple("com.example.web", EC, "KEY9", "TEAM42")(ISSUER)
    assert headers == {}
    assert {*form} == {"client_id", "client_secret"}
    assert form["client_id"] == "com.example.web"
    header, claims = read(form["client_secret"], EC, "EC")
    assert (header["alg"], header["kid"]) == ("ES256", "KEY9")
    assert claims["iss"] == "TEAM42"
    assert claims["sub"] == "com.example.web"
    assert claims["aud"] == "https://appleid.apple.com"
    assert claims["exp"] - claims["iat"] <= 15777000  # what Apple allows
