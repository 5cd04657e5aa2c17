"""A client that reads no answers gets no further ones."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from gateway.connections import Limits
from gateway.entrance import Server
from gateway.posts import Post
from tests.gateway.raw_http import request

LITTLE = 4096  # bytes
ANSWER = bytes(1 << 20)


class Talkative:
    """Gives a long answer to every request."""

    def takes(self, path: str) -> bool:
        return True

    async def post(self, post: Post, peer: str) -> bytes:
        return ANSWER

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        raise AssertionError("all come in one piece")


@pytest.fixture
async def client() -> AsyncIterator[socket.socket]:
    """A connection to a talkative server; the kernel keeps only a little of what is unread."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, LITTLE)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Server(Talkative(), Limits(2, 2)), sock=listener)
    async with server:
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, LITTLE)
            client.setblocking(False)
            await loop.sock_connect(client, listener.getsockname())
            yield client


async def test_who_does_not_read_is_cut(client: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(client, request(b"{}"))
    read = 0
    with contextlib.suppress(ConnectionResetError):
        while read < len(ANSWER) and (data := await loop.sock_recv(client, LITTLE)):
            read += len(data)
    assert read < len(ANSWER)
