"""An engine in one process: scripted providers and issuer round the real store and login."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from config import Limit, Model
from gateway.addresses import AddressTemplate, rivals
from gateway.apps import App, Apps
from gateway.audit import Audit
from gateway.desk import Desk
from gateway.digests import Digests
from gateway.errands import Errands
from gateway.login import Engine
from gateway.method import Method
from gateway.metrics import Metrics
from gateway.outcomes import HandOver, LoginRequest, Outcome, Refused
from gateway.places import MOST, Places
from gateway.stores import Store
from gateway.stores.memory import MemoryStore
from gateway.throttle import Throttle
from providers import (
    Attempt,
    BrowserSignIn,
    Budget,
    CodeChallenge,
    Context,
    Conversion,
    Errand,
    Fields,
    Identity,
    Proof,
    Provider,
    Receipt,
    Trip,
    Unavailable,
)

APP = "com.example.app"
LIMITS = [Limit(5, 900)]


class NoConfig(Model):
    """No keys."""


Answer = Callable[[Attempt, Fields], Awaitable[Identity]]


class Script(Provider[NoConfig]):
    """A provider that needs ``username`` and does what it is told."""

    Config = NoConfig
    purpose = "for tests"

    def __init__(self, name: str, answer: Answer) -> None:
        super().__init__(name, NoConfig(), cast(Context, None))
        self.asked: list[str] = []
        self._answer = answer

    def identify(self, fields: Fields) -> str | None:
        return fields.get("username")

    async def begin(self, attempt: Attempt, fields: Fields) -> Identity:
        self.asked.append(attempt.identity)
        return await self._answer(attempt, fields)


class CodeScript(Provider[NoConfig]):
    """A provider that delivers codes into a list."""

    Config = NoConfig
    purpose = "for tests"
    sends_code = True

    def __init__(self, name: str = "code", **challenge: Any) -> None:
        super().__init__(name, NoConfig(), cast(Context, None))
        self.delivered: list[str] = []
        self.turns: list[int] = []
        self.receipt: Receipt | None = None
        self.errand: Errand | None = None
        self.deliver: Callable[[str], Awaitable[None]] = self._keep
        self.alias: Callable[[str], str] = lambda identity: identity
        self.guard: Callable[[str], Conversion | None] = lambda identity: None
        self.identity: Callable[[Attempt], Identity] = lambda attempt: Identity(attempt.identity)
        self._challenge = {
            "lifetime": 600.0,
            "resend_after": 60.0,
            "memo": b"memo",
            "budgets": (Budget("person", "k", (Limit(3, 3600),)),),
            **challenge,
        }

    async def _keep(self, code: str) -> None:
        self.delivered.append(code)

    def identify(self, fields: Fields) -> str | None:
        return fields.get("username")

    def counted_as(self, identity: str) -> str:
        return self.alias(identity)

    def conversion(self, identity: str) -> Conversion | None:
        return self.guard(identity)

    async def begin(self, attempt: Attempt, fields: Fields) -> CodeChallenge:
        async def deliver(code: str, turn: int) -> Receipt | Errand | None:
            self.turns.append(turn)
            await self.deliver(code)
            return self.errand or self.receipt

        return CodeChallenge(deliver=deliver, **self._challenge)

    async def resume(self, attempt: Attempt, memo: bytes, fields: Fields) -> Identity:
        assert memo == b"memo"
        return self.identity(attempt)


class BrowserScript(Provider[NoConfig], BrowserSignIn):
    """A provider with a site of its own. It takes an ``id_token``, too: whose it is, as text."""

    Config = NoConfig
    purpose = "for tests"

    def __init__(self, name: str = "site") -> None:
        super().__init__(name, NoConfig(), cast(Context, None))
        self.departed: list[Trip] = []
        self.arrived: list[tuple[Attempt, Trip, Mapping[str, str]]] = []
        self.before_departure: Callable[[], Awaitable[None]] = self._nothing
        self.before_arrival: Callable[[], Awaitable[None]] = self._nothing
        self.identity: Callable[[], Identity] = lambda: Identity("ann")
        self.proof_lifetime = 300.0

    async def _nothing(self) -> None:
        pass

    def identify(self, fields: Fields) -> str | None:
        return fields.get("id_token")

    async def begin(self, attempt: Attempt, fields: Fields) -> Identity:
        subject = attempt.identity.partition(".")[0]
        return Identity(subject, proof=Proof(attempt.identity, self.proof_lifetime))

    async def depart(self, trip: Trip) -> str:
        self.departed.append(trip)
        await self.before_departure()
        return f"https://{self.name}.example.test/authorize?state={trip.state}"

    async def arrive(self, attempt: Attempt, trip: Trip, answer: Mapping[str, str]) -> Identity:
        self.arrived.append((attempt, trip, answer))
        await self.before_arrival()
        return self.identity()


@dataclass
class FakeIssuer:
    """Counts the tokens it makes; fails when told to."""

    issued: list[tuple[str, str, str | None]] = field(default_factory=list)
    failing: bool = False
    before: Callable[[], Awaitable[None]] | None = None

    async def issue(self, address: str, app: str, name: str | None) -> str:
        if self.before is not None:
            await self.before()
        if self.failing:
            raise Unavailable("issuer", "down")
        self.issued.append((address, app, name))
        return f"token-{len(self.issued)}"

    async def check(self) -> list[str]:
        return []

    async def close(self) -> None:
        pass


def word(outcome: Outcome) -> str:
    assert isinstance(outcome, Refused), outcome
    return outcome.word


class Clock:
    """A monotonic clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Kit:
    """An engine with everything round it in reach."""

    def __init__(
        self,
        *providers: Provider[Any],
        address: str = "{provider}:{subject}",
        per_ip: Sequence[Limit] = (),
        failures: Sequence[Limit] = LIMITS,
        return_urls: Sequence[str] = (),
        public_url: str | None = "https://auth.example.test",
        app_ids: Sequence[str] = (APP,),
        store: Store | None = None,
        places: int = MOST,
    ) -> None:
        self.clock = Clock()
        self.store: Store = store or MemoryStore(clock=self.clock)
        self.issuer = FakeIssuer()
        self.metrics = Metrics()
        self.errands = Errands(spread=0.0)
        digests = Digests(b"k" * 32)
        self.desk = Desk.set_up(
            self.store,
            digests,
            Throttle(digests, per_ip, failures),
            self.issuer,
            self.metrics,
            self.errands,
        )
        templates = {p.name: AddressTemplate.parse(address, p.name) for p in providers}
        methods = tuple(
            Method(
                p, templates[p.name], Places(p.name, places), rivals(p.name, templates, frozenset())
            )
            for p in providers
        )
        urls = frozenset(return_urls)
        apps = {i: App(i, methods, name="Example", return_urls=urls) for i in app_ids}
        self.engine = Engine(Apps(apps), self.desk, Audit(self.metrics), public_url)

    async def login(
        self,
        app: str = APP,
        provider: str | None = None,
        challenge: str | None = None,
        **fields: str,
    ) -> Outcome:
        """Ask as an app does."""
        return await self._login(app, provider, challenge, fields, None)

    async def login_on_page(
        self, wish: HandOver, provider: str | None = None, **fields: str
    ) -> Outcome:
        """Ask as a page of ours does."""
        return await self._login(APP, provider, None, fields, wish)

    async def _login(
        self,
        app: str,
        provider: str | None,
        challenge: str | None,
        fields: Mapping[str, str],
        wish: HandOver | None,
    ) -> Outcome:
        asked = cast(Fields, fields)
        request = LoginRequest(app, provider, challenge, asked, "192.0.2.1", "r", wish)
        return await self.engine.login(request)
