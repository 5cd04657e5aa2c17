"""The gateway's own keys: the top level of gateway.yaml."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl, urlencode, urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationInfo, WithJsonSchema

from config.apps import App, AppId
from config.files import FilePath, locate
from config.issuer import Issuer
from config.model import Model
from config.network import Cidr, HostPort, Origin, PublicUrl
from config.quantities import Limit
from config.secret import Secret
from config.spelling import invalid
from config.tracing import Tracing

MEMORY = "memory://"
MIN_SECRET = 32  # bytes

_STORE_FILES = {"ssl_ca_certs", "ssl_certfile", "ssl_keyfile"}
_STORES = {
    "redis": "HOST:PORT/DB",
    "rediss": "HOST:PORT/DB",
    "redis+sentinel": "HOST:PORT,HOST:PORT/SERVICE/DB",
    "redis+cluster": "HOST:PORT,HOST:PORT",
}

_PROVIDER_NAME = "^[a-z0-9][a-z0-9_-]{0,31}$"
_PROVIDER_TYPE = r"^([a-z][a-z0-9_]*|[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)+)$"

Count = Annotated[int, Field(ge=1)]


def _provider_name(name: str) -> str:
    if not re.fullmatch(_PROVIDER_NAME, name):
        raise invalid(
            "a provider name is at most 32 lower-case letters, digits, - and _, "
            "beginning with a letter or digit"
        )
    return name


def _provider_type(name: str) -> str:
    if not re.fullmatch(_PROVIDER_TYPE, name):
        raise invalid("must be the name of a provider type, or a dotted path to a module")
    return name


def _long_enough(secret: SecretStr) -> SecretStr:
    if len(secret.get_secret_value().encode()) < MIN_SECRET:
        raise invalid(f"must have at least {MIN_SECRET} bytes; openssl rand -base64 32 makes one")
    return secret


def _store_url(secret: SecretStr, info: ValidationInfo) -> SecretStr:
    text = secret.get_secret_value()
    scheme = text.partition("://")[0]
    if text == MEMORY:
        return secret
    if scheme not in _STORES:
        raise invalid(
            "must be memory://, redis://HOST:PORT/DB, rediss://HOST:PORT/DB, "
            "redis+sentinel://HOST:PORT,HOST:PORT/SERVICE/DB or redis+cluster://HOST:PORT,HOST:PORT"
        )
    authority = re.split("[/?#]", text.removeprefix(f"{scheme}://"), maxsplit=1)[0]
    hosts = authority.rpartition("@")[2]
    if not all(map(_is_address, hosts.split(",") if "+" in scheme else [hosts])):
        raise invalid(f"must be {scheme}://{_STORES[scheme]}")
    return SecretStr(_with_paths(text, info))


def _with_paths(url: str, info: ValidationInfo) -> str:
    """Let the files that an URL names count from the folder of the configuration, as all others."""
    rest, _, query = url.partition("?")
    options = dict(parse_qsl(query, keep_blank_values=True))
    files = {name: str(locate(options[name], info)) for name in _STORE_FILES & options.keys()}
    return f"{rest}?{urlencode(options | files)}" if files else url


def _is_address(text: str) -> bool:
    try:
        url = urlsplit(f"//{text}")
        return bool(url.hostname) and url.port != 0 and "," not in text
    except ValueError:
        return False


ProviderName = Annotated[
    str,
    AfterValidator(_provider_name),
    WithJsonSchema({"type": "string", "pattern": _PROVIDER_NAME}),
]
ProviderType = Annotated[
    str,
    AfterValidator(_provider_type),
    WithJsonSchema({"type": "string", "pattern": _PROVIDER_TYPE}),
]


class TlsFiles(Model):
    """PEM files for https."""

    certificate: FilePath
    """With its chain."""
    private_key: FilePath


class StoreEntry(Model):
    """Where pending challenges and counters live."""

    url: Annotated[Secret, AfterValidator(_store_url)] = Field(
        default=SecretStr(MEMORY), json_schema_extra={"default": MEMORY}
    )
    """memory://, redis://, rediss://, redis+sentinel:// or redis+cluster://; a secret, since it may
    hold a password.
    """

    @property
    def files(self) -> dict[str, Path]:
        """The files that the URL names, by the name of the option."""
        query = self.url.get_secret_value().partition("?")[2]
        return {name: Path(text) for name, text in parse_qsl(query) if name in _STORE_FILES}

    @property
    def in_memory(self) -> bool:
        """Whether the state lives and dies with the process."""
        return self.url.get_secret_value() == MEMORY


class ProviderEntry(Model):
    """A configured way to find out who somebody is."""

    type: ProviderType
    label: str | None = None
    """For people."""
    address: str | None = None
    """Template of the mesibo address; default: the type's own."""
    shared_address: bool = False
    """Other providers that say so, too, may give the same addresses."""
    config: dict[str, Any] = Field(default={}, repr=False)
    """The keys of the type."""


class Limits(Model):
    """Limits on top of each provider's own."""

    per_ip: list[Limit] = Field(default=[Limit(60, 300)])
    """Logins from one address."""
    failures_per_identity: list[Limit] = Field(default=[Limit(5, 900)])
    """Failed logins of one person."""
    connections: Count = 10_000
    """Open at once."""
    connections_per_ip: Count = 4_096
    """Open at once from one address."""
    logins_per_provider: Count = 4_096
    """Under way at once with one provider, in one process."""


class Logging(Model):
    """What is logged, and how it looks."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["console", "json"] = "console"


class Settings(Model):
    """The keys of gateway.yaml. What is in a provider's `config` is checked with its type."""

    listen: HostPort = HostPort("127.0.0.1", 8080)
    admin: HostPort | None = HostPort("127.0.0.1", 9090)
    """Health and metrics; null turns them off."""
    public_url: PublicUrl | None = None
    """Where browsers reach the gateway; redirect sign-in needs it."""
    workers: Count = 1
    """Processes."""
    tls: TlsFiles | None = None
    trusted_proxies: list[Cidr] = Field(default=[])
    """Networks whose Forwarded and X-Forwarded-For headers are believed."""
    cors_origins: list[Origin] = Field(default=["*"])
    """Web pages that may log in."""
    allow_get: bool = False
    """Admits logins in the query string, as clients of 2020 send them; codes end up in logs."""
    secret: Annotated[Secret, AfterValidator(_long_enough)] | None = None
    """At least 32 bytes, for the digests in the store; only memory:// works without."""
    store: StoreEntry = Field(default=StoreEntry())
    issuer: Issuer
    """Who makes the tokens."""
    apps: dict[AppId, App] = Field(min_length=1)
    """The app ids that may log in; "*" admits any."""
    providers: dict[ProviderName, ProviderEntry] = Field(
        min_length=1, json_schema_extra={"additionalProperties": False}
    )
    """By name, in the order in which they are asked."""
    limits: Limits = Field(default=Limits())
    logging: Logging = Field(default=Logging())
    tracing: Tracing | None = None
    """Null: off."""
