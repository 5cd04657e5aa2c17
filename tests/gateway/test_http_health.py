"""What orchestrators and Prometheus see."""

from __future__ import annotations

import pytest

from tests.gateway.conftest import Site, StartRedis, StartSite, phone_login
from tests.gateway.waiting import until
from tests.servers.gateway import post

PASSWORD = "password-of-the-store"


def test_gateway_in_memory_is_ready_and_healthy(site: Site) -> None:
    assert (site.admin("/healthz").status, site.admin("/readyz").status) == (200, 200)
    assert site.admin("/readyz").json == {"status": "ready"}
    assert site.admin("/nope").status == 404
    assert post(site.gateway.admin_url, phone_login()).status == 404


def test_not_ready_while_the_store_is_gone(start_site: StartSite, start_redis: StartRedis) -> None:
    redis = start_redis(f"requirepass {PASSWORD}")
    redis.kill()
    url = redis.url.replace("redis://", f"redis://:{PASSWORD}@")
    site = start_site(store={"url": url}, secret="s" * 32)
    for _ in range(2):  # at the start, and later
        reply = site.admin("/readyz")
        assert (reply.status, reply.json["status"]) == (503, "not ready")
        assert reply.json["reason"].startswith("store: ")
        assert PASSWORD not in reply.json["reason"]
        assert site.admin("/healthz").status == 200
        assert site.post(phone_login()).json["error"] == "UNAVAILABLE"
        redis.start()
        until(lambda: site.admin("/readyz").status == 200)
        assert "challenge" in site.post(phone_login()).json
        redis.kill()
    assert PASSWORD not in site.gateway.stderr


def test_metrics_are_there(site: Site) -> None:
    site.post(phone_login())
    text = site.admin("/metrics").body.decode()
    for name in (
        "gateway_logins_total{",
        "gateway_login_seconds_bucket{",
        "gateway_upstream_seconds_bucket{",
        "gateway_messages_total{",
        "gateway_config_reloads_total{",
        "gateway_in_flight ",
    ):
        assert f"\n{name}" in text, name


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_admin_listener_takes_no_logins(site: Site, path: str) -> None:
    login = phone_login()
    assert post(site.gateway.admin_url, login, path=path).status == 405
    assert site.sms.count(login["phone"]) == 0
