"""A key set, of which only what can show who signed is of use."""

from __future__ import annotations

import functools
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jws import JWSRegistry

from providers.oauth2 import jwks
from providers.oauth2.jwks import MAX_KEYS
from tests.servers.oidc_keys import ABSENT, Key, b64, changed, number

RSA_ALGORITHMS = {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}


@functools.cache
def key(alg: str) -> Key:
    return Key(alg, kid="k1")


def entry(of: str = "RS256", /, **changes: Any) -> dict[str, Any]:
    return changed(key(of).jwk, changes)


def read(*entries: Any) -> list[tuple[str | None, set[str]]]:
    found = jwks.read({"keys": list(entries)})
    return [(each.id, set(each.algorithms)) for each in found]


@pytest.mark.parametrize("alg", ["RS256", "PS256", "ES256", "EdDSA"])
def test_key_is_read_and_verifies(alg: str) -> None:
    (found,) = jwks.read({"keys": [entry(alg)]})
    assert (found.id, set(found.algorithms)) == ("k1", {alg})
    assert JWSRegistry.algorithms[alg].verify(b"said", key(alg).sign(b"said"), found.key)


@pytest.mark.parametrize(
    ("told", "algorithms"),
    [
        pytest.param(entry(alg=ABSENT), RSA_ALGORITHMS, id="rsa"),
        pytest.param(entry(alg=None), RSA_ALGORITHMS, id="null"),
        pytest.param(entry("ES256", alg=ABSENT), {"ES256"}, id="p-256"),
        pytest.param(entry("EdDSA", alg=ABSENT), {"EdDSA"}, id="ed25519"),
        pytest.param(entry("EdDSA", alg="Ed25519"), {"EdDSA"}, id="rfc-9864"),
        pytest.param(entry(alg="PS384"), {"PS384"}, id="ps384"),
        pytest.param(entry(use=ABSENT), {"RS256"}, id="no-use"),
        pytest.param(entry(key_ops=["verify"]), {"RS256"}, id="key-ops"),
        pytest.param(entry(x5c=["junk"], x5u="https://evil.example/"), {"RS256"}, id="x5"),
        pytest.param(entry(issuer="https://idp/{tenantid}/v2.0"), {"RS256"}, id="microsoft"),
    ],
)
def test_o4_key_is_for_what_it_can_and_may_sign(told: Any, algorithms: set[str]) -> None:
    assert read(told) == [("k1", algorithms)]


def test_o4_p384_is_for_es384() -> None:
    point = ec.generate_private_key(ec.SECP384R1()).public_key().public_numbers()
    assert read(
        {"kty": "EC", "crv": "P-384", "x": number(point.x, 48), "y": number(point.y, 48)}
    ) == [(None, {"ES384"})]


def small(bits: int) -> dict[str, Any]:
    numbers = rsa.generate_private_key(65537, bits).public_key().public_numbers()
    return {"kty": "RSA", "n": number(numbers.n), "e": "AQAB", "kid": "small"}


