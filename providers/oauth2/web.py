"""HTTP to an identity provider: what it names leads to nothing inside, what it sends has an end.

Its endpoints may be on several hosts; each has its own connections and its own breaker.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from ipaddress import IPv6Address
from typing import Any, Final, NamedTuple, TypeVar

from yarl import URL

from providers._base import Meter, Unavailable
from providers._breaker import Breaker
from providers._connection import Reply
from providers._http import Overloaded, Upstream
from providers._tls import client_context
from providers.oauth2.settings import OAuth2Config

MAX_BODY: Final = 1024 * 1024  # bytes
MAX_IN_FLIGHT: Final = 1024  # requests to one origin
MAX_ORIGINS: Final = 16  # they come from the configuration and from discovery, over time
MAX_DIGITS: Final = 20  # of a number

_LABEL: Final = "[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?"
_NAME: Final = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_JSON: Final = {"Accept": "application/json"}

T = TypeVar("T")


class _Origin(NamedTuple):
    upstream: Upstream
    breaker: Breaker


class Web:
    """Asks the endpoints of the identity provider ``name``, which stands for them in metrics."""

    def __init__(self, name: str, config: OAuth2Config, meter: Meter) -> None:
        self.name = name
        self._meter = meter
        self._allow_private = config.allow_private_network
        self._tls = client_context(config.ca_file)
        self._origins: dict[URL, _Origin] = {}

    async def fetch(
        self,
        method: str,
        url: str,
        *,
        within: float,
        headers: Mapping[str, str] | None = None,
        data: bytes = b"",
    ) -> Reply:
        """Return an answer that comes within so many seconds: 2xx, or 4xx.

        Raises ``Unavailable`` for all else: no redirect is followed, no web page is an answer.
        """
        return await self._ask(method, url, within, headers or {}, data, self._answer)

    async def json(self, url: str, *, within: float) -> dict[str, Any]:
        """Return the JSON object that is there. Raises ``Unavailable``."""
        answer = await self._ask("GET", url, within, _JSON, b"", self._object)
        if isinstance(answer, Reply):
            detail = f"HTTP status {answer.status} where a document is expected"
            raise Unavailable(self.name, detail, answer.retry_after)
        return answer

    async def close(self) -> None:
        """Close the connections that wait."""
        for origin in self._origins.values():
            await origin.upstream.close()

    def endpoint(self, text: object) -> URL:
        """Return an URL that may be asked, or that a browser may be sent to.

        Raises ``ValueError``, which says what is wrong but does not repeat it.
        """
        if not isinstance(text, str) or (url := _url(text)) is None:
            raise ValueError("is no URL")
        if url.scheme != "https" and not (self._allow_private and url.scheme == "http"):
            raise ValueError("is not https")
        if "@" in url.raw_authority or "#" in text:
            raise ValueError("has a user name or a fragment")
        return url

    async def _ask(
        self,
        method: str,
        url: str,
        within: float,
        headers: Mapping[str, str],
        data: bytes,
        read: Callable[[Reply], T],
    ) -> T:
        """``read`` raises ``Unavailable`` for what is as bad as no answer."""
        try:
            there = self.endpoint(url)
        except ValueError as error:
            raise Unavailable(self.name, f"an endpoint {error}") from None
        upstream, breaker = self._origin(there)
        breaker.enter()
        try:
            reply = await upstream.exchange(
                method, there.raw_path_qs, within=within, headers=headers, data=data
            )
            answer = read(reply)
        except Overloaded:  # by our own doing
            raise
        except Unavailable:
            breaker.failed()
            raise
        breaker.succeeded()
        return answer

    def _origin(self, url: URL) -> _Origin:
        key = url.origin()
        if key not in self._origins:
            if len(self._origins) == MAX_ORIGINS:
                raise Unavailable(self.name, "has endpoints on too many hosts")
            upstream = Upstream(
                self.name,
                key,
                self._meter,
                tls=self._tls,
                max_in_flight=MAX_IN_FLIGHT,
                max_body=MAX_BODY,
                public_only=not self._allow_private,
            )
            self._origins[key] = _Origin(upstream, Breaker(self.name))
        return self._origins[key]

    def _answer(self, reply: Reply) -> Reply:
        if reply.status >= 500:
            raise Unavailable(self.name, f"HTTP status {reply.status}", reply.retry_after)
        if 300 <= reply.status < 400:
            detail = f"a redirect (HTTP status {reply.status}), and none is followed"
            raise Unavailable(self.name, detail)
        if reply.status == 200 and reply.body.lstrip()[:1] == b"<":
            raise Unavailable(self.name, "a web page where data is expected")
        return reply

    def _object(self, reply: Reply) -> dict[str, Any] | Reply:
        """The object; an answer that says no as it is."""
        if self._answer(reply).status != 200:
            return reply
        try:
            return json_object(reply.body)
        except ValueError as error:
            raise Unavailable(self.name, f"a document that {error}") from None


def _url(text: str) -> URL | None:
    """Only hosts as resolvers and TLS take them, who raise all sorts of things for others."""
    try:
        url = URL(text, encoded=True) if re.fullmatch("[!-~]{1,2048}", text) else URL()
        host = url.raw_host or ""
        literal = "[" in url.raw_authority
        sound = IPv6Address(host).scope_id is None if literal else _NAME.fullmatch(host)
        return url if sound and url.port != 0 else None
    except ValueError:
        return None


def json_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object in ``body``. Raises ``ValueError``, which says what is wrong.

    Refused is also what readers differ about: a name that comes twice, numbers beyond the usual.
    """
    try:
        found = json.loads(
            body.decode(),
            object_pairs_hook=_names_once,
            parse_int=_integer,
            parse_float=_finite,
            parse_constant=_finite,
        )
    except (ValueError, RecursionError):
        raise ValueError("is no JSON, or no unambiguous one") from None
    if not isinstance(found, dict):
        raise ValueError("is no JSON object")
    return found


def _names_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise ValueError
    return int(text)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError
    return number
