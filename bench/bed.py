"""The servers of one plan, all up at once."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from bench import servers
from bench.gateway import MEMORY, Gateway
from bench.journey import Journey


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

    def floor(self) -> Journey:
        """The stock floor, on a Redis database of its own."""
        server = servers.floor(self._scratch, f"{self._redis.url}/0", self._stub.url)
        return Journey(self._stack.enter_context(server), self._stub)

    def gateway(self, *, redis: bool, silent: bool = False) -> Journey:
        """The gateway on Redis or on its own memory; ``silent``: with such a vendor beside."""
        server = self.start_gateway(redis=redis, silent=silent)
        return Journey(self._stack.enter_context(server), self._stub)

    def start_gateway(self, *, redis: bool, extras: bool = True, silent: bool = False) -> Gateway:
        """The same, to be stopped by the caller; without ``extras`` on asyncio's own loop."""
        name, store = ("redis", f"{self._redis.url}/1") if redis else ("memory", MEMORY)
        return Gateway(
            self._scratch,
            f"gateway-{name}",
            store,
            self._stub.url,
            extras=extras,
            silent=silent,
        )

    @property
    def redis_url(self) -> str:
        """A database that nobody else uses."""
        return f"{self._redis.url}/2"
