from __future__ import annotations

import re
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, ValidationError

from config import Duration, Limit, Model, Size
from config.quantities import parse_duration, parse_size, spell_duration, spell_size
from tests.config.reading import parse, refused

DURATION = 'must be a duration such as "500ms", "30s", "5m", "2h" or "365d"'
SIZE = 'must be a size such as "512B", "16KiB" or "1MiB"'
LIMIT = 'must be a limit such as "3/s", "5/hour" or "20/5m"'


class Quantities(Model):
    duration: Duration = 90.0
    bounded: Annotated[Duration, Field(ge=60, le=600)] = 300.0
    size: Annotated[Size, Field(le=1 << 20)] = 16_384
    limit: Limit = Limit(5, 3_600)
    limits: list[Limit] = Field(default=[Limit(20, 300)])
    maybe: Duration | None = 0.25


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1ms", 0.001),
        ("500ms", 0.5),
        ("30s", 30.0),
        ("5m", 300.0),
        ("2h", 7_200.0),
        ("365d", 31_536_000.0),
        ("999999999d", 86_399_999_913_600.0),
    ],
)
def test_duration_is_seconds(text: str, seconds: float) -> None:
    value = parse(Quantities, f"duration: {text}").duration
    assert value == seconds
    assert type(value) is float


@pytest.mark.parametrize(
    "text",
    [
        *("30", "1.5", "true", "null", "[30s]", "{s: 30}"),
        *("30 s", "30S", "1h30m", "5min", "1w", "1y", "0s", "05s", "-5s", "+5s", "1.5h"),
        *("30us", "9999999999s", '"30s\\n"', "\u0661s", "s", '""'),
    ],
)
def test_duration_refuses(text: str) -> None:
    assert refused(Quantities, f"duration: {text}") == [f"1:11: duration: {DURATION}"]


@pytest.mark.parametrize(
    ("text", "size"),
    [("1B", 1), ("512B", 512), ("16KiB", 16_384), ("1MiB", 1_048_576), ("1024KiB", 1_048_576)],
)
def test_size_is_bytes(text: str, size: int) -> None:
    value = parse(Quantities, f"size: {text}").size
    assert value == size
    assert type(value) is int


@pytest.mark.parametrize(
    "text",
    ["512", "16K", "16KB", "16kib", "16 KiB", "1.5MiB", "0B", "-1B", "016B", "KiB", "1TiB", "null"],
)
def test_size_refuses(text: str) -> None:
    assert refused(Quantities, f"size: {text}") == [f"1:7: size: {SIZE}"]


@pytest.mark.parametrize(
    ("text", "count", "seconds"),
    [
        ("5/hour", 5, 3_600.0),
        ("5/h", 5, 3_600.0),
        ("5/1h", 5, 3_600.0),
        ("20/5m", 20, 300.0),
        ("10/day", 10, 86_400.0),
        ("10/2d", 10, 172_800.0),
        ("3/s", 3, 1.0),
        ("3/second", 3, 1.0),
        ("3/30s", 3, 30.0),
        ("7/minute", 7, 60.0),
        ("7/m", 7, 60.0),
    ],
)
def test_limit_is_a_count_in_seconds(text: str, count: int, seconds: float) -> None:
    limit = parse(Quantities, f"limit: {text}").limit
    assert limit == Limit(count, seconds)
    assert type(limit.seconds) is float


@pytest.mark.parametrize(
    "text",
    [
        *("5", "5/", "/hour", "5/hours", "5/1hour", "5 / hour", "5/0m", "0/hour", "-5/hour"),
        *("5.5/hour", "5/5ms", "5/ms", "05/hour", "5/week", "5/5m/5m", "5/5", "[5/hour]", "null"),
    ],
)
def test_limit_refuses(text: str) -> None:
    assert refused(Quantities, f"limit: {text}") == [f"1:8: limit: {LIMIT}"]


@pytest.mark.parametrize(
    ("limit", "text"),
    [
        (Limit(5, 3_600.0), "5/hour"),
        (Limit(60, 300.0), "60/5m"),
        (Limit(1, 1.0), "1/second"),
        (Limit(1, 86_400.0), "1/day"),
        (Limit(1, 60.0), "1/minute"),
        (Limit(2, 90.0), "2/90s"),
    ],
)
def test_limit_spells_itself(limit: Limit, text: str) -> None:
    assert str(limit) == limit.label == text
    assert Limit.parse(text) == limit


def test_limit_is_a_value() -> None:
    with pytest.raises(AttributeError):
        Limit(5, 60.0).count = 6  # type: ignore[misc]  # the point of the test
    assert {Limit(5, 60.0), Limit(5, 60.0)} == {Limit(5, 60.0)}
    assert Quantities(limit=Limit(5, 60.0)).limit == Limit(5, 60.0)


@given(st.integers(1, 10**9 - 1), st.sampled_from(["ms", "s", "m", "h", "d"]))
def test_duration_spelled_reads_back(count: int, unit: str) -> None:
    seconds = parse_duration(f"{count}{unit}")
    assert parse_duration(spell_duration(seconds)) == seconds


@given(st.integers(1, 10**9))
def test_size_spelled_reads_back(size: int) -> None:
    assert parse_size(spell_size(size)) == size


def test_bounds_are_told_in_the_units_of_the_value() -> None:
    text = "bounded: 11m\nsize: 2MiB"
    assert refused(Quantities, text) == [
        "1:10: bounded: must be at most 10m",
        "2:7: size: must be at most 1MiB",
    ]
    assert refused(Quantities, "bounded: 30s") == ["1:10: bounded: must be at least 1m"]


def test_schema_matches_what_is_read() -> None:
    properties = Quantities.model_json_schema()["properties"]
    good = {"duration": "500ms", "size": "1KiB", "limit": "20/5m"}
    bad = {"duration": "5", "size": "1K", "limit": "5/hours"}
    for key in good:
        assert properties[key]["type"] == "string"
        assert re.search(properties[key]["pattern"], good[key])
        assert not re.search(properties[key]["pattern"], bad[key])


def test_schema_spells_defaults_as_in_yaml() -> None:
    properties = Quantities.model_json_schema()["properties"]
    defaults = {key: described["default"] for key, described in properties.items()}
    assert defaults == {
        "duration": "90s",
        "bounded": "5m",
        "size": "16KiB",
        "limit": "5/hour",
        "limits": ["20/5m"],
        "maybe": "250ms",
    }


def test_python_callers_use_the_same_spelling() -> None:
    assert Quantities.model_validate({"duration": "5m"}).duration == 300.0
    with pytest.raises(ValidationError, match="must be a duration"):
        Quantities.model_validate({"duration": 300.0})
