"""From a store's URL to what redis-py needs to connect."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from redis.asyncio.connection import Connection, ConnectionPool, SSLConnection, parse_url
from redis.exceptions import RedisError

from gateway.stores import BadStoreUrl

SENTINEL: Final = "redis+sentinel"
CLUSTER: Final = "redis+cluster"
MAX_ADDRESSES: Final = 100

_PARTS: Final = re.compile(r"([\w+]+)://([^/?#]*)([^?#]*)(?:\?([^#]*))?")


class _Form(NamedTuple):
    """What a URL of a scheme looks like. The service is called as Sentinel lets it be called."""

    looks: str
    path: re.Pattern[str]
    default_port: int = 6379
    options: frozenset[str] = frozenset()  # and, with TLS, ssl_...


_SINGLE: Final = re.compile(r"/?(?P<database>[0-9]*)")
_FORMS: Final = {
    "redis": _Form("redis://user:password@host:port/database", _SINGLE),
    "rediss": _Form("rediss://user:password@host:port/database", _SINGLE),
    SENTINEL: _Form(
        "redis+sentinel://user:password@host:port,host:port/service/database",
        re.compile(r"/(?P<service>[A-Za-z0-9._-]+)(?:/(?P<database>[0-9]*))?"),
        26379,
        frozenset({"tls", "sentinel_username", "sentinel_password"}),
    ),
    CLUSTER: _Form(
        "redis+cluster://user:password@host:port,host:port",
        re.compile("/?(?P<database>0?)"),
        options=frozenset({"tls"}),
    ),
}


class Address(NamedTuple):
    """Where a server is."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Login:
    """How to introduce oneself to a server."""

    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: dict[str, Any] | None = field(default=None, repr=False)  # ssl_... of redis-py; None: none
    database: int = 0

    def options(self, connect_timeout: float) -> dict[str, Any]:
        """What redis-py is told of each connection, but for its address."""
        return {
            "username": self.username,
            "password": self.password,
            "db": self.database,
            "protocol": 2,  # spares a round trip when connecting; the replies are the same
            "driver_info": None,  # so does this
            "socket_timeout": None,  # the pipeline has one deadline for all that travel together
            "socket_connect_timeout": connect_timeout,
            **(self.tls or {}),
        }


@dataclass(frozen=True, slots=True)
class RedisUrl:
    """A store's URL, taken apart and checked."""

    scheme: str
    addresses: tuple[Address, ...]  # at least one
    login: Login
    service: str = ""  # what the sentinels call it
    sentinel_login: Login = Login()


def parse(url: str) -> RedisUrl:
    """Take a URL apart. Raises ``BadStoreUrl``.

    A bare ``/``, ``?`` or ``#`` in a password moves the rest of it to the host, path, options or
    fragment. Such a URL is refused, lest part of a password be taken for something to be shown.
    """
    form = _FORMS[url.partition("://")[0]]
    parts = _PARTS.fullmatch(url)
    path = form.path.fullmatch(parts[3]) if parts else None
    if parts is None or path is None:
        raise _not_of_the_form(form)
    scheme, authority, _, query = parts.groups()
    user, _, hosts = authority.rpartition("@")
    username, _, password = (unquote(part) for part in user.partition(":"))
    found = path.groupdict()
    options = dict(parse_qsl(query or "", keep_blank_values=True))
    tls = _tls(scheme, options)
    return RedisUrl(
        scheme=scheme,
        addresses=_addresses(hosts, form, many=scheme in (SENTINEL, CLUSTER)),
        login=Login(username or None, password or None, tls, int(found["database"] or 0)),
        service=found.get("service", ""),
        sentinel_login=Login(
            options.get("sentinel_username"), options.get("sentinel_password"), tls
        ),
    )


def _not_of_the_form(form: _Form) -> BadStoreUrl:
    return BadStoreUrl(
        f"not of the form {form.looks} (in a user name or password, percent-encode / ? # @ : %)"
    )


def _addresses(hosts: str, form: _Form, *, many: bool) -> tuple[Address, ...]:
    addresses = []
    for host in hosts.split(",") if many else [hosts]:
        try:
            parts = urlsplit(f"//{host}")
            port = form.default_port if parts.port is None else parts.port
        except ValueError:
            raise _not_of_the_form(form) from None
        if not (port and parts.hostname) or "," in host:
            raise _not_of_the_form(form)
        addresses.append(Address(parts.hostname, port))
    if len(addresses) > MAX_ADDRESSES:
        raise BadStoreUrl(f"more than {MAX_ADDRESSES} hosts")
    return tuple(addresses)


def _tls(scheme: str, options: dict[str, str]) -> dict[str, Any] | None:
    """Check the options; return those of TLS, or None without TLS."""
    form = _FORMS[scheme]
    of_tls = {name: text for name, text in options.items() if name.startswith("ssl_")}
    if scheme == "redis" and options:
        raise BadStoreUrl("only rediss:// URLs have options (ssl_...)")
    if not options.keys() - of_tls.keys() <= form.options:
        known = ", ".join(sorted(form.options))
        known += known and " and "
        raise BadStoreUrl(
            f"the options of a {scheme}:// URL are {known}the ssl_... options of redis-py"
        )
    if options.get("tls", "true") not in ("true", "false"):
        raise BadStoreUrl("tls must be true or false")
    if scheme != "rediss" and options.get("tls") != "true":
        if of_tls:
            raise BadStoreUrl("the ssl_... options need tls=true")
        return None
    return _ssl_options(of_tls)


def _ssl_options(texts: dict[str, str]) -> dict[str, Any]:
    """Let redis-py read its options, and look whether it can use them."""
    try:
        options: dict[str, Any] = {**parse_url(f"rediss://host?{urlencode(texts)}")}
        del options["connection_class"], options["host"]
        SSLConnection(**options)
    except (RedisError, TypeError, ValueError) as error:
        raise BadStoreUrl(str(error)) from error
    return options


def connection_pool(
    address: Address, login: Login, *, connections: int, connect_timeout: float
) -> ConnectionPool:
    """Make a pool of connections to one server."""
    return ConnectionPool(
        connection_class=Connection if login.tls is None else SSLConnection,
        max_connections=connections,
        host=address.host,
        port=address.port,
        **login.options(connect_timeout),
    )
