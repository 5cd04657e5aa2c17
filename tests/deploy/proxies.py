"""The proxies that are shipped, as they are shipped but for ports, paths and time-outs."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.servers.gateway import ROOT, Reply
from tests.servers.process import HOST, Process, free_port
from tests.servers.tls import Authority

SHIPPED = ROOT / "deploy" / "proxies"
PERSON = "127.0.0.2"  # whom a proxy may tell from itself


@dataclass(frozen=True)
class Behind:
    """What a proxy stands in front of. ``patience``: its longest wait, as it is written there."""

    port: int
    admin_port: int
    patience: str = "40s"


@dataclass(frozen=True)
class Proxy:
    """A proxy that runs."""

    port: int
    trust: ssl.SSLContext
    process: Process

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    def ask(
        self,
        method: str = "POST",
        path: str = "/",
        body: Mapping[str, Any] | bytes | Iterator[bytes] = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send one request from the address of ``PERSON``. An iterator's bytes go in chunks."""
        content = json.dumps(body).encode() if isinstance(body, Mapping) else body
        connection = http.client.HTTPSConnection(
            "localhost", self.port, timeout=20, source_address=(PERSON, 0), context=self.trust
        )
        with closing(connection):
            connection.request(method, path, content, dict(headers or {}))
            response = connection.getresponse()
            return Reply(response.status, response.getheaders(), response.read())

    @property
    def log(self) -> str:
        """All that it wrote down."""
        return "".join(file.read_text() for file in self.process.folder.glob("*.log"))


def adapted(name: str, changes: Mapping[str, str], folder: Path) -> Path:
    """Write a shipped file with other words in it, each of which has to be there."""
    text = (SHIPPED / name).read_text()
    for old, new in changes.items():
        if old not in text:
            raise ValueError(f"{name} has no {old!r}")
        text = text.replace(old, new)
    file = folder / name
    file.write_text(text)
    return file


def nginx(folder: Path, authority: Authority, port: int, behind: Behind) -> list[str]:
    tls = authority.files()
    scratch = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    changes = {
        "listen 443": f"listen {HOST}:{port}",
        "        listen [::]:443 ssl http2;\n": "",
        "/etc/nginx/tls/tls.crt": str(tls.certificate),
        "/etc/nginx/tls/tls.key": str(tls.private_key),
        "server 127.0.0.1:8080": f"server {HOST}:{behind.port}",
        "/var/log/nginx/": f"{folder}/",
        "/run/nginx.pid": f"{folder}/nginx.pid",
        "worker_processes auto": "worker_processes 1",
        "proxy_read_timeout 40s": f"proxy_read_timeout {behind.patience}",
        "server_tokens off;": "server_tokens off;"
        + "".join(f"{name}_temp_path {folder}/{name};" for name in scratch),
    }
    file = adapted("nginx.conf", changes, folder)
    return ["/usr/sbin/nginx", "-p", str(folder), "-c", str(file), "-g", "daemon off;"]


def haproxy(folder: Path, authority: Authority, port: int, behind: Behind) -> list[str]:
    tls = authority.files()
    both = folder / "tls.pem"
    both.write_bytes(tls.certificate.read_bytes() + tls.private_key.read_bytes())
    changes = {
        "bind :443,[::]:443 v6only": f"bind {HOST}:{port}",
        "/etc/haproxy/tls.pem": str(both),
        "log /dev/log local0": "log stdout format raw local0",
        "maxconn 16384": "maxconn 100",
        "server gateway1 127.0.0.1:8080": f"server gateway1 {HOST}:{behind.port}",
        "check port 9090 inter 2s": f"check port {behind.admin_port} inter 100ms",
        "timeout server 40s": f"timeout server {behind.patience}",
    }
    file = adapted("haproxy.cfg", changes, folder)
    return ["/usr/sbin/haproxy", "-db", "-f", str(file)]


def caddy(folder: Path, authority: Authority, port: int, behind: Behind) -> list[str]:
    tls = authority.files()
    changes = {
        "admin off": f"admin off\n\tauto_https off\n\tdefault_bind {HOST}",
        "\trequest_body": f"\ttls {tls.certificate} {tls.private_key}\n\trequest_body",
        "{$SITE:auth.example.com}": f"https://localhost:{port}",
        "{$GATEWAY:127.0.0.1:8080}": f"{HOST}:{behind.port}",
        "response_header_timeout 40s": f"response_header_timeout {behind.patience}",
    }
    file = adapted("Caddyfile", changes, folder)
    return ["caddy", "run", "--config", str(file), "--adapter", "caddyfile"]


Kind = Callable[[Path, Authority, int, Behind], list[str]]
KINDS: tuple[Kind, ...] = (nginx, haproxy, caddy)


@contextmanager
def running(kind: Kind, folder: Path, behind: Behind, port: int | None = None) -> Iterator[Proxy]:
    """Run a proxy until it is no longer needed."""
    port = port or free_port()
    authority = Authority(folder)
    argv = kind(folder, authority, port, behind)
    process = Process(kind.__name__, argv, folder, {"HOME": str(folder)})
    proxy = Proxy(port, authority.client(), process)
    process.start()
    try:
        process.wait(lambda: proxy.ask("OPTIONS"))
        yield proxy
    finally:
        process.stop()
