"""Stopping: what runs may finish, nothing new begins, and all of it ends in time (A151)."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator

import pytest

from tests.gateway.conftest import (
    Site,
    StartRedis,
    StartSite,
    login_request,
    password_login,
    phone_login,
)
from tests.gateway.raw_http import check, request
from tests.gateway.waiting import until
from tests.servers.fault_proxy import FaultProxy, Faults


@pytest.fixture
def network(site: Site) -> Iterator[FaultProxy]:
    """The way to mesibo, on which everything stands still until it is healed."""
    with FaultProxy(site.mesibo.port) as proxy:
        proxy.set(Faults(black_hole=True))
        yield proxy


def test_a151_login_in_flight_finishes_and_nothing_new_begins(
    site: Site, start_site: StartSite, network: FaultProxy
) -> None:
    url = site.mesibo.url.replace(str(site.mesibo.port), str(network.port))
    issuer = {"type": "mesibo", "url": url, "app_token": site.mesibo.app_token}
    ending = start_site(issuer=issuer)
    with ending.connect() as running, ending.connect() as idle, ending.connect() as beginning:
        idle.send(login_request())
        check(idle.reply())
        beginning.send(b"POST / HTTP/1.1\r\n")
        running.send(request(json.dumps(password_login())) + login_request())
        until(lambda: network.accepted == 1)
        os.kill(ending.gateway.pid, signal.SIGTERM)
        until(lambda: ending.admin("/readyz").status == 503)
        assert ending.admin("/readyz").json == {"status": "not ready", "reason": "draining"}
        assert ending.admin("/healthz").status == 200
        with pytest.raises(ConnectionRefusedError):
            ending.connect()
        assert idle.rest() == beginning.rest() == b""
        network.heal()
        assert "token" in check(running.reply()).json
        assert running.rest() == b""
    assert ending.gateway.stop() == 0


def test_a151_drain_ends_in_time_and_leaves_no_code_half_used(
    site: Site, start_site: StartSite, start_redis: StartRedis
) -> None:
    redis = {"store": {"url": start_redis().url}, "secret": "s" * 32}
    ending = start_site({"gateway.app.DRAIN": 0.3}, **redis)
    login = phone_login()
    ending.post(login)
    answer = {**login, "otp": site.sms.code_for(login["phone"])}
    site.mesibo.fail("hang")
    calls = len(site.mesibo.calls)
    with ending.connect() as wire:
        wire.send(request(json.dumps(answer)))
        site.mesibo.wait_calls(calls + 1)
        started = time.monotonic()
        assert ending.gateway.stop() == 0
        assert time.monotonic() - started < 2
    site.mesibo.ok()
    assert "token" in start_site(**redis).post(answer, second_step=True).json
