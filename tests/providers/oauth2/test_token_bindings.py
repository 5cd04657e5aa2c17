"""What binds an ID token to whoever brings it: a nonce, an access token, that it is good once."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest

from providers import Rejected
from tests.providers.oauth2.signing import (
    ALGORITHMS,
    EVERY,
    NONCE,
    NOW,
    at,
    from_app,
    key,
    proof_of,
    refusal,
    token,
    verifier,
)
from tests.servers.oidc_keys import ABSENT, b64, unb64

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


# Nonces


def hexed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def base64url(text: str) -> str:
    return b64(hashlib.sha256(text.encode()).digest())


@pytest.mark.parametrize("told", [NONCE, hexed(NONCE), base64url(NONCE)])
async def test_o3_a91_nonce_raw_or_hashed(told: str) -> None:
    assert await from_app(token({"nonce": told}), nonce=NONCE)
    assert await verifier().for_code(token({"nonce": told}), nonce=NONCE, access_token=None)


@pytest.mark.parametrize(
    "told",
    [
        "other",
        NONCE.upper(),
        NONCE + " ",
        "",
        hexed(NONCE).upper(),
        hexed(NONCE)[:-1],
        hexed(hexed(NONCE)),
        base64url(NONCE) + "=",
        base64.b64encode(hashlib.sha256(NONCE.encode()).digest()).decode() + "x",
        hexed(""),
        None,
        0,
        True,
        [NONCE],
        {NONCE: 1},
    ],
)
async def test_o3_a91_nonce_that_is_another_one(told: Any) -> None:
    bad = token({"nonce": told})
    assert await refusal(bad, nonce=NONCE) == "the nonce is another one"
    for verify in (verifier().for_code, verifier().for_trip):
        with pytest.raises(Rejected, match="the nonce is another one"):
            await verify(bad, nonce=NONCE, access_token=None)


async def test_a91_the_hash_of_a_nonce_shows_nothing() -> None:
    """Whoever has read the token knows the hash, and not what it is the hash of."""
    bad = token({"nonce": NONCE})
    assert await refusal(bad, nonce=hexed(NONCE)) == "the nonce is another one"


@pytest.mark.parametrize("nonce", [NONCE, "", None])
async def test_o3_a_nonce_on_one_side_only(nonce: Any) -> None:
    one_side = "a nonce on one side only: of the token, or beside it"
    assert await refusal(token({"nonce": nonce})) == one_side
    assert await refusal(token(), nonce=NONCE) == one_side
    assert await refusal(token(), nonce="") == one_side


async def test_o3_codes_of_apps_bind_by_themselves() -> None:
    tokens = verifier()
    assert await tokens.for_code(token({"nonce": NONCE}), nonce=None, access_token=None)
    assert await tokens.for_code(token(), nonce=None, access_token=None)
    with pytest.raises(Rejected, match="the nonce is another one"):
        await tokens.for_code(token(), nonce=NONCE, access_token=None)


async def test_o3_trips_of_browsers_are_bound_to_their_nonce() -> None:
    tokens = verifier()
    assert await tokens.for_trip(token({"nonce": NONCE}), nonce=NONCE, access_token=None)
    for told in (ABSENT, hexed(NONCE), base64url(NONCE)):
        with pytest.raises(Rejected, match="the nonce is another one"):
            await tokens.for_trip(token({"nonce": told}), nonce=NONCE, access_token=None)


async def test_o3_a_nonce_can_be_asked_for() -> None:
    detail = await refusal(token(), require_nonce=True)
    assert detail == "no nonce, which require_nonce asks for"
    assert await from_app(token({"nonce": NONCE}), nonce=NONCE, require_nonce=True)
    strict = verifier(require_nonce=True)
    assert await strict.for_code(token(), nonce=None, access_token=None)


async def test_a_nonce_of_any_text() -> None:
    assert "nonce" in await refusal(token({"nonce": NONCE}), nonce="\ud800\N{SNOWMAN}")
    assert await from_app(token({"nonce": "\N{SNOWMAN}"}), nonce="\N{SNOWMAN}")


# The access token beside it


def at_hash(alg: str, access_token: str) -> str:
    """OpenID Connect Core 3.1.3.8, of the hash function of the algorithm."""
    name = "sha512" if alg == "EdDSA" else f"sha{alg[2:]}"
    digest = hashlib.new(name, access_token.encode()).digest()
    return b64(digest[: len(digest) // 2])


@pytest.mark.parametrize("alg", ALGORITHMS)
async def test_access_token_is_the_one_of_the_id_token(alg: str) -> None:
    bound = token({"at_hash": at_hash(alg, "t0ken")}, by=key(alg))
    assert await from_app(bound, access_token="t0ken", **EVERY)
    assert await from_app(bound, **EVERY)
    assert "at_hash" in await refusal(bound, access_token="other", **EVERY)


@pytest.mark.parametrize(
    "told", ["", None, 1, ["x"], at_hash("RS512", "t0ken"), "77QmUPtjPfzWtF2A"]
)
async def test_access_token_of_somebody_else(told: Any) -> None:
    bound = token({"at_hash": told})
    assert "at_hash" in await refusal(bound, access_token="t0ken")
    with pytest.raises(Rejected, match="at_hash"):
        await verifier().for_code(bound, nonce=None, access_token="t0ken")
    with pytest.raises(Rejected, match="at_hash"):
        await verifier().for_trip(bound, nonce=NONCE, access_token="t0ken")


async def test_not_every_issuer_hashes_access_tokens() -> None:
    assert await from_app(token(), access_token="t0ken")


def test_at_hash_of_the_book() -> None:
    """OpenID Connect Core A.3."""
    assert at_hash("RS256", "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y") == (
        "77QmUPtjPfzWtF2AnpK9RQ"
    )


# Once


async def test_o7_a_token_from_an_app_is_used_up() -> None:
    one, two = token(by=key("ES256")), token({"jti": "2"}, by=key("ES256"))
    assert await proof_of(one) == await proof_of(one)
    assert (await proof_of(one)).id != (await proof_of(two)).id
    assert one.rpartition(".")[2] not in (await proof_of(one)).id


async def test_o7_a_second_signature_of_one_token_is_no_second_token() -> None:
    """Of r and s, anybody makes r and n - s, which is as good."""
    head, body, signature = token(by=key("ES256")).split(".")
    raw = unb64(signature)
    s = P256_ORDER - int.from_bytes(raw[32:], "big")
    twin = f"{head}.{body}.{b64(raw[:32] + s.to_bytes(32, 'big'))}"
    original = f"{head}.{body}.{signature}"
    assert twin != original
    assert await proof_of(twin) == await proof_of(original)


async def test_o7_another_spelling_of_a_signature_is_no_second_token() -> None:
    """The last letter of base64 has bits that say nothing."""
    original = token()
    proof = await proof_of(original)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for letter in letters:
        try:
            assert await proof_of(original[:-1] + letter) == proof
        except Rejected:
            continue


@pytest.mark.parametrize(
    ("seconds", "keys", "lifetime"),
    [
        ({}, {}, 330),
        ({"exp": 3600}, {}, 630),
        ({"exp": 3600, "iat": -300}, {}, 330),
        ({"exp": -10}, {}, 20),
        ({"exp": 10**9}, {"max_token_age": "1h"}, 3630),
        ({}, {"clock_skew": "1s"}, 301),
        ({"exp": 10**9, "iat": 30}, {}, 660),
    ],
)
async def test_o7_a_used_token_is_remembered_until_it_is_refused_anyway(
    seconds: dict[str, Any], keys: dict[str, Any], lifetime: float
) -> None:
    unverified = at(**seconds)
    assert (await proof_of(unverified, **keys)).lifetime == lifetime
    later = NOW + lifetime
    assert await proof_of(unverified, clock=lambda: later - 0.01, **keys)
    assert await refusal(unverified, clock=lambda: later, **keys)


async def test_what_a_code_was_good_for_comes_once_by_itself() -> None:
    bound = token({"nonce": NONCE})
    tokens = verifier()
    assert (await tokens.for_code(bound, nonce=None, access_token=None)).proof is None
    assert (await tokens.for_trip(bound, nonce=NONCE, access_token=None)).proof is None
