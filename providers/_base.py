"""The one interface for every way of proving who somebody is.

A login is one conversation. ``identify`` reads who the request *says* it is, ``begin`` opens the
conversation and, after a challenge, ``resume`` goes on with it; both return an ``Identity``
(proven) or a ``Challenge`` (something the person has to do first).

Failures are three different things, and three different types::

    LoginError
    ├── Rejected          the person: wrong proof, not allowed here
    │   ├── UnknownIdentity   nobody of that name here: the next provider is asked
    │   └── Cancelled         the person turned back
    └── Unavailable       an upstream did not answer; never counts against the person
    ConfigError           the operator (config.ConfigError)

A provider never sees HTTP, never mints a token, never limits attempts and never stores anything:
the gateway does each of these once, for all providers.

What is made anew for each login is no frozen dataclass: freezing makes it three times as dear.
"""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Literal, NamedTuple, Protocol, TypedDict, TypeVar

from config import Limit, Model
from providers import _icons


class Reason(enum.Enum):
    """Why a person was refused, as far as the person may know."""

    LOGIN = "login"  # wrong or unknown user, disabled, not in a group: one reason for all
    CODE = "code"  # wrong, expired, used, none pending
    PHONE = "phone"  # not a phone number that can be reached
    EMAIL = "email"  # not an email address that can be reached


class LoginError(Exception):
    """A login that ends without an identity. Its text is for the operator's log only."""


class Rejected(LoginError):
    """The person's failure."""

    def __init__(self, detail: str, reason: Reason = Reason.LOGIN) -> None:
        super().__init__(detail)
        self.reason = reason


class UnknownIdentity(Rejected):
    """This provider does not know the person; another one may."""


class Cancelled(Rejected):
    """The person turned back at the provider's own site: nothing was tried, nothing counts."""


class Unavailable(LoginError):
    """An upstream's failure: it did not answer, or not sensibly.

    ``upstream`` is a name out of the configuration; ``retry_after`` is in seconds.
    """

    def __init__(self, upstream: str, detail: str, retry_after: float | None = None) -> None:
        super().__init__(f"{upstream}: {detail}")
        self.upstream = upstream
        self.detail = detail
        self.retry_after = retry_after


class Fields(TypedDict, total=False):
    """What a login request carries, each a non-blank string (an absent key was absent or blank).

    Nothing here is proven. ``phone`` may hold any login name: stock apps have one field only.
    """

    phone: str
    email: str
    username: str
    otp: str
    password: str
    id_token: str
    nonce: str
    access_token: str
    code: str
    code_verifier: str
    redirect_uri: str
    return_url: str
    code_challenge: str
    code_challenge_method: str
    name: str
    lang: str


async def _nothing_to_count(account: str) -> None:
    """Nobody counts outside of the gateway."""


@dataclass(slots=True)
class Attempt:
    """One try to sign in, from the first byte to the token."""

    app: str  # the app id of the configuration that admits it, ``*`` if that is any
    app_name: str  # the same for people to read, in messages
    provider: str  # the provider's name in the configuration
    identity: str  # who the request says it is, in canonical form; unproven
    client: str  # the network it comes from, as limits count it: an IPv4 address or an IPv6 /64
    request_id: str
    # To be awaited before a proof is tried on an account that has several names: failures are
    # counted for the account, too. Raises what ends the login when there were too many.
    claim: Callable[[str], Awaitable[None]] = _nothing_to_count


class Proof(NamedTuple):
    """A proof that signs somebody in once, although it goes on to be valid: a signed token."""

    id: str  # unique to it among those of all providers; a digest, if it is secret
    lifetime: float  # seconds until it is refused anyway


@dataclass(slots=True)
class Identity:
    """What a provider vouches for. Every field is proven, or left None."""

    subject: str  # stable and unique within the provider
    username: str | None = None
    email: str | None = None
    phone: str | None = None  # E.164 digits without the plus
    name: str | None = None  # for people to read
    claims: Mapping[str, Any] = field(default_factory=dict)
    proof: Proof | None = None  # to be used up; None: the proof cannot be shown a second time


