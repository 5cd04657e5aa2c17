"""Gateways that deliver by several senders, and what they tell of it."""

from __future__ import annotations

import contextlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.logins.configuration import SECRET
from tests.logins.site import Site
from tests.servers.configs import GENEROUS, Config, base_config
from tests.servers.gateway import GatewayProcess
from tests.servers.mesibo import MesiboCloud
from tests.servers.sms import SmsVendor

ACCEPTED, REFUSED, UNAVAILABLE, AMBIGUOUS = "accepted", "refused", "unavailable", "ambiguous"

_MESSAGES = re.compile(
    r'^gateway_messages_total\{outcome="(\w+)",sender="([^"]+)"\} ([0-9.e+]+)$', re.MULTILINE
)


PER_PHONE = ("per_phone", "per_ip", "per_prefix", "per_app")
PER_EMAIL = ("per_email", "per_ip", "per_domain", "per_app")


def by_phone(*senders: Config, **keys: Any) -> Config:
    """Return a provider that texts codes, without limits unless ``keys`` say so."""
    return _provider("phone_otp", PER_PHONE, senders, keys)


def by_mail(*senders: Config, **keys: Any) -> Config:
    """Return a provider that mails codes, without limits unless ``keys`` say so."""
    keys = {"from": "Example <no-reply@example.com>", **keys}
    return _provider("email_otp", PER_EMAIL, senders, keys)


def _provider(
    kind: str, limits: tuple[str, ...], senders: tuple[Config, ...], keys: Config
) -> Config:
    generous = dict.fromkeys(limits, GENEROUS)
    config = {"senders": list(senders), "limits": generous, **keys}
    return {"type": kind, "config": config, "shared_address": True}


@contextlib.contextmanager
def delivering(
    folder: Path,
    sms: SmsVendor,
    providers: Mapping[str, Config],
    *,
    gateways: int = 1,
    env: Mapping[str, str] | None = None,
    **keys: Any,
) -> Iterator[Site]:
    """Run gateways with an app for each provider, of its name; ``keys`` replace top-level keys."""
    with contextlib.ExitStack() as running:
        mesibo = running.enter_context(MesiboCloud())
        config = base_config(
            mesibo,
            sms,
            **{
                "secret": SECRET,
                "apps": {name: {"providers": [name]} for name in providers},
                "providers": dict(providers),
                "trusted_proxies": ["127.0.0.1/32"],
                "logging": {"format": "json"},
                **keys,
            },
        )
        config = json.loads(json.dumps(config))  # what is shared would become YAML's aliases
        started = []
        for index in range(gateways):
            own = folder / f"gateway{index}"
            own.mkdir()
            started.append(running.enter_context(GatewayProcess(own, config, env=env)))
        yield Site(started, mesibo, sms)


def messages(site: Site) -> Counter[tuple[str, str]]:
    """Return ``gateway_messages_total`` of all gateways, by sender and outcome."""
    counted: Counter[tuple[str, str]] = Counter()
    for text in site.metrics():
        for outcome, sender, count in _MESSAGES.findall(text):
            counted[sender, outcome] += int(float(count))
    return counted
