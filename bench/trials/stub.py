"""The upstreams of a trial: mesibo, two vendors and an identity provider's keys, out of order at
will.

Each listens at a ``Gate`` that can be cut (connections are reset, new ones refused), frozen (it
takes requests and says nothing; what it took is done when it thaws) and put right. A further
listener is for the trial: see ``Control``.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Final, cast

import orjson
import uvloop

from bench import http1
from bench.trials import tokens

ACCEPTED: Final = b'{"status":"queued"}'
BACKLOG: Final = 2048

Answer = Callable[[bytes, bytes], bytes]  # from head and body to body


class Gate:
    """A listener on a port of its own."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()
        self._frozen = False
        self._waiting: list[tuple[_Connection, bytes, bytes]] = []
        self.port = 0

    async def open(self) -> None:
        """Listen, always on the same port."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Connection(self), "127.0.0.1", self.port, backlog=BACKLOG
        )
        self.port = self._server.sockets[0].getsockname()[1]

    def cut(self) -> None:
        """Reset what is connected, refuse what comes."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for connection in [*self._connections]:
            connection.abort()

    def freeze(self) -> None:
        """Take requests, and say nothing."""
        self._frozen = True

    async def heal(self) -> None:
        """Work again. What came while it was frozen is done now."""
        if self._server is None:
            await self.open()
        self._frozen = False
        waiting, self._waiting = self._waiting, []
        for connection, head, body in waiting:
            connection.say(self._answer(head, body))

    def entered(self, connection: _Connection) -> None:
        self._connections.add(connection)

    def left(self, connection: _Connection) -> None:
        self._connections.discard(connection)

    def asked(self, connection: _Connection, head: bytes, body: bytes) -> None:
        if self._frozen:
            self._waiting.append((connection, head, body))
        else:
            connection.say(self._answer(head, body))


class _Connection(asyncio.Protocol):
    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._received = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._gate.entered(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._gate.left(self)

    def data_received(self, data: bytes) -> None:
        self._received += data
        message = http1.split(self._received)
        if message is not None:
            self._received = b""
            self._gate.asked(self, *message)

    def say(self, body: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
                % (len(body), body)
            )

    def abort(self) -> None:
        self._transport.abort()


class Upstreams:
    """What they know, and how they answer."""

    def __init__(self) -> None:
        self.minted = Counter[str]()  # tokens by address
        self.codes: dict[str, str] = {}  # delivered since they were last asked for
        self.jwks = b'{"keys":[]}'
        self._serial = 0

    def issue(self, head: bytes, body: bytes) -> bytes:
        """``useradd`` makes a token; anything else is answered, no more."""
        request = orjson.loads(body)
        if request["op"] != "useradd":
            return b'{"result":false}'
        address = request["user"]["address"]
        self.minted[address] += 1
        self._serial += 1
        user = {"uid": "1", "token": tokens.made(self._serial, address)}
        return orjson.dumps({"op": "useradd", "result": True, "user": user})

    def deliver(self, head: bytes, body: bytes) -> bytes:
        """A message, to a phone or by email."""
        message = orjson.loads(body)
        self.codes[message["to"]] = message["code"]
        return ACCEPTED

    def keys(self, head: bytes, body: bytes) -> bytes:
        """The identity provider's keys."""
        return self.jwks


class Control:
    """``GET /codes``: by recipient, those delivered since the last time. ``POST /minted`` with a
    list of addresses: how many tokens were made for each. ``GET /often``: addresses that got more
    than one, and how many. ``POST /keys``: what the identity provider publishes.
    ``GET /cut/NAME``, ``/freeze/NAME``, ``/heal/NAME``: see ``Gate``.
    """

    def __init__(self, upstreams: Upstreams, gates: dict[str, Gate]) -> None:
        self._upstreams = upstreams
        self._gates = gates
        self._healing: set[asyncio.Task[None]] = set()

    def answer(self, head: bytes, body: bytes) -> bytes:
        _, what, *name = head.split(b" ", 2)[1].decode().split("/")
        match what:
            case "codes":
                codes, self._upstreams.codes = self._upstreams.codes, {}
                return orjson.dumps(codes)
            case "minted":
                minted = self._upstreams.minted
                return orjson.dumps({address: minted[address] for address in orjson.loads(body)})
            case "often":
                return orjson.dumps({a: n for a, n in self._upstreams.minted.items() if n > 1})
            case "keys":
                self._upstreams.jwks = body
            case _:
                self._steer(what, self._gates[name[0]])
        return b"{}"

    def _steer(self, what: str, gate: Gate) -> None:
        match what:
            case "cut":
                gate.cut()
            case "freeze":
                gate.freeze()
            case "heal":
                task = asyncio.get_running_loop().create_task(gate.heal())
                self._healing.add(task)
                task.add_done_callback(self._healing.discard)


async def serve() -> None:
    upstreams = Upstreams()
    gates = {
        "issuer": Gate(upstreams.issue),
        "vendor": Gate(upstreams.deliver),
        "backup": Gate(upstreams.deliver),
        "idp": Gate(upstreams.keys),
    }
    control = Gate(Control(upstreams, gates).answer)
    listeners = [control, *gates.values()]
    for gate in listeners:
        await gate.open()
    print("listening on", *(f"http://127.0.0.1:{gate.port}" for gate in listeners), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve())
