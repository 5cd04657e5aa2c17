"""What an operator is told of an identity provider that does not fit, and what to do about it."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from email.utils import formatdate
from typing import Any

import pytest

from providers.oauth2 import checking
from providers.oauth2.checking import Inspection
from providers.oauth2.web import Web
from tests.providers.oauth2.reaching import APP, Times, config_for, settings
from tests.servers.http_scripted import Reply
from tests.servers.oidc_fake import DISCOVERY, EMAILS, JWKS, TOKEN, USER, USERINFO, OidcFake
from tests.servers.oidc_keys import ABSENT, Key
from tests.servers.oidc_manners import APPLE, GITHUB, GOOGLE, MICROSOFT, TENANT, Manner
from tests.servers.tls import Authority, Kind

Check = Callable[..., Awaitable[list[str]]]


@pytest.fixture
async def check(authority: Authority) -> AsyncIterator[Check]:
    """Return the problems of a provider: ``await check(idp, **keys)``."""
    made: list[Web] = []

    async def problems(idp: OidcFake, ahead: float = 0.0, **keys: Any) -> list[str]:
        config = config_for(idp, authority, **keys)
        made.append(Web("corp", config, Times()))
        inspection = Inspection(config, config.profile, made[-1], clock=lambda: time.time() + ahead)
        return await inspection.problems()

    yield problems
    for web in made:
        await web.close()


async def test_sound_provider_has_no_problems(idp: OidcFake, check: Check) -> None:
    assert await check(idp) == []
    visits = [(visit.method, visit.path, visit.body) for visit in idp.visits()]
    assert visits == [
        ("GET", DISCOVERY, b""),
        ("GET", JWKS, b""),
        ("POST", TOKEN, b""),
        ("GET", USERINFO, b""),
    ]
    assert not any(visit.header("Authorization") for visit in idp.visits())


@pytest.mark.parametrize(
    ("manner", "keys"),
    [
        pytest.param(GOOGLE, {}, id="google"),
        pytest.param(APPLE, {"preset": "apple"}, id="apple"),
        pytest.param(MICROSOFT, {"preset": "microsoft", "tenants": [TENANT]}, id="ms"),
    ],
)
async def test_well_known_providers_have_no_problems(
    authority: Authority, check: Check, manner: Manner, keys: dict[str, Any]
) -> None:
    with OidcFake(authority.server(), APP, manner=manner) as idp:
        assert await check(idp, **keys) == []


async def test_plain_oauth2_has_no_problems(authority: Authority, check: Check) -> None:
    with OidcFake(authority.server(), APP, manner=GITHUB) as idp:
        keys = {
            "preset": "github",
            "issuer": None,
            "token_endpoint": idp.url + TOKEN,
            "userinfo_endpoint": idp.url + USER,
            "emails_endpoint": idp.url + EMAILS,
        }
        assert await check(idp, **keys) == []
        assert [visit.path for visit in idp.visits()] == [TOKEN, USER, EMAILS]


# Out of reach


async def test_provider_that_is_down(idp: OidcFake, check: Check) -> None:
    idp.stop()
    hint = "see that it runs and can be reached from here, and see issuer and ca_file"
    detail = "no connection (ConnectionRefusedError)"
    assert await check(idp) == [f"{idp.url}{DISCOVERY}: {detail}; {hint}"]


@pytest.mark.parametrize(
    ("kind", "why"), [("expired", "expired"), ("other_name", "not valid for 'localhost'")]
)
async def test_certificate_that_does_not_hold(
    authority: Authority, check: Check, kind: Kind, why: str
) -> None:
    with OidcFake(authority.server(kind), APP) as idp:
        (problem,) = await check(idp)
    assert re.search(rf"certificate refused: .*{why}.*; .* ca_file$", problem)


async def test_certificate_of_an_unknown_authority(idp: OidcFake, check: Check) -> None:
    (problem,) = await check(idp, ca_file=None)
    assert re.search(r"certificate refused: .*; .* ca_file$", problem)


async def test_o14_private_address(monkeypatch: pytest.MonkeyPatch) -> None:
    config = settings(issuer="https://inside.example")

    async def nowhere(*_: object, **__: object) -> list[Any]:
        return [(2, 1, 6, "", ("10.0.0.1", 443))]

    monkeypatch.setattr("asyncio.base_events.BaseEventLoop.getaddrinfo", nowhere)
    web = Web("corp", config, Times())
    (problem,) = await Inspection(config, config.profile, web).problems()
    told, hint = problem.split("; ")
    assert told == f"https://inside.example{DISCOVERY}: not at a public address"
    assert hint == "set allow_private_network if it is meant to be inside"


async def test_provider_that_hangs(
    idp: OidcFake, check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "WITHIN", 0.2)
    idp.script(DISCOVERY, "hang")
    assert await check(idp) == [
        f"{idp.url}{DISCOVERY}: no answer within 0.2 s; see that it is well, and see issuer"
    ]


# The discovery document


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("http404", "HTTP status 404 where a document is expected"),
        ("http503", "HTTP status 503"),
        ("html", "a web page where data is expected"),
        ("array", "a document that is no JSON object"),
        ("deep", "a document that is no JSON, or no unambiguous one"),
        ("redirect", "a redirect (HTTP status 307), and none is followed"),
        ("huge", "the answer is too long"),
    ],
)
async def test_no_discovery_document(idp: OidcFake, check: Check, answer: str, why: str) -> None:
    idp.script(DISCOVERY, answer)
    assert await check(idp) == [f"{idp.url}{DISCOVERY}: {why}; see that it is well, and see issuer"]
    assert len(idp.visits()) == 1


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("https://other.example/realms/staff", "https://other.example/realms/staff"),
        ("https://other.example/\x1b[2J", "no issuer"),
        ("x" * 1000, "no issuer"),
        (None, "no issuer"),
        (ABSENT, "no issuer"),
        (["https://localhost"], "no issuer"),
    ],
)
async def test_wrong_issuer(idp: OidcFake, check: Check, told: Any, shown: str) -> None:
    idp.metadata = {"issuer": told}
    hint = "correct issuer, to the last character"
    assert await check(idp) == [f"{idp.url}{DISCOVERY}: names {shown}, not {idp.url}; {hint}"]


async def test_endpoints_that_are_none(idp: OidcFake, check: Check) -> None:
    idp.metadata = {"token_endpoint": "/token", "jwks_uri": 1}
    hint = "have it corrected there, or set the endpoint here"
    assert await check(idp) == [
        f"{idp.url}{DISCOVERY}: token_endpoint of the discovery document is no URL; {hint}",
        f"{idp.url}{DISCOVERY}: jwks_uri of the discovery document is no URL; {hint}",
    ]


@pytest.mark.parametrize(
    ("metadata", "keys", "problem"),
    [
        pytest.param(
            {"code_challenge_methods_supported": ["plain"]},
            {},
            "code_challenge_methods_supported has no S256; "
            "have PKCE turned on there: no sign-in is without",
            id="o1-pkce",
        ),
        pytest.param(
            {"code_challenge_methods_supported": []},
            {},
            "code_challenge_methods_supported has no S256; "
            "have PKCE turned on there: no sign-in is without",
            id="o1-no-pkce",
        ),
        pytest.param(
            {"id_token_signing_alg_values_supported": ["HS256", "none"]},
            {},
            "id_token_signing_alg_values_supported has no RS256 or ES256 or PS256; "
            "correct algorithms",
            id="algorithms",
        ),
        pytest.param(
            {"token_endpoint_auth_methods_supported": ["client_secret_post"]},
            {},
            "token_endpoint_auth_methods_supported has no client_secret_basic; correct client_auth",
            id="client-auth",
        ),
        pytest.param(
            {"response_modes_supported": ["query"]},
            {"response_mode": "form_post"},
            "response_modes_supported has no form_post; correct response_mode",
            id="response-mode",
        ),
        pytest.param(
            {"response_modes_supported": "query"},
            {},
            "response_modes_supported has no query; correct response_mode",
            id="no-list",
        ),
    ],
)
async def test_what_the_document_says_is_missing(
    idp: OidcFake, check: Check, metadata: Any, keys: Any, problem: str
) -> None:
    idp.metadata = metadata
    assert await check(idp, **keys) == [f"{idp.url}{DISCOVERY}: {problem}"]


@pytest.mark.parametrize(
    "name",
    [
        "code_challenge_methods_supported",
        "id_token_signing_alg_values_supported",
        "token_endpoint_auth_methods_supported",
        "response_modes_supported",
        "userinfo_endpoint",
    ],
)
async def test_what_the_document_does_not_say_may_be_there(
    idp: OidcFake, check: Check, name: str
) -> None:
    idp.metadata = {name: ABSENT}
    assert await check(idp) == []


async def test_client_without_a_secret_is_not_looked_for(idp: OidcFake, check: Check) -> None:
    idp.metadata = {"token_endpoint_auth_methods_supported": ["client_secret_basic"]}
    assert await check(idp, client_secret=None) == []


# The keys


async def test_no_keys_are_named(idp: OidcFake, check: Check) -> None:
    idp.metadata = {"jwks_uri": ABSENT}
    assert await check(idp) == ["no jwks_uri, so no token can be trusted; set it"]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("http404", "HTTP status 404 where a document is expected; see that it is well, and see"),
        (Reply({}), "a document that has no list of keys; correct"),
        (Reply({"keys": [{}] * 101}), "a document that has more than 100 keys; correct"),
    ],
)
async def test_keys_that_cannot_be_had(
    idp: OidcFake, check: Check, answer: Reply | str, why: str
) -> None:
    idp.script(JWKS, answer)
    assert await check(idp) == [f"{idp.url}{JWKS}: {why} jwks_uri"]


@pytest.mark.parametrize("keys", [[], [{"kty": "oct", "k": "eA"}], [Key("EdDSA").jwk]])
async def test_keys_of_no_use(idp: OidcFake, check: Check, keys: list[Any]) -> None:
    idp.script(JWKS, Reply({"keys": keys}))
    assert await check(idp) == [
        f"{idp.url}{JWKS}: no key for RS256, ES256, PS256; correct jwks_uri or algorithms"
    ]


async def test_keys_are_found_for_the_algorithms_of_the_configuration(
    idp: OidcFake, check: Check
) -> None:
    idp.keys = [Key("EdDSA")]
    assert await check(idp, algorithms=["EdDSA"]) == []


# The other endpoints


@pytest.mark.parametrize(("path", "key"), [(TOKEN, "token"), (USERINFO, "userinfo")])
async def test_endpoint_that_is_down(idp: OidcFake, check: Check, path: str, key: str) -> None:
    idp.script(path, "http503")
    assert await check(idp) == [
        f"{idp.url}{path}: HTTP status 503; see that it is well, and see {key}_endpoint"
    ]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405])
async def test_any_answer_will_do_of_endpoints_that_are_asked_for_nothing(
    idp: OidcFake, check: Check, status: int
) -> None:
    for path in (TOKEN, USERINFO):
        idp.script(path, Reply({"error": "invalid_request"}, status))
    assert await check(idp) == []


# The clocks


@pytest.mark.parametrize(("ahead", "which"), [(3600.0, "behind"), (-3600.0, "ahead of")])
async def test_clocks_that_differ(idp: OidcFake, check: Check, ahead: float, which: str) -> None:
    (problem,) = await check(idp, ahead=ahead)
    assert re.fullmatch(
        f"{re.escape(idp.url + TOKEN)}: its clock is (3599|3600|3601) s {which} the one here; "
        "set both by NTP, or raise clock_skew",
        problem,
    )


@pytest.mark.parametrize("ahead", [-25.0, 25.0])
async def test_clocks_that_differ_a_little(idp: OidcFake, check: Check, ahead: float) -> None:
    assert await check(idp, ahead=ahead) == []
    assert len(await check(idp, ahead=ahead, clock_skew="10s")) == 1


@pytest.mark.parametrize("date", ["", "soon", "Thu, 32 Foo 2026 00:00:00 GMT", "\u00e9", "0"])
async def test_date_that_is_none_is_left_alone(idp: OidcFake, check: Check, date: str) -> None:
    idp.script(TOKEN, Reply({}, 400, {"Date": date}))
    assert await check(idp) == []


async def test_time_of_cached_documents_is_not_believed(idp: OidcFake, check: Check) -> None:
    old = {"Date": formatdate(time.time() - 7200, usegmt=True), "Age": "7200"}
    idp.script(DISCOVERY, Reply(idp.discovery(), headers=old))
    idp.script(JWKS, Reply({"keys": idp.jwks}, headers=old))
    assert await check(idp) == []


async def test_problems_are_found_together(idp: OidcFake, check: Check) -> None:
    idp.metadata = {"code_challenge_methods_supported": ["plain"]}
    idp.script(JWKS, "http503")
    idp.script(USERINFO, "http503")
    assert len(await check(idp, ahead=3600.0)) == 4
