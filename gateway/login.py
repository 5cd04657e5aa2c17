"""The login: admit the app, route to a provider, converse, audit. Values in, values out."""

from __future__ import annotations

import time
from collections.abc import Awaitable
from typing import Final

from gateway import errors
from gateway.apps import App, Apps
from gateway.audit import Audit, Trace
from gateway.conversation import Conversation
from gateway.deadlines import Deadline
from gateway.desk import Desk
from gateway.errors import Refusal
from gateway.journeys import Journeys
from gateway.method import Method
from gateway.outcomes import LoginRequest, Outcome, Refused
from gateway.redemption import redeem
from gateway.stores import StoreUnavailable, Window
from gateway.wishes import wish
from providers import LoginError, UnknownIdentity

# Seconds: the last resort over the deadlines of store, provider and issuer. Shorter than a lease on
# a code, and than the time for draining.
DEADLINE: Final = 25.0


# With one of these a request answers a challenge or brings a proof: no sign-in in a browser begins.
PROOFS: Final = frozenset(("otp", "password", "id_token", "access_token", "code"))

_UNAVAILABLE: Final = Refused(errors.UNAVAILABLE)


class Engine:
    """Takes login requests to their outcomes."""

    def __init__(self, apps: Apps, desk: Desk, audit: Audit, public_url: str | None = None) -> None:
        self.apps = apps
        self.journeys = Journeys(apps, desk, audit, public_url)
        self._desk = desk
        self._audit = audit
        self._deadline = Deadline(DEADLINE)

    def form_token(self, cookie: str) -> str:
        """What a page of ours puts into its forms, for the browser with that cookie."""
        return self._desk.digests.secret("form", cookie)

    async def login(self, request: LoginRequest) -> Outcome:
        """Bring one request to its outcome; never raises a failure."""
        started = time.perf_counter()
        trace = Trace()
        outcome: Outcome = _UNAVAILABLE
        self._audit.begin()
        try:
            with self._deadline():
                outcome = await self._login(request, trace)
        except TimeoutError:
            trace.detail = f"not done within {self._deadline.seconds:g} s"
        except (LoginError, StoreUnavailable) as error:
            refusal = errors.refusal(error)
            trace.detail = str(refusal)
            outcome = Refused(refusal.word, refusal.retry_after)
        finally:
            self._audit.end(request, trace, outcome, time.perf_counter() - started)
        return outcome

    def _login(self, request: LoginRequest, trace: Trace) -> Awaitable[Outcome]:
        if not request.app:
            raise Refusal(errors.MISSINGAPPID)
        app = self.apps.find(request.app)
        if app is None:
            raise Refusal(errors.BADAPP)
        trace.app = app.label
        if request.challenge is not None:
            return redeem(self._desk, app, request, trace)
        redirect_uri = request.fields.get("redirect_uri")
        if redirect_uri is not None and not app.admits_return(redirect_uri):
            raise Refusal(errors.BADREQUEST, "redirect_uri is not among the app's return_urls")
        methods = app.methods
        if request.provider:
            methods = tuple(m for m in methods if m.provider.name == request.provider)
            if not methods:
                raise Refusal(errors.BADPROVIDER)
        elif "code" in request.fields and sum(method.in_browser for method in methods) > 1:
            # Whoever is asked first could redeem another one's code.
            raise Refusal(errors.BADREQUEST, "a code, and not the provider that it is of")
        return self._route(app, methods, request, trace)

    async def _route(
        self, app: App, methods: tuple[Method, ...], request: LoginRequest, trace: Trace
    ) -> Outcome:
        """Ask the providers in order; the first that knows the identity decides."""
        unknown: UnknownIdentity | None = None
        unknown_to = ""
        passed: list[Window] = []
        fields = request.fields
        for method in methods:
            trace.provider = method.provider.name
            try:
                identity = method.identify(fields)
                if identity is None:
                    if request.provider and method.in_browser and not PROOFS & fields.keys():
                        return await self.journeys.begin(method, request, wish(app, request))
                    continue
                trace.identity = identity
                conversation = Conversation(self._desk, app, method, identity, request, passed)
                with method.places:
                    return await conversation.go_on()
            except UnknownIdentity as error:
                unknown, unknown_to = error, method.provider.name
        trace.provider = unknown_to
        if unknown is not None:
            raise unknown
        raise Refusal(errors.BADREQUEST, "no provider of this app can use these fields")
