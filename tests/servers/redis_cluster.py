"""A real Redis Cluster of three masters, each with a replica that takes over after a second."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from tests.servers.process import HOST
from tests.servers.redis_server import RedisServer, free_ports
from tests.servers.tls import Authority

MASTERS = 3
SLOTS = 16_384
NODE_TIMEOUT = 1_000  # ms until a silent node is taken for dead


class RedisCluster:
    """With or without ``replicas``; ``settings`` are for all nodes.

    With an ``authority`` all of them speak TLS.
    """

    def __init__(
        self,
        folder: Path,
        settings: Sequence[str] = (),
        *,
        replicas: bool = True,
        authority: Authority | None = None,
    ) -> None:
        self._authority = authority
        self._replicas = replicas
        count = MASTERS * 2 if replicas else MASTERS
        ports = iter(free_ports(2 * count))
        self.nodes = [
            RedisServer(
                _made(folder / f"node{number}"),
                [
                    "cluster-enabled yes",
                    f"cluster-node-timeout {NODE_TIMEOUT}",
                    f"cluster-port {next(ports)}",  # else the port plus 10,000, which may be taken
                    f"cluster-announce-ip {HOST}",
                    "repl-diskless-sync-delay 0",
                    *settings,
                ],
                authority=authority,
                port=next(ports),
            )
            for number in range(count)
        ]
        hosts = ",".join(f"{HOST}:{node.port}" for node in self.nodes[:2])
        self.url = f"redis+cluster://{hosts}"

    @property
    def masters(self) -> list[RedisServer]:
        """Where everything is, in parts."""
        return [node for node in self.nodes if node.is_master()]

    def start(self) -> None:
        for node in self.nodes:
            node.start()
        addresses = [f"{HOST}:{node.port}" for node in self.nodes]
        tls = ["--tls", "--cacert", str(self._authority.ca_file)] if self._authority else []
        redis_cli = ["redis-cli", *tls, "--cluster", "create", *addresses, "--cluster-yes"]
        subprocess.run(
            [*redis_cli, "--cluster-replicas", "1" if self._replicas else "0"],
            check=True,
            stdout=subprocess.DEVNULL,
            timeout=60,
        )
        self.settle()

    def settle(self) -> None:
        """Wait until every node knows that all is well, and the next failover can go well."""
        for node in self.nodes:
            node.process.wait(partial(self._fine, node))

    def _fine(self, node: RedisServer) -> bool:
        role = node.ask("ROLE")
        return (
            "cluster_state:ok" in node.ask("CLUSTER", "INFO")
            and node.ask("CLUSTER", "NODES").count(" connected") == len(self.nodes)
            and (role[0] == "master" or role[3] == "connected")
        )

    def owners(self) -> list[RedisServer]:
        """The master that serves each slot."""
        by_port = {node.port: node for node in self.nodes}
        found: dict[int, RedisServer] = {}
        for first, last, (_, port, *_), *_ in self.masters[0].ask("CLUSTER", "SLOTS"):
            found.update(dict.fromkeys(range(first, last + 1), by_port[port]))
        return [found[slot] for slot in range(SLOTS)]

    def stop(self) -> None:
        for node in self.nodes:
            node.stop()


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
