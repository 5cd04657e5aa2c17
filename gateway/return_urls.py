"""Where a browser may take a sign-in back to: the URLs that an app lists, and no others.

A URL is listed if it is equal to the last character (RFC 9700 section 4.1.3). Native apps that
listen on loopback get their port from the system, so the port of ``http://127.0.0.1`` and
``http://[::1]`` is free (RFC 8252 section 7.3); that of ``localhost`` is not (section 8.3).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final
from urllib.parse import quote

MAX_LENGTH: Final = 512  # characters

_LOOPBACK: Final = re.compile(r"(http://(?:127\.0\.0\.1|\[::1\]))(?::([1-9][0-9]{0,4}))?(/.*)?")
_MAX_PORT: Final = 65_535


def admits(listed: Collection[str], url: str) -> bool:
    """Whether ``url`` is one of those ``listed``."""
    if url in listed:
        return len(url) <= MAX_LENGTH
    loopback = _without_port(url)
    if loopback is None or len(url) > MAX_LENGTH:
        return False
    return any(_without_port(other) == loopback for other in listed)


def _without_port(url: str) -> str | None:
    """A loopback URL without its port; None if it is none."""
    match = _LOOPBACK.fullmatch(url)
    if match is None or int(match[2] or 1) > _MAX_PORT:
        return None
    return match[1] + (match[3] or "")


def with_query(url: str, **parameters: str) -> str:
    """Add parameters to a listed URL; it has no fragment."""
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in parameters.items())
    return f"{url}{'&' if '?' in url else '?'}{query}"
