"""Those who do not get on with it: each kind does as it should, and comes again when cut."""

from __future__ import annotations

import asyncio

import pytest

from bench import loiterers
from bench.loiterers import Crowd, Words, one_request, silent, slow_body, slow_head


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (slow_head, b"POST / HTTP/1.1\r\nX-Slow: aaaa"),
        (slow_body, b"\r\nContent-Length: 10000\r\n\r\n    "),
        (silent, b""),
        (one_request, b'\r\nContent-Length: 15\r\n\r\n{"op":"logout"}'),
    ],
)
async def test_they_say_their_words_and_come_again(
    words: Words, expected: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loiterers, "PAUSE", 0.01)
    heard: list[bytes] = []
    thrice = asyncio.Event()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said = b""
        while not (expected and said.endswith(expected)):
            try:
                said += await asyncio.wait_for(reader.read(1), 0.2)
            except TimeoutError:
                break
        heard.append(said)
        writer.close()
        if len(heard) == 3:
            thrice.set()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        crowd = Crowd("127.0.0.1", port, [words])
        staying = asyncio.create_task(crowd.stay())
        async with asyncio.timeout(10):
            await crowd.there.wait()
            await thrice.wait()
        staying.cancel()
        await asyncio.wait([staying])
    assert all(said.endswith(expected) for said in heard)
    assert bool(heard[0]) is bool(expected)
