"""The composition root: a generation, and listeners in front of it, opened and closed in order."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import ssl
import time
from typing import Final, cast

import structlog
from aiohttp import web

from config import HostPort
from gateway import admin, logs, open_files, pem
from gateway.audit import Audit
from gateway.connections import HEAD_TIMEOUT, Limits
from gateway.entrance import Server
from gateway.generation import Generation
from gateway.metrics import Metrics
from gateway.plan import Plan
from gateway.posts import Post
from gateway.reload import NotApplied
from gateway.stores import StoreUnavailable

DRAIN: Final = 25.0  # seconds for what runs, below the 30 that orchestrators give
OPENING: Final = 25.0  # seconds for what another configuration needs
GC_THRESHOLD: Final = 20_000  # objects; Python's own is 700
BACKLOG: Final = 2048

log = structlog.get_logger()


class Gateway:
    """A gateway that runs. ``start`` makes one, ``stop`` drains and closes it."""

    def __init__(self, plan: Plan, metrics: Metrics | None = None) -> None:
        self._closing = contextlib.AsyncExitStack()
        self._draining = False
        self._drained_at = 0.0  # monotonic
        self._retirement: asyncio.Task[None] | None = None  # of the generation before
        self._tls: ssl.SSLContext | None = None
        self.metrics = metrics or Metrics()
        self._audit = Audit(self.metrics)
        self.current = Generation(plan, self.metrics, self._audit)
        self.url = ""
        self.admin_url: str | None = None

    @classmethod
    async def start(
        cls,
        plan: Plan,
        listen: HostPort | None = None,
        admin_at: HostPort | None = None,
        *,
        worker_metrics: Metrics | None = None,
    ) -> Gateway:
        """Open everything, listeners last. ``listen`` and ``admin_at`` override the file.

        A worker, which is given its metrics, shares its port with others, and leaves the admin
        listener to their supervisor.
        """
        gateway = cls(plan, worker_metrics)
        is_worker = worker_metrics is not None
        try:
            await gateway.open()
            settings = plan.loaded.settings
            at = admin_at or settings.admin
            if at is not None and not is_worker:  # first, since what is opened first is closed last
                await gateway._listen_admin(at)
            gateway._closing.push_async_callback(gateway._finish)
            await gateway._listen(listen or settings.listen, is_worker)
        except BaseException:
            await gateway.stop()
            raise
        logs.gather(asyncio.get_running_loop())
        gc.collect()
        # Little of a login is garbage in cycles: looking for it every 700 objects is a waste.
        gc.set_threshold(GC_THRESHOLD)
        gc.freeze()  # what stands now stays: later collections need not look at it
        return gateway

    async def open(self) -> None:
        """Open the store, the issuer and the providers; listen to nobody yet."""
        self._closing.push_async_callback(self._close_current)
        await self.current.open()

    async def reload(self, plan: Plan) -> None:
        """Go over to another configuration. Raises as ``prepare``; the old one stays then."""
        self.commit(await self.prepare(plan))

    async def prepare(self, plan: Plan) -> Generation:
        """Open what another configuration needs.

        Raises ``StoreUnavailable``, ``NotApplied`` and ``OSError``.

        Listeners stay where they are; their certificate is read again.
        """
        # It looks at files.
        new = await asyncio.to_thread(Generation, plan, self.metrics, self._audit)
        try:
            await self._open_in_time(new)
            self._load_certificate(plan)
        except BaseException:
            await self.abandon(new)
            raise
        return new

    async def _open_in_time(self, new: Generation) -> None:
        try:
            async with asyncio.timeout(OPENING):
                await new.open(self.current)
        except TimeoutError:
            raise NotApplied(f"not all that it needs was open within {OPENING:g} s") from None

    async def abandon(self, new: Generation) -> None:
        """Close what was prepared for nothing."""
        await new.close(self.current)

    def commit(self, new: Generation) -> None:
        """Let requests go to what was prepared from now on."""
        old, self.current = self.current, new
        logging = new.settings.logging
        logs.configure(logging.level, logging.format)
        self._audit.follow_logging()
        self._retirement = asyncio.create_task(self._retire(old, new, self._retirement))

    async def _retire(
        self, old: Generation, new: Generation, before: asyncio.Task[None] | None
    ) -> None:
        """End a generation, the oldest first: what went over to it is still in use by those."""
        if before is not None:
            await asyncio.wait([before])
        await old.finish(DRAIN)
        await old.close(new)

    def _load_certificate(self, plan: Plan) -> None:
        files = plan.loaded.settings.tls
        if self._tls is not None and files is not None:
            # Connections that are to come see it; nothing else of TLS can be configured.
            self._tls.load_cert_chain(files.certificate, files.private_key, password="")

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """See ``Api``."""
        generation = self.current
        generation.enter()
        try:
            return await generation.api.handle(request)
        finally:
            generation.leave()

    def takes(self, path: str) -> bool:
        """See ``Api``."""
        return self.current.api.takes(path)

    async def post(self, post: Post, peer: str) -> bytes:
        """See ``Api``."""
        generation = self.current
        generation.enter()
        try:
            return await generation.api.post(post, peer)
        finally:
            generation.leave()

    async def _listen(self, at: HostPort, shares_port: bool) -> None:
        settings = self.current.settings
        room = open_files.room_for(settings.limits.connections)
        limits = Limits(room, settings.limits.connections_per_ip)
        runner = web.ServerRunner(Server(self, limits), shutdown_timeout=DRAIN)
        self._tls = pem.server_context(settings.tls) if settings.tls else None
        self.url = await self._site(runner, at, self._tls, shares_port)

    async def _listen_admin(self, at: HostPort) -> None:
        runner = web.AppRunner(admin.application(self.metrics, self.not_ready), access_log=None)
        self.admin_url = await self._site(runner, at, None, shares_port=False)

    async def _site(
        self, runner: web.BaseRunner, at: HostPort, tls: ssl.SSLContext | None, shares_port: bool
    ) -> str:
        await runner.setup()
        self._closing.push_async_callback(runner.cleanup)
        server = await asyncio.get_running_loop().create_server(
            cast(web.Server, runner.server),  # there is one after setup
            at.host,
            at.port,
            ssl=tls,
            ssl_handshake_timeout=HEAD_TIMEOUT if tls else None,
            backlog=BACKLOG,
            reuse_port=shares_port or None,
        )
        self._closing.callback(server.close)
        port = server.sockets[0].getsockname()[1]
        return f"{'https' if tls else 'http'}://{HostPort(at.host, port)}"

    async def not_ready(self) -> str | None:
        """Why no logins should come here, or None."""
        if self._draining:
            return "draining"
        if not self.url:
            return "starting"
        try:
            await self.current.store.ping()
        except StoreUnavailable as error:
            return f"store: {error}"
        return None

    async def _finish(self) -> None:
        """Let deliveries end, and older generations."""
        within = max(0.0, self._drained_at - time.monotonic())
        if self._retirement is not None:
            await asyncio.wait([self._retirement], timeout=within)
        await self.current.finish(max(0.0, self._drained_at - time.monotonic()))

    async def _close_current(self) -> None:
        await self.current.close()

    async def stop(self) -> None:
        """Stop accepting, let what runs finish, close everything in reverse order."""
        self._draining = True
        self._drained_at = time.monotonic() + DRAIN
        await self._closing.aclose()
        logs.gather(None)
