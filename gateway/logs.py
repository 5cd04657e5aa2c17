"""Log set-up: one line per event on standard error, as JSON or for people."""

from __future__ import annotations

import asyncio
import logging
import os
import traceback
from collections.abc import Callable, MutableMapping
from datetime import UTC, datetime
from typing import Any, Final, Literal

import orjson
import structlog

from gateway import log_lines
from providers import current_trace

Style = Literal["console", "json"]

STANDARD_ERROR: Final = 2  # whatever has been put in the place of sys.stderr


def configure(level: str, style: Style) -> None:
    """Set up logging for this process."""
    threshold = _number(level)
    lines = log_lines.to(STANDARD_ERROR)
    processors: list[Any]
    if style == "json":
        processors = [_json_line]
    else:
        processors = [
            _traced,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            # Values as Python literals, so that none can pretend to be a line of its own.
            structlog.dev.ConsoleRenderer(
                colors=os.isatty(STANDARD_ERROR), repr_native_str=True, timestamp_key="time"
            ),
            _encoded,
        ]
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=lambda *_: lines,
    )
    # Libraries log to the standard logger; only what needs attention comes through.
    needs_attention = max(threshold, logging.WARNING)
    logging.basicConfig(handlers=[Handler()], level=needs_attention, force=True)


class Handler(logging.Handler):
    """What libraries log, as lines like all others."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, without the text of an exception: see ``origin``."""
        more = {"logger": record.name}
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            more |= {"error": type(error).__name__, "where": origin(error)}
        log = structlog.get_logger()
        try:
            write = log.error if record.levelno >= logging.ERROR else log.warning
            write(record.getMessage(), **more)
        except Exception:  # noqa: BLE001 - whoever logs nonsense goes on, as with all handlers
            self.handleError(record)


def gather(loop: asyncio.AbstractEventLoop | None) -> None:
    """See ``log_lines.Lines``."""
    log_lines.to(STANDARD_ERROR).gather(loop)


def writer(level: Literal["info", "warning"]) -> Callable[[dict[str, Any]], object]:
    """What writes lines of one level, ``event`` among their keys, as logging is configured now.

    Where each login has a line, that should cost little: as JSON it does not go through structlog.
    """
    configured = structlog.get_config()
    log = structlog.get_logger().bind()
    if configured["processors"] != [_json_line] or not log.is_enabled_for(_number(level)):
        through = getattr(log, level)
        return lambda line: through(**line)
    write = configured["logger_factory"]().msg
    return lambda line: write(_json_line(None, level, line))


def _json_line(_logger: object, level: str, event: MutableMapping[str, Any]) -> bytes:
    """The whole line in one step: it is written for each login."""
    line = {"time": datetime.now(UTC), "level": level, **event}
    return orjson.dumps(_traced(_logger, level, line), default=str)


def _traced(
    _logger: object, _level: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Add the trace that a line belongs to."""
    trace = current_trace.get()
    if trace is not None:
        event["trace_id"] = trace.id
    return event


def _encoded(_logger: object, _level: str, line: str) -> bytes:
    return line.encode(errors="backslashreplace")


def _number(level: str) -> int:
    return logging.getLevelNamesMapping()[level.upper()]


def origin(error: BaseException) -> str:
    """The line that raised ``error``.

    It is logged in place of an exception's text, which may repeat what a person typed.
    """
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "nowhere"
