"""What a mail server for tests keeps, and how it is told to fail."""

from __future__ import annotations

import enum
import threading
from collections.abc import Callable
from typing import Final, NamedTuple

CONNECT: Final = "connect"  # in place of the greeting
END: Final = "."  # after the mail


class Fault(enum.Enum):
    """What a server does instead of an answer."""

    HANG = "says nothing more"
    DROP = "resets the connection"


class Command(NamedTuple):
    """A line of the client's, as it arrived."""

    connection: int  # counted from 1
    verb: str
    argument: str
    tls: bool


class ReceivedMail(NamedTuple):
    """A mail that the server took, also where nobody was told."""

    connection: int
    sender: str
    recipients: list[str]
    data: bytes
    tls: bool
    user: str | None


class _Failure(NamedTuple):
    stage: str
    what: str | float | Fault
    to: str | None  # part of the command's argument


class SmtpRecord:
    """Shared by the threads of server and test; to be steered by plain synchronous calls."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._failures: list[tuple[_Failure, int | None]] = []
        self._commands: list[Command] = []
        self._mails: list[ReceivedMail] = []
        self.connections = 0
        self.open = 0
        self.most_open = 0
        self.faltering = 0  # connections on which a fault holds

    # -- failing

    def fail(
        self,
        stage: str,
        what: str | float | Fault,
        times: int | None = None,
        to: str | None = None,
    ) -> None:
        """Fail the next ``times`` commands of this verb (None: all until ``ok``).

        ``stage`` may also be ``CONNECT`` or ``END``. ``what`` is an answer (after 421 the server
        leaves), seconds of delay before the sound answer, or a fault. With ``to``, only commands
        that hold this text are meant.
        """
        with self._changed:
            self._failures.insert(0, (_Failure(stage, what, to), times))

    def ok(self) -> None:
        """Be sound again."""
        with self._changed:
            self._failures.clear()

    def take(self, stage: str, argument: str) -> str | float | Fault | None:
        """Return how this command fails, if it does."""
        with self._changed:
            for index, (failure, times) in enumerate(self._failures):
                if failure.stage == stage and (failure.to is None or failure.to in argument):
                    if times is not None:
                        self._failures[index : index + 1] = (
                            [(failure, times - 1)] if times > 1 else []
                        )
                    return failure.what
        return None

    # -- the record

    @property
    def commands(self) -> list[Command]:
        with self._changed:
            return list(self._commands)

    @property
    def mails(self) -> list[ReceivedMail]:
        with self._changed:
            return list(self._mails)

    def count(self, verb: str) -> int:
        """Return how often a command came."""
        return sum(command.verb == verb for command in self.commands)

    def wait(self, reached: Callable[[], object], what: str, timeout: float = 5.0) -> None:
        """Wait until ``reached``, asked again after each change, is true.

        Blocks: on the loop of a test, ``await asyncio.to_thread(server.wait, ...)``.
        """
        with self._changed:
            if not self._changed.wait_for(reached, timeout):
                raise TimeoutError(f"no {what} within {timeout} s; commands: {self._commands}")

    def note(self, entry: Command | ReceivedMail) -> None:
        with self._changed:
            if isinstance(entry, Command):
                self._commands.append(entry)
            else:
                self._mails.append(entry)
            self._changed.notify_all()

    def falter(self, change: int) -> None:
        with self._changed:
            self.faltering += change
            self._changed.notify_all()

    def opened(self) -> int:
        """Return the number of a new connection."""
        with self._changed:
            self.connections += 1
            self.open += 1
            self.most_open = max(self.most_open, self.open)
            self._changed.notify_all()
            return self.connections

    def closed(self) -> None:
        with self._changed:
            self.open -= 1
            self._changed.notify_all()
