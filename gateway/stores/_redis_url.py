"""From ``redis://`` and ``rediss://`` URLs to redis-py's connection pool."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import SplitResult, parse_qsl, urlsplit

from redis.asyncio.connection import ConnectionPool
from redis.exceptions import RedisError

from gateway.stores import BadStoreUrl

DEFAULT_PORT: Final = 6379


def server_name(url: str) -> str:
    """Check a URL; return what errors call its server. Raises ``BadStoreUrl``.

    A bare ``/``, ``?`` or ``#`` in a password moves the rest of it to the port, path, options or
    fragment. Such a URL is refused, lest part of a password be taken for something to be shown.
    """
    parts = urlsplit(url)
    try:
        port = parts.port or DEFAULT_PORT
    except ValueError:
        port = 0
    if not (port and parts.hostname and re.fullmatch(r"/?\d*", parts.path) and not parts.fragment):
        raise BadStoreUrl(
            f"not of the form {parts.scheme}://user:password@host:port/database"
            " (in a user name or password, percent-encode / ? # @ : %)"
        )
    _check_options(parts)
    return f"redis {parts.hostname}:{port}"


def _check_options(parts: SplitResult) -> None:
    options = parse_qsl(parts.query, keep_blank_values=True)
    if options and parts.scheme != "rediss":
        raise BadStoreUrl("only rediss:// URLs have options (ssl_...)")
    if not all(name.startswith("ssl_") for name, _ in options):
        raise BadStoreUrl("the options of a rediss:// URL are the ssl_... options of redis-py")


def connection_pool(url: str, *, connections: int, connect_timeout: float) -> ConnectionPool:
    """Make the pool for a checked URL. Raises ``BadStoreUrl``."""
    try:
        pool = ConnectionPool.from_url(
            url,
            max_connections=connections,
            protocol=2,  # spares a round trip when connecting; the replies are the same
            driver_info=None,  # so does this
            socket_timeout=None,  # the pipeline has one deadline for all that travel together
            socket_connect_timeout=connect_timeout,
        )
        # Not connected yet, but it looks at all the options.
        pool.make_connection()  # type: ignore[no-untyped-call]  # redis-py leaves it untyped
    except (RedisError, TypeError, ValueError) as error:
        raise BadStoreUrl(str(error)) from error
    return pool
