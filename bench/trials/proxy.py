"""HAProxy in front of the gateways, on the file that is shipped."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.deploy.proxies import adapted
from tests.servers.process import HOST, Process, free_port

PROGRAM: Final = "/usr/sbin/haproxy"
_CHECK: Final = "check port 9090 inter 2s"


class HAProxy:
    """Clients come without TLS, which is not what a trial is about."""

    def __init__(self, folder: Path, gateways: Sequence[tuple[str, str]]) -> None:
        """``gateways``: where each listens, to apps and to admins."""
        home = folder / "haproxy"
        home.mkdir()
        self._port = free_port()
        self.url = f"http://{HOST}:{self._port}"
        servers = [
            f"server gateway{number} {listen} port {admin.rpartition(':')[2]}"
            for number, (listen, admin) in enumerate(gateways, 1)
        ]
        changes = {
            "bind :443,[::]:443 v6only ssl crt /etc/haproxy/tls.pem alpn h2,http/1.1": (
                f"bind {HOST}:{self._port}"
            ),
            "maxconn 16384": "maxconn 8192",  # twice as many files as are open in most shells
            "log /dev/log local0": "log stdout format raw local0 warning",
            "    server gateway1 127.0.0.1:8080": "\n".join(f"    {line}" for line in servers),
            "port 9090 ": "",
        }
        file = adapted("haproxy.cfg", changes, home)
        self._process = Process("haproxy", [PROGRAM, "-db", "-f", str(file)], home)

    def __enter__(self) -> Self:
        self._process.start()
        self._process.wait(self._answers)
        return self

    def _answers(self) -> bool:
        socket.create_connection((HOST, self._port), timeout=1).close()
        return True

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.stop()
