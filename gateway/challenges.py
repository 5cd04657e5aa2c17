"""Pending challenges: codes sent and not yet typed in.

A code is drawn as a random seed and derived from it with the gateway's secret, so that the *same*
code can be sent again while the store holds only the seed and a keyed digest of the code.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import time
import unicodedata
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final

from gateway import errors
from gateway.digests import Digests, Names
from gateway.errors import Refusal, TooMany
from gateway.randomness import Randomness
from gateway.stores import Limited, Pending, Started, Store, StoreUnavailable, Window
from providers import CodeChallenge

SEED_SIZE = 8  # bytes: unique per challenge; secrecy comes from the key
LEASE_SIZE = 8  # bytes
MAX_KEPT = 1024 - SEED_SIZE  # bytes of a memo
MAX_TYPED = 64  # characters of a code that somebody typed
PATIENCE: Final = 5.0  # seconds with a store that is away
PAUSE: Final = 0.1  # seconds
# Longer than any login may take, so that a lease cannot lapse while a token is on its way.
LEASE_MS = 30_000
RECENT: Final = 256  # pairs of an app and a provider


@dataclass(slots=True)
class Lease:
    """The sole right to finish a challenge whose code was right."""

    key: bytes
    id: bytes
    memo: bytes
    taken: float  # monotonic seconds

    @property
    def lapsed(self) -> bool:
        """Whether somebody else may have got the right meanwhile."""
        return (time.monotonic() - self.taken) * 1000 >= LEASE_MS


class Challenges:
    """Codes: drawn, kept, compared and used up."""

    def __init__(self, store: Store, digests: Digests) -> None:
        self._store = store
        self._digests = digests
        self._randomness = Randomness()
        self._names = functools.lru_cache(maxsize=RECENT)(self._names_of)

    def _names_of(self, app_id: str, provider: str) -> Names:
        return self._digests.names("challenge", app_id, provider)

    def key(self, app_id: str, provider: str, identity: str) -> bytes:
        """Where a challenge is kept: a code is good for one app, provider and identity."""
        return self._names(app_id, provider).name(identity)

    async def start(
        self,
        key: bytes,
        challenge: CodeChallenge,
        *,
        count: Sequence[Window],
        check: Sequence[Window],
        spend: Sequence[Window],
    ) -> tuple[Started, str]:
        """Keep a challenge, or find the one that is pending; return it with its code.

        Raises ``TooMany``.
        """
        seed = self._randomness.take(SEED_SIZE)
        code = self._code(key, challenge, seed)
        pending = Pending(
            digest=self._digests.proof(key, code),
            tries=challenge.tries,
            lifetime_ms=int(challenge.lifetime * 1000),
            resend_ms=int(challenge.resend_after * 1000),
            memo=seed + challenge.memo,
        )
        started = await self._store.start(key, pending, count=count, check=check, spend=spend)
        if isinstance(started, Limited):
            raise TooMany(started)
        if not started.fresh:
            code = self._code(key, challenge, started.memo[:SEED_SIZE])
        return started, code

    async def keep(
        self,
        key: bytes,
        code: str,
        memo: bytes,
        *,
        lifetime: float,
        tries: int,
        count: Sequence[Window] = (),
    ) -> None:
        """Keep a challenge that is not delivered by a provider, under a key of its own.

        ``memo`` has at most ``MAX_KEPT`` bytes. Raises ``TooMany``.
        """
        lifetime_ms = int(lifetime * 1000)
        digest = self._digests.proof(key, code)
        pending = Pending(digest, tries, lifetime_ms, lifetime_ms, bytes(SEED_SIZE) + memo)
        started = await self._store.start(key, pending, count=count, check=(), spend=())
        if isinstance(started, Limited):
            raise TooMany(started)
        if not started.fresh:
            # What is there is of a step that failed later: nobody has been told its code.
            await self._store.withdraw(key, fresh=True, spent=())
            await self._store.start(key, pending, count=(), check=(), spend=())

    async def read(self, key: bytes) -> bytes | None:
        """The memo of a pending challenge."""
        memo = await self._store.read(key)
        return memo and memo[SEED_SIZE:]

    def _code(self, key: bytes, challenge: CodeChallenge, seed: bytes) -> str:
        return challenge.code or self._digests.code(key, seed, challenge.length)

    async def withdraw(self, key: bytes, started: Started, spent: Sequence[Window]) -> None:
        """Undo a start whose delivery failed."""
        await self._store.withdraw(key, fresh=started.fresh, spent=spent)

    async def take(
        self, key: bytes, code: str, *, count: Sequence[Window], failures: Sequence[Window] = ()
    ) -> Lease | None:
        """Try a code; None: it is wrong, or none is pending. Raises ``Refusal``."""
        lease = Lease(key, self._randomness.take(LEASE_SIZE), b"", time.monotonic())
        verdict = await self._store.take(
            key,
            self._digests.proof(key, code),
            lease=lease.id,
            lease_ms=LEASE_MS,
            count=count,
            failures=failures,
        )
        if isinstance(verdict, Limited):
            raise TooMany(verdict)
        if verdict.busy:
            raise Refusal(errors.UNAVAILABLE, "the same code is being used right now", 1.0)
        if not verdict.leased:
            return None
        lease.memo = verdict.memo[SEED_SIZE:]
        return lease

    @contextlib.asynccontextmanager
    async def used_up(self, lease: Lease) -> AsyncIterator[None]:
        """Use the code up after what is done with it; if that fails, leave it as it was."""
        try:
            yield
            await self.finish(lease, forget=())
        except BaseException:
            with contextlib.suppress(StoreUnavailable):
                await self.release(lease)
            raise

    async def finish(self, lease: Lease, *, forget: Sequence[Window]) -> None:
        """Use the code up. Raises ``Refusal`` if the lease was lost: nothing may be handed out.

        What the code was for has been done, and would be done twice if the code stayed good: so a
        store that does not answer is asked again for some seconds. It may be failing over.
        """
        give_up = time.monotonic() + PATIENCE
        while not lease.lapsed:
            try:
                if await self._store.finish(lease.key, lease.id, forget=forget):
                    return
                break
            except StoreUnavailable:
                if time.monotonic() >= give_up:
                    raise
                await asyncio.sleep(PAUSE)
        raise Refusal(errors.UNAVAILABLE, "the lease on the code was lost")

    async def release(self, lease: Lease) -> None:
        """Leave the code as it was: the person was right, something else failed."""
        await self._store.release(lease.key, lease.id)

    async def refuse(self, lease: Lease, failures: Sequence[Window]) -> None:
        """Let a right code cost what a wrong one does: whoever it is for may not sign in."""
        await self.release(lease)
        no_code = self._digests.proof(lease.key, "")
        await self._store.take(
            lease.key, no_code, lease=lease.id, lease_ms=LEASE_MS, count=(), failures=failures
        )


def plain_digits(typed: str) -> str:
    """A typed code without spaces and hyphens, its digits of any script as ASCII."""
    if len(typed) > MAX_TYPED or (typed.isascii() and typed.isdigit()):
        return typed
    kept = [
        str(unicodedata.decimal(character, character))
        for character in typed
        if not (character.isspace() or unicodedata.category(character) in ("Pd", "Cf"))
    ]
    return "".join(kept)
