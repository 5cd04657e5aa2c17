"""The trace that a request belongs to, if one is recorded, and the calls to upstreams in it.

What is told of a call comes from the configuration and the code: names, addresses, status codes.
Nothing that a person sent, no URL and no text of an error is part of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from types import TracebackType
from typing import Final, Protocol, Self, TypeAlias

Attributes: TypeAlias = Mapping[str, str | int]  # by the names of semantic conventions


class Span(Protocol):
    """Some work, timed from its making to the end of its ``with`` block."""

    @property
    def headers(self) -> Mapping[str, str]:
        """What tells the server of a request to which trace it belongs (W3C Trace Context)."""

    def set(self, attribute: str, value: str | int) -> None:
        """Tell more; attributes are called as in OpenTelemetry's semantic conventions."""

    def fail(self, kind: str) -> None:
        """Say that it came to nothing. An exception says so by itself, unless it is ``Rejected``:
        that is the person's failure.
        """

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...


class Trace(Protocol):
    """What is recorded of one request to the gateway."""

    @property
    def id(self) -> str:
        """32 hexadecimal digits."""

    def rename(self, name: str) -> None:
        """Say what kind of request it is."""

    def set(self, attribute: str, value: str | int) -> None:
        """See ``Span``."""

    def fail(self, kind: str) -> None:
        """See ``Span``."""

    def call(self, name: str, attributes: Attributes) -> Span:
        """See ``span``."""


class _Nothing:
    """A span that nobody records."""

    headers: Final[Mapping[str, str]] = {}

    def set(self, attribute: str, value: str | int) -> None:
        """See ``Span``."""

    def fail(self, kind: str) -> None:
        """See ``Span``."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        pass


_NOTHING: Final[Span] = _Nothing()

current_trace: Final[ContextVar[Trace | None]] = ContextVar("current_trace", default=None)


def span(name: str, attributes: Attributes) -> Span:
    """Begin a call to the upstream ``name``, for a ``with`` block."""
    trace = current_trace.get()
    return _NOTHING if trace is None else trace.call(name, attributes)
