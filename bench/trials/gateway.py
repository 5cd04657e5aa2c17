"""The gateway of a trial: its configuration, its processes, its log."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.request import urlopen

import yaml

from bench import proc
from bench.gateway import APP, PLENTY, READY
from bench.servers import Server
from bench.trials import cores
from bench.trials.upstreams import Upstreams
from tests.servers.slapd import PEOPLE, SERVICE, SERVICE_PASSWORD

RESEND_AFTER: Final = 20  # seconds; whoever got no message asks again then
CLIENT: Final = "trial-app"
IDP: Final = "https://idp.example.com"
ADMIN_TIMEOUT: Final = 10.0  # seconds


class Gateway(Server):
    """``python -m gateway serve``, on a configuration that can be changed."""

    def __init__(
        self, folder: Path, name: str, config: Mapping[str, Any], stderr: int | None = None
    ) -> None:
        self._file = folder / f"{name}.yaml"
        self.config = dict(config)
        self.write(yaml.safe_dump(self.config, sort_keys=False))
        command = [sys.executable, "-m", "gateway", "serve", "--config", str(self._file)]
        super().__init__(command, cores.WORKERS, READY, folder, name, stderr)

    def write(self, text: str) -> None:
        """Replace the configuration file in one step."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(text)
        fresh.replace(self._file)

    def reload(self, text: str) -> None:
        """Have it read another configuration."""
        self.write(text)
        os.kill(self.pid, signal.SIGHUP)

    def processes(self) -> list[int]:
        """The supervisor, if there is one, and the workers."""
        return [self.pid, *proc.children(self.pid)]

    def metrics(self) -> str:
        with urlopen(f"{self.addresses[1]}/metrics", timeout=ADMIN_TIMEOUT) as answer:
            return str(answer.read().decode())


class LogReader:
    """A program that a gateway's log is piped into, as under Docker or systemd."""

    def __init__(self, file: Path) -> None:
        reading, self.writing = os.pipe()
        with file.open("wb") as output:
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "cat"], stdin=reading, stdout=output
            )
        os.close(reading)

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def stop(self) -> None:
        os.close(self.writing)
        self._process.kill()
        self._process.wait()


def configuration(upstreams: Upstreams, store_url: str, directory: str) -> dict[str, Any]:
    """Sign-in by phone, email, directory and identity provider, on ``upstreams``."""
    return {
        "listen": "127.0.0.1:0",
        "admin": "127.0.0.1:0",
        "workers": 2,
        "secret": "endurance " * 4,
        "store": {"url": store_url},
        "issuer": {
            "type": "mesibo",
            "url": f"{upstreams.issuer}/backend/",
            "app_token": "x" * 64,
        },
        "apps": {APP: {}},
        "providers": {
            "phone": _codes("phone_otp", upstreams),
            "mail": _codes("email_otp", upstreams),
            "staff": _directory(directory),
            "idp": _identity_provider(upstreams),
        },
        # One address and some accounts stand for everybody: all limits hold, out of reach.
        "limits": {
            "per_ip": [f"{PLENTY}/5m"],
            "failures_per_identity": ["1000/15m"],
            "connections_per_ip": 10_000,
        },
        "logging": {"format": "json"},
    }


def _codes(kind: str, upstreams: Upstreams) -> dict[str, Any]:
    fields = {"to": "{to}", "text": "{text}", "code": "{code}"}
    senders = [
        {"type": "http", "name": name, "url": f"{url}/", "json": fields}
        for name, url in (("first", upstreams.vendor), ("second", upstreams.backup))
    ]
    each, groups = (
        ("per_phone", "per_prefix") if kind == "phone_otp" else ("per_email", "per_domain")
    )
    limits = {
        each: ["5/hour", "10/day"],
        "per_ip": [f"{PLENTY}/hour"],
        groups: [f"{PLENTY}/hour"],
        "per_app": [f"{PLENTY}/day"],
    }
    config = {"resend_after": f"{RESEND_AFTER}s", "limits": limits, "senders": senders}
    return {"type": kind, "shared_address": True, "config": config}


def _directory(url: str) -> dict[str, Any]:
    config = {
        "urls": [url],
        "allow_cleartext": True,
        "bind_dn": SERVICE,
        "bind_password": SERVICE_PASSWORD,
        "user_search": {"base_dn": PEOPLE},
    }
    return {"type": "ldap", "config": config}


def _identity_provider(upstreams: Upstreams) -> dict[str, Any]:
    config = {
        "issuer": IDP,
        "jwks_uri": f"{upstreams.idp}/jwks",
        "client_id": CLIENT,
        "allow_private_network": True,
    }
    return {"type": "oauth2", "config": config}
