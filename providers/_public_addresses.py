"""Which addresses are out in the Internet, so that no name leads to what is inside.

Source: IANA's registries of special-purpose addresses (RFC 6890). ``ipaddress`` knows some of them;
which ones depends on the version of Python.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

_SPECIAL: Final = tuple(
    ip_network(network)
    for network in (
        "0.0.0.0/8",  # this host
        "10.0.0.0/8",
        "100.64.0.0/10",  # between carriers and their customers
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local; clouds tell machines their secrets at 169.254.169.254
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",  # multicast, reserved, broadcast
        "2001::/23",  # protocols, Teredo among them
        "2001:db8::/32",
        "3fff::/20",
    )
)
_UNICAST: Final = IPv6Network("2000::/3")  # all that is allocated
_NAT64: Final = IPv6Network("64:ff9b::/96")  # RFC 6052


def is_public(text: str) -> bool:
    """Whether ``text`` is a unicast address that leads out into the Internet.

    Addresses that carry an IPv4 address lead to that one: mapped ones, those of NAT64 and of 6to4.
    """
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if isinstance(address, IPv6Address):
        carried = _carried(address)
        if carried is None:
            return address in _UNICAST and not _is_special(address)
        address = carried
    return not _is_special(address)


def _carried(address: IPv6Address) -> IPv4Address | None:
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


def _is_special(address: IPv4Address | IPv6Address) -> bool:
    return any(address in network for network in _SPECIAL)
