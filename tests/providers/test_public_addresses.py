"""Which addresses are out in the Internet. None but these may be reached for somebody else."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis.strategies import ip_addresses

from providers._public_addresses import is_public

PUBLIC_V4 = ["8.8.8.8", "1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0"]
PUBLIC_V4 += ["126.255.255.255", "128.0.0.0", "169.253.255.255", "169.255.0.0", "172.15.255.255"]
PUBLIC_V4 += ["172.32.0.0", "192.0.1.0", "192.0.3.0", "192.167.255.255", "192.169.0.0"]
PUBLIC_V4 += ["198.17.255.255", "198.20.0.0", "223.255.255.255"]
PUBLIC_V6 = ["2606:4700:4700::1111", "2a00:1450:4001::64", "2001:4860:4860::8888", "2001:200::"]

INSIDE_V4 = {
    "unspecified": "0.0.0.0",
    "this-network": "0.1.2.3",
    "private-10": "10.0.0.1",
    "private-10-last": "10.255.255.255",
    "private-172": "172.16.0.1",
    "private-172-last": "172.31.255.255",
    "private-192": "192.168.0.1",
    "private-192-last": "192.168.255.255",
    "loopback": "127.0.0.1",
    "loopback-last": "127.255.255.255",
    "cgnat": "100.64.0.0",
    "cgnat-last": "100.127.255.255",
    "link-local": "169.254.0.1",
    "cloud-metadata": "169.254.169.254",
    "ecs-metadata": "169.254.170.2",
    "alibaba-metadata": "100.100.100.200",
    "oracle-metadata": "192.0.0.192",
    "documentation-1": "192.0.2.1",
    "documentation-2": "198.51.100.1",
    "documentation-3": "203.0.113.1",
    "6to4-relay": "192.88.99.1",
    "benchmarks": "198.18.0.1",
    "benchmarks-last": "198.19.255.255",
    "multicast": "224.0.0.1",
    "multicast-last": "239.255.255.255",
    "reserved": "240.0.0.1",
    "broadcast": "255.255.255.255",
}
INSIDE_V6 = {
    "unspecified": "::",
    "loopback": "::1",
    "compatible": "::8.8.8.8",
    "unique-local": "fc00::1",
    "unique-local-fd": "fd12:3456::1",
    "aws-metadata": "fd00:ec2::254",
    "link-local": "fe80::1",
    "link-local-zone": "fe80::1%eth0",
    "site-local": "fec0::1",
    "multicast": "ff02::1",
    "multicast-global": "ff0e::1",
    "documentation": "2001:db8::1",
    "documentation-new": "3fff::1",
    "teredo": "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "orchid": "2001:20::1",
    "discard": "100::1",
    "segment-routing": "5f00::1",
    "nat64-of-ones-own": "64:ff9b:1::8.8.8.8",
    "translated": "::ffff:0:8.8.8.8",
    "not-allocated": "4000::1",
}


def mapped(v4: str) -> str:
    return f"::ffff:{v4}"


def nat64(v4: str) -> str:
    return f"64:ff9b::{v4}"


def six_to_four(v4: str) -> str:
    return str(IPv6Address((0x2002 << 112) | (int(IPv4Address(v4)) << 80) | 1))


Form = Callable[[str], str]
FORMS: list[Form] = [str, mapped, nat64, six_to_four]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("address", PUBLIC_V4)
def test_o14_what_is_out_there_may_be_reached(address: str, form: Form) -> None:
    assert is_public(form(address))


@pytest.mark.parametrize("address", PUBLIC_V6)
def test_o14_what_is_out_there_by_ipv6_may_be_reached(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("address", INSIDE_V4.values(), ids=INSIDE_V4)
def test_o14_what_is_inside_may_not(address: str, form: Form) -> None:
    assert not is_public(form(address))


@pytest.mark.parametrize("address", INSIDE_V6.values(), ids=INSIDE_V6)
def test_o14_what_is_inside_by_ipv6_may_not(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("text", ["", "localhost", "127.1", "0x7f.0.0.1", "8.8.8.8 ", "10", "::g"])
def test_what_is_no_address_is_not_public(text: str) -> None:
    assert not is_public(text)


@given(ip_addresses())
def test_nothing_is_public_that_python_knows_to_be_special(
    address: IPv4Address | IPv6Address,
) -> None:
    if is_public(str(address)):
        carried = None
        if isinstance(address, IPv6Address):
            carried = address.ipv4_mapped or address.sixtofour
        assert (carried or address).is_global
        assert not (carried or address).is_multicast
