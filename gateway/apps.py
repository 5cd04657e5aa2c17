"""The apps that may log in, with what each offers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from gateway import return_urls
from gateway.method import Method

ANY = "*"


@dataclass(frozen=True, slots=True)
class App:
    """An app id (or ``*``) of the configuration."""

    label: str
    methods: tuple[Method, ...]
    name: str = ""  # for people
    result: Literal["auto", "string", "boolean"] = "auto"
    return_urls: frozenset[str] = frozenset()
    extras: Mapping[str, Any] = field(default_factory=dict)  # urls, share, invite

    def method(self, provider: str) -> Method | None:
        """The app's provider of that name."""
        return next((m for m in self.methods if m.provider.name == provider), None)

    def admits_return(self, url: str) -> bool:
        """Whether a browser may come back to ``url``."""
        return return_urls.admits(self.return_urls, url)


class Apps:
    """Apps by their ids."""

    def __init__(self, apps: Mapping[str, App]) -> None:
        self._apps = apps
        self.in_browser = frozenset(
            method.provider.name
            for app in apps.values()
            for method in app.methods
            if method.in_browser
        )  # names of the providers that have a site of their own

    def find(self, app_id: str) -> App | None:
        """The configured app that admits ``app_id``."""
        return self._apps.get(app_id) or self._apps.get(ANY)
