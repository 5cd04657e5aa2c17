"""Reload: by signal and by change, good and broken, under load; no request notices (A149)."""

from __future__ import annotations

import os
import re
import signal
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.conftest import (
    APP,
    PASSWORD,
    USER,
    Site,
    StartRedis,
    StartSite,
    password_login,
    phone_login,
    site_config,
)
from tests.gateway.raw_http import check
from tests.gateway.waiting import until
from tests.servers.fault_proxy import FaultProxy, Faults
from tests.servers.gateway import post
from tests.servers.tls import Authority

OTHER = "com.example.other"
SECOND = {"staff": {"type": "insecure_example", "config": {"users": {USER: PASSWORD, "bob": "b"}}}}


def reloads(site: Site, result: str) -> int:
    """How many reloads ended so."""
    text = site.admin("/metrics").body.decode()
    found = re.search(rf'gateway_config_reloads_total{{result="{result}"}} ([0-9]+)', text)
    assert found is not None
    return int(found[1])


class Running:
    """A gateway whose configuration is changed while it runs."""

    def __init__(self, site: Site, **keys: Any) -> None:
        self.site = site
        self.config = site_config(site.mesibo, site.sms, **keys)

    def change(self, result: str = "ok", **keys: Any) -> None:
        """Write other keys, and wait until they are in effect, or refused."""
        self.config = {**self.config, **keys}
        before = reloads(self.site, result)
        self.site.gateway.write(self.config)
        until(lambda: reloads(self.site, result) > before)

    def offers(self, app: str) -> bool:
        reply = self.site.post(password_login(appid=app), second_step=False)
        return bool(reply.json.get("error") != "BADAPP")


@pytest.fixture
def running(start_site: StartSite) -> Running:
    return Running(start_site())


def test_change_of_the_file_takes_effect(running: Running) -> None:
    assert not running.offers(OTHER)
    running.change(apps={APP: {}, OTHER: {}})
    assert running.offers(OTHER)
    running.change(apps={APP: {}})
    assert not running.offers(OTHER)


def test_logging_changes_for_audit_lines_as_well(running: Running) -> None:
    gateway = running.site.gateway

    def audited() -> list[str]:
        return [line for line in gateway.stderr.splitlines() if "authn_login" in line]

    assert running.site.logs_in()
    running.change(logging={"level": "info", "format": "json"})
    assert running.site.logs_in()
    running.change(logging={"level": "warning", "format": "json"})
    assert running.site.logs_in()
    running.change(logging={"level": "info", "format": "console"})
    assert running.site.logs_in()
    until(lambda: len(audited()) >= 3)
    assert [line.startswith("{") for line in audited()] == [False, True, False]


def test_sighup_reloads_at_once(running: Running) -> None:
    before = reloads(running.site, "ok")
    os.kill(running.site.gateway.pid, signal.SIGHUP)
    until(lambda: reloads(running.site, "ok") == before + 1)


def test_broken_file_changes_nothing_and_is_told_of_once(running: Running) -> None:
    running.change("failed", apps={APP: {"providers": ["nobody"]}})
    site = running.site
    assert site.logs_in()
    line = next(line for line in site.gateway.stderr.splitlines() if "not reloaded" in line)
    assert "apps.com.example.app.providers.0: there is no such provider" in line
    assert reloads(site, "failed") == 1
    running.change(apps={APP: {}, OTHER: {}})
    assert running.offers(OTHER)


def test_pending_code_survives_in_memory(running: Running) -> None:
    site = running.site
    login = phone_login()
    site.post(login)
    code = site.sms.code_for(login["phone"])
    running.change(apps={APP: {}, OTHER: {}})
    assert "token" in site.post({**login, "otp": code}, second_step=True).json


def test_new_provider_and_new_password_count(running: Running) -> None:
    site = running.site
    bob = password_login("bob", "b")
    assert site.post(bob, second_step=False).json["error"] == "BADLOGIN"
    providers = {**running.config["providers"], **SECOND}
    running.change(providers=providers)
    assert "token" in site.post(bob, second_step=False).json


def test_request_in_flight_ends_with_what_it_began_with(start_site: StartSite, site: Site) -> None:
    """The old issuer is closed only when nobody waits for it any more."""
    with FaultProxy(site.mesibo.port) as proxy:
        proxy.set(Faults(black_hole=True))
        url = site.mesibo.url.replace(str(site.mesibo.port), str(proxy.port))
        slow = {"type": "mesibo", "url": url, "app_token": site.mesibo.app_token}
        running = Running(start_site(issuer=slow), issuer=slow)
        answers: list[Any] = []
        asking = threading.Thread(
            target=lambda: answers.append(
                running.site.post(password_login(), second_step=False).json
            )
        )
        asking.start()
        until(lambda: proxy.accepted == 1)
        running.change(issuer={**slow, "url": site.mesibo.url})
        assert running.site.logs_in()
        proxy.heal()
        asking.join(10)
        assert "token" in answers[0]


