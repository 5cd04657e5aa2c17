"""Somebody else's HTTP server, bounded in every direction."""

from __future__ import annotations

import ssl
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import aiohttp

from providers._base import Meter, Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yarl import URL

MAX_REPLY: Final = 65536  # bytes; no answer that we read is longer than a few hundred
CONNECT_TIMEOUT: Final = 3.0  # seconds
MAX_IN_FLIGHT: Final = 4096  # requests to one upstream


class NotSent(Unavailable):
    """Nothing can have reached the server: no connection, no TLS, or too much under way."""


class Broken(Unavailable):
    """The connection broke before the answer: the server may have acted on the request."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: status and at most ``MAX_REPLY`` bytes of body."""

    status: int
    body: bytes


class Upstream:
    """One server. ``name`` stands for it in errors and metrics: its URL may hold credentials.

    Certificates are verified, by ``tls`` if given and by the system's authorities otherwise.

    More than ``max_in_flight`` requests at once are refused on the spot, so that a slow server
    cannot gather everybody's requests.
    """

    def __init__(
        self,
        name: str,
        session: aiohttp.ClientSession,
        meter: Meter,
        *,
        tls: ssl.SSLContext | None = None,
        max_in_flight: int = MAX_IN_FLIGHT,
    ) -> None:
        self.name = name
        self._tls = tls or True  # aiohttp's own context: the system's certificates
        self._session = session
        self._meter = meter
        self._max_in_flight = max_in_flight
        self._in_flight = 0

    async def exchange(
        self,
        method: str,
        url: URL,
        *,
        within: float,
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
    ) -> Reply:
        """Send one request and read the answer within so many seconds, following no redirect.

        Raises ``NotSent`` when nothing can have reached the server; ``Broken``, or ``Unavailable``
        for a time-out or an endless answer, when the server may have acted on the request.
        """
        if self._in_flight >= self._max_in_flight:
            raise NotSent(self.name, f"{self._in_flight} requests are under way already", 1.0)
        started = time.perf_counter()
        outcome = "failed"
        self._in_flight += 1
        try:
            reply = await self._exchange(method, url, within, headers, data)
            outcome = "answered"
        finally:
            self._in_flight -= 1
            self._meter.upstream(self.name, outcome, time.perf_counter() - started)
        return reply

    async def _exchange(
        self,
        method: str,
        url: URL,
        within: float,
        headers: Mapping[str, str] | None,
        data: bytes | None,
    ) -> Reply:
        limit = aiohttp.ClientTimeout(total=within, sock_connect=CONNECT_TIMEOUT)
        try:
            async with self._session.request(
                method,
                url,
                data=data,
                headers=headers,
                ssl=self._tls,
                timeout=limit,
                allow_redirects=False,
            ) as response:
                return Reply(response.status, await self._read(response))
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise NotSent(self.name, f"no connection ({type(error).__name__})") from error
        except TimeoutError as error:
            raise Unavailable(self.name, f"no answer within {within:.1f} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise Broken(self.name, f"broken connection ({type(error).__name__})") from error

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        chunks: list[bytes] = []
        size = response.content_length or 0
        if size <= MAX_REPLY:
            size = 0
            async for chunk in response.content.iter_any():
                size += len(chunk)
                if size > MAX_REPLY:
                    break
                chunks.append(chunk)
        if size > MAX_REPLY:
            response.close()  # the rest is not worth a kept connection
            raise Unavailable(self.name, "the answer is too long")
        return b"".join(chunks)