SYMMETRIC = {"kty": "oct", "k": b64(b"x" * 32), "kid": "k1", "alg": "HS256", "use": "sig"}
JUNK: dict[str, Any] = {
    "symmetric": SYMMETRIC,
    "symmetric-for-rs256": SYMMETRIC | {"alg": "RS256"},
    "symmetric-with-rsa": entry() | {"kty": "oct", "k": b64(b"x" * 32)},
    "encryption": entry(use="enc"),
    "use-null": entry(use=None),
    "use-junk": entry(use=["sig"]),
    "key-ops-sign": entry(key_ops=["sign"]),
    "key-ops-none": entry(key_ops=[]),
    "key-ops-text": entry(key_ops="verify"),
    "key-ops-null": entry(key_ops=None),
    "private": entry(d=b64(b"x" * 256)),
    "private-null": entry(d=None),
    "1024-bits": small(1024),
    "2047-bits": small(2047),
    "padded-to-2048-bits": small(1024) | {"n": b64(b"\0" * 128) + small(1024)["n"]},
    "alg-none": entry(alg="none"),
    "alg-hs256": entry(alg="HS256"),
    "alg-of-another-kind": entry(alg="ES256"),
    "alg-of-another-curve": entry("ES256", alg="ES384"),
    "alg-list": entry(alg=["RS256"]),
    "alg-number": entry(alg=256),
    "kid-number": entry(kid=1),
    "kid-list": entry(kid=["k1"]),
    "kid-long": entry(kid="k" * 1_000_000),
    "kty-unknown": entry(kty="AKP"),
    "kty-absent": entry(kty=ABSENT),
    "kty-list": entry(kty=["RSA"]),
    "kty-of-another": entry("ES256", kty="RSA"),
    "crv-unknown": entry("ES256", crv="P-521"),
    "crv-of-another": entry("ES256", crv="P-384"),
    "crv-of-rsa": entry(crv="P-256"),
    "crv-x25519": entry("EdDSA", crv="X25519"),
    "not-on-the-curve": entry("ES256", x=b64(b"\x01" * 32)),
    "n-absent": entry(n=ABSENT),
    "n-empty": entry(n=""),
    "n-number": entry(n=65537),
    "n-null": entry(n=None),
    "n-junk": entry(n="!" * 342),
    "n-not-ascii": entry(n="\u00e9" * 342),
    "n-huge": entry(n="A" * 100_000),
    "e-one": entry(e="AQ"),
    "e-even": entry(e="AA"),
    "e-empty": entry(e=""),
    "x-short": entry("EdDSA", x="AA"),
    "text": "junk",
    "null": None,
    "number": 1,
    "list": [],
    "nothing": {},
}


@pytest.mark.parametrize("junk", JUNK.values(), ids=JUNK)
def test_o4_a99_junk_among_good_keys_is_left_out(junk: Any) -> None:
    assert read(junk) == []
    assert read(junk, entry("ES256"), junk) == [("k1", {"ES256"})]


def test_key_that_is_listed_twice_is_one() -> None:
    assert read(entry(), entry(issuer="x"), entry()) == [("k1", {"RS256"})]


def test_name_may_stand_for_several_keys() -> None:
    other = Key("RS256", kid="k1").jwk
    assert read(entry(), other, entry("ES256")) == [("k1", {"RS256"})] * 2 + [("k1", {"ES256"})]


def test_key_may_have_no_name() -> None:
    assert read(entry(kid=ABSENT), entry("ES256", kid=None)) == [
        (None, {"RS256"}),
        (None, {"ES256"}),
    ]


@pytest.mark.parametrize("keys", [None, {}, "keys", 1, {"0": entry()}])
def test_a99_what_is_no_key_set_is_refused(keys: Any) -> None:
    with pytest.raises(ValueError, match=r"^has no list of keys$"):
        jwks.read({"keys": keys})
    with pytest.raises(ValueError, match=r"^has no list of keys$"):
        jwks.read({})


def test_a99_too_many_keys_are_refused() -> None:
    assert len(read(*[entry(kid=str(each)) for each in range(MAX_KEYS)])) == MAX_KEYS
    with pytest.raises(ValueError, match=r"^has more than 100 keys$"):
        read(*[entry()] * (MAX_KEYS + 1))


def test_nothing_but_numbers_is_kept_of_a_key() -> None:
    (found,) = jwks.read({"keys": [entry(x5u="https://evil.example/", key_ops=["verify"])]})
    assert set(found.key.dict_value) == {"kty", "n", "e"}


NAMES = st.sampled_from(
    ["kty", "kid", "alg", "use", "key_ops", "crv", "n", "e", "x", "y", "d", "k"]
)
WORDS = st.sampled_from(
    ["RSA", "EC", "OKP", "oct", "P-256", "Ed25519", "RS256", "sig", "verify", "AQAB"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.lists(st.dictionaries(NAMES, VALUES) | VALUES, max_size=5), st.data())
def test_a99_no_junk_upsets_the_reader(entries: list[Any], data: st.DataObject) -> None:
    spoilt = entry(data.draw(st.sampled_from(["RS256", "ES256", "EdDSA"])))
    spoilt[data.draw(NAMES)] = data.draw(VALUES)
    for found in jwks.read({"keys": [*entries, spoilt]}):
        assert found.algorithms <= RSA_ALGORITHMS | {"ES256", "ES384", "EdDSA"}
