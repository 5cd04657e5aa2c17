"""Which node of a Redis Cluster serves which slot.

https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, TypeAlias

from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot
from redis.exceptions import AskError

from gateway.stores._pipeline import Word
from gateway.stores._redis_url import Address

Owners: TypeAlias = list[Address | None]  # by slot

NOBODY: Final[Owners] = [None] * REDIS_CLUSTER_HASH_SLOTS
# The same node, if it does not know its own name.
_NAMELESS: Final = (None, b"", b"?")


def slot_of(words: tuple[Word, ...]) -> int:
    """The slot of a command's first key. All its keys must have the same."""
    key = words[3] if words[0] in (b"EVALSHA", b"EVAL") else words[1]
    if not isinstance(key, bytes):
        raise TypeError("a key is bytes")
    return key_slot(key)


def owners(ranges: Iterable[Any], teller: Address) -> Owners:
    """Read the answer to ``CLUSTER SLOTS``: first slot, last slot, master, replicas."""
    found = NOBODY.copy()
    for first, last, (host, port, *_), *_ in ranges:
        name = teller.host if host in _NAMELESS else host.decode()
        found[first : last + 1] = [Address(name, port)] * (last + 1 - first)
    return found


def redirected(error: AskError, teller: Address) -> Address:
    """Where ``MOVED`` and ``ASK`` point to."""
    host = teller.host if error.host in ("", "?") else error.host
    return Address(host, error.port)


def tags(of: Owners) -> dict[Address, bytes]:
    """For each node a hash tag whose slot it serves."""
    nodes = {address for address in of if address is not None}
    found: dict[Address, bytes] = {}
    for number in range(REDIS_CLUSTER_HASH_SLOTS):
        if len(found) == len(nodes):
            break
        tag = b"ping%d" % number
        address = of[key_slot(tag)]
        if address is not None:
            found.setdefault(address, tag)
    return found
