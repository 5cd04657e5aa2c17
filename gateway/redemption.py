"""From a ticket to the token: the last step of a sign-in in a browser."""

from __future__ import annotations

from gateway import errors, tickets
from gateway.apps import App
from gateway.audit import Trace
from gateway.desk import Desk
from gateway.errors import Refusal
from gateway.outcomes import LoginRequest, SignedIn
from providers import Reason, Rejected


async def redeem(desk: Desk, app: App, request: LoginRequest, trace: Trace) -> SignedIn:
    """Exchange the one-time code of a challenge. Raises ``LoginError`` and ``StoreUnavailable``."""
    code = request.fields.get("otp")
    if code is None or request.challenge is None:
        raise Refusal(errors.BADREQUEST, "a challenge without the code that ends it")
    if not tickets.is_id(request.challenge):
        raise Rejected("no challenge has such an id", Reason.CODE)
    lease = await desk.tickets.take(
        request.app,
        request.challenge,
        code,
        request.fields.get("code_verifier", ""),
        desk.throttle.requests(request.client),
    )
    if lease is None:
        raise Rejected("wrong, expired or used code or verifier, or none pending", Reason.CODE)
    ticket = tickets.read(lease)
    trace.provider, trace.identity = ticket.provider, ticket.address
    if app.method(ticket.provider) is None or request.provider not in (None, ticket.provider):
        await desk.challenges.finish(lease, forget=())
        raise Rejected("a code of another provider", Reason.CODE)
    async with desk.challenges.used_up(lease):
        return await desk.conclusion.issue(ticket.address, request.app, ticket.name)
