"""Whose request it is, over real sockets: limits and logs count by it (C8, A47)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gateway.conftest import LIMITS, Site, StartSite, login_request
from tests.gateway.raw_http import Wire, check
from tests.gateway.waiting import audit_lines

PROXY, INNER_PROXY, STRANGER = "127.0.0.1", "127.0.0.9", "127.0.8.1"
SPOOFED = "203.0.113.1"
PER_IP = 3


@pytest.fixture(scope="module")
def behind_proxy(start_site: StartSite) -> Site:
    return start_site(
        trusted_proxies=["127.0.0.0/24"],
        limits={**LIMITS, "per_ip": [f"{PER_IP}/hour"]},
        logging={"format": "json"},
    )


def send(site: Site, *headers: str, source: str = PROXY, pieces: int = 1) -> dict[str, Any]:
    data = login_request(*headers)
    size = len(data) // pieces + 1
    with Wire(site.url, source=source) as wire:
        for start in range(0, len(data), size):
            wire.send(data[start : start + size])
        answer: dict[str, Any] = check(wire.reply()).json
        return answer


def xff(*addresses: str) -> str:
    return "X-Forwarded-For: " + ", ".join(addresses)


@pytest.mark.parametrize(
    ("headers", "client"),
    [
        pytest.param([xff("192.0.2.1")], "192.0.2.1", id="one"),
        pytest.param([xff(SPOOFED, "192.0.2.2")], "192.0.2.2", id="spoofed-on-the-left"),
        pytest.param([xff(SPOOFED), xff("192.0.2.3")], "192.0.2.3", id="two-lines"),
        pytest.param([xff("192.0.2.4", INNER_PROXY)], "192.0.2.4", id="two-proxies"),
        pytest.param(["Forwarded: for=192.0.2.5;proto=https"], "192.0.2.5", id="forwarded"),
        pytest.param([xff("192.0.2.6"), "X-Real-IP: 1.1.1.1"], "192.0.2.6", id="x-real-ip"),
        pytest.param([xff("2001:db8:1:2:3::4")], "2001:db8:1:2::/64", id="c8-ipv6-is-its-64"),
    ],
)
def test_a47_limit_counts_the_first_address_that_no_proxy_vouches_for(
    behind_proxy: Site, headers: list[str], client: str
) -> None:
    before = len(audit_lines(behind_proxy.gateway, 0))
    for pieces in range(1, PER_IP + 1):
        assert "challenge" in send(behind_proxy, *headers, pieces=pieces)
    refused = send(behind_proxy, *headers)
    assert refused["error"] == "RATELIMIT"
    assert 3500 < refused["retry_after"] <= 3600
    lines = audit_lines(behind_proxy.gateway, before + PER_IP + 1)[before:]
    assert {line["client"] for line in lines} == {client}


def test_a47_nonsense_counts_for_the_proxy_that_sent_it(behind_proxy: Site) -> None:
    nonsense = [xff("junk"), xff("192.0.2.9", "junk"), "X-Forwarded-For: ", "Forwarded: by=x"]
    answers = [send(behind_proxy, header, source=INNER_PROXY) for header in nonsense]
    assert [answer.get("error") for answer in answers] == [None] * PER_IP + ["RATELIMIT"]


def test_a47_strangers_cannot_choose_their_address(behind_proxy: Site) -> None:
    answers = [
        send(behind_proxy, xff(f"192.0.2.{number}"), source=STRANGER) for number in range(100, 104)
    ]
    assert [answer.get("error") for answer in answers] == [None] * PER_IP + ["RATELIMIT"]


def test_a47_by_default_nobody_can(start_site: StartSite) -> None:
    site = start_site(limits={**LIMITS, "per_ip": ["1/hour"]})
    assert "challenge" in send(site, xff("192.0.2.1"))
    assert send(site, xff("192.0.2.2"))["error"] == "RATELIMIT"
    assert send(site, "Forwarded: for=192.0.2.3")["error"] == "RATELIMIT"
    assert "challenge" in send(site, source=STRANGER)
