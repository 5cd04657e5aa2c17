"""Several processes on one port: started, watched, reloaded and ended together.

The kernel shares the connections out among them (``SO_REUSEPORT``). Each is a process of its own
with nothing inherited but standard error; what they have in common is in Redis. The supervisor
serves nobody: it has the admin listener, which speaks for all.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
import time
from typing import IO, Final, cast

import structlog
from aiohttp import web

from config import HostPort
from gateway import admin, logs
from gateway.control import Channel, Message
from gateway.metrics import Metrics
from gateway.plan import Plan
from gateway.reload import NotApplied
from gateway.sheets import Totals

START: Final = 60.0  # seconds for a worker to listen
ANSWER: Final = 5.0  # seconds for a worker to answer; a new configuration may take longer
PREPARE: Final = 30.0  # seconds
DRAIN: Final = 28.0  # seconds: longer than workers take, below the 30 that orchestrators give
FIRST_PAUSE: Final = 0.5  # seconds before a worker that died is started again; then doubled
PULSE: Final = 5.0  # seconds between two looks whether all answer
LONGEST_PAUSE: Final = 30.0  # seconds
STABLE: Final = 60.0  # seconds of life after which its end is a first one again

GONE: Final = "no worker runs"
ENDED: Final = "a worker ended over it"

log = structlog.get_logger()


class Worker:
    """One process, and the way to it."""

    def __init__(
        self, process: asyncio.subprocess.Process, channel: Channel, sheet: IO[bytes], url: str
    ) -> None:
        self.process = process
        self.sheet = sheet  # of its metrics
        self.url = url
        self.born = time.monotonic()
        self._channel = channel
        self._not_ready: str | None = None

    @classmethod
    async def start(cls, plan: Plan, listen: HostPort, sheet: IO[bytes]) -> Worker:
        """Start one, and wait until it listens. Raises ``OSError`` if it never does."""
        ours, theirs = socket.socketpair()
        with theirs:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "gateway.worker",
                *(str(file.fileno()) for file in (theirs, sheet)),
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=[theirs.fileno(), sheet.fileno()],
            )
        channel = await Channel.over(ours)
        try:
            answer = await channel.ask({**_configuration(plan), "listen": str(listen)}, START)
        except (ConnectionError, TimeoutError):
            answer = {"error": "a worker ended, or hung, before it listened"}
        if "url" in answer:
            return cls(process, channel, sheet, answer["url"])
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        channel.close()
        raise OSError(answer["error"])

    async def ask(self, message: Message, within: float = ANSWER) -> Message:
        """Ask. A worker that does not answer is killed, and so started afresh."""
        try:
            return await self._channel.ask(message, within)
        except TimeoutError:
            log.error("worker hangs", worker=self.process.pid)
            self.kill()
            raise ConnectionResetError from None

    async def not_ready(self) -> str | None:
        """Why no logins should come here, or None; what was known last, while it is busy."""
        if not self._channel.busy:
            try:
                self._not_ready = (await self.ask({"do": "tell"}))["not_ready"]
            except ConnectionError:
                self._not_ready = GONE
        return self._not_ready

    def drain(self) -> None:
        """Let it finish and end."""
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()

    def kill(self) -> None:
        """End it."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()

    async def ended(self) -> int:
        """Wait for its end; return its exit status, or the negative number of a signal."""
        status = await self.process.wait()
        self._channel.close()
        return status


