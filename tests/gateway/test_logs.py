"""What each login writes goes a way of its own, and ends up as all lines do (C13)."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs

from gateway import log_lines, logs
from gateway.audit import Audit
from gateway.metrics import Metrics

LINE = {"event": "login", "outcome": "success", "ms": 1.25, "other": ValueError("text")}

Written = Callable[[], list[str]]


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Written]:
    """The lines since the last look."""
    path = tmp_path / "log"
    with path.open("wb") as file, path.open() as reading:
        monkeypatch.setattr(logs, "STANDARD_ERROR", file.fileno())
        yield lambda: reading.read().splitlines()
    log_lines.to.cache_clear()


def test_json_has_the_keys_of_every_line(written: Written) -> None:
    logs.configure("info", "json")
    logs.writer("warning")(LINE)
    structlog.get_logger().warning(**LINE)
    short, usual = (json.loads(line) for line in written())
    assert abs(datetime.now(UTC) - datetime.fromisoformat(short["time"])).total_seconds() < 60
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?\+00:00", short.pop("time"))
    usual.pop("time")
    assert short == usual == {**LINE, "level": "warning", "other": "text"}


def test_console_shows_it_as_every_line(written: Written) -> None:
    logs.configure("info", "console")
    logs.writer("info")(LINE)
    structlog.get_logger().info(**LINE)
    short, usual = (line.partition("Z ")[2] for line in written())
    assert short == usual
    assert re.match(r"\[info *\] login +.*outcome='success'", short)


@pytest.mark.parametrize("style", ["console", "json"])
def test_lines_below_the_threshold_are_not_written(written: Written, style: logs.Style) -> None:
    logs.configure("warning", style)
    logs.writer("info")(LINE)
    assert written() == []
    logs.writer("warning")(LINE)
    assert len(written()) == 1
    logs.configure("error", style)
    logs.writer("warning")(LINE)
    assert written() == []


def test_audit_follows_when_asked(written: Written) -> None:
    logs.configure("info", "json")
    audit = Audit(Metrics())
    steps: list[tuple[str, logs.Style, str | None]] = [
        ("info", "json", "{"),
        ("info", "console", "2"),
        ("warning", "json", None),
        ("info", "json", "{"),
    ]
    for level, style, start in steps:
        logs.configure(level, style)
        audit.follow_logging()
        audit.unreadable("192.0.2.1", "r")
        assert [line[0] for line in written()] == ([start] if start else [])


def test_lines_are_captured_where_nothing_is_configured() -> None:
    with capture_logs() as captured:
        logs.writer("info")(LINE)
    assert captured == [{**LINE, "log_level": "info"}]


def test_library_that_logs_nonsense_goes_on(
    written: Written, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure("info", "json")
    logging.getLogger("library").error("%d", "no number")
    logging.getLogger("library").log(35, "a level of its own")
    (line,) = written()
    assert json.loads(line)["event"] == "a level of its own"
    assert "Logging error" in capsys.readouterr().err


@pytest.mark.parametrize("style", ["console", "json"])
def test_what_libraries_log_is_one_line_without_what_was_typed(
    written: Written, style: logs.Style
) -> None:
    logs.configure("info", style)
    try:
        raise ValueError("hunter2")
    except ValueError:
        logging.getLogger("library").exception("gave up")
    (line,) = written()
    assert "gave up" in line
    assert "library" in line
    assert "ValueError" in line
    assert Path(__file__).name in line
    assert "hunter2" not in line
    assert line.startswith("{") == (style == "json")
