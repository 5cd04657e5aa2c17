"""What the senders of SMS vendors share: one HTTP exchange for each message.

A vendor's module says, without any I/O, what to ask and how to read the answer.
"""

from __future__ import annotations

import base64
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import orjson
from yarl import URL

from providers._base import Context, Unavailable
from providers._connection import Reply
from providers._http import NotSent, Upstream
from providers._senders import Ambiguous, Declined, Message

CHECK_DEADLINE: Final = 5.0  # seconds


class Request(NamedTuple):
    """One HTTP request; ``target`` is its path with its query."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""


class Vendor(ABC):
    """An SMS vendor's HTTP API below ``base_url``."""

    def __init__(self, name: str, base_url: str, context: Context) -> None:
        self.name = name
        url = URL(base_url)
        self._upstream = Upstream(name, url.origin(), context.meter)
        self.base = url.raw_path.rstrip("/")  # path that every target begins with

    @abstractmethod
    def request(self, message: Message) -> Request:
        """Return what hands ``message`` to the vendor."""

    @abstractmethod
    def read(self, reply: Reply) -> str | None:
        """Return the id of a message that the vendor accepted.

        Raises ``Refused`` if the recipient can never be reached, ``Unavailable`` for all else.
        """

    @abstractmethod
    def probe(self) -> Request | None:
        """Return what proves the credentials without sending or buying; None: nothing does."""

    def refusal(self, reply: Reply) -> str | None:
        """Return what the answer to ``probe`` tells the operator to mend, or None."""
        if reply.status in (401, 403):
            return "the vendor refuses the credentials"
        if not 200 <= reply.status < 300:
            return f"answers with HTTP status {reply.status} to a call that proves the credentials"
        return None

    async def send(self, message: Message, within: float) -> str | None:
        """Send one message; see ``Sender``."""
        method, target, headers, body = self.request(message)
        try:
            reply = await self._upstream.exchange(
                method, target, within=within, headers=headers, data=body
            )
        except NotSent:
            raise
        except Unavailable as error:
            raise Ambiguous from error
        return self.read(reply)

    def unavailable(self, reply: Reply, detail: str) -> Unavailable:
        """Make the failure of an answer that is no success.

        ``detail`` is for the operator's log: nothing of the message, nothing that the vendor wrote.
        """
        failure = Unavailable if reply.status >= 500 else Declined
        return failure(self.name, f"HTTP status {reply.status}, {detail}", reply.retry_after)

    async def check(self) -> list[str]:
        """Prove the credentials, or at least that the vendor can be reached."""
        probe = self.probe()
        method, target, headers, body = probe or Request("GET", self.base or "/", {})
        try:
            reply = await self._upstream.exchange(
                method, target, within=CHECK_DEADLINE, headers=headers, data=body
            )
        except Unavailable as error:
            return [str(error)]
        problem = self.refusal(reply) if probe else None
        return [f"{self.name}: {problem}"] if problem else []

    async def close(self) -> None:
        """Close the connections that wait."""
        await self._upstream.close()


def basic_auth(username: str, password: str) -> str:
    """Return the ``Authorization`` header of HTTP Basic authentication (RFC 7617)."""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def json_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object that an answer is; empty for anything else."""
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return answer if isinstance(answer, dict) else {}
