"""What outsiders cannot do to the metrics (A57)."""

from __future__ import annotations

import json
import re

import pytest

from tests.gateway.conftest import Site, StartSite, password_login, phone_login
from tests.gateway.raw_http import check, request
from tests.servers.gateway import post

NAMES = 2000
AT_ONCE = 50


def series(site: Site) -> set[str]:
    reply = post(site.gateway.admin_url, path="/metrics", method="GET")
    assert (reply.header("Content-Type") or "").startswith("text/plain; version=")
    lines = reply.body.decode().splitlines()
    return {line.rpartition(" ")[0] for line in lines if not line.startswith("#")}


def bodies(number: int) -> list[dict[str, object]]:
    name = f"name{number:04}x"
    logins = [
        password_login(user=name),
        password_login(appid=name),
        password_login(provider=name),
    ]
    if number % 20:
        return logins
    return [*logins, password_login(op=name), phone_login(phone=name, device=name, name=name)]


@pytest.fixture(scope="module")
def open_site(start_site: StartSite) -> Site:
    return start_site(apps={"*": {}, "com.example.app": {}}, logging={"level": "error"})


def test_a57_requests_make_no_series(open_site: Site) -> None:
    with open_site.connect() as wire:
        for number in range(0, 100, 20):
            for body in bodies(number):
                wire.send(request(json.dumps(body)))
                check(wire.reply(), op_login=body["op"] == "login")
        before = series(open_site)
        wanted = [body for number in range(NAMES) for body in bodies(number)]
        for start in range(0, len(wanted), AT_ONCE):
            some = wanted[start : start + AT_ONCE]
            wire.send(b"".join(request(json.dumps(body)) for body in some))
            for body in some:
                check(wire.reply(), op_login=body["op"] == "login")
    after = series(open_site)
    assert after == before
    assert not any(re.search(r"name\d\d\d\d", line) for line in after)
    assert any(line.startswith('gateway_logins_total{app="*"') for line in after)
