"""Configurations that cannot take over: the old one stays, whatever happens to processes then."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

from tests.gateway.conftest import Site, StartSite, phone_login, site_config
from tests.gateway.waiting import until
from tests.servers.redis_server import RedisServer
from tests.servers.tls import Authority

WORKERS = 2


def ended(site: Site, result: str, times: int = 1) -> bool:
    wanted = f'gateway_config_reloads_total{{result="{result}"}} {times}.0'
    return wanted in site.admin("/metrics").body.decode()


def replace_workers(site: Site) -> None:
    """Kill all, and wait until others are ready."""
    before = site.workers
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    until(lambda: len(site.workers - before) == WORKERS, 10)
    until(lambda: site.admin("/readyz").status == 200)


def stumbling(how: str) -> dict[str, Any]:
    return {"type": "tests.gateway.stumbling_provider", "config": {"how": how}}


def test_what_ends_all_workers_is_not_applied(
    start_site: StartSite, shared: dict[str, Any]
) -> None:
    site = start_site(**shared)
    config = site_config(site.mesibo, site.sms, **shared)
    site.gateway.write({**config, "providers": {**config["providers"], "new": stumbling("crash")}})
    until(lambda: ended(site, "failed"))
    assert "a worker ended over it" in site.gateway.stderr
    until(lambda: len(site.workers) == WORKERS and site.admin("/readyz").status == 200, 10)
    assert site.logs_in()
    assert ended(site, "ok", 0)


def test_what_is_never_open_is_not_applied(start_site: StartSite) -> None:
    site = start_site({"gateway.app.OPENING": 0.2})
    config = site_config(site.mesibo, site.sms)
    site.gateway.write({**config, "providers": {**config["providers"], "new": stumbling("hang")}})
    until(lambda: ended(site, "failed"))
    assert "was open within 0.2 s" in site.gateway.stderr
    assert site.logs_in()


def test_worker_started_again_has_the_secrets_of_the_others(
    start_site: StartSite, shared: dict[str, Any], tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s" * 32)
    settings = {**shared, "secret": {"file": str(secret)}}
    site = start_site(**settings)
    config = site_config(site.mesibo, site.sms, **settings)
    logins = [phone_login() for _ in range(8)]
    for login in logins:
        site.post(login)
    site.gateway.write({**config, "nonsense": 1})
    until(lambda: ended(site, "failed"))
    secret.write_text("t" * 32)
    until(lambda: ended(site, "failed", 2))
    replace_workers(site)
    for login in logins:
        answer = {**login, "otp": site.sms.code_for(login["phone"])}
        assert "token" in site.post(answer, second_step=True).json


def test_worker_that_cannot_start_says_why(
    start_site: StartSite, shared: dict[str, Any], tmp_path: Path
) -> None:
    files = Authority(tmp_path).files()
    tls = {"certificate": str(files.certificate), "private_key": str(files.private_key)}
    site = start_site(**shared, tls=tls)
    good = files.certificate.read_bytes()
    files.certificate.write_bytes(b"")
    until(lambda: ended(site, "failed"))
    (one, _) = site.workers
    os.kill(one, signal.SIGKILL)
    until(lambda: "worker does not start" in site.gateway.stderr)
    lines = [json.loads(line) for line in site.gateway.stderr.splitlines()]
    failed = next(line for line in lines if line["event"] == "worker does not start")
    assert "tls: cannot be used as PEM: a certificate or key is missing" in failed["detail"]
    files.certificate.write_bytes(good)
    until(lambda: len(site.workers) == WORKERS, 10)


def test_https_is_not_turned_on_while_it_runs(start_site: StartSite, tmp_path: Path) -> None:
    site = start_site()
    files = Authority(tmp_path).files()
    tls = {"certificate": str(files.certificate), "private_key": str(files.private_key)}
    site.gateway.write(site_config(site.mesibo, site.sms, tls=tls))
    until(lambda: ended(site, "failed"))
    assert "tls can be turned on or off only by a restart" in site.gateway.stderr
    assert site.logs_in()


def test_file_that_comes_later_is_waited_for(start_site: StartSite, tmp_path: Path) -> None:
    """Kubernetes brings a ConfigMap and its Secret in any order."""
    site = start_site(secret="s" * 32)
    late = tmp_path / "late"
    site.gateway.write(site_config(site.mesibo, site.sms, secret={"file": str(late)}))
    until(lambda: ended(site, "failed"))
    late.write_text("t" * 32)
    until(lambda: ended(site, "ok"))
    assert site.logs_in()


def test_authority_of_redis_is_followed(start_site: StartSite, tmp_path: Path) -> None:
    for name in ("old", "new", "data"):
        (tmp_path / name).mkdir()
    old, new = Authority(tmp_path / "old"), Authority(tmp_path / "new")
    trusted = shutil.copy(old.ca_file, tmp_path / "ca.pem")
    first = RedisServer(tmp_path / "data", authority=old)
    first.start()
    try:
        site = start_site(secret="s" * 32, store={"url": f"{first.url}?ssl_ca_certs={trusted}"})
        assert site.logs_in()
    finally:
        first.stop()
    second = RedisServer(tmp_path / "data", authority=new, port=first.port)
    second.start()
    try:
        assert site.admin("/readyz").status == 503
        shutil.copy(new.ca_file, trusted)
        until(lambda: ended(site, "ok"))
        assert site.admin("/readyz").status == 200
        assert site.logs_in()
    finally:
        second.stop()
