"""Durations, sizes and limits: quantities with units."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Self

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from config.spelling import Spelled, invalid

_SECONDS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_BYTES = {"GiB": 1 << 30, "MiB": 1 << 20, "KiB": 1 << 10, "B": 1}
_PERIODS = {"day": "d", "hour": "h", "minute": "m", "second": "s"}

_DURATION = r"^[1-9][0-9]{0,8}(ms|s|m|h|d)$"
_SIZE = r"^[1-9][0-9]{0,11}(B|KiB|MiB|GiB)$"
_LIMIT = r"^[1-9][0-9]{0,8}/([1-9][0-9]{0,8}(s|m|h|d)|s|m|h|d|second|minute|hour|day)$"


def parse_duration(text: object) -> float:
    """Return seconds. Raises ``ValueError``."""
    if not isinstance(text, str) or not re.fullmatch(_DURATION, text):
        raise invalid('must be a duration such as "500ms", "30s", "5m", "2h" or "365d"')
    if text.endswith("ms"):
        return int(text[:-2]) / 1000
    return float(int(text[:-1]) * _SECONDS[text[-1]])


def spell_duration(seconds: float) -> str:
    """Return the shortest text that ``parse_duration`` reads as ``seconds``."""
    for unit, length in _SECONDS.items():
        if seconds % length == 0:
            return f"{seconds // length:.0f}{unit}"
    return f"{seconds * 1000:.0f}ms"


def parse_size(text: object) -> int:
    """Return bytes. Raises ``ValueError``."""
    match = re.fullmatch(_SIZE, text) if isinstance(text, str) else None
    if not match:
        raise invalid('must be a size such as "512B", "16KiB" or "1MiB"')
    return int(match[0].removesuffix(match[1])) * _BYTES[match[1]]


def spell_size(size: int) -> str:
    """Return the shortest text that ``parse_size`` reads as ``size``."""
    unit = next(unit for unit, factor in _BYTES.items() if size % factor == 0)
    return f"{size // _BYTES[unit]}{unit}"


Duration = Annotated[
    float,
    BeforeValidator(parse_duration),
    PlainSerializer(spell_duration, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": _DURATION}),
]
"""Seconds, more than 0; written ``500ms``, ``30s``, ``5m``, ``2h``, ``365d``."""

Size = Annotated[
    int,
    BeforeValidator(parse_size),
    PlainSerializer(spell_size, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": _SIZE}),
]
"""Bytes, more than 0; written ``512B``, ``16KiB``, ``1MiB``, ``2GiB``."""


@dataclass(frozen=True, slots=True)
class Limit(Spelled):
    """At most ``count`` events in ``seconds``; written ``5/hour``, ``20/5m``, ``3/s``."""

    count: int
    seconds: float
    label: str = field(init=False, repr=False, compare=False)  # as it is written
    period_ms: int = field(init=False, repr=False, compare=False)

    pattern: ClassVar[str] = _LIMIT

    def __post_init__(self) -> None:
        object.__setattr__(self, "label", str(self))
        object.__setattr__(self, "period_ms", int(self.seconds * 1000))

    @classmethod
    def parse(cls, text: object) -> Self:
        """Read a limit. Raises ``ValueError``."""
        if not isinstance(text, str) or not re.fullmatch(_LIMIT, text):
            raise invalid('must be a limit such as "3/s", "5/hour" or "20/5m"')
        count, _, period = text.partition("/")
        period = _PERIODS.get(period, period)
        return cls(int(count), parse_duration(period if period[:-1] else f"1{period}"))

    def __str__(self) -> str:
        period = spell_duration(self.seconds)
        words = {f"1{unit}": word for word, unit in _PERIODS.items()}
        return f"{self.count}/{words.get(period, period)}"
