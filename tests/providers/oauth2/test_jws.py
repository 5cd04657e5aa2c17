"""Signatures and headers: which are believed, and what is no token at all."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers import Rejected
from providers.oauth2.jws import MAX_TOKEN
from tests.providers.oauth2.signing import (
    ALGORITHMS,
    CLAIMS,
    EVERY,
    JSON,
    Published,
    from_app,
    key,
    public,
    refusal,
    token,
)
from tests.servers.oidc_keys import ABSENT, Key, Shared, Unsigned, b64, jwt, unb64

# Signatures


@pytest.mark.parametrize("alg", ALGORITHMS)
async def test_o4_every_algorithm(alg: str) -> None:
    signed = await from_app(token(by=key(alg)), **EVERY)
    assert signed.claims == CLAIMS


@pytest.mark.parametrize("alg", ALGORITHMS)
async def test_o4_a_signature_is_of_these_very_words(alg: str) -> None:
    head, body, signature = token(by=key(alg)).split(".")
    _, other, _ = token({"sub": "eve"}, by=key(alg)).split(".")
    assert await refusal(f"{head}.{other}.{signature}", **EVERY) == "the signature is wrong"
    first = unb64(signature)
    bent = b64(bytes([first[0] ^ 1]) + first[1:])
    assert await refusal(f"{head}.{body}.{bent}", **EVERY) == "the signature is wrong"
    for cut in (b64(first[:-1]), b64(first + b"\0"), "AA"):
        assert await refusal(f"{head}.{body}.{cut}", **EVERY) == "the signature is wrong"


@pytest.mark.parametrize("alg", ["RS256", "PS256", "ES256", "EdDSA"])
async def test_o4_another_key_of_the_same_name(alg: str) -> None:
    assert await refusal(token(by=Key(alg, alg)), **EVERY) == "the signature is wrong"


@pytest.mark.parametrize("alg", sorted(set(ALGORITHMS) - {"RS256", "ES256", "PS256"}))
async def test_o4_algorithms_that_are_not_configured(alg: str) -> None:
    assert "algorithms" in await refusal(token(by=key(alg)))


@pytest.mark.parametrize(
    ("said", "signed_by"),
    [("RS256", "PS256"), ("PS256", "RS256"), ("ES256", "RS256"), ("RS256", "ES256")],
)
async def test_o4_another_algorithm_than_the_header_says(said: str, signed_by: str) -> None:
    forged = token(by=key(signed_by), header={"alg": said, "kid": said})
    assert await refusal(forged) == "the signature is wrong"


async def test_o4_the_key_must_be_of_the_algorithms_kind() -> None:
    class Confused(Published):
        async def find(self, kid: str | None, alg: str) -> Any:
            return public("RS256" if alg == "ES256" else "ES256")

    for alg in ("RS256", "ES256", "ES384", "EdDSA"):
        detail = await refusal(token(by=key(alg)), published=Confused(), **EVERY)
        assert detail == "the key is of another kind than the signature"


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", "", "null"])
async def test_a85_unsigned(alg: str) -> None:
    published = Published()
    spelled = Unsigned(alg)
    for kid in (ABSENT, "RS256"):
        forged = token(by=spelled, header={"kid": kid})
        assert await refusal(forged, published=published) == "not a signed token"
        signature = token().rpartition(".")[2]
        assert "algorithms" in await refusal(forged + signature, published=published)
    assert published.sought == []


async def test_a85_an_empty_signature() -> None:
    for alg in ("RS256", "ES256", "PS256"):
        head, body, _ = token(by=key(alg)).split(".")
        assert await refusal(f"{head}.{body}.") == "not a signed token"


@pytest.mark.parametrize("alg", [None, 1, True, ["RS256"], {"RS256": 1}, ABSENT, "rs256", "RS256 "])
async def test_o4_algorithm_that_is_none(alg: Any) -> None:
    assert "algorithms" in await refusal(token(header={"alg": alg}))


async def test_o4_public_key_for_a_secret() -> None:
    pem = Key("RS256").public_pem
    for secret in (pem, pem.strip(), b"", json.dumps(Key("RS256").jwk).encode()):
        for alg in ("HS256", "HS384", "HS512"):
            forged = token(by=Shared(secret), header={"alg": alg, "kid": "RS256"})
            assert "algorithms" in await refusal(forged, **EVERY)
        forged = token(by=Shared(secret), header={"alg": "RS256", "kid": "RS256"})
        assert await refusal(forged, **EVERY) == "the signature is wrong"


# Headers


@pytest.mark.parametrize("name", ["jwk", "jku", "x5u", "x5c", "x5t", "x5t#S256"])
async def test_a87_keys_in_the_header_are_not_looked_at(name: str) -> None:
    evil = Key("RS256", "RS256")
    value = {
        "jwk": evil.jwk,
        "x5c": evil.x5c,
        "x5t": "AAAA",
        "x5t#S256": "AAAA",
    }.get(name, "https://evil.example/keys")
    published = Published()
    # Signed by the right key it is a token like others; by another one, no header helps.
    assert (await from_app(token(header={name: value}), published=published)).claims == CLAIMS
    forged = token(by=evil, header={name: value})
    assert await refusal(forged, published=published) == "the signature is wrong"
    assert published.sought == [("RS256", "RS256")] * 2


@pytest.mark.parametrize(
    "kid",
    [None, 1, True, 1.5, ["RS256"], {"a": 1}, "k" * 256],
    ids=["null", "number", "true", "float", "list", "object", "long"],
)
async def test_a87_names_of_keys_that_are_none(kid: Any) -> None:
    published = Published()
    detail = await refusal(token(header={"kid": kid}), published=published)
    assert detail == "the name of its key (kid) is none"
    assert published.sought == []


@pytest.mark.parametrize(
    "kid", ["../../dev/null", "x' OR 1=1; --", "", "k" * 255, "\0", "\N{SNOWMAN}", "https://evil"]
)
async def test_a87_names_of_keys_are_names_and_nothing_else(kid: str) -> None:
    published = Published()
    assert await refusal(token(header={"kid": kid}), published=published) == "no key fits the token"
    assert published.sought == [(kid, "RS256")]


async def test_a87_a_megabyte_of_a_name() -> None:
    published = Published()
    huge = token(header={"kid": "k" * 2**20})
    assert await refusal(huge, published=published) == "a token too large"
    assert published.sought == []


async def test_the_only_key_needs_no_name() -> None:
    assert (await from_app(token(header={"kid": ABSENT}))).claims == CLAIMS


@pytest.mark.parametrize(
    "header",
    [
        {"crit": ["exp"], "exp": 1},
        {"crit": ["b64"], "b64": False},
        {"crit": ["b64"], "b64": True},
        {"crit": []},
        {"crit": None},
        {"crit": ["alg"]},
        {"b64": False},
        {"b64": True},
        {"b64": None},
    ],
)
async def test_o4_extensions_that_nobody_here_understands(header: dict[str, Any]) -> None:
    assert await refusal(token(header=header)) == "a token with extensions (crit, b64)"


@pytest.mark.parametrize("kind", ["JWT", "jwt", "Jwt", ABSENT])
async def test_o6_type_of_an_id_token(kind: Any) -> None:
    assert (await from_app(token(header={"typ": kind}))).claims == CLAIMS


@pytest.mark.parametrize(
    "kind",
    [
        "at+jwt",
        "AT+JWT",
        "application/at+jwt",
        "logout+jwt",
        "dpop+jwt",
        "token-introspection+jwt",
        "JOSE",
        "jwt ",
        "",
        None,
        1,
        ["JWT"],
    ],
)
async def test_o6_a93_type_of_another_token(kind: Any) -> None:
    assert await refusal(token(header={"typ": kind})) == "a token of another type (typ)"


# What is no token


@pytest.mark.parametrize(
    "junk",
    [
        "",
        ".",
        "..",
        "a.b",
        "a.b.c.d",
        "a.b.c.d.e",  # encrypted
        "not a token",
        "\n" + token(),
        token() + "\n",
        token() + "=",
        token().replace(".", "..", 1),
        token().replace(".", "=.", 1),
        token()[:-1] + "+",
        token()[:-1] + "/",
        token()[:-1] + "\N{FULLWIDTH LATIN CAPITAL LETTER A}",
        "\ud800" + token(),
        json.dumps({"payload": "e30", "signatures": []}),
    ],
)
async def test_what_is_no_compact_token(junk: str) -> None:
    assert await refusal(junk) == "not a signed token"


@pytest.mark.parametrize(
    "part",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"1",
        b"null",
        b"{}x",
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":1e999}',
        b"{'a':1}",
        b'{"a":1,}',
        b'{"a":"\xff"}',
        b'{"a":"\xed\xa0\x80"}',
        b'\xef\xbb\xbf{"a":1}',
        b"[" * 5000,
        b'{"a":' * 1500,
    ],
    ids=repr,
)
async def test_parts_that_are_no_json_object(part: bytes) -> None:
    good = key("RS256")
    published = Published()
    for broken in (jwt(part, CLAIMS, good), jwt(good.header, part, good)):
        detail = await refusal(broken, published=published)
        assert detail.startswith(("not a token: ", "not a signed token"))
    assert published.sought == []


async def test_the_last_of_two_counts() -> None:
    """RFC 7515 4, RFC 7519 4: so a reader may do; and signed are both."""
    good = key("RS256")
    header = b'{"alg":"RS256","kid":"RS256","alg":"none"}'
    assert "algorithms" in await refusal(jwt(header, CLAIMS, good))
    twice = json.dumps(CLAIMS).encode()[:-1] + b',"sub":"last"}'
    assert (await from_app(jwt(good.header, twice, good))).claims["sub"] == "last"


async def test_size_is_looked_at_first() -> None:
    signed, room = token(), "x" * (MAX_TOKEN - 2000)
    big = token({"more": room[: len(room) * 3 // 4]})
    assert len(signed) < len(big) < MAX_TOKEN
    assert (await from_app(big)).claims["more"]
    assert await refusal("." * (MAX_TOKEN + 1)) == "a token too large"
    assert await refusal("." * MAX_TOKEN) == "not a signed token"


@given(st.text(max_size=200))
async def test_junk_is_refused_and_no_more(junk: str) -> None:
    with pytest.raises(Rejected):
        await from_app(junk)


@given(st.binary(max_size=80), st.binary(max_size=80), st.binary(min_size=1, max_size=80))
async def test_junk_in_parts_is_refused_and_no_more(one: bytes, two: bytes, three: bytes) -> None:
    with pytest.raises(Rejected):
        await from_app(".".join(map(b64, (one, two, three))))


@given(st.sampled_from(["alg", "kid", "typ", "crit", "b64", "zip", "enc"]), JSON)
async def test_o4_any_header_is_believed_or_refused(name: str, value: Any) -> None:
    try:
        signed = await from_app(token(header={name: value}))
    except Rejected:
        return
    assert signed.claims == CLAIMS
    assert name in ("zip", "enc") or value in ("RS256", "JWT", "jwt") or name == "typ"
