"""From a proven identity to a user token: the mesibo backend API, or a sandbox for trials.

https://docs.mesibo.com/api/backend-api/user-management: ``useradd`` adds a user or gives a new
token to one that exists. It is called after the proof is complete and never ahead of it, since a
new token can end the session of the one before.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Awaitable
from typing import Any, Final, Protocol

import orjson
import structlog
from yarl import URL

from config import MesiboIssuer, SandboxIssuer
from gateway import pem
from providers import Breaker, Broken, Meter, NotSent, Overloaded, Reply, Unavailable, Upstream

UPSTREAM: Final = "issuer"
DEADLINE: Final = 10.0  # seconds, for all tries together
MIN_TOKEN: Final = 17  # characters; apps refuse shorter ones
_HEADERS: Final = {"Content-Type": "application/json"}
_ERROR_WORD: Final = re.compile(r"[A-Z0-9_]{1,40}")

log = structlog.get_logger()


class Issuer(Protocol):
    """Gives tokens to proven identities."""

    async def issue(self, address: str, app: str, name: str | None) -> str:
        """Return a user token for ``address`` in ``app``. Raises ``Unavailable``."""

    async def check(self) -> list[str]:
        """Return what would keep this issuer from working."""

    async def close(self) -> None:
        """Give its connections back."""


class Sandbox:
    """Makes tokens of the real shape (48 hexadecimal digits) that open nothing."""

    async def issue(self, address: str, app: str, name: str | None) -> str:
        """Return a token that no server knows."""
        return secrets.token_hex(24)

    async def check(self) -> list[str]:
        """Nothing can be wrong."""
        return []

    async def close(self) -> None:
        """Nothing is open."""


class Mesibo:
    """The backend API, second generation: JSON in the body, the app token only there."""

    def __init__(self, config: MesiboIssuer, meter: Meter) -> None:
        url = URL(config.url)
        self._app_token = config.app_token.get_secret_value()
        self._minutes = int(config.token_lifetime // 60)
        tls = pem.client_context(config.ca_file) if config.ca_file else None
        self._upstream = Upstream(UPSTREAM, url, meter, tls=tls)
        self._target = url.raw_path_qs
        self._breaker = Breaker(UPSTREAM)

    async def issue(self, address: str, app: str, name: str | None) -> str:
        """Return a user token bound to ``address`` and ``app``. Raises ``Unavailable``."""
        user: dict[str, Any] = {
            "address": address,
            "token": {"appid": app, "expiry": self._minutes},
        }
        if name:
            user["name"] = name
        self._breaker.enter()
        body = orjson.dumps({"op": "useradd", "token": self._app_token, "user": user})
        return _token(await self._post(body, time.monotonic() + DEADLINE))

    async def _post(self, body: bytes, deadline: float) -> Reply:
        """One retry, when the connection failed or the server said 5xx.

        Repeating is safe: no token of the first try has reached anybody.
        """
        try:
            try:
                reply = await self._exchange(body, deadline)
                again = reply.status >= 500
            except Overloaded:
                raise
            except (NotSent, Broken):
                again = True
            if again:
                reply = await self._exchange(body, deadline)
            if reply.status >= 500:
                raise Unavailable(UPSTREAM, f"HTTP status {reply.status}")
        except Overloaded:  # by our own doing
            raise
        except Unavailable:
            self._breaker.failed()
            raise
        self._breaker.succeeded()
        return reply

    def _exchange(self, body: bytes, deadline: float) -> Awaitable[Reply]:
        within = deadline - time.monotonic()
        if within <= 0:
            raise Unavailable(UPSTREAM, f"no answer within {DEADLINE:g} s")
        return self._upstream.exchange(
            "POST", self._target, within=within, headers=_HEADERS, data=body
        )

    async def check(self) -> list[str]:
        """Reach the API without touching a user; the app token is not sent and not proven."""
        try:
            reply = await self._exchange(b'{"op":"ping"}', time.monotonic() + DEADLINE)
        except Unavailable as error:
            return [error.detail]
        if isinstance(_json(reply.body), dict):
            return []
        return ["the server does not answer as the mesibo backend API does"]

    async def close(self) -> None:
        """Close the connections that wait."""
        await self._upstream.close()


def _token(reply: Reply) -> str:
    """The user token of a reply that is a success in every respect. Raises ``Unavailable``."""
    if not 200 <= reply.status < 300:
        raise Unavailable(UPSTREAM, f"HTTP status {reply.status}")
    answer = _json(reply.body)
    if not isinstance(answer, dict):
        raise Unavailable(UPSTREAM, "the answer is not a JSON object")
    if answer.get("result") is not True:
        word = answer.get("error")
        known = isinstance(word, str) and _ERROR_WORD.fullmatch(word)
        raise Unavailable(UPSTREAM, f"refused: {word if known else 'no reason given'}")
    user = answer.get("user")
    token = user.get("token") if isinstance(user, dict) else None
    if not isinstance(token, str) or len(token) < MIN_TOKEN:
        raise Unavailable(UPSTREAM, "success without a usable token")
    return token


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def create(config: MesiboIssuer | SandboxIssuer, meter: Meter) -> Issuer:
    """The configured issuer."""
    if isinstance(config, MesiboIssuer):
        return Mesibo(config, meter)
    log.warning(
        "SANDBOX: tokens are made up and open nothing; set issuer.type to mesibo to go live"
    )
    return Sandbox()
