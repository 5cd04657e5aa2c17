"""Back to the app and nobody else: return URLs, and the codes that they carry."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote, urlencode

import pytest

from tests.gateway.browser.markup import Markup
from tests.logins.browsing import Browser
from tests.logins.identity import APP, CHALLENGE, OTHER_APP, RETURN, VERIFIER, brought_by
from tests.logins.scenes import Scene, two_issuers
from tests.logins.site import fresh_client, words
from tests.servers.oidc_grants import s256
from tests.servers.redis_server import RedisServer

WEB: Final = "https://chat.example.com/signed-in"  # listed with ?from=idp

NEAR_MISSES: Final = [
    # the app's scheme
    f"{RETURN}/",
    f"{RETURN}x",
    RETURN[:-1],
    f"{RETURN}?x=1",
    f"{RETURN}#",
    "com.example.messenger://signed-in",
    "com.example.messenger:///signed-in",
    "com.example.messenger:signed-in",
    "COM.EXAMPLE.MESSENGER:/signed-in",
    "com.example.messenger.evil:/signed-in",
    "evil.com.example.messenger:/signed-in",
    "com.example.other:/signed-in",  # of the other app
    "com.example.messenger:/signed%2Din",
    "com.example.messenger:/signed-in\r\nSet-Cookie: a=b",
    "com.example.messenger:/signed-in\0",
    "com.example.messenger:/SIGNED-IN",
    # https
    WEB,
    f"{WEB}?from=idp&x=1",
    f"{WEB}?from=idp#x",
    f"{WEB}?from=IDP",
    f"{WEB}/?from=idp",
    "http://chat.example.com/signed-in?from=idp",
    "https://chat.example.com:443/signed-in?from=idp",
    "https://CHAT.example.com/signed-in?from=idp",
    "https://chat.example.com./signed-in?from=idp",
    "https://chat.example.com.evil.example/signed-in?from=idp",
    "https://chat.example.com@evil.example/signed-in?from=idp",
    "https://evil.example@chat.example.com/signed-in?from=idp",
    "https://evil.example\\@chat.example.com/signed-in?from=idp",
    "https://evil.example/signed-in?from=idp",
    "https://evil.example/https://chat.example.com/signed-in?from=idp",
    "https://chat.example.com/x/../signed-in?from=idp",
    "https://chat.example.com/signed-in%3Ffrom=idp",
    "https:/chat.example.com/signed-in?from=idp",
    "//chat.example.com/signed-in?from=idp",
    "https://xn--cht-hoa.example.com/signed-in?from=idp",
    "https://ch\N{CYRILLIC SMALL LETTER A}t.example.com/signed-in?from=idp",
    # loopback
    "http://127.0.0.1/",
    "http://127.0.0.1/signed-in/",
    "http://127.0.0.1:/signed-in",
    "http://127.0.0.1:0/signed-in",
    "http://127.0.0.1:080/signed-in",
    "http://127.0.0.1:65536/signed-in",
    "http://127.0.0.1:8080@evil.example/signed-in",
    "http://127.0.0.1:8080.evil.example/signed-in",
    "http://127.0.0.1.evil.example/signed-in",
    "http://127.0.0.1:8080/signed-in?x=1",
    "http://127.0.0.1:8080\\signed-in",
    "http://127.0.0.2/signed-in",
    "http://127.1/signed-in",
    "http://2130706433/signed-in",
    "http://[::1]/signed-in",  # not listed
    "http://[::ffff:127.0.0.1]/signed-in",
    "http://localhost/signed-in",
    "https://127.0.0.1/signed-in",
    # what runs
    "javascript:alert(1)",
    "javascript://chat.example.com/%0Aalert(1)",
    "data:text/html,x",
    "file:///etc/passwd",
    "intent://signed-in#Intent;scheme=com.example.messenger;end",
    "*",
    "null",
]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory, shared_redis: RedisServer) -> Iterator[Scene]:
    with two_issuers(tmp_path_factory, shared_redis) as scene:
        yield scene


@pytest.fixture
def ticket(scene: Scene) -> dict[str, str]:
    """What a browser has brought to the app."""
    challenge = scene.site.start("idp", return_url=RETURN, code_challenge=CHALLENGE)
    return brought_by(Browser(scene.site).sign_in(challenge["url"]))


# O10: return URLs


@pytest.mark.parametrize("url", NEAR_MISSES)
def test_o10_urls_that_are_nearly_listed(scene: Scene, url: str) -> None:
    answer = scene.site.ask("idp", return_url=url, code_challenge=CHALLENGE)
    assert (answer["error"], "challenge" in answer) == ("BADREQUEST", False)
    query = urlencode({"appid": APP, "return_url": url, "code_challenge": CHALLENGE})
    for more in "", "&provider=idp":
        reply = Browser(scene.site).get(f"{scene.site.public_url}/signin?{query}{more}")
        assert (reply.status, reply.header("Location")) == (400, None)
        page = Markup(reply.body.decode())
        assert [a["href"] for a in page.all("a")] == []
        assert url == "*" or url not in reply.body.decode()


def test_o10_url_of_one_app_is_not_anothers(scene: Scene) -> None:
    answer = scene.site.ask("idp", appid=OTHER_APP, return_url=RETURN)
    assert answer["error"] == "BADREQUEST"


def test_a109_redirect_uri_of_a_browser_is_never_the_requests(scene: Scene) -> None:
    """Nor is anything else that leads the gateway somewhere."""
    evil = "https://evil.example/callback"
    names = ("issuer", "jwks_uri", "token_endpoint", "authorization_endpoint", "state", "scope")
    challenge = scene.site.start("idp", **dict.fromkeys(names, evil))
    assert evil not in Browser(scene.site).depart(challenge["url"])
    assert scene.site.ask("idp", redirect_uri=evil)["error"] == "BADREQUEST"
    for provider in (evil, "http://127.0.0.1:1/", "IDP", "idp/../other", "idp\0", "*"):
        assert scene.site.ask(provider)["error"] == "BADPROVIDER"


# A107: the app's challenge


@pytest.mark.parametrize(
    "asked",
    [
        {"code_challenge": VERIFIER, "code_challenge_method": "plain"},
        {"code_challenge": CHALLENGE, "code_challenge_method": "plain"},
        {"code_challenge": CHALLENGE, "code_challenge_method": "s256"},
        {"code_challenge": CHALLENGE, "code_challenge_method": "S512"},
        {"code_challenge_method": "S256"},
        {"code_challenge": CHALLENGE[:-1]},
        {"code_challenge": CHALLENGE + "A"},
        {"code_challenge": CHALLENGE[:-1] + "="},
        {"code_challenge": CHALLENGE[:-1] + "+"},
        {"code_challenge": base64.b64encode(b"x" * 32).decode()},
        {"code_challenge": "x"},
    ],
)
def test_a107_challenges_that_are_none(scene: Scene, asked: dict[str, str]) -> None:
    answer = scene.site.ask("idp", return_url=RETURN, **asked)
    assert answer["error"] == "BADREQUEST"
    query = urlencode({"appid": APP, "provider": "idp", "return_url": RETURN, **asked})
    reply = Browser(scene.site).get(f"{scene.site.public_url}/signin?{query}")
    assert (reply.status, reply.header("Location")) == (400, None)


def test_a107_challenge_that_somebody_left_out_on_the_way(scene: Scene) -> None:
    """The app has a verifier, and finds out (RFC 9700 4.8.2)."""
    challenge = scene.site.start("idp", return_url=RETURN)
    brought = brought_by(Browser(scene.site).sign_in(challenge["url"]))
    assert words([scene.site.redeem(brought)]) == ["BADOTP"]
    assert words([scene.site.redeem(brought, code_verifier=None)]) == ["BADOTP"]


# A105, O11: what the browser carries


def test_c19_ids_and_codes_cannot_be_guessed(scene: Scene) -> None:
    found = []
    for _ in range(5):
        challenge = scene.site.start("idp", return_url=RETURN, code_challenge=CHALLENGE)
        found.append(brought_by(Browser(scene.site).sign_in(challenge["url"])))
    for name, bits in ("challenge", 6), ("code", 4):  # base64url, and hexadecimal
        values = {each[name] for each in found}
        assert len(values) == 5
        assert all(len(value) * bits >= 128 for value in values)


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"code_verifier": None}, id="a105 without the verifier"),
        pytest.param({"code_verifier": ""}, id="a105 with an empty one"),
        pytest.param({"code_verifier": VERIFIER[:-1] + "l"}, id="a105 with another one"),
        pytest.param({"code_verifier": f" {VERIFIER}"}, id="a105 with a blank before it"),
        pytest.param({"code_verifier": CHALLENGE}, id="a107 with the challenge"),
        pytest.param({"code_verifier": s256(CHALLENGE)}, id="a107 with its hash"),
        pytest.param({"otp": "0" * 32}, id="a105 with another code"),
        pytest.param({"otp": "1"}, id="a105 with a short code"),
        pytest.param({"provider": "other"}, id="o8 by another provider"),
    ],
)
def test_wrong_try_is_the_end_of_the_code(
    scene: Scene, ticket: dict[str, str], wrong: dict[str, Any]
) -> None:
    calls = len(scene.site.mesibo.calls)
    assert words([scene.site.redeem(ticket, **wrong)]) == ["BADOTP"]
    assert words([scene.site.redeem(ticket)]) == ["BADOTP"]
    assert len(scene.site.mesibo.calls) == calls


def test_a105_code_of_one_app_is_no_others(scene: Scene, ticket: dict[str, str]) -> None:
    for app in (OTHER_APP, "unknown", APP.upper()):
        answer = scene.site.redeem(ticket, appid=app)
        assert answer["error"] == ("BADOTP" if app == OTHER_APP else "BADAPP")
    # Nor does it take anything away from the app that it is of.
    assert words([scene.site.redeem(ticket)]) == ["OK"]


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"otp": None}, "BADREQUEST"),
        ({"otp": ""}, "BADREQUEST"),
        ({"challenge": "x"}, "BADOTP"),
        ({"challenge": "A" * 22}, "BADOTP"),
        ({"challenge": "../" * 10}, "BADOTP"),
        ({"challenge": "\0" * 22}, "BADOTP"),
        ({"challenge": "x" * 5000}, "BADOTP"),
        ({"challenge": 1}, "BADREQUEST"),
        ({"challenge": ["x"]}, "BADREQUEST"),
    ],
)
def test_requests_that_are_no_try(
    scene: Scene, ticket: dict[str, str], fields: dict[str, Any], word: str
) -> None:
    assert words([scene.site.redeem(ticket, **fields)]) == [word]
    assert words([scene.site.redeem(ticket)]) == ["OK"]


def test_a105_challenge_that_nobody_has_met_yet(scene: Scene) -> None:
    challenge = scene.site.start("idp", return_url=RETURN, code_challenge=CHALLENGE)
    early = {"challenge": challenge["id"], "code": "0" * 32}
    assert words([scene.site.redeem(early)]) == ["BADOTP"]
    brought = brought_by(Browser(scene.site).sign_in(challenge["url"]))
    assert words([scene.site.redeem(brought)]) == ["OK"]


def test_a105_code_is_not_for_browsers(scene: Scene, ticket: dict[str, str]) -> None:
    """The token is only for whoever posts."""
    query = urlencode({"op": "login", "appid": APP, "challenge": ticket["challenge"]})
    url = f"{scene.site.public_url}/?{query}&otp={ticket['code']}&code_verifier={quote(VERIFIER)}"
    reply = Browser(scene.site).get(url)
    assert reply.json["error"] == "BADREQUEST"
    assert words([scene.site.redeem(ticket)]) == ["OK"]


def test_a61_unknown_app_learns_nothing_of_providers(scene: Scene) -> None:
    """And no identity provider hears of it."""
    seen = len(scene.idp.visits())
    answers = [
        scene.site.ask(provider, appid="unknown", client=fresh_client(), **fields)
        for provider in ("idp", "nobody")
        for fields in ({}, {"id_token": scene.idp.token()}, {"return_url": RETURN})
    ]
    assert set(words(answers)) == {"BADAPP"}
    assert len({tuple(sorted(answer)) for answer in answers}) == 1
    reply = Browser(scene.site).get(f"{scene.site.public_url}/signin?appid=unknown&provider=idp")
    assert reply.status == 400
    assert len(scene.idp.visits()) == seen
