"""The sender that prints."""

from __future__ import annotations

import pytest

from config import ConfigError
from providers._senders.console import Console, ConsoleConfig
from tests.config.reading import document
from tests.providers.sending import MESSAGE


async def test_code_is_printed_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    await Console("console").send(MESSAGE, 1.0)
    assert capsys.readouterr().out == "code for 18005551234: 123456\n"


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
