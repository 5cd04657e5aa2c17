"""Finding the key of a token, at an issuer that rotates its keys, is down, or lies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from joserfc.jws import JWSRegistry

from providers import Rejected, Unavailable
from providers.oauth2.discovery import Discovery
from providers.oauth2.jwks import PublicKey
from providers.oauth2.keys import Keys
from providers.oauth2.published import PAUSE, PAUSE_WITH_COPY
from providers.oauth2.web import Web
from tests.providers.oauth2.reaching import Timer, config_for
from tests.servers.http_scripted import Reply
from tests.servers.oidc_fake import DISCOVERY, JWKS, OidcFake
from tests.servers.oidc_keys import ABSENT, Key, changed
from tests.servers.tls import Authority

FRESH, STALE, GAP = 300.0, 3600.0, 30.0  # seconds
FIRST, SECOND, CURVE = Key("RS256"), Key("RS256"), Key("ES256")


@pytest.fixture
async def keys(idp: OidcFake, authority: Authority, web: Web, timer: Timer) -> AsyncIterator[Keys]:
    idp.keys = [FIRST]
    discovery = Discovery(web, config_for(idp, authority).profile, clock=timer)
    keys = Keys(web, discovery, clock=timer)
    yield keys
    await keys.close()
    await discovery.close()


def asked(idp: OidcFake) -> int:
    return len(idp.visits(JWKS))


def is_of(found: PublicKey, key: Key) -> bool:
    signed = key.sign(b"said")
    return JWSRegistry.algorithms[key.alg].verify(b"said", signed, found)


async def unknown(keys: Keys, kid: str | None = "unknown", alg: str = "RS256") -> None:
    with pytest.raises(Rejected, match=r"^no key fits the token$"):
        await keys.find(kid, alg)


async def test_key_is_found_by_its_name(idp: OidcFake, keys: Keys) -> None:
    idp.keys = [FIRST, SECOND, CURVE]
    for key in (SECOND, CURVE, FIRST):
        assert is_of(await keys.find(key.kid, key.alg), key)
    assert asked(idp) == 1


@pytest.mark.parametrize("alg", ["ES256", "PS256", "RS512", "EdDSA", "HS256", "none", "", "RSA"])
async def test_o4_key_is_for_its_own_algorithm(keys: Keys, alg: str) -> None:
    await unknown(keys, FIRST.kid, alg)


@pytest.mark.parametrize(
    "kid",
    [
        "",
        "../../dev/null",
        "' OR 1=1 --",
        "k" * 1_000_000,
        pytest.param(FIRST.kid.lower() + "x", id="nearly"),
    ],
)
async def test_a87_name_is_compared_and_nothing_else(idp: OidcFake, keys: Keys, kid: str) -> None:
    await unknown(keys, kid)
    assert [visit.path for visit in idp.visits()] == [DISCOVERY, JWKS]


# Tokens that name no key


async def test_only_key_for_an_algorithm_needs_no_name(idp: OidcFake, keys: Keys) -> None:
    idp.keys = [FIRST, CURVE]
    assert is_of(await keys.find(None, "RS256"), FIRST)
    assert is_of(await keys.find(None, "ES256"), CURVE)


async def test_one_of_several_needs_a_name(idp: OidcFake, keys: Keys) -> None:
    idp.keys = [FIRST, SECOND]
    with pytest.raises(Rejected, match=r"^several keys fit the token$"):
        await keys.find(None, "RS256")


async def test_name_that_several_keys_have_is_none(idp: OidcFake, keys: Keys) -> None:
    idp.script(JWKS, Reply({"keys": [FIRST.jwk, SECOND.jwk | {"kid": FIRST.kid}]}))
    with pytest.raises(Rejected, match=r"^several keys fit the token$"):
        await keys.find(FIRST.kid, "RS256")


async def test_keys_of_several_kinds_may_share_a_name(idp: OidcFake, keys: Keys) -> None:
    idp.script(JWKS, Reply({"keys": [FIRST.jwk, CURVE.jwk | {"kid": FIRST.kid}]}))
    assert is_of(await keys.find(FIRST.kid, "RS256"), FIRST)
    assert is_of(await keys.find(FIRST.kid, "ES256"), CURVE)


async def test_key_without_a_name_is_for_tokens_without_one(idp: OidcFake, keys: Keys) -> None:
    idp.script(JWKS, Reply({"keys": [changed(FIRST.jwk, {"kid": ABSENT})]}))
    assert is_of(await keys.find(None, "RS256"), FIRST)
    await unknown(keys, "some")


# Rotation


async def test_a97_new_key_works_at_once_and_the_old_one_no_more(
    idp: OidcFake, keys: Keys, timer: Timer
) -> None:
    await keys.find(FIRST.kid, "RS256")
    timer.pass_(1.0)
    idp.keys = [SECOND]
    assert is_of(await keys.find(SECOND.kid, "RS256"), SECOND)
    await unknown(keys, FIRST.kid)
    assert asked(idp) == 2


async def test_a97_second_rotation_is_seen_after_30_seconds(
    idp: OidcFake, keys: Keys, timer: Timer
) -> None:
    await keys.find(FIRST.kid, "RS256")
    timer.pass_(1.0)
    idp.keys = [SECOND]
    await keys.find(SECOND.kid, "RS256")
    idp.keys = [CURVE]
    timer.pass_(GAP - 0.1)
    await unknown(keys, CURVE.kid, "ES256")
    timer.pass_(0.1)
    assert is_of(await keys.find(CURVE.kid, "ES256"), CURVE)


async def test_a97_withdrawn_key_is_good_for_5_minutes_at_most(
    idp: OidcFake, keys: Keys, timer: Timer
) -> None:
    await keys.find(FIRST.kid, "RS256")
    idp.keys = [SECOND]
    timer.pass_(FRESH - 0.1)
    await keys.find(FIRST.kid, "RS256")
    timer.pass_(0.1)
    await unknown(keys, FIRST.kid)


async def test_o15_unknown_names_cause_a_fetch_in_30_seconds(
    idp: OidcFake, keys: Keys, timer: Timer
) -> None:
    await keys.find(FIRST.kid, "RS256")
    for seconds in range(1, 61):
        timer.pass_(1.0)
        for number in range(20):
            await unknown(keys, f"made-up-{seconds}-{number}")
    assert asked(idp) == 1 + 2  # after 1 s and after 31 s


async def test_o15_unknown_names_cause_one_fetch_for_all_at_once(
    idp: OidcFake, keys: Keys, timer: Timer
) -> None:
    await keys.find(FIRST.kid, "RS256")
    timer.pass_(1.0)
    await asyncio.gather(*(unknown(keys, f"made-up-{number}") for number in range(200)))
    assert asked(idp) == 2


async def test_o15_first_fetch_is_not_repeated_for_an_unknown_name(
    idp: OidcFake, keys: Keys
) -> None:
    await unknown(keys)
    assert asked(idp) == 1


async def test_whoever_comes_while_keys_are_fetched_gets_the_new_ones(
    idp: OidcFake, keys: Keys, timer: Timer
) -> None:
    """Even if it is for somebody else's made-up name that they are fetched."""
    await keys.find(FIRST.kid, "RS256")
    timer.pass_(1.0)
    idp.keys = [SECOND]
    idp.script(JWKS, "slow:0.2", times=1)
    other = asyncio.create_task(unknown(keys))
    await asyncio.to_thread(idp.wait_visits, 2, JWKS)
    assert is_of(await keys.find(SECOND.kid, "RS256"), SECOND)
    await other
    assert asked(idp) == 2


