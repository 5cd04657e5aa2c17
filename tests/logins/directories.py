"""What services whose people sign in with a directory are configured with."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from tests.servers.configs import GENEROUS, Config, base_config
from tests.servers.mesibo import MesiboCloud
from tests.servers.slapd import PEOPLE, SERVICE, SERVICE_PASSWORD, Person
from tests.servers.sms import SmsVendor

DRIVERS = ("ldap3", "python-ldap")
ANN = Person("ann")
T = TypeVar("T")


def by_directory(urls: Sequence[str], ca_file: Path, driver: str, **keys: Any) -> Config:
    """Return a provider of a directory at ``urls``; ``keys`` add to its own."""
    config = {
        "urls": list(urls),
        "tls": {"ca_file": str(ca_file)},
        "bind_dn": SERVICE,
        "bind_password": SERVICE_PASSWORD,
        "user_search": {"base_dn": PEOPLE},
        "driver": driver,
    }
    return {"type": "ldap", "config": {**config, **keys}}


def signing_in(
    providers: Mapping[str, Config], failures: Sequence[str]
) -> Callable[[MesiboCloud, SmsVendor], Config]:
    """Return what configures a service with an app for each provider, named after it.

    There is a provider ``phone`` beside.
    """

    def configure(mesibo: MesiboCloud, sms: SmsVendor) -> Config:
        config = base_config(mesibo, sms)
        both = {**config["providers"], **providers}
        return {
            **config,
            "providers": both,
            "apps": {name: {"providers": [name]} for name in both},
            "trusted_proxies": ["127.0.0.1/32"],
            "limits": {"per_ip": GENEROUS, "failures_per_identity": list(failures)},
            "logging": {"format": "json"},
        }

    return configure


def timed(request: Callable[[], T]) -> tuple[T, float]:
    """Return what ``request`` returns, and how many seconds it took."""
    started = time.monotonic()
    answer = request()
    return answer, time.monotonic() - started
