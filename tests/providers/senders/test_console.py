"""The sender that prints."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import termios
from collections.abc import Iterator
from typing import TextIO

import pytest

from config import ConfigError
from providers import Unavailable
from providers._senders.console import Console, ConsoleConfig
from tests.config.reading import document
from tests.providers.sending import MESSAGE


async def test_code_is_printed_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    await Console("console").send(MESSAGE, 1.0)
    assert capsys.readouterr().out == "code for 18005551234: 123456\n"


@pytest.fixture
def terminal() -> Iterator[tuple[int, TextIO]]:
    """A terminal, and the descriptor at which its screen is read."""
    screen, terminal = os.openpty()
    with os.fdopen(screen, "rb"), os.fdopen(terminal, "w") as stdout:
        yield screen, stdout


@pytest.fixture
def read_by_nobody() -> Iterator[TextIO]:
    """A pipe whose reader is gone."""
    reader, writer = os.pipe()
    os.close(reader)
    stdout = os.fdopen(writer, "w")
    yield stdout
    with contextlib.suppress(BrokenPipeError):
        stdout.close()


async def test_stopped_terminal_holds_nobody_up(
    terminal: tuple[int, TextIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    screen, stdout = terminal
    monkeypatch.setattr(sys, "stdout", stdout)
    termios.tcflow(stdout, termios.TCOOFF)
    with pytest.raises(Unavailable, match="nobody reads standard output"):
        await Console("console").send(MESSAGE, 0.01)
    sending = asyncio.create_task(Console("console").send(MESSAGE, 10.0))
    await asyncio.sleep(0)
    assert not sending.done()
    termios.tcflow(stdout, termios.TCOON)
    await sending
    assert os.read(screen, 100) == b"code for 18005551234: 123456\r\n"


async def test_reader_that_is_gone_is_no_delivery(
    read_by_nobody: TextIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", read_by_nobody)
    with pytest.raises(Unavailable, match="standard output: Broken pipe"):
        await Console("console").send(MESSAGE, 1.0)


async def test_nothing_is_in_its_way() -> None:
    console = Console("console")
    assert await console.check() == []
    await console.close()


@pytest.mark.parametrize(
    ("text", "production", "fine"),
    [
        ("type: console", False, True),
        ("type: console", True, False),
        ("{type: console, allow_in_production: false}", True, False),
        ("{type: console, allow_in_production: true}", True, True),
    ],
)
def test_in_production_only_on_purpose(text: str, production: bool, fine: bool) -> None:
    context = {"production": production}
    if fine:
        document(text).parse(ConsoleConfig, context=context)
        return
    with pytest.raises(ConfigError) as caught:
        document(text).parse(ConsoleConfig, context=context)
    (problem,) = caught.value.problems
    assert "codes would be printed in production" in problem.message
