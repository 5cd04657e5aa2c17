"""What a supervisor and a worker say to each other: JSON objects, a line each, over a socket."""

from __future__ import annotations

import asyncio
import socket
from typing import Any, Final, Self

import orjson

MAX_LINE: Final = 4 << 20  # bytes: a configuration file fits, escaped

Message = dict[str, Any]


class Channel:
    """One end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._turn = asyncio.Lock()

    @classmethod
    async def over(cls, connected: socket.socket) -> Self:
        """Take over a connected socket."""
        return cls(*await asyncio.open_connection(sock=connected, limit=MAX_LINE))

    @property
    def busy(self) -> bool:
        """Whether an answer is being waited for."""
        return self._turn.locked()

    async def send(self, message: Message) -> None:
        """Send. Raises ``ConnectionError`` when the other side is gone."""
        if self._writer.is_closing():
            raise ConnectionResetError
        self._writer.write(orjson.dumps(message) + b"\n")
        await self._writer.drain()

    async def receive(self) -> Message | None:
        """Wait for a message; None: the other side is gone."""
        try:
            line = await self._reader.readline()
        except ConnectionError:
            return None
        return orjson.loads(line) if line else None

    async def ask(self, message: Message, within: float) -> Message:
        """Send, and wait for the answer.

        Raises ``ConnectionError`` when the other side is gone, ``TimeoutError`` when it is late;
        it is not to be asked again then.
        """
        async with self._turn, asyncio.timeout(within):
            await self.send(message)
            answer = await self.receive()
        if answer is None:
            raise ConnectionResetError
        return answer

    def close(self) -> None:
        """Be gone."""
        self._writer.close()
