"""The servers of one plan, all up at once."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bench import servers
from bench.gateway import MEMORY, Gateway
from bench.journey import Journey
from bench.servers import Server


class Bed:
    """Starts servers against one stub and one Redis; ends them all."""

    def __init__(self) -> None:
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            scratch = tempfile.TemporaryDirectory(prefix="gateway-bench-")
            self._scratch = Path(stack.enter_context(scratch))
            self._stub = stack.enter_context(servers.stub(self._scratch))
            self._redis = stack.enter_context(servers.redis(self._scratch))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def floor(self, kind: str = "stock") -> Journey:
        """The stock floor or the lean one, on a Redis database of its own."""
        database = {"stock": 0, "lean": 3}[kind]
        store = f"{self._redis.url}/{database}"
        server = servers.floor(self._scratch, kind, store, self._stub.url)
        return Journey(self._stack.enter_context(server), self._stub)

    def gateway(self, *, redis: bool, **options: Any) -> Journey:
        """The gateway on Redis or on its own memory; ``options`` as for ``start_gateway``."""
        return self.journey(self._stack.enter_context(self.start_gateway(redis=redis, **options)))

    def journey(self, server: Server, by: str = "phone") -> Journey:
        """Logins on a server of this bed."""
        return Journey(server, self._stub, by)

    def start_gateway(self, *, redis: bool, name: str = "", **options: Any) -> Gateway:
        """The same, to be stopped by the caller. Gateways that are up at once need names.

        ``options`` are those of ``Gateway``.
        """
        kind, store = ("redis", f"{self._redis.url}/1") if redis else ("memory", MEMORY)
        return Gateway(self._scratch, name or f"gateway-{kind}", store, self._stub.url, **options)

    def start_redis(self, name: str) -> Server:
        """One more Redis."""
        return self._stack.enter_context(servers.redis(self._scratch, name))

    @property
    def upstream_url(self) -> str:
        """Where the stub is."""
        return self._stub.url

    @property
    def redis_url(self) -> str:
        """A database that nobody else uses."""
        return f"{self._redis.url}/2"
