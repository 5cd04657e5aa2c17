"""Browsers on their way to a provider's own site and back, and the apps that send them."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, ParamSpec, TypeVar
from urllib.parse import parse_qs, urlsplit

import pytest

from gateway import challenges
from gateway.outcomes import (
    Departure,
    GoTo,
    HandedOver,
    Landed,
    Mishap,
    Outcome,
    SignedIn,
    Stranded,
)
from gateway.stores import Store, StoreUnavailable
from gateway.tickets import s256
from tests.gateway.kit import APP, BrowserScript, Kit

RETURN = "com.example.app:/signed-in"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"  # RFC 7636 appendix B
CHALLENGE = s256(VERIFIER)

P = ParamSpec("P")
T = TypeVar("T")


class Browser:
    """Keeps its cookie."""

    def __init__(self, kit: Kit, cookie: str | None = None) -> None:
        self.journeys = kit.engine.journeys
        self.cookie = cookie

    async def open(self, trip_id: str, lang: str = "") -> Departure | Stranded:
        """Open the URL of a trip."""
        gone = await self.journeys.depart(trip_id, self.cookie, lang)
        if isinstance(gone, Departure):
            self.cookie = gone.cookie
        return gone

    async def state(self, trip_id: str) -> str:
        """Go to the provider's site; return the state that it is given."""
        gone = await self.open(trip_id)
        assert isinstance(gone, Departure), gone
        return parse_qs(urlsplit(gone.url).query)["state"][0]

    async def back(self, state: str, provider: str = "site", **answer: str) -> Landed | Stranded:
        """Come back from the provider's site."""
        return await self.journeys.arrive(
            provider, {"state": state, **answer}, self.cookie, "192.0.2.1", "r"
        )

    async def there_and_back(self, trip_id: str, provider: str = "site") -> Landed | Stranded:
        """Sign in at the provider's site."""
        return await self.back(await self.state(trip_id), provider)


def given(**fields: str) -> dict[str, str]:
    """Leave out what is empty."""
    return {name: value for name, value in fields.items() if value}


async def begin(kit: Kit, provider: str = "site", app: str = APP, **fields: str) -> GoTo:
    """Begin as an app does that gives a return URL and a code challenge."""
    wish = {"return_url": RETURN, "code_challenge": CHALLENGE, **fields}
    gone = await kit.login(app=app, provider=provider, **given(**wish))
    assert isinstance(gone, GoTo), gone
    return gone


def landed(result: Landed | Stranded) -> HandedOver:
    """What a browser that has landed takes along."""
    assert isinstance(result, Landed), result
    return result.handed


def stranded(result: Departure | Landed | Stranded) -> Stranded:
    assert isinstance(result, Stranded), result
    return result


async def signed_in(kit: Kit, **fields: str) -> HandedOver:
    """Walk from the first request to the ticket."""
    return landed(await Browser(kit).there_and_back((await begin(kit, **fields)).id))


async def redeem(kit: Kit, handed: HandedOver, app: str = APP, **fields: str) -> Outcome:
    """Exchange a ticket as its app does; a field that is empty is left out."""
    told = {"otp": handed.code, "code_verifier": VERIFIER, **fields}
    return await kit.login(app=app, challenge=handed.id, **given(**told))


class Scene:
    """A trip that was begun, and the browser that left for it."""

    def __init__(self, *more: BrowserScript, **options: Any) -> None:
        self.site = BrowserScript()
        self.kit = Kit(self.site, *more, return_urls=[RETURN], **options)
        self.browser = Browser(self.kit)
        self.trip_id = ""

    async def depart(self) -> str:
        """Begin a trip and leave for the provider's site; return the state."""
        self.trip_id = (await begin(self.kit)).id
        return await self.browser.state(self.trip_id)

    def again(self, mishap: Mishap, error: str, retry_after: float | None = None) -> Stranded:
        """What a browser gets that may try once more, of a trip that is known."""
        url = f"{RETURN}?challenge={self.trip_id}&error={error}"
        return Stranded(mishap, "Example", url, f"/signin/{self.trip_id}", retry_after)

    async def retry(self) -> None:
        """See that the same trip still ends well."""
        handed = landed(await self.browser.there_and_back(self.trip_id))
        assert isinstance(await redeem(self.kit, handed), SignedIn)


@contextlib.contextmanager
def outage(
    monkeypatch: pytest.MonkeyPatch, store: Store, *steps: str, done: bool = False
) -> Iterator[None]:
    """Let steps of a store fail; ``done``: after they took place, as when the answer is lost."""
    with monkeypatch.context() as patch:
        patch.setattr(challenges, "PATIENCE", 0.0)
        for step in steps:
            patch.setattr(store, step, _failing(getattr(store, step), done))
        yield


def _failing(step: Callable[P, Awaitable[T]], done: bool) -> Callable[P, Awaitable[T]]:
    @functools.wraps(step)
    async def fail(*args: P.args, **kwargs: P.kwargs) -> T:
        if done:
            await step(*args, **kwargs)
        raise StoreUnavailable("no answer")

    return fail
