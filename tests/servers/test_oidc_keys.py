from __future__ import annotations

import base64
import hmac
import json
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from joserfc import errors, jwk
from joserfc import jwt as joserfc_jwt

from tests.servers.oidc_keys import ABSENT, Key, Shared, Unsigned, changed, jwt, read, unb64

ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"]
KEYS = {alg: Key(alg) for alg in ALGORITHMS}
CLAIMS = {"sub": "ann", "n": 1}


def signed(key: Key, header: dict[str, Any] | None = None) -> str:
    return jwt({**key.header, **(header or {})}, CLAIMS, key)


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")  # EdDSA is deprecated
@pytest.mark.parametrize("alg", ALGORITHMS)
def test_others_take_the_signature_for_good(alg: str) -> None:
    key, other = KEYS[alg], Key(alg)
    token = joserfc_jwt.decode(signed(key), jwk.import_key(dict(key.jwk)), algorithms=[alg])
    assert (token.header, token.claims) == ({"alg": alg, "kid": key.kid}, CLAIMS)
    with pytest.raises(errors.BadSignatureError):
        joserfc_jwt.decode(signed(key), jwk.import_key(dict(other.jwk)), algorithms=[alg])


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_a_key_knows_its_own_signature(alg: str) -> None:
    key = KEYS[alg]
    token = signed(key)
    assert read(token, key) == ({"alg": alg, "kid": key.kid}, CLAIMS)
    assert (key.jwk["alg"], key.jwk["kid"], key.jwk["use"]) == (alg, key.kid, "sig")
    head, body, signature = token.split(".")
    forged = [
        f"{head}.{body}.",
        f"{head}.{body}.AAAA",
        f"{head}.{body[:-4]}{body[-4:].swapcase()}.{signature}",
        signed(Key(alg)),
        jwt(key.header, CLAIMS, Unsigned()),
        jwt(key.header, CLAIMS, Shared(key.public_pem)),
    ]
    for token in forged:
        with pytest.raises(ValueError, match=r"."):
            read(token, key)


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_keys_can_be_had_as_pem(alg: str) -> None:
    key = KEYS[alg]
    private = serialization.load_pem_private_key(key.private_pem, None)
    public = serialization.load_pem_public_key(key.public_pem)
    assert private.public_key() == public
    certificate = x509.load_der_x509_certificate(base64.b64decode(key.x5c[0]))
    assert certificate.public_key() == public


@pytest.mark.parametrize("spelling", ["none", "None", "NONE", "nOnE"])
def test_a_token_can_be_unsigned(spelling: str) -> None:
    token = jwt(Unsigned(spelling).header, CLAIMS, Unsigned(spelling))
    assert token.endswith(".")
    assert read(token) == ({"alg": spelling}, CLAIMS)


def test_a_public_key_can_be_taken_for_a_secret() -> None:
    secret = KEYS["RS256"].public_pem
    signed, _, signature = jwt(Shared(secret).header, CLAIMS, Shared(secret)).rpartition(".")
    assert unb64(signature) == hmac.new(secret, signed.encode(), "sha256").digest()


def test_others_take_a_shared_secret_for_good() -> None:
    secret = b"0123456789abcdef0123456789abcdef"
    token = jwt(Shared(secret).header, CLAIMS, Shared(secret))
    key = jwk.OctKey.import_key(secret)
    assert joserfc_jwt.decode(token, key, algorithms=["HS256"]).claims == CLAIMS


@pytest.mark.parametrize(
    "header",
    [
        {"kid": None},
        {"kid": {"a": 1}},
        {"kid": "../../dev/null"},
        {"crit": ["exp"], "exp": 1},
        {"jwk": KEYS["ES256"].jwk},
        {"x5c": KEYS["ES256"].x5c},
        {"typ": "at+jwt"},
    ],
    ids=lambda header: next(iter(header)),
)
def test_a_header_can_say_anything(header: dict[str, Any]) -> None:
    token = signed(KEYS["ES256"], header)
    assert read(token, KEYS["ES256"])[0] == {**KEYS["ES256"].header, **header}


def test_a_part_can_be_no_json_at_all() -> None:
    key = KEYS["EdDSA"]
    token = jwt(b'{"alg":"EdDSA","alg":"none"}', b"[", key)
    head, body, signature = token.split(".")
    assert (unb64(head), unb64(body)) == (b'{"alg":"EdDSA","alg":"none"}', b"[")
    assert key.verifies(f"{head}.{body}".encode(), unb64(signature))


def test_entries_are_changed_added_and_taken_out() -> None:
    assert changed({"a": 1, "b": 2}, {"b": ABSENT, "c": None}) == {"a": 1, "c": None}
    assert changed({}, {"a": ABSENT}) == {}


def test_every_key_is_another() -> None:
    assert Key("ES256").kid != Key("ES256").kid
    assert json.dumps(Key("ES256").jwk) != json.dumps(Key("ES256").jwk)
