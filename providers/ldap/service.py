"""The service account: it searches, and must not be locked out by a password that has changed."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Final

import structlog

from providers._base import Rejected, Unavailable
from providers.ldap import answers, client
from providers.ldap.client import Bound, Connection, Server
from providers.ldap.searching import BUSY, ServerBusy
from providers.ldap.settings import LdapConfig

# Seconds without a bind after the directory refused one. It may count them, so each one in a row
# doubles the pause.
FIRST_PAUSE: Final = 30.0
LONGEST_PAUSE: Final = 480.0

log = structlog.get_logger()


class ServiceRefused(Unavailable):
    """The directory refuses the service account."""


class ServiceAccount:
    """``bind_dn``, or nobody: then searches are anonymous. One for all servers of a directory."""

    def __init__(self, name: str, config: LdapConfig) -> None:
        self._name = name
        self._dn = config.bind_dn
        self._password = config.bind_password
        self._pause = FIRST_PAUSE
        self._not_before = 0.0
        self._why = ""
        self._quiet = False

    @contextlib.contextmanager
    def quietly(self) -> Iterator[None]:
        """Log no refusal: whoever asks tells of it."""
        self._quiet = True
        try:
            yield
        finally:
            self._quiet = False

    def require(self) -> None:
        """Raise ``ServiceRefused`` while no bind should be tried."""
        wait = self._not_before - time.monotonic()
        if wait > 0:
            raise ServiceRefused(self._name, self._why, wait)

    async def bind(self, connection: Connection, server: Server, within: float) -> None:
        """Bind, if there is an account. Raises ``ServiceRefused``, ``ServerBusy``,
        ``ConnectionFailed``.
        """
        self.require()
        if self._dn is None or self._password is None:
            return
        bound = await connection.bind(self._dn, self._password.get_secret_value(), within)
        if bound.code in BUSY:
            raise ServerBusy
        try:
            answers.judge(bound, self._name)
        except Rejected as refused:
            self._refused(_advised(server, bound, str(refused)))
        except Unavailable as refused:
            self._refused(_advised(server, bound, refused.detail))
        self._pause = FIRST_PAUSE

    def _refused(self, why: str) -> None:
        self.require()  # several binds of one moment are one refusal
        self._why = why
        if not self._quiet:
            log.error("service account refused", provider=self._name, detail=why)
        self._not_before = time.monotonic() + self._pause
        self._pause = min(self._pause * 2, LONGEST_PAUSE)
        self.require()


def _advised(server: Server, bound: Bound, detail: str) -> str:
    if bound.code in (client.STRONGER_AUTH_REQUIRED, client.CONFIDENTIALITY_REQUIRED):
        return f"{server.url}: {detail}; use ldaps:// or tls.start_tls: true"
    hint = "correct bind_dn or bind_password"
    return f"{server.url} refuses bind_dn and bind_password: {detail}; {hint}"
