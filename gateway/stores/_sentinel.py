"""Redis watched by sentinels: connections go to whichever server is the master now.

https://redis.io/docs/latest/develop/reference/sentinel-clients/
"""

from __future__ import annotations

from typing import Final, NoReturn

from redis.asyncio.connection import ConnectionPool
from redis.asyncio.sentinel import MasterNotFoundError, SentinelConnectionPool
from redis.exceptions import ResponseError

from gateway.stores import StoreUnavailable
from gateway.stores._pipeline import Pipeline
from gateway.stores._redis_url import Address, Login, RedisUrl, connection_pool

# Of the time of a call, so that a sentinel or two may hang and the call still gets through.
SHARE: Final = 1 / 4


class Sentinels:
    """Know where the master of a service is."""

    def __init__(self, addresses: tuple[Address, ...], login: Login, *, timeout: float) -> None:
        self._sentinels = [
            Pipeline(
                connection_pool(address, login, connections=1, connect_timeout=timeout),
                name=f"sentinel {address}",
                timeout=timeout,
            )
            for address in addresses
        ]

    async def discover_master(self, service: str) -> tuple[str, int]:
        """Ask one after the other, first the one that knew it last.

        Raises ``MasterNotFoundError``, for redis-py.
        """
        troubles = []
        for sentinel in [*self._sentinels]:
            try:
                address = await _master(sentinel, service)
            except StoreUnavailable as error:
                troubles.append(str(error))
                continue
            self._sentinels.remove(sentinel)
            self._sentinels.insert(0, sentinel)
            return address
        raise MasterNotFoundError(f"no master found ({'; '.join(troubles)})")

    async def close(self) -> None:
        """Close the connections."""
        for sentinel in self._sentinels:
            await sentinel.close()


async def _master(sentinel: Pipeline, service: str) -> tuple[str, int]:
    """What one sentinel says. Raises ``StoreUnavailable``."""

    def trouble(what: str) -> NoReturn:
        raise StoreUnavailable(f"{sentinel.name}: {what}")

    try:
        reply = await sentinel.send(b"SENTINEL", b"MASTER", service.encode(), repeatable=True)
    except ResponseError as error:
        trouble(str(error))
    state: dict[bytes, bytes] = dict(zip(reply[::2], reply[1::2], strict=True))
    flags = state[b"flags"].decode().split(",")
    # s_down: this sentinel thinks that it is down; o_down: so does a quorum.
    if "master" not in flags or "s_down" in flags or "o_down" in flags:
        trouble("the master is down")
    return state[b"ip"].decode(), int(state[b"port"])


class _MasterPool(SentinelConnectionPool):
    """Connections to the master, wherever it is when they are made."""

    async def aclose(self) -> None:
        """Close them, and those to the sentinels."""
        try:
            await super().aclose()
        finally:
            await self.sentinel_manager.close()


def master_pool(url: RedisUrl, *, connections: int, timeout: float) -> ConnectionPool:
    """Make the pool for a URL with sentinels."""
    sentinels = Sentinels(url.addresses, url.sentinel_login, timeout=timeout * SHARE)
    return _MasterPool(  # type: ignore[no-untyped-call]  # redis-py leaves it untyped
        url.service,
        sentinels,
        ssl=url.login.tls is not None,
        max_connections=connections,
        **url.login.options(timeout / 2),
    )