class Explanation(NamedTuple):
    """What would become of somebody who signs in: for the operator alone."""

    steps: Sequence[str]  # a line each
    identity: Identity | None  # who that is, if nothing but the proof is left; None: refused


@dataclass(slots=True)
class Budget:
    """What one delivered message costs: one of each limit, counted under ``scope`` and ``key``."""

    scope: str  # "phone", "ip", "prefix" ...: names the counter, never shown to the person
    key: str
    limits: tuple[Limit, ...]


class Conversion(NamedTuple):
    """Messages to one range are worth their price while their codes are used.

    Of the messages to the range ``key``, ``min_sends`` may go unused in ``pause`` seconds; each
    code that signs somebody in allows for ``1 / min_rate`` more.
    """

    key: str
    min_sends: int
    min_rate: float  # above 0, at most 1
    pause: float


class Receipt(NamedTuple):
    """A message on its way, for the operator's questions to the vendor."""

    sender: str  # of the configuration
    id: str | None  # the vendor's name for the message


class Errand(NamedTuple):
    """A delivery that goes on after the answer, so that nobody learns from the answer, or from the
    time that it takes, whether a message goes out. Its failure stays with the operator.

    It returns None when there is nobody to send to, which must be an errand as well: too many at
    once are refused. Raises as ``CodeChallenge.deliver``.
    """

    run: Callable[[], Awaitable[Receipt | None]]


@dataclass(slots=True)
class CodeChallenge:
    """ "Type the code we sent you."

    The gateway makes the code, keeps a keyed digest of it, counts the tries and hands the code to
    ``deliver``; the provider only says how it travels. ``deliver`` takes the code and how often it
    was delivered before, so that a person who got nothing is reached another way. It returns None
    when there is nothing to send, or an ``Errand`` when the answer must not wait for it. It raises
    ``Rejected`` when the recipient is refused for good and ``Unavailable`` when nothing can have
    been delivered. A message that *may* have gone out is delivered.
    """

    deliver: Callable[[str, int], Awaitable[Receipt | Errand | None]]
    lifetime: float  # seconds, from the first delivery
    resend_after: float  # seconds; a start inside it delivers nothing
    length: int = 6  # digits
    tries: int = 5
    code: str | None = None  # a fixed code (test numbers); None: the gateway draws one
    memo: bytes = b""  # private; kept by the gateway and handed to ``resume`` untouched
    budgets: tuple[Budget, ...] = ()


Challenge = CodeChallenge


class Meter(Protocol):
    """Where providers report what they did; names and outcomes come from configuration and code."""

    def message(self, sender: str, outcome: str) -> None:
        """Count one message handed to ``sender``: accepted, ambiguous, refused or unavailable."""

    def upstream(self, upstream: str, outcome: str, seconds: float) -> None:
        """Time one call to an upstream."""


class Directory(ABC):
    """A provider that also knows people by their phone numbers and email addresses."""

    @abstractmethod
    async def member(self, field: Literal["phone", "email"], value: str) -> Identity | None:
        """Return who has this number (E.164 digits) or address and may sign in; None: nobody.

        The identity's own ``phone`` or ``email`` is where messages go. Takes as long for nobody as
        for somebody. Raises ``Unavailable``.
        """


@dataclass(frozen=True, slots=True)
class Trip:
    """One way of a browser to the provider's own site and back.

    ``nonce`` and ``verifier`` are 43 unguessable characters of base64url each, of this trip alone;
    the browser never sees the verifier.
    """

    return_url: str  # where the site sends the browser back to (OAuth 2.0: redirect_uri)
    state: str  # must come back with the browser (OAuth 2.0: state, SAML: RelayState)
    nonce: str
    verifier: str  # RFC 7636
    lang: str = ""  # the person's language, a tag of BCP 47, if it is known