async def test_all_who_sign_in_first_share_one_fetch(idp: OidcFake, keys: Keys) -> None:
    found = await asyncio.gather(*(keys.find(FIRST.kid, "RS256") for _ in range(200)))
    assert all(key is found[0] for key in found)
    assert asked(idp) == len(idp.visits(DISCOVERY)) == 1


# Failures

FAULTS: dict[str, Any] = {
    "503": "http503",
    "404": Reply({}, 404),
    "html": "html",
    "empty": "empty",
    "cut": "cut",
    "truncated": "truncated_json",
    "deep": "deep",
    "huge": "huge",
    "50-mb": Reply({"keys": [FIRST.jwk]}, blanks=50_000_000),
    "array": "array",
    "no-keys": Reply({}),
    "keys-object": Reply({"keys": {}}),
    "too-many": Reply({"keys": [FIRST.jwk] * 101}),
    "key-twice": Reply(b'{"keys":[],"keys":[]}'),
    "redirect": Reply(b"", 302, {"Location": "http://169.254.169.254/latest/meta-data"}),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_a99_keys_that_cannot_be_had_are_the_issuers_failure(
    idp: OidcFake, keys: Keys, timer: Timer, fault: Reply | str
) -> None:
    idp.script(JWKS, fault)
    for _ in range(3):
        with pytest.raises(Unavailable) as caught:
            await keys.find(FIRST.kid, "RS256")
        assert caught.value.upstream == "corp"
        assert caught.value.retry_after == PAUSE
    assert asked(idp) == 1
    idp.sound()
    timer.pass_(PAUSE)
    assert is_of(await keys.find(FIRST.kid, "RS256"), FIRST)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_o15_stale_keys_are_good_for_an_hour(
    idp: OidcFake, keys: Keys, timer: Timer, fault: Reply | str
) -> None:
    await keys.find(FIRST.kid, "RS256")
    idp.script(JWKS, fault)
    while timer.now < 1000.0 + STALE:
        assert is_of(await keys.find(FIRST.kid, "RS256"), FIRST)
        timer.pass_(FRESH)
    with pytest.raises(Unavailable):
        await keys.find(FIRST.kid, "RS256")


async def test_o15_issuer_that_is_down_is_not_hammered(
    idp: OidcFake, keys: Keys, timer: Timer
) -> None:
    await keys.find(FIRST.kid, "RS256")
    idp.script(JWKS, "http503")
    timer.pass_(FRESH)
    for _ in range(60):
        await keys.find(FIRST.kid, "RS256")
        with pytest.raises(Unavailable):  # it may be a new one
            await keys.find("unknown", "RS256")
        timer.pass_(1.0)
    assert asked(idp) == 1 + 60 / PAUSE_WITH_COPY


async def test_unknown_name_is_judged_when_the_issuer_is_back(
    idp: OidcFake, keys: Keys, timer: Timer
) -> None:
    await keys.find(FIRST.kid, "RS256")
    timer.pass_(1.0)
    idp.script(JWKS, "http503", times=1)
    for _ in range(3):
        with pytest.raises(Unavailable, match="503"):
            await keys.find("unknown", "RS256")
    timer.pass_(GAP)
    await unknown(keys)


async def test_issuer_that_is_gone_is_unavailable(idp: OidcFake, keys: Keys, timer: Timer) -> None:
    await keys.find(FIRST.kid, "RS256")
    idp.stop()
    timer.pass_(FRESH)
    await keys.find(FIRST.kid, "RS256")
    timer.pass_(STALE)
    with pytest.raises(Unavailable, match="no connection"):
        await keys.find(FIRST.kid, "RS256")
    idp.start()
    timer.pass_(PAUSE)
    await keys.find(FIRST.kid, "RS256")


@pytest.mark.parametrize(
    "entries",
    [
        [],
        [{"kty": "oct", "k": "eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4", "kid": FIRST.kid, "alg": "HS256"}],
        [FIRST.jwk | {"use": "enc"}],
    ],
)
async def test_a99_issuer_without_usable_keys_is_unavailable(
    idp: OidcFake, keys: Keys, timer: Timer, entries: list[Any]
) -> None:
    """Nobody who signs in can help that. Nor do its old keys go on to be good."""
    await keys.find(FIRST.kid, "RS256")
    idp.script(JWKS, Reply({"keys": entries}))
    timer.pass_(FRESH)
    with pytest.raises(Unavailable, match="publishes no keys"):
        await keys.find(FIRST.kid, "RS256")


async def test_whoever_leaves_does_not_end_the_fetch(idp: OidcFake, keys: Keys) -> None:
    idp.script(JWKS, "slow:0.2", times=1)
    first, second = (asyncio.create_task(keys.find(FIRST.kid, "RS256")) for _ in range(2))
    await asyncio.to_thread(idp.wait_visits, 1, JWKS)
    first.cancel()
    assert is_of(await second, FIRST)
    assert asked(idp) == 1


async def test_keys_that_moved_are_found_again(
    idp: OidcFake, keys: Keys, timer: Timer, authority: Authority
) -> None:
    await keys.find(FIRST.kid, "RS256")
    idp.metadata = {"jwks_uri": idp.url + "/new"}
    idp.script("/new", Reply({"keys": [SECOND.jwk]}))
    idp.script(JWKS, "http404")
    timer.pass_(3600.0)
    assert is_of(await keys.find(SECOND.kid, "RS256"), SECOND)
