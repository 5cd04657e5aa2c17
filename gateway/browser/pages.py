"""Pages to answers: HTML from templates, and the headers that keep it to itself.

Whatever a page shows is escaped, and no page could run or load what is not the gateway's own.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from aiohttp import web

from gateway.browser import assets
from gateway.browser.texts import Texts

if TYPE_CHECKING:
    from jinja2 import Environment

FOLDER: Final = Path(__file__).parent / "templates"

HEADERS: Final = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",  # addresses name sign-ins
    "Server": "messenger-auth-gateway",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
    "form-action {}; base-uri 'none'; frame-ancestors 'none'"
)
# What a host can be in a policy: no IPv6 address (CSP level 3, section 2.3.1).
_HOST: Final = re.compile(r"[A-Za-z0-9.-]+(:[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Page:
    """A template and what it shows."""

    template: str
    texts: Texts
    values: Mapping[str, Any]
    status: int = 200
    has_form: bool = False
    return_url: str | None = None  # where the form may lead in the end
    retry_after: float | None = None  # seconds
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Redirect:
    """The browser goes to another URL; never with what was posted (RFC 9700 section 4.12)."""

    url: str


@functools.cache
def _environment() -> Environment:
    # Loaded with the first page: most gateways show none, and need not have it in memory.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.clear()  # what is left are the values of pages
    return environment


class Pages:
    """Pages below ``base``, the path of the gateway's public URL."""

    def __init__(self, base: str) -> None:
        self._base = base

    def show(self, page: Page) -> web.Response:
        """Make the answer."""
        html = (
            _environment()
            .get_template(page.template)
            .render(
                page.values,
                t=page.texts,
                base=self._base,
                css=self._base + assets.path("signin.css"),
                js=self._base + assets.path("signin.js"),
            )
        )
        headers = {
            **HEADERS,
            "Content-Language": page.texts.lang,
            "Content-Security-Policy": policy(page),
            **page.headers,
        }
        if page.retry_after is not None:
            headers["Retry-After"] = str(max(1, math.ceil(page.retry_after)))
        return web.Response(
            status=page.status,
            text=html,
            content_type="text/html",
            charset="utf-8",
            headers=headers,
        )


def redirect(url: str) -> web.Response:
    """Send the browser elsewhere, with GET."""
    return web.Response(status=303, headers={**HEADERS, "Location": url})


def policy(page: Page) -> str:
    """What a page may load, and where its form may go."""
    targets = []
    if page.has_form:
        targets.append("'self'")
        if page.return_url is not None:
            targets.append(_source(page.return_url))
    return _POLICY.format(" ".join(targets) or "'none'")


def _source(url: str) -> str:
    """A return URL as a policy names it: browsers hold it against redirects after a form, too."""
    parts = urlsplit(url)
    if parts.scheme in ("http", "https") and _HOST.fullmatch(parts.netloc):
        return f"{parts.scheme}://{parts.netloc}"
    return f"{parts.scheme}:"
