"""The login: admit the app, route to a provider, converse, audit. Values in, values out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from gateway import errors
from gateway.audit import Audit, Trace
from gateway.conversation import Conversation, Desk
from gateway.errors import Refusal
from gateway.method import Method
from gateway.outcomes import LoginRequest, Outcome, Refused
from gateway.stores import StoreUnavailable, Window
from providers import LoginError, UnknownIdentity

# Seconds: the last resort over the deadlines of store, provider and issuer. Shorter than a lease on
# a code, and than the time for draining.
DEADLINE: Final = 25.0


@dataclass(frozen=True, slots=True)
class App:
    """An app id (or ``*``) of the configuration."""

    label: str
    methods: tuple[Method, ...]
    name: str = ""  # for people
    result: Literal["auto", "string", "boolean"] = "auto"
    extras: Mapping[str, Any] = field(default_factory=dict)  # urls, share, invite


class Engine:
    """Takes login requests to their outcomes."""

    def __init__(self, apps: Mapping[str, App], desk: Desk, audit: Audit) -> None:
        self._apps = apps
        self._desk = desk
        self._audit = audit

    def app(self, app_id: str) -> App | None:
        """The configured app that admits ``app_id``."""
        return self._apps.get(app_id) or self._apps.get("*")

    async def login(self, request: LoginRequest) -> Outcome:
        """Bring one request to its outcome; never raises a failure."""
        started = time.perf_counter()
        trace = Trace()
        outcome: Outcome = Refused(errors.UNAVAILABLE)
        self._audit.begin()
        try:
            async with asyncio.timeout(DEADLINE):
                outcome = await self._login(request, trace)
        except TimeoutError:
            trace.detail = f"not done within {DEADLINE:g} s"
        except (LoginError, StoreUnavailable) as error:
            refusal = errors.refusal(error)
            trace.detail = str(refusal)
            outcome = Refused(refusal.word, refusal.retry_after)
        finally:
            self._audit.end(request, trace, outcome, time.perf_counter() - started)
        return outcome

    async def _login(self, request: LoginRequest, trace: Trace) -> Outcome:
        if not request.app:
            raise Refusal(errors.MISSINGAPPID)
        app = self.app(request.app)
        if app is None:
            raise Refusal(errors.BADAPP)
        trace.app = app.label
        methods = app.methods
        if request.provider:
            methods = tuple(m for m in methods if m.provider.name == request.provider)
            if not methods:
                raise Refusal(errors.BADPROVIDER)
        return await self._route(app, methods, request, trace)

    async def _route(
        self, app: App, methods: tuple[Method, ...], request: LoginRequest, trace: Trace
    ) -> Outcome:
        """Ask the providers in order; the first that knows the identity decides."""
        unknown: UnknownIdentity | None = None
        unknown_to = ""
        passed: list[Window] = []
        for method in methods:
            trace.provider = method.provider.name
            try:
                identity = method.identify(request.fields)
                if identity is None:
                    continue
                trace.identity = identity
                conversation = Conversation(
                    self._desk, method, identity, request, app.label, app.name, passed
                )
                return await conversation.go_on()
            except UnknownIdentity as error:
                unknown, unknown_to = error, method.provider.name
        trace.provider = unknown_to
        if unknown is not None:
            raise unknown
        raise Refusal(errors.BADREQUEST, "no provider of this app can use these fields")
