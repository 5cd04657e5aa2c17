"""Authorization codes that apps got themselves: whose, for which URI, by which verifier."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.logins.browsing import Browser, query_of
from tests.logins.identity import CLIENT, OTHER_APP, RETURN, RETURNS, VERIFIER
from tests.logins.scenes import Scene, two_issuers
from tests.logins.site import words
from tests.servers.http_scripted import Reply
from tests.servers.oidc_fake import AUTHORIZE, TOKEN
from tests.servers.oidc_flow import Flow
from tests.servers.oidc_keys import ABSENT
from tests.servers.redis_server import RedisServer

OTHER_VERIFIER: Final = "x" * 43
EVIL: Final = "https://evil.example/callback"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, shared_redis: RedisServer) -> Iterator[Scene]:
    with two_issuers(tmp_path_factory, shared_redis) as scene:
        yield scene


@pytest.fixture
def scene(running: Scene) -> Iterator[Scene]:
    running.idp.forget()
    yield running
    running.site.mesibo.ok()
    for each in (running.idp, running.other):
        each.sound()
        each.claims = {}


def got(scene: Scene, redirect_uri: str = RETURN) -> dict[str, str]:
    """Return what an app has after its own trip to the identity provider."""
    flow = Flow(CLIENT, redirect_uri)
    back = Browser(scene.site).sign_in_there(flow.start(scene.idp.url + AUTHORIZE))
    return {
        "code": query_of(back)["code"],
        "code_verifier": flow.verifier,
        "redirect_uri": redirect_uri,
        "nonce": flow.nonce,
    }


@pytest.mark.parametrize("redirect_uri", RETURNS)
def test_code_signs_in(scene: Scene, redirect_uri: str) -> None:
    brought = got(scene, redirect_uri)
    answer = scene.site.ask("idp", **brought)
    assert (answer["address"], answer["name"]) == ("idp:ann-1", "Ann Example")
    (visit,) = scene.idp.visits(TOKEN)
    assert visit.form["redirect_uri"] == redirect_uri
    assert visit.form["code_verifier"] == brought["code_verifier"]
    assert visit.header("Authorization") is not None
    assert "client_secret" not in visit.form


def test_o20_code_is_redeemed_once(scene: Scene) -> None:
    brought = got(scene)
    assert scene.site.ask("idp", **brought)["result"] == "OK"
    for _ in range(2):
        assert scene.site.refused("idp", **brought)[0] == "BADLOGIN"


def test_o20_parallel_codes_give_one_token(scene: Scene) -> None:
    brought, minted = got(scene), len(scene.site.mesibo.minted)
    answers = scene.site.at_once([{"provider": "idp", **brought}] * 10)
    assert Counter(words(answers))["OK"] == len(scene.site.mesibo.minted) - minted == 1
    assert set(words(answers)) <= {"OK", "BADLOGIN", "RATELIMIT"}


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        pytest.param({"code_verifier": None}, "BADREQUEST", id="o1 no verifier"),
        pytest.param({"code_verifier": ""}, "BADREQUEST", id="o1 empty verifier"),
        pytest.param({"redirect_uri": None}, "BADREQUEST", id="o20 no redirect_uri"),
        pytest.param({"redirect_uri": EVIL}, "BADREQUEST", id="o20 redirect_uri not listed"),
        pytest.param({"redirect_uri": f"{RETURN}/"}, "BADREQUEST", id="o20 nearly listed"),
        pytest.param({"appid": OTHER_APP}, "BADREQUEST", id="o20 of another app"),
        pytest.param(
            {"redirect_uri": "{public_url}/callback/idp"}, "BADREQUEST", id="o20 the gateway's own"
        ),
        pytest.param({"code": ["x"]}, "BADREQUEST", id="a code that is a list"),
        pytest.param({"code_verifier": "short"}, "BADLOGIN", id="a107 short verifier"),
        pytest.param({"code_verifier": "x" * 129}, "BADLOGIN", id="a107 long verifier"),
        pytest.param({"code_verifier": "x" * 42 + "+"}, "BADLOGIN", id="a107 other letters"),
        pytest.param({"code_verifier": "x" * 42 + "\n"}, "BADLOGIN", id="a107 line break"),
        pytest.param({"code": "a\r\nb"}, "BADLOGIN", id="a code of two lines"),
        pytest.param({"code": "\N{BLACK HEART SUIT}"}, "BADLOGIN", id="a code of no ASCII"),
    ],
)
def test_nobody_is_asked_about(scene: Scene, changes: dict[str, Any], word: str) -> None:
    brought = got(scene)
    filled = {
        name: value.replace("{public_url}", scene.site.public_url)
        if isinstance(value, str)
        else value
        for name, value in changes.items()
    }
    assert scene.site.refused("idp", **{**brought, **filled})[0] == word
    assert scene.idp.visits(TOKEN) == []
    # It stays good for who has got it.
    assert scene.site.ask("idp", **brought)["result"] == "OK"


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"code_verifier": OTHER_VERIFIER}, id="o1 other verifier"),
        pytest.param({"code_verifier": VERIFIER}, id="o1 verifier of another trip"),
        pytest.param({"redirect_uri": RETURNS[1]}, id="o20 another one of the app"),
        pytest.param({"code": "guessed"}, id="guessed"),
        pytest.param({"nonce": "another"}, id="o3 nonce"),
        pytest.param({"provider": "other"}, id="o8 at another provider"),
    ],
)
def test_codes_that_are_refused(scene: Scene, changes: dict[str, str]) -> None:
    brought = {"provider": "idp", **got(scene), **changes}
    provider = brought.pop("provider")
    word, detail = scene.site.refused(provider, **brought)
    assert word == "BADLOGIN"
    assert "refused" in detail or "nonce" in detail


def test_a107_flow_without_a_challenge_is_none(scene: Scene) -> None:
    """The identity provider refuses it; an app cannot have such a code."""
    flow = Flow(CLIENT, RETURN)
    for changes in ({"code_challenge_method": "plain"}, {"code_challenge": ABSENT}):
        url = flow.start(scene.idp.url + AUTHORIZE, changes)
        assert "code" not in query_of(Browser(scene.site).sign_in_there(url))


def test_o16_no_passwords(scene: Scene) -> None:
    """Not for the gateway to see."""
    for name in ("username", "email", "phone"):
        fields = {name: "ann@example.test", "password": "correct horse"}
        assert scene.site.refused("idp", **fields)[0] == "BADREQUEST"
    assert scene.idp.visits() == []


def test_a109_request_cannot_say_whom_to_ask(scene: Scene) -> None:
    names = ("issuer", "jwks_uri", "token_endpoint", "userinfo_endpoint", "client_id", "iss")
    scene.other.forget()
    more = dict.fromkeys(names, scene.other.url)
    assert scene.site.ask("idp", **got(scene), **more)["result"] == "OK"
    assert scene.other.visits() == []
    assert len(scene.idp.visits(TOKEN)) == 1


@pytest.mark.parametrize("word", ["invalid_client", "unauthorized_client", "invalid_scope"])
def test_what_the_operator_has_to_mend_is_no_failed_try(scene: Scene, word: str) -> None:
    status = 401 if word == "invalid_client" else 400
    brought = got(scene)
    scene.idp.script(TOKEN, Reply({"error": word, "error_description": "x"}, status))
    for _ in range(7):
        answer = scene.site.ask("idp", **brought)
        assert answer["error"] == "UNAVAILABLE"
    said = [line for each in scene.site.gateways for line in each.stderr.splitlines()]
    told = [line for line in said if "identity provider refuses" in line and word in line]
    assert told != []
    assert all('"level":"error"' in line for line in told)
    scene.idp.sound()
    assert scene.site.ask("idp", **brought)["result"] == "OK"


@pytest.mark.parametrize("fault", ["http503", "html", "redirect", "empty", "not_utf8", "array"])
def test_code_that_the_identity_provider_did_not_get_to_see_works_afterwards(
    scene: Scene, fault: str
) -> None:
    brought = got(scene)
    scene.idp.script(TOKEN, fault, times=1)
    assert scene.site.ask("idp", **brought)["error"] == "UNAVAILABLE"
    assert scene.site.ask("idp", **brought)["result"] == "OK"


def test_c22_code_works_after_mesibo_was_down(scene: Scene) -> None:
    brought = got(scene)
    scene.site.mesibo.fail("http503")
    for _ in range(7):
        assert scene.site.ask("idp", **brought)["error"] == "UNAVAILABLE"
    scene.site.mesibo.ok()
    assert scene.site.ask("idp", **brought)["result"] == "OK"


def test_c22_kept_code_is_for_who_has_all_that_goes_with_it(scene: Scene) -> None:
    site, brought = scene.site, got(scene)
    site.mesibo.fail("http503")
    assert site.ask("idp", **brought)["error"] == "UNAVAILABLE"
    site.mesibo.ok()
    for changes in (
        {"code_verifier": OTHER_VERIFIER},
        {"redirect_uri": RETURNS[1]},
        {"provider": "other"},
        {"code": brought["code"][:-1]},
    ):
        other: dict[str, Any] = {"provider": "idp", **brought, **changes}
        assert site.login(**other)["error"] == "BADLOGIN"
    answers = site.at_once([{"provider": "idp", **brought}] * 10)
    assert Counter(words(answers))["OK"] == 1
    assert site.refused("idp", **brought)[0] in ("BADLOGIN", "RATELIMIT")
