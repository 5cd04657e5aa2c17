"""One ID token signs in once, over all gateways, however often and from wherever it is sent."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.logins.browsing import Browser
from tests.logins.identity import OTHER_APP, RETURN, brought_by
from tests.logins.scenes import Scene, two_issuers
from tests.logins.site import words
from tests.servers.oidc_keys import Key, b64, unb64
from tests.servers.redis_server import RedisServer

CROWD = 20


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, shared_redis: RedisServer) -> Iterator[Scene]:
    with two_issuers(tmp_path_factory, shared_redis) as scene:
        scene.idp.keys.append(Key("ES256"))
        yield scene


@pytest.fixture
def scene(running: Scene) -> Iterator[Scene]:
    yield running
    running.site.mesibo.ok()


@pytest.fixture
def somebody() -> str:
    """A subject that nobody else has."""
    return f"ann-{secrets.token_hex(4)}"


def address(somebody: str) -> str:
    return f"idp:{somebody}"


def test_o7_a91_a_token_signs_in_once(scene: Scene, somebody: str) -> None:
    token = scene.idp.token({"sub": somebody})
    assert scene.site.ask("idp", id_token=token)["result"] == "OK"
    for _ in range(4):  # both gateways
        word, detail = scene.site.refused("idp", id_token=token)
        assert (word, "already" in detail) == ("BADLOGIN", True)
    assert len(scene.site.tokens(address(somebody))) == 1


@pytest.mark.parametrize("more", [{}, {"provider": None}, {"appid": OTHER_APP}, {"name": "x"}])
def test_o7_whatever_else_is_in_the_request(
    scene: Scene, somebody: str, more: dict[str, Any]
) -> None:
    token = scene.idp.token({"sub": somebody})
    assert scene.site.ask("idp", id_token=token)["result"] == "OK"
    answer = scene.site.login(**{"provider": "idp", "id_token": token, **more})
    assert answer["error"] == "BADLOGIN"
    assert len(scene.site.tokens(address(somebody))) == 1


@pytest.mark.parametrize("mesibo", ["ok", "slow:0.2"])
def test_o7_parallel_tokens_give_one(scene: Scene, somebody: str, mesibo: str) -> None:
    token = scene.idp.token({"sub": somebody})
    if mesibo != "ok":
        scene.site.mesibo.fail(mesibo)  # so that all are under way together
    answers = scene.site.at_once([{"provider": "idp", "id_token": token}] * CROWD)
    assert set(words(answers)) <= {"OK", "BADLOGIN", "RATELIMIT"}
    tokens = [answer["token"] for answer in answers if answer["result"] == "OK"]
    assert tokens == scene.site.tokens(address(somebody))
    assert len(tokens) == 1
    assert len(scene.site.useradds(address(somebody))) == 1


def test_o7_another_signature_of_the_same_token_is_no_other_token(
    scene: Scene, somebody: str
) -> None:
    """ECDSA: whoever has one good signature can make a second one without the key."""
    token = scene.idp.token({"sub": somebody}, by=scene.idp.keys[1])
    assert scene.site.ask("idp", id_token=token)["result"] == "OK"
    head, _, signature = token.rpartition(".")
    raw = unb64(signature)
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256
    mirrored = (order - int.from_bytes(raw[32:], "big")).to_bytes(32, "big")
    for other in (b64(raw[:32] + mirrored), f"{signature}=", signature + "A"):
        assert scene.site.refused("idp", id_token=f"{head}.{other}")[0] == "BADLOGIN"
    assert len(scene.site.tokens(address(somebody))) == 1


@pytest.mark.parametrize("fault", ["http503", "false", "cut", "html"])
def test_c22_token_works_after_mesibo_was_down(scene: Scene, somebody: str, fault: str) -> None:
    token = scene.idp.token({"sub": somebody})
    scene.site.mesibo.fail(fault)
    for _ in range(7):  # more than failures_per_identity: nothing is counted
        assert scene.site.ask("idp", id_token=token)["error"] == "UNAVAILABLE"
    scene.site.mesibo.ok()
    assert scene.site.ask("idp", id_token=token)["result"] == "OK"
    assert scene.site.refused("idp", id_token=token)[0] == "BADLOGIN"


def test_c22_parallel_tokens_while_mesibo_is_down(scene: Scene, somebody: str) -> None:
    """Nobody gets in twice because somebody's failure gave the token back."""
    token = scene.idp.token({"sub": somebody})
    scene.site.mesibo.fail("http503", times=3)
    ok = 0
    for _ in range(3):
        answers = scene.site.at_once([{"provider": "idp", "id_token": token}] * CROWD)
        ok += words(answers).count("OK")
    assert ok == len(scene.site.tokens(address(somebody))) <= 1
    if not ok:
        assert scene.site.ask("idp", id_token=token)["result"] == "OK"


def test_o7_wrong_first_try_does_not_use_the_token_up(scene: Scene, somebody: str) -> None:
    """Who has no nonce cannot spoil the token of who has."""
    token = scene.idp.token({"sub": somebody, "nonce": "n-1"})
    for _ in range(3):
        assert scene.site.refused("idp", id_token=token, nonce="guess")[0] == "BADLOGIN"
    assert scene.site.ask("idp", id_token=token, nonce="n-1")["result"] == "OK"


def test_c5_failures_are_counted_for_the_token_and_lock_nobody_out(
    scene: Scene, somebody: str
) -> None:
    token = scene.idp.token({"sub": somebody, "nonce": "n-1"})
    answers = [scene.site.ask("idp", id_token=token, nonce=f"guess {i}") for i in range(7)]
    assert Counter(words(answers)) == {"BADLOGIN": 5, "RATELIMIT": 2}
    other = scene.idp.token({"sub": somebody, "jti": "other"})
    assert scene.site.ask("idp", id_token=other)["result"] == "OK"


def test_o7_token_that_was_got_in_a_browser_is_not_sent_by_an_app_as_well(scene: Scene) -> None:
    """Its nonce is the gateway's, which nobody else knows."""
    seen: list[str] = []
    make = scene.idp.forge

    def forge(claims: Any) -> str:
        seen.append(make(claims))
        return seen[-1]

    scene.idp.forge = forge
    try:
        url = scene.site.start("idp", return_url=RETURN)["url"]
        brought_by(Browser(scene.site).sign_in(url))
    finally:
        scene.idp.forge = make
    for nonce in (None, "x"):
        word, detail = scene.site.refused("idp", id_token=seen[0], nonce=nonce)
        assert (word, "nonce" in detail) == ("BADLOGIN", True)
