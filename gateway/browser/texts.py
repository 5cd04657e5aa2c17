"""What pages say, in the language of who reads them."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import orjson

FOLDER: Final = Path(__file__).parent / "texts"
LANGUAGES: Final = ("en", "de", "fr", "es", "pt", "it", "ru", "tr", "ar", "hi", "zh", "ja")
RIGHT_TO_LEFT: Final = frozenset(("ar",))
MAX_HEADER: Final = 1024  # characters of Accept-Language that are looked at

# A language range and its weight (RFC 9110 section 12.5.4).
_RANGE: Final = re.compile(
    r"\s*([A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*)\s*(?:;\s*[qQ]=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)\s*)?"
)


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts in one language: ``texts("key", app="Example")``."""

    lang: str  # a tag of BCP 47
    by_key: Mapping[str, str]

    @property
    def dir(self) -> Literal["ltr", "rtl"]:
        """Which way the language is written."""
        return "rtl" if self.lang in RIGHT_TO_LEFT else "ltr"

    def __call__(self, key: str, /, **values: str | int) -> str:
        """Return a text with its placeholders filled; plain text, to be escaped."""
        return self.by_key[key].format(**{name: _isolated(v) for name, v in values.items()})

    def duration(self, seconds: float) -> str:
        """Return a time span for people, rounded up."""
        if seconds < 120:
            return self("seconds", n=max(1, math.ceil(seconds)))
        if seconds < 7200:
            return self("minutes", n=math.ceil(seconds / 60))
        return self("hours", n=math.ceil(seconds / 3600))


def _isolated(value: str | int) -> str:
    """Keep a name's direction of writing from turning the text around it (UAX 9)."""
    if isinstance(value, int):
        return str(value)
    return f"\N{FIRST STRONG ISOLATE}{value}\N{POP DIRECTIONAL ISOLATE}"


@functools.cache
def texts(lang: str) -> Texts:
    """Load one of ``LANGUAGES``."""
    return Texts(lang, orjson.loads((FOLDER / f"{lang}.json").read_bytes()))


def choose(asked: str, accept_language: str) -> str:
    """Return which of ``LANGUAGES`` suits best: a tag that was asked for, or what a browser says.

    Tags are matched by their language alone: there is one text for ``de``, ``de-AT``, ``de_CH``.
    """
    for tag in (asked[:MAX_HEADER].strip().replace("_", "-"), *_preferred(accept_language)):
        language = tag.partition("-")[0].lower()
        if language in LANGUAGES:
            return language
    return LANGUAGES[0]


def _preferred(accept_language: str) -> Iterator[str]:
    """Yield a browser's languages, the dearest first; what cannot be read is left out."""
    ranges = map(_RANGE.fullmatch, accept_language[:MAX_HEADER].split(","))
    weighted = [(float(match[2] or 1), match[1]) for match in ranges if match]
    weighted.sort(key=lambda pair: -pair[0])
    return (tag for weight, tag in weighted if weight > 0)
