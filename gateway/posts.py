"""Requests that came in one piece: what nearly every app sends, read with nothing around it.

An op is a POST of a few hundred bytes, so head and body come together. Such a request is read here;
what is unusual about a request in any way is for aiohttp, which reads it from its first byte on.
Both read by llhttp.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from email.utils import formatdate
from functools import lru_cache
from typing import Final, NamedTuple

import httptools

MAX_SIZE: Final = 8192  # bytes of head and body
_PATH: Final = re.compile(rb"(?:/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*/?")
# What changes how a request is to be read or answered.
_UNUSUAL: Final = ("content-encoding", "expect", "te", "trailer", "transfer-encoding", "upgrade")
_READ: Final = ("host", "origin", "user-agent", "x-forwarded-for", "forwarded")
_MEANT: Final = {name.encode(): name for name in _READ + _UNUSUAL}


class Post(NamedTuple):
    """A whole POST. ``headers``: those that mean something to us, names in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes
    keep_alive: bool


class Reader:
    """Reads the requests of one connection, until there is one that is not for here."""

    def __init__(self) -> None:
        self._parser = httptools.HttpRequestParser(self)

    def read(self, data: bytes) -> Post | None:
        """The request that ``data`` is; None: ask aiohttp, and do not ask here again."""
        self._path = b""
        self._headers: dict[str, str] = {}
        self._body = b""
        self._whole = self._unusual = self._keep_alive = False
        if len(data) > MAX_SIZE:
            return None
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            return None
        parser = self._parser
        if not self._whole or self._unusual or parser.get_method() != b"POST":
            return None
        if parser.get_http_version() != "1.1" or not _PATH.fullmatch(self._path):
            return None
        if "host" not in self._headers:
            return None
        return Post(self._path.decode(), self._headers, self._body, self._keep_alive)

    def close(self) -> None:
        """End. The parser refers to its reader: in a cycle they would wait for a collection."""
        del self._parser

    # llhttp's callbacks

    def on_message_begin(self) -> None:
        """See that no other request follows."""
        if self._whole:
            self._unusual = True

    def on_url(self, url: bytes) -> None:
        """Keep the path."""
        self._path += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep what means something."""
        key = _MEANT.get(name.lower())
        if key is None:
            return
        if key in self._headers or key in _UNUSUAL or not value.isascii():
            self._unusual = True
        self._headers[key] = value.decode("latin-1").rstrip(" \t")

    def on_body(self, chunk: bytes) -> None:
        """Keep the body."""
        self._body += chunk

    def on_message_complete(self) -> None:
        """Nothing is missing."""
        self._whole = True
        self._keep_alive = self._parser.should_keep_alive()  # forgotten after this


def head(headers: Iterable[tuple[str, str]]) -> bytes:
    """The unchanging part of the head of answers."""
    return b"HTTP/1.1 200 OK\r\n" + b"".join([header(name, value) for name, value in headers])


def header(name: str, value: str) -> bytes:
    """A line of a head."""
    return f"{name}: {value}\r\n".encode()


def answer(head: bytes, body: bytes, *, keep_alive: bool) -> bytes:
    """A whole answer."""
    return b"%b%bDate: %b\r\nContent-Length: %d\r\n\r\n%b" % (
        head,
        b"" if keep_alive else b"Connection: close\r\n",
        _date(int(time.time())),
        len(body),
        body,
    )


@lru_cache(maxsize=1)
def _date(now: int) -> bytes:
    """A time in seconds as HTTP writes it (RFC 9110 section 5.6.7)."""
    return formatdate(now, usegmt=True).encode()
