"""Challenges and windows that a certain node of a cluster keeps."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from redis.crc import key_slot

from gateway.stores import Window
from gateway.stores._scripts import of_challenge, of_windows
from tests.gateway.stores.values import digest, window
from tests.servers.redis_cluster import RedisCluster
from tests.servers.redis_server import RedisServer


def keys_on(node: RedisServer, cluster: RedisCluster) -> Iterator[bytes]:
    owners = cluster.owners()
    keys = (digest(f"challenge {number}") for number in itertools.count())
    return (key for key in keys if owners[slot_of_key(key)] is node)


def key_on(node: RedisServer, cluster: RedisCluster) -> bytes:
    return next(keys_on(node, cluster))


def slot_of_key(key: bytes) -> int:
    return int(key_slot(of_challenge(key)[0]))


def window_on(node: RedisServer, cluster: RedisCluster, name: str, limit: int = 5) -> Window:
    owners = cluster.owners()
    windows = (window(f"{name} {number}", limit) for number in itertools.count())
    return next(w for w in windows if owners[slot_of_window(w)] is node)


def slot_of_window(of: Window) -> int:
    return int(key_slot(of_windows([of])[0]))
