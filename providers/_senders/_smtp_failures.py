"""What goes wrong with a mail server.

The server's texts repeat addresses: of its answers only the codes get out of here.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from typing import Final

import aiosmtplib

THE_MAIL: Final = "the mail"  # in place of a command: what follows DATA

_ENHANCED: Final = re.compile(r"[245]\.(\d{1,3}\.\d{1,3})\b")  # RFC 3463


class Failed(Exception):
    """The mail was not handed over; the text is for the operator.

    ``again`` is whether another connection may do better.
    """

    def __init__(self, detail: str, *, again: bool = False) -> None:
        super().__init__(detail)
        self.again = again


class Disconnected(Failed):
    """The server left."""

    def __init__(self) -> None:
        super().__init__("the mail server closed the connection")


class NegativeReply(Failed):
    """The server said no to ``command``. ``subject`` is its enhanced code but for the class."""

    def __init__(self, command: str, code: int, text: str) -> None:
        enhanced = _ENHANCED.match(text)
        codes = f"{code} {enhanced[0]}" if enhanced else str(code)
        super().__init__(f"the mail server answers {codes} to {command}", again=400 <= code < 500)
        self.command = command
        self.code = code
        self.codes = codes
        self.subject = enhanced[1] if enhanced else None


@contextlib.asynccontextmanager
async def in_time(deadline: float) -> AsyncIterator[None]:
    """Raise ``Failed`` if what is done inside is not done by then, in the loop's time."""
    try:
        async with asyncio.timeout_at(deadline):
            yield
    except TimeoutError:
        raise Failed("the mail server did not answer in time") from None


@contextlib.contextmanager
def failures(command: str) -> Iterator[None]:
    """Raise ``Failed`` for whatever the connection and the library raise."""
    try:
        yield
    except aiosmtplib.SMTPResponseException as error:
        if not 200 <= error.code < 600:
            raise Failed("what answers is not a mail server") from None
        raise NegativeReply(command, error.code, error.message) from None
    except aiosmtplib.SMTPServerDisconnected:
        raise Disconnected from None
    except (aiosmtplib.SMTPException, OSError) as error:
        raise Failed(_reason(error)) from None


def _reason(error: Exception) -> str:
    cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
    match cause:
        case ssl.SSLCertVerificationError():
            return f"certificate refused: {cause.verify_message}"
        case ssl.SSLError():
            return f"no TLS ({cause.reason})"
        case socket.gaierror():
            return "the name of the mail server is not found"
        case aiosmtplib.SMTPServerDisconnected():
            return str(Disconnected())
        case TimeoutError():
            return "no connection in time"
        case _:
            return f"no connection ({type(cause).__name__})"
