"""One of several processes of a gateway, for the supervisor alone.

``python -m gateway.worker SOCKET SHEET``, both file descriptors: it gets its configuration over the
socket, and ends when that ends, so none outlives its supervisor; it counts in the sheet.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import sys

from config import ConfigError, HostPort
from gateway import logs, validation
from gateway.app import Gateway
from gateway.control import Channel, Message
from gateway.event_loop import factory
from gateway.generation import Generation
from gateway.metrics import Metrics
from gateway.reload import NotApplied
from gateway.sheets import SharedSheet
from gateway.stores import StoreUnavailable


class Worker:
    """Answers its supervisor."""

    def __init__(self, gateway: Gateway, channel: Channel) -> None:
        self._gateway = gateway
        self._channel = channel
        self._prepared: Generation | None = None

    async def obey(self) -> None:
        """Do what the supervisor says, until it is gone."""
        while (message := await self._channel.receive()) is not None:
            await self._channel.send(await self._do(message))

    async def _do(self, message: Message) -> Message:
        match message:
            case {"do": "tell"}:
                return {"not_ready": await self._gateway.not_ready()}
            case {"do": "prepare", "text": str(text), "file": str(file), "secrets": dict(secrets)}:
                return {"error": await self._prepare(text, file, secrets)}
            case {"do": "commit"} if self._prepared is not None:
                self._gateway.commit(self._prepared)
                self._prepared = None
            case {"do": "abandon"} if self._prepared is not None:
                await self._gateway.abandon(self._prepared)
                self._prepared = None
        return {}

    async def _prepare(self, text: str, file: str, secrets: dict[str, str]) -> str | None:
        """Open another configuration; return what is wrong with it."""
        try:
            plan = await asyncio.to_thread(validation.parse, text, file, secrets)
            self._prepared = await self._gateway.prepare(plan)
        except (ConfigError, NotApplied, OSError) as error:
            return str(error)
        except StoreUnavailable as error:
            return f"store: {error}"
        except Exception as error:  # noqa: BLE001 - whatever it is, what runs must go on
            return f"{type(error).__name__} at {logs.origin(error)}"
        return None


async def work(connected: socket.socket, metrics: Metrics) -> int:
    """Serve until SIGTERM, or until the supervisor is gone; return the exit status."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    channel = await Channel.over(connected)
    first = await channel.receive()
    if first is None:
        return 1
    try:
        gateway = await _start(first, metrics)
    except ConfigError as error:
        await channel.send({"error": str(error)})
        return 1
    except OSError as error:
        await channel.send({"error": f"cannot listen: {error.strerror or error}"})
        return 1
    except Exception as error:  # noqa: BLE001 - the supervisor tells the operator
        await channel.send({"error": f"{type(error).__name__} at {logs.origin(error)}"})
        return 1
    await channel.send({"url": gateway.url})
    obeying = asyncio.create_task(Worker(gateway, channel).obey())
    obeying.add_done_callback(lambda _: stop.set())
    await stop.wait()
    await gateway.stop()
    obeying.cancel()
    return 0


async def _start(first: Message, metrics: Metrics) -> Gateway:
    """Start as the supervisor's first message says."""
    plan = validation.parse(first["text"], first["file"], first["secrets"])
    logging = plan.loaded.settings.logging
    logs.configure(logging.level, logging.format)
    return await Gateway.start(plan, HostPort.parse(first["listen"]), worker_metrics=metrics)


def main() -> int:
    """Run the worker whose supervisor is at the other end of a socket."""
    # Meant for the supervisor, though a terminal sends it to all.
    for ignored in (signal.SIGINT, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    connected, sheet = map(int, sys.argv[1:])
    metrics = Metrics(SharedSheet(sheet))
    with asyncio.Runner(loop_factory=factory()) as runner:
        return runner.run(work(socket.socket(fileno=connected), metrics))


if __name__ == "__main__":
    sys.exit(main())
