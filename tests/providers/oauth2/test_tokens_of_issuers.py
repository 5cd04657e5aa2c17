"""ID tokens of real issuers, with the keys that they publish."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from providers import Rejected
from providers.oauth2 import people
from providers.oauth2.discovery import Discovery
from providers.oauth2.keys import Keys
from providers.oauth2.presets import resolve
from providers.oauth2.tokens import IdTokens, SignedClaims
from providers.oauth2.web import Web
from tests.providers.oauth2.reaching import APP, Times, config_for
from tests.servers.oidc_fake import DISCOVERY, JWKS, OidcFake
from tests.servers.oidc_keys import Key
from tests.servers.oidc_manners import APPLE, GOOGLE, MICROSOFT, STANDARD, TENANT, Manner
from tests.servers.tls import Authority

Start = Callable[[Manner], OidcFake]


@pytest.fixture
def start(authority: Authority) -> Iterator[Start]:
    """Starts identity providers."""
    with ExitStack() as stack:
        yield lambda manner: stack.enter_context(OidcFake(authority.server(), APP, manner=manner))


async def verified(
    idp: OidcFake, authority: Authority, unverified: str, **keys: Any
) -> tuple[SignedClaims, str]:
    """Return what a token says, and the subject of the identity that it makes."""
    config = config_for(idp, authority, **keys)
    profile = resolve(config)
    web = Web("corp", config, Times())
    discovery = Discovery(web, profile)
    found = Keys(web, discovery)
    try:
        tokens = IdTokens("corp", profile, config, found)
        signed = await tokens.from_app(unverified, nonce=None, access_token=None)
        return signed, people.identity(profile, signed.claims).subject
    finally:
        await found.close()
        await discovery.close()
        await web.close()


@pytest.mark.parametrize("alg", ["RS256", "PS256", "ES256", "EdDSA"])
async def test_o4_published_keys(start: Start, authority: Authority, alg: str) -> None:
    idp = start(STANDARD)
    idp.keys = [Key("RS256"), Key(alg), Key("ES256")]
    unverified = idp.token(by=idp.keys[1])
    _, subject = await verified(idp, authority, unverified, algorithms=["RS256", alg])
    assert subject == "ann-1"
    with pytest.raises(Rejected, match="no key fits the token"):
        await verified(idp, authority, idp.token(by=Key(alg)), algorithms=[alg])


@pytest.mark.parametrize(
    ("manner", "keys", "subject"),
    [
        (GOOGLE, {"preset": "google"}, "110248495921238986420"),
        (APPLE, {"preset": "apple"}, "001234.0123456789abcdef0123456789abcdef.1234"),
        (
            MICROSOFT,
            {"preset": "microsoft", "tenants": [TENANT]},
            f"{TENANT}.00000000-0000-0000-66f3-3332eca7ea81",
        ),
    ],
    ids=["google", "apple", "microsoft"],
)
async def test_manners(
    start: Start, authority: Authority, manner: Manner, keys: dict[str, Any], subject: str
) -> None:
    idp = start(manner)
    _, found = await verified(idp, authority, idp.token(), **keys)
    assert found == subject


async def test_a87_no_header_sends_the_gateway_anywhere(start: Start, authority: Authority) -> None:
    idp, evil = start(STANDARD), start(STANDARD)
    forger = Key("RS256", idp.keys[0].kid)
    evil.keys = [forger]
    header = {"jku": evil.url + JWKS, "x5u": evil.url + "/x5u", "jwk": forger.jwk}
    with pytest.raises(Rejected, match="the signature is wrong"):
        await verified(idp, authority, idp.token(header=header, by=forger))
    assert evil.visits() == []
    assert [visit.path for visit in idp.visits()] == [DISCOVERY, JWKS]
