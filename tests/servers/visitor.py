"""Somebody at a browser without scripts: follows redirects, keeps cookies, fills in one form."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from html.parser import HTMLParser
from types import TracebackType
from typing import Final, Literal, NamedTuple, Self
from urllib.parse import urljoin, urlsplit, urlunsplit

import aiohttp

from tests.servers.http_scripted import once

STEPS: Final = 10


class TurnedAwayError(Exception):
    """The site let the visitor go no further; ``status`` is its last word."""

    def __init__(self, status: int, page: str) -> None:
        super().__init__(f"{status}: {page[:300]}")
        self.status = status
        self.page = page


class Arrival(NamedTuple):
    """Where the site sends the browser, and with what: in the query, or as a form to be posted."""

    method: Literal["GET", "POST"]
    url: str  # without the query
    parameters: Mapping[str, str]


class Form(NamedTuple):
    method: str
    action: str
    fields: dict[str, str]  # what the page has filled in already
    buttons: dict[str, dict[str, str]]  # by what is written on them: what they add


class Visitor:
    """``async with Visitor(trust) as somebody``. Each has its own cookies."""

    def __init__(self, trust: ssl.SSLContext) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=trust), timeout=aiohttp.ClientTimeout(total=30)
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        await self._session.close()

    async def walk(self, url: str, fill: Mapping[str, str], press: str) -> Arrival:
        """Go to ``url``, ``fill`` and send the form there if there is one, until sent elsewhere.

        Elsewhere is another scheme, host or port. Raises ``TurnedAwayError``.
        """
        site = origin(url)
        status, location, page = await self._open("GET", url, {})
        for _ in range(STEPS):
            if location:
                url = urljoin(url, location)
                if origin(url) != site:
                    parts = urlsplit(url)
                    return Arrival("GET", urlunsplit(parts._replace(query="")), once(parts.query))
                status, location, page = await self._open("GET", url, {})
                continue
            form = find_form(page, url)
            if status != 200 or form is None:
                raise TurnedAwayError(status, page)
            if origin(form.action) != site:
                return Arrival("POST", form.action, form.fields)
            data = form.fields | dict(fill) | form.buttons[press]
            status, location, page = await self._open(form.method, form.action, data)
        raise TurnedAwayError(status, f"more than {STEPS} steps")

    async def _open(
        self, method: str, url: str, data: Mapping[str, str]
    ) -> tuple[int, str | None, str]:
        async with self._session.request(
            method, url, data=data or None, allow_redirects=False
        ) as response:
            page = await response.text()
            moved = response.status in (301, 302, 303)
            return response.status, response.headers["Location"] if moved else None, page


def origin(url: str) -> tuple[str, str]:
    """Return scheme, and host with port."""
    return urlsplit(url)[:2]


def find_form(page: str, url: str) -> Form | None:
    """Return the one form of a page at ``url``."""
    reader = _Reader(url)
    reader.feed(page)
    return reader.form


class _Reader(HTMLParser):
    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url
        self._button: dict[str, str] | None = None
        self.form: Form | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = {name: value or "" for name, value in attrs}
        if tag == "form":
            action = urljoin(self._url, known.get("action", ""))
            self.form = Form(known.get("method", "get").upper(), action, {}, {})
        elif tag == "input" and self.form and "name" in known:
            self.form.fields[known["name"]] = known.get("value", "")
        elif tag == "button":
            self._button = {known["name"]: known.get("value", "")} if "name" in known else {}

    def handle_data(self, data: str) -> None:
        if self._button is not None and self.form:
            self.form.buttons[data.strip()] = self._button
            self._button = None
