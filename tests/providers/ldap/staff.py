"""People who sign in with a directory: the provider by itself, without a gateway."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, cast

import yaml

from config import Limit
from providers import Attempt, Context, Fields, Identity
from providers.ldap import Ldap
from providers.ldap.settings import LdapConfig
from tests.config.reading import document
from tests.providers.sending import Recorder
from tests.servers.slapd import PEOPLE, SERVICE, SERVICE_PASSWORD

DRIVERS: Final = ("ldap3", "python-ldap")
BY_SEARCH: Final[dict[str, Any]] = {
    "bind_dn": SERVICE,
    "bind_password": SERVICE_PASSWORD,
    "user_search": {"base_dn": PEOPLE},
}
BY_TEMPLATE: Final[dict[str, Any]] = {"user_dn": f"uid={{username}},{PEOPLE}"}
MODES: Final = {"search": BY_SEARCH, "template": BY_TEMPLATE}


def provider(
    urls: Sequence[str], ca_file: Path, failure_limits: Sequence[Limit] = (), **keys: Any
) -> Ldap:
    """Make one by the keys of its configuration."""
    config = {"urls": [*urls], "tls": {"ca_file": str(ca_file)}, **keys}
    parsed = document(yaml.safe_dump(config)).parse(LdapConfig)
    return Ldap("staff", parsed, Context(Recorder(), failure_limits=failure_limits))


async def sign_in(ldap: Ldap, name: str, password: str, field: str = "username") -> Identity:
    """Sign in as the gateway does it."""
    fields = cast(Fields, {field: name, "password": password})
    identity = ldap.identify(fields)
    assert identity is not None
    return await ldap.begin(Attempt("app", "App", "staff", identity, "192.0.2.1", "r"), fields)
