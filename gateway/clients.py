"""Whose request it is: the client's address, through the proxies that are trusted.

A forwarding header is a list to which each proxy appends whom it got the request from; it is read
from the right, as long as the address that wrote it is trusted (RFC 7239 section 8.1).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_FORWARDED_FOR: Final = re.compile(r'(?:^|;)\s*for="?([^";]+)"?', re.IGNORECASE)
_PORT: Final = re.compile(r"^(?:\[([^\]]+)\]|([0-9.]+))(?::[0-9]+)?$")


def client(
    peer: str,
    forwarded_for: Sequence[str],
    forwarded: Sequence[str],
    trusted: Sequence[Network],
) -> str:
    """The client as limits count it: an IPv4 address, or the /64 of an IPv6 one.

    ``forwarded_for`` and ``forwarded`` are the values of all ``X-Forwarded-For`` and ``Forwarded``
    lines in order. Where both are given and disagree, one of them was not written by the proxy, and
    neither is believed.
    """
    if not trusted:
        return _direct(peer)
    address = _parse(peer)
    if address is None:
        return peer
    if _is_trusted(address, trusted):
        walks = [
            _walk(address, hops, trusted)
            for hops in (_hops(forwarded_for), _forwarded_hops(forwarded))
            if hops
        ]
        if walks and all(walk == walks[0] for walk in walks):
            address = walks[0]
    return bucket(address)


def is_trusted(peer: str, trusted: Sequence[Network]) -> bool:
    """Whether what the other end of a connection says of others is believed."""
    address = _parse(peer)
    return address is not None and _is_trusted(address, trusted)


@lru_cache(maxsize=4096)
def _direct(peer: str) -> str:
    address = _parse(peer)
    return peer if address is None else bucket(address)


def bucket(address: Address) -> str:
    """An address as limits count it: one subscriber holds a whole IPv6 /64."""
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((int(address) >> 64 << 64, 64)))


def _walk(peer: Address, hops: Sequence[str], trusted: Sequence[Network]) -> Address:
    address = peer
    for hop in reversed(hops):
        if not _is_trusted(address, trusted):
            return address
        parsed = _parse(hop)
        if parsed is None:
            return peer
        address = parsed
    return address


def _hops(lines: Sequence[str]) -> list[str]:
    return [hop.strip() for line in lines for hop in line.split(",")]


def _forwarded_hops(lines: Sequence[str]) -> list[str]:
    hops = _hops(lines)
    return [match[1] if (match := _FORWARDED_FOR.search(hop)) else "" for hop in hops]


def _parse(text: str) -> Address | None:
    match = _PORT.match(text)
    try:
        address = ipaddress.ip_address((match[1] or match[2]) if match else text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address


def _is_trusted(address: Address, trusted: Sequence[Network]) -> bool:
    return any(address in network for network in trusted)
