"""Ways in which an HTTP upstream goes wrong, whatever it is: what it sends instead of its answer.

Two kinds. After a *lost answer* the upstream has done what it was asked, and nobody was told
(``answer_lost``). After every other fault it has done nothing.

=================  ==========================================================================
``hang``           lost: takes the request, never answers, until the client leaves
``cut``            lost: takes the request, then resets the connection
``truncated_json`` lost: half of the answer under the Content-Length of all of it, then the end
``drip``           lost: the answer, a byte every 100 ms
``slow:<s>``       lost to whoever does not wait so many seconds; then the sound answer
``empty``          200, no body
``html``           200, a web page (captive portal, maintenance)
``not_utf8``       200, JSON type, bytes that are no text
``null`` ``array`` 200, JSON that is no object; the array holds the sound answer
``deep``           200, JSON nested 100,000 deep
``huge``           200, the sound answer after 32 MiB of padding, without a Content-Length
``redirect``       307 to ``REDIRECTED`` on the same server, where the sound answer waits
``http<status>``   that status with a plain-text page
``json<status>``   that status with the sound answer as its body
=================  ==========================================================================
"""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from collections.abc import Awaitable, Callable
from functools import partial

from aiohttp import web

REDIRECTED = "/redirected"
PADDING = 32 * 1024 * 1024

Fault = Callable[[web.Request, bytes], Awaitable[web.StreamResponse]]


def answer_lost(mode: str) -> bool:
    """Whether the upstream has done what it was asked when it fails in this way."""
    return mode in {"hang", "cut", "truncated_json", "drip"} or mode.startswith("slow:")


def find(mode: str) -> Fault:
    """Return the fault of that name. Raises ``ValueError`` if there is none."""
    if fault := _FAULTS.get(mode):
        return fault
    if seconds := re.fullmatch(r"slow:([0-9]+|[0-9]*\.[0-9]+)", mode):
        return partial(_slow, float(seconds[1]))
    if status := re.fullmatch(r"(http|json)([2-5][0-9][0-9])", mode):
        return partial(_status, status[1] == "json", int(status[2]))
    raise ValueError(f"no such fault: {mode}")


def json_reply(body: bytes, status: int = 200) -> web.Response:
    return web.Response(body=body, status=status, content_type="application/json", charset="utf-8")


async def _hang(request: web.Request, sound: bytes) -> web.StreamResponse:
    await asyncio.Event().wait()
    return json_reply(sound)


async def _cut(request: web.Request, sound: bytes) -> web.StreamResponse:
    if request.transport is not None:
        reset(request.transport)
    return json_reply(sound)


def reset(transport: asyncio.WriteTransport | asyncio.Transport) -> None:
    """End a connection with RST, as a crashed peer or a firewall does."""
    sock: socket.socket | None = transport.get_extra_info("socket")
    if sock is not None and sock.fileno() >= 0:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


async def _truncated(request: web.Request, sound: bytes) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    response.content_length = len(sound)
    await response.prepare(request)
    await response.write(sound[: len(sound) // 2])
    if request.transport is not None:
        request.transport.close()
    return response


async def _drip(request: web.Request, sound: bytes) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    response.content_length = len(sound)
    await response.prepare(request)
    for byte in sound:
        await response.write(bytes([byte]))
        await asyncio.sleep(0.1)
    return response


async def _huge(request: web.Request, sound: bytes) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    response.enable_chunked_encoding()
    await response.prepare(request)
    await response.write(b'{"padding":"')
    block = b"a" * 65536
    for _ in range(PADDING // len(block)):
        await response.write(block)
    await response.write(b'",' + sound.removeprefix(b"{"))
    return response


async def _slow(seconds: float, request: web.Request, sound: bytes) -> web.StreamResponse:
    await asyncio.sleep(seconds)
    return json_reply(sound)


async def _status(
    as_json: bool, status: int, request: web.Request, sound: bytes
) -> web.StreamResponse:
    if as_json:
        return json_reply(sound, status)
    return web.Response(text="Something is wrong.\n", status=status)


async def _redirect(request: web.Request, sound: bytes) -> web.StreamResponse:
    # 307 makes a client that follows send the whole request again, secrets and all.
    return web.Response(status=307, headers={"Location": REDIRECTED})


async def _html(request: web.Request, sound: bytes) -> web.StreamResponse:
    page = "<!DOCTYPE html><html><body><h1>We will be back soon</h1></body></html>"
    return web.Response(text=page, content_type="text/html")


def _body(change: Callable[[bytes], bytes]) -> Fault:
    async def fault(request: web.Request, sound: bytes) -> web.StreamResponse:
        return json_reply(change(sound))

    return fault


_FAULTS: dict[str, Fault] = {
    "hang": _hang,
    "cut": _cut,
    "truncated_json": _truncated,
    "drip": _drip,
    "huge": _huge,
    "redirect": _redirect,
    "html": _html,
    "empty": _body(lambda _: b""),
    "not_utf8": _body(lambda sound: b"\xff\xfe" + sound),
    "null": _body(lambda _: b"null"),
    "array": _body(lambda sound: b"[" + sound + b"]"),
    "deep": _body(lambda _: b"[" * 100_000 + b"]" * 100_000),
}
