"""Whose request it is (C8, A47)."""

from __future__ import annotations

import ipaddress

import pytest

from gateway.clients import client

TRUSTED = [ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("2001:db8:ffff::/48")]
PROXY = "10.0.0.1"


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "forwarded", "expected"),
    [
        pytest.param("192.0.2.7", [], [], "192.0.2.7", id="direct"),
        pytest.param("192.0.2.7", ["1.1.1.1"], [], "192.0.2.7", id="untrusted-peer"),
        pytest.param(PROXY, ["192.0.2.7"], [], "192.0.2.7", id="one-proxy"),
        pytest.param(PROXY, ["1.1.1.1, 192.0.2.7"], [], "192.0.2.7", id="spoofed-left"),
        pytest.param(PROXY, ["1.1.1.1", "192.0.2.7"], [], "192.0.2.7", id="two-lines"),
        pytest.param(PROXY, ["192.0.2.7, 10.0.0.2"], [], "192.0.2.7", id="two-proxies"),
        pytest.param(PROXY, ["10.0.0.3, 10.0.0.2"], [], "10.0.0.3", id="all-trusted"),
        pytest.param(PROXY, ["192.0.2.7:4711"], [], "192.0.2.7", id="with-port"),
        pytest.param(PROXY, ["junk"], [], PROXY, id="junk"),
        pytest.param(PROXY, ["192.0.2.7, junk"], [], PROXY, id="junk-on-the-right"),
        pytest.param(PROXY, ["junk, 192.0.2.7"], [], "192.0.2.7", id="junk-on-the-left"),
        pytest.param(PROXY, [""], [], PROXY, id="empty"),
        pytest.param(PROXY, [], ["for=192.0.2.7;proto=https"], "192.0.2.7", id="forwarded"),
        pytest.param(
            PROXY, [], ['for=1.1.1.1, FOR="[2001:db8::7]:99"'], "2001:db8::/64", id="forwarded-v6"
        ),
        pytest.param(PROXY, [], ["by=10.0.0.1"], PROXY, id="forwarded-without-for"),
        pytest.param(PROXY, [], ["for=_hidden"], PROXY, id="forwarded-obfuscated"),
        pytest.param(PROXY, ["192.0.2.7"], ["for=192.0.2.7"], "192.0.2.7", id="both-agree"),
        pytest.param(PROXY, ["192.0.2.7"], ["for=1.1.1.1"], PROXY, id="both-disagree"),
        pytest.param("::ffff:192.0.2.7", [], [], "192.0.2.7", id="mapped"),
        pytest.param("2001:db8:1:2:3:4:5:6", [], [], "2001:db8:1:2::/64", id="v6-is-its-64"),
        pytest.param("2001:db8:1:2::9", [], [], "2001:db8:1:2::/64", id="v6-same-64"),
        pytest.param(
            "2001:db8:ffff::1", ["2001:db8:1:2::9"], [], "2001:db8:1:2::/64", id="v6-proxy"
        ),
        pytest.param("local", [], [], "local", id="unix-socket"),
    ],
)
def test_a47_the_client_is_the_first_address_that_no_trusted_proxy_vouches_for(
    peer: str, forwarded_for: list[str], forwarded: list[str], expected: str
) -> None:
    assert client(peer, forwarded_for, forwarded, TRUSTED) == expected


def test_by_default_no_header_is_believed() -> None:
    assert client(PROXY, ["192.0.2.7"], ["for=192.0.2.7"], []) == PROXY
