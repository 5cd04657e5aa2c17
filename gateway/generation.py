"""What one configuration makes: a store, an issuer, providers, and the engine over them.

A reload opens a new generation. What is configured as before goes over to it as it stands, with its
connections; the rest of the old one is closed when its requests have ended.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import structlog
from pydantic import BaseModel

from gateway import issuer
from gateway.apps import ANY, App, Apps
from gateway.audit import Audit
from gateway.desk import Desk
from gateway.digests import Digests
from gateway.errands import Errands
from gateway.files import State, states
from gateway.login import Engine
from gateway.method import Method
from gateway.metrics import Metrics
from gateway.places import Places
from gateway.plan import Plan, Planned
from gateway.server import Api
from gateway.stores import Store, open_store
from gateway.throttle import Throttle
from providers import BrowserSignIn, Context, Directory, Provider, WithDirectory

if TYPE_CHECKING:
    from gateway.tracing import Tracing

NO_PUBLIC_URL: Final = "public_url is not set: nobody can sign in at this provider's own site"

log = structlog.get_logger()


class Part(Protocol):
    """Something that is open."""

    async def close(self) -> None:
        """Give back what it took."""


class Generation:
    """``open`` it once, use it between ``enter`` and ``leave``, ``close`` it."""

    def __init__(self, plan: Plan, metrics: Metrics, audit: Audit) -> None:
        self.plan = plan
        self.settings = plan.loaded.settings
        self.secret = plan.secret
        self.errands = Errands()
        self.providers: dict[str, Provider[Any]] = {}
        self.store: Store
        self.issuer: issuer.Issuer
        self.tracing: Tracing | None = None
        self.api: Api
        self._metrics = metrics
        self._audit = audit
        self.parts: list[Part] = []  # in the order of their opening
        self._directories: dict[str, Directory] = {}
        self.contents = {p.name: _contents(p.config) for p in plan.providers}
        self.store_contents = states(self.settings.store.files.values())
        self.issuer_contents = _contents(self.settings.issuer)
        self.tracing_contents = _contents(self.settings.tracing)
        self._in_use = 0
        self._unused: asyncio.Event | None = None  # if somebody waits for it

    def enter(self) -> None:
        """A request comes in."""
        self._in_use += 1

    def leave(self) -> None:
        """It is answered."""
        self._in_use -= 1
        if not self._in_use and self._unused is not None:
            self._unused.set()

    async def open(self, old: Generation | None = None) -> None:
        """Open what ``old`` does not have open.

        Raises ``StoreUnavailable`` if it is not the store of ``old`` and does not answer: what runs
        must not be given up for it. At a start it may still come.
        """
        self._open_tracing(old)  # closed last: then all spans have ended
        await self._open_store(old)
        self._open_issuer(old)
        for planned in self.plan.providers:
            await self._open_provider(planned, old)
        self.api = Api(self._engine(), self._audit, self.settings, self.tracing)

    def _open_tracing(self, old: Generation | None) -> None:
        settings = self.settings.tracing
        if settings is None:
            return
        mine = (settings, self.tracing_contents)
        if old is not None and mine == (old.settings.tracing, old.tracing_contents):
            self.tracing = old.tracing
        if self.tracing is None:
            from gateway.tracing import Tracing  # costs 20 MB, and need not be installed

            self.tracing = Tracing(settings, self._metrics)
        self.parts.append(self.tracing)

    async def _open_store(self, old: Generation | None) -> None:
        mine = (self.settings.store, self.store_contents)
        if old is not None and mine == (old.settings.store, old.store_contents):
            self.store = old.store
            if self.settings.secret is None:
                self.secret = old.secret  # it was drawn for what is in the store
            self.parts.append(self.store)
            return
        self.store = open_store(self.settings.store.url.get_secret_value())
        self.parts.append(self.store)
        await self.store.open()
        if old is not None:
            await self.store.ping()

    def _open_issuer(self, old: Generation | None) -> None:
        mine = (self.settings.issuer, self.issuer_contents)
        if old is not None and mine == (old.settings.issuer, old.issuer_contents):
            self.issuer = old.issuer
        else:
            self.issuer = issuer.create(self.settings.issuer, self._metrics)
        self.parts.append(self.issuer)

    async def _open_provider(self, planned: Planned, old: Generation | None) -> None:
        name = planned.name
        provider = old and self._unchanged(planned, old)
        if not provider:
            failures = tuple(self.settings.limits.failures_per_identity)
            context = Context(self._metrics, self._directories, failures)
            provider = planned.kind(name, planned.config, context)
            self.parts.append(provider)
            await provider.open()
            for warning in self._warnings(provider):
                log.warning(warning, provider=name)
        else:
            self.parts.append(provider)
        self.providers[name] = provider
        if isinstance(provider, Directory):
            self._directories[name] = provider

    def _unchanged(self, planned: Planned, old: Generation) -> Provider[Any] | None:
        """The provider of ``old`` that would be made once more."""
        name, config = planned.name, planned.config
        provider = old.providers.get(name)
        if (
            type(provider) is not planned.kind
            or provider.config != config
            or old.contents[name] != self.contents[name]
            or old.settings.limits.failures_per_identity
            != self.settings.limits.failures_per_identity
        ):
            return None
        if isinstance(config, WithDirectory) and config.directory is not None:
            asked = next(p for p in self.plan.providers if p.name == config.directory)
            if self._unchanged(asked, old) is None:
                return None
        return provider

    def _warnings(self, provider: Provider[Any]) -> Iterator[str]:
        yield from provider.warnings()
        if isinstance(provider, BrowserSignIn) and self.settings.public_url is None:
            yield NO_PUBLIC_URL

    def _engine(self) -> Engine:
        digests = Digests(self.secret)
        limits = self.settings.limits
        throttle = Throttle(digests, limits.per_ip, limits.failures_per_identity)
        desk = Desk.set_up(self.store, digests, throttle, self.issuer, self._metrics, self.errands)
        return Engine(self._apps(), desk, self._audit, self.settings.public_url)

    def _apps(self) -> Apps:
        methods = {
            planned.name: Method(
                self.providers[planned.name],
                planned.template,
                Places(planned.name, self.settings.limits.logins_per_provider),
                planned.rivals,
                planned.label,
            )
            for planned in self.plan.providers
        }
        apps = {
            app_id: App(
                label=app_id,
                name=app.name or ("the app" if app_id == ANY else app_id),
                methods=tuple(
                    methods[name] for name in (methods if app.providers is None else app.providers)
                ),
                result=app.result,
                return_urls=frozenset(app.return_urls),
                extras={
                    "urls": app.urls.model_dump(),
                    "share": app.share.model_dump(),
                    "invite": app.invite,
                },
            )
            for app_id, app in self.settings.apps.items()
        }
        return Apps(apps)

    async def finish(self, within: float) -> None:
        """Let its requests and deliveries end, for so many seconds."""
        deadline = time.monotonic() + within
        try:
            async with asyncio.timeout(within):
                while self._in_use:
                    self._unused = asyncio.Event()
                    await self._unused.wait()
        except TimeoutError:
            log.warning("requests are cut off", requests=self._in_use)
        await self.errands.finish(max(0.0, deadline - time.monotonic()))

    async def close(self, successor: Generation | None = None) -> None:
        """Close all that did not go over to ``successor``, latest first."""
        kept = {id(part) for part in successor.parts} if successor else set()
        while self.parts:
            part = self.parts.pop()
            if id(part) not in kept:
                await part.close()


def _contents(model: BaseModel | None) -> dict[Path, State]:
    """The files that a model names, at this moment: their names tell of no change."""
    return states(_paths(model))


def _paths(value: object) -> Iterator[Path]:
    if isinstance(value, Path):
        yield value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _paths(getattr(value, name))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _paths(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _paths(item)
