"""Links to the sign-in page: what an app asks for by its URL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self, cast
from urllib.parse import quote, urlencode

from gateway.apps import App, Apps
from gateway.browser.fields import has_form
from gateway.browser.problems import Problem
from gateway.errors import Refusal
from gateway.method import Method
from gateway.outcomes import HandOver, LoginRequest
from gateway.wishes import wish
from providers import Fields

_WISHES: Final = ("return_url", "code_challenge", "code_challenge_method")


@dataclass(frozen=True, slots=True)
class Link:
    """Checked: nothing here leads to where the app's configuration does not."""

    app_id: str
    app: App
    hand_over: HandOver
    methods: tuple[Method, ...]  # that a browser can sign in by
    method: Method | None  # the one to go on with
    lang: str

    @classmethod
    def read(cls, apps: Apps, query: Mapping[str, str]) -> Self:
        """Read the query of a link. Raises ``Problem``."""
        app_id = query.get("appid", "").strip()
        app = apps.find(app_id) if app_id else None
        if app is None:
            raise Problem("bad_link", detail="appid is missing, or not admitted")
        fields = {name: query[name].strip() for name in _WISHES if query.get(name, "").strip()}
        try:
            hand_over = wish(app, LoginRequest(app_id, None, None, cast(Fields, fields)))
        except Refusal as refusal:
            raise Problem("bad_link", detail=str(refusal)) from None
        methods = tuple(m for m in app.methods if m.in_browser or has_form(m))
        if not methods:
            raise Problem("bad_link", detail="no provider of this app signs in by a browser")
        method = _chosen(methods, query.get("provider", "").strip())
        return cls(app_id, app, hand_over, methods, method, query.get("lang", "").strip())

    def query(self, provider: str | None = None) -> str:
        """Write the query of the same link, with another provider or none."""
        values = {
            "appid": self.app_id,
            "return_url": self.hand_over.return_url,
            "code_challenge": self.hand_over.code_challenge,
            "provider": provider,
            "lang": self.lang,
        }
        given = {name: value for name, value in values.items() if value}
        return urlencode(given, quote_via=quote, safe="")


def _chosen(methods: tuple[Method, ...], provider: str) -> Method | None:
    if not provider:
        # A site of its own is not gone to unasked: there would be no way back to this page.
        return methods[0] if len(methods) == 1 and not methods[0].in_browser else None
    for method in methods:
        if method.provider.name == provider:
            return method
    raise Problem("bad_link", detail="provider is none that signs in to this app by a browser")