def test_reloads_while_a_request_runs_take_nothing_from_those_after(
    start_site: StartSite, site: Site, start_redis: StartRedis
) -> None:
    """What goes over from one generation to the next is closed by none of them."""
    with FaultProxy(site.mesibo.port) as proxy:
        proxy.set(Faults(black_hole=True))
        url = site.mesibo.url.replace(str(site.mesibo.port), str(proxy.port))
        slow = {"type": "mesibo", "url": url, "app_token": site.mesibo.app_token}
        keys: dict[str, Any] = {"store": {"url": start_redis().url}, "secret": "s" * 32}
        running = Running(start_site(issuer=slow, **keys), issuer=slow, **keys)
        answers: list[Any] = []
        asking = threading.Thread(
            target=lambda: answers.append(
                running.site.post(password_login(), second_step=False).json
            )
        )
        asking.start()
        until(lambda: proxy.accepted == 1)
        fast = {**slow, "url": site.mesibo.url}
        running.change(issuer=fast)
        running.change(apps={APP: {}, OTHER: {}})
        running.change(apps={APP: {}})
        proxy.heal()
        asking.join(10)
        assert "token" in answers[0]
        retired(running.site)
        assert running.site.logs_in()


def retired(site: Site) -> None:
    """Wait until the generations before the current one are closed: their turn is over."""
    before = reloads(site, "ok")
    os.kill(site.gateway.pid, signal.SIGHUP)
    until(lambda: reloads(site, "ok") > before)


def test_store_that_does_not_answer_is_not_taken(running: Running, start_redis: StartRedis) -> None:
    redis = start_redis()
    url = redis.url
    redis.stop()
    running.change("failed", store={"url": url}, secret="s" * 32)
    assert running.site.logs_in()
    assert "not reloaded" in running.site.gateway.stderr


@contextmanager
def under_load(site: Site, clients: int = 4) -> Iterator[list[str]]:
    """Log in all the time; gather what was refused."""
    refused: list[str] = []
    ending = threading.Event()
    rounds = [0] * clients

    def log_in(number: int) -> None:
        while not ending.is_set():
            try:
                answer = site.post(password_login(), second_step=False).json
            except Exception as error:  # noqa: BLE001 - gathered
                refused.append(repr(error))
            else:
                if "token" not in answer:
                    refused.append(str(answer))
            rounds[number] += 1

    threads = [threading.Thread(target=log_in, args=(n,)) for n in range(clients)]
    for thread in threads:
        thread.start()
    try:
        until(lambda: min(rounds) > 10)
        yield refused
        enough = [count + 10 for count in rounds]
        until(lambda: all(now >= then for now, then in zip(rounds, enough, strict=True)))
    finally:
        ending.set()
        for thread in threads:
            thread.join(10)


def test_a149_no_request_fails_whatever_the_file_is(running: Running) -> None:
    with under_load(running.site) as refused:
        for turn in range(3):
            providers = {
                **running.config["providers"],
                "staff": {
                    "type": "insecure_example",
                    "config": {"users": {USER: PASSWORD, f"x{turn}": "x"}},
                },
            }
            running.change(providers=providers)
            running.change("failed", nonsense=1)
            del running.config["nonsense"]
    assert refused == []


def test_secret_file_is_followed_through_the_links_of_kubernetes(
    start_site: StartSite, tmp_path: Path
) -> None:
    """A mounted secret is a link to a link to a folder, and the middle one is swapped."""

    def version(name: str, password: str) -> None:
        (tmp_path / name).mkdir()
        (tmp_path / name / "password").write_text(password)

    version("..v1", "first")
    (tmp_path / "..data").symlink_to("..v1")
    (tmp_path / "password").symlink_to("..data/password")
    users = {USER: {"file": str(tmp_path / "password")}}
    staff = {"staff": {"type": "insecure_example", "config": {"users": users}}}
    site = start_site(providers=staff)
    assert "token" in site.post(password_login(USER, "first"), second_step=False).json
    version("..v2", "second")
    (tmp_path / "..new").symlink_to("..v2")
    (tmp_path / "..new").rename(tmp_path / "..data")
    until(lambda: reloads(site, "ok") == 1)
    assert "token" in site.post(password_login(USER, "second"), second_step=False).json
    assert "error" in site.post(password_login(USER, "first"), second_step=False).json


def test_what_needs_a_restart_is_told(running: Running) -> None:
    running.change(limits={**running.config["limits"], "connections": 77})
    until(lambda: "takes effect at the next start" in running.site.gateway.stderr)
    assert "limits.connections" in running.site.gateway.stderr


def test_what_is_again_as_at_the_start_needs_no_restart(running: Running) -> None:
    limits = running.config["limits"]
    running.change(limits={**limits, "connections": 77})
    running.change(limits=limits)
    assert running.site.gateway.stderr.count("takes effect at the next start") == 1


def test_file_that_is_gone_is_a_broken_one(running: Running) -> None:
    before = reloads(running.site, "failed")
    running.site.gateway.config_file.unlink()
    until(lambda: reloads(running.site, "failed") > before)
    assert running.site.logs_in()
    running.change(apps={APP: {}, OTHER: {}})
    assert running.offers(OTHER)


def test_new_certificate_is_shown_on_new_connections(start_site: StartSite, tmp_path: Path) -> None:
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
    old, new = Authority(tmp_path / "old"), Authority(tmp_path / "new")
    shown = old.files()
    tls = {"certificate": str(shown.certificate), "private_key": str(shown.private_key)}
    site = start_site(tls=tls)

    def is_trusted(authority: Authority) -> bool:
        try:
            check(post(site.url, password_login(), tls=authority.client()))
        except ssl.SSLCertVerificationError:
            return False
        return True

    assert is_trusted(old)
    assert not is_trusted(new)
    for mine, theirs in zip(shown, new.files(), strict=True):
        theirs.rename(mine)
    until(lambda: is_trusted(new))
    assert not is_trusted(old)
