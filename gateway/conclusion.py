"""What follows a proof, whichever way it came: written once, for all providers."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, NamedTuple, TypeVar

from gateway.issuer import Issuer
from gateway.method import Method
from gateway.outcomes import HandedOver, HandOver, SignedIn
from gateway.spent_codes import Kept, SpentCodes
from gateway.stores import Store, StoreUnavailable
from gateway.throttle import Throttle
from gateway.tickets import Ticket, Tickets
from providers import Identity, Proof, Rejected

MAX_NAME: Final = 64  # characters of a display name
MAX_PROOF_LIFETIME: Final = 30 * 86_400.0  # seconds: who used which proof is remembered so long
# Not printable by themselves, but Persian and Indic spelling and many emoji need them.
JOINERS: Final = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"
_INVISIBLE: Final = f" {JOINERS}"

T = TypeVar("T")


class Proven(NamedTuple):
    """Somebody who proved who they are."""

    method: Method  # by which
    identity: Identity
    app_id: str  # to which app
    typed_name: str = ""  # how they call themselves, for want of a better name
    spent: bytes | None = None  # see ``SpentCodes.key``


class Conclusion:
    """From a proven identity to a token, or to a ticket for one."""

    def __init__(
        self,
        store: Store,
        throttle: Throttle,
        issuer: Issuer,
        tickets: Tickets,
        spent_codes: SpentCodes,
    ) -> None:
        self._store = store
        self._throttle = throttle
        self._issuer = issuer
        self._tickets = tickets
        self._spent_codes = spent_codes

    def sign_in(self, proven: Proven) -> Awaitable[SignedIn]:
        """Hand out the token. Raises ``LoginError`` and ``StoreUnavailable``, as do all here."""
        return self._once(proven, partial(self._issue_or_keep, proven))

    def hand_over(self, proven: Proven, challenge: str, wish: HandOver) -> Awaitable[HandedOver]:
        """Leave a ticket for the token under the id ``challenge``."""
        provider = proven.method.provider.name
        return self._once(
            proven,
            lambda address, name: self._tickets.make(
                proven.app_id, challenge, Ticket(address, name, provider), wish
            ),
        )

    async def _issue_or_keep(self, proven: Proven, address: str, name: str | None) -> SignedIn:
        try:
            return await self.issue(address, proven.app_id, name)
        except BaseException:
            if proven.spent is not None:
                with contextlib.suppress(StoreUnavailable):
                    await self._spent_codes.keep(proven.spent, Kept(address, name))
            raise

    async def issue(self, address: str, app_id: str, name: str | None) -> SignedIn:
        """Get the token. No other line of the gateway does."""
        token = await self._issuer.issue(address, app_id, name)
        return SignedIn(token, address, name)

    def _once(
        self, proven: Proven, finish: Callable[[str, str | None], Awaitable[T]]
    ) -> Awaitable[T]:
        """See that a proof which could be shown again signs in once."""
        address = proven.method.address(proven.identity)
        name = _display_name(proven.identity.name or "") or _display_name(proven.typed_name)
        proof = proven.identity.proof
        if proof is None:
            return finish(address, name)
        return self._use_up(proof, partial(finish, address, name))

    async def _use_up(self, proof: Proof, finish: Callable[[], Awaitable[T]]) -> T:
        if not proof.lifetime <= MAX_PROOF_LIFETIME:  # so written, since it may be NaN
            raise Rejected("this proof is valid for too long to be remembered as used")
        used = self._throttle.once(proof)
        if await self._store.count(used):
            raise Rejected("this proof has signed somebody in already")
        try:
            return await finish()
        except BaseException:
            # The person was right, something else failed.
            with contextlib.suppress(StoreUnavailable):
                await self._store.uncount(used)
            raise


def _display_name(text: str) -> str | None:
    """A name from a provider or the person: for people to read, so one printable line."""
    if not text.isprintable():
        text = "".join(c for c in text if c.isprintable() or c in JOINERS)
    return text.strip(_INVISIBLE)[:MAX_NAME] or None