class Supervisor:
    """``start`` the workers, ``watch`` them, ``stop`` them."""

    def __init__(self, plan: Plan, listen: HostPort, metrics: Metrics, sheets: Totals) -> None:
        self._plan = plan
        self._listen = listen
        self._metrics = metrics
        self._sheets = sheets
        self._size = plan.loaded.settings.workers
        self._reserved: socket.socket | None = None
        self._workers: set[Worker] = set()
        self._watching: list[asyncio.Task[None]] = []
        self._changing = asyncio.Lock()  # no worker starts in the middle of a reload
        self._draining = False
        self._admin: web.AppRunner | None = None
        self._admin_server: asyncio.Server | None = None
        self.url = ""
        self.admin_url: str | None = None

    async def start(self, admin_at: HostPort | None) -> None:
        """Start all. Raises ``OSError`` if a port cannot be had, or a worker does not start."""
        if admin_at is not None:
            await self._listen_admin(admin_at)
        self._reserve()
        started = await asyncio.gather(
            *(self._start_worker() for _ in range(self._size)),
            return_exceptions=True,
        )
        workers = [worker for worker in started if isinstance(worker, Worker)]
        self._workers.update(workers)
        for problem in started:
            if isinstance(problem, BaseException):
                await self.stop()
                raise problem
        self.url = workers[0].url
        self._watching = [asyncio.create_task(self._watch(worker)) for worker in workers]
        self._watching.append(asyncio.create_task(self._tend()))

    async def _start_worker(self) -> Worker:
        """Start a worker that counts in a sheet of its own. Raises as ``Worker.start``."""
        sheet = self._sheets.follow()
        try:
            return await Worker.start(self._plan, self._listen, sheet)
        except BaseException:
            self._leave(sheet)
            raise

    def _leave(self, sheet: IO[bytes]) -> None:
        """What a worker that is gone has counted stays, what it was doing does not."""
        self._sheets.leave(sheet, self._metrics.tallies.lasts)

    async def _listen_admin(self, at: HostPort) -> None:
        application = admin.application(self._metrics, self.not_ready)
        self._admin = web.AppRunner(application, access_log=None)
        await self._admin.setup()
        self._admin_server = await asyncio.get_running_loop().create_server(
            cast(web.Server, self._admin.server), at.host, at.port
        )
        port = self._admin_server.sockets[0].getsockname()[1]
        self.admin_url = f"http://{HostPort(at.host, port)}"

    def _reserve(self) -> None:
        """Keep the port, without listening: a free one (0) has to be the same for all, and nobody
        else shall get it while a worker is started again.
        """
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(
                self._listen.host, self._listen.port, type=socket.SOCK_STREAM
            )[0]
            self._reserved = socket.socket(family, kind, protocol)
            self._reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            self._reserved.bind(address)
        except OSError as error:
            raise OSError(f"{self._listen}: {error.strerror or error}") from error
        self._listen = HostPort(self._listen.host, self._reserved.getsockname()[1])

    async def _watch(self, worker: Worker) -> None:
        """Start a worker again whenever it ends, for ever."""
        pause = FIRST_PAUSE
        while True:
            status = await worker.ended()
            self._workers.discard(worker)
            self._leave(worker.sheet)
            if time.monotonic() - worker.born > STABLE:
                pause = FIRST_PAUSE
            log.error("worker ended", worker=worker.process.pid, status=status, again_in=pause)
            while True:
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
                try:
                    async with self._changing:
                        worker = await self._start_worker()
                        self._workers.add(worker)
                    break
                except OSError as error:
                    log.error("worker does not start", detail=str(error), again_in=pause)

    async def _tend(self) -> None:
        """Ask all from time to time, for ever: one that hangs is started again."""
        while True:
            await asyncio.sleep(PULSE)
            await self.not_ready()

    async def apply(self, plan: Plan) -> None:
        """Let all workers go over to another configuration, or none. Raises ``NotApplied``."""
        async with self._changing:
            message = {"do": "prepare", **_configuration(plan)}
            workers = [*self._workers]
            answers = await asyncio.gather(*(_answer(w, message, PREPARE) for w in workers))
            errors = {ENDED if a is None else a["error"] for a in answers} - {None}
            verdict = {"do": "abandon" if errors else "commit"}
            await asyncio.gather(*(_answer(w, verdict, PREPARE) for w in workers))
            if errors:
                raise NotApplied("; ".join(sorted(errors)))
            self._plan = plan
            logging = plan.loaded.settings.logging
            logs.configure(logging.level, logging.format)

    async def not_ready(self) -> str | None:
        """Why no logins should come here, or None: one worker that is ready is enough."""
        if self._draining:
            return "draining"
        if not self.url:
            return "starting"
        reasons = await asyncio.gather(*(worker.not_ready() for worker in [*self._workers]))
        return None if None in reasons else next(iter(reasons), GONE)

    async def stop(self) -> None:
        """Let all finish and end."""
        self._draining = True
        for task in self._watching:
            task.cancel()
        await asyncio.gather(*self._watching, return_exceptions=True)
        workers = [*self._workers]
        for worker in workers:
            worker.drain()
        if workers:
            _, late = await asyncio.wait(
                [asyncio.create_task(worker.ended()) for worker in workers], timeout=DRAIN
            )
            if late:
                log.error("workers are killed", workers=len(late))
                for worker in workers:
                    worker.kill()
                await asyncio.wait(late)
        if self._reserved is not None:
            self._reserved.close()
        if self._admin_server is not None:
            self._admin_server.close()
        if self._admin is not None:
            await self._admin.cleanup()


def _configuration(plan: Plan) -> Message:
    """All that a plan was made of, whatever its files hold by now."""
    document = plan.loaded.document
    return {"text": document.text, "file": document.file, "secrets": document.secrets}


async def _answer(worker: Worker, message: Message, within: float = ANSWER) -> Message | None:
    """What a worker says; None if it ended meanwhile."""
    try:
        return await worker.ask(message, within)
    except ConnectionError:
        return None
