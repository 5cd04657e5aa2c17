"""The composition root: from a plan to a running gateway, opened and closed in order."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import ssl
import time
from typing import Any, Final, cast

import structlog
from aiohttp import web

from config import HostPort
from gateway import admin, issuer, pem
from gateway.apps import App, Apps
from gateway.audit import Audit
from gateway.connections import HEAD_TIMEOUT, Limits, Server
from gateway.desk import Desk
from gateway.digests import Digests
from gateway.errands import Errands
from gateway.login import Engine
from gateway.method import Method
from gateway.metrics import Metrics
from gateway.plan import Plan
from gateway.server import Api
from gateway.stores import StoreUnavailable, open_store
from gateway.throttle import Throttle
from providers import Context, Directory, Provider

DRAIN: Final = 25.0  # seconds for what runs, below the 30 that orchestrators give
GC_THRESHOLD: Final = 20_000  # objects; Python's own is 700
BACKLOG: Final = 2048

log = structlog.get_logger()


class Gateway:
    """A gateway that runs. ``start`` makes one, ``stop`` drains and closes it."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._settings = plan.loaded.settings
        self._closing = contextlib.AsyncExitStack()
        self._draining = False
        self._drained_at = 0.0  # monotonic
        self.metrics = Metrics()
        self._audit = Audit(self.metrics)
        self._errands = Errands()
        self.store = open_store(self._settings.store.url.get_secret_value())
        self.providers: list[Provider[Any]] = []
        self.issuer: issuer.Issuer
        self.public_url = ""
        self.admin_url: str | None = None

    @classmethod
    async def start(
        cls, plan: Plan, listen: HostPort | None = None, admin_at: HostPort | None = None
    ) -> Gateway:
        """Open everything, listeners last. ``listen`` and ``admin_at`` override the file."""
        gateway = cls(plan)
        try:
            engine = await gateway.open()
            settings = plan.loaded.settings
            at = admin_at or settings.admin
            if at is not None:  # first, since what is opened first is closed last
                await gateway._listen_admin(at)
            gateway._closing.push_async_callback(gateway._finish_errands)
            await gateway._listen(engine, listen or settings.listen)
        except BaseException:
            await gateway.stop()
            raise
        gc.collect()
        # Little of a login is garbage in cycles: looking for it every 700 objects is a waste.
        gc.set_threshold(GC_THRESHOLD)
        gc.freeze()  # what stands now stays: later collections need not look at it
        return gateway

    async def open(self) -> Engine:
        """Open the store, the issuer and the providers; listen to nobody yet."""
        self._closing.push_async_callback(self.store.close)
        await self.store.open()
        self.issuer = issuer.create(self._settings.issuer, self.metrics)
        self._closing.push_async_callback(self.issuer.close)
        directories: dict[str, Directory] = {}
        context = Context(
            self.metrics, directories, tuple(self._settings.limits.failures_per_identity)
        )
        for planned in self._plan.providers:
            provider = planned.kind(planned.name, planned.config, context)
            self._closing.push_async_callback(provider.close)
            await provider.open()
            self.providers.append(provider)
            if isinstance(provider, Directory):
                directories[planned.name] = provider
            for warning in provider.warnings():
                log.warning(warning, provider=provider.name)
        digests = Digests(self._plan.secret)
        limits = self._settings.limits
        throttle = Throttle(digests, limits.per_ip, limits.failures_per_identity)
        desk = Desk.set_up(self.store, digests, throttle, self.issuer, self.metrics, self._errands)
        return Engine(self._apps(), desk, self._audit, self._settings.public_url)

    def _apps(self) -> Apps:
        methods = {
            planned.name: Method(provider, planned.template, planned.rivals, planned.label)
            for planned, provider in zip(self._plan.providers, self.providers, strict=True)
        }
        apps = {
            app_id: App(
                label=app_id,
                name=app.name or ("the app" if app_id == "*" else app_id),
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
            for app_id, app in self._settings.apps.items()
        }
        return Apps(apps)

    async def _listen(self, engine: Engine, at: HostPort) -> None:
        settings = self._settings
        api = Api(
            engine,
            self._audit,
            trusted_proxies=settings.trusted_proxies,
            cors_origins=settings.cors_origins,
            allow_get=settings.allow_get,
        )
        limits = Limits(settings.limits.connections, settings.limits.connections_per_ip)
        runner = web.ServerRunner(Server(api.handle, limits), shutdown_timeout=DRAIN)
        tls = pem.server_context(settings.tls) if settings.tls else None
        self.public_url = await self._site(runner, at, tls)

    async def _listen_admin(self, at: HostPort) -> None:
        runner = web.AppRunner(admin.application(self.metrics, self.not_ready), access_log=None)
        self.admin_url = await self._site(runner, at, None)

    async def _site(self, runner: web.BaseRunner, at: HostPort, tls: ssl.SSLContext | None) -> str:
        await runner.setup()
        self._closing.push_async_callback(runner.cleanup)
        server = await asyncio.get_running_loop().create_server(
            cast(web.Server, runner.server),  # there is one after setup
            at.host,
            at.port,
            ssl=tls,
            ssl_handshake_timeout=HEAD_TIMEOUT if tls else None,
            backlog=BACKLOG,
        )
        self._closing.callback(server.close)
        port = server.sockets[0].getsockname()[1]
        return f"{'https' if tls else 'http'}://{HostPort(at.host, port)}"

    async def not_ready(self) -> str | None:
        """Why no logins should come here, or None."""
        if self._draining:
            return "draining"
        if not self.public_url:
            return "starting"
        try:
            await self.store.ping()
        except StoreUnavailable as error:
            return f"store: {error}"
        return None

    async def _finish_errands(self) -> None:
        await self._errands.finish(max(0.0, self._drained_at - time.monotonic()))

    async def stop(self) -> None:
        """Stop accepting, let what runs finish, close everything in reverse order."""
        self._draining = True
        self._drained_at = time.monotonic() + DRAIN
        await self._closing.aclose()
