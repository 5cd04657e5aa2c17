"""A real Redis with a replica, watched by three sentinels that soon make it the master."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from tests.servers.process import HOST
from tests.servers.redis_server import RedisServer, free_ports
from tests.servers.tls import Authority

SERVICE = "gw"
QUORUM = 2
DOWN_AFTER = 500  # ms until a sentinel takes a silent master for dead
FAILOVER = 3_000  # ms until a failover that did not work may be tried again
# Without it a master waits 5 s for further replicas before it sends what it has.
AT_ONCE = "repl-diskless-sync-delay 0"


class RedisSentinel:
    """``settings`` are for the two data servers, ``sentinel_settings`` for the sentinels.

    With an ``authority`` all of them speak TLS.
    """

    def __init__(
        self,
        folder: Path,
        settings: Sequence[str] = (),
        sentinel_settings: Sequence[str] = (),
        authority: Authority | None = None,
    ) -> None:
        one, other, *ports = free_ports(5)
        first = RedisServer(_made(folder / "0"), [AT_ONCE, *settings], (), authority, one)
        replica = [f"replicaof {HOST} {first.port}", AT_ONCE, *settings]
        second = RedisServer(_made(folder / "1"), replica, (), authority, other)
        self.servers = [first, second]
        watch = [
            *sentinel_settings,
            f"sentinel monitor {SERVICE} {HOST} {first.port} {QUORUM}",
            f"sentinel down-after-milliseconds {SERVICE} {DOWN_AFTER}",
            f"sentinel failover-timeout {SERVICE} {FAILOVER}",
        ]
        self.sentinels = [
            RedisServer(_made(folder / f"sentinel{port}"), watch, ["--sentinel"], authority, port)
            for port in ports
        ]
        hosts = ",".join(f"{HOST}:{sentinel.port}" for sentinel in self.sentinels)
        self.url = f"redis+sentinel://{hosts}/{SERVICE}/0"

    @property
    def master(self) -> RedisServer:
        [master] = self.masters
        return master

    @property
    def masters(self) -> list[RedisServer]:
        """Where everything is."""
        return [server for server in self.servers if server.is_master()]

    def start(self) -> None:
        for server in [*self.servers, *self.sentinels]:
            server.start()
        self.settle()

    def settle(self) -> None:
        """Wait until the next failover can go well."""
        for sentinel in self.sentinels:
            sentinel.process.wait(partial(_sees_all, sentinel))
        replica = next(server for server in self.servers if not server.is_master())
        replica.process.wait(lambda: replica.ask("ROLE")[3] == "connected")

    def stop(self) -> None:
        for server in [*self.sentinels, *self.servers]:
            server.stop()


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _sees_all(sentinel: RedisServer) -> bool:
    state = sentinel.ask("SENTINEL", "MASTER", SERVICE)
    seen = state["num-other-sentinels"], state["num-slaves"], state["flags"]
    return bool(seen == ("2", "1", "master"))
