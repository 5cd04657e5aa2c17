"""What became of every request and of every sign-in, and what that adds up to."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from bench.figures import percentile

WELL: Final = "well"
UNAVAILABLE: Final = "UNAVAILABLE"
BROKEN: Final = "broken"  # the connection ended before the answer
REFUSED: Final = "refused"  # no connection was to be had
TIMED_OUT: Final = "time-out"
SLOW: Final = 1.0  # seconds; a request that takes longer is not well


class Request(NamedTuple):
    """``first``: not a repetition of one that failed."""

    sent: float  # seconds on any clock
    seconds: float
    outcome: str  # ``WELL``, or what it failed with: one of the words above, or the gateway's word
    first: bool


class Requests:
    """All requests, as numbers in rows: there are millions of them."""

    def __init__(self) -> None:
        self._sent = array("d")
        self._seconds = array("f")
        self._outcome = array("B")
        self._first = array("B")
        self._names: list[str] = []

    def add(self, request: Request) -> None:
        if request.outcome not in self._names:
            self._names.append(request.outcome)
        self._sent.append(request.sent)
        self._seconds.append(request.seconds)
        self._outcome.append(self._names.index(request.outcome))
        self._first.append(request.first)

    def __len__(self) -> int:
        return len(self._sent)

    def __iter__(self) -> Iterator[Request]:
        rows = zip(self._sent, self._seconds, self._outcome, self._first, strict=True)
        for sent, seconds, outcome, first in rows:
            yield Request(sent, seconds, self._names[outcome], bool(first))

    def failures(self) -> Counter[str]:
        """Requests that were not answered as they should be, by kind."""
        counts = Counter(self._outcome)
        return Counter({n: counts[i] for i, n in enumerate(self._names) if n != WELL and counts[i]})

    def p99(self, begin: float, end: float) -> float | None:
        """Of the requests sent in between, answered well: seconds; None if there were none."""
        seconds = [r.seconds for r in self if begin <= r.sent < end and r.outcome == WELL]
        return percentile(seconds, 99) if seconds else None

    def ill_until(self, since: float) -> float:
        """When the last first try after ``since`` ended that failed or was slow; or ``since``."""
        ends = (
            request.sent + request.seconds
            for request in self
            if request.first and (request.outcome != WELL or request.seconds > SLOW)
        )
        return max((end for end in ends if end > since), default=since)


@dataclass(slots=True)
class SignIn:
    """One person's. ``address`` is theirs alone, None where several sign in to one account."""

    kind: str
    address: str | None
    tokens: int = 0  # that reached them
    strange: int = 0  # of these, made for somebody else
    proven: bool = False  # they had the code in hand, or what else proves who they are
    rejected: bool = False  # what they had in hand was refused as wrong
    troubled: bool = False  # one of their requests failed
    ended: float = 0.0


@dataclass(slots=True)
class Tally:
    """How sign-ins ended."""

    sign_ins: int = 0
    codes_lost: int = 0  # a right proof, and no token for it: none was made, or it was too late
    handed_out_twice: int = 0  # two tokens for one proof, or somebody else's token
    made_twice: int = 0  # two tokens at mesibo's for one proof; one at most was handed out
    answers_lost: int = 0  # the token was made, the proof used up; the answer did not arrive
    tokens_used_up: int = 0  # an ID token that was taken for used; no token had been made for it
    no_message: int = 0  # no code ever came

    @property
    def sound(self) -> bool:
        """Whether that held which must hold."""
        return not (self.codes_lost or self.handed_out_twice)


ID_TOKEN: Final = "ID token"


@dataclass(slots=True)
class Ledger:
    """Kept while the load runs. Of sign-ins without any trouble only the number is kept."""

    requests: Requests = field(default_factory=Requests)
    plain: int = 0
    eventful: list[SignIn] = field(default_factory=list)

    def close(self, sign_in: SignIn) -> None:
        """It has ended, one way or another."""
        if sign_in.troubled or sign_in.tokens != 1 or sign_in.strange:
            self.eventful.append(sign_in)
        else:
            self.plain += 1

    def in_doubt(self) -> list[str]:
        """Addresses of which has to be known how many tokens were made for them."""
        return [s.address for s in self.eventful if not s.tokens and s.address is not None]

    def last_through(self, since: float) -> float:
        """When the last person in trouble had a token; or ``since``."""
        ends = (s.ended for s in self.eventful if s.tokens and s.troubled)
        return max((end for end in ends if end > since), default=since)

    def tally(self, minted: Mapping[str, int], often: Iterable[str]) -> Tally:
        """Add up. ``minted``: of those ``in_doubt``. ``often``: got more than one."""
        tally = Tally(sign_ins=self.plain + len(self.eventful), made_twice=len([*often]))
        for sign_in in self.eventful:
            if sign_in.tokens > 1 or sign_in.strange:
                tally.handed_out_twice += 1
            elif not sign_in.tokens:
                _count_without_token(tally, sign_in, minted.get(sign_in.address or "", 0))
        return tally


def _count_without_token(tally: Tally, sign_in: SignIn, minted: int) -> None:
    if not sign_in.proven:
        tally.no_message += 1
    elif sign_in.rejected and minted:
        tally.answers_lost += 1
    elif sign_in.rejected and sign_in.kind == ID_TOKEN:
        tally.tokens_used_up += 1
    else:
        tally.codes_lost += 1
