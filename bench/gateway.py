"""The gateway as people run it: all layers on, limits present but out of reach."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.request import urlopen

import yaml

from bench.servers import LISTENING, SERVER_CORE, Server

APP: Final = "com.example.messenger"
MEMORY: Final = "memory://"
SILENT: Final = "silent"  # the provider whose vendor does not answer until it is told to

READY: Final = LISTENING + r"admin on (http://\S+)\n"
_IN_FLIGHT: Final = re.compile(r"^gateway_in_flight ([0-9.e+]+)$", re.M)
_LOGINS: Final = re.compile(r'^gateway_logins_total\{.*outcome="([a-z_]+)".*\} ([0-9.e+]+)$', re.M)
WITHOUT_UVLOOP: Final = 'import sys; sys.modules["uvloop"] = None'
_MAIN: Final = "import sys; from gateway.cli import main; sys.exit(main())"
PLENTY: Final = 100_000_000


class Gateway(Server):
    """``python -m gateway serve``; JSON logs go to ``errors``.

    ``changes`` are further keys of the configuration, or other values of those that it has.
    ``prelude`` is what Python is to do first.
    """

    def __init__(
        self,
        directory: Path,
        name: str,
        store_url: str,
        upstream: str,
        *,
        silent: bool = False,
        changes: Mapping[str, Any] | None = None,
        prelude: str = "",
    ) -> None:
        config = directory / f"{name}.yaml"
        document = {**configuration(store_url, upstream, silent=silent), **(changes or {})}
        config.write_text(yaml.safe_dump(document, sort_keys=False))
        start = ["-c", f"{prelude}\n{_MAIN}"] if prelude else ["-m", "gateway"]
        command = [sys.executable, *start, "serve", "--config", str(config)]
        super().__init__(command, SERVER_CORE, READY, directory, name)

    def outcomes(self) -> Counter[str]:
        """Logins by outcome, as its metrics tell."""
        return outcomes(self._metrics())

    def in_flight(self) -> int:
        """Logins being worked on, as its metrics tell."""
        return in_flight(self._metrics())

    def _metrics(self) -> str:
        with urlopen(f"{self.addresses[1]}/metrics") as answer:
            return str(answer.read().decode())


def outcomes(exposition: str) -> Counter[str]:
    """The outcomes in ``gateway_logins_total``, over all apps and providers."""
    counted = Counter[str]()
    for outcome, count in _LOGINS.findall(exposition):
        counted[outcome] += int(float(count))
    return counted


def in_flight(exposition: str) -> int:
    """The value of ``gateway_in_flight``. Raises ``ValueError``."""
    found = _IN_FLIGHT.search(exposition)
    if found is None:
        raise ValueError("gateway_in_flight is not among the metrics")
    return int(float(found[1]))


def configuration(store_url: str, upstream: str, *, silent: bool = False) -> dict[str, Any]:
    """A gateway.yaml for phone login, with ``upstream`` as mesibo and as SMS vendor.

    With ``silent`` there is a second provider, on the vendor that does not answer.
    """
    providers = {"phone": phone_login(f"{upstream}/sms")}
    if silent:
        providers[SILENT] = phone_login(f"{upstream}/silent")
    return {
        "listen": "127.0.0.1:0",
        "admin": "127.0.0.1:0",
        "secret": "benchmark " * 4,
        "store": {"url": store_url},
        "issuer": {"type": "mesibo", "url": f"{upstream}/backend/", "app_token": "x" * 64},
        "apps": {APP: {}},
        "providers": providers,
        "limits": {"per_ip": [f"{PLENTY}/5m"], "failures_per_identity": ["5/15m"]},
        "logging": {"format": "json"},
    }


def phone_login(vendor: str) -> dict[str, Any]:
    """A provider of phone login, with the limits present but out of reach."""
    sms = {
        "type": "http",
        "url": vendor,
        "json": {"to": "{to}", "text": "{text}", "code": "{code}"},
    }
    limits = {
        "per_phone": ["5/hour", "10/day"],
        "per_ip": [f"{PLENTY}/hour"],
        "per_prefix": [f"{PLENTY}/hour"],
        "per_app": [f"{PLENTY}/day"],
    }
    config = {"limits": limits, "senders": [sms]}
    return {"type": "phone_otp", "shared_address": True, "config": config}
