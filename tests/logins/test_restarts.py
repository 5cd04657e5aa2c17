"""Gateways that end and start again, in order or by kill -9: what is kept, and where."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import redis

from gateway.challenges import LEASE_MS
from tests.logins.configuration import ATTEMPTS, FAILURES, configuration
from tests.logins.site import Site, until, words, wrong
from tests.servers.gateway import GatewayProcess, post
from tests.servers.mesibo import MesiboCloud
from tests.servers.redis_server import RedisServer
from tests.servers.sms import SmsVendor


@contextlib.contextmanager
def gateway(folder: Path, mesibo: MesiboCloud, sms: SmsVendor, store: str) -> Iterator[Site]:
    with GatewayProcess(folder, configuration(mesibo, sms, store)) as process:
        yield Site([process], mesibo, sms)


def test_a35_memory_ends_with_its_process(
    mesibo: MesiboCloud, sms: SmsVendor, number: str, other_number: str, tmp_path: Path
) -> None:
    with gateway(tmp_path, mesibo, sms, "memory://") as before:
        code = before.code_for(number)
        spent = [before.login(phone=other_number, otp="000000") for _ in range(FAILURES + 1)]
        assert words(spent)[-1] == "RATELIMIT"
    with gateway(tmp_path, mesibo, sms, "memory://") as after:
        assert after.login(phone=number, otp=code)["error"] == "BADOTP"
        assert after.login(phone=other_number, otp="000000")["error"] == "BADOTP"
        assert after.useradds(number) == []
        assert after.sign_in(number)["result"] == "OK"


def test_a35_redis_outlives_gateways(
    redis_site: Site, shared_redis: RedisServer, number: str, other_number: str, tmp_path: Path
) -> None:
    mesibo, sms = redis_site.mesibo, redis_site.sms
    with gateway(tmp_path, mesibo, sms, shared_redis.url) as before:
        code = before.code_for(number)
        for guess in wrong(code, ATTEMPTS - 1):
            before.login(phone=number, otp=guess)
        spent = [before.login(phone=other_number, otp="000000") for _ in range(FAILURES)]
        assert words(spent)[-1] == "BADOTP"
    with gateway(tmp_path, mesibo, sms, shared_redis.url) as after:
        assert after.login(phone=other_number, otp="000000")["error"] == "RATELIMIT"
        assert after.login(phone=number)["result"] == "OK"  # pending still
        assert after.login(phone=number, otp=code)["result"] == "OK"
        assert sms.count(number) == 1


@pytest.mark.parametrize("tries", [ATTEMPTS - 1, ATTEMPTS], ids=["one_left", "none_left"])
def test_a35_tries_are_kept(
    redis_site: Site, shared_redis: RedisServer, number: str, tmp_path: Path, tries: int
) -> None:
    code = redis_site.code_for(number)
    for guess in wrong(code, tries):
        redis_site.login(phone=number, otp=guess)
    with gateway(tmp_path, redis_site.mesibo, redis_site.sms, shared_redis.url) as new:
        expected = "OK" if tries < ATTEMPTS else "BADOTP"
        assert words([new.login(phone=number, otp=code)]) == [expected]


def test_c22_gateway_is_killed_while_mesibo_is_asked(
    redis_site: Site, shared_redis: RedisServer, number: str, tmp_path: Path
) -> None:
    mesibo, sms = redis_site.mesibo, redis_site.sms
    code = redis_site.code_for(number)
    asked = len(mesibo.calls)
    mesibo.fail("hang", times=1)
    with ThreadPoolExecutor() as pool, gateway(tmp_path, mesibo, sms, shared_redis.url) as doomed:
        victim = pool.submit(doomed.login, phone=number, otp=code)
        mesibo.wait_calls(asked + 1)
        doomed.gateways[0].kill()
        assert isinstance(victim.exception(), ConnectionError)

    busy = redis_site.login(phone=number, otp=code)
    assert (busy["error"], busy["retry_after"]) == ("UNAVAILABLE", 1)
    with redis.Redis.from_url(shared_redis.url) as client:
        (lease,) = client.keys("gw:*:l")
        assert 0 < client.pttl(lease) <= LEASE_MS
        client.pexpire(lease, 1)
        until(lambda: not client.exists(lease))
    answer = redis_site.login(phone=number, otp=code)
    assert answer["token"] == redis_site.tokens(number)[-1]
    assert sms.count(number) == 1


def test_p4_a_code_in_use_by_one_process_is_busy_for_another(redis_site: Site, number: str) -> None:
    code = redis_site.code_for(number)
    one, other = redis_site.gateways
    asked = len(redis_site.mesibo.calls)
    redis_site.mesibo.fail("slow:0.3")
    with ThreadPoolExecutor() as pool:
        first = pool.submit(redis_site.login, at=one, phone=number, otp=code)
        redis_site.mesibo.wait_calls(asked + 1)
        busy = redis_site.login(at=other, phone=number, otp=code)
        assert (busy["error"], busy["retry_after"]) == ("UNAVAILABLE", 1)
        assert first.result()["result"] == "OK"
    assert redis_site.login(at=other, phone=number, otp=code)["error"] == "BADOTP"
    assert len(redis_site.useradds(number)) == 1


def test_p4_c22_a_login_under_way_is_finished_before_the_gateway_ends(
    redis_site: Site, shared_redis: RedisServer, number: str, tmp_path: Path
) -> None:
    mesibo, sms = redis_site.mesibo, redis_site.sms
    code = redis_site.code_for(number)
    asked = len(mesibo.calls)
    mesibo.fail("slow:0.5")
    with ThreadPoolExecutor() as pool, gateway(tmp_path, mesibo, sms, shared_redis.url) as ending:
        last = pool.submit(ending.login, phone=number, otp=code)
        mesibo.wait_calls(asked + 1)
        assert ending.gateways[0].stop() == 0
        assert last.result()["token"] == redis_site.tokens(number)[-1]
    assert post(redis_site.gateways[0].admin_url, path="/readyz", method="GET").status == 200
