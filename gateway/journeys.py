"""Sign-ins at a provider's own site: out with a browser, and back with it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import structlog

from gateway import errors, trips
from gateway.apps import App, Apps
from gateway.audit import Audit, Trace
from gateway.conclusion import Proven
from gateway.desk import Desk
from gateway.errors import Refusal, TooMany
from gateway.method import Method
from gateway.outcomes import (
    Departure,
    GoTo,
    HandedOver,
    HandOver,
    Landed,
    LoginRequest,
    Mishap,
    Outcome,
    Refused,
    Stranded,
)
from gateway.return_urls import with_query
from gateway.stores import StoreUnavailable
from gateway.trips import Journey
from providers import Attempt, BrowserSignIn, Cancelled, LoginError, Unavailable

DEADLINE: Final = 25.0  # seconds: as for any login

_MISHAPS: Final = {
    errors.RATELIMIT: Mishap.LIMITED,
    errors.UNAVAILABLE: Mishap.UNAVAILABLE,
}

log = structlog.get_logger()


class Strayed(Refusal):
    """A browser that is where no honest one comes to by itself."""

    def __init__(self, mishap: Mishap, detail: str) -> None:
        super().__init__(errors.BADREQUEST, detail)
        self.mishap = mishap


@dataclass(frozen=True, slots=True)
class Way:
    """A trip, with its app and provider as the configuration has them."""

    trip_id: str
    journey: Journey
    app: App
    method: Method
    provider: BrowserSignIn

    def stranded(self, mishap: Mishap, word: str, retry_after: float | None = None) -> Stranded:
        """What a page can offer to a browser that cannot go on."""
        back = self.journey.wish.return_url
        return Stranded(
            mishap,
            app_name=self.app.name,
            return_url=back and with_query(back, challenge=self.trip_id, error=word),
            again=_path(self.trip_id),
            retry_after=retry_after,
        )


@dataclass(slots=True)
class Arrival:
    """A browser that came back, and what is known of it so far."""

    provider: str
    answer: Mapping[str, str]
    cookie: str
    request: LoginRequest
    trace: Trace = field(default_factory=Trace)
    trip_id: str | None = None  # known to be this browser's
    way: Way | None = None


class Journeys:
    """Trips as apps, browsers and providers take part in them."""

    def __init__(self, apps: Apps, desk: Desk, audit: Audit, public_url: str | None) -> None:
        self._apps = apps
        self._desk = desk
        self._audit = audit
        self._public_url = public_url

    async def begin(self, method: Method, request: LoginRequest, wish: HandOver) -> GoTo:
        """Start a trip. Raises ``LoginError``."""
        if self._public_url is None:
            raise Refusal(errors.UNAVAILABLE, "public_url is not set: no browser could come back")
        provider = method.provider.name
        trip_id = await self._desk.trips.begin(
            Journey(request.app, provider, wish), self._desk.throttle.requests(request.client)
        )
        return GoTo(provider, trip_id, f"{self._public_url}{_path(trip_id)}", trips.LIFETIME)

    async def depart(self, trip_id: str, cookie: str | None, lang: str) -> Departure | Stranded:
        """Send a browser out; each that opens the URL of a trip gets a state of its own."""
        try:
            journey = await self._desk.trips.find(trip_id)
        except StoreUnavailable as error:
            log.warning("no way to the provider's site", detail=str(error))
            return Stranded(Mishap.UNAVAILABLE, again=_path(trip_id))
        way = journey and self._way(trip_id, journey)
        if not way:
            return Stranded(Mishap.EXPIRED)
        name = way.journey.provider
        cookie = cookie if cookie and trips.is_cookie(cookie) else trips.new_cookie()
        state = self._desk.trips.depart(trip_id, name, cookie)
        trip = self._desk.trips.trip(state, self._callback(name), lang)
        try:
            async with asyncio.timeout(DEADLINE):
                with way.method.places:
                    url = await way.method.ask(way.provider.depart, trip)
        except (LoginError, TimeoutError) as error:
            detail = str(error) or f"not done within {DEADLINE:g} s"
            log.warning("no way to the provider's site", provider=name, detail=detail)
            wait = error.retry_after if isinstance(error, Unavailable) else None
            return way.stranded(Mishap.UNAVAILABLE, errors.UNAVAILABLE, wait)
        return Departure(url, cookie, way.provider.posts_back)

    async def arrive(
        self,
        provider: str,
        answer: Mapping[str, str],
        cookie: str | None,
        client: str,
        request_id: str,
    ) -> Landed | Stranded:
        """Take a browser back, with what it brings from the provider's site."""
        started = time.perf_counter()
        request = LoginRequest("", provider, None, {}, client, request_id)
        arrival = Arrival(provider, answer, cookie or "", request)
        arrival.trace.provider = provider if provider in self._apps.in_browser else ""
        outcome: Outcome = Refused(errors.UNAVAILABLE)
        self._audit.begin()
        try:
            async with asyncio.timeout(DEADLINE):
                outcome = handed = await self._arrive(arrival)
            return Landed(handed, arrival.way.app.name if arrival.way else "")
        except TimeoutError:
            arrival.trace.detail = f"not done within {DEADLINE:g} s"
            return _stranded(arrival, Mishap.UNAVAILABLE, Refusal(errors.UNAVAILABLE))
        except (LoginError, StoreUnavailable) as error:
            refusal = errors.refusal(error)
            arrival.trace.detail = str(refusal)
            outcome = Refused(refusal.word, refusal.retry_after)
            return _stranded(arrival, _mishap(error, refusal, arrival.trace), refusal)
        finally:
            self._audit.end(request, arrival.trace, outcome, time.perf_counter() - started)

    async def _arrive(self, arrival: Arrival) -> HandedOver:
        desk = self._desk
        state = arrival.answer.get("state", "")
        if arrival.provider not in self._apps.in_browser:
            raise Strayed(Mishap.MALFORMED, "no provider of that name signs in by a browser")
        arrival.trip_id = trip_id = desk.trips.bound(state, arrival.provider, arrival.cookie)
        if trip_id is None:
            mishap = Mishap.OTHER_BROWSER if state else Mishap.MALFORMED
            raise Strayed(mishap, "not the state of a sign-in of this browser at this provider")
        once = desk.trips.once(state)
        count = [*desk.throttle.requests(arrival.request.client), once]
        try:
            lease = await desk.trips.take(trip_id, count)
        except TooMany as error:
            if error.window == once:
                raise Strayed(Mishap.EXPIRED, "this browser came back already") from None
            raise
        if lease is None:
            raise Strayed(Mishap.EXPIRED, "this sign-in is over")
        # After a failure the person may try again, from the start of the trip and with a state of
        # its own.
        async with desk.challenges.used_up(lease):
            return await self._hand_over(arrival, trip_id, trips.read(lease))

    async def _hand_over(self, arrival: Arrival, trip_id: str, journey: Journey) -> HandedOver:
        arrival.request.app = journey.app_id
        arrival.way = way = self._way(trip_id, journey)
        if way is None:
            raise Strayed(Mishap.EXPIRED, "this provider is not offered any more")
        name, app, request = journey.provider, way.app, arrival.request
        arrival.trace.app = app.label
        attempt = Attempt(app.label, app.name, name, "", request.client, request.request_id)
        trip = self._desk.trips.trip(arrival.answer["state"], self._callback(name))
        with way.method.places:
            identity = await way.method.ask(way.provider.arrive, attempt, trip, arrival.answer)
        arrival.trace.identity = way.method.address(identity)  # as at the end, with the token
        proven = Proven(way.method, identity, journey.app_id)
        return await self._desk.conclusion.hand_over(proven, trip_id, journey.wish)

    def _way(self, trip_id: str, journey: Journey) -> Way | None:
        app = self._apps.find(journey.app_id)
        method = app.method(journey.provider) if app else None
        if app is None or method is None or not isinstance(method.provider, BrowserSignIn):
            return None
        return Way(trip_id, journey, app, method, method.provider)

    def _callback(self, provider: str) -> str:
        return f"{self._public_url}/callback/{provider}"


def _path(trip_id: str) -> str:
    return f"/signin/{trip_id}"


def _stranded(arrival: Arrival, mishap: Mishap, refusal: Refusal) -> Stranded:
    if arrival.way is None:
        again = _path(arrival.trip_id) if arrival.trip_id and mishap is not Mishap.EXPIRED else None
        return Stranded(mishap, again=again, retry_after=refusal.retry_after)
    return arrival.way.stranded(mishap, refusal.word, refusal.retry_after)


def _mishap(error: Exception, refusal: Refusal, trace: Trace) -> Mishap:
    """What the person is told; and, where it is more than a refusal, the audit."""
    if isinstance(error, Strayed):
        trace.action = "sequence_fail"
        return error.mishap
    if isinstance(error, Cancelled):
        trace.outcome, trace.action = "cancelled", "authn_login_cancelled"
        return Mishap.CANCELLED
    return _MISHAPS.get(refusal.word, Mishap.REFUSED)
