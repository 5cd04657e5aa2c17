"""Spans on their way to a collector: OTLP over HTTP, in batches, with nobody waiting.

https://opentelemetry.io/docs/specs/otlp/#otlphttp. It happens on the event loop, in small steps,
over connections like those to any upstream: with deadlines, no redirects, verified certificates.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import Final

import structlog
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from yarl import URL

from config import Tracing
from gateway import pem
from providers import Meter, Reply, Unavailable, Upstream

UPSTREAM: Final = "tracing"
MAX_WAITING: Final = 4096  # spans; further ones are dropped
BATCH: Final = 512  # spans of one request
PIECE: Final = 16  # spans that are encoded at once: less than a millisecond
INTERVAL: Final = 5.0  # seconds
DEADLINE: Final = 5.0  # seconds for one request
FLUSH: Final = 2.0  # seconds at the end, for all that is left
QUIET: Final = 300.0  # seconds between two lines in the log
_AGAIN: Final = frozenset({429, 502, 503, 504})  # after these, the same may be sent again

log = structlog.get_logger()


class Exporter(SpanProcessor):
    """Takes spans that have ended. Make it on the event loop; ``close`` sends what is left."""

    def __init__(self, settings: Tracing, meter: Meter) -> None:
        url = URL(settings.endpoint)
        tls = pem.client_context(settings.ca_file) if settings.ca_file else None
        self._upstream = Upstream(UPSTREAM, url, meter, tls=tls)
        self._target = url.raw_path_qs
        self._headers = {"Content-Type": "application/x-protobuf"} | {
            name: value.get_secret_value() for name, value in settings.headers.items()
        }
        self._waiting: deque[ReadableSpan] = deque()
        self._is_stuck = False  # the collector does not take them at present
        self._is_closing = False
        self._wake = asyncio.Event()
        self._dropped = 0  # spans, since the last line in the log
        self._told = float("-inf")  # when that was; monotonic
        self._sending = asyncio.create_task(self._send())

    def on_end(self, span: ReadableSpan) -> None:
        """Take a span."""
        if len(self._waiting) >= MAX_WAITING:
            self._dropped += 1
            self._tell("more spans than the collector takes")
            return
        self._waiting.append(span)
        if len(self._waiting) >= BATCH and not self._is_stuck:
            self._wake.set()

    async def check(self) -> list[str]:
        """Send a request without spans; return what is wrong."""
        try:
            reply = await self._post(b"")
        except Unavailable as error:
            return [error.detail]
        return [] if _is_taken(reply) else [f"HTTP status {reply.status}"]

    async def close(self) -> None:
        """Send what is left, for ``FLUSH`` seconds."""
        self._is_closing = True
        self._wake.set()
        await asyncio.wait([self._sending], timeout=FLUSH)
        self._sending.cancel()
        await asyncio.wait([self._sending])
        if self._waiting:
            log.warning("spans are lost", spans=len(self._waiting) + self._dropped)
        await self._upstream.close()

    async def _send(self) -> None:
        while not self._is_closing:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(INTERVAL):
                    await self._wake.wait()
            self._is_stuck = not await self._send_batch()
            while not self._is_stuck and len(self._waiting) >= (1 if self._is_closing else BATCH):
                self._is_stuck = not await self._send_batch()
            self._wake.clear()

    async def _send_batch(self) -> bool:
        """Return whether to go on: spans stay while the collector may still take them."""
        batch = [*islice(self._waiting, BATCH)]
        if not batch:
            return True
        try:
            reply = await self._post(await _encode(batch))
        except Unavailable as error:
            self._tell(error.detail)
            return False
        if reply.status in _AGAIN:
            self._tell(f"HTTP status {reply.status}")
            return False
        for _ in batch:
            self._waiting.popleft()
        if not _is_taken(reply):
            self._dropped += len(batch)
            self._tell(f"HTTP status {reply.status}")
        return True

    async def _post(self, body: bytes) -> Reply:
        return await self._upstream.exchange(
            "POST", self._target, within=DEADLINE, headers=self._headers, data=body
        )

    def _tell(self, detail: str) -> None:
        """Write a line, but not for each batch."""
        now = time.monotonic()
        if now - self._told >= QUIET:
            log.warning("spans are not taken", detail=detail, dropped=self._dropped)
            self._told, self._dropped = now, 0


def _is_taken(reply: Reply) -> bool:
    return 200 <= reply.status < 300


async def _encode(spans: Sequence[ReadableSpan]) -> bytes:
    """One request, in pieces between which logins go on: one behind the other, messages of
    protobuf are one message with the fields of all.
    """
    pieces = []
    for start in range(0, len(spans), PIECE):
        pieces.append(encode_spans(spans[start : start + PIECE]).SerializeToString())
        await asyncio.sleep(0)
    return b"".join(pieces)
