"""Several workers: one port, one log, one set of metrics, and nobody misses one that dies."""

from __future__ import annotations

import os
import re
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.conftest import (
    APP,
    Site,
    StartSite,
    password_login,
    phone_login,
    site_config,
)
from tests.gateway.waiting import audit_lines, until

OTHER = "com.example.other"


def counted(site: Site, metric: str) -> float:
    """The sum over the series of a metric."""
    lines = site.admin("/metrics").body.decode().splitlines()
    return sum(float(line.split()[-1]) for line in lines if re.match(rf"{metric}[{{ ]", line))


def test_both_serve_one_port_and_count_together(
    start_site: StartSite, shared: dict[str, Any]
) -> None:
    site = start_site(**shared)
    assert len(site.workers) == 2
    for _ in range(40):
        assert site.logs_in()
    ids = {line["request_id"][:8] for line in audit_lines(site.gateway, 40)}
    assert len(ids) == 2
    assert counted(site, "gateway_logins_total") == 40
    assert counted(site, "gateway_login_seconds_count") == 40
    assert "\ngateway_in_flight 0.0\n" in site.admin("/metrics").body.decode()
    assert site.admin("/healthz").status == site.admin("/readyz").status == 200
    assert site.gateway.stop() == 0


def test_a_code_is_good_at_any_worker_once(start_site: StartSite, shared: dict[str, Any]) -> None:
    site = start_site(**shared)
    login = phone_login()
    for _ in range(8):
        site.post(login)
    answer = {**login, "otp": site.sms.code_for(login["phone"])}
    assert site.sms.count(login["phone"]) == 1
    answers = [site.post(answer, second_step=True).json for _ in range(8)]
    assert ["token" in answer for answer in answers] == [True] + [False] * 7


def test_worker_that_is_killed_is_started_again(
    start_site: StartSite, shared: dict[str, Any]
) -> None:
    site = start_site(**shared)
    for _ in range(10):
        assert site.logs_in()
    before = site.workers
    os.kill(min(before), signal.SIGKILL)
    until(lambda: len(site.workers - before) == 1)
    until(lambda: len(site.workers) == 2 and site.admin("/readyz").status == 200)
    assert site.logs_in()
    assert counted(site, "gateway_logins_total") == 11
    assert '"event":"worker ended"' in site.gateway.stderr


def test_no_worker_outlives_its_supervisor(start_site: StartSite, shared: dict[str, Any]) -> None:
    site = start_site(**shared)
    left = site.workers
    site.gateway.kill()
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in left))


def test_all_reload_or_none(start_site: StartSite, shared: dict[str, Any]) -> None:
    site = start_site(**shared)
    config = site_config(site.mesibo, site.sms, **shared)

    def ended(result: str) -> bool:
        return f'{{result="{result}"}} 1.0' in site.admin("/metrics").body.decode()

    site.gateway.write({**config, "apps": {APP: {}, OTHER: {}}})
    until(lambda: ended("ok"))
    login = password_login(appid=OTHER)
    for _ in range(10):
        assert "token" in site.post(login, second_step=False).json
    site.gateway.write({**config, "nonsense": 1})
    until(lambda: ended("failed"))
    for _ in range(10):
        assert "token" in site.post(login, second_step=False).json


def test_logging_changes_for_all(start_site: StartSite, shared: dict[str, Any]) -> None:
    site = start_site(**shared)
    config = site_config(site.mesibo, site.sms, **shared)
    site.gateway.write({**config, "logging": {"level": "warning", "format": "console"}})
    until(lambda: 'result="ok"} 1.0' in site.admin("/metrics").body.decode())
    for _ in range(20):
        assert site.logs_in()
    site.gateway.write({**config, "nonsense": 1})
    until(lambda: "not reloaded" in site.gateway.stderr)
    lines = site.gateway.stderr.splitlines()
    assert not any("authn_login" in line for line in lines)
    assert not next(line for line in lines if "not reloaded" in line).startswith("{")


def test_worker_started_again_runs_what_the_others_run(
    start_site: StartSite, shared: dict[str, Any]
) -> None:
    """The file may be broken by then: what runs is what was valid last."""
    site = start_site(**shared)
    site.gateway.write({"nonsense": 1})
    until(lambda: "not reloaded" in site.gateway.stderr)
    before = site.workers
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    until(lambda: len(site.workers) == 2 and not site.workers & before)
    until(lambda: site.admin("/readyz").status == 200)
    assert site.logs_in()


def test_not_ready_while_no_worker_runs(start_site: StartSite, shared: dict[str, Any]) -> None:
    site = start_site(**shared)
    for pid in site.workers:
        os.kill(pid, signal.SIGSTOP)
    try:
        assert site.admin("/readyz").status == 503
    finally:
        for pid in site.workers:
            os.kill(pid, signal.SIGCONT)
    until(lambda: site.admin("/readyz").status == 200)
    assert site.logs_in()


def test_worker_that_hangs_is_noticed_without_being_asked_for(
    start_site: StartSite, shared: dict[str, Any]
) -> None:
    site = start_site(**shared)
    (hanging, _) = site.workers
    os.kill(hanging, signal.SIGSTOP)
    until(lambda: '"event":"worker hangs"' in site.gateway.stderr, 15)
    until(lambda: hanging not in site.workers and len(site.workers) == 2)
    assert site.logs_in()


def test_readiness_does_not_wait_for_whom_somebody_waits_for_already(
    start_site: StartSite, shared: dict[str, Any]
) -> None:
    site = start_site(**shared)
    (hanging, _) = site.workers
    assert site.admin("/readyz").status == 200
    os.kill(hanging, signal.SIGSTOP)
    with ThreadPoolExecutor() as pool:
        replies = list(pool.map(lambda _: site.admin("/readyz").status, range(6)))
    assert replies == [200] * 6


def test_drain_lets_all_workers_finish(
    start_site: StartSite, shared: dict[str, Any], site: Site
) -> None:
    draining = start_site(**shared)
    site.mesibo.fail("hang")
    calls = len(site.mesibo.calls)
    answers: list[Any] = []

    def log_in() -> None:
        answers.append(draining.post(password_login(), second_step=False).json)

    threads = [threading.Thread(target=log_in) for _ in range(6)]
    for thread in threads:
        thread.start()
    site.mesibo.wait_calls(calls + 6)
    os.kill(draining.gateway.pid, signal.SIGTERM)
    until(lambda: draining.admin("/readyz").status == 503)
    site.mesibo.ok()
    for thread in threads:
        thread.join(20)
    assert len(answers) == 6
    assert draining.gateway.stop() == 0


def test_port_that_is_taken_ends_the_start(
    start_site: StartSite, shared: dict[str, Any], site: Site
) -> None:
    taken = site.url.removeprefix("http://")
    with pytest.raises(TimeoutError, match=f"cannot listen: {taken}: Address already in use"):
        start_site(**shared, listen=taken)
