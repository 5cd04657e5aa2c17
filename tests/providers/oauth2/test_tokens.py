"""ID tokens: whose, for whom, when, and what for."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from providers import Rejected, Unavailable, UnknownIdentity
from tests.providers.oauth2.signing import (
    ISSUER,
    JSON,
    NOW,
    ONE,
    TWO,
    Published,
    at,
    from_app,
    key,
    refusal,
    token,
    verifier,
)
from tests.servers.oidc_keys import ABSENT, Key, Unsigned

# Whose tokens


@pytest.mark.parametrize(
    "issuer",
    [
        "https://idp.example/",
        "https://IDP.example",
        "http://idp.example",
        "https://idp.example:443",
        "https://idp.example ",
        "https://idp.example.evil.test",
        "idp.example",
        "",
    ],
)
async def test_a89_another_issuer_is_for_another_provider(issuer: str) -> None:
    published = Published()
    for forged in (
        token({"iss": issuer}),
        token({"iss": issuer}, by=Unsigned()) + "AAAA",
        token({"iss": issuer}, by=key("EdDSA"), header={"typ": "other", "crit": ["x"]}),
    ):
        with pytest.raises(UnknownIdentity):
            await from_app(forged, published=published)
    # It costs nothing, and tells no issuer anything.
    assert published.sought == []


@pytest.mark.parametrize("issuer", [ABSENT, None, 1, [ISSUER], {ISSUER: 1}])
async def test_o5_issuer_that_is_none(issuer: Any) -> None:
    assert await refusal(token({"iss": issuer})) == "a token without an issuer (iss)"


@pytest.mark.parametrize("issuer", ["https://accounts.google.com", "accounts.google.com"])
async def test_issuer_of_google_has_two_names(issuer: str) -> None:
    google: dict[str, Any] = {"preset": "google", "issuer": None}
    assert (await from_app(token({"iss": issuer}), **google)).claims["iss"] == issuer
    with pytest.raises(UnknownIdentity):
        await from_app(token({"iss": "http://accounts.google.com"}), **google)


def entra(tenant: str) -> str:
    return f"https://login.microsoftonline.com/{tenant}/v2.0"


MICROSOFT: dict[str, Any] = {"preset": "microsoft", "issuer": None}


async def test_o19_issuer_is_made_of_the_tenant() -> None:
    for tenants in ([ONE], [ONE, TWO]):
        claims = {"iss": entra(ONE), "tid": ONE}
        keys: dict[str, Any] = {**MICROSOFT, "tenants": tenants}
        assert (await from_app(token(claims), **keys)).claims["tid"] == ONE


@pytest.mark.parametrize("tid", [ABSENT, None, TWO, ONE.upper(), "", [ONE], 1])
async def test_o19_tenant_and_issuer_differ(tid: Any) -> None:
    forged = token({"iss": entra(ONE), "tid": tid})
    detail = await refusal(forged, **MICROSOFT, tenants=[ONE, TWO])
    assert detail == "its tenant (tid) is not the one of its issuer"


@pytest.mark.parametrize("tenant", [TWO, "common", "organizations", "{tenantid}", ""])
async def test_o19_tenant_that_is_not_listed(tenant: str) -> None:
    forged = token({"iss": entra(tenant), "tid": tenant})
    for keys in (
        {"tenants": [ONE]},
        {"tenants": [ONE], "issuer": entra("common")},
        {"issuer": entra(ONE)},
    ):
        with pytest.raises(UnknownIdentity):
            await from_app(forged, **{**MICROSOFT, **keys})


# For whom


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "app"},
        {"aud": ["app"]},
        {"aud": "app", "azp": "app"},
        {"aud": "ios"},
        {"aud": "app", "azp": "android"},
        {"aud": ["app", "api"], "azp": "app"},
        {"aud": ["api", "ios"], "azp": "ios"},
    ],
)
async def test_o5_for_one_of_our_clients(claims: dict[str, Any]) -> None:
    assert await from_app(token(claims), audiences=["ios", "android"])


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "other"},
        {"aud": "App"},
        {"aud": "app "},
        {"aud": ""},
        {"aud": ["other"]},
        {"aud": ["other", "another"], "azp": "app"},
        {"aud": "other", "azp": "app"},
        {"aud": []},
        {"aud": None},
        {"aud": ABSENT},
        {"aud": 1},
        {"aud": True},
        {"aud": {"app": 1}},
        {"aud": ["app", 1], "azp": "app"},
        {"aud": ["app", None], "azp": "app"},
        {"aud": [["app"]]},
        {"aud": "app,other"},
        {"aud": "app", "azp": "other"},
        {"aud": ["app"], "azp": "other"},
        {"aud": "app", "azp": ""},
        {"aud": "app", "azp": None},
        {"aud": "app", "azp": ["app"]},
        {"aud": ["app", "other"]},
        {"aud": ["app", "app"]},
        {"aud": ["app", "other"], "azp": "other"},
    ],
)
async def test_a89_for_somebody_elses_client(claims: dict[str, Any]) -> None:
    assert "see audiences" in (detail := await refusal(token(claims))) or "several" in detail


# When


@pytest.mark.parametrize(
    "seconds",
    [
        {"exp": 1},
        {"exp": -29},
        {"iat": -599, "exp": 3600},
        {"iat": -629},
        {"iat": 30},
        {"nbf": 30},
        {"nbf": -1000},
        {"nbf": ABSENT},
        {"exp": 10**9},
    ],
)
async def test_o5_times_that_are_good(seconds: dict[str, Any]) -> None:
    assert await from_app(at(**seconds))


@pytest.mark.parametrize(
    ("seconds", "detail"),
    [
        ({"exp": -30}, "the token is expired (exp)"),
        ({"exp": -31}, "the token is expired (exp)"),
        ({"exp": -(10**9)}, "the token is expired (exp)"),
        ({"iat": 31}, "the token is from the future (iat, nbf)"),
        ({"iat": 3600, "exp": 7200}, "the token is from the future (iat, nbf)"),
        ({"iat": 31, "nbf": 0}, "the token is from the future (iat, nbf)"),
        ({"nbf": 31}, "the token is from the future (iat, nbf)"),
        ({"iat": -630, "exp": 3600}, "the token is older than max_token_age"),
        ({"iat": -86400, "exp": 3600}, "the token is older than max_token_age"),
    ],
)
async def test_o5_times_that_are_over_or_to_come(seconds: dict[str, Any], detail: str) -> None:
    assert await refusal(at(**seconds)) == detail


@pytest.mark.parametrize("name", ["exp", "iat", "nbf"])
@pytest.mark.parametrize("value", [None, True, False, "1800000100", [NOW], {"a": 1}, ABSENT])
async def test_o5_times_that_are_none(name: str, value: Any) -> None:
    if name == "nbf" and value is ABSENT:
        return
    detail = await refusal(token({name: value}))
    assert detail == f"a token without a time of its own ({name})"


async def test_o5_clock_skew_and_age_are_configured() -> None:
    skewed = {"clock_skew": "5s"}
    assert await from_app(at(exp=-4), **skewed)
    assert "expired" in await refusal(at(exp=-5), **skewed)
    assert "future" in await refusal(at(iat=6), **skewed)
    assert await from_app(at(iat=-3600), max_token_age="2h")
    assert "older" in await refusal(at(iat=-100), max_token_age="1m")


async def test_age_counts_for_tokens_from_apps_alone() -> None:
    old = token({"iat": NOW - 7200, "nonce": "n"})
    assert "older" in await refusal(old, nonce="n")
    assert await verifier().for_code(old, nonce="n", access_token=None)
    assert await verifier().for_trip(old, nonce="n", access_token=None)


async def test_a_token_from_the_future_is_told_to_the_operator_now_and_then() -> None:
    clock = [NOW]
    tokens = verifier(clock=lambda: clock[0])

    async def told() -> list[Any]:
        with capture_logs() as lines, pytest.raises(Rejected, match="future"):
            await tokens.from_app(token({"iat": clock[0] + 90}), nonce=None, access_token=None)
        return lines

    (line,) = await told()
    assert line == {
        "event": "token from the future: are the clocks right?",
        "log_level": "warning",
        "provider": "corp",
        "seconds": 90,
    }
    assert await told() == []
    clock[0] += 59
    assert await told() == []
    clock[0] += 1
    assert len(await told()) == 1


async def test_nobody_but_the_issuer_makes_the_operator_look_at_clocks() -> None:
    forged = token({"iat": NOW + 90}, by=Key("RS256", "RS256"))
    with capture_logs() as lines:
        assert await refusal(forged) == "the signature is wrong"
    assert lines == []


# Of whom


@pytest.mark.parametrize("subject", ["a", "s" * 255, "auth0|1", "\N{SNOWMAN}" * 255])
async def test_o5_subject(subject: str) -> None:
    assert (await from_app(token({"sub": subject}))).claims["sub"] == subject


@pytest.mark.parametrize("subject", [ABSENT, None, "", "s" * 256, 1, True, ["ann"], {"a": 1}])
async def test_o5_subject_that_is_none(subject: Any) -> None:
    assert await refusal(token({"sub": subject})) == "a token without a subject (sub)"


# What for


@pytest.mark.parametrize(
    "claims",
    [
        {"events": {"http://schemas.openid.net/event/backchannel-logout": {}}},
        {"events": None},
        {"scp": "openid profile"},
        {"scp": ["openid"]},
    ],
)
async def test_o6_a93_claims_of_other_tokens(claims: dict[str, Any]) -> None:
    assert await refusal(token(claims)) == "another kind of token, no ID token"


@pytest.mark.parametrize("kind", ["Bearer", "Refresh", "Logout", "id", "", None, 1])
async def test_o6_a93_access_token_of_keycloak(kind: Any) -> None:
    forged = token({"typ": kind})
    assert await refusal(forged, preset="keycloak") == "another kind of token, no ID token"


async def test_id_token_of_keycloak() -> None:
    for kind in ("ID", ABSENT):
        assert await from_app(token({"typ": kind}), preset="keycloak")
    assert await from_app(token({"typ": "whatever"}))


# Failures of others


async def test_an_issuer_that_is_down_is_nobodys_wrong_proof() -> None:
    class Down(Published):
        async def find(self, kid: str | None, alg: str) -> Any:
            raise Unavailable("corp", "no answer")

    with pytest.raises(Unavailable):
        await from_app(token(), published=Down())


async def test_time_is_read_when_the_keys_are_there() -> None:
    clock = [NOW]

    class Slow(Published):
        async def find(self, kid: str | None, alg: str) -> Any:
            clock[0] += 331
            return await super().find(kid, alg)

    assert "expired" in await refusal(token(), published=Slow(), clock=lambda: clock[0])


@pytest.mark.parametrize("name", ["aud", "azp", "sub", "nonce", "exp", "at_hash", "events", "iss"])
async def test_no_refusal_repeats_what_is_in_a_token(name: str) -> None:
    secret = ["ann@example.com"]
    with pytest.raises(Rejected) as caught:
        await from_app(token({name: secret}), access_token="t0ken")
    assert "ann" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("name", ["alg", "kid", "typ", "crit"])
async def test_no_refusal_repeats_what_is_in_a_header(name: str) -> None:
    for secret in ("ann@example.com", ["ann@example.com"]):
        assert "ann" not in await refusal(token(header={name: secret}))


# Any claim


@given(
    st.sampled_from(["iss", "aud", "azp", "sub", "exp", "nbf", "iat", "nonce", "tid", "at_hash"]),
    JSON,
)
async def test_o5_any_claim_is_believed_or_refused(name: str, value: Any) -> None:
    try:
        signed = await from_app(token({name: value}), access_token="t")
    except Rejected:
        return
    assert signed.claims["iss"] == ISSUER
    assert signed.claims["aud"] in ("app", ["app"])
    assert signed.claims["sub"]
    assert "nonce" not in signed.claims
    assert signed.claims["exp"] + 30 > NOW >= signed.claims["iat"] - 30
    assert signed.proof is not None
    assert 0 < signed.proof.lifetime <= 630
