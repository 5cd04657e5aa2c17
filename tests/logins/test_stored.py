"""What Redis holds: nothing that tells who somebody is or what their code is, and not for long."""

from __future__ import annotations

import base64
import hashlib
import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.logins.configuration import FAILURES, LONG, PASSWORD, configuration
from tests.logins.site import Site, wrong
from tests.servers.gateway import GatewayProcess
from tests.servers.redis_server import RedisServer

FOR_EVER = -1  # as Redis says it
DAY = 86_400_000  # ms, the longest period of a limit here
HASHES = ("md5", "sha1", "sha256", "blake2b", "sha3_256")


@pytest.fixture
def client(shared_redis: RedisServer) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(shared_redis.url) as client:
        yield client


def run_through(site: Site, number: str) -> str:
    """Leave something of every kind in the store: a challenge, counters, and a lease for a while.

    Return the code that is in use.
    """
    code = site.code_for(number, appid=LONG)
    site.login(phone=number, otp=wrong(code)[0], appid=LONG)
    site.login(appid="staff", username="ann@example.com", password="wrong")
    return code


def content(client: Any) -> dict[bytes, bytes]:
    return {key: client.get(key) for key in client.keys("*")}


def plain_digests(text: str) -> Iterator[bytes]:
    """Yield what an unkeyed digest of ``text`` would look like, whole or shortened."""
    for name in HASHES:
        digest = hashlib.new(name, text.encode()).digest()
        yield from (digest[:16], digest.hex()[:16].encode(), base64.b64encode(digest)[:16])


def test_p2_nothing_in_clear_and_everything_ends(
    redis_site: Site, client: redis.Redis, number: str
) -> None:
    code = run_through(redis_site, number)
    asked = len(redis_site.mesibo.calls)
    redis_site.mesibo.fail("slow:0.5")
    with ThreadPoolExecutor() as pool:
        login = pool.submit(redis_site.login, phone=number, otp=code, appid=LONG)
        redis_site.mesibo.wait_calls(asked + 1)
        found = content(client)
        lives = {key: client.pttl(key) for key in found}
        assert login.result()["result"] == "OK"
    assert sum(key.endswith(b":l") for key in found) >= 1
    assert sum(key.startswith(b"gw:{") for key in found) >= 2
    assert sum(key.startswith(b"gw:n:") for key in found) >= 4
    assert [key for key in found if not key.startswith(b"gw:")] == []
    assert [key for key, life in lives.items() if life == FOR_EVER or life > DAY] == []

    everything = b"\n".join(itertools.chain(*found.items()))
    sent = {message.to for message in redis_site.sms.messages}
    assert number in sent
    for secret in (*sent, code, "ann@example.com", PASSWORD, *redis_site.tokens(number)):
        assert secret.encode() not in everything
        assert not any(digest in everything for digest in plain_digests(secret))
    values = b"\n".join(found.values())
    codes = {message.text.split()[0] for message in redis_site.sms.messages}
    assert [code for code in codes if code.encode() in values] == []


def test_p2_p4_a_used_code_leaves_only_counters(
    redis_site: Site, client: redis.Redis, number: str
) -> None:
    before = content(client).keys()
    assert redis_site.sign_in(number)["result"] == "OK"
    left = content(client).keys() - before
    assert left
    assert all(key.startswith(b"gw:n:") for key in left)


def test_p2_digests_are_keyed_with_the_secret(
    redis_site: Site,
    shared_redis: RedisServer,
    client: redis.Redis,
    number: str,
    tmp_path: Path,
) -> None:
    code = redis_site.code_for(number)
    before = content(client)
    config = configuration(redis_site.mesibo, redis_site.sms, shared_redis.url)
    config["secret"] = "another secret of a gateway on the same store"
    with GatewayProcess(tmp_path, config) as process:
        stranger = Site([process], redis_site.mesibo, redis_site.sms)
        for _ in range(FAILURES):
            assert stranger.login(phone=number, otp=code)["error"] == "BADOTP"
        assert stranger.login(phone=number, otp=code)["error"] == "RATELIMIT"
    after = content(client)
    assert {key for key in before if after.get(key, before[key]) != before[key]} == set()
    assert redis_site.login(phone=number, otp=code)["result"] == "OK"
