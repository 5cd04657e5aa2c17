"""A trace that keeps what it is told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Final, Self

from providers import Attributes, Span, current_trace


class Recorded:
    """See ``Span``."""

    headers: Final[Mapping[str, str]] = {"traceparent": "00-of-this-span-01"}

    def __init__(self, name: str, attributes: Attributes) -> None:
        self.name = name
        self.attributes = dict(attributes)
        self.failed = ""
        self.raised: type[BaseException] | None = None
        self.ended = False

    def set(self, attribute: str, value: str | int) -> None:
        self.attributes[attribute] = value

    def fail(self, kind: str) -> None:
        self.failed = kind

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.raised = kind
        self.ended = True


class Recorder:
    """See ``Trace``."""

    id = "0" * 32

    def __init__(self) -> None:
        self.spans: list[Recorded] = []

    def rename(self, name: str) -> None: ...

    def set(self, attribute: str, value: str | int) -> None: ...

    def fail(self, kind: str) -> None: ...

    def call(self, name: str, attributes: Attributes) -> Span:
        self.spans.append(Recorded(name, attributes))
        return self.spans[-1]


@contextmanager
def recorded() -> Iterator[list[Recorded]]:
    """Record what is done meanwhile."""
    recorder = Recorder()
    token = current_trace.set(recorder)
    try:
        yield recorder.spans
    finally:
        current_trace.reset(token)
    assert all(span.ended for span in recorder.spans)
