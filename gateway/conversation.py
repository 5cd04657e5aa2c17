"""One request in conversation with one provider: begin or resume, then issue."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Sequence

from gateway import spent_codes
from gateway.apps import App
from gateway.challenges import Lease, plain_digits
from gateway.claims import Claims
from gateway.conclusion import Proven
from gateway.desk import Desk
from gateway.errors import TooMany
from gateway.method import Method
from gateway.outcomes import CodeSent, HandedOver, LoginRequest, SignedIn
from gateway.stores import StoreUnavailable, Window
from gateway.tickets import new_id
from providers import (
    Attempt,
    CodeChallenge,
    Errand,
    Identity,
    LoginError,
    Reason,
    Receipt,
    Rejected,
    Unavailable,
    UnknownIdentity,
)


class Conversation:
    """One request with one provider of the app that admits it.

    ``passed`` collects the failures counted where an identity turned out to be unknown; they are
    taken back if a later provider signs the person in.
    """

    def __init__(
        self,
        desk: Desk,
        app: App,
        method: Method,
        identity: str,
        request: LoginRequest,
        passed: list[Window],
    ) -> None:
        self._desk = desk
        self._method = method
        self._provider = method.provider
        self._request = request
        self._fields = request.fields
        name = method.provider.name
        self._claims = Claims(desk.store, desk.throttle, name)
        self._attempt = Attempt(
            app.label,
            app.name,
            name,
            identity,
            request.client,
            request.request_id,
            self._claims.account,
        )
        self._failures = desk.throttle.failures(name, method.counted_as(identity))
        self._conversion = method.conversion(identity)
        # A request counts once, however many providers are asked.
        self._requests = () if passed else desk.throttle.requests(request.client)
        self._passed = passed

    async def go_on(self) -> CodeSent | HandedOver | SignedIn:
        """Take the step that the request asks for. Raises ``LoginError``."""
        try:
            return await self._step()
        except UnknownIdentity:
            self._passed.extend(self._claims.windows)
            raise
        except Rejected:
            raise
        except BaseException:
            await self._claims.take_back()
            raise

    def _step(self) -> Awaitable[CodeSent | HandedOver | SignedIn]:
        if not self._provider.sends_code:
            return self._prove_at_once()
        otp = self._fields.get("otp")
        return self._begin() if otp is None else self._answer(otp)

    async def _begin(self) -> CodeSent:
        result = await self._method.ask(self._provider.begin, self._attempt, self._fields)
        if isinstance(result, Identity):  # without a proof that was limited and counted
            raise Unavailable(self._provider.name, "gave an identity where it announces a code")
        await self._claims.take_back()
        return await self._send(result)

    async def _prove_at_once(self) -> HandedOver | SignedIn:
        """A failure is counted before the proof is looked at."""
        await self._claims.count(self._failures, self._requests)
        request = self._request
        spent = self._desk.spent_codes.key(request.app, self._provider.name, request.fields)
        signed_in = await self._proven_before(spent) or await self._prove(spent)
        with contextlib.suppress(StoreUnavailable):  # a failure too many: no harm to this login
            await self._desk.store.forget([*self._claims.windows, *self._passed])
        return signed_in

    async def _prove(self, spent: bytes | None) -> HandedOver | SignedIn:
        result = await self._method.ask(self._provider.begin, self._attempt, self._fields)
        if not isinstance(result, Identity):
            raise Unavailable(self._provider.name, "gave a challenge it does not announce")
        return await self._conclude(result, spent)

    async def _proven_before(self, spent: bytes | None) -> SignedIn | None:
        """The token for a code that was spent when it could not be had."""
        if spent is None:
            return None
        lease = await self._desk.spent_codes.take(spent)
        if lease is None:
            return None
        kept = spent_codes.read(lease)
        async with self._desk.challenges.used_up(lease):
            return await self._desk.conclusion.issue(kept.address, self._request.app, kept.name)

    async def _send(self, challenge: CodeChallenge) -> CodeSent:
        """Keep the challenge first, then deliver: nobody gets a code that is not known here."""
        challenges = self._desk.challenges
        key = self._challenge_key()
        unused = self._unused()
        spent = [*self._desk.throttle.budget(self._provider.name, challenge.budgets), *unused]
        try:
            started, code = await challenges.start(
                key, challenge, count=self._requests, check=self._failures, spend=spent
            )
        except TooMany as error:
            if error.window in unused:
                self._desk.metrics.withheld(self._provider.name)
            raise
        receipt = None
        if started.deliver:
            try:
                receipt = await self._deliver(challenge, code, started.turn)
            except LoginError:
                with contextlib.suppress(StoreUnavailable):
                    await challenges.withdraw(key, started, spent)
                raise
        return CodeSent(
            self._provider.name, started.resend_ms / 1000, started.expires_ms / 1000, receipt
        )

    async def _deliver(self, challenge: CodeChallenge, code: str, turn: int) -> Receipt | None:
        delivered = await self._method.ask(challenge.deliver, code, turn)
        if not isinstance(delivered, Errand):
            return delivered
        self._desk.errands.begin(self._method, delivered, self._attempt.request_id)
        return None

    def _unused(self) -> Sequence[Window]:
        """Where a message to this identity counts until a code is used."""
        if self._conversion is None:
            return ()
        return self._desk.throttle.unused(self._provider.name, self._conversion)

    def _challenge_key(self) -> bytes:
        attempt = self._attempt
        return self._desk.challenges.key(self._request.app, attempt.provider, attempt.identity)

    async def _answer(self, otp: str) -> HandedOver | SignedIn:
        challenges = self._desk.challenges
        lease = await challenges.take(
            self._challenge_key(), plain_digits(otp), count=self._requests, failures=self._failures
        )
        if lease is None:
            raise Rejected("wrong, expired or used code, or none pending", Reason.CODE)
        signed_in = await self._redeem(lease)
        forget = [*self._failures, *self._claims.windows, *self._passed]
        await challenges.finish(lease, forget=forget)
        await self._code_used()
        return signed_in

    async def _code_used(self) -> None:
        """Let further messages go to where codes are used."""
        if self._conversion is None:
            return
        earned = self._desk.throttle.earned(self._conversion)
        with contextlib.suppress(StoreUnavailable):  # some messages too few: no harm to this login
            await self._desk.store.uncount(self._unused(), by=earned)

    async def _redeem(self, lease: Lease) -> HandedOver | SignedIn:
        """From a right code to a token; whatever else fails here, the code stays good."""
        try:
            result = await self._method.ask(
                self._provider.resume, self._attempt, lease.memo, self._fields
            )
            if not isinstance(result, Identity):
                raise Unavailable(self._provider.name, "gave a challenge after a code")
            return await self._conclude(result)
        except Rejected:
            with contextlib.suppress(StoreUnavailable):
                await self._desk.challenges.refuse(lease, self._failures)
            raise
        except BaseException:
            with contextlib.suppress(StoreUnavailable):
                await self._desk.challenges.release(lease)
            raise

    def _conclude(
        self, identity: Identity, spent: bytes | None = None
    ) -> Awaitable[HandedOver | SignedIn]:
        request = self._request
        name = request.fields.get("name", "")
        proven = Proven(self._method, identity, request.app, name, spent)
        if request.hand_over is None:
            return self._desk.conclusion.sign_in(proven)
        return self._desk.conclusion.hand_over(proven, new_id(), request.hand_over)
