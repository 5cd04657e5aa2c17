"""Caps on connections where a loopback has too few addresses to show them."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from gateway.connections import Limits
from gateway.entrance import Server
from gateway.posts import Post

PER_ADDRESS = 2


class Peer(asyncio.Transport):
    """A connection from ``address`` that says nothing."""

    def __init__(self, address: str) -> None:
        super().__init__({"peername": (address, 1024, 0, 0)})
        self.cut = False

    def abort(self) -> None:
        self.cut = True

    def close(self) -> None:
        pass


class Door:
    """Where connections come in."""

    def __init__(self) -> None:
        self._server = Server(self, Limits(100, PER_ADDRESS))
        self._connections: list[Any] = []

    def takes(self, path: str) -> bool:
        raise AssertionError("nobody says anything")

    async def post(self, post: Post, peer: str) -> bytes:
        raise AssertionError("nobody says anything")

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        raise AssertionError("nobody says anything")

    def enter(self, address: str, *, general: bool = False) -> Peer:
        peer = Peer(address)
        connection = self._server.general() if general else self._server()
        connection.connection_made(peer)
        self._connections.append(connection)
        return peer

    @property
    def last(self) -> Any:
        """The latest connection, which the test closes itself."""
        return self._connections.pop()

    def close(self) -> None:
        for connection in self._connections:
            connection.connection_lost(None)


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    opened = Door()
    yield opened
    opened.close()
    await asyncio.sleep(0)  # for the tasks that were cancelled


async def test_c8_a43_ipv6_network_of_one_subscriber_is_one_address(door: Door) -> None:
    peers = [door.enter(f"2001:db8:1:2::{number}") for number in range(PER_ADDRESS + 1)]
    other = door.enter("2001:db8:1:3::1")
    assert [peer.cut for peer in peers] == [True, False, False]
    assert not other.cut


async def test_mapped_address_counts_as_the_ipv4_address_it_is(door: Door) -> None:
    peers = [door.enter(address) for address in ("192.0.2.1", "::ffff:192.0.2.1", "192.0.2.1")]
    assert [peer.cut for peer in peers] == [True, False, False]
    assert not door.enter("::ffff:192.0.2.2").cut


async def test_a_client_that_has_left_before_its_request_was_read_is_forgotten(door: Door) -> None:
    door.enter("192.0.2.1", general=True)
    connection = door.last
    connection.connection_lost(None)
    connection.head_arrived()
    connection.work_began()
    connection.work_ended()
    peers = [door.enter("192.0.2.1") for _ in range(PER_ADDRESS)]
    assert not any(peer.cut for peer in peers)


async def test_connection_that_ended_leaves_nothing_for_the_collector(door: Door) -> None:
    gc.disable()
    try:
        door.enter("192.0.2.1")
        connection = door.last
        left = [weakref.ref(connection), weakref.ref(connection._reader)]
        connection.connection_lost(None)
        del connection
        assert [what() for what in left] == [None, None]
    finally:
        gc.enable()
