"""All that a trial needs, up at once: Redis, upstreams, a directory, one gateway or two."""

from __future__ import annotations

import contextlib
import itertools
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from bench import directories
from bench.servers import on
from bench.trials import cores
from bench.trials.gateway import Gateway, LogReader, configuration
from bench.trials.proxy import HAProxy
from bench.trials.reasons import reasons
from bench.trials.upstreams import Upstreams
from tests.servers.process import HOST, free_port
from tests.servers.redis_sentinel import RedisSentinel
from tests.servers.redis_server import RedisServer

ACCOUNTS: Final = 1000  # in the directory
DURABLE: Final = ["appendonly yes", "appendfsync everysec"]


@dataclass(frozen=True)
class Plan:
    """How a site differs from the usual: one Redis, one gateway of two workers, log to a file."""

    sentinel: bool = False
    piped_log: bool = False
    behind_proxy: bool = False  # two gateways of one process each


USUAL: Final = Plan()


class Site:
    """Up between ``with`` and its end."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._stack = contextlib.ExitStack()
        self.log_reader: LogReader | None = None
        self.gateways: list[Gateway] = []
        self.upstreams: Upstreams
        self.redis: RedisServer | RedisSentinel
        self.url = ""  # where people go
        self._restarts: list[Callable[[], Gateway]] = []

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            self._start(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    @property
    def gateway(self) -> Gateway:
        return self.gateways[0]

    def reasons(self) -> list[str]:
        """Why requests failed, as the gateways' logs have it."""
        return reasons(self._folder.glob("gateway*.err"))

    def start_again(self, number: int) -> None:
        """Start a gateway that has ended, on its ports."""
        self.gateways[number] = self._restarts[number]()

    def _start(self, stack: contextlib.ExitStack) -> None:
        scratch = tempfile.TemporaryDirectory(prefix="gateway-trial-")
        folder = self._folder = Path(stack.enter_context(scratch))
        self.upstreams = stack.enter_context(Upstreams(folder))
        directory = stack.enter_context(
            directories.running(folder / "slapd", ACCOUNTS, cores.UPSTREAMS)
        )
        with on(cores.UPSTREAMS):
            self.redis = self._redis(folder)
            self.redis.start()
        stack.callback(self.redis.stop)
        stack.callback(self._stop_gateways)
        config = configuration(self.upstreams, self.redis.url, directory.url)
        if self._plan.behind_proxy:
            self._start_two(folder, {**config, "trusted_proxies": [f"{HOST}/32"]})
            ports = [(g["listen"], g["admin"]) for g in (one.config for one in self.gateways)]
            with on(cores.UPSTREAMS):
                proxy = stack.enter_context(HAProxy(folder, ports))
            self.url = proxy.url
            return
        if self._plan.piped_log:
            self.log_reader = LogReader(folder / "gateway-read.err")
            stack.callback(self.log_reader.stop)
        stderr = self.log_reader.writing if self.log_reader else None
        self.gateways = [Gateway(folder, "gateway", config, stderr)]
        self.url = self.gateway.url

    def _redis(self, folder: Path) -> RedisServer | RedisSentinel:
        home = folder / "redis"
        home.mkdir()
        return RedisSentinel(home, DURABLE) if self._plan.sentinel else RedisServer(home, DURABLE)

    def _start_two(self, folder: Path, config: dict[str, Any]) -> None:
        for number in (1, 2):
            listen, admin = f"{HOST}:{free_port()}", f"{HOST}:{free_port()}"
            own = {**config, "workers": 1, "listen": listen, "admin": admin}

            # Each has a log of its own, also if it is started again.
            names = (f"gateway{number}-{time}" for time in itertools.count(1))

            def start(names: Iterator[str] = names, own: dict[str, Any] = own) -> Gateway:
                return Gateway(folder, next(names), own)

            self._restarts.append(start)
            self.gateways.append(start())

    def _stop_gateways(self) -> None:
        for gateway in self.gateways:
            gateway.stop()
