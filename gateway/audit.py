"""One audit line for each login, and its metrics.

``action`` uses the words of the OWASP Logging Vocabulary. Identities are masked; codes, passwords
and tokens never come near this module.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gateway import errors, logs
from gateway.metrics import Metrics
from gateway.outcomes import CodeSent, GoTo, HandedOver, LoginRequest, Outcome, Refused, SignedIn
from providers import Receipt, current_trace

MAX_TEXT: Final = 64  # characters of anything that a client sent

_STEPS: Final = {
    SignedIn: ("success", "authn_login_success"),
    HandedOver: ("proven", "authn_login_proven"),
    CodeSent: ("challenge", "authn_login_challenge"),
    GoTo: ("challenge", "authn_login_challenge"),
}
_REFUSALS: Final = {
    errors.BADLOGIN: ("rejected", "authn_login_fail"),
    errors.BADOTP: ("rejected", "authn_login_fail"),
    errors.BADPHONE: ("rejected", "input_validation_fail"),
    errors.BADEMAIL: ("rejected", "input_validation_fail"),
    errors.RATELIMIT: ("limited", "excess_rate_limit_exceeded"),
    errors.UNAVAILABLE: ("unavailable", "sys_upstream_unavailable"),
}
_BAD_REQUEST: Final = ("bad_request", "input_validation_fail")


@dataclass(slots=True)
class Trace:
    """What is known of a login so far. ``app`` and ``provider`` are of the configuration."""

    app: str = ""
    provider: str = ""
    identity: str = ""
    detail: str = ""
    outcome: str = ""  # where a refusal has a word of its own
    action: str = ""


class Audit:
    """Writes down what became of each login."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self.follow_logging()

    def follow_logging(self) -> None:
        """Write as logging is configured now."""
        self._info = logs.writer("info")
        self._warning = logs.writer("warning")

    def begin(self) -> None:
        """A login starts."""
        self._metrics.began()

    def end(self, request: LoginRequest, trace: Trace, outcome: Outcome, seconds: float) -> None:
        """A login ended with ``outcome``."""
        word, action = _classify(outcome)
        word, action = trace.outcome or word, trace.action or action
        self._metrics.ended()
        self._metrics.login(trace.app, trace.provider, word, seconds)
        _record(request.request_id, trace, word)
        line = {
            "event": "login",
            "action": action,
            "request_id": request.request_id,
            "app": printable(request.app),
            "provider": trace.provider,
            "identity": mask(trace.identity),
            "client": request.client,
            "outcome": word,
            "ms": round(seconds * 100_000) / 100,  # cheaper than rounding to two digits
        }
        if trace.detail:
            line["detail"] = trace.detail
        if isinstance(outcome, CodeSent) and outcome.receipt is not None:
            line |= message(outcome.receipt)
        # An upstream's failure is the operator's business; a person's is everyday life.
        write = self._warning if word == "unavailable" else self._info
        write(line)

    def unreadable(self, client: str, request_id: str) -> None:
        """A request could not be read as an op."""
        outcome, action = _BAD_REQUEST
        self._metrics.login("", "", outcome, 0.0)
        _record(request_id, Trace(), outcome)
        self._info(
            {
                "event": "login",
                "action": action,
                "request_id": request_id,
                "client": client,
                "outcome": outcome,
            }
        )


def _record(request_id: str, known: Trace, outcome: str) -> None:
    """Tell it to the trace of the request, if there is one."""
    trace = current_trace.get()
    if trace is None:
        return
    trace.set("gateway.request_id", request_id)
    trace.set("gateway.outcome", outcome)
    if known.app:
        trace.set("gateway.app", known.app)
    if known.provider:
        trace.set("gateway.provider", known.provider)
    if outcome == "unavailable":
        trace.fail(outcome)


def _classify(outcome: Outcome) -> tuple[str, str]:
    if isinstance(outcome, Refused):
        return _REFUSALS.get(outcome.word, _BAD_REQUEST)
    return _STEPS[type(outcome)]


def message(receipt: Receipt) -> dict[str, str]:
    """What a line tells of a message that was sent."""
    line = {"sender": receipt.sender}
    if receipt.id is not None:
        line["message"] = printable(receipt.id)
    return line


def printable(text: str) -> str:
    """Text from outside, fit for one log line."""
    text = text[:MAX_TEXT]
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def mask(identity: str) -> str:
    """Enough of an identity to recognise one's own, not enough to contact somebody.

    ``18005551234`` becomes ``18*******34``, ``ann@example.com`` becomes ``a**@example.com``.
    """
    text = printable(identity)
    if "@" in text:
        name, _, domain = text.partition("@")
        return f"{name[:1]}{'*' * (len(name) - 1)}@{domain}"
    fifth = len(text) // 5
    start = fifth if fifth < 3 else 3
    end = len(text) - (fifth if fifth < 2 else 2)
    return f"{text[:start]}{'*' * (end - start)}{text[end:]}"
