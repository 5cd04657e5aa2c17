from __future__ import annotations

import pytest

from config import ConfigError, Problem


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ((), "g.yaml:3:7: broken"),
        (("tls",), "g.yaml:3:7: tls: broken"),
        (
            ("providers", "sms", "senders", 0, "type"),
            "g.yaml:3:7: providers.sms.senders.0.type: broken",
        ),
        (("a\nb",), 'g.yaml:3:7: "a\\nb": broken'),
        (("a\x1b[2J",), 'g.yaml:3:7: "a\\u001b[2J": broken'),
        (("",), 'g.yaml:3:7: "": broken'),
        (("k" * 65,), f"g.yaml:3:7: {'k' * 64}…: broken"),
    ],
)
def test_problem_is_one_line_with_place_and_path(path: tuple[str | int, ...], line: str) -> None:
    assert str(Problem("g.yaml", 3, 7, path, "broken")) == line


def test_error_lists_problems_in_file_order() -> None:
    later = Problem("g.yaml", 10, 1, (), "later")
    sooner = Problem("g.yaml", 9, 2, (), "sooner")
    first = Problem("g.yaml", 9, 1, (), "first")
    error = ConfigError([later, sooner, first])
    assert error.problems == [first, sooner, later]
    assert str(error) == "g.yaml:9:1: first\ng.yaml:9:2: sooner\ng.yaml:10:1: later"