class BrowserSignIn(ABC):
    """A provider that also signs people in at its own site, in their browser.

    The gateway makes each ``Trip``, binds it to one browser and ends it once.
    """

    posts_back: bool = False  # whether the site answers by a form, posted across sites

    @abstractmethod
    async def depart(self, trip: Trip) -> str:
        """Return where at the provider's site the browser goes. Raises ``Unavailable``."""

    @abstractmethod
    async def arrive(self, attempt: Attempt, trip: Trip, answer: Mapping[str, str]) -> Identity:
        """Read what the browser brought back: the parameters of a query or form, each once.

        ``attempt.identity`` is empty. Raises ``Cancelled`` and any other ``LoginError``.
        """


@dataclass(frozen=True, slots=True)
class Context:
    """What the gateway lends to its providers."""

    meter: Meter
    # Complete when the first login comes; by the providers' names.
    directories: Mapping[str, Directory] = field(default_factory=dict)
    # How many failures of one identity the gateway lets through.
    failure_limits: Sequence[Limit] = ()


C = TypeVar("C", bound=Model)


class Provider(ABC, Generic[C]):
    """A configured way to find out who somebody is.

    A module in ``providers/`` (or anywhere, named by a dotted ``type``) defines one subclass.
    """

    Config: ClassVar[type[Model]]  # the model of the provider's own ``config`` keys
    purpose: ClassVar[str]  # one line for people
    address: ClassVar[str] = "{provider}:{subject}"  # default template of the mesibo address
    asks: ClassVar[tuple[str, ...]] = ()  # fields that people type to begin; for sign-in forms
    sends_code: ClassVar[bool] = False  # whether ``otp`` in a request answers this provider
    libraries: ClassVar[tuple[str, ...]] = ()  # optional modules it cannot work without

    def __init__(self, name: str, config: C, context: Context) -> None:
        self.name = name
        self.config = config
        self.context = context

    @property
    def icon(self) -> str:
        """An SVG document, square, for people to find this provider on a page."""
        return _icons.PERSON

    @abstractmethod
    def identify(self, fields: Fields) -> str | None:
        """Return who the request says it is, canonical, or None when it lacks a needed field.

        Pure and fast: spelling variants of one identity give one string, since attempts are limited
        and challenges found by it. Raises ``Rejected`` (or ``UnknownIdentity``) for nonsense.
        """

    def counted_as(self, identity: str) -> str:
        """Return under which name failed tries on ``identity`` are counted.

        Pure. Identities of one person that are cheap to make have one name.
        """
        return identity

    def conversion(self, identity: str) -> Conversion | None:
        """Return what ties messages to ``identity`` to the use of their codes; None: nothing does.

        Pure.
        """
        return None

    @abstractmethod
    async def begin(self, attempt: Attempt, fields: Fields) -> Identity | Challenge:
        """Open the conversation. Raises ``LoginError``."""

    async def resume(self, attempt: Attempt, memo: bytes, fields: Fields) -> Identity | Challenge:
        """Go on after a challenge (a code has been checked before this). Raises ``LoginError``."""
        raise Rejected("this provider gives no challenges")

    async def open(self) -> None:
        """Get ready. Must not fail because an upstream is down: it may come back."""

    async def close(self) -> None:
        """Give back what ``open`` and the logins took."""

    async def check(self) -> list[str]:
        """Try every upstream without logging anyone in; return the problems, a line each."""
        return []

    def advice(self) -> list[str]:
        """Return what ``check`` found that should be known, though logins work."""
        return []

    def findings(self) -> list[str]:
        """Return what ``check`` saw, for information."""
        return []

    async def explain(self, name: str) -> Explanation | None:
        """Walk through the steps of whoever signs in as ``name``, but for the proof.

        None: there are no steps that could be seen without one. Raises nothing of a login.
        """
        return None

    def warnings(self) -> list[str]:
        """Return what an operator should be told at every start."""
        return []
