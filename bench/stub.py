"""The upstreams, as fast as they can be: mesibo's backend API, and an SMS vendor.

``POST /sms`` with ``to`` and ``code`` remembers the code; ``GET /codes`` gives all that came since
the last time, as an object, phone to code. ``POST /silent`` gets its answer when ``GET /release``
comes. Anything else is a ``useradd`` that succeeds.
"""

from __future__ import annotations

import asyncio
from typing import Final, cast

import orjson
import uvloop

from bench import http1

_ISSUED: Final = orjson.dumps(
    {"op": "useradd", "result": True, "user": {"uid": "1", "token": "5f" * 24}}
)
_ACCEPTED: Final = b'{"status":"queued"}'


class Upstream(asyncio.Protocol):
    """One connection of somebody who asks. All share ``codes`` and those that wait."""

    def __init__(self, codes: dict[str, str], waiting: list[Upstream]) -> None:
        self._codes = codes
        self._waiting = waiting
        self._received = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        message = http1.split(self._received)
        if message is None:
            return
        self._received = b""
        if message[0].startswith(b"POST /silent "):
            self._waiting.append(self)
        else:
            self.say(self._answer(*message))

    def say(self, body: bytes) -> None:
        self._transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
            % (len(body), body)
        )

    def _answer(self, head: bytes, body: bytes) -> bytes:
        if head.startswith(b"POST /sms "):
            message = orjson.loads(body)
            self._codes[message["to"]] = message["code"]
            return _ACCEPTED
        if head.startswith(b"GET /codes "):
            codes = orjson.dumps(self._codes)
            self._codes.clear()
            return codes
        if head.startswith(b"GET /release "):
            while self._waiting:
                self._waiting.pop().say(_ACCEPTED)
            return _ACCEPTED
        return _ISSUED


async def serve() -> None:
    codes: dict[str, str] = {}
    waiting: list[Upstream] = []
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Upstream(codes, waiting), "127.0.0.1", 0, backlog=2048
    )
    print(f"listening on http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve())
